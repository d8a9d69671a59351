"""Ways to damage a delivery, each giving a function that plants one fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scripts.mutation.delivery import Delivery

Plant = Callable[[Delivery], object]
Change = Callable[["pd.Series[str]"], "pd.Series[str]"]
DAY = 86_400


def put(table: str, share: float | None = None, **cells: str) -> Plant:
    """Put values into the cells of random rows: one row (None), or a share of them."""

    def plant(delivery: Delivery) -> None:
        rows, places = delivery[table], delivery.some(table, share)
        for column, value in cells.items():
            changed = rows[column].copy()
            changed.iloc[places] = value
            rows[column] = changed

    return plant


def alter(table: str, column: str, change: Change, share: float | None = 1.0) -> Plant:
    """Compute a column's cells anew, in all rows, a share of them, or one (None)."""

    def plant(delivery: Delivery) -> None:
        rows, places = delivery[table], delivery.some(table, share)
        changed = rows[column].copy()
        changed.iloc[places] = change(changed.iloc[places]).to_numpy()
        rows[column] = changed

    return plant


def scaled(factor: float, offset: float = 0.0) -> Change:
    """Ratings on another scale."""
    return lambda cells: (cells.astype(float) * factor + offset).astype(str)


def timed(change: Callable[[pd.Series[int]], pd.Series[int]]) -> Change:
    """Timestamps in another unit, zone or moment."""
    return lambda cells: change(cells.astype("int64")).astype(str)


def swap(table: str, one: str, other: str) -> Plant:
    """Exchange the values of two columns."""

    def plant(delivery: Delivery) -> None:
        rows = delivery[table]
        rows[[one, other]] = rows[[other, one]].to_numpy()

    return plant


def shuffle(table: str, column: str) -> Plant:
    """Give every row a value of another one: the column keeps its distribution and loses its meaning."""

    def plant(delivery: Delivery) -> None:
        delivery[table][column] = delivery.random.permutation(delivery[table][column].to_numpy())

    return plant


def shuffle_within(table: str, column: str, group: str) -> Plant:
    """The same among the rows of one film, or another group, as a paste beside rows sorted by that alone does."""

    def plant(delivery: Delivery) -> None:
        rows = delivery[table]
        rows[column] = rows.groupby(group)[column].transform(
            lambda cells: delivery.random.permutation(cells.to_numpy())
        )

    return plant


def slide(table: str, column: str) -> Plant:
    """Move a column down by one row, as a paste one line off does."""

    def plant(delivery: Delivery) -> None:
        delivery[table][column] = np.roll(delivery[table][column].to_numpy(), 1)

    return plant


def copy(table: str, column: str, other: str) -> Plant:
    """Fill a column from another one."""
    return lambda delivery: delivery[table].__setitem__(column, delivery[table][other])


def rename(table: str, **names: str) -> Plant:
    """Rename columns in the header."""
    return lambda delivery: delivery.__setitem__(table, delivery[table].rename(columns=names))


def add_column(table: str, name: str, value: str) -> Plant:
    """Add a column of one value."""
    return lambda delivery: delivery[table].insert(len(delivery[table].columns), name, value, allow_duplicates=True)


def drop_column(table: str, name: str) -> Plant:
    return lambda delivery: delivery.__setitem__(table, delivery[table].drop(columns=name))


def append(table: str, *rows: Sequence[str]) -> Plant:
    """Add rows at the end."""

    def plant(delivery: Delivery) -> None:
        more = pd.DataFrame(list(rows), columns=delivery[table].columns)
        delivery[table] = pd.concat([delivery[table], more], ignore_index=True)

    return plant


def repeat(table: str, share: float | None, **changed: str) -> Plant:
    """Deliver random rows again, changed in some cells."""

    def plant(delivery: Delivery) -> None:
        again = delivery[table].iloc[delivery.some(table, share)].assign(**changed)
        delivery[table] = pd.concat([delivery[table], again], ignore_index=True)

    return plant


def keep(table: str, which: Callable[[pd.DataFrame], Any]) -> Plant:
    """Keep the rows alone that `which` tells by True."""

    def plant(delivery: Delivery) -> None:
        rows = delivery[table]
        delivery[table] = rows[which(rows)]

    return plant


def head(table: str, share: float) -> Plant:
    """Keep the first rows alone: a file cut at a line's end."""
    return lambda delivery: delivery.__setitem__(table, delivery[table].head(round(share * len(delivery[table]))))


def recode(table: str, change: Callable[[bytes], bytes]) -> Plant:
    """Change the file's bytes."""
    return lambda delivery: delivery.bytes_.__setitem__(table, change(delivery.text(table)))


def lose(table: str) -> Plant:
    """Leave the file out."""
    return lambda delivery: delivery.gone.add(table)


def both(*plants: Plant) -> Plant:
    """One fault of several parts."""
    return lambda delivery: [plant(delivery) for plant in plants]


def cut_mid_line(text: bytes) -> bytes:
    """The first half of a file, up to the first comma of a line."""
    line = text.rindex(b"\n", 0, len(text) // 2) + 1
    return text[: text.index(b",", line)]


def merged_users(delivery: Delivery) -> None:
    """Give the second most active user the id of the most active one."""
    users = delivery["ratings"]["userId"]
    first, second = users.value_counts().index[:2]
    delivery["ratings"]["userId"] = users.replace(second, first)


def joined_with_tags(delivery: Delivery) -> None:
    """A left join with tags, its columns dropped again: a rating for each tag of its film."""
    films = delivery.clean.tables["tags"][["movieId"]]
    delivery["ratings"] = delivery["ratings"].merge(films, on="movieId", how="left")


def without_users(first: float, last: float) -> Plant:
    """Lose the users between two shares of the highest id, as a lost part file does."""

    def which(rows: pd.DataFrame) -> object:
        ids = rows["userId"].astype("int64")
        return ~ids.between(first * ids.max(), last * ids.max())

    return keep("ratings", which)


def sharded(column: str, parts: int) -> Plant:
    """One of several hash shards alone."""
    return keep("ratings", lambda rows: rows[column].astype("int64") % parts == 0)


def after(column: str, share: float) -> Callable[[pd.DataFrame], object]:
    """Rows older than the newest ones."""
    return lambda rows: rows[column].astype("int64") <= rows[column].astype("int64").quantile(share)


def outside_days(first: float, days: int) -> Plant:
    """Lose the ratings of some days, the first of them at a share of the ratings."""

    def which(rows: pd.DataFrame) -> object:
        times = rows["timestamp"].astype("int64")
        start = int(times.quantile(first))
        return ~times.between(start, start + days * DAY)

    return keep("ratings", which)


def test_user(delivery: Delivery) -> None:
    """A tester's account, numbered as nobody else is, with a rating of each of the first films."""
    films = delivery.clean.tables["movies"]["movieId"].head(20)
    append("ratings", *[("999999999", film, "5.0", str(delivery.clean.newest)) for film in films])(delivery)


def strangers(delivery: Delivery) -> None:
    """Tags whose user ids are of another snapshot: each a user's, none the tagger's."""
    users = delivery.clean.tables["ratings"]["userId"].unique()
    taggers = delivery["tags"]["userId"].unique()
    other = delivery.random.choice(users, size=len(taggers), replace=False)
    delivery["tags"]["userId"] = delivery["tags"]["userId"].map(dict(zip(taggers, other, strict=True)))


def mojibake(cells: pd.Series[str]) -> pd.Series[str]:
    """UTF-8 read as Latin-1 and written again."""
    return cells.map(lambda text: text.encode().decode("latin-1"))


def accent(cells: pd.Series[str]) -> pd.Series[str]:
    """A title that needs an encoding."""
    return "Amélie's " + cells
