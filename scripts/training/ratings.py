"""Validated ratings as arrays, and two ways to hold out the last of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from checks.errors import UserError

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

COLUMNS = {"userId": pa.int64(), "movieId": pa.int64(), "rating": pa.float32(), "timestamp": pa.int64()}
FEWEST_RATINGS = 100  # the error on fewer than 20 held-out ratings would say nothing
HELD_OUT_SHARE = 0.2  # the last fifth, to judge a model on


class TrainingError(UserError):
    """The data can't be trained on."""


@dataclass(frozen=True)
class Ratings:
    """Ratings in the order of time: ids of shape (n,), `rating` in stars, `time` in seconds UTC."""

    user: Integers
    film: Integers
    rating: NDArray[np.float32]
    time: Integers

    def __len__(self) -> int:
        return len(self.rating)

    def where(self, chosen: Mask) -> Ratings:
        """The ratings that a mask of shape (n,) chooses."""
        return Ratings(self.user[chosen], self.film[chosen], self.rating[chosen], self.time[chosen])


def read(path: Path) -> tuple[Ratings, int]:
    """The ratings of a Parquet file that have all four values, and the number of those left out.

    Raises TrainingError where the file can't be read, lacks a column or holds too few ratings.
    """
    try:
        table = pq.read_table(path, columns=list(COLUMNS)).cast(pa.schema(COLUMNS))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise TrainingError(f"{path}: is no table of ratings ({str(error).partition(chr(10))[0]}).") from error
    whole = table.drop_null()
    if len(whole) < FEWEST_RATINGS:
        raise TrainingError(f"{path}: holds {len(whole)} usable ratings; training needs {FEWEST_RATINGS} at least.")
    return _in_time(*(whole[name].to_numpy() for name in COLUMNS)), len(table) - len(whole)


def _in_time(user: Integers, film: Integers, rating: NDArray[np.float32], time: Integers) -> Ratings:
    # Users and films break ties, so that the order does not hang on the file's.
    return Ratings(user, film, rating, time).where(np.lexsort((film, user, time)))  # type: ignore[arg-type]


def last_of_all(ratings: Ratings) -> Mask:
    """The last fifth of all ratings by time, as a model in production meets them: many by users it never saw.

    Ratings of the same second stay together. Raises TrainingError where all were given in one second.
    """
    cut = ratings.time[int((1 - HELD_OUT_SHARE) * len(ratings))]
    held_out = ratings.time >= cut
    if held_out.all():
        held_out = ratings.time > cut
    if not held_out.any():
        raise TrainingError("All ratings have the same time: the last of them can't be held out.")
    return held_out


def last_of_each_user(ratings: Ratings) -> Mask:
    """The last fifth of each user's ratings by time: how well a model foresees users whom it knows.

    It learns from other users' later ratings, which production would not have. Raises TrainingError where no user
    has five ratings.
    """
    order = np.argsort(ratings.user, kind="stable")
    _, first, count = np.unique(ratings.user[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, count)
    held_out = np.zeros(len(order), bool)
    held_out[order] = place >= np.repeat(np.ceil((1 - HELD_OUT_SHARE) * count), count)
    if not held_out.any():
        raise TrainingError("No user has five ratings: the last of each can't be held out; try --hold-out time.")
    return held_out


HOLD_OUTS: dict[str, Callable[[Ratings], Mask]] = {"time": last_of_all, "user": last_of_each_user}
HOLD_OUT_TEXTS = {
    "time": f"the last {100 * HELD_OUT_SHARE:.0f} % of all ratings by time",
    "user": f"the last {100 * HELD_OUT_SHARE:.0f} % of each user's ratings by time",
}


@dataclass(frozen=True)
class Index:
    """Ids in ascending order, and the place of each."""

    ids: Integers

    def __call__(self, ids: Integers) -> Integers:
        """The place of each id, -1 for one that is not there."""
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, place, -1)


def index(ids: Integers) -> Index:
    """An index over the distinct ids."""
    return Index(np.unique(ids))
