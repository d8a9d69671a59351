"""Coordinated attacks: suspects who gave the same film the same high or low rating at about the same time.

Whether that is more than chance is asked of everybody who gave the film that rating then. If nobody acts together, each
of them is a suspect as often as users with as many such ratings who came at about the same time: who rates much meets
everybody, and tastes, releases and the site itself move with the years. A count of suspects so far beyond what that
suggests that no window of the whole delivery should reach it is an attack. Who is in a crowd (anomaly/crowds.py) and
joined in is a part of it for less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly.ends import ENDS, End, at_end
from anomaly.packing import in_order
from anomaly.profiles import CHUNK
from anomaly.threads import in_threads
from anomaly.units import DAY, UPPER, UPPER_NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from anomaly.profiles import Films, Profiles
    from anomaly.types import Bools, Floats, Ints


# Fewer than three are a coincidence that nobody would call an attack.
SMALLEST = 3
# A raid, a week's work, a drip: each ends where no suspect rates the film for that long.
PAUSES = (DAY, 7 * DAY, 60 * DAY)
# Expected number of windows that reach it by chance, in a whole delivery.
CHANCE = 0.01
# Among very many users any leaning is beyond chance; an attack is far beyond.
EXCESS = 3.0
# How far counts of suspects scatter is told by the films of each era for which a suspect or more is to be expected, by
# the shortest eras in which these are so many: over all time counts scatter more, but windows are short.
# Their upper tenth tells it: tastes in common show in some films alone, and those under attack are fewer.
ERAS, SCATTER_FROM, FEWEST_TOLD = (24, 8, 4, 1), 1.0, 200
# Users are compared within as many classes of activity (the busiest in classes of their own) and of first ratings.
# Measured: with half and twice as many of first ratings the same crews are found.
ACTIVITIES = (*(number / 12 for number in range(1, 12)), 0.95, 0.98, 0.99, 0.995)
ARRIVALS = 8
# A class of few users is drawn to the share of suspects among all by as many users.
# Measured: with half and twice as many the same crews are found.
PRIOR_USERS = 20
MOST_TARGETS = 5  # films that are told of an attack: those that it moves most
# Members do half of what the busiest quarter of an attack does: attackers leave out some films, bystanders most.
BUSY, MEMBERS_SHARE = 0.75, 0.5


@dataclass(frozen=True)
class Group:
    """One attack: its users, and each target film with the change of its mean that the users cause."""

    name: str
    users: tuple[int, ...]
    targets: tuple[int, ...]
    shifts: tuple[float, ...]
    push: bool


class Crew(NamedTuple):
    """Suspects who gave one film the same high or low rating within a window, the chance of so many (a logarithm), and
    who joined in."""

    users: frozenset[int]
    film: int
    end: End
    chance: float
    joined: frozenset[int] = frozenset()


def find_groups(
    profiles: Profiles,
    films: Films,
    suspects: Bools,
    crowd: Bools | None = None,
    joining: Bools | None = None,
    known: Iterable[Crew] = (),
) -> list[Group]:
    """The attacks among the suspects (n_users,), the largest first; a user belongs to one at most.

    crowd: users who have no say in what is usual. joining: who belongs to an attack if it gave a film the same rating
    while the suspects did. known: crews found otherwise.
    """
    crowd, joining = (np.zeros(len(suspects), bool) if users is None else users for users in (crowd, joining))
    found = [*known, *_all_crews(profiles, suspects, crowd, joining)]
    attacks = _merged(sorted(found, key=lambda crew: (crew.chance, crew.film)))
    attacks = _joined([_without_bystanders(crews) for crews in attacks])
    return [_group(number, crews, profiles, films) for number, crews in enumerate(attacks, start=1)]


class _Ratings(NamedTuple):
    """Ratings at one end of the scale: film, owner (the user's number) and time of each, shape (n_ratings,)."""

    film: Ints
    owner: Ints
    time: Ints

    @classmethod
    def at_end(cls, profiles: Profiles, end: End, films: Bools | None = None) -> _Ratings:
        """All of them, or those of some films (n_films,), by user."""

        def mine(part: Profiles) -> Bools:
            found = at_end(part, end)
            return found if films is None else found & films[part.film]

        chosen = [mine(part) for _, part in profiles.chunks()]
        n = sum(map(np.count_nonzero, chosen))
        ratings = cls(np.empty(n, profiles.film.dtype), np.empty(n, np.int32), np.empty(n, profiles.seconds.dtype))
        begin = 0
        for (first, part), those in zip(profiles.chunks(), chosen, strict=True):
            rows = np.flatnonzero(those)
            taken = slice(begin, begin + len(rows))
            ratings.film[taken], ratings.owner[taken] = part.film[rows], part.user[rows] + first
            ratings.time[taken] = part.seconds[rows]
            begin = taken.stop
        return ratings

    def chunks(self) -> Iterator[_Ratings]:
        """Stretches of them."""
        for begin in range(0, len(self.film), CHUNK):
            yield _Ratings(*(column[begin : begin + CHUNK] for column in self))

    def by_film(self, films: Bools) -> _Ratings:
        """The same, sorted by film and time. films: which films they are of (n_films,)."""
        # Numbered among these, which are fewer, film and time leave room for the owner in one number.
        number = np.cumsum(films, dtype=np.int32) - 1
        film, time, owner = in_order(number[self.film], self.time, self.owner)
        return _Ratings(np.flatnonzero(films).astype(self.film.dtype)[film], owner, time)


@dataclass(frozen=True)
class _Usual:
    """What is usual at one end of the scale.

    suspects, users: of each class (n_classes,), among those who have a say. share: of suspects among these. klass: of
    each user (n_users,). say: who has one. films: at which enough suspects meet (n_films,). scatter: of suspects who
    meet at a film; counts of mean m have the variance m + scatter m^2, as Poisson's do whose means differ by tastes
    (negative binomial).
    """

    suspects: Ints
    users: Ints
    share: float
    klass: Ints
    say: Bools
    films: Bools
    scatter: float = 0.0

    @classmethod
    def at_ends(cls, profiles: Profiles, suspects: Bools, crowd: Bools) -> dict[End, _Usual]:
        """At each end; counts there are few, so how far they scatter is told by all ends together."""

        def at(end: End) -> tuple[_Usual, Floats]:
            ratings = _Ratings.at_end(profiles, end)
            activity = np.bincount(ratings.owner, minlength=len(suspects))
            klass = _classes(activity, profiles.first_times)
            met = np.bincount(ratings.film, suspects[ratings.owner], int(profiles.film.max(initial=-1)) + 1)
            usual = cls._told_by(~crowd, suspects, klass, met >= SMALLEST)
            chance = ~crowd * usual.chances(np.zeros(0, np.int64))[klass]
            return usual, _meetings(ratings, suspects & ~crowd, chance)

        usual, meetings = zip(*in_threads(at, ENDS, profiles.are_many), strict=True)
        scatter = _scatter(*np.concatenate(meetings, axis=1))
        return {end: replace(one, scatter=scatter) for end, one in zip(ENDS, usual, strict=True)}

    @classmethod
    def _told_by(cls, say: Bools, suspects: Bools, klass: Ints, films: Bools) -> _Usual:
        n = int(klass.max(initial=0)) + 1
        counts = [np.bincount(klass[some], minlength=n) for some in (suspects & say, say)]
        # None may be had: with no chance at all of meeting one, any three of a crowd would be an attack.
        share = max(1, counts[0].sum()) / max(1, counts[1].sum())
        return cls(counts[0], counts[1], float(share), klass, say, films)

    def chances(self, members: Ints) -> Floats:
        """How often users of each class are suspects, (n_classes,), without the members (users' numbers) but for one.

        All of them left out, their classes would look purer than they are: without an attack they are usual suspects.
        """
        members = members[self.say[members]]
        mine = np.bincount(self.klass[members], minlength=len(self.users)) * (1 - 1 / max(len(members), 1))
        return (self.suspects - mine + PRIOR_USERS * self.share) / (self.users - mine + PRIOR_USERS)


def _classes(activity: Ints, arrival: Ints) -> Ints:
    """Each user's class: of like activity at this end of the scale, come at about the same time."""
    borders = np.unique(np.quantile(activity, ACTIVITIES))
    since = np.unique(np.quantile(arrival, np.arange(1, ARRIVALS) / ARRIVALS))
    return np.searchsorted(borders, activity, side="right") * ARRIVALS + np.searchsorted(since, arrival, side="right")


def _meetings(ratings: _Ratings, suspects: Bools, chance: Floats) -> Floats:
    """Suspects at each film in each of the shortest eras, and how many are expected, shape (2, n_films, n_eras).

    Films are left out for which less than SCATTER_FROM are expected over all time. chance: of each user (n_users,) to
    be a suspect, 0 for those who have no say, of whom no suspect is.
    """
    n_eras, n_films = ERAS[0], int(ratings.film.max(initial=0)) + 1
    some = ratings.time[:: 1 + len(ratings.time) // CHUNK]
    border = np.quantile(some, np.arange(1, n_eras) / n_eras) if len(some) else np.zeros(0)
    found = np.zeros((2, n_films * n_eras))
    for part in ratings.chunks():
        place = part.film * np.int64(n_eras) + np.searchsorted(border, part.time)
        for counts, weight in zip(found, (suspects, chance), strict=True):
            np.add(counts, np.bincount(place, weight[part.owner], len(counts)), out=counts)
    met_and_expected = found.reshape(2, n_films, n_eras)
    return met_and_expected[:, met_and_expected[1].sum(axis=1) >= SCATTER_FROM]


def _scatter(met: Floats, expected: Floats) -> float:
    """How far suspects who meet at a film scatter beyond chance, by what tastes they have in common (see _Usual)."""
    for n_eras in ERAS:
        m, e = (np.add.reduceat(counts, range(0, ERAS[0], ERAS[0] // n_eras), axis=1) for counts in (met, expected))
        told = e >= SCATTER_FROM
        if told.sum() >= FEWEST_TOLD:
            high = np.quantile((m[told] - e[told]) / np.sqrt(e[told]), UPPER) / UPPER_NORMAL
            return max(0.0, float((max(high, 0.0) ** 2 - 1) / np.median(e[told])))
    return 0.0


def _all_crews(profiles: Profiles, suspects: Bools, crowd: Bools, joining: Bools) -> list[Crew]:
    if suspects.sum() < SMALLEST:
        return []
    usual = _Usual.at_ends(profiles, suspects, crowd)

    def at(end: End) -> list[Crew]:
        return list(_crews(profiles, suspects, joining, usual[end], end))

    return list(chain.from_iterable(in_threads(at, ENDS, profiles.are_many)))


def _crews(profiles: Profiles, suspects: Bools, joining: Bools, usual: _Usual, end: End) -> Iterator[Crew]:
    """The windows that hold too many suspects to be chance, with who joined in."""
    # Found again, as those of all ends at once would be the run's peak of memory.
    ratings = _Ratings.at_end(profiles, end, usual.films).by_film(usual.films)
    rows = np.flatnonzero(suspects[ratings.owner])
    bound = np.log(CHANCE / max(len(rows) * len(PAUSES), 1))
    for pause in PAUSES:
        for first, stop in _runs(ratings.film[rows], ratings.time[rows], pause):
            crew = _crew(ratings, rows[first:stop], usual, joining, end)
            if crew is not None and crew.chance < bound:
                yield crew


def _runs(film: Ints, time: Ints, pause: int) -> Iterator[tuple[int, int]]:
    """Where rows of one film without a longer pause begin and stop, if there are enough of them."""
    begin = np.flatnonzero(np.append(True, (np.diff(time) > pause) | (np.diff(film) != 0)))
    stop = np.append(begin[1:], len(film))
    enough = stop - begin >= SMALLEST
    return zip(begin[enough].tolist(), stop[enough].tolist(), strict=True)


def _crew(ratings: _Ratings, run: Ints, usual: _Usual, joining: Bools, end: End) -> Crew | None:
    """The suspects of a run of their ratings, if they are far more than is usual of those who rated it so then; and who
    of these joined in."""
    users = np.unique(ratings.owner[run])
    if len(users) < SMALLEST:
        return None
    raters = _raters(ratings, run)
    chance = usual.chances(users)[usual.klass[raters]]
    # A window begins with a suspect: what is asked is how many more there are.
    more, expected = len(users) - 1, float(chance.sum()) * (1 - 1 / len(raters))
    if more < EXCESS * expected:
        return None
    suspects, joined = (frozenset(some.tolist()) for some in (users, raters[joining[raters]]))
    return Crew(suspects, int(ratings.film[run[0]]), end, _log_chance(more, expected, usual.scatter), joined)


def _raters(ratings: _Ratings, run: Ints) -> Ints:
    """Everybody who gave the film the rating from a run's first one to its last."""
    film = ratings.film[run[0]]
    of_film = slice(ratings.film.searchsorted(film), ratings.film.searchsorted(film, side="right"))
    # Others who rated it in the same second stand before and after.
    time, owner = ratings.time[of_film], ratings.owner[of_film]
    first, last = time.searchsorted(ratings.time[run[0]]), time.searchsorted(ratings.time[run[-1]], side="right")
    return np.unique(owner[first:last])


def _log_chance(at_least: int, mean: float, scatter: float) -> float:
    """Logarithm of the chance of so many or more: counts are Poisson's but for their scatter (quasi-Poisson)."""
    from scipy.special import gammainc

    # The Poisson tail is an incomplete gamma function, which also knows fractions.
    dispersion = 1 + scatter * mean
    return float(np.log(max(gammainc(at_least / dispersion, mean / dispersion), np.finfo(float).tiny)))


def _merged(crews: list[Crew]) -> list[list[Crew]]:
    """Crews that share half of the smaller one's users are one attack; each list begins with the least likely crew.

    Whoever is in an attack stays there: crews of others are without them.
    """
    attacks: list[tuple[set[int], list[Crew]]] = []
    taken: set[int] = set()
    for crew in crews:
        users, known = next((attack for attack in attacks if _alike(crew.users, attack[0])), (set[int](), list[Crew]()))
        mine = crew.users & users | crew.users - taken
        if not known and len(mine) < SMALLEST:
            continue
        if not known:
            attacks.append((users, known))
        known.append(crew._replace(users=mine))
        users.update(mine)
        taken.update(mine)
    return [known for _, known in sorted(attacks, key=lambda attack: (-len(attack[0]), min(attack[0])))]


def _without_bystanders(crews: list[Crew]) -> list[Crew]:
    """An attack's crews without who is neither in the least likely one nor in a good part of the others.

    Where attackers fill their profiles with what is popular, they meet honest suspects there, a film or two each.
    """
    films: dict[int, set[tuple[int, bool]]] = {}
    for crew in crews:
        for user in crew.users:
            films.setdefault(user, set()).add((crew.film, crew.end.push))
    busy = float(np.quantile([len(some) for some in films.values()], BUSY))
    members = crews[0].users | {user for user, some in films.items() if len(some) >= MEMBERS_SHARE * busy}
    return [crew._replace(users=crew.users & members) for crew in crews]


def _alike(users: frozenset[int], others: set[int]) -> bool:
    return 2 * len(users & others) >= min(len(users), len(others))


def _joined(attacks: list[list[Crew]]) -> list[list[Crew]]:
    """The attacks with those who joined in with the least likely crew: what others do, too, may be a thing to like."""
    taken = frozenset[int]().union(*(crew.users for crews in attacks for crew in crews))
    joined = []
    for first, *others in attacks:
        joined.append([first._replace(users=first.users | (first.joined - taken)), *others])
        taken |= first.joined
    return joined


def _group(number: int, crews: list[Crew], profiles: Profiles, films: Films) -> Group:
    users = sorted(frozenset().union(*(crew.users for crew in crews)))
    part = profiles.take(np.array(users))
    # What most members push the same way is what they are after; the least likely crew's film is, whatever else is.
    aims = {crew.film for crew in crews if crew is crews[0] or 2 * _supporters(part, crew) >= len(users)}
    shift = {film: mean_shift(films, part, film) for film in sorted(aims)}
    weightiest = sorted(shift, key=lambda film: (-abs(shift[film]), film))[:MOST_TARGETS]
    return Group(
        name=f"attack-{number}",
        users=tuple(users),
        targets=tuple(weightiest),
        shifts=tuple(shift[film] for film in weightiest),
        push=crews[0].end.push,
    )


def _supporters(part: Profiles, crew: Crew) -> int:
    """How many of these users gave the crew's film a rating at the crew's end."""
    return int(np.count_nonzero(at_end(part, crew.end) & (part.film == crew.film)))


def mean_shift(films: Films, part: Profiles, film: int) -> float:
    """The film's mean less its mean without these profiles; 0 when nobody else rates it, as nothing is known then."""
    mine: Floats = part.rating[part.film == film]
    others = int(films.count[film]) - len(mine)
    if others < 1:
        return 0.0
    return float(films.total[film] / films.count[film] - (films.total[film] - mine.sum()) / others)
