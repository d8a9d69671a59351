"""Windows that share users who differ from all others: those who rate highest are seen in both.

Of the smaller window they are the larger part, so that its levels are higher though nothing moved; and where all users
rate lower there, the two can make up for each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scripts.evaluation.drifted import drifted

if TYPE_CHECKING:
    from numpy.random import Generator

    from scripts.evaluation.changes.frames import Frames

CAME_BACK: Final = 1 / 3  # of the users
IN_CURRENT: Final = 1 / 4  # of the others
FALLS: Final = (0.0, 0.3, 0.6)  # shares of the current ratings that go half a star down
LEVELS: Final = ("rating", "user_level", "user_bias")


def each_fall(delivery: Frames, pairs: int, rate: float, relabellings: int, seed: int) -> Iterator[dict[str, Any]]:
    """In what share of so many pairs of windows any feature drifted, and one of levels, as levels fall by so much."""
    for fall in FALLS:
        told = [_told(delivery, fall, rate, relabellings, seed + number) for number in range(pairs)]
        found = {"any": float(np.mean(list(map(bool, told))))}
        yield {"fall": fall} | found | {"levels": float(np.mean([bool(one.intersection(LEVELS)) for one in told]))}


def _told(delivery: Frames, fall: float, rate: float, relabellings: int, seed: int) -> set[str]:
    """The features that drifted between two windows."""
    from drift.shifts import plant

    reference, current = parted(delivery, np.random.default_rng(seed))
    fallen, _ = plant(current.ratings, None, "level", fall, None, seed)
    return drifted(reference, current.having(ratings=fallen), rate, relabellings, seed)


def parted(delivery: Frames, rng: Generator) -> tuple[Frames, Frames]:
    """A reference and a current window; each rating of who came back is in either, as chance will have it.

    Tags are left out: they would have to be parted alike.
    """
    ratings = delivery.ratings
    level = ratings.groupby("userId")["rating"].mean()
    back = ratings["userId"].isin(level.index[level >= level.quantile(1 - CAME_BACK)])
    others = ratings["userId"].isin(level.index[rng.random(len(level)) < IN_CURRENT])
    late = np.where(back, rng.random(len(ratings)) < 1 / 2, others)
    bare = delivery.having(tags=delivery.tags[:0])
    return bare.having(ratings=ratings[~late]), bare.having(ratings=ratings[late])
