"""A delivery as frames, its two halves, and what the plants share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.job.loading import check_needed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator
    from numpy.typing import NDArray

    from checks.warehouse import Warehouse

NEW = 1_000_000  # added to an id for one that neither half has
COLUMNS = {
    "ratings": ("userId", "movieId", "rating", "timestamp"),
    "movies": ("movieId", "title", "genres"),
    "tags": ("userId", "movieId", "tag", "timestamp"),
    "links": ("movieId", "imdbId", "tmdbId"),
}
KEYS = ("userId", "movieId", "timestamp")
FIRST_LINE = 2  # of the rows in a file with a header


@dataclass(frozen=True)
class Frames:
    """The four files of a delivery. A plant hands back others and leaves these as they are."""

    ratings: pd.DataFrame
    movies: pd.DataFrame
    tags: pd.DataFrame
    links: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Frames:
        """Load a folder through the warehouse, so that files are read as the report reads them."""
        from checks.loader import load

        with load(folder) as warehouse:
            check_needed(warehouse)
            return cls(**{name: _whole(warehouse, name) for name in COLUMNS})

    def warehouse(self) -> Warehouse:
        """A warehouse that holds what the report reads; no row of it was rejected."""
        from checks.warehouse import Warehouse, connect

        warehouse = Warehouse(connect(), Path())
        warehouse.write("ratings", self.ratings.assign(source_line=np.arange(len(self.ratings)) + FIRST_LINE))
        warehouse.write("movies", self.movies)
        warehouse.write("tags", self.tags)
        warehouse.sql("create table rejected_rows (source_line bigint, table_name varchar)")
        return warehouse

    @property
    def users(self) -> NDArray[Any]:
        return np.asarray(self.ratings["userId"].unique())

    def having(self, **tables: pd.DataFrame) -> Frames:
        return replace(self, **tables)

    def of(self, users: NDArray[Any]) -> Frames:
        """What these users did, over the whole catalogue of films."""
        return self.having(**{n: t[t["userId"].isin(users)].reset_index(drop=True) for n, t in self.by_users().items()})

    def by_users(self) -> dict[str, pd.DataFrame]:
        """The tables whose rows are a user's."""
        return {"ratings": self.ratings, "tags": self.tags}


Plant = Callable[[Frames, float, "Generator"], Frames]


def _whole(warehouse: Warehouse, name: str) -> pd.DataFrame:
    """A table's rows that have user, film and time; none where the delivery lacks it."""
    import pandas as pd

    columns = list(COLUMNS[name])
    keys = [column for column in columns if column in KEYS]
    if not warehouse.has(name):
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns, "str") | dict.fromkeys(keys, "int64"))
    table = warehouse.sql(f"select {', '.join(columns)} from {name} order by source_line")
    return table.dropna(subset=keys).astype(dict.fromkeys(keys, "int64")).reset_index(drop=True)


def halved(users: NDArray[Any], rng: Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    shuffled = rng.permutation(users)
    return shuffled[: len(users) // 2], shuffled[len(users) // 2 :]


def halves(frames: Frames, rng: Generator) -> tuple[Frames, Frames]:
    """What two random halves of the users did, over one catalogue: nothing differs but by chance."""
    one, other = halved(users_of(frames.ratings), rng)
    return frames.of(one), frames.of(other)


def users_of(table: pd.DataFrame) -> NDArray[np.int64]:
    return np.sort(table["userId"].unique())


def chosen(n: int, share: float, rng: Generator) -> NDArray[np.bool_]:
    """Each of `n` with the chance `share`; of one seed, a larger share takes what a smaller one does, and more."""
    return rng.random(n) < share


def some_rows(table: pd.DataFrame, share: float, rng: Generator) -> NDArray[np.bool_]:
    return chosen(len(table), share, rng)


def rows_of_some_users(table: pd.DataFrame, share: float, rng: Generator) -> NDArray[np.bool_]:
    """All rows of a share of the users, as where a client's version is rolled out to these."""
    users = users_of(table)
    return table["userId"].isin(users[chosen(len(users), share, rng)]).to_numpy()


def put(table: pd.DataFrame, column: str, rows: NDArray[np.bool_], values: Any) -> pd.DataFrame:
    """The table with `values` (one, or one a row of the table) in a column of these rows."""
    return table.assign(**{column: table[column].where(~rows, values)})


def mix(table: pd.DataFrame, column: str, rows: NDArray[np.bool_], rng: Generator) -> pd.DataFrame:
    """The table with a column's values dealt anew among these rows."""
    values = table[column].to_numpy().copy()
    values[rows] = rng.permutation(values[rows])
    return table.assign(**{column: values})


def mix_within_users(table: pd.DataFrame, column: str, rows: NDArray[np.bool_], rng: Generator) -> pd.DataFrame:
    """The table with a column's values dealt anew among the rows of each user, in these rows."""
    dealt = table.groupby("userId")[column].transform(lambda values: rng.permutation(values.to_numpy()))
    return put(table, column, rows, dealt)


def keep(table: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
    return table[rows].reset_index(drop=True)


def add(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([table, rows[list(table.columns)].astype(table.dtypes)], ignore_index=True)


def lowest(sizes: pd.Series[Any], share: float) -> NDArray[Any]:
    """The keys of the share of a series that is lowest in value; ties by key."""
    ordered = sizes.sort_index().sort_values(kind="stable")
    return ordered.index.to_numpy()[: round(share * len(ordered))]
