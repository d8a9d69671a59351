"""Crowds: within two months, or a year, a good part of all active users gave one film the same level.

That is a crowd only where it is not what the film is known for: users of other times do so far less, or hardly anybody
who rated the film then gave it another level.

Honest users hardly do: in the months when a film is liked most, one in twenty to one in ten of the active ones gives it
the highest levels; where all came within months, every third may love one film, and nearly as many like it less. A
crowd may yet be one of fans, so nobody is judged by being in it. But it has no say in what is usual: attackers who are
a good part of all users would else pass for usual themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from anomaly.ends import ENDS, EXTREMES, End, at_end
from anomaly.features import KEY_BITS, SECONDS
from anomaly.units import DAY

if TYPE_CHECKING:
    from anomaly.profiles import Profiles
    from anomaly.types import Bools, Floats, Ints

# Windows, in seconds to either side, and the share of the users active in one who gave the film such a level: a raid or
# weeks of work, and a drip.
SHARES: Final = {30 * DAY: 0.15, 180 * DAY: 0.2}
FEWEST: Final = 20  # of them; among few active users, a handful is a good part
BEYOND: Final = 2.0  # times the share that it has among the users of other times, where these are ELSEWHERE or more
ELSEWHERE: Final = 100  # users of other times: half of the least share is 7 or 8 of so many, give or take 3
PURE: Final = 0.8  # of the film's ratings then; of films that a third of all users love, two thirds are at the top
ASKED: Final = 20_000  # users, spread evenly, who tell of all where the crowds are
NEAR: Final = 7 * DAY  # to a rating of one of them that is in a crowd, so is a rating of anybody else
MOST: Final = 0.6  # of all users: somebody must be left to say what is usual


class _Crowds(NamedTuple):
    """Ratings in crowds at one end, as sorted keys of film and time, with how many do the same within the window of
    each and how many are active then."""

    key: Ints
    together: Ints
    active: Ints

    def of(self, chosen: Bools) -> _Crowds:
        return _Crowds(*(column[chosen] for column in self))

    def shares(self, key: Ints) -> Floats:
        """The share that the crowd that each key's rating is in has of the active users, 0 for none."""
        after = np.searchsorted(self.key, key).clip(max=len(self.key) - 1)
        sides = np.stack([after, np.maximum(after - 1, 0)])
        share = self.together / self.active
        return np.where(np.abs(self.key[sides] - key) <= NEAR, share[sides], 0.0).max(axis=0)


def crowded(profiles: Profiles) -> Bools:
    """Who is in a crowd, shape (n_users,)."""
    step = -(-profiles.n_users // ASKED)
    asked = profiles.span(0, profiles.n_users) if step <= 1 else profiles.take(np.arange(0, profiles.n_users, step))
    active, share = {window: _active(asked, window) for window in SHARES}, np.zeros(profiles.n_users)
    for end in ENDS:
        key = np.sort(_keys(asked, at_end(asked, end)))
        for window in SHARES:
            crowds = _crowds(key, window, active[window])
            if len(crowds.key):
                crowds = crowds.of(_beyond(crowds, key, asked.n_users) | _pure(crowds, window, asked, end))
                share = np.maximum(share, _largest_shares(profiles, end, crowds))
    return _largest(share)


def _largest(share: Floats) -> Bools:
    """Who has the largest shares, and no more than may be; of equal ones, as those of one crowd are, any.

    To leave out all of these instead would make attackers usual once there is one more of them than may be.
    """
    in_any_order = np.random.default_rng(0).permutation(len(share))
    largest = np.lexsort((in_any_order, -share))[: int(MOST * len(share))]
    return np.isin(np.arange(len(share)), largest) & (share > 0)


def _crowds(key: Ints, window: int, active: Ints) -> _Crowds:
    """Who is a good part of the active. key: all ratings at this end, sorted. active: users by bin of time."""
    found = _Crowds(key, _within(key, key, window), active[(key & SECONDS) // window])
    return found.of((found.together >= FEWEST) & (found.together / found.active >= SHARES[window]))


def _beyond(crowds: _Crowds, key: Ints, n_users: int) -> Bools:
    """Which do what users of other times, if there are enough to tell, hardly do. key: all ratings at this end."""
    film = crowds.key >> KEY_BITS
    of_film = np.searchsorted(key, film + 1 << KEY_BITS) - np.searchsorted(key, film << KEY_BITS)
    others = n_users - crowds.active
    done = crowds.together / crowds.active * others >= BEYOND * (of_film - crowds.together)
    return np.asarray((others >= ELSEWHERE) & done)


def _pure(crowds: _Crowds, window: int, asked: Profiles, end: End) -> Bools:
    """Where hardly anybody gave the film another level then."""
    rows = np.flatnonzero(np.isin(asked.film, np.unique(crowds.key >> KEY_BITS)))
    # Who pushes a film and who nukes it at the same time do not make each other usual.
    alike = np.logical_or.reduce([at_end(asked, one)[rows] for one in (EXTREMES if end in EXTREMES else (end,))])
    some, all_ = (_within(np.sort(_keys(asked, which)), crowds.key, window) for which in (rows[alike], rows))
    return np.asarray(some >= PURE * all_)


def _within(key: Ints, moments: Ints, window: int) -> Ints:
    """How many of the sorted keys are of the same film as each moment, a key, and no farther than the window."""
    first = np.maximum(moments - window, moments >> KEY_BITS << KEY_BITS)
    return np.searchsorted(key, moments + window, side="right") - np.searchsorted(key, first)


def _largest_shares(profiles: Profiles, end: End, crowds: _Crowds) -> Floats:
    """Each user's largest share of a crowd at this end."""
    share = np.zeros(profiles.n_users)
    films = np.unique(crowds.key >> KEY_BITS)
    for first, part in profiles.chunks():
        rows = np.flatnonzero(at_end(part, end) & np.isin(part.film, films))
        np.maximum.at(share, first + part.user[rows], crowds.shares(_keys(part, rows)))
    return share


def _keys(profiles: Profiles, rows: Ints | Bools) -> Ints:
    return (profiles.film[rows].astype(np.int64) << KEY_BITS) + profiles.timestamp[rows]


def _active(profiles: Profiles, window: int) -> Ints:
    """How many users rated in each bin of time or those beside it, counted in each bin, and so up to three times."""
    counts = np.zeros(3, np.int64)
    for _, part in profiles.chunks():
        number = part.timestamp // window
        new = np.append(True, (np.diff(number) != 0) | (np.diff(part.user) != 0))
        found = np.bincount(number[new], minlength=len(counts))
        counts = np.pad(counts, (0, len(found) - len(counts))) + found
    return np.convolve(counts, np.ones(3, np.int64), "same")
