"""When a rating is said to have been given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .frames import Frames, mix_within_users, put, rows_of_some_users, some_rows

if TYPE_CHECKING:
    from numpy.random import Generator

HOUR, DAY = 3600, 86_400
MILLISECONDS = 1000
CHRISTMAS = 12  # the last days of a year
THURSDAY = 3  # 1970-01-01, counted from Monday


def another_zone(frames: Frames, hours: float, rng: Generator) -> Frames:  # noqa: ARG001  nothing is random
    """All times are local ones of a zone so many hours to the east."""
    later = {name: t.assign(timestamp=t["timestamp"] + int(hours * HOUR)) for name, t in frames.by_users().items()}
    return frames.having(**later)


def milliseconds(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users count milliseconds."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    times = frames.ratings["timestamp"] * MILLISECONDS
    return frames.having(ratings=put(frames.ratings, "timestamp", rows, times))


def dates_alone(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings keep their day alone: midnight."""
    midnight = frames.ratings["timestamp"] // DAY * DAY
    return frames.having(ratings=put(frames.ratings, "timestamp", some_rows(frames.ratings, share, rng), midnight))


def stamped_at_load(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings have the moment of the load for their time, a day after the last."""
    load = frames.ratings["timestamp"].max() + DAY
    return frames.having(ratings=put(frames.ratings, "timestamp", some_rows(frames.ratings, share, rng), load))


def christmas(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are given in the last twelve days of their year, at the same time of the day."""
    times = frames.ratings["timestamp"].to_numpy()
    years = times.astype("datetime64[s]").astype("datetime64[Y]")
    ends = (years + 1).astype("datetime64[s]").astype(np.int64)
    moved = ends - rng.integers(1, CHRISTMAS + 1, len(times)) * DAY + times % DAY
    return frames.having(ratings=put(frames.ratings, "timestamp", some_rows(frames.ratings, share, rng), moved))


def at_the_weekend(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are given on the Saturday or Sunday of their week, at the same time of the day."""
    times = frames.ratings["timestamp"]
    monday = times // DAY - (times // DAY + THURSDAY) % 7
    moved = (monday + rng.integers(5, 7, len(times))) * DAY + times % DAY
    return frames.having(ratings=put(frames.ratings, "timestamp", some_rows(frames.ratings, share, rng), moved))


def days_sent_at_once(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users send a day's ratings at once, all with the time of the first."""
    ratings = frames.ratings
    first = ratings.groupby([ratings["userId"], ratings["timestamp"] // DAY])["timestamp"].transform("min")
    rows = rows_of_some_users(ratings, share, rng)
    return frames.having(ratings=put(ratings, "timestamp", rows, first))


def order_mixed_up(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users have their own times, on others of their ratings."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=mix_within_users(frames.ratings, "timestamp", rows, rng))
