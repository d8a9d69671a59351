"""Review bombs: many who within a few days give one film a rating at an end of the scale that few others gave it.

Nothing about each of them need be suspicious: accounts with years of honest ratings bomb films, too. What tells is the
film: how its ratings of those days differ from all its others (bursts on one film: Zhang et al., SIGIR 2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from anomaly.ends import EXTREMES
from anomaly.features import KEY_BITS, SECONDS, between, extreme_keys
from anomaly.groups import CHANCE, DAY, EXCESS, Crew
from anomaly.profiles import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.features import Extremes
    from anomaly.profiles import Profiles
    from anomaly.types import Floats, Ints

FEWEST: Final = 10  # users within a day
LONGEST: Final = 7 * DAY  # from first to last: what lasts longer is a film in season
OTHERS: Final = 20  # ratings of the film at other times: before, nobody knows what it is like
# Films differ in how many of their ratings are at an end, as if each had eight such ratings by chance; and one film's
# days differ, as if no more than a hundred of its ratings told what a day is like.
PRIOR, TELLING = 8.0, 100.0
LEAST_WINDOWS: Final = 1_000  # that chance is shared among: few windows are no reason to be content with less


class _Burst(NamedTuple):
    """Ratings of one film at one end within days: who gave them, and the first and last second."""

    film: int
    push: bool
    users: Ints
    first: int
    last: int


def bombed(profiles: Profiles, extremes: Extremes) -> list[Crew]:
    """The bombs, with all who gave the film such a rating then. extremes: those of these very profiles."""
    key, owner = _in_company(profiles, extremes)
    bursts = list(_bursts(key, owner))
    usual = np.bincount((extremes.key >> KEY_BITS) % 2, minlength=2) / max(len(profiles.film), 1)
    rated = _rated(profiles, bursts)
    bound = np.log(CHANCE / max(len(bursts), LEAST_WINDOWS))
    crews = (_crew(burst, n, ever, extremes, usual) for burst, (n, ever) in zip(bursts, rated, strict=True))
    return [crew for crew in crews if crew is not None and crew.chance < bound]


def _in_company(profiles: Profiles, extremes: Extremes) -> tuple[Ints, Ints]:
    """Keys (film, end and time; sorted) and users' numbers of ratings with many others of their kind within a day."""
    keys: list[Ints] = [np.zeros(0, np.int64)]
    owners: list[Ints] = [np.zeros(0, np.int64)]
    for first, part, near in extremes.stretches(profiles, CHUNK):
        key, rows = extreme_keys(part)
        many = near["day"] >= FEWEST - 1
        keys.append(key[many])
        owners.append(first + part.user[rows[many]])
    key, owner = np.concatenate(keys), np.concatenate(owners)
    order = np.argsort(key, kind="stable")
    return key[order], owner[order]


def _bursts(key: Ints, owner: Ints) -> Iterator[_Burst]:
    """Stretches of one film and end without a day's pause."""
    # Keys of another film or end are far beyond a day.
    border = np.append(np.flatnonzero(np.diff(key, prepend=-DAY - 1) > DAY), len(key))
    for first, stop in zip(border[:-1].tolist(), border[1:].tolist(), strict=True):
        users = np.unique(owner[first:stop])
        if len(users) >= FEWEST and key[stop - 1] - key[first] <= LONGEST:
            film, push = divmod(int(key[first]) >> KEY_BITS, 2)
            yield _Burst(film, bool(push), users, int(key[first]) & SECONDS, int(key[stop - 1]) & SECONDS)


def _rated(profiles: Profiles, bursts: list[_Burst]) -> list[tuple[int, int]]:
    """How many ratings of any level each burst's film has from its first to its last second, and how many ever."""
    film, opened, closed = np.array([(one.film, one.first, one.last) for one in bursts], np.int64).reshape(-1, 3).T
    begin = film << KEY_BITS
    bursting = np.zeros(int(profiles.film.max(initial=-1)) + 1, bool)
    bursting[film] = True
    within, ever = np.zeros(len(bursts), np.int64), np.zeros(len(bursts), np.int64)
    for _, part in profiles.chunks():
        rows = np.flatnonzero(bursting[part.film])
        key = np.sort((part.film[rows].astype(np.int64) << KEY_BITS) + part.timestamp[rows])
        within += between(key, begin + opened, begin + closed)
        ever += between(key, begin, begin + SECONDS)
    return list(zip(within.tolist(), ever.tolist(), strict=True))


def _crew(burst: _Burst, n: int, ever: int, extremes: Extremes, usual: Floats) -> Crew | None:
    """Those of a burst, if the film's ratings of that time are far more often at this end than all its others.

    n, ever: how many ratings the film has then, and at all times. usual: how often any film's are at each end, (2,).
    """
    k, others = len(burst.users), ever - n
    if others < OTHERS:
        return None
    # Whoever else gave it the rating then counts for others: as few as they are, that is on the safe side.
    share = (extremes.all_time[2 * burst.film + burst.push] - k) / others
    weight = min(others, TELLING)
    a, total = PRIOR * usual[int(burst.push)] + weight * min(share, 1.0), PRIOR + weight
    if k < EXCESS * n * a / total:
        return None
    chance = _log_chance(min(k, n), n, a, total - a)
    return Crew(frozenset(burst.users.tolist()), burst.film, EXTREMES[burst.push], chance)


def _log_chance(at_least: int, n: int, a: float, b: float) -> float:
    """Logarithm of the chance of so many or more of n where the share itself varies (beta-binomial)."""
    from scipy.special import betaln, gammaln, logsumexp

    k = np.arange(at_least, n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return float(logsumexp(ways + betaln(k + a, n - k + b) - betaln(a, b)))
