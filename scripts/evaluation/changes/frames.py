"""A delivery as frames, its two halves, and what the plants share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator
    from numpy.typing import NDArray

NEW = 1_000_000  # added to an id for one that neither half has


@dataclass(frozen=True)
class Frames:
    """The four files of a delivery. A plant hands back others and leaves these as they are."""

    ratings: pd.DataFrame
    movies: pd.DataFrame
    tags: pd.DataFrame
    links: pd.DataFrame

    def having(self, **tables: pd.DataFrame) -> Frames:
        return replace(self, **tables)

    def of(self, users: NDArray[Any]) -> Frames:
        """What these users did, over the whole catalogue of films."""
        return self.having(**{n: t[t["userId"].isin(users)].reset_index(drop=True) for n, t in self.by_users().items()})

    def by_users(self) -> dict[str, pd.DataFrame]:
        """The tables whose rows are a user's."""
        return {"ratings": self.ratings, "tags": self.tags}


Plant = Callable[[Frames, float, "Generator"], Frames]


def halves(frames: Frames, rng: Generator) -> tuple[Frames, Frames]:
    """Two random halves of the users, over one catalogue: nothing differs but by chance."""
    users = rng.permutation(users_of(frames.ratings))
    return frames.of(users[: len(users) // 2]), frames.of(users[len(users) // 2 :])


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
