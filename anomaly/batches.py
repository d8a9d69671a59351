"""Who is judged together, by which profiles, and against whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomaly.population import load_users
from anomaly.profiles import Profiles, joined, load
from anomaly.returning import reunite

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from anomaly.types import Bools, Ints, Warehouse

FEWEST_RATINGS = 5  # below, nothing about a profile can be told from chance
FEWEST_USERS = 30


@dataclass(frozen=True)
class Part:
    """Users who are judged together.

    judged: their rows of the table of users. profiles: theirs first, then those of the reference's users. trusted: who
    of all these is, shape (n_users,).
    """

    judged: pd.DataFrame
    profiles: Profiles
    trusted: Bools


def enough(users: pd.DataFrame) -> pd.DataFrame:
    """The users who rated enough to be judged."""
    return users[users["n_usable"] >= FEWEST_RATINGS].reset_index(drop=True)


def parted(
    warehouse: Warehouse,
    users: pd.DataFrame,
    reference: Warehouse | None,
    trusted_users: Collection[int],
    film_ids: Ints,
    seed: int,
) -> list[Part]:
    """All users in one part; or in two, where so many of the reference's came back that it holds too few others.

    Then each half of those who came back is held against what the reference knows of the other half.
    """
    if reference is None:
        judged = enough(users)
        trusted = judged["userId"].isin(list(trusted_users)).to_numpy(bool)
        return [Part(judged, load(warehouse, film_ids, judged), trusted)]
    known = enough(load_users(reference))
    earlier = load(reference, film_ids, known)
    every = _beside(warehouse, users, known, earlier, film_ids)
    if every.trusted.sum() >= FEWEST_USERS:
        return [every]
    back = np.random.default_rng(seed).permutation(np.intersect1d(users["userId"], known["userId"]))
    half = users["userId"].isin(back[len(back) // 2 :])
    return [_beside(warehouse, some, known, earlier, film_ids) for some in (users[~half], users[half])]


def _beside(warehouse: Warehouse, users: pd.DataFrame, known: pd.DataFrame, earlier: Profiles, film_ids: Ints) -> Part:
    """These users, with their earlier ratings, beside the others whom the reference knows."""
    back = (users["n_usable"] > 0) & users["userId"].isin(known["userId"])
    some = users[(users["n_usable"] >= FEWEST_RATINGS) | back]
    ids, known_ids = some["userId"].to_numpy(np.int64), known["userId"].to_numpy(np.int64)
    both = reunite(load(warehouse, film_ids, some), earlier, ids, known_ids)
    rated = np.flatnonzero(both.batch.size >= FEWEST_RATINGS)
    trusted = np.append(both.trusted[rated], np.ones(both.known.n_users, bool))
    return Part(some.iloc[rated].reset_index(drop=True), joined([both.batch.take(rated), both.known]), trusted)
