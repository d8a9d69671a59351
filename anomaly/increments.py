"""What users who come back rated since, judged beside what they rated before: an account that turns hides in its past.

Held against whole profiles a few new ratings are always odd, so they are held against the last ratings of trusted
users, as many of each: conformal p-values need a reference that was made as the tested were. And some people are odd
for years. So new ratings must also be more suspicious than the user's own before, as trusted users' last ones are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly.batches import FEWEST_USERS
from anomaly.population import LIKENESS, measure_parts
from anomaly.profiles import joined

if TYPE_CHECKING:
    from anomaly.population import Population
    from anomaly.profiles import Profiles
    from anomaly.returning import NewRatings
    from anomaly.types import Bools, Floats, Ints

FEWEST_NEW = 15  # ratings; fewer are too like one another, whoever gave them
FEWEST_BEFORE = 10  # ratings to compare with
MOST_TRUSTED = 2_000  # users whose last ratings calibrate; more hardly do so better


class Measured(NamedTuple):
    """Parts of profiles: ratings of each, and their features, arrays of shape (n,)."""

    size: Ints
    features: dict[str, Floats]


# Of whole profiles: likeness to other users, as parts are held in these too; and how ratings spread over time, as the
# last ones of users who never came back are of one sitting, and a delivery's of a month or a year.
OF_WHOLE = (
    *LIKENESS, "mean_log_gap", "gap_spread", "sessions", "largest_session_share", "session_size", "span",
    "most_in_60s", "most_in_10min",
)  # fmt: skip


@dataclass(frozen=True)
class Increments:
    """Last ratings of trusted users first, then new ones of users under judgement; and what each rated before.

    user: the place in the population of each, (n,).
    """

    user: Ints
    late: Measured
    before: Measured
    n_trusted: int

    @property
    def judged(self) -> Ints:
        """The places of those under judgement."""
        return self.user[self.n_trusted :]


def measured(population: Population, new: NewRatings, trusted: Bools, rng: np.random.Generator) -> Increments | None:
    """The new ratings of whoever has enough and is not trusted, beside the last ones of trusted users; or None."""
    whole, size, n_new = population.profiles, population.size, new.profiles.size
    enough = (n_new >= FEWEST_NEW) & (size[new.user] >= n_new + FEWEST_BEFORE) & ~trusted[new.user]
    if not enough.any():
        return None
    known, n_last = _as_many(size, np.flatnonzero(trusted), n_new[enough], rng)
    if len(known) < FEWEST_USERS:
        return None
    user, n_late = np.append(known, new.user[enough]), np.append(n_last, n_new[enough])
    late = joined([whole.part(whole.start[known + 1] - n_last, n_last), new.profiles.take(np.flatnonzero(enough))])
    before = whole.part(whole.start[user], size[user] - n_late)
    return Increments(user, _measured(population, late, user), _measured(population, before, user), len(known))


def _as_many(size: Ints, users: Ints, wanted: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Users who have more ratings than somebody of `wanted`, and how many these are."""
    n = rng.choice(wanted, len(users))
    some = np.flatnonzero(size[users] >= n + FEWEST_BEFORE)
    some = np.sort(rng.permutation(some)[:MOST_TRUSTED])
    return users[some], n[some]


def _measured(population: Population, parts: Profiles, user: Ints) -> Measured:
    """All features of parts of profiles, some of which are those of the whole ones."""
    own = measure_parts(population, parts, population.fold[user])
    whole = population.features
    return Measured(parts.size, {name: whole[name][user] if name in OF_WHOLE else own[name] for name in whole})
