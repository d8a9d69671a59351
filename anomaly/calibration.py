"""From scores to decisions with a known error rate.

Conformal p-values compare a score with those of trusted users (Vovk, Gammerman and Shafer 2005; for outliers Bates,
Candès, Lei, Romano and Sesia, Annals of Statistics 2023); channels are combined by a weighted Bonferroni rule; the
Benjamini-Hochberg procedure (1995), with Storey's estimate of how many are honest, holds the expected share of false
flags at a set rate, for conformal p-values as well (Bates et al.).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc, ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anomaly.types import Bools, Floats, Ints

# Most of the error rate goes to the channel that tells attackers better. Measured over four mixtures with 15 % planted:
# weights of 0.5, 0.8 and 0.95 find 364, 366 and 366 of 368 attackers, and flag 26, 38 and 44 honest users.
CATALOGUE_WEIGHT = 0.8
HALF = 0.5  # Storey's lambda, where the median of honest p-values is; other numbers would not fit `shift_of`
HONEST_AT_LEAST = 0.6  # of the tested users: more attackers than others could not be told from a change of all
CHANCE = 0.05  # of as many attackers if no more users are honest than `HONEST_AT_LEAST`: below it, they are too many
# A tail of thirty users is the least that bears a fit.
TAIL_SHARE, FEWEST_FOR_TAIL, TAIL_CAUTION = 0.10, 300, 2.0


def conformal_p_values(reference: Floats | Ints | Bools, scores: Floats | Ints | Bools) -> Floats:
    """p = (1 + #{reference >= score}) / (n + 1) for each score; higher scores are more anomalous.

    Raises:
        ValueError: an empty reference, which can calibrate nothing.
    """
    if len(reference) == 0:
        raise ValueError("reference must hold at least one score: nothing calibrates p-values without it")
    ordered = np.sort(reference)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return (1.0 + at_least) / (len(ordered) + 1.0)


def p_values(reference: Floats, scores: Floats) -> Floats:
    """Conformal p-values, and beyond the reference's own reach what its tail makes likely.

    Conformal p-values end at 1 / (n + 1), so that at least m / (q (n + 1)) discoveries among m tested users are needed
    for any. Past the reference's upper tenth a generalised Pareto tail (Pickands 1975; probability-weighted moments,
    Hosking and Wallis 1987) goes on; it is believed only when twice its probability is still the smaller.
    """
    conformal = conformal_p_values(reference, scores)
    if len(reference) < FEWEST_FOR_TAIL:
        return conformal
    return np.minimum(conformal, TAIL_CAUTION * _tail_probability(np.sort(reference), scores))


def _tail_probability(ordered: Floats, scores: Floats) -> Floats:
    n_tail = int(TAIL_SHARE * len(ordered))
    threshold = ordered[-n_tail - 1]
    excess = ordered[-n_tail:] - threshold
    mean = float(excess.mean())
    # Hosking and Wallis's plotting positions.
    weighted = float(np.mean(excess * (1 - (np.arange(1, n_tail + 1) - 0.35) / n_tail)))
    # Never lighter than exponential: a bounded tail would call everything past its end impossible. Nor heavier than one
    # half, from which on these moments have no variance.
    shape = float(np.clip(2 - mean / (mean - 2 * weighted + 1e-12), 0.0, 0.5))
    beyond = np.maximum(scores - threshold, 0.0) / (mean * (1 - shape) + 1e-12)
    tail = np.exp(-beyond) if shape < 1e-3 else (1 + shape * beyond) ** (-1 / shape)
    return np.where(scores > threshold, tail * (n_tail + 1) / (len(ordered) + 1), 1.0)


def among_their_like(channels: Sequence[Floats], weights: Sequence[float], rate: float) -> Floats:
    """One p-value for each tested user, from those of channels against trusted users, who may be of another time.

    Users of later years rate otherwise, and all of them look suspicious to a test against earlier ones. So the null
    distribution of each channel is moved until as many lie above one half as if all but the attackers were honest (an
    empirical null, as in Efron: Large-Scale Simultaneous Hypothesis Testing, JASA 2004, but for its spread, which
    measured is as it was). Attackers are taken for as many as `HONEST_AT_LEAST` leaves; then, where that finds fewer at
    the false discovery `rate`, for twice as many as are found.
    """
    bold = weighted_bonferroni([moved(p_values, HONEST_AT_LEAST) for p_values in channels], weights)
    found = float((q_values(bold) <= rate).mean()) if len(bold) else 0.0
    honest = max(HONEST_AT_LEAST, 1 - 2 * found)
    return weighted_bonferroni([moved(p_values, honest) for p_values in channels], weights)


def moved(p_values: Floats, honest: float) -> Floats:
    """The p-values after the least shift of a normal deviate, upwards, with which that share of them may be honest."""
    shift = shift_of(p_values, honest)
    return p_values if shift == 0 else np.asarray(ndtr(ndtri(p_values) + shift))


def shift_of(p_values: Floats, honest: float) -> float:
    """By how many standard deviations a share of the tested, the honest, is more suspicious than the trusted; or 0."""
    above = (0.5 + (p_values > HALF).sum()) / max(len(p_values), 1)  # half a user more: no shift is without end
    return max(0.0, -float(ndtri(min(above / honest, HALF))))


def weighted_bonferroni(p_values: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """min over channels of p / weight, at most 1: valid however the channels hang together.

    Raises:
        ValueError: weights that do not sum to 1 or are not positive.
    """
    if min(weights) <= 0 or abs(sum(weights) - 1) > 1e-9:
        raise ValueError(f"weights must be positive and sum to 1; got {list(weights)}")
    shares = [p / weight for p, weight in zip(p_values, weights, strict=True)]
    return np.minimum(np.minimum.reduce(shares), 1.0)


def benjamini_hochberg(p_values: Floats) -> Floats:
    """q-values: the lowest false discovery rate at which each p-value would be a discovery; NaN stays NaN."""
    q_values = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    ranked = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    q_values[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return q_values


def q_values(p_values: Floats) -> Floats:
    """Benjamini-Hochberg's q-values times the share of the tested who are honest, as these p-values tell it.

    Where a part of the tested are flagged, the rate would else be kept lower than was asked for, at the cost of power.
    """
    return benjamini_hochberg(p_values) * honest_share(p_values[~np.isnan(p_values)])


def are_too_many(q_values: Floats, rate: float) -> bool:
    """Whether more of the tested would be discovered than attackers are taken to be. NaN: not tested."""
    tested = int((~np.isnan(q_values)).sum())
    attackers = round((1 - rate) * int((q_values <= rate).sum()))
    return attackers > 0 and bool(bdtrc(attackers - 1, tested, 1 - HONEST_AT_LEAST) < CHANCE)


def q_values_of_rules(trusted: Ints | Bools, tested: Ints | Bools) -> Floats:
    """Of each of the tested, the false discovery rate if all who break as strict a rule are flagged.

    trusted, tested: how strict a rule each user breaks, 0 for none (or only whether). Benjamini and Hochberg's
    procedure over conformal p-values, which may be of anything that orders users and was not chosen by them.
    """
    return benjamini_hochberg(conformal_p_values(trusted, tested)) if len(tested) else np.zeros(0)


def honest_share(p_values: Floats) -> float:
    """Storey's estimate (with Taylor and Siegmund, JRSS B 2004): half of the honest have p-values above one half.

    At least `HONEST_AT_LEAST`, as all else here takes it.
    """
    share = float(1 + (p_values > HALF).sum()) / (max(len(p_values), 1) * (1 - HALF))
    return min(1.0, max(HONEST_AT_LEAST, share))
