"""Review bombs: many who within a few days give one film a rating at an end of the scale that few others gave it.

Nothing about each of them need be suspicious: accounts with years of honest ratings bomb films, too. What tells is the
film: how its ratings of those days differ from all its others (bursts on one film: Zhang et al., SIGIR 2006).
"""

from __future__ import annotations

from itertools import chain, groupby, islice, pairwise
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from anomaly.ends import EXTREMES, End
from anomaly.features import KEY_BITS, SECONDS, between, extreme_keys
from anomaly.groups import CHANCE, EXCESS, Crew
from anomaly.profiles import CHUNK
from anomaly.threads import THREADS, in_threads
from anomaly.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.features import Extremes
    from anomaly.profiles import Profiles
    from anomaly.types import Bools, Floats, Ints

FEWEST: Final = 10  # users within a day or a week
LONGEST: Final = 7 * DAY  # from first to last: what lasts longer is a film in season
OTHERS: Final = 20  # ratings of the film at other times: before, nobody knows what it is like
# Films differ in how many of their ratings are at an end, as if each had eight such ratings by chance; and one film's
# days differ, as if no more than a hundred of its ratings told what a day is like.
PRIOR, TELLING = 8.0, 100.0
# Low ratings together; high ones also without 4.5, as fewer like a film that well. (No other level alone: half stars
# came in 2003, so that a level may be usual now that was not given before.)
LEVELS: Final = ((EXTREMES[0],), (EXTREMES[1], End(5.0, np.inf, push=True)))
ALL_LEVELS: Final = tuple(chain.from_iterable(LEVELS))
# Chance is shared among all days on which so many could have met at a film, whether or not they did, and as many weeks;
# each holds as many ratings at least. Few of them are no reason to be content. Most of it is the days', on which ten
# are little beyond it; who meets in a week is far beyond it or, among so many, unseen.
LEAST_WINDOWS: Final = 1_000
CHANCE_OF_DAYS: Final = 0.9 * CHANCE
CHANCE_OF_WEEKS: Final = 0.1 * CHANCE
# Times as many as usual that praise of one week must be: fans meet as well, at what a fifth and more love anyway.
FANS: Final = 5.0


class _Burst(NamedTuple):
    """Ratings of one film within days, at one end or of one level: who gave them, and the first and last second.

    stretch: what the burst was found in, of which one is reported. excess: times as many as usual that it must be.
    """

    film: int
    end: End
    users: Ints
    first: int
    last: int
    stretch: int
    excess: float


def bombed(profiles: Profiles, extremes: Extremes) -> list[Crew]:
    """The bombs, with all who gave the film such a rating then. extremes: those of these very profiles."""
    usual = np.bincount((extremes.key >> KEY_BITS) % 2, minlength=2) / max(len(profiles.film), 1)
    company, dense_weeks = _in_company(profiles, extremes)
    days, weeks = list(_bursts(company)), list(_weeks(dense_weeks))
    rated = list(zip([*days, *weeks], _rated(profiles, [*days, *weeks]), strict=True))
    n_windows = max(len(profiles.film) // FEWEST, LEAST_WINDOWS)
    of_days = _beyond_chance(rated[: len(days)], usual, np.log(CHANCE_OF_DAYS / n_windows))
    return [*of_days, *_beyond_chance(rated[len(days) :], usual, np.log(CHANCE_OF_WEEKS / n_windows))]


def _beyond_chance(rated: list[tuple[_Burst, _Rated]], usual: Floats, bound: float) -> Iterator[Crew]:
    """The least likely burst of each stretch that has one which is not to be expected."""
    crews = ((burst.stretch, _crew(burst, one, usual)) for burst, one in rated)
    unlikely = [(stretch, crew) for stretch, crew in crews if crew is not None and crew.chance < bound]
    for _, same in groupby(unlikely, key=itemgetter(0)):  # in whose order they come
        yield min((crew for _, crew in same), key=attrgetter("chance"))


class _Company(NamedTuple):
    """Ratings at an end with many others of their film and end near them, sorted by key (film, end and time)."""

    key: Ints
    owner: Ints
    rating: Floats

    @classmethod
    def of(cls, parts: list[_Company]) -> _Company:
        """Those of all parts, in the order of keys."""
        key, owner, rating = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(key, owner, rating).some(np.argsort(key, kind="stable"))

    def some(self, which: slice | Bools | Ints) -> _Company:
        """Some of them."""
        return _Company(self.key[which], self.owner[which], self.rating[which])

    def stretches(self, pause: int) -> Iterator[tuple[int, _Company]]:
        """Those of one film and end without a longer pause, with the place of the first."""
        # Keys of another film or end are far beyond any pause.
        border = np.append(np.flatnonzero(np.diff(self.key, prepend=-pause - 1) > pause), len(self.key))
        for first, stop in pairwise(border.tolist()):
            yield first, self.some(slice(first, stop))


def _in_company(profiles: Profiles, extremes: Extremes) -> tuple[_Company, _Company]:
    """Ratings that have many others within a day; and those in the densest week of their film and end, if many are."""
    opened, closed = _dense_weeks(extremes.key)

    def chosen(stretch: tuple[int, Profiles, dict[str, Ints]]) -> tuple[_Company, _Company]:
        first, part, near = stretch
        key, rows = extreme_keys(part)
        # Inside of a week is where more weeks have begun than ended.
        inside = np.searchsorted(opened, key, side="right") > np.searchsorted(closed, key)
        every = _Company(key, first + part.user[rows], part.rating[rows])
        return every.some(near["day"] >= FEWEST - 1), every.some(inside)

    parts = in_threads(chosen, extremes.stretches(profiles, CHUNK))
    of_days, of_weeks = ([pair[i] for pair in parts] for i in range(2))
    return _Company.of(of_days), _Company.of(of_weeks)


def _dense_weeks(key: Ints) -> tuple[Ints, Ints]:
    """First and last key of the densest week of each film and end that has one of many. key: sorted."""
    weeks: list[Ints] = [np.zeros((0, 2), np.int64)]
    for first, stop in pairwise(np.searchsorted(key, np.arange(int(key.max(initial=0) >> KEY_BITS) + 2) << KEY_BITS)):
        week = key[first:stop][_densest(key[first:stop], LONGEST)] if stop - first >= FEWEST else key[:0]
        if len(week) >= FEWEST:
            weeks.append(week[np.newaxis, [0, -1]])
    opened, closed = np.concatenate(weeks).T
    return opened, closed


def _bursts(company: _Company) -> Iterator[_Burst]:
    """Stretches of one film and end without a day's pause, and the densest day of each."""
    for first, stretch in company.stretches(DAY):
        days = 1 + int(stretch.key[-1] - stretch.key[0]) // DAY
        if days <= LONGEST // DAY:
            yield from _at_levels(stretch, first)
        if days > 1:
            yield from _at_levels(stretch.some(_densest(stretch.key, DAY)), first)


def _weeks(company: _Company) -> Iterator[_Burst]:
    """The densest week of each film and end, in which no day need be dense."""
    for first, week in company.stretches(LONGEST):
        yield from _at_levels(week, first, FANS)


def _densest(key: Ints, length: int) -> slice:
    """Where most of the sorted keys lie within so many seconds."""
    until = np.searchsorted(key, key + length, side="right")
    begin = int(np.argmax(until - np.arange(len(until))))
    return slice(begin, int(until[begin]))


def _at_levels(ratings: _Company, stretch: int, praise: float = EXCESS) -> Iterator[_Burst]:
    for end in LEVELS[int(ratings.key[0] >> KEY_BITS & 1)]:
        some = ratings.some(end.holds(ratings.rating))
        users = np.unique(some.owner)
        if len(users) >= FEWEST:
            first, last = int(some.key[0]), int(some.key[-1])
            excess = praise if end.push else EXCESS
            yield _Burst(first >> KEY_BITS + 1, end, users, first & SECONDS, last & SECONDS, stretch, excess)


class _Rated(NamedTuple):
    """How many ratings a burst's film has: of any level in the burst's time, ever, and ever of the burst's levels."""

    then: int
    ever: int
    alike: int


def _rated(profiles: Profiles, bursts: list[_Burst]) -> list[_Rated]:
    window = np.array([(one.film, one.first, one.last) for one in bursts], np.int64).reshape(-1, 3).T
    films = np.unique(window[0])
    turns = in_threads(lambda turn: _counted(profiles, window, films, turn), range(THREADS), profiles.are_many)
    then, of_films = (np.sum(counts, axis=0) for counts in zip(*turns, strict=True))
    of_films = of_films[:, np.searchsorted(films, window[0])]
    level = [ALL_LEVELS.index(burst.end) for burst in bursts]
    alike = of_films[1:][level, np.arange(len(bursts))]
    return [_Rated(*counts) for counts in zip(then.tolist(), of_films[0].tolist(), alike.tolist(), strict=True)]


def _counted(profiles: Profiles, window: Ints, films: Ints, turn: int) -> tuple[Ints, Ints]:
    """Of the stretches whose turn it is: ratings in each window (film, first and last second: (3, n_windows)), and of
    each film, all and of each level that a burst may be of, (1 + n_levels, n_films)."""
    place = np.full(int(profiles.film.max(initial=-1)) + 1, -1)
    place[films] = np.arange(len(films))
    (opened, closed), then = window[1:] + (window[0] << KEY_BITS), np.zeros(window.shape[1], np.int64)
    of_films = np.zeros((1 + len(ALL_LEVELS), len(films)), np.int64)
    for _, part in islice(profiles.chunks(), turn, None, THREADS):
        rows = np.flatnonzero(place[part.film] >= 0)
        film, rating = part.film[rows].astype(np.int64), part.rating[rows]
        then += between(np.sort((film << KEY_BITS) + part.timestamp[rows]), opened, closed)
        number = place[film]
        counted = [number, *(number[end.holds(rating)] for end in ALL_LEVELS)]
        of_films += [np.bincount(some, minlength=len(films)) for some in counted]
    return then, of_films


def _crew(burst: _Burst, rated: _Rated, usual: Floats) -> Crew | None:
    """Those of a burst, if the film's ratings of that time are far more often of its levels than all its others.

    usual: how often any film's are at each end, (2,).
    """
    n, k, others = rated.then, len(burst.users), rated.ever - rated.then
    if others < OTHERS:
        return None
    # Whoever else gave it the rating then counts for others: as few as they are, that is on the safe side.
    share = (rated.alike - k) / others
    weight = min(others, TELLING)
    a, total = PRIOR * usual[int(burst.end.push)] + weight * min(share, 1.0), PRIOR + weight
    if k < burst.excess * n * a / total:
        return None
    chance = _log_chance(min(k, n), n, a, total - a)
    return Crew(frozenset(burst.users.tolist()), burst.film, burst.end, chance)


def _log_chance(at_least: int, n: int, a: float, b: float) -> float:
    """Logarithm of the chance of so many or more of n where the share itself varies (beta-binomial)."""
    from scipy.special import betaln, gammaln, logsumexp

    k = np.arange(at_least, n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return float(logsumexp(ways + betaln(k + a, n - k + b) - betaln(a, b)))
