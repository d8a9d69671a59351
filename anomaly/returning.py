"""Users of a delivery whom the reference knows: by which of their ratings they are judged, and who is trusted.

A delivery may hold all of a user's ratings so far, or those since the last one alone. A few of a user's ratings are no
profile: pauses, sessions and favourites of a month are like nobody's of years, so that most honest users who came back
would be flagged. They are judged by all of their ratings; and by the new ones beside (`anomaly.increments`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly import packing
from anomaly.profiles import Profiles

if TYPE_CHECKING:
    from anomaly.types import Bools, Floats, Ints

FEWEST_PAIRS = 2  # of namesakes, one of whom rated a film otherwise: so many may have had second thoughts


@dataclass(frozen=True)
class NewRatings:
    """What users rated since the reference: whose these are, places among other profiles, (n_users,); each has some."""

    user: Ints
    profiles: Profiles

    @classmethod
    def none_of(cls, profiles: Profiles) -> NewRatings:
        """Nobody's."""
        return cls(np.zeros(0, np.int64), profiles.span(0, 0))

    def of_users(self, places: Ints) -> NewRatings:
        """Those of some users, who are known by their places among these from now on."""
        place = np.full(int(max(self.user.max(initial=-1), places.max(initial=-1))) + 1, -1)
        place[places] = np.arange(len(places))
        kept = np.flatnonzero(place[self.user] >= 0)
        return NewRatings(place[self.user[kept]], self.profiles.take(kept))


class Reunited(NamedTuple):
    """The delivery's users, the reference's who are not among them, which of the first are just as trusted, and what
    those whom the reference knows rated since."""

    batch: Profiles
    known: Profiles
    trusted: Bools
    new: NewRatings


def reunite(batch: Profiles, known: Profiles, batch_ids: Ints, known_ids: Ints, fewest: int) -> Reunited:
    """Give users of the batch their earlier ratings, which the reference holds.

    Whose ratings are those of the reference, one by one, is trusted. Who has half of these or more, and at least
    `fewest`, was delivered whole, and is judged by what was delivered. The others come back: both their parts are one
    profile; unless the same ids stand for other people, who rated the same films, and otherwise, as often as chance
    has it.
    """
    pairs = _Pairs.of(batch, known, batch_ids, known_ids)
    same = pairs.are_the_same(batch, known)
    whole = same | (pairs.shared * 2 >= pairs.earlier_size) & (pairs.size >= fewest)
    back = ~whole & (not pairs.are_others(~whole))
    trusted = np.zeros(batch.n_users, bool)
    trusted[pairs.mine[same]] = True
    gone = np.zeros(known.n_users, bool)
    gone[pairs.theirs[whole | back]] = True
    together = _together(batch, known, pairs, back) if back.any() else batch
    return Reunited(together, known.take(np.flatnonzero(~gone)), trusted, pairs.new_of(batch, whole | back))


@dataclass(frozen=True)
class _Pairs:
    """Namesakes, one in the batch and one in the reference each: their places, (n_pairs,), and what they share.

    size, earlier_size: ratings of each. shared: of the first, whose film the other rated, too; equal: with the same
    level at the same time, as `is_known` says of each rating of the first. chance: films that two strangers, who rate
    what others do, would share.
    """

    mine: Ints
    theirs: Ints
    size: Ints
    earlier_size: Ints
    shared: Ints
    equal: Ints
    is_known: Bools
    chance: Floats

    @classmethod
    def of(cls, batch: Profiles, known: Profiles, batch_ids: Ints, known_ids: Ints) -> _Pairs:
        _, mine, theirs = np.intersect1d(batch_ids, known_ids, assume_unique=True, return_indices=True)
        now, before = batch.take(mine), known.take(theirs)
        at = _place_of(now, before)
        shared = at >= 0
        equal = shared & (now.stars == before.stars[at]) & (now.seconds == before.seconds[at])
        raters = np.bincount(known.film, minlength=int(now.film.max(initial=0)) + 1) / max(1, known.n_users)
        n_shared, n_equal = (np.bincount(now.user[rows], minlength=len(mine)) for rows in (shared, equal))
        chance = np.asarray(np.bincount(now.user, raters[now.film], len(mine)), float)
        return cls(mine, theirs, now.size, before.size, n_shared, n_equal, equal, chance)

    def are_others(self, some: Bools) -> bool:
        """Whether these pairs are of two people each: as many as half of strangers would have rated a film otherwise.

        By pairs, not films: one user with many second thoughts says nothing of the others.
        """
        differ = int((self.shared > self.equal)[some].sum())
        return differ > max(FEWEST_PAIRS, -float(np.expm1(-self.chance[some]).sum()) / 2)

    def new_of(self, batch: Profiles, some: Bools) -> NewRatings:
        """What these pairs' users rated that the reference does not hold."""
        now = batch.take(self.mine)
        new = np.flatnonzero(~self.is_known & some[now.user])
        pair, size = np.unique(now.user[new], return_counts=True)
        start = np.append(0, np.cumsum(size))
        return NewRatings(self.mine[pair], Profiles(start, now.film[new], now.stars[new], now.seconds[new]))

    def are_the_same(self, batch: Profiles, known: Profiles) -> Bools:
        """Which pairs have the same ratings, one by one, (n_pairs,)."""
        same = self.size == self.earlier_size
        one, other = batch.take(self.mine[same]), known.take(self.theirs[same])
        differs = (one.film != other.film) | (one.stars != other.stars) | (one.seconds != other.seconds)
        same[same] = np.bincount(one.user, differs, one.n_users) == 0
        return same


def _place_of(now: Profiles, before: Profiles) -> Ints:
    """The row of `before` with the same user's rating of the same film, for each row of `now`; -1 where none is."""
    if not len(before.film):
        return np.full(len(now.film), -1)
    n_films = int(max(now.film.max(initial=0), before.film.max())) + 1
    keys = before.user * n_films + before.film
    order = np.argsort(keys)
    wanted = now.user * n_films + now.film
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1)


def _together(batch: Profiles, known: Profiles, pairs: _Pairs, back: Bools) -> Profiles:
    """The batch, in which those who come back have their earlier ratings too, but of films that they rated again."""
    mine, before = pairs.mine[back], known.take(pairs.theirs[back])
    earlier = _place_of(before, batch.take(mine)) < 0
    user = np.append(batch.user, mine[before.user[earlier]])
    film = np.append(batch.film, before.film[earlier])
    seconds = np.append(batch.seconds, before.seconds[earlier])
    stars = np.append(batch.stars, before.stars[earlier])
    order = packing.order(user, seconds, film)
    start = np.append(0, np.cumsum(np.bincount(user, minlength=batch.n_users)))
    return Profiles(start, film[order], stars[order], seconds[order])
