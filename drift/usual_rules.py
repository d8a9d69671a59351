"""The usual drift rules, on binned values, to stand beside the drift report in its evaluation.

All take ratings as independent rows, as the tools do that offer them. Each is a function from the counts of a
feature's distinct values in both windows, in order of value, to whether it calls drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import chdtrc, kolmogorov, ndtr, rel_entr

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

LEVEL: Final = 0.05  # of each test, on each feature
PSI_BINS: Final = 10  # quantiles of the reference, as is usual in credit scoring, where PSI comes from
PSI_EMPTY: Final = 1e-4  # the share given to an empty bin
EVIDENTLY_THRESHOLD: Final = 0.1  # of both its distances, by default, above 1 000 rows
EVIDENTLY_CATEGORIES: Final = 5  # numbers with no more distinct values are categories to it


def kolmogorov_smirnov(reference: Counts, current: Counts, _values: Counts) -> bool:
    """Two samples, asymptotic p-value (as scipy.stats.ks_2samp with method 'asymp' for large samples)."""
    distance = np.abs(np.cumsum(_shares(reference) - _shares(current))).max()
    return float(kolmogorov(distance * np.sqrt(_effective(reference, current)))) < LEVEL


def chi_square(reference: Counts, current: Counts, _values: Counts) -> bool:
    """Homogeneity of the two rows of counts."""
    table = np.stack([reference, current])[:, reference + current > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    return float(chdtrc(max(1, table.shape[1] - 1), statistic)) < LEVEL


def t_test(reference: Counts, current: Counts, values: Counts) -> bool:
    """Equal means, unequal variances; normal, since windows hold thousands of ratings."""
    means, variances = zip(*(_moments(counts, values) for counts in (reference, current)), strict=True)
    error = np.sqrt(variances[0] / reference.sum() + variances[1] / current.sum())
    return bool(error > 0 and 2 * ndtr(-abs(means[1] - means[0]) / error) < LEVEL)


def psi_above(threshold: float) -> Callable[[Counts, Counts, Counts], bool]:
    """The population stability index over quantile bins of the reference, against a rule of thumb."""

    def rule(reference: Counts, current: Counts, _values: Counts) -> bool:
        before = np.cumsum(_shares(reference)) - _shares(reference) / 2
        bins = np.minimum((before * PSI_BINS).astype(int), PSI_BINS - 1)
        p, q = (np.bincount(bins, _shares(counts), PSI_BINS) for counts in (reference, current))
        p, q = np.maximum(p, PSI_EMPTY), np.maximum(q, PSI_EMPTY)
        return float(((q - p) * np.log(q / p)).sum()) > threshold

    return rule


def evidently_default(reference: Counts, current: Counts, values: Counts) -> bool:
    """Evidently's default above 1 000 rows: Wasserstein over the reference's spread, or Jensen-Shannon."""
    p, q = _shares(reference), _shares(current)
    if (reference > 0).sum() <= EVIDENTLY_CATEGORIES:
        middle = (p + q) / 2
        divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum() / 2
        return float(np.sqrt(max(0.0, divergence) / np.log(2))) >= EVIDENTLY_THRESHOLD
    distance = (np.abs(np.cumsum(p - q))[:-1] * np.diff(values)).sum()
    spread = np.sqrt(_moments(reference, values)[1])
    return float(distance / max(spread, 0.001)) >= EVIDENTLY_THRESHOLD


RULES: Final[dict[str, Callable[[Counts, Counts, Counts], bool]]] = {
    "KS": kolmogorov_smirnov,
    "chi-square": chi_square,
    "t-test": t_test,
    "PSI 0.1": psi_above(0.1),
    "PSI 0.2": psi_above(0.2),
    "Evidently default": evidently_default,
}


def _shares(counts: Counts) -> Counts:
    return counts / max(1.0, counts.sum())


def _effective(reference: Counts, current: Counts) -> float:
    n, m = reference.sum(), current.sum()
    return float(n * m / max(1.0, n + m))


def _moments(counts: Counts, values: Counts) -> tuple[float, float]:
    shares = _shares(counts)
    mean = float(shares @ values)
    return mean, float(shares @ (values - mean) ** 2)
