"""Choose a model's penalties on a validation slice, and judge it beside its baselines on ratings held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scripts.training.factors import Fit, Settings, fit
from scripts.training.ratings import Index, Mask, Ratings, index, last_of_each_user

Floats = NDArray[np.float64]
HoldOut = Callable[[Ratings], Mask]

# Wide on both sides of what suits ml-latest-small (2 and 16); in units of ratings. The largest leaves no factors
# but those that stand out of any noise, so that data without tastes get the model of biases.
BIAS_PENALTIES = (2.0, 5.0, 10.0, 20.0)
FACTOR_PENALTIES = (4.0, 8.0, 16.0, 32.0, 128.0)
# Penalties are ratios of variances and hardly hang on the number of users, so a sample of users is enough.
RATINGS_TO_CHOOSE_BY = 1_000_000


@dataclass(frozen=True)
class Model:
    """A fit with the ids that it knows and the scale that it answers on."""

    users: Index
    films: Index
    fit: Fit
    lowest: float
    highest: float

    def predict(self, user_ids: NDArray[np.int64], film_ids: NDArray[np.int64]) -> Floats:
        """Predicted ratings in stars, shape (n,), within the scale.

        A user or film never seen counts as an average one: its bias and factors are 0.
        """
        predicted = self.fit.predict(self.users(user_ids), self.films(film_ids))
        return np.clip(predicted, self.lowest, self.highest)

    def knows(self, ratings: Ratings) -> Mask:
        """Where both user and film were seen in training, shape (n,)."""
        return (self.users(ratings.user) >= 0) & (self.films(ratings.film) >= 0)


@dataclass(frozen=True)
class Errors:
    """Root mean square and mean absolute error in stars over `count` ratings; None over no ratings."""

    rmse: float | None
    mae: float | None
    count: int


@dataclass(frozen=True)
class Result:
    """A model's errors on the ratings held out: on all, where it knows user and film, and where it does not."""

    name: str
    all: Errors
    known: Errors
    cold: Errors


@dataclass(frozen=True)
class Study:
    """What was tried and found. `results` are in ascending complexity: two baselines, then the model."""

    settings: Settings
    results: tuple[Result, ...]
    trained: int
    held_out: int
    held_out_from: int
    new_users: float
    new_films: float


def train(ratings: Ratings, how: Settings) -> Model:
    """Fit a model to ratings."""
    users, films = index(ratings.user), index(ratings.film)
    shape = (len(users.ids), len(films.ids))
    fitted = fit(users(ratings.user), films(ratings.film), ratings.rating, shape, how)
    return Model(users, films, fitted, float(ratings.rating.min()), float(ratings.rating.max()))


def study(ratings: Ratings, hold_out: HoldOut, rank: int, seed: int) -> Study:
    """Hold out the last ratings, choose penalties within the rest, and judge baselines and model on those held out."""
    held_out = hold_out(ratings)
    earlier, later = ratings.where(~held_out), ratings.where(held_out)
    chosen = choose(earlier, rank, seed)
    bias = replace(chosen, rank=0, factor_penalty=0.0)
    contenders = {
        "global mean": replace(bias, sweeps=0),
        "user and film bias": bias,
        f"biases and {rank} factors": chosen,
    }
    models = {name: train(earlier, how) for name, how in contenders.items()}
    return Study(
        settings=chosen,
        results=tuple(_result(name, model, later) for name, model in models.items()),
        trained=len(earlier),
        held_out=len(later),
        held_out_from=int(later.time.min()),
        new_users=float(np.mean(index(earlier.user)(later.user) < 0)),
        new_films=float(np.mean(index(earlier.film)(later.film) < 0)),
    )


def choose(ratings: Ratings, rank: int, seed: int) -> Settings:
    """The penalties with the least error on a validation slice: the last fifth of each user's `ratings`.

    Of each user whatever is held out later, because tastes can be learnt, and so chosen by, of known users alone.
    """
    sample = _whole_users(ratings, seed)
    validation = last_of_each_user(sample)
    earlier, later = sample.where(~validation), sample.where(validation)
    biases = [Settings(0, penalty, seed=seed) for penalty in BIAS_PENALTIES]
    best = _best(biases, earlier, later)
    factors = [replace(best, rank=rank, factor_penalty=penalty) for penalty in FACTOR_PENALTIES]
    return _best(factors, earlier, later)


def _whole_users(ratings: Ratings, seed: int) -> Ratings:
    """About RATINGS_TO_CHOOSE_BY ratings: all of those of users drawn by lot."""
    share = RATINGS_TO_CHOOSE_BY / len(ratings)
    if share >= 1:
        return ratings
    users = index(ratings.user)
    drawn = np.random.default_rng(seed).random(len(users.ids)) < share
    return ratings.where(drawn[users(ratings.user)])


def _best(candidates: Iterable[Settings], earlier: Ratings, later: Ratings) -> Settings:
    return min(candidates, key=lambda how: _mean_square(train(earlier, how), later))


def _mean_square(model: Model, later: Ratings) -> float:
    return float(np.mean((model.predict(later.user, later.film) - later.rating) ** 2))


def _result(name: str, model: Model, later: Ratings) -> Result:
    miss = model.predict(later.user, later.film) - later.rating
    known = model.knows(later)
    return Result(name, _errors(miss), _errors(miss[known]), _errors(miss[~known]))


def _errors(miss: Floats) -> Errors:
    if not len(miss):
        return Errors(None, None, 0)
    return Errors(float(np.sqrt(np.mean(miss**2))), float(np.mean(np.abs(miss))), len(miss))
