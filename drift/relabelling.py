"""p-values by relabelling whole users: what would the differences be if the windows' labels meant nothing?

The ratings of one user hang together, so the unit is the user, not the rating. A user seen in one window gets
a random window (the numbers of users in each stay); a user seen in both swaps their two sides, or not. Each
group's mean is a matrix product, relabellings times users, so that all features are judged under the same
relabellings, and the largest statistic over features can be corrected for how they hang together.

Users seen in both windows make differences that are to be expected though nothing moved (drift/expected.py): what was
observed is measured from these.

Westfall, Young: Resampling-Based Multiple Testing, Wiley 1993 (max-T, step-down).
Winkler et al.: Non-parametric combination and related permutation tests, Human Brain Mapping 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammainccinv

from drift import expected
from drift.quotients import over
from drift.units import APPEARANCES, Units
from drift.windows import CURRENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drift.units import UserValues

TRIMMED: Final = 0.005  # the largest part, left out of spreads: the observed difference is among them, and may be huge
FEWEST_DIFFERING: Final = 5  # users who differ from the usual one in a column that is judged: of fewer, chance decides
# Shares of the error rate by severity: an alarm that stops a training or calls a person gets five times the share of
# one that only explains others.
ERROR_SHARE: Final = {"critical": 1.0, "warning": 1.0, "info": 0.2}
# Of a squared statistic: others as near as this to the observed one are equal to it. Where relabelling changes nothing,
# they differ by rounding in single precision alone, and this must not make the observed one stand out.
TIED: Final = 1e-4
BATCH_BYTES: Final = 32_000_000  # of relabellings held at once: more takes the system's time, fewer the product's


def relabelled_sums(
    units: Units, parts: Iterable[NDArray[np.float32]], width: int, relabellings: int, seed: int
) -> NDArray[np.float64]:
    """Sums of rows over the current side: expected of relabellings, as observed, and under each relabelling.

    parts: the rows in stretches of columns, `width` together, each of shape (n_units, n_columns); held singly.
    Returns shape (2 + relabellings, width).
    """
    kind = _Users if units.first is None else _Periods
    rng, users = np.random.default_rng(seed), kind.of(units, parts, width)
    batch = max(1, BATCH_BYTES // (4 * max(1, len(users.movable))))
    sums = [users.expected[None], users.observed[None]]
    for start in range(0, relabellings, batch):
        labels = users.labels(min(batch, relabellings - start), rng)
        sums.append((labels @ users.movable).astype(np.float64) + users.base)
    return np.concatenate(sums)


@dataclass(frozen=True)
class _Users:
    """What users add to the current side's sums: `base`, and each one's row of `movable` if their label says so.

    Those seen on one side come first, each with its row; then those seen on both, with what swapping the sides adds.
    """

    movable: NDArray[np.float32]
    base: NDArray[np.float64]
    expected: NDArray[np.float64]
    observed: NDArray[np.float64]
    n_single: int
    n_in_current: int

    @classmethod
    def of(cls, units: Units, parts: Iterable[NDArray[np.float32]], width: int) -> _Users:
        single, (reference, current) = units.single_rows, units.paired_rows
        kept = reference  # counted for the current side whatever the labels, to be swapped for the other row
        if units.nested:
            kept, single = np.append(kept, single[units.sides[single] == CURRENT]), single[:0]
        movable = np.empty((len(single) + len(reference), width), np.float32)
        (base, expected, observed), end = np.zeros((3, width)), 0
        for rows in parts:
            columns = slice(end, end := end + rows.shape[1])
            movable[: len(single), columns] = rows[single]
            movable[len(single) :, columns] = rows[current] - rows[reference]
            base[columns] = rows[kept].sum(axis=0, dtype=np.float64)
            expected[columns] = np.einsum("i,ij->j", units.chance, rows, dtype=np.float64)
            observed[columns] = rows[units.sides == CURRENT].sum(axis=0, dtype=np.float64)
        return cls(movable, base, expected, observed, len(single), int((units.sides[single] == CURRENT).sum()))

    def labels(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Random relabellings, shape (count, n_users): 1 where the user's row counts for the current side."""
        labels = np.empty((count, len(self.movable)), np.float32)
        labels[:, : self.n_single] = _random_subsets(count, self.n_single, self.n_in_current, rng)
        paired = labels[:, self.n_single :]
        paired[...] = rng.integers(0, 2, paired.shape, dtype=np.uint8)
        return labels


@dataclass(frozen=True)
class _Periods:
    """The same where a side is in periods: one row of a user may count for the lone side, all others for that.

    order: the rows by user; begins: where each one's do; n: how many they are; odds: that one counts; all (n_users,).
    """

    movable: NDArray[np.float32]
    base: NDArray[np.float64]
    expected: NDArray[np.float64]
    observed: NDArray[np.float64]
    order: NDArray[np.int64]
    begins: NDArray[np.int64]
    n: NDArray[np.int64]
    odds: NDArray[np.float64]
    lone: int

    @classmethod
    def of(cls, units: Units, parts: Iterable[NDArray[np.float32]], width: int) -> _Periods:
        movable, end = np.empty((len(units.users), width), np.float32), 0
        for rows in parts:
            movable[:, end : (end := end + rows.shape[1])] = rows
        expected = np.einsum("i,ij->j", units.chance, movable, dtype=np.float64)
        observed = movable[units.sides == CURRENT].sum(axis=0, dtype=np.float64)
        by_user = (units.by_user, units.begins, units.rows_of_user, units.odds)
        return cls(movable, np.zeros(width), expected, observed, *by_user, units.lone)

    def labels(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Random relabellings, shape (count, n_rows): 1 where the row counts for the current side."""
        labels = np.full((count, len(self.movable)), np.float32(self.lone != CURRENT))
        for row in labels:
            drawn = rng.random(len(self.odds)) / self.odds  # below one: how far into the user's rows
            users = np.flatnonzero(drawn < 1)
            row[self.order[self.begins[users] + (drawn[users] * self.n[users]).astype(np.int64)]] = self.lone == CURRENT
        return labels


def _random_subsets(count: int, size: int, chosen: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`count` uniformly random subsets of `chosen` out of `size`, as rows of a mask.

    Coin flips with about the right chance, then as many random flips back as are missing: given its size, a
    set of coin flips is uniform, and stays so when a uniform part of it is flipped. Far cheaper than sorting.
    """
    threshold = round(256 * chosen / size) if size else 0
    mask = np.frombuffer(rng.bytes(count * size), dtype=np.uint8).reshape(count, size) < threshold
    for row in mask:
        surplus = int(row.sum()) - chosen
        candidates = np.flatnonzero(row if surplus > 0 else ~row)
        flipped = rng.choice(candidates, abs(surplus), replace=False) if surplus else candidates[:0]
        row[flipped] = surplus < 0
    return mask


@dataclass(frozen=True)
class Judgement:
    """What relabelling says of one feature.

    statistic: standardised difference, in standard deviations under relabelling; `bound` is what it would have
    had to exceed. p_value: alone; q_value: corrected for all features judged together.
    strongest: the column that differs most, by its standardised difference.
    too_few: users differ, but in no column as many as `FEWEST_DIFFERING`, so that nothing was held against chance.
    """

    statistic: float
    bound: float
    p_value: float
    q_value: float
    strongest: str
    too_few: bool = False


def judge(
    units: Units, values: Sequence[UserValues], false_alarm_rate: float, relabellings: int, seed: int
) -> list[Judgement]:
    """Judge all features together; the chance that any is called different where none is, is held.

    The statistic of a feature is the root mean square of its columns' standardised differences (ordered
    features and categories: many cells move together), or the largest (genres: one may move alone). Its
    square is brought to one scale over features by a gamma distribution fitted to the relabellings; the
    largest of these scores, each with its severity's share of the error rate, corrects for many features.
    """
    if not values:
        return []
    differences = _differences(units, values, relabellings, seed)
    squares = _tied(np.stack([_squared(z, value) for z, value in zip(differences, values, strict=True)], axis=1))
    statistics, p_values = np.sqrt(squares[0]), (squares >= squares[0]).mean(axis=0)
    q_values, bounds = _corrected(squares, values, false_alarm_rate)
    silent = squares.max(axis=0) == 0
    bounds[silent] = np.nan  # nothing varies, or for too few: no difference could have been seen
    numbers = zip(statistics.tolist(), bounds.tolist(), p_values.tolist(), q_values.tolist(), strict=True)
    strongest = [_strongest(z, value) for z, value in zip(differences, values, strict=True)]
    too_few = [
        bool(none and _varies(value) and not _judged(value, units)) for none, value in zip(silent, values, strict=True)
    ]
    return [Judgement(*four, named, few) for four, named, few in zip(numbers, strongest, too_few, strict=True)]


def _differences(units: Units, values: Sequence[UserValues], relabellings: int, seed: int) -> list[NDArray[np.float64]]:
    """Each feature's standardised differences, shape (1 + relabellings, n_columns), those observed first."""
    return [
        _of_appearances(units, value, relabellings, seed)
        if value.feature.source == APPEARANCES
        else _standardised(sums, value, units)
        for sums, value in zip(_sums(units, values, relabellings, seed), values, strict=True)
    ]


def _corrected(
    squares: NDArray[np.float64], values: Sequence[UserValues], false_alarm_rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """p-values corrected for all features, and the statistic that each would have had to exceed."""
    log_shares = np.log([ERROR_SHARE[value.feature.severity] for value in values])
    shapes, scales = _gamma(squares)
    q_values, highest = _step_down(_score(squares, shapes, scales) + log_shares, false_alarm_rate)
    return q_values, np.sqrt(gammainccinv(shapes, np.exp(np.minimum(0, log_shares - highest))) * scales)


def _sums(units: Units, values: Sequence[UserValues], relabellings: int, seed: int) -> list[NDArray[np.float64]]:
    """The `relabelled_sums` of each feature's weighted columns and weights."""
    widths = [value.columns.shape[1] + value.counts.shape[1] for value in values]
    together = relabelled_sums(units, (_weighted(value, units) for value in values), sum(widths), relabellings, seed)
    return np.split(together, np.cumsum(widths)[:-1], axis=1)


def weights(counts: NDArray[np.float32], cap: float) -> NDArray[np.float32]:
    """How much each user counts: by ratings, but at most `cap`, in units of it (so 1 is by user)."""
    scale = np.float32(cap if np.isfinite(cap) else 1)
    return np.asarray(np.minimum(counts, np.float32(cap)) / scale, np.float32)


def _weighted(value: UserValues, units: Units) -> NDArray[np.float32]:
    """Each unit's weighted columns, less the mean over all, beside the weights."""
    weight = weights(value.counts, value.feature.cap)
    total = weight.sum(axis=0, dtype=np.float64)
    mean = (weight * value.columns).sum(axis=0, dtype=np.float64) / np.maximum(total, 1e-30)
    centred = weight * (value.columns - mean.astype(np.float32))
    if value.feature.kind != "share":
        centred[:, ~_borne_out(centred, value.columns, weight, units)] = 0
    return np.concatenate([centred, weight], axis=1)


def _borne_out(
    centred: NDArray[np.float32], columns: NDArray[np.float32], weight: NDArray[np.float32], units: Units
) -> NDArray[np.bool_]:
    """Whether enough users differ from the usual one in each column.

    Distances from the mean, which are at hand, count too many: where k of very many users differ, they move the mean,
    from which all others together are then as far as these k, and 4 k are counted. So a column with four times enough
    is settled; of the others, distances from the median are counted.
    """
    enough = _bearers(centred, units) / 4 >= FEWEST_DIFFERING
    for column in np.flatnonzero(~enough):
        of = weight[:, column if weight.shape[1] > 1 else 0]
        values = columns[of > 0, column]
        apart = of * (columns[:, column] - np.median(values)) if len(values) else of
        enough[column] = _bearers(apart[:, None], units)[0] >= FEWEST_DIFFERING
    return enough


def _bearers(deviations: NDArray[np.float32], units: Units) -> NDArray[np.float64]:
    """How many users make up the deviations of each column: k, where k users deviate by as much and others not."""
    absolute = np.abs(deviations)
    if units.first is not None:  # whoever stands in many periods is one user
        absolute = np.add.reduceat(absolute[units.by_user], units.begins)
    total = absolute.sum(axis=0, dtype=np.float64)
    return total**2 / np.maximum((absolute**2).sum(axis=0, dtype=np.float64), 1e-30)


def _varies(value: UserValues) -> bool:
    """Whether any column differs between users."""
    counted = np.broadcast_to(value.counts > 0, value.columns.shape)
    lowest, highest = (
        reduce(value.columns, axis=0, where=counted, initial=start)
        for reduce, start in ((np.min, np.inf), (np.max, -np.inf))
    )
    return bool((highest - lowest > _noise(value)).any())


def _judged(value: UserValues, units: Units) -> bool:
    """Whether any column was held against chance: if it says nothing then, users are the same in both windows."""
    return bool((np.abs(_weighted(value, units)[:, : value.columns.shape[1]]) > _noise(value)).any())


def _noise(value: UserValues) -> NDArray[np.float64]:
    """What the differences of the columns may err by."""
    return np.asarray(1e-6 * np.abs(value.columns).max(axis=0, initial=1.0), float)


def _standardised(sums: NDArray[np.float64], value: UserValues, units: Units) -> NDArray[np.float64]:
    """Differences of the columns' means, current less reference, in their standard deviations; as observed first.

    sums: as of `relabelled_sums`; the difference of those expected is taken off. Where the current window follows the
    reference, so that there are two to be expected, what was observed counts from the nearer one.
    """
    n_columns = value.columns.shape[1]
    weight = weights(value.counts, value.feature.cap)
    total = weight.sum(axis=0, dtype=np.float64)
    current = sums[:, n_columns:]
    reference = total - current
    usable = (current > 1e-6 * total) & (reference > 1e-6 * total)
    scale = over(1, current, 0, usable) + over(1, reference, 0, usable)
    differences = sums[:, :n_columns] * scale
    observed, differences = differences[1].copy(), differences[1:] - differences[0]
    spread = np.sqrt(_trimmed(differences**2).mean(axis=0))
    if units.first is not None:
        differences[0] = expected.beyond(observed, expected.changes(units, value.columns, weight))
    elif units.follows and units.paired_rows.size:
        back = observed - expected.of_return(units, value.columns, weight)
        differences[0] = expected.nearer(differences[0], back)
    return over(differences, spread, 0, spread > _noise(value))


def _of_appearances(units: Units, value: UserValues, relabellings: int, seed: int) -> NDArray[np.float64]:
    """Standardised differences of a share among appearances, each relabelled by itself.

    Whoever is new in the current window was never seen in the reference: moving whole users moves no newcomer.
    So appearances, one for each user and window, change places; the number in each window stays.
    """
    present = value.counts[:, 0] > 0
    new, current = value.columns[present, 0] > 0, units.sides[present] == CURRENT
    n_new, n_current = int(new.sum()), int(current.sum())
    drawn = np.random.default_rng([seed, 1]).hypergeometric(n_new, len(new) - n_new, n_current, relabellings)
    new_in_current = np.concatenate([[(new & current).sum()], drawn])[:, None]
    differences = new_in_current / n_current - (n_new - new_in_current) / (len(new) - n_current)
    spread = np.sqrt(_trimmed(differences**2).mean(axis=0))
    return over(differences, spread, 0)


def _trimmed(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """All but the largest of each column: what a huge observed difference must not stretch."""
    kept = len(squares) - max(1, round(TRIMMED * len(squares)))
    return np.partition(squares, kept - 1, axis=0)[:kept]


def _squared(standardised: NDArray[np.float64], value: UserValues) -> NDArray[np.float64]:
    live = standardised[:, np.any(standardised != 0, axis=0)]
    if not live.shape[1]:
        return np.zeros(len(standardised))
    one_alone = value.feature.kind in ("genres", "genre_means")
    return (live**2).max(axis=1) if one_alone else (live**2).mean(axis=1)


def _tied(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, but what is as large as what was observed (the first row), errors of rounding apart, equal to it."""
    return np.where(np.abs(squares - squares[0]) <= TIED * squares[0], squares[0], squares)


def _strongest(standardised: NDArray[np.float64], value: UserValues) -> str:
    return value.names[int(np.abs(standardised[0]).argmax())] if len(value.names) else ""


def _gamma(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shape and scale of a gamma distribution with the mean and variance of each column."""
    kept = _trimmed(squares)
    mean, variance = kept.mean(axis=0), kept.var(axis=0)
    return over(mean**2, variance, 1.0), over(variance, mean, 1.0, variance > 0)


def _score(squares: NDArray[np.float64], shape: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the logarithm of the chance of as large a statistic; beyond what a double holds, in line."""
    x = squares / scale
    tail = gammaincc(shape, x)
    return np.where(tail > 1e-290, -np.log(np.maximum(tail, 1e-290)), x)


def _step_down(scores: NDArray[np.float64], false_alarm_rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corrected p-values, and the score that each feature would have had to exceed.

    The feature with the largest score is compared with the largest of all under each relabelling, the next
    with the largest of those left, and so on (Westfall and Young 1993, algorithm 2.8 without resampling error:
    the observed labels count as one relabelling).
    """
    order = np.argsort(-scores[0], kind="stable")
    allowed = int(false_alarm_rate * len(scores) + 1e-9)
    q_values, bounds = np.empty(len(order)), np.empty(len(order))
    highest, bound, failed = 0.0, np.inf, False
    for rank, feature in enumerate(order):
        largest = scores[:, order[rank:]].max(axis=1)
        highest = max(highest, float((largest >= scores[0, feature]).mean()))
        if not failed:
            bound = float(np.sort(largest[1:])[::-1][max(0, allowed - 1)]) if allowed else np.inf
        failed = highest > false_alarm_rate
        q_values[feature], bounds[feature] = highest, bound
    return q_values, bounds
