"""Scores: how far a user is from users of its size (novelty) and how like a simulated attacker (catalogue)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomaly.features import TOGETHER
from anomaly.forest import Forest
from anomaly.population import MUTUAL
from anomaly.threads import in_threads
from anomaly.units import UPPER, UPPER_NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.catalogue import Catalogue
    from anomaly.population import Population
    from anomaly.types import Bools, Floats, Ints

# Numbers of ratings, at even steps of users, at which what is usual is told; and the share of all users who
# tell it, those nearest to each. Measured: 5 and 18 of them rank about alike, and half the share; twice it worse.
KNOTS = 9
NEAREST_SHARE = 0.3
# Users who tell what is usual, and of them honest examples beside some hundred attackers: more cost time alone.
FIT_FROM_USERS = 6_000
LEARN_FROM_USERS = 3_000
JUDGED = 5_000  # users at a time, in each thread: some 25 MB of intermediate arrays


@dataclass(frozen=True)
class Norms:
    """What is usual at each profile size: quantiles of each feature at knots of log size."""

    knot: Floats
    centre: Floats
    above: Floats
    below: Floats

    @classmethod
    def fit(cls, values: Floats, size: Ints) -> Norms:
        """values (n_users, n_features), size (n_users,) ratings."""
        if len(size) > FIT_FROM_USERS:
            some = np.linspace(0, len(size) - 1, FIT_FROM_USERS).astype(int)
            values, size = values[some], size[some]
        log_size = np.log(size)
        order = np.argsort(log_size, kind="stable")
        knot = np.unique(np.quantile(log_size, np.linspace(0.02, 0.98, KNOTS)))
        width = max(min(60, len(size)), int(NEAREST_SHARE * len(size)))
        rows = []
        for at in knot:
            nearest = order[_nearest(log_size[order], at, width)]
            rows.append(np.quantile(values[nearest], (1 - UPPER, 0.5, UPPER), axis=0))
        low, centre, high = np.array(rows).transpose(1, 0, 2)
        floor = 0.15 * values.std(axis=0) + 1e-3
        above, below = (high - centre) / UPPER_NORMAL, (centre - low) / UPPER_NORMAL
        return cls(knot, centre, np.maximum(above, floor), np.maximum(below, floor))

    def deviations(self, values: Floats, size: Ints) -> Floats:
        """Signed deviations in robust standard deviations, clipped to 15."""
        at = np.log(np.maximum(size, 1))
        centre, above, below = (self._at(at, table) for table in (self.centre, self.above, self.below))
        difference = values - centre
        return np.clip(difference / np.where(difference > 0, above, below), -15, 15)

    def _at(self, log_size: Floats, table: Floats) -> Floats:
        position = np.interp(log_size, self.knot, np.arange(len(self.knot)))
        low = np.minimum(position.astype(int), len(self.knot) - 1)
        high = np.minimum(low + 1, len(self.knot) - 1)
        share = (position - low)[:, None]
        return table[low] * (1 - share) + table[high] * share


def _nearest(ordered: Floats, at: float, width: int) -> slice:
    """So many places about a number, with all that hold just that number in the middle, were they more."""
    left, right = (int(np.searchsorted(ordered, at, side)) for side in ("left", "right"))
    first = min(max((left + right - width) // 2, 0), len(ordered) - width)
    return slice(min(first, left), max(first + width, right))


def expand(deviation: Floats) -> Floats:
    """Columns for the logistic model: deviations on a logarithmic scale, and their squares."""
    squashed = np.arcsinh(deviation)
    return np.hstack([squashed, squashed**2])


@dataclass(frozen=True)
class Logistic:
    """Ridge logistic regression by Newton's method."""

    weight: Floats
    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, x: Floats, y: Bools, sample_weight: Floats, ridge: float) -> Logistic:
        centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        design = np.hstack([np.ones((len(x), 1)), (x - centre) / scale])
        weight = np.zeros(design.shape[1])
        penalty = np.full(design.shape[1], ridge)
        penalty[0] = 1e-6
        for _ in range(12):
            chance = 1 / (1 + np.exp(-np.clip(design @ weight, -30, 30)))
            gradient = design.T @ (sample_weight * (y - chance)) - penalty * weight
            curvature = sample_weight * np.maximum(chance * (1 - chance), 1e-4)
            step = np.linalg.solve((design * curvature[:, None]).T @ design + np.diag(penalty), gradient)
            weight = weight + step
            if np.abs(step).max() < 1e-3:
                break
        return cls(weight, centre, scale)

    def decision(self, x: Floats) -> Floats:
        """Log odds of being an attacker, shape (n,)."""
        return self.weight[0] + ((x - self.centre) / self.scale) @ self.weight[1:]

    def contributions(self, x: Floats) -> Floats:
        """What each feature adds to the log odds, its plain and squared columns together: (n, n_features)."""
        parts = (x - self.centre) / self.scale * self.weight[1:]
        return parts[:, : parts.shape[1] // 2] + parts[:, parts.shape[1] // 2 :]


# Tuned on planted attacks: the features are many and tell much the same, so they are drawn together hard.
RIDGE = 150.0
# The most suspicious users are left out of the second round's honest examples (positive and unlabelled learning).
LEFT_OUT = 0.04
# Of the usual users, those farthest out have no say in their cloud. Measured: 0.05 and 0.2 flag the same users.
TRIMMED = 0.10
# Published users share at most 0.7 of their ratings with one earlier user, and hardly any more than half. Films alone
# tell little: who is shown the same list rates the same films, each at levels of their own, as newcomers of
# ml-latest-small did in 1996, whose first twenty films may all be one earlier user's. A whole copy gains some nine in
# log odds, as much as the worst of bots.
COPY_FROM, COPY_WEIGHT = 0.55, 20.0
# Measured: 0.3 to 1 rank about alike; less loses attacks that nobody foresaw.
NOVELTY_SHARE = 0.6
# What users are told by who were shown the same films.
LISTS = (*MUTUAL, "copied_films")
DOUBT = 2.0  # log odds
# Of the novelty channel. Alone the forest ranks worse than the distance; a quarter of it adds what bends round the
# ellipsoid: AUC 0.983 instead of 0.982 over mixed attacks, at the same average precision of 0.89.
FOREST_SHARE = 0.25
# Added to every feature's variance, so that directions in which usual users hardly differ do not decide alone.
SPHERE = 0.1


@dataclass(frozen=True)
class Scores:
    """Per user: the two channels (higher is more anomalous) and what each feature added to the catalogue score.

    Shapes: (n_users,), (n_users,), (n_users, n_features), (n_users, n_features).
    """

    catalogue: Floats
    novelty: Floats
    contributions: Floats
    deviations: Floats


@dataclass(frozen=True)
class Model:
    """What one fold's users are judged by, learned from the others."""

    norms: Norms
    attacker: Logistic
    cloud: Ellipsoid
    forest: Forest


def score(models: list[Model], features: dict[str, Floats], size: Ints, fold: Ints) -> Scores:
    """Score every user by the model of its fold, which was learned from the others (see `learned`)."""
    scores, distance, isolation = _judged(models, np.column_stack(list(features.values())), size, fold)
    scores.novelty[:] = novelty(distance, isolation)
    return _with_copies(scores, features)


def learned(population: Population, catalogue: Catalogue, trusted: Bools | None = None) -> list[Model]:
    """The model of each fold.

    Args:
        trusted: users known to be honest, shape (n_users,): the only ones learned from, then. Without, all users are
            who are in no crowd, except for the most suspicious in the second round.
    """
    values, size = population.values, population.size
    outside = list(_outside(population, ~population.crowd if trusted is None else trusted))
    many = population.profiles.are_many
    norms = in_threads(lambda users: Norms.fit(values[users], size[users]), outside, many)
    honest = trusted if trusted is not None else _unsuspected(population, values, catalogue, norms, outside)

    def model(number: int) -> Model:
        norm, users = norms[number], outside[number]
        known = _spread_out(users, FIT_FROM_USERS)
        deviations = norm.deviations(values[known], size[known])
        forest = Forest.fit(np.arcsinh(deviations), np.random.default_rng(number))
        return Model(norm, _attacker(norm, values, size, users & honest, catalogue), Ellipsoid.fit(deviations), forest)

    return in_threads(model, range(population.n_folds), many)


def _unsuspected(
    population: Population, values: Floats, catalogue: Catalogue, norms: list[Norms], outside: list[Bools]
) -> Bools:
    """All but those whom a first round, which takes all those outside for honest, finds the most suspicious."""
    size = population.size
    first = np.zeros(len(size))

    def judge(number: int) -> None:  # each writes to its own users
        norm = norms[number]
        attacker = _attacker(norm, values, size, outside[number], catalogue)
        for inside in _stretches(population.fold == number):
            first[inside] = attacker.decision(expand(norm.deviations(values[inside], size[inside])))

    in_threads(judge, range(population.n_folds), population.profiles.are_many)
    first += _weight_of_copies(population.features)
    return np.asarray(first <= np.quantile(first, 1 - LEFT_OUT))


def _attacker(norms: Norms, values: Floats, size: Ints, honest: Bools, catalogue: Catalogue) -> Logistic:
    """Honest users against attackers, every family weighing the same and all of them as much as the honest."""
    clean = _spread_out(honest, LEARN_FROM_USERS)
    weight = 1.0 / np.bincount(catalogue.family)[catalogue.family]
    sample_weight = np.concatenate([np.ones(len(clean)), weight / weight.sum() * len(clean)])
    usual, attacks = norms.deviations(values[clean], size[clean]), norms.deviations(catalogue.values, catalogue.size)
    truth = np.arange(len(sample_weight)) >= len(clean)
    return Logistic.fit(expand(np.vstack([usual, attacks])), truth, sample_weight, RIDGE)


def judged(models: list[Model], features: dict[str, Floats], size: Ints, fold: Ints) -> tuple[Floats, Floats, Floats]:
    """Catalogue score, robust distance and isolation of users, each (n_users,), by the model of each one's fold."""
    scores, distance, isolation = _judged(models, np.column_stack(list(features.values())), size, fold)
    return _with_copies(scores, features).catalogue, distance, isolation


def _judged(models: list[Model], values: Floats, size: Ints, fold: Ints) -> tuple[Scores, Floats, Floats]:
    """Scores without novelty and without the weight of copies; robust distance; isolation."""
    distance, isolation = np.zeros(len(size)), np.zeros(len(size))
    scores = Scores(np.zeros(len(size)), np.zeros(len(size)), *(np.zeros(values.shape, np.float32) for _ in range(2)))

    def judge(job: tuple[Model, Ints]) -> None:  # each writes to its own users
        model, users = job
        deviations = model.norms.deviations(values[users], size[users])
        scores.catalogue[users] = model.attacker.decision(expand(deviations))
        scores.contributions[users] = model.attacker.contributions(expand(deviations))
        scores.deviations[users] = deviations
        distance[users] = model.cloud.distance(deviations)
        isolation[users] = model.forest.isolation(np.arcsinh(deviations))

    in_threads(judge, ((model, users) for number, model in enumerate(models) for users in _stretches(fold == number)))
    return scores, distance, isolation


def novelty(distance: Floats, isolation: Floats) -> Floats:
    """Robust distance and isolation from the usual users, each in the upper spread that it has among all users."""
    return _standard(distance) + FOREST_SHARE * _standard(isolation)


def _outside(population: Population, usual: Bools) -> Iterator[Bools]:
    """For each fold those that its users are judged by: the usual users of the other folds, if there are any."""
    for number in range(population.n_folds):
        outside = usual & (population.fold != number)
        yield outside if outside.any() else usual


def _stretches(chosen: Bools) -> list[Ints]:
    return np.split(np.flatnonzero(chosen), range(JUDGED, int(chosen.sum()), JUDGED))


def _with_copies(scores: Scores, features: dict[str, Floats]) -> Scores:
    """A copy is honest in all but being a copy, so likeness to an earlier user counts beside everything else."""
    names, weight = list(features), _weight_of_copies(features)
    scores.catalogue[:] += weight
    scores.contributions[:, names.index("copied_ratings")] += weight
    return scores


def _weight_of_copies(features: dict[str, Floats]) -> Floats:
    return COPY_WEIGHT * np.maximum(features["copied_ratings"] - COPY_FROM, 0.0)


def _spread_out(chosen: Bools, most: int) -> Ints:
    """At most so many of the chosen users, evenly spread."""
    users = np.flatnonzero(chosen)
    return users[np.linspace(0, len(users) - 1, min(len(users), most)).astype(int)]


@dataclass(frozen=True)
class Ellipsoid:
    """The usual cloud of deviations: centre and inverse covariance of its inner nine tenths, drawn to a sphere."""

    centre: Floats
    precision: Floats

    @classmethod
    def fit(cls, deviations: Floats) -> Ellipsoid:
        """Deviations (n, n_features) of users taken as usual; the tenth farthest out has no say."""
        x = np.arcsinh(deviations)
        length = np.sum(x**2, axis=1)
        inner = x[length <= np.quantile(length, 1 - TRIMMED)]
        covariance = np.atleast_2d(np.cov(inner.T)) + SPHERE * np.eye(x.shape[1])
        return cls(inner.mean(axis=0), np.linalg.inv(covariance))

    def distance(self, deviations: Floats) -> Floats:
        """Logarithm of the squared Mahalanobis distance, shape (n,)."""
        x = np.arcsinh(deviations) - self.centre
        return np.log(np.einsum("ij,ij->i", x @ self.precision, x) + 1e-9)


def alone(scores: Scores, features: dict[str, Floats], copied: Bools) -> Floats:
    """The catalogue score without what it owes to others' ratings of the same films, shape (n_users,).

    Whom such coincidence makes suspicious is no witness to it: fans of a new film, or newcomers who were all shown the
    same list, would pass for a crew. Those whose profiles were copied, (n_users,), have the benefit of the doubt.
    """
    coincidence = [place for place, name in enumerate(features) if name in TOGETHER + LISTS]
    return scores.catalogue - scores.contributions[:, coincidence].sum(axis=1) - DOUBT * copied


def combined(scores: Scores) -> Floats:
    """One score to rank by: both channels in their own upper spread, the catalogue's counting more."""
    return _standard(scores.catalogue) + NOVELTY_SHARE * _standard(scores.novelty)


def _standard(channel: Floats) -> Floats:
    """Distance from the median in upper robust standard deviations: attackers are few, and all above."""
    middle, high = np.quantile(channel, (0.5, UPPER))
    return (channel - middle) / ((high - middle) / UPPER_NORMAL + 1e-9)
