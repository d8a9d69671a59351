"""The most alike other profile of each user, found through an index; nothing is compared pairwise.

Candidates come from sketches of the profiles, which find those that are alike as a whole (anomaly/sketches.py), and
from the posting lists of a user's rarest films, which find what was cut out of a longer profile. Only candidates are
then compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly.profiles import Profiles, ranges
from anomaly.sketches import Sketches, Votes, added, codes, count_votes, keys_of, most_voted, places
from anomaly.threads import in_threads

if TYPE_CHECKING:
    from anomaly.types import Bools, Floats, Ints

# Films of a user by which others are met: what was cut out of a longer profile holds some of them. Measured: 4 and 16
# rank and flag alike.
RAREST = 8
# Codes of film and level stand below the 36th bit of a key, users or pairs above.
CODE = (1 << 36) - 1
PAIRS_AT_ONCE = 1_000  # compared at a time: the arrays have a row for each rating of both
SORTED = 50_000  # ratings at a time: their keys stay in the caches
QUERIED = 1_000_000  # ratings of the users whose candidates are sought at a time: each has dozens


@dataclass(frozen=True)
class Index:
    """Indexed users: their sketches, how often each film is rated, and of the rare films, sorted, who rated them."""

    profiles: Profiles
    sketches: Sketches
    count: Ints
    film: Ints
    owner: Ints

    @classmethod
    def of(cls, profiles: Profiles, n_films: int) -> Index:
        sketches = Sketches.of(keys_of(profiles), profiles.first_times)
        count = np.bincount(profiles.film, minlength=n_films)
        rare = np.flatnonzero((count <= sketches.largest)[profiles.film])
        rare = rare[np.argsort(profiles.film[rare], kind="stable")]
        owner = np.searchsorted(profiles.start, rare, side="right") - 1
        return cls(profiles, sketches, count, profiles.film[rare], owner)

    def nearest(self, queries: Profiles, *, same: bool) -> dict[str, Floats]:
        """What each queried user shares with the one other user that it shares most with.

        `same` says that the queries are the indexed users themselves, in order. Returns `shared_films` (films in
        common over films of either: Jaccard), `shared_ratings` (share of the user's ratings that the other gave too),
        `copied_films` and `copied_ratings` (the same, with users whose first rating is earlier), `lent_films` (how far
        beyond chance the user's films are among the other's, in standard deviations: chance is a list as long as the
        other's, drawn by popularity), `lent_rarity` (the same as a share, each film weighing by how unlikely it is) and
        `most_like` (the number of the user with most shared ratings, the earliest of several; -1 for none).
        """
        turn = self.sketches.turn
        before = turn if same else np.searchsorted(np.sort(self.profiles.first_times), queries.first_times)
        pairs = in_threads(lambda chunk: self._candidates(chunk[0], chunk[1], before, same), queries.chunks(QUERIED))
        query, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        # A film that nobody indexed has rated may yet be met.
        chance = np.maximum(self.count, 0.2) / max(self.count.sum(), 1)
        return _compare(queries, self.profiles, _Pairs(query, other, turn[other], before[query]), chance)

    def _candidates(self, first: int, queries: Profiles, before: Ints, same: bool) -> tuple[Ints, Ints]:
        """Pairs of a queried user, numbered from `first` on, and an indexed one that may be most alike.

        before: how many indexed users rated earlier than each queried one, of all that are queried.
        """
        keys = self.sketches.keys[:, first : first + queries.n_users] if same else keys_of(queries)
        few, crowds = self.sketches.met(keys, first, before, same=same)
        n_others = self.profiles.n_users
        pair = most_voted(*added(few, self._met_by_rarest_films(first, queries, same)), n_others)
        pair = np.append(pair, np.setdiff1d(self.sketches.strongest(*added(few, crowds)), pair, assume_unique=True))
        return pair // n_others, pair % n_others

    def _met_by_rarest_films(self, first: int, queries: Profiles, same: bool) -> Votes:
        film, owner = self._rarest_films(queries)
        low, high = np.searchsorted(self.film, film, side="left"), np.searchsorted(self.film, film, side="right")
        return count_votes(owner + first, self.owner, low, high, self.profiles.n_users, same=same)

    def _rarest_films(self, queries: Profiles) -> tuple[Ints, Ints]:
        count = self.count[queries.film]
        usable = np.flatnonzero((count > 0) & (count <= self.sketches.largest))
        order = usable[np.lexsort((count[usable], queries.user[usable]))]
        kept = order[places(queries.user[order]) < RAREST]
        return queries.film[kept], queries.user[kept]


class _Pairs(NamedTuple):
    """Queried and indexed users, the other's turn, and how many indexed users rated before the query: (n_pairs,)."""

    query: Ints
    other: Ints
    turn: Ints
    before: Ints


def _compare(queries: Profiles, others: Profiles, pairs: _Pairs, chance: Floats) -> dict[str, Floats]:
    query, other = pairs.query, pairs.other
    common = _in_common(queries, others, query, other, chance)
    size, earlier = queries.size[query], pairs.turn < pairs.before
    jaccard, alike = common.films / (size + others.size[other] - common.films), common.ratings / size

    def most(values: Floats) -> Floats:
        highest = np.zeros(queries.n_users)
        np.maximum.at(highest, query, values)
        return highest

    ratings = most(alike)
    best = np.flatnonzero((common.ratings > 0) & (alike >= ratings[query]))
    best = best[np.argsort(-pairs.turn[best], kind="stable")]  # of those as like, the earliest is put down last
    most_like = np.full(queries.n_users, -1)
    most_like[query[best]] = other[best]
    return {
        "shared_films": most(jaccard),
        "shared_ratings": ratings,
        "copied_films": most(np.where(earlier, jaccard, 0.0)),
        "copied_ratings": most(np.where(earlier, alike, 0.0)),
        "lent_films": most(common.excess),
        "lent_rarity": most(common.rarity),
        "most_like": most_like,
    }


@dataclass(frozen=True)
class Common:
    """What each pair of users has in common, shape (n_pairs,): counts of films and of films at the same level, and the
    films' excess over chance and their share by rarity (see `Index.nearest`)."""

    films: Ints
    ratings: Ints
    excess: Floats
    rarity: Floats


def _in_common(queries: Profiles, others: Profiles, query: Ints, other: Ints, chance: Floats) -> Common:
    n = len(query)
    common = Common(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n))
    if queries is not others:  # a few users against very many
        compared, other = np.unique(other, return_inverse=True)
        others = others.take(compared)
    theirs = _sorted_codes(others)
    mine = theirs if queries is others else _sorted_codes(queries)
    by_other = np.argsort(other, kind="stable")  # who is met often, and has long lists as a rule, is laid out once

    def compare(first: int) -> None:
        pairs = by_other[first : first + PAIRS_AT_ONCE]
        met_ones, number = np.unique(other[pairs], return_inverse=True)
        key, _ = _numbered(others, theirs, met_ones, np.arange(len(met_ones)))
        wanted, begin = _numbered(queries, mine, query[pairs], number)
        # A film is rated once by a user, so the nearest key at or above film x 16 is the film's, if any is. What is
        # searched for is sorted, pair for pair: each search ends beside the last one, in the caches.
        at_film = np.searchsorted(key, wanted & ~np.int64(15))
        met = key[np.minimum(at_film, len(key) - 1)]
        same_film = (met >> 4) == (wanted >> 4)
        common.films[pairs] = np.add.reduceat(same_film, begin, dtype=np.int64)
        common.ratings[pairs] = np.add.reduceat(met == wanted, begin, dtype=np.int64)
        length = np.repeat(others.size[other[pairs]], queries.size[query[pairs]])
        likely = -np.expm1(-length * chance[(wanted & CODE) >> 4])
        common.excess[pairs], common.rarity[pairs] = _beyond_chance(same_film, likely, begin)

    in_threads(compare, range(0, n, PAIRS_AT_ONCE))  # each writes to its own pairs
    return common


def _beyond_chance(met: Bools, likely: Floats, begin: Ints) -> tuple[Floats, Floats]:
    """For each pair, whose rows begin there: excess of the films met in standard deviations, and share by rarity."""
    variance = np.add.reduceat(likely * (1 - likely), begin)
    rarity = -np.log(likely)
    excess = np.add.reduceat(met - likely, begin) / np.sqrt(variance + 1.0)
    return excess, np.add.reduceat(met * rarity, begin) / np.maximum(np.add.reduceat(rarity, begin), 1e-9)


def _sorted_codes(profiles: Profiles) -> Ints:
    """The codes of each user's ratings, sorted."""
    found = np.empty(len(profiles.film), np.int32)

    def sort(chunk: tuple[int, Profiles]) -> None:
        first, part = chunk
        key = (part.user.astype(np.int64) << 36) + codes(part)
        begin = profiles.start[first]
        found[begin : begin + len(key)] = np.sort(key) & CODE

    in_threads(sort, profiles.chunks(SORTED))
    return found


def _numbered(profiles: Profiles, of_users: Ints, users: Ints, number: Ints) -> tuple[Ints, Ints]:
    """The users' codes, out of all that are sorted, under each one's number; and where each user begins."""
    size = profiles.size[users]
    rows = ranges(profiles.start[users], size)
    return of_users[rows] + (np.repeat(number, size) << 36), np.cumsum(size) - size
