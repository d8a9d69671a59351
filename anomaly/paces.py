"""When and in what order users rate, in the numbers that plain rules have bounds on: those of no use to a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from anomaly.features import MEASURED
from anomaly.profiles import by_user
from anomaly.threads import in_threads

if TYPE_CHECKING:
    from anomaly.profiles import Profiles
    from anomaly.types import Bools, Floats, Ints

REST: Final = 4 * 3_600  # seconds without a rating in which somebody may have slept
EVEN: Final = 1  # seconds by which pauses that a clock makes differ, where they are stamped in whole ones
NEAR: Final = 0.45  # a share of 0.7 about one pause holds as much about the commonest: two thirds of it at least
LEAST_EVEN: Final = 5  # seconds: people who click through a list pause as evenly for less
STEP: Final = 3  # places up the catalogue that one who goes through it takes at once, as some films have gone


def checkable(profiles: Profiles, features: dict[str, Floats]) -> dict[str, Floats]:
    """What plain rules have bounds on, arrays of shape (n_users,): the features, these numbers, and n_ratings."""
    paced = paces(profiles, features["near_modal_gap_share"])
    return features | paced | {"n_ratings": profiles.size.astype(float)}


def paces(profiles: Profiles, near_modal_gap_share: Floats) -> dict[str, Floats]:
    """Of each user, arrays of shape (n_users,), where profiles number their films in the order of ids.

    even_gap_share: of the pauses between ratings, those within a second of a common one; where the feature
    `near_modal_gap_share` is below `NEAR`, that. awake_hours: the longest time without a pause of `REST`.
    catalogue_order_share: of the ratings, those at a later time than the one before of a film that stands just behind
    its own in the catalogue.
    """
    parts = in_threads(_of_chunk, (part for _, part in profiles.chunks(MEASURED)))
    found = {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}
    even = near_modal_gap_share.astype(float)
    for user in np.flatnonzero(even >= NEAR).tolist():
        times = profiles.seconds[profiles.rows(user)].astype(np.int64)
        even[user] = _even(times[1:] - times[:-1])
    return found | {"even_gap_share": even}


def _of_chunk(part: Profiles) -> dict[str, Floats]:
    gap = np.diff(part.timestamp, prepend=part.timestamp[:1])
    step = np.diff(part.film, prepend=part.film[:1])
    inner = np.ones(len(gap), bool)
    inner[part.start[:-1]] = False
    gaps = np.maximum(part.size - 1, 1)
    return {
        "awake_hours": _awake(~inner | (gap >= REST), part) / 3_600,
        "catalogue_order_share": by_user(inner & (gap > 0) & (step >= 1) & (step <= STEP), part) / gaps,
    }


def _even(gap: Ints) -> float:
    """The largest share of a user's pauses that lie within `EVEN` of a common one."""
    gap = np.sort(gap)
    alike = np.searchsorted(gap, gap + 2 * EVEN, side="right") - np.arange(len(gap))
    return float(alike[gap >= LEAST_EVEN - EVEN].max(initial=0) / max(len(gap), 1))


def _awake(begins: Bools, part: Profiles) -> Ints:
    """The longest stretch of each user, in seconds; `begins` tells where one starts."""
    begin = np.flatnonzero(begins)
    end = np.append(begin[1:], len(begins)) - 1
    first = np.searchsorted(begin, part.start[:-1])
    return np.maximum.reduceat(part.timestamp[end] - part.timestamp[begin], first)
