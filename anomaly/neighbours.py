"""The most alike other profile of each user, found through an index; nothing is compared pairwise.

Candidates come from two sketches. MinHash (Broder 1997) of the (film, level) pairs finds profiles that are alike as a
whole; the posting lists of a user's rarest films find what was cut out of a longer profile. Of a key that very many
share only a few are met, those that a copy would have: the earliest, who may be the original, and the last before it,
as copies come together. Only candidates are then compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from anomaly.profiles import Profiles
from anomaly.threads import in_threads

if TYPE_CHECKING:
    from anomaly.types import Bools, Floats, Ints

# Twelve keys of two hashes: a copy with 60 % of all pairs in common is met with probability 1 - (1 - 0.36)^12 = 0.995.
N_KEYS, HASHES_A_KEY = 12, 2
RAREST = 8
# A film that more users share tells none of them apart, and of a key not all are met.
LARGEST_BUCKET = 64
EARLIEST, LAST_BEFORE = 4, 4
STRONG = 2  # keys that two profiles share: few pairs of honest users do
# Among very many users there are rarer films to tell by, and fewer need to be met.
MANY_USERS = 20_000
VERIFIED = 3
VOTES = 255  # a candidate can be met once for each key and each of the rarest films
# Codes of film and level stand below the 36th bit of a key, users or pairs above.
CODE = (1 << 36) - 1
TURN_BITS = 32
PAIRS_AT_ONCE = 1_000
QUERIED = 2_000_000  # ratings of the users whose candidates are sought at a time: each has dozens
_ODD = np.uint64(0x9E3779B97F4A7C15)

Votes: TypeAlias = "tuple[Ints, Ints]"  # distinct pairs (query * n_indexed + other, sorted), and how often each met


@dataclass(frozen=True)
class Index:
    """Sketches of indexed users: sorted keys and whose they are, those of one key in the order of `turn`.

    turn: the place of each user in the order of first ratings. queue: of each key, its number among all that differ,
    above the owner's turn; sorted.
    """

    profiles: Profiles
    turn: Ints
    key: Ints
    owner: Ints
    queue: Ints
    count: Ints
    sketches: tuple[Ints, Ints]
    largest: int

    @classmethod
    def of(cls, profiles: Profiles, n_films: int) -> Index:
        count = np.bincount(profiles.film, minlength=n_films)
        sketches = _sketches(profiles)
        by_time = np.argsort(_first_times(profiles), kind="stable")
        turn = np.empty(profiles.n_users, np.int64)
        turn[by_time] = np.arange(profiles.n_users)
        largest = LARGEST_BUCKET if profiles.n_users <= MANY_USERS else LARGEST_BUCKET // 4
        rare = np.flatnonzero((count <= largest)[profiles.film])
        in_turn = (sketch.reshape(N_KEYS, -1)[:, by_time].ravel() for sketch in sketches)
        key, owner = (np.concatenate(both) for both in zip(in_turn, _postings(profiles, rare), strict=True))
        order = np.argsort(key, kind="stable")
        key, owner = key[order], owner[order]
        queue = (np.cumsum(np.diff(key, prepend=key[:1]) != 0) << TURN_BITS) + turn[owner]
        return cls(profiles, turn, key, owner, queue, count, sketches, largest)

    def nearest(self, queries: Profiles, *, same: bool) -> dict[str, Floats]:
        """What each queried user shares with the one other user that it shares most with.

        `same` says that the queries are the indexed users themselves, in order. Returns `shared_films` (films in
        common over films of either: Jaccard), `shared_ratings` (share of the user's ratings that the other gave too),
        `copied_films` and `copied_ratings` (the same, with users whose first rating is earlier), `lent_films` (how far
        beyond chance the user's films are among the other's, in standard deviations: chance is a list as long as the
        other's, drawn by popularity), `lent_rarity` (the same as a share, each film weighing by how unlikely it is) and
        `most_like` (the number of the user with most shared ratings, -1 for none).
        """
        turn = self.turn if same else np.searchsorted(np.sort(_first_times(self.profiles)), _first_times(queries))
        pairs = in_threads(lambda chunk: self._candidates(chunk[0], chunk[1], turn, same), queries.chunks(QUERIED))
        query, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        # A film that nobody indexed has rated may yet be met.
        chance = np.maximum(self.count, 0.2) / max(self.count.sum(), 1)
        return _compare(queries, self.profiles, query, other, self.turn[other] < turn[query], chance)

    def _candidates(self, first: int, queries: Profiles, turn: Ints, same: bool) -> tuple[Ints, Ints]:
        """Pairs of a queried user, numbered from `first` on, and an indexed one that may be most alike.

        turn: how many indexed users rated before each queried one, of all that are queried.
        """
        if same:
            mine = slice(first, first + queries.n_users)
            key, owner = (sketch.reshape(N_KEYS, -1)[:, mine].ravel() for sketch in self.sketches)
        else:
            key, owner = _sketches(queries)
            owner = owner + first
        low, high = np.searchsorted(self.key, key, side="left"), np.searchsorted(self.key, key, side="right")
        crowded = high - low > self.largest
        met = self._votes(owner, low, np.where(crowded, low, high), same)
        in_crowds = self._votes_in_crowds(owner[crowded], low[crowded], turn, same)
        pair = _most_voted(*_added(met, self._votes_by_rarest_films(first, queries, same)), self.profiles.n_users)
        pair = np.append(pair, np.setdiff1d(self._strongest(*_added(met, in_crowds)), pair, assume_unique=True))
        return pair // self.profiles.n_users, pair % self.profiles.n_users

    def _votes_by_rarest_films(self, first: int, queries: Profiles, same: bool) -> Votes:
        key, owner = self._rarest_films(queries)
        low, high = np.searchsorted(self.key, key, side="left"), np.searchsorted(self.key, key, side="right")
        return self._votes(owner + first, low, high, same)

    def _votes_in_crowds(self, owner: Ints, low: Ints, turn: Ints, same: bool) -> Votes:
        """Votes of a few users before each owner among the very many from `low` on that have one key."""
        mine = np.searchsorted(self.queue, (self.queue[low] >> TURN_BITS << TURN_BITS) + turn[owner])
        early = np.minimum(low + EARLIEST, mine)
        begin, end = np.append(low, np.maximum(early, mine - LAST_BEFORE)), np.append(early, mine)
        return self._votes(np.append(owner, owner), begin, end, same)

    def _strongest(self, pair: Ints, votes: Ints) -> Ints:
        """Each user's pairs that met repeatedly: those that did most often, and of these about the earliest."""
        pair, votes = pair[votes >= STRONG], votes[votes >= STRONG]
        often = pair[2 * votes >= _most_of_query(votes, pair // self.profiles.n_users)]
        query, other = often // self.profiles.n_users, often % self.profiles.n_users
        order = np.argsort((query << TURN_BITS) + self.turn[other])
        earliest = often[order][np.diff(query[order], prepend=-1) != 0]
        return np.union1d(_most_voted(pair, votes, self.profiles.n_users), earliest)

    def _votes(self, owner: Ints, low: Ints, high: Ints, same: bool) -> Votes:
        """The pairs of an owner and who stands in its range of the index."""
        width = high - low
        start = np.concatenate([[0], np.cumsum(width)])
        place = np.repeat(low - start[:-1], width) + np.arange(start[-1])
        query, other = np.repeat(owner, width), self.owner[place]
        if same:
            different = query != other
            query, other = query[different], other[different]
        return np.unique(query * np.int64(self.profiles.n_users) + other, return_counts=True)

    def _rarest_films(self, queries: Profiles) -> tuple[Ints, Ints]:
        count = self.count[queries.film]
        usable = np.flatnonzero((count > 0) & (count <= self.largest))
        order = usable[np.lexsort((count[usable], queries.user[usable]))]
        user = queries.user[order]
        begin = np.flatnonzero(np.diff(user, prepend=-1))
        place = np.arange(len(user)) - np.repeat(begin, np.diff(np.append(begin, len(user))))
        kept = order[place < RAREST]
        return queries.film[kept].astype(np.uint64), queries.user[kept]


def _codes(profiles: Profiles) -> Ints:
    return profiles.film.astype(np.int64) * 16 + np.round(profiles.rating * 2).astype(np.int64)


def _sketches(profiles: Profiles) -> tuple[Ints, Ints]:
    parts = in_threads(lambda chunk: _keys(chunk[1]), profiles.chunks())
    keys = np.concatenate([np.zeros((N_KEYS, 0), np.uint64), *parts], axis=1)
    return keys.ravel(), np.tile(np.arange(profiles.n_users), N_KEYS)


def _keys(part: Profiles) -> Ints:
    """The keys of each user, shape (N_KEYS, n_users)."""
    code = (_codes(part).astype(np.uint64) + np.uint64(1)) * _ODD
    code ^= code >> np.uint64(29)
    keys = np.empty((N_KEYS, part.n_users), np.uint64)
    for number in range(N_KEYS):
        lowest = [_lowest_hash(code, number * HASHES_A_KEY + i, part) for i in range(HASHES_A_KEY)]
        mixed = lowest[0] * np.uint64(31) + lowest[1] * _ODD + np.uint64(number)
        keys[number] = mixed | np.uint64(1 << 63)
    return keys


def _lowest_hash(code: Ints, number: int, part: Profiles) -> Ints:
    multiplier = np.uint64(2 * (0xD1342543DE82EF95 * (number + 1) % (1 << 62)) + 1)
    hashed = code * multiplier
    hashed ^= hashed >> np.uint64(32)
    return np.minimum.reduceat(hashed, part.start[:-1])


def _first_times(profiles: Profiles) -> Ints:
    """When each user rated first."""
    return profiles.timestamp[profiles.start[:-1]]


def _postings(profiles: Profiles, rows: Ints) -> tuple[Ints, Ints]:
    """The film of each of the rows as a key, and its user."""
    return profiles.film[rows].astype(np.uint64), np.searchsorted(profiles.start, rows, side="right") - 1


def _most_of_query(votes: Ints, query: Ints) -> Ints:
    """For each pair the most votes of all pairs of its query, which stand together."""
    begin = np.flatnonzero(np.diff(query, prepend=-1))
    return np.repeat(np.maximum.reduceat(votes, begin), np.diff(begin, append=len(query)))


def _added(first: Votes, second: Votes) -> Votes:
    pair = np.append(first[0], second[0])
    order = np.argsort(pair, kind="stable")  # which merges two lists that are sorted
    begin = np.flatnonzero(np.diff(pair[order], prepend=-1))
    return pair[order][begin], np.add.reduceat(np.append(first[1], second[1])[order], begin)


def _most_voted(pair: Ints, votes: Ints, n_others: int) -> Ints:
    """The pairs that met most often, a few for each user."""
    # One number to sort by: the query, then the most votes, then the candidate.
    lacking = VOTES - np.minimum(votes, VOTES)
    ranked = np.sort((pair // n_others * (VOTES + 1) + lacking) * n_others + pair % n_others)
    query, other = ranked // ((VOTES + 1) * n_others), ranked % n_others
    begin = np.flatnonzero(np.diff(query, prepend=-1))
    place = np.arange(len(query)) - np.repeat(begin, np.diff(np.append(begin, len(query))))
    kept = place < VERIFIED
    return query[kept] * n_others + other[kept]


def _compare(
    queries: Profiles, others: Profiles, query: Ints, other: Ints, earlier: Bools, chance: Floats
) -> dict[str, Floats]:
    most_like = np.full(queries.n_users, -1)
    common = _in_common(queries, others, query, other, chance)
    size = queries.size[query]
    jaccard, alike = common.films / (size + others.size[other] - common.films), common.ratings / size

    def most(values: Floats) -> Floats:
        highest = np.zeros(queries.n_users)
        np.maximum.at(highest, query, values)
        return highest

    ratings = most(alike)
    best = (common.ratings > 0) & (alike >= ratings[query])
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

    def compare(first: int) -> None:
        pairs = slice(first, first + PAIRS_AT_ONCE)
        key, _ = _by_pair(others, theirs, other[pairs])
        wanted, begin = _by_pair(queries, mine, query[pairs])
        # A film is rated once by a user, so the nearest key at or above film x 16 is the film's, if any is. Both lists
        # are sorted, pair for pair: each search ends beside the last one, in the caches.
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
    codes = np.empty(len(profiles.film), np.int32)

    def sort(chunk: tuple[int, Profiles]) -> None:
        first, part = chunk
        key = (part.user.astype(np.int64) << 36) + _codes(part)
        begin = profiles.start[first]
        codes[begin : begin + len(key)] = np.sort(key) & CODE

    in_threads(sort, profiles.chunks())
    return codes


def _by_pair(profiles: Profiles, codes: Ints, users: Ints) -> tuple[Ints, Ints]:
    """The users' codes under the number of each one's pair, and where each pair begins."""
    size = profiles.size[users]
    start = np.concatenate([[0], np.cumsum(size)])
    rows = np.repeat(profiles.start[users] - start[:-1], size) + np.arange(start[-1])
    return codes[rows] + (np.repeat(np.arange(len(users)), size) << 36), start[:-1]
