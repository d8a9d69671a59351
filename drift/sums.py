"""Counts, sums and histograms of every feature, user by user: what is compared is made of these.

Values are SQL and made where the ratings lie. Adding them up is done here, for a stretch of whole users at a time:
a matrix product sums fifty facts of the films that a user rated in the time that a database takes for three sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

from drift.features import has_mean, n_cells
from drift.quotients import over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.features import Feature

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TIME_BITS: Final = 33  # below a unit's number: times end before 2^32 seconds (drift/windows.py)
SITTING: Final = 1_800  # seconds without a rating that end a sitting, as web analytics counts them
TIME: Final = "timestamp"  # the value that is a time
RATING: Final = "rating"  # the value that a film's mean is taken away from, where agreement with it is asked
APART: Final = 2.0  # stars squared, summed: where the means of a user's films differ by less they tell no slope
GRID: Final = 4  # steps to one: edges are mostly whole, halves or quarters
UNIT: Final = {"user_id": "bigint", "side": "smallint", "n": "float", "first_seen": "bigint"}
NUMPY_TYPES: Final = {"bigint": np.int64, "smallint": np.int16, "float": np.float32}
SQL_TYPES: Final = {"share": "real", "category": "real"}  # whole numbers, small; all else is 'double'


@dataclass(frozen=True)
class FilmColumns:
    """Facts of films that are features as they stand, to be summed over the films that a user rated.

    matrix: shape (n_films + 1, n_columns), its last row zeros for ratings without a film. spans: the columns of each
    feature: value, square and one for each cell (0 or 1). The last columns, `genres`, are whether the film has each
    genre; the one before them, `listed`, is whether it has any.
    """

    matrix: Floats
    spans: dict[str, slice]
    n_genres: int

    @property
    def listed(self) -> int:
        return int(self.matrix.shape[1]) - self.n_genres - 1

    @property
    def genres(self) -> slice:
        return slice(self.listed + 1, None)


@dataclass(frozen=True)
class Sums:
    """What is added up for `features`, with the SQL of what has to be read for it.

    It needs nothing but its own fields, so that it can be sent to the workers of a cluster.
    """

    features: tuple[Feature, ...]
    films: FilmColumns

    def query(self) -> str:
        """SQL of the ratings with the values of the features, from the view drift_events."""
        values = "".join(f", cast({value} as {kind}) as v{i}" for i, (value, kind) in enumerate(self._values().items()))
        n_films = len(self.films.matrix) - 1
        return (
            'select user_id as "userId", cast(side as smallint) as side, '
            f"cast(coalesce(film_row, {n_films}) as integer) as film_row{values} from drift_events"
        )

    def _values(self) -> dict[str, str]:
        """The distinct values that are read for each rating, and the SQL type of each."""
        read = [
            feature for feature in self.features if feature.name not in self.films.spans and feature.kind != "genres"
        ]
        kinds = {feature.value: SQL_TYPES.get(feature.kind, "double") for feature in read}
        if any(feature.statistic == "agreement" for feature in read):
            kinds[RATING] = "double"
        kinds[TIME] = "bigint"
        return {value: "bigint" if value == TIME else kind for value, kind in kinds.items()}

    @cached_property
    def spans(self) -> dict[str, slice]:
        """Where each feature's columns stand in the result.

        A feature for users has one, its value. One for ratings has the number of values, their mean and mean square
        if these mean anything, and counts in its cells or genres (genre_means: sums, then counts, of each genre).
        """
        ends = np.cumsum([self._width(feature) for feature in self.features]).tolist()
        starts = [0, *ends[:-1]]
        return {f.name: slice(a, b) for f, a, b in zip(self.features, starts, ends, strict=True)}

    def _width(self, feature: Feature) -> int:
        if feature.per == "user":
            return 1
        genres = {"genres": 1, "genre_means": 2}.get(feature.kind, 0) * self.films.n_genres
        return 1 + 2 * has_mean(feature) + n_cells(feature) + genres

    def sql_types(self) -> dict[str, str]:
        """The names of the columns of `table` and their SQL types."""
        return UNIT | {f"c{i}": "float" for i in range(sum(map(self._width, self.features)))}

    def none(self) -> pd.DataFrame:
        """The table of no ratings."""
        return pd.DataFrame({name: np.empty(0, NUMPY_TYPES[kind]) for name, kind in self.sql_types().items()})

    def table(self, rows: pd.DataFrame) -> pd.DataFrame:
        """A row for each user and side in `rows`, of any order: user_id, side, number of ratings, first time, c0 on."""
        runs = _Runs.of(rows["userId"].to_numpy(np.int64), rows["side"].to_numpy(np.int16))
        stretch = _Stretch(self, rows, runs)
        columns = np.concatenate([stretch.columns(one) for one in self.features], axis=1, dtype=np.float32)
        unit = (runs.users, runs.sides, runs.n.astype(np.float32), stretch.first_seen)
        units = pd.DataFrame(dict(zip(UNIT, unit, strict=True)))
        return pd.concat([units, pd.DataFrame(columns).add_prefix("c")], axis=1)


@dataclass(frozen=True)
class _Runs:
    """Rows of one unit after each other: where each run starts, and its unit; and the units, in order.

    Most files hold a user's ratings together. What is summed in runs first is looked up once a run, not once a row.
    """

    starts: Ints
    lengths: Ints
    unit: Ints
    users: Ints
    sides: NDArray[np.int16]

    @classmethod
    def of(cls, user: Ints, side: NDArray[np.int16]) -> _Runs:
        """The runs of rows by their users and sides."""
        begins = np.append(len(user) > 0, (user[1:] != user[:-1]) | (side[1:] != side[:-1]))
        starts = np.flatnonzero(begins)
        ids, place = np.unique(user[starts], return_inverse=True)
        first, last = int(side.min(initial=0)), int(side.max(initial=0))
        many = last - first + 1
        keys, unit = np.unique(many * place + (side[starts] - first), return_inverse=True)
        lengths = np.diff(np.append(starts, len(user)))
        return cls(starts, lengths, unit, ids[keys // many], (keys % many + first).astype(np.int16))

    @cached_property
    def of_row(self) -> Ints:
        """The unit of each row."""
        return np.repeat(self.unit, self.lengths)

    @cached_property
    def n(self) -> Floats:
        """Number of rows of each unit."""
        return np.asarray(np.bincount(self.unit, self.lengths, len(self.users)), float)

    def total(self, value: Floats) -> Floats:
        """Sums of the values of each unit's rows."""
        in_runs = np.add.reduceat(value, self.starts) if len(self.starts) else value
        return np.asarray(np.bincount(self.unit, in_runs, len(self.users)), float)

    def least(self, value: Ints) -> Ints:
        """The least of the values of each unit's rows."""
        found = np.full(len(self.users), np.iinfo(np.int64).max)
        if len(self.starts):
            np.minimum.at(found, self.unit, np.minimum.reduceat(value, self.starts))
        return found

    def counts(self, feature: Feature, unit: Ints, value: Floats) -> Floats:
        """How many of the values, each of a unit, lie in each cell; shape (n_units, n_cells)."""
        n = n_cells(feature)
        place = unit * n + cell(feature, value)
        return np.bincount(place, minlength=n * len(self.users)).reshape(-1, n).astype(float)


@dataclass(frozen=True)
class _Values:
    """A value of each row, 0 where it is null, and which are (None: none is)."""

    runs: _Runs
    value: Floats
    null: NDArray[np.bool_] | None

    @classmethod
    def of(cls, runs: _Runs, column: Floats) -> _Values:
        """The column's values."""
        null = np.isnan(column)
        return cls(runs, np.where(null, 0, column), null) if null.any() else cls(runs, column, None)

    @cached_property
    def n(self) -> Floats:
        return self.runs.n if self.null is None else self.runs.total((~self.null).astype(float))

    @cached_property
    def total(self) -> Floats:
        return self.runs.total(self.value)

    @cached_property
    def square(self) -> Floats:
        return self.runs.total(self.value * self.value)

    @property
    def spread(self) -> Floats:
        """Standard deviations, of two values or more."""
        variance = _over(self.square - _over(self.total**2, self.n), self.n - 1)
        return np.sqrt(np.maximum(0, variance))

    def counts(self, feature: Feature) -> Floats:
        """How many lie in each cell; shape (n_units, n_cells)."""
        known = slice(None) if self.null is None else ~self.null
        return self.runs.counts(feature, self.runs.of_row[known], self.value[known])


def _over(totals: Floats, n: NDArray[Any]) -> Floats:
    """Totals by number; NaN where there is none."""
    return over(totals, n, np.nan)


def cell(feature: Feature, value: Floats) -> Ints:
    """The cell that each value falls into, from 0; what lies outside falls into the outermost ones."""
    if feature.kind == "category":
        return value.astype(np.int64)
    edges = np.array(feature.edges[1:-1], float)
    steps = edges * GRID
    if (steps != np.floor(steps)).any():
        return np.searchsorted(edges, value, side="right").astype(np.int64)
    # Edges on a grid: a table of its steps is three times as fast as bisection, and as exact.
    cells = np.searchsorted(steps, np.arange(steps[0] - 1, steps[-1] + 1), side="right")
    return cells[np.clip(np.floor(value * GRID) - (steps[0] - 1), 0, len(cells) - 1).astype(np.int64)]


@dataclass(frozen=True)
class _Stretch:
    """Ratings of some users, and what has been added up of them so far."""

    sums: Sums
    rows: pd.DataFrame
    runs: _Runs
    read: dict[str, _Values] = field(default_factory=dict)

    def columns(self, feature: Feature) -> Floats:
        """The feature's columns, as `Sums.spans` says; shape (n_units, width)."""
        if feature.per == "user":
            return self._of_user(feature)[:, None]
        if feature.name in self.sums.films.spans:
            return self._of_films(self.sums.films.spans[feature.name])
        if feature.kind == "genres":
            return self._film_sums[:, self.sums.films.listed :]
        if feature.statistic == "gaps":
            return self._gaps.columns(feature, self.runs)
        values = self._values(feature.value)
        square = values.total if feature.kind == "share" else values.square  # 0 and 1 are their own squares
        moments = [_over(values.total, values.n), _over(square, values.n)] if has_mean(feature) else []
        cells = [values.counts(feature)] if n_cells(feature) else []
        genres = self._of_genres(values) if feature.kind == "genre_means" else []
        return np.column_stack([values.n, *moments, *cells, *genres])

    @property
    def first_seen(self) -> Ints:
        """The earliest time of each unit's ratings."""
        return self.runs.least(self._column(TIME).to_numpy(np.int64))

    def _of_user(self, feature: Feature) -> Floats:
        """One number for each unit, NaN where it has none."""
        values = self._values(feature.value)
        number = np.where(values.n > 0, values.n, np.nan)
        if feature.statistic == "number":
            return np.log2(number)
        if feature.statistic == "sitting":
            return np.log2(number / (1 + self._gaps.longer(SITTING, self.runs)))
        if feature.statistic == "agreement":
            return self._agreement(values)
        return values.spread if feature.statistic == "spread" else _over(values.total, values.n)

    def _agreement(self, net: _Values) -> Floats:
        """By how many stars a unit rates a film higher that others rate a star higher: the slope of a line.

        net: ratings net of the films' means. NaN where these means are too alike to tell.
        """
        rating, total = self._values(RATING).value, self.runs.total
        rating = rating if net.null is None else np.where(net.null, 0, rating)
        film = rating - net.value
        means = total(film)
        apart = total(film * film) - over(means**2, net.n, 0)
        together = total(film * rating) - over(means * total(rating), net.n, 0)
        return np.where(apart >= APART, together / np.maximum(apart, APART), np.nan)

    def _of_films(self, span: slice) -> Floats:
        total, square, *cells = self._film_sums[:, span].T
        n = np.sum(cells, axis=0)
        return np.column_stack([n, _over(total, n), _over(square, n), *cells])

    def _of_genres(self, values: _Values) -> list[Floats]:
        """Sums and numbers of the values of each genre's films; shape (n_units, n_genres) each."""
        span = self.sums.films.genres
        genres = self.sums.films.matrix[:, span]
        totals = self._rated(values.value) @ genres
        if values.null is None:
            return [totals, self._film_sums[:, span]]
        return [totals, self._rated((~values.null).astype(float)) @ genres]

    def _values(self, value: str) -> _Values:
        if value not in self.read:
            self.read[value] = _Values.of(self.runs, self._column(value).to_numpy(np.float64))
        return self.read[value]

    def _column(self, value: str) -> pd.Series:
        return self.rows[f"v{list(self.sums._values()).index(value)}"]

    @cached_property
    def _film_sums(self) -> Floats:
        """All columns of the films, summed over each unit's ratings."""
        return np.asarray(self._rated(np.ones(len(self.rows))) @ self.sums.films.matrix, float)

    def _rated(self, weights: Floats) -> sparse.csr_array:
        """Units by films; a film rated twice stands there twice, the same to a product, and needs no sorting."""
        place = (self.runs.of_row, self.rows["film_row"].to_numpy())
        rated = sparse.coo_array((weights, place), shape=(len(self.runs.users), len(self.sums.films.matrix)))
        rated.has_canonical_format = True
        return rated.tocsr()

    @cached_property
    def _gaps(self) -> _Gaps:
        return _Gaps.of(self.runs.of_row, self._column(TIME).to_numpy(np.int64))


@dataclass(frozen=True)
class _Gaps:
    """Seconds between the ratings of a unit, in the order of time."""

    unit: Ints
    seconds: Ints

    @classmethod
    def of(cls, unit: Ints, timestamp: Ints) -> _Gaps:
        """Those of ratings in any order."""
        # One number sorts ten times as fast as two columns, and where units come in order, as in most files, by merging
        # the runs that are there in half the time again.
        key = np.sort((unit << TIME_BITS) + timestamp, kind="stable")
        unit = key >> TIME_BITS
        inside = unit[1:] == unit[:-1]
        return cls(unit[1:][inside], np.diff(key)[inside])

    def longer(self, seconds: int, runs: _Runs) -> Ints:
        """How many gaps of each unit are longer."""
        return np.bincount(self.unit[self.seconds > seconds], minlength=len(runs.users))

    def columns(self, feature: Feature, runs: _Runs) -> Floats:
        """Number, mean, mean square and counts of each unit's gaps, in doublings, a second added."""
        doublings, units = np.log(self.seconds + 1.0) / np.log(2), len(runs.users)
        n = np.bincount(self.unit, minlength=units)
        sums = [np.asarray(np.bincount(self.unit, each, units), float) for each in (doublings, doublings**2)]
        return np.column_stack([n, *(_over(one, n) for one in sums), runs.counts(feature, self.unit, doublings)])
