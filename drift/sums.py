"""Counts, sums and histograms of every feature, user by user: what is compared is made of these.

Values are SQL and made where the ratings lie. Adding them up is done here, for a stretch of whole users at a time:
a matrix product sums fifty facts of the films that a user rated in the time that a database takes for three sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from drift.features import has_mean, n_cells

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from drift.features import Feature

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TIME_BITS: Final = 33  # below a unit's number: times end before 2^32 seconds (drift/windows.py)
SITTING: Final = 1_800  # seconds without a rating that end a sitting, as web analytics counts them
TIME: Final = "timestamp"  # the value that is a time
LARGEST: Final = 1e15  # beyond any scale; squares of values so large still have sums in single precision
UNIT: Final = {"user_id": "bigint", "side": "tinyint", "n": "float"}
NUMPY_TYPES: Final = {"bigint": np.int64, "tinyint": np.int8, "float": np.float32}
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
            'select user_id as "userId", cast(side as tinyint) as side, '
            f"cast(coalesce(film_row, {n_films}) as integer) as film_row{values} from drift_events"
        )

    def _values(self) -> dict[str, str]:
        """The distinct values that are read for each rating, and the SQL type of each."""
        read = [
            feature for feature in self.features if feature.name not in self.films.spans and feature.kind != "genres"
        ]
        kinds = {feature.value: SQL_TYPES.get(feature.kind, "double") for feature in read}
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
        import pandas as pd

        return pd.DataFrame({name: np.empty(0, NUMPY_TYPES[kind]) for name, kind in self.sql_types().items()})

    def table(self, rows: pd.DataFrame) -> pd.DataFrame:
        """A row for each user and side in `rows`, of any order: user_id, side, number of ratings, and c0, c1, ..."""
        import pandas as pd

        user, side = rows["userId"].to_numpy(np.int64), rows["side"].to_numpy(np.int8)
        unit, users, sides = _units(user, side)
        stretch = _Stretch(self, rows, unit, len(users))
        columns = np.concatenate([stretch.columns(one) for one in self.features], axis=1, dtype=np.float32)
        n = np.bincount(unit, minlength=len(users)).astype(np.float32)
        units = pd.DataFrame(dict(zip(UNIT, (users, sides, n), strict=True)))
        return pd.concat([units, pd.DataFrame(columns).add_prefix("c")], axis=1)


def _units(user: Ints, side: NDArray[np.int8]) -> tuple[Ints, Ints, NDArray[np.int8]]:
    """The number of each row's unit, and the user and side of each unit, in order.

    Most files hold a user's ratings together: then only the first row of each run has to be looked up.
    """
    if not len(user):
        return np.empty(0, np.int64), user, side
    begins = np.append(True, (user[1:] != user[:-1]) | (side[1:] != side[:-1]))
    starts = np.flatnonzero(begins)
    ids, place = np.unique(user[starts], return_inverse=True)
    keys, unit = np.unique(2 * place + side[starts], return_inverse=True)
    lengths = np.diff(np.append(starts, len(user)))
    return np.repeat(unit, lengths), ids[keys // 2], (keys % 2).astype(np.int8)


@dataclass(frozen=True)
class _Values:
    """Known values, each of a unit; `unit` and `value` of one length."""

    unit: Ints
    value: Floats
    n_units: int

    @classmethod
    def known(cls, unit: Ints, value: Floats, n_units: int) -> _Values:
        """Those that are not null, none larger than `LARGEST`."""
        null = np.isnan(value)
        unit, value = (unit[~null], value[~null]) if null.any() else (unit, value)
        if len(value) and max(value.max(), -value.min()) > LARGEST:
            value = np.clip(value, -LARGEST, LARGEST)
        return cls(unit, value, n_units)

    @cached_property
    def n(self) -> Floats:
        return np.bincount(self.unit, minlength=self.n_units).astype(float)

    @cached_property
    def total(self) -> Floats:
        return np.asarray(np.bincount(self.unit, self.value, self.n_units), float)

    @cached_property
    def square(self) -> Floats:
        return np.asarray(np.bincount(self.unit, self.value * self.value, self.n_units), float)

    @cached_property
    def mean(self) -> Floats:
        return _over(self.total, self.n)

    @property
    def spread(self) -> Floats:
        """Standard deviations, of two values or more."""
        variance = _over(self.square - _over(self.total**2, self.n), self.n - 1)
        return np.sqrt(np.maximum(0, variance))

    def counts(self, feature: Feature) -> Floats:
        """How many values lie in each cell; shape (n_units, n_cells)."""
        n = n_cells(feature)
        place = self.unit * n + cell(feature, self.value)
        return np.bincount(place, minlength=n * self.n_units).reshape(self.n_units, n).astype(float)


def _over(totals: Floats, n: Floats) -> Floats:
    """Totals by number; NaN where there is none."""
    return np.where(n > 0, totals / np.where(n > 0, n, 1), np.nan)


def cell(feature: Feature, value: Floats) -> Ints:
    """The cell that each value falls into, from 0; what lies outside falls into the outermost ones."""
    if feature.kind == "category":
        return value.astype(np.int64)
    return np.searchsorted(np.array(feature.edges[1:-1], float), value, side="right").astype(np.int64)


@dataclass(frozen=True)
class _Stretch:
    """Ratings of some users, and what has been added up of them so far."""

    sums: Sums
    rows: pd.DataFrame
    unit: Ints
    n_units: int
    read: dict[str, _Values] = field(default_factory=dict)

    def columns(self, feature: Feature) -> Floats:
        """The feature's columns, as `Sums.spans` says; shape (n_units, width)."""
        if feature.per == "user":
            return self._of_user(feature)[:, None]
        if feature.name in self.sums.films.spans:
            return self._of_films(self.sums.films.spans[feature.name])
        if feature.kind == "genres":
            listed = self.sums.films.listed
            return self._film_sums[:, listed:]
        values = self._seconds_between.doublings() if feature.statistic == "gaps" else self._values(feature.value)
        moments = [values.n, values.mean, _over(values.square, values.n)] if has_mean(feature) else [values.n]
        if feature.kind == "genre_means":
            return np.column_stack([*moments, *self._of_genres(feature)])
        return np.column_stack([*moments, values.counts(feature)]) if n_cells(feature) else np.column_stack(moments)

    def _of_user(self, feature: Feature) -> Floats:
        """One number for each unit, NaN where it has none."""
        values = self._values(feature.value)
        if feature.statistic == "sitting":
            return np.log2(values.n / (1 + self._seconds_between.longer(SITTING)))
        if feature.statistic == "number":
            return np.log2(np.where(values.n > 0, values.n, np.nan))
        return values.spread if feature.statistic == "spread" else values.mean

    def _of_films(self, span: slice) -> Floats:
        total, square, *cells = self._film_sums[:, span].T
        n = np.sum(cells, axis=0)
        return np.column_stack([n, _over(total, n), _over(square, n), *cells])

    def _of_genres(self, feature: Feature) -> tuple[Floats, Floats]:
        """Sums and numbers of the values of each genre's films; shape (n_units, n_genres) each."""
        value = np.clip(self._column(feature.value), -LARGEST, LARGEST)
        null = np.isnan(value)
        span = self.sums.films.genres
        genres = self.sums.films.matrix[:, span]
        totals = self._rated(np.where(null, 0, value)) @ genres
        counts = self._rated((~null).astype(float)) @ genres if null.any() else self._film_sums[:, span]
        return totals, counts

    def _values(self, value: str) -> _Values:
        if value not in self.read:
            self.read[value] = _Values.known(self.unit, self._column(value), self.n_units)
        return self.read[value]

    def _column(self, value: str) -> Floats:
        return self.rows[f"v{list(self.sums._values()).index(value)}"].to_numpy(np.float64)

    @cached_property
    def _film_sums(self) -> Floats:
        """All columns of the films, summed over each unit's ratings."""
        return self._rated(np.ones(len(self.unit))) @ self.sums.films.matrix

    def _rated(self, weights: Floats) -> sparse.csr_array:
        """Units by films; a film rated twice stands there twice, the same to a product, and needs no sorting."""
        place = (self.unit, self.rows["film_row"].to_numpy())
        rated = sparse.coo_array((weights, place), shape=(self.n_units, len(self.sums.films.matrix)))
        rated.has_canonical_format = True
        return rated.tocsr()

    @cached_property
    def _seconds_between(self) -> _Gaps:
        return _Gaps.of(self.unit, self._column(TIME).astype(np.int64), self.n_units)


@dataclass(frozen=True)
class _Gaps:
    """Seconds between the ratings of a unit, in the order of time."""

    unit: Ints
    seconds: Ints
    n_units: int

    @classmethod
    def of(cls, unit: Ints, timestamp: Ints, n_units: int) -> _Gaps:
        # One number sorts ten times as fast as two columns.
        key = np.sort((unit << TIME_BITS) + timestamp)
        unit = key >> TIME_BITS
        inside = unit[1:] == unit[:-1]
        return cls(unit[1:][inside], np.diff(key)[inside], n_units)

    def longer(self, seconds: int) -> Ints:
        """How many gaps of each unit are longer."""
        return np.bincount(self.unit[self.seconds > seconds], minlength=self.n_units)

    def doublings(self) -> _Values:
        """Logarithms to base 2, a second added."""
        return _Values(self.unit, np.log(self.seconds + 1.0) / np.log(2), self.n_units)
