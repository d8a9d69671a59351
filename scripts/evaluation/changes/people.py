"""Who rates: others come, some go, and accounts are taken for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .frames import NEW, Frames, add, keep, lowest, mix, put, rows_of_some_users, some_rows, users_of
from .times import DAY
from .values import HIGHEST, LOWEST, STEP

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator
    from numpy.typing import NDArray

GUEST = NEW - 1  # the one id of all who rate without an account
BOTS_FILMS = 50
AWAY = 8 * 3600  # how far another country's clocks are off


def _without(frames: Frames, users: NDArray[Any]) -> Frames:
    return frames.of(np.setdiff1d(users_of(frames.ratings), users))


def casual_users_lost(frames: Frames, share: float, rng: Generator) -> Frames:  # noqa: ARG001  nothing is random
    """Active users only are sampled: the share with the fewest ratings is missing."""
    return _without(frames, lowest(frames.ratings.groupby("userId").size(), share))


def heavy_users_lost(frames: Frames, share: float, rng: Generator) -> Frames:  # noqa: ARG001
    """The share of the users with the most ratings moves on to another service."""
    return _without(frames, lowest(-frames.ratings.groupby("userId").size(), share))


def old_users_purged(frames: Frames, share: float, rng: Generator) -> Frames:  # noqa: ARG001
    """The share of the users who rated longest ago is deleted, as data protection asks."""
    return _without(frames, lowest(frames.ratings.groupby("userId")["timestamp"].max(), share))


def first_ratings_only(frames: Frames, limit: float, rng: Generator) -> Frames:  # noqa: ARG001
    """The export stops after so many ratings of a user, the earliest."""
    place = frames.ratings.sort_values("timestamp", kind="stable").groupby("userId").cumcount()
    return frames.having(ratings=keep(frames.ratings, (place.sort_index() < limit).to_numpy()))


def user_ids_mixed_up(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings stand under each other's users."""
    rows = some_rows(frames.ratings, share, rng)
    return frames.having(ratings=mix(frames.ratings, "userId", rows, rng))


def users_doubled(frames: Frames, share: float, rng: Generator) -> Frames:
    """A login change gives a share of the users a second id, from the middle of their ratings on."""
    switch = frames.ratings.groupby("userId")["timestamp"].median()
    doubled = frames.ratings["userId"][rows_of_some_users(frames.ratings, share, rng)].unique()

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        after = table["userId"].isin(doubled) & (table["timestamp"] > table["userId"].map(switch))
        return put(table, "userId", after.to_numpy(), table["userId"] + NEW)

    return frames.having(**{name: renamed(table) for name, table in frames.by_users().items()})


def accounts_merged(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users become one account with another of them: a household's. One rating a film remains."""
    users = rng.permutation(users_of(frames.ratings))
    pairs = users[: round(share * len(users) / 2) * 2].reshape(-1, 2)
    other = dict(pairs.tolist())
    merged = {name: table.assign(userId=table["userId"].replace(other)) for name, table in frames.by_users().items()}
    merged["ratings"] = merged["ratings"].drop_duplicates(["userId", "movieId"], keep="last", ignore_index=True)
    return frames.having(**merged)


def bots(frames: Frames, share: float, rng: Generator) -> Frames:
    """So many more users, as a share of them, rate fifty films at random, in the last month, with any stars."""
    import pandas as pd

    count = round(share * frames.ratings["userId"].nunique())
    films = frames.movies["movieId"].to_numpy()
    each = min(BOTS_FILMS, len(films))
    draws = [rng.choice(films, each, replace=False) for _ in range(count)]
    rows = {
        "userId": np.repeat(NEW + np.arange(count), each),
        "movieId": np.concatenate(draws) if draws else [],
        "rating": rng.integers(1, 11, count * each) * STEP,
        "timestamp": frames.ratings["timestamp"].max() - rng.integers(0, 30 * DAY, count * each),
    }
    return frames.having(ratings=add(frames.ratings, pd.DataFrame(rows)))


def campaign(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users give one and the same film five stars, within the last week."""
    film = rng.choice(frames.movies["movieId"].to_numpy())
    had = frames.ratings.loc[frames.ratings["movieId"] == film, "userId"]
    called = frames.ratings[rows_of_some_users(frames.ratings, share, rng)].drop_duplicates("userId")
    called = called[~called["userId"].isin(had)]
    when = frames.ratings["timestamp"].max() - rng.integers(0, 7 * DAY, len(called))
    return frames.having(ratings=add(frames.ratings, called.assign(movieId=film, rating=HIGHEST, timestamp=when)))


def _newcomers(frames: Frames, share: float, rng: Generator) -> pd.DataFrame:
    """The ratings of new users, each like one of a share of those there are."""
    alike = frames.ratings[rows_of_some_users(frames.ratings, share, rng)]
    return alike.assign(userId=alike["userId"] + NEW)


def country_joins(frames: Frames, share: float, rng: Generator) -> Frames:
    """Another country's users join, a share of those there are: eight hours away and half a star stricter."""
    new = _newcomers(frames, share, rng)
    strict = (new["rating"] - STEP).clip(lower=LOWEST)
    return frames.having(ratings=add(frames.ratings, new.assign(rating=strict, timestamp=new["timestamp"] + AWAY)))


def imported(frames: Frames, share: float, rng: Generator) -> Frames:
    """Users come from another service, a share of those there are: whole stars, all with the moment of the import."""
    new = _newcomers(frames, share, rng)
    whole = np.floor(new["rating"] + 0.5)
    moment = frames.ratings["timestamp"].max()
    return frames.having(ratings=add(frames.ratings, new.assign(rating=whole, timestamp=moment)))


def guests(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are given without an account, and all stand under one id."""
    rows = some_rows(frames.ratings, share, rng)
    return frames.having(ratings=put(frames.ratings, "userId", rows, GUEST))
