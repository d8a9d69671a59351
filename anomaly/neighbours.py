"""The most alike other profile of each user, found through an index; nothing is compared pairwise.

Candidates come from two sketches. MinHash (Broder 1997) of the (film, level) pairs finds profiles that are alike as a
whole; the posting lists of a user's rarest films find what was cut out of a longer profile. Only candidates are then
compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomaly.profiles import Profiles
from anomaly.threads import in_threads

if TYPE_CHECKING:
    from anomaly.types import Bools, Floats, Ints

# Twelve keys of two hashes: a copy with 60 % of all pairs in common is met with probability 1 - (1 - 0.36)^12 = 0.995.
N_KEYS, HASHES_A_KEY = 12, 2
RAREST = 8
# A film or a key that more users share tells none of them apart.
LARGEST_BUCKET = 64
# Among very many users there are rarer films to tell by, and fewer need to be met.
MANY_USERS = 20_000
VERIFIED = 3
VOTES = 255  # a candidate can be met once for each key and each of the rarest films
# Codes of film and level stand below the 36th bit of a key, users or pairs above.
CODE = (1 << 36) - 1
PAIRS_AT_ONCE = 1_000
QUERIED = 2_000_000  # ratings of the users whose candidates are sought at a time: each has dozens
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Index:
    """Sketches of indexed users: sorted keys and whose they are."""

    profiles: Profiles
    key: Ints
    owner: Ints
    count: Ints
    sketches: tuple[Ints, Ints]
    largest: int

    @classmethod
    def of(cls, profiles: Profiles, n_films: int) -> Index:
        count = np.bincount(profiles.film, minlength=n_films)
        sketch_key, sketch_owner = sketches = _sketches(profiles)
        largest = LARGEST_BUCKET if profiles.n_users <= MANY_USERS else LARGEST_BUCKET // 4
        rare = np.flatnonzero((count <= largest)[profiles.film])
        key = np.concatenate([sketch_key, profiles.film[rare].astype(np.uint64)])
        owner = np.concatenate([sketch_owner, np.searchsorted(profiles.start, rare, side="right") - 1])
        order = np.argsort(key)
        return cls(profiles, key[order], owner[order], count, sketches, largest)

    def nearest(self, queries: Profiles, *, same: bool) -> dict[str, Floats]:
        """What each queried user shares with the one other user that it shares most with.

        `same` says that the queries are the indexed users themselves, in order. Returns `shared_films` (films in
        common over films of either: Jaccard), `shared_ratings` (share of the user's ratings that the other gave too),
        `copied_films` and `copied_ratings` (the same, with users whose first rating is earlier), `lent_films` (how far
        beyond chance the user's films are among the other's, in standard deviations: chance is a list as long as the
        other's, drawn by popularity), `lent_rarity` (the same as a share, each film weighing by how unlikely it is) and
        `most_like` (the number of the user with most shared ratings, -1 for none).
        """
        pairs = in_threads(lambda chunk: self._candidates(chunk[0], chunk[1], same), queries.chunks(QUERIED))
        query, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        # A film that nobody indexed has rated may yet be met.
        chance = np.maximum(self.count, 0.2) / max(self.count.sum(), 1)
        return _compare(queries, self.profiles, query, other, chance)

    def _candidates(self, first: int, queries: Profiles, same: bool) -> tuple[Ints, Ints]:
        """Pairs of a queried user, numbered from `first` on, and an indexed one that may be most alike."""
        if same:
            mine = slice(first, first + queries.n_users)
            key, owner = (sketch.reshape(N_KEYS, -1)[:, mine].ravel() for sketch in self.sketches)
        else:
            key, owner = _sketches(queries)
            owner = owner + first
        rare_key, rare_owner = self._rarest_films(queries)
        key, owner = np.concatenate([key, rare_key]), np.concatenate([owner, rare_owner + first])
        low, high = np.searchsorted(self.key, key, side="left"), np.searchsorted(self.key, key, side="right")
        width = np.where(high - low <= self.largest, high - low, 0)
        start = np.concatenate([[0], np.cumsum(width)])
        place = np.repeat(low - start[:-1], width) + np.arange(start[-1])
        return _most_voted(np.repeat(owner, width), self.owner[place], self.profiles.n_users, same)

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


def _most_voted(query: Ints, other: Ints, n_others: int, same: bool) -> tuple[Ints, Ints]:
    """The candidates most often met, a few for each query."""
    if same:
        different = query != other
        query, other = query[different], other[different]
    pair, votes = np.unique(query * np.int64(n_others) + other, return_counts=True)
    # One number to sort by: the query, then the most votes, then the candidate.
    lacking = VOTES - np.minimum(votes, VOTES)
    ranked = np.sort((pair // n_others * (VOTES + 1) + lacking) * n_others + pair % n_others)
    query, other = ranked // ((VOTES + 1) * n_others), ranked % n_others
    begin = np.flatnonzero(np.diff(query, prepend=-1))
    place = np.arange(len(query)) - np.repeat(begin, np.diff(np.append(begin, len(query))))
    kept = place < VERIFIED
    return query[kept], other[kept]


def _compare(queries: Profiles, others: Profiles, query: Ints, other: Ints, chance: Floats) -> dict[str, Floats]:
    most_like = np.full(queries.n_users, -1)
    common = _in_common(queries, others, query, other, chance)
    size = queries.size[query]
    earlier = others.timestamp[others.start[other]] < queries.timestamp[queries.start[query]]
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
