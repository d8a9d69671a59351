"""What changes a delivery and none of what it says of its users: nothing may cry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frames import NEW, Frames, put, some_rows, users_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator


def nothing(frames: Frames, strength: float, rng: Generator) -> Frames:  # noqa: ARG001
    """Users are split at random, and that is all."""
    return frames


def rows_in_another_order(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of each file's rows have changed places."""

    def moved(table: pd.DataFrame) -> pd.DataFrame:
        rows, order = some_rows(table, share, rng), table.index.to_numpy().copy()
        order[rows] = rng.permutation(order[rows])
        return table.loc[order].reset_index(drop=True)

    names = ("ratings", "movies", "tags", "links")
    return frames.having(**{name: moved(getattr(frames, name)) for name in names})


def users_renumbered(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users have new ids, the same in ratings and tags."""
    users = users_of(frames.ratings)
    ids = NEW + rng.permutation(len(users))
    new = {user: number for user, number, some in zip(users, ids, rng.random(len(users)) < share, strict=True) if some}
    return frames.having(**{n: t.assign(userId=t["userId"].replace(new)) for n, t in frames.by_users().items()})


def fewer_users(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users, whoever they are, is missing with all that they did."""
    users = users_of(frames.ratings)
    return frames.of(users[rng.random(len(users)) >= share])


def genres_in_another_order(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films list their genres backwards."""
    backwards = frames.movies["genres"].map(lambda text: "|".join(reversed(text.split("|"))), na_action="ignore")
    return frames.having(movies=put(frames.movies, "genres", some_rows(frames.movies, share, rng), backwards))


def films_renumbered(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films have new ids in every file."""
    films = frames.movies["movieId"][some_rows(frames.movies, share, rng)]

    def renumbered(table: pd.DataFrame) -> pd.DataFrame:
        return put(table, "movieId", table["movieId"].isin(films).to_numpy(), table["movieId"] + NEW)

    names = ("ratings", "movies", "tags", "links")
    return frames.having(**{name: renumbered(getattr(frames, name)) for name in names})
