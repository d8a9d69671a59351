"""Crowds: so many gave one film the same extreme rating within two months that they are a good part of all users then.

Honest users hardly do: in the months when a film is liked most, one in twenty to one in ten of the active ones gives it
the highest levels. A crowd may yet be one of fans, so nobody is judged by being in it. But it has no say in what is
usual: attackers who are a good part of all users would else pass for usual themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from anomaly.features import BURSTS, Extremes, extreme_keys

if TYPE_CHECKING:
    from anomaly.profiles import Profiles
    from anomaly.types import Bools, Floats, Ints

WINDOW: Final = "month"  # of BURSTS, to either side
SHARE: Final = 0.15  # of the users active in the window, who gave the film the rating
FEWEST: Final = 20  # in a window; among few users, a handful is a good part of them
MOST: Final = 0.6  # of all users: somebody must be left to say what is usual


def crowded(profiles: Profiles, extremes: Extremes, n_users: int) -> Bools:
    """Who is in a crowd, shape (profiles.n_users,).

    extremes: of all `n_users` users, of whom the profiles are all or a sample; `near` is made use of if it is there.
    """
    active, share = _active(profiles) * (n_users / max(profiles.n_users, 1)), np.zeros(profiles.n_users)
    begin = 0
    for first, part in profiles.chunks():
        key, rows = extreme_keys(part)
        known = slice(begin, begin := begin + len(key))
        together = 1 + (extremes.near[WINDOW][known] if extremes.near else extremes.others_within(key, BURSTS[WINDOW]))
        of_active = np.where(together >= FEWEST, together / active[_bin(part.timestamp[rows])], 0)
        np.maximum.at(share, first + part.user[rows], of_active)
    return np.asarray((share >= SHARE) & (share > np.quantile(share, 1 - MOST)))


def _bin(time: Ints) -> Ints:
    return time // BURSTS[WINDOW]


def _active(profiles: Profiles) -> Floats:
    """How many users rated in each bin or the ones beside it, each counted in every bin, and so up to three times."""
    counts = np.zeros(1)
    for _, part in profiles.chunks():
        number = _bin(part.timestamp)
        new = np.append(True, (np.diff(number) != 0) | (np.diff(part.user) != 0))
        found = np.bincount(number[new])
        counts = np.pad(counts, (0, max(0, len(found) - len(counts))))
        counts[: len(found)] += found
    return np.asarray(np.convolve(counts, np.ones(3), "same") if len(counts) > 2 else np.full(3, counts.sum()))
