"""Biased matrix factorisation by alternating least squares.

A rating is predicted as mean + user bias + film bias + user factors . film factors (Koren, Bell and Volinsky 2009,
"Matrix factorization techniques for recommender systems"). With one side held, the other's bias and factors solve a
ridge regression a row (Zhou et al. 2008, "Large-scale parallel collaborative filtering for the Netflix prize"; the
penalty is constant a user, as in Salakhutdinov and Mnih 2008, "Probabilistic matrix factorization"). Exact steps on
one objective: every sweep lowers it, no learning rate is to be chosen, and the same seed gives the same model.

The normal equations of all rows are two products with a sparse matrix, so nothing is as large as ratings times
factors squared: memory is a few copies of the ratings, and a block of rows at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS_A_BLOCK = 8192  # 8192 rows' equations of 33 unknowns take 70 MB


@dataclass(frozen=True)
class Settings:
    """Penalties and size of a model. `rank` 0 is the model of biases alone."""

    rank: int
    bias_penalty: float
    factor_penalty: float = 0.0
    sweeps: int = 15
    seed: int = 0


@dataclass(frozen=True)
class Side:
    """One side's parameters: `bias` of shape (n,), `factors` of shape (n, rank)."""

    bias: Floats
    factors: Floats

    @property
    def with_ones(self) -> Floats:
        """The other side's regressors: a one for its bias, then these factors."""
        return np.column_stack([np.ones(len(self.bias)), self.factors])


@dataclass(frozen=True)
class Fit:
    """A fitted model over users 0..n-1 and films 0..m-1."""

    mean: float
    users: Side
    films: Side

    def predict(self, users: Integers, films: Integers) -> Floats:
        """Predicted ratings, shape (n,). An index of -1 stands for one never seen: its bias and factors are 0."""
        users_known, films_known = users >= 0, films >= 0
        level = self.mean + self.users.bias[users] * users_known + self.films.bias[films] * films_known
        taste = np.einsum("ij,ij->i", self.users.factors[users], self.films.factors[films])
        return np.asarray(level + taste * (users_known & films_known))


def fit(users: Integers, films: Integers, ratings: NDArray[np.float32], shape: tuple[int, int], how: Settings) -> Fit:
    """Fit ratings (n,) given by `users` (n,) to `films` (n,), indices below `shape` = (users, films)."""
    mean = float(ratings.mean(dtype=np.float64))
    by_user = _by_user(users, films, ratings - np.float32(mean), shape)
    by_film = by_user.T.tocsr()
    user_side, film_side = _start(shape[0], how), _start(shape[1], how)
    for _ in range(how.sweeps):
        user_side = _solve(by_user, film_side, how)
        film_side = _solve(by_film, user_side, how)
    return Fit(mean, user_side, film_side)


def _by_user(users: Integers, films: Integers, values: NDArray[np.float32], shape: tuple[int, int]) -> sparse.csr_array:
    """One row a user. Built by hand, because SciPy would add up the values where a user rated a film twice."""
    order = np.argsort(users, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=shape[0]))])
    return sparse.csr_array((values[order], films[order], starts), shape=shape)


def _start(count: int, how: Settings) -> Side:
    # Small and random: at zero, factors of both sides would stay zero.
    factors = np.random.default_rng(how.seed).normal(0, 0.1, (count, how.rank))
    return Side(np.zeros(count), factors)


def _solve(rows: sparse.csr_array, other: Side, how: Settings) -> Side:
    """Each row's bias and factors, the best for the other side as it stands."""
    regressors = other.with_ones
    upper = np.triu_indices(regressors.shape[1])  # the equations are symmetric: half of them is enough
    products = regressors[:, upper[0]] * regressors[:, upper[1]]
    solution = np.empty((rows.shape[0], regressors.shape[1]))
    for start in range(0, len(solution), ROWS_A_BLOCK):
        block = slice(start, start + ROWS_A_BLOCK)
        present, target = _without_bias(rows[block], other.bias)
        left = _symmetric(present @ products, upper) + _penalty(regressors.shape[1], how)
        solution[block] = np.linalg.solve(left, (target @ regressors)[:, :, None])[:, :, 0]
    return Side(solution[:, 0], solution[:, 1:])


def _without_bias(rows: sparse.csr_array, bias: Floats) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Ones where there is a rating, and the ratings less the other side's bias."""
    places = (rows.indices, rows.indptr)
    present = sparse.csr_array((np.ones(rows.nnz), *places), shape=rows.shape)
    return present, sparse.csr_array((rows.data - bias[rows.indices], *places), shape=rows.shape)


def _symmetric(halves: Floats, upper: tuple[Integers, Integers]) -> Floats:
    size = int(upper[0][-1]) + 1
    whole = np.empty((len(halves), size, size))
    whole[:, upper[0], upper[1]] = halves
    whole[:, upper[1], upper[0]] = halves
    return whole


def _penalty(size: int, how: Settings) -> Floats:
    return np.diag([how.bias_penalty] + [how.factor_penalty] * (size - 1))
