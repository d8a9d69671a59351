"""Short sketches of profiles: users who share much of them are found by looking up keys, and never pair by pair.

MinHash (Broder 1997) of the (film, level) pairs: each key is the lowest of some hashes over the profile, so the more
ratings two profiles share, the likelier is a common key. Of a key that very many share only a few are met, those that a
copy would have: the earliest, who may be the original, and the last before it, as copies come together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from anomaly.profiles import ranges
from anomaly.threads import in_threads

if TYPE_CHECKING:
    from anomaly.profiles import Profiles
    from anomaly.types import Ints

# Twelve keys of two hashes: a copy with 60 % of all pairs in common is met with probability 1 - (1 - 0.36)^12 = 0.995.
N_KEYS, HASHES_A_KEY = 12, 2
# A film that more users share tells none of them apart, and of a key not all are met.
LARGEST_BUCKET = 64
# Among very many users there are rarer films to tell by, and fewer need to be met.
MANY_USERS = 20_000
EARLIEST, LAST_BEFORE = 4, 4
STRONG = 2  # keys that two profiles share: few pairs of honest users do
MOST = 3  # pairs of one user that are compared
VOTES = 255  # a candidate can be met once for each key and each of the rarest films
TURN_BITS = 32  # below a key's number: a turn is less than the number of users
_ODD = np.uint64(0x9E3779B97F4A7C15)

Votes: TypeAlias = "tuple[Ints, Ints]"  # distinct pairs (query * n_indexed + other, sorted), and how often each met


@dataclass(frozen=True)
class Sketches:
    """Keys of indexed users, shape (N_KEYS, n_users); and all of them sorted, those of one key in the order of `turn`.

    turn: the place of each user in the order of first ratings. queue: of each sorted key, its number among all that
    differ, above the owner's turn; sorted, too.
    """

    keys: Ints
    turn: Ints
    key: Ints
    owner: Ints
    queue: Ints

    @classmethod
    def of(cls, keys: Ints, first_time: Ints) -> Sketches:
        """first_time: when each user rated first, shape (n_users,)."""
        n_users = keys.shape[1]
        by_time = np.argsort(first_time, kind="stable")
        turn = np.empty(n_users, np.int64)
        turn[by_time] = np.arange(n_users)
        key, owner = keys[:, by_time].ravel(), np.tile(by_time, N_KEYS)
        order = np.argsort(key, kind="stable")
        key, owner = key[order], owner[order]
        queue = (np.cumsum(np.diff(key, prepend=key[:1]) != 0) << TURN_BITS) + turn[owner]
        return cls(keys, turn, key, owner, queue)

    @property
    def n_users(self) -> int:
        return int(self.keys.shape[1])

    @property
    def largest(self) -> int:
        """How many users may share a key, or a film, for all of them to be met."""
        return LARGEST_BUCKET if self.n_users <= MANY_USERS else LARGEST_BUCKET // 4

    def met(self, keys: Ints, first: int, turn: Ints, *, same: bool) -> tuple[Votes, Votes]:
        """Who shares keys with the queried users: by keys that few have; and by those that very many have.

        keys: shape (N_KEYS, n_queries), of the users numbered from `first` on. turn: how many indexed users rated
        before each of all that are queried. same: they are indexed users themselves, and don't meet themselves.
        """
        key, owner = keys.ravel(), np.tile(np.arange(first, first + keys.shape[1]), N_KEYS)
        low, high = np.searchsorted(self.key, key, side="left"), np.searchsorted(self.key, key, side="right")
        crowded = high - low > self.largest
        few = count_votes(owner, self.owner, low, np.where(crowded, low, high), self.n_users, same=same)
        return few, self._met_in_crowds(owner[crowded], low[crowded], turn, same)

    def _met_in_crowds(self, owner: Ints, low: Ints, turn: Ints, same: bool) -> Votes:
        """A few users before each owner among the very many from `low` on that have one key."""
        mine = np.searchsorted(self.queue, (self.queue[low] >> TURN_BITS << TURN_BITS) + turn[owner])
        early = np.minimum(low + EARLIEST, mine)
        begin, end = np.append(low, np.maximum(early, mine - LAST_BEFORE)), np.append(early, mine)
        return count_votes(np.append(owner, owner), self.owner, begin, end, self.n_users, same=same)

    def strongest(self, pair: Ints, votes: Ints) -> Ints:
        """Each user's pairs that met repeatedly: those that did most often, and of these about the earliest."""
        pair, votes = pair[votes >= STRONG], votes[votes >= STRONG]
        often = pair[2 * votes >= _most_of_query(votes, pair // self.n_users)]
        query, other = often // self.n_users, often % self.n_users
        order = np.argsort((query << TURN_BITS) + self.turn[other])
        earliest = often[order][np.diff(query[order], prepend=-1) != 0]
        return np.union1d(most_voted(pair, votes, self.n_users), earliest)

    def repeated(self) -> tuple[Ints, Ints]:
        """Pairs of users who share keys repeatedly, of each user a few: its number, and the other's."""
        pair = self.strongest(*added(*self.met(self.keys, 0, self.turn, same=True)))
        return pair // self.n_users, pair % self.n_users


def keys_of(profiles: Profiles) -> Ints:
    """The keys of each user, shape (N_KEYS, n_users)."""
    parts = in_threads(lambda chunk: _keys(chunk[1]), profiles.chunks())
    return np.concatenate([np.zeros((N_KEYS, 0), np.uint64), *parts], axis=1)


def codes(profiles: Profiles) -> Ints:
    """One number for film and level of each rating."""
    return profiles.film.astype(np.int64) * 16 + np.round(profiles.rating * 2).astype(np.int64)


def _keys(part: Profiles) -> Ints:
    code = (codes(part).astype(np.uint64) + np.uint64(1)) * _ODD
    code ^= code >> np.uint64(29)
    keys = np.empty((N_KEYS, part.n_users), np.uint64)
    for number in range(N_KEYS):
        lowest = [_lowest_hash(code, number * HASHES_A_KEY + i, part) for i in range(HASHES_A_KEY)]
        keys[number] = lowest[0] * np.uint64(31) + lowest[1] * _ODD + np.uint64(number)
    return keys


def _lowest_hash(code: Ints, number: int, part: Profiles) -> Ints:
    multiplier = np.uint64(2 * (0xD1342543DE82EF95 * (number + 1) % (1 << 62)) + 1)
    hashed = code * multiplier
    hashed ^= hashed >> np.uint64(32)
    return np.minimum.reduceat(hashed, part.start[:-1])


def count_votes(query: Ints, others: Ints, low: Ints, high: Ints, n_others: int, *, same: bool) -> Votes:
    """How often each query meets each of those who stand in its ranges of `others`; `same` says that none is itself."""
    query, other = np.repeat(query, high - low), others[ranges(low, high - low)]
    if same:
        different = query != other
        query, other = query[different], other[different]
    return np.unique(query * np.int64(n_others) + other, return_counts=True)


def added(first: Votes, second: Votes) -> Votes:
    """The votes of both."""
    pair = np.append(first[0], second[0])
    order = np.argsort(pair, kind="stable")  # which merges two lists that are sorted
    begin = np.flatnonzero(np.diff(pair[order], prepend=-1))
    return pair[order][begin], np.add.reduceat(np.append(first[1], second[1])[order], begin)


def most_voted(pair: Ints, votes: Ints, n_others: int) -> Ints:
    """The pairs that met most often, a few for each query."""
    # One number to sort by: the query, then the most votes, then the candidate.
    lacking = VOTES - np.minimum(votes, VOTES)
    ranked = np.sort((pair // n_others * (VOTES + 1) + lacking) * n_others + pair % n_others)
    query, other = ranked // ((VOTES + 1) * n_others), ranked % n_others
    kept = places(query) < MOST
    return query[kept] * n_others + other[kept]


def places(group: Ints) -> Ints:
    """The place of each entry among those of its group, which stand together, from 0 on."""
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(len(group)) - np.repeat(begin, np.diff(begin, append=len(group)))


def _most_of_query(votes: Ints, query: Ints) -> Ints:
    """For each pair the most votes of all pairs of its query, which stand together."""
    begin = np.flatnonzero(np.diff(query, prepend=-1))
    return np.repeat(np.maximum.reduceat(votes, begin), np.diff(begin, append=len(query)))
