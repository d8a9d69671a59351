"""Who is judged together, by which profiles, and against whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly.calibration import FEWEST_FOR_TAIL
from anomaly.profiles import Profiles, joined, load
from anomaly.returning import NewRatings, reunite

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from anomaly.types import Bools, Ints, Warehouse

FEWEST_RATINGS = 5  # below, nothing about a profile can be told from chance
# Of fewer trusted users no p-value is below 1/30, so that at a rate of 10 % nobody is flagged unless a fifth of the
# tested are; and of fewer users at all, what is usual hangs on a handful.
FEWEST_USERS = 30


@dataclass(frozen=True)
class Part:
    """Users who are judged together.

    judged: their rows of the table of users. profiles: theirs first, then those of the reference's users. trusted: who
    of all these is, shape (n_users,). new: what those who are judged rated since the reference that knows them.
    """

    judged: pd.DataFrame
    profiles: Profiles
    trusted: Bools
    new: NewRatings


def enough(users: pd.DataFrame) -> pd.DataFrame:
    """The users who rated enough to be judged."""
    return users[users["n_usable"] >= FEWEST_RATINGS].reset_index(drop=True)


class Earlier(NamedTuple):
    """A reference, and its users as users.sql gives them."""

    warehouse: Warehouse
    users: pd.DataFrame


def parted(
    warehouse: Warehouse,
    users: pd.DataFrame,
    reference: Earlier | None,
    trusted_users: Collection[int],
    film_ids: Ints,
    seed: int,
) -> list[Part]:
    """All users in one part; or in two, where most of the reference's came back, so that it holds too few others.

    Then each half of those who came back is held against what the reference knows of the other half.
    """
    named = np.array(list(trusted_users), np.int64)
    if reference is None:
        judged = enough(users)
        trusted = judged["userId"].isin(named).to_numpy(bool)
        profiles = load(warehouse, film_ids, judged)
        return [Part(judged, profiles, trusted, NewRatings.none_of(profiles))]
    beside = _Reference.of(reference, users, film_ids)
    every = beside.part(warehouse, users, named)
    back = np.intersect1d(users["userId"], beside.known["userId"])
    n_others = len(beside.known) - (len(back) + 1) // 2  # of either half
    if every.trusted.sum() >= min(FEWEST_FOR_TAIL, n_others / 2):
        return [every]
    half = users["userId"].isin(np.random.default_rng(seed).permutation(back)[len(back) // 2 :])
    return [beside.part(warehouse, some, named) for some in (users[~half], users[half])]


@dataclass(frozen=True)
class _Reference:
    """What the reference knows: of whoever rated enough, and of all who are in the delivery, too."""

    known: pd.DataFrame
    profiles: Profiles
    film_ids: Ints

    @classmethod
    def of(cls, reference: Earlier, users: pd.DataFrame, film_ids: Ints) -> _Reference:
        known = reference.users[_worth_loading(reference.users, users)].reset_index(drop=True)
        return cls(known, load(reference.warehouse, film_ids, known), film_ids)

    def part(self, warehouse: Warehouse, users: pd.DataFrame, trusted_users: Ints) -> Part:
        """These users, with their earlier ratings, beside the others."""
        some = users[_worth_loading(users, self.known)]
        ids, known_ids = some["userId"].to_numpy(np.int64), self.known["userId"].to_numpy(np.int64)
        both = reunite(load(warehouse, self.film_ids, some), self.profiles, ids, known_ids, FEWEST_RATINGS)
        rated = np.flatnonzero(both.batch.size >= FEWEST_RATINGS)
        others = both.known.take(np.flatnonzero(both.known.size >= FEWEST_RATINGS))
        judged = some.iloc[rated].reset_index(drop=True)
        named = judged["userId"].isin(trusted_users).to_numpy(bool)
        trusted = np.append(both.trusted[rated] | named, np.ones(others.n_users, bool))
        return Part(judged, joined([both.batch.take(rated), others]), trusted, both.new.of_users(rated))


def _worth_loading(users: pd.DataFrame, others: pd.DataFrame) -> pd.Series[bool]:
    """Who rated enough, or has more ratings on the other side."""
    back = (users["n_usable"] > 0) & users["userId"].isin(others["userId"])
    return (users["n_usable"] >= FEWEST_RATINGS) | back
