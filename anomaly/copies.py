"""Copies among more users than one machine holds, found by their sketches and compared where the ratings lie.

The sketches come to this machine: a hundred bytes of each user. Of the few pairs that share keys repeatedly, what they
have in common is counted in the warehouse. What is cut out of a much longer profile shares too few keys to be found so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from anomaly import rules
from anomaly.sketches import N_KEYS, Sketches, keys_of
from anomaly.types import Warehouse

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.profiles import Profiles
    from anomaly.types import Ints

KEYS: Final = tuple(f"key{number}" for number in range(N_KEYS))
SKETCHED: Final = dict.fromkeys(("first_rated", *KEYS), "bigint")
PAIRS: Final = "anomaly_pairs"


class Pushable(Warehouse, Protocol):
    """A warehouse that takes tables."""

    def push(self, table: str, frame: pd.DataFrame) -> None:
        """Make a temporary table of the rows of `frame`."""


def sketched(profiles: Profiles) -> dict[str, Ints]:
    """The columns `SKETCHED` of the users."""
    columns = (profiles.first_times, *keys_of(profiles).view(np.int64))
    return dict(zip(SKETCHED, columns, strict=True))


def find(warehouse: Pushable, ratings: str, users: pd.DataFrame) -> pd.DataFrame:
    """Who breaks the rule on copied profiles: userId, and otherId, the earlier user of most of the same ratings.

    Args:
        ratings: SQL of the usable ratings of all `users`.
        users: userId, n_usable and `SKETCHED`, in the order in which they count as first where times are equal.
    """
    pairs = _pairs(users)
    warehouse.push(PAIRS, pairs[["userId", "otherId"]])
    text = (Path(__file__).parent / "copies.sql").read_text(encoding="utf-8")
    found = warehouse.sql(text.format(pairs=PAIRS, ratings=ratings)).merge(pairs, on=["userId", "otherId"])
    n = found["n_usable"].to_numpy(float)
    breaks = rules.by_name(rules.COPIED).broken({"copied_ratings": found["common"].to_numpy(float) / n, "n_ratings": n})
    most = found[breaks].sort_values(["userId", "common", "otherId"], ascending=[True, False, True])
    return most.drop_duplicates("userId")[["userId", "otherId"]].reset_index(drop=True)


def _pairs(users: pd.DataFrame) -> pd.DataFrame:
    """userId, n_usable and otherId of users with like sketches of whom the other rated earlier."""
    import pandas as pd

    keys = users[list(KEYS)].to_numpy(np.int64).T.copy().view(np.uint64)
    sketches = Sketches.of(keys, users["first_rated"].to_numpy(np.int64))
    user, other = sketches.repeated()
    later = sketches.turn[other] < sketches.turn[user]
    ids, size = users["userId"].to_numpy(np.int64), users["n_usable"].to_numpy(np.int64)
    user, other = user[later], other[later]
    return pd.DataFrame({"userId": ids[user], "n_usable": size[user], "otherId": ids[other]})
