"""Differences between windows that are to be expected though nothing moved, as some users are seen in both.

Such users differ from others: they rate more, or other films. Two things follow, neither of which is a change:

- They are a larger part of the smaller window, which relabelling leaves as it is.
- Where one window follows the other, they are known to have come back, while who was seen in the first alone is known
  not to have. Newcomers, of whom nobody knows, are like all who came in the first window, and not like who stayed away.
  So what sets those who came back apart in the first window is to be expected of them in the second, too.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from drift.quotients import over
from drift.windows import CURRENT, REFERENCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.units import Units

    Floats = NDArray[np.float64]


def changes(units: Units, columns: NDArray[np.float32], weight: NDArray[np.float32]) -> list[Floats]:
    """Differences of weighted means of columns that are to be expected, each shape (n_columns,), by either reason.

    Where a side is in periods, users of all come back alike, so that none is to be expected; or that which the share of
    newcomers makes, as of a service's first years all are new.
    """
    if units.first is not None:
        return [np.zeros(columns.shape[1]), of_newcomers(units, units.first, columns, weight)]
    if not units.paired_rows.size:
        return []
    return [
        *([] if units.nested else [of_labels(units, columns, weight)]),
        *([of_return(units, columns, weight)] if units.follows else []),
    ]


def beyond(observed: Floats, to_expect: list[Floats]) -> Floats:
    """What is left of the differences observed, held against each of those to be expected: the smaller remainder.

    0 where the remainders have different signs.
    """
    return reduce(nearer, (observed - change for change in to_expect)) if to_expect else observed


def nearer(one: Floats, other: Floats) -> Floats:
    """The smaller of two differences; 0 where they have different signs."""
    smaller = np.where(np.abs(one) <= np.abs(other), one, other)
    return np.where(one * other < 0, 0.0, smaller)


def of_labels(units: Units, columns: NDArray[np.float32], weight: NDArray[np.float32]) -> Floats:
    """The differences of the weighted means of columns that relabelling leaves on average, shape (n_columns,)."""
    means = [_mean(columns, weight * chance[:, None]) for chance in (units.chance, 1 - units.chance)]
    return means[0] - means[1]


def of_return(units: Units, columns: NDArray[np.float32], weight: NDArray[np.float32]) -> Floats:
    """The differences that those who came back make if they are still as they were, shape (n_columns,).

    Their share of the current window's weight, times how far they lay apart from all of the reference.
    """
    before, after = units.paired_rows
    reference, current = units.sides == REFERENCE, units.sides == CURRENT
    share = over(_total(weight[after]), _total(weight[current]), 0)
    apart = _mean(columns[before], weight[before]) - _mean(columns[reference], weight[reference])
    return np.where(np.isnan(apart), 0, share * apart)


def of_newcomers(
    units: Units, first: NDArray[np.bool_], columns: NDArray[np.float32], weight: NDArray[np.float32]
) -> Floats:
    """The differences that the lone side's share of newcomers makes, each kind being as on the other, (n_columns,)."""
    lone = units.sides == units.lone
    share = over(_total(weight[lone & first]), _total(weight[lone]), 0)
    new, old, every = (_mean(columns[rows], weight[rows]) for rows in (~lone & first, ~lone & ~first, ~lone))
    apart = share * new + (1 - share) * old - every
    return np.where(np.isnan(apart), 0, apart if units.lone == CURRENT else -apart)


def _mean(columns: NDArray[np.float32], weight: NDArray[np.float32]) -> Floats:
    weighted = np.einsum("ij,ij->j", np.broadcast_to(weight, columns.shape), columns, dtype=np.float64)
    return over(weighted, _total(weight), np.nan)


def _total(weight: NDArray[np.float32]) -> Floats:
    return np.asarray(weight.sum(axis=0, dtype=np.float64))
