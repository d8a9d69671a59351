"""Effect sizes that a person can read: how far two windows lie apart, whatever the number of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtri, rel_entr

from drift import expected
from drift.quotients import over
from drift.relabelling import weights
from drift.units import APPEARANCES
from drift.users import plain_shares
from drift.windows import CURRENT, REFERENCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.features import Feature
    from drift.units import Units, UserValues

CONFIDENCE: Final = 0.95  # of intervals, which drift/messages.py calls by this number
PSI_PSEUDO_SHARE: Final = 1e-4  # added to every bin's share: an empty bin counts as one value in ten thousand


@dataclass(frozen=True)
class MeanChange:
    """Means of both windows, their difference, and its interval at `CONFIDENCE`."""

    reference: float
    current: float
    change: float
    low: float
    high: float


def mean_change(units: Units, values: NDArray[np.float32], weight: NDArray[np.float32]) -> MeanChange:
    """Difference of the weighted means with an interval that takes users, not ratings, as independent.

    values, weight: shape (n_units,). The interval is normal, by linearisation of the two ratios (Cochran:
    Sampling Techniques, 1977, 6.4), with a user of both windows counted once.
    """
    means, influence = [], np.zeros(len(values))
    for side, sign in ((REFERENCE, -1.0), (CURRENT, 1.0)):
        mine = (units.sides == side) & (weight > 0)
        total = weight[mine].sum(dtype=np.float64)
        mean = float(np.dot(weight[mine], values[mine]) / total) if total else np.nan
        influence[mine] = sign * weight[mine] * (values[mine] - mean) / total
        means.append(mean)
    error = float(np.sqrt((np.bincount(units.user, influence) ** 2).sum())) if len(units.user) else np.nan
    change, reach = means[1] - means[0], -ndtri((1 - CONFIDENCE) / 2) * error
    return MeanChange(means[0], means[1], change, change - reach, change + reach)


def group_mean(
    units: Units, side: int, columns: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Weighted means of the columns over one side; shape (n_columns,), NaN where nothing has weight."""
    mine = units.sides == side
    total = weight[mine].sum(axis=0, dtype=np.float64)
    sums = (weight[mine] * columns[mine]).sum(axis=0, dtype=np.float64)
    return over(sums, total, np.nan)


def shares_of(value: UserValues, units: Units, side: int, *, by_rating: bool) -> NDArray[np.float64]:
    """The side's histogram: the mean of its users' histograms, or that of its ratings."""
    present = value.counts.max(axis=1, initial=0) > 0
    weight = present * (value.values_behind() if by_rating else 1.0)
    return group_mean(units, side, value.shares, weight[:, None])


def population_stability_index(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """PSI of two histograms, with `PSI_PSEUDO_SHARE` added to every bin's share."""
    p, q = _padded(reference), _padded(current)
    return float(((q - p) * np.log(q / p)).sum())


def _padded(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = shares + PSI_PSEUDO_SHARE
    return padded / padded.sum()


def jensen_shannon(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Jensen-Shannon distance in base 2, from 0 (same) to 1 (nothing shared)."""
    middle = (reference + current) / 2
    divergence = (rel_entr(reference, middle) + rel_entr(current, middle)).sum() / 2 / np.log(2)
    return float(np.sqrt(max(0.0, divergence)))


def total_variation(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """The share that would have to move to another bin."""
    return float(np.abs(reference - current).sum() / 2)


def wasserstein(reference: NDArray[np.float64], current: NDArray[np.float64], edges: tuple[float, ...]) -> float:
    """How far values moved on average, in the feature's unit, taking each bin's values at its middle."""
    # As scipy.stats.wasserstein_distance, which takes longer to import than everything here to compute.
    middles = (np.asarray(edges[:-1]) + np.asarray(edges[1:])) / 2
    below = np.cumsum(current - reference)[:-1]
    return float((np.abs(below) * np.diff(middles)).sum())


def effect_size(value: UserValues, units: Units) -> float:
    """The effect that is held against the feature's minimum: the smaller one of `effect_sizes`."""
    return min(effect_sizes(value, units))


def effect_sizes(value: UserValues, units: Units) -> tuple[float, float]:
    """How far the windows lie apart, as the feature's users are weighted, and how far beyond what is to be expected.

    Ordered: the Wasserstein distance, but at least the change of the mean. Share: its change. Category: total
    variation. Genres and genre_means: the largest change among genres; NaN where none has values in both windows.
    What is to be expected of users of both windows says `drift/expected.py`.
    """
    feature = value.feature
    weight = weights(value.counts, feature.cap)
    columns = plain_shares(value.columns, value.counts) if feature.kind == "genres" else value.columns
    observed, usual = changes(value, units, columns, weight)
    if np.isnan(observed).all():
        return np.nan, np.nan
    moved = usual_bins = np.empty(0)
    if feature.kind == "ordered":
        moved, usual_bins = changes(value, units, value.shares, weight)
    return _size(feature, observed, moved), _size(feature, observed - usual, moved - usual_bins)


def changes(
    value: UserValues, units: Units, columns: NDArray[np.float32], weight: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The differences of weighted means, and what of them is to be expected though nothing moved; (n_columns,) each.

    Nothing is without users of both windows, nor where each appearance changes places by itself.
    """
    observed = group_mean(units, CURRENT, columns, weight) - group_mean(units, REFERENCE, columns, weight)
    if value.feature.source == APPEARANCES:
        return observed, np.zeros_like(observed)
    return observed, observed - expected.beyond(observed, expected.changes(units, columns, weight))


def _size(feature: Feature, changes: NDArray[np.float64], moved: NDArray[np.float64]) -> float:
    """One number for the changes of the columns and, of an ordered feature, of its bins."""
    changes = np.abs(np.nan_to_num(changes))
    if feature.kind == "category":
        return float(changes.sum() / 2)
    if feature.kind == "ordered":
        return max(float(changes[0]), wasserstein(np.zeros_like(moved), moved, feature.edges))
    return float(changes.max(initial=0.0))
