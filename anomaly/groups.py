"""Coordinated attacks: suspects who gave the same film the same extreme rating at about the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anomaly.profiles import Films, Profiles
    from anomaly.types import Bools, Floats, Ints

DAY = 86_400
# Fewer than three are a coincidence that nobody would call an attack.
SMALLEST = 3
# Raters of one film more than two months apart do not act together.
LONGEST_PAUSE = 60 * DAY
# Expected number of (film, end of scale) pairs that reach it by chance, over all of them.
CHANCE = 0.01
# Among very many users any leaning is beyond chance; an attack is far beyond.
EXCESS = 3.0


@dataclass(frozen=True)
class Group:
    """One attack: its users, and each target film with the change of its mean that the users cause."""

    name: str
    users: tuple[int, ...]
    targets: tuple[int, ...]
    shifts: tuple[float, ...]
    push: bool


def find_groups(profiles: Profiles, films: Films, suspects: Bools) -> list[Group]:
    """The attacks among the suspects (n_users,), the largest first; a user belongs to one at most."""
    chosen = np.flatnonzero(suspects)
    if len(chosen) < SMALLEST:
        return []
    rows = _extreme_rows(profiles, chosen)
    pair = _pairs(profiles.film[rows], profiles.rating[rows])
    order = np.argsort(pair, kind="stable")
    rows, pair = rows[order], pair[order]
    unusual = _unusual_pairs(profiles, pair)
    begin, stop = np.searchsorted(pair, unusual), np.searchsorted(pair, unusual, side="right")
    crews = [crew for b, e in zip(begin, stop, strict=True) for crew in _at_one_time(profiles, rows[b:e])]
    return [_group(number, users, profiles, films) for number, users in enumerate(_merged(crews), start=1)]


def _pairs(film: Ints, rating: Floats) -> Ints:
    """Film and end of the scale as one number: odd for the top."""
    return film.astype(np.int64) * 2 + (rating >= 4.5)


def _is_extreme(rating: Floats) -> Bools:
    return np.asarray((rating >= 4.5) | (rating <= 1.0))


def _extreme_rows(profiles: Profiles, chosen: Ints) -> Ints:
    """The chosen users' rows at an end of the scale."""
    mine = np.concatenate([np.arange(profiles.start[user], profiles.start[user + 1]) for user in chosen])
    return mine[_is_extreme(profiles.rating[mine])]


def _unusual_pairs(profiles: Profiles, pairs: Ints) -> Ints:
    """Film-and-end pairs that more suspects share than their extreme ratings elsewhere explain (Poisson tail)."""
    pair, times = np.unique(pairs, return_counts=True)
    everyone = _by_everyone(profiles)
    others = everyone[pair] - times
    # Suspects are often eager for the ends of the scale: what counts is which films they are eager about.
    expected = np.empty(len(pair))
    for side in (0, 1):
        mine = pair % 2 == side
        elsewhere = everyone[side::2].sum() - times[mine].sum() + 0.5 * len(everyone) / 2
        expected[mine] = (others[mine] + 0.5) * times[mine].sum() / elsewhere
    many = np.flatnonzero((times >= SMALLEST) & (times >= EXCESS * expected))
    chance = np.array([_poisson_tail(int(times[i]), float(expected[i])) for i in many])
    found = np.flatnonzero(chance * len(pair) < CHANCE)
    return pair[many[found[np.argsort(chance[found], kind="stable")]]]


def _by_everyone(profiles: Profiles) -> Ints:
    """How often each film-and-end pair occurs."""
    counted = np.zeros(2 * (int(profiles.film.max(initial=0)) + 1), np.int64)
    for _, part in profiles.chunks():
        rows = np.flatnonzero(_is_extreme(part.rating))
        counted += np.bincount(_pairs(part.film[rows], part.rating[rows]), minlength=len(counted))
    return counted


def _poisson_tail(at_least: int, mean: float) -> float:
    term, below = float(np.exp(-mean)), 0.0
    for k in range(at_least):
        below += term
        term *= mean / (k + 1)
    return max(1.0 - below, float(term))


def _at_one_time(profiles: Profiles, rows: Ints) -> list[set[int]]:
    """The users of these rows, split where nobody rated for long."""
    rows = rows[np.argsort(profiles.timestamp[rows], kind="stable")]
    breaks = np.flatnonzero(np.diff(profiles.timestamp[rows]) > LONGEST_PAUSE) + 1
    owners = np.searchsorted(profiles.start, rows, side="right") - 1
    return [set(part.tolist()) for part in np.split(owners, breaks) if len(set(part.tolist())) >= SMALLEST]


def _merged(crews: list[set[int]]) -> list[set[int]]:
    """Crews that share half of the smaller one's users are one."""
    merged: list[set[int]] = []
    for crew in crews:
        for known in merged:
            if 2 * len(crew & known) >= min(len(crew), len(known)):
                known.update(crew)
                break
        else:
            merged.append(set(crew) - set().union(*merged))
    return sorted((crew for crew in merged if len(crew) >= SMALLEST), key=lambda crew: (-len(crew), min(crew)))


def _group(number: int, users: set[int], profiles: Profiles, films: Films) -> Group:
    members = np.array(sorted(users))
    part = profiles.take(members)
    top, bottom = part.rating >= 4.5, part.rating <= 1.0
    pair, times = np.unique(part.film[top | bottom] * 2 + top[top | bottom], return_counts=True)
    # A film that most members push the same way, and that other users rate otherwise, is what they are after.
    shared = pair[2 * times >= len(members)]
    shift = np.array([mean_shift(films, part, int(film)) for film in shared // 2])
    weightiest = np.argsort(-np.abs(shift), kind="stable")[:5]
    targets, shifts = shared[weightiest] // 2, shift[weightiest]
    return Group(
        name=f"attack-{number}",
        users=tuple(int(user) for user in members),
        targets=tuple(int(film) for film in targets),
        shifts=tuple(float(value) for value in shifts),
        push=bool(len(weightiest) and shared[weightiest[0]] % 2),
    )


def mean_shift(films: Films, part: Profiles, film: int) -> float:
    """The film's mean less its mean without these profiles; 0 when nobody else rates it, as nothing is known then."""
    mine: Floats = part.rating[part.film == film]
    others = int(films.count[film]) - len(mine)
    if others < 1:
        return 0.0
    return float(films.total[film] / films.count[film] - (films.total[film] - mine.sum()) / others)
