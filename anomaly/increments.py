"""What users who come back rated since, judged by itself: an account that turns hides among its own honest past.

Held against whole profiles a few new ratings are always odd, so they are held against the last ratings of trusted
users, as many of each: conformal p-values need a reference that was made as the tested were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomaly.population import LIKENESS, measure_parts
from anomaly.profiles import Profiles, joined, ranges

if TYPE_CHECKING:
    from anomaly.population import Population
    from anomaly.returning import NewRatings
    from anomaly.types import Bools, Floats, Ints

FEWEST_NEW = 15  # ratings; fewer are too like one another, whoever gave them
FEWEST_BEFORE = 10  # ratings of a trusted user before the last ones, which else are its whole profile
FEWEST_TRUSTED, MOST_TRUSTED = 30, 2_000  # fewer calibrate nothing, and more hardly better


@dataclass(frozen=True)
class Increments:
    """Measured last ratings: of trusted users first, then of those under judgement.

    user: the place in the population of each. All arrays have one entry each, (n,).
    """

    user: Ints
    size: Ints
    features: dict[str, Floats]
    n_trusted: int

    @property
    def judged(self) -> Ints:
        """The places of those under judgement."""
        return self.user[self.n_trusted :]


def measured(population: Population, new: NewRatings, trusted: Bools, rng: np.random.Generator) -> Increments | None:
    """The new ratings of whoever has enough and is not trusted, beside the last ones of trusted users; or None."""
    enough = np.flatnonzero((new.profiles.size >= FEWEST_NEW) & ~trusted[new.user])
    if not len(enough):
        return None
    late = new.profiles.take(enough)
    known, known_late = _last_of(population.profiles, np.flatnonzero(trusted), late.size, rng)
    if len(known) < FEWEST_TRUSTED:
        return None
    user, profiles = np.append(known, new.user[enough]), joined([known_late, late])
    return Increments(user, profiles.size, _features(population, profiles, user), len(known))


def _last_of(profiles: Profiles, users: Ints, sizes: Ints, rng: np.random.Generator) -> tuple[Ints, Profiles]:
    """The last ratings of users who have more than these, as many as somebody of `sizes`."""
    n = rng.choice(sizes, len(users))
    some = np.flatnonzero(profiles.size[users] >= n + FEWEST_BEFORE)
    some = np.sort(rng.permutation(some)[:MOST_TRUSTED])
    users, n = users[some], n[some]
    rows = ranges(profiles.start[users + 1] - n, n)
    last = Profiles(np.append(0, np.cumsum(n)), profiles.film[rows], profiles.stars[rows], profiles.seconds[rows])
    return users, last


def _features(population: Population, late: Profiles, user: Ints) -> dict[str, Floats]:
    """All features of last ratings; likeness to other users is that of the whole profiles, which hold them too."""
    features = measure_parts(population, late, population.fold[user])
    return {
        name: population.features[name][user] if name in LIKENESS else features[name] for name in population.features
    }
