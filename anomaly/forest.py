"""Isolation Forest (Liu, Ting and Zhou, ICDM 2008): how few random cuts part a point from the usual ones.

The same method as scikit-learn's, all trees grown at once: importing that library takes longer than the whole scoring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anomaly.types import Bools, Floats, Ints

# The authors' own settings: a hundred trees over 256 points each, as deep as such a tree is on average.
N_TREES, N_POINTS, DEPTH = 100, 256, 8
BLOCK = 4_000  # points judged at a time: their values stay in the processor's cache from tree to tree


@dataclass(frozen=True)
class Forest:
    """Complete binary trees, arrays of shape (N_TREES, nodes): node k's children are 2 k + 1 and 2 k + 2.

    `length` is what a node adds to the path of a point that comes through it: 1 where points were still together, and
    in the last row the mean depth of the search tree that would part the rest.
    """

    feature: Ints
    cut: Floats
    length: Floats

    @classmethod
    def fit(cls, x: Floats, rng: np.random.Generator) -> Forest:
        """Trees over samples of the points x (n, n_features), none of them empty."""
        nodes = 2 ** (DEPTH + 1) - 1
        size = N_TREES * nodes
        # All trees in one row: NumPy adds up by one place ten times as fast as by two.
        feature, cut, length = rng.integers(0, x.shape[1], size), np.zeros(size), np.zeros(size)
        point = _samples(len(x), rng)
        root = np.repeat(np.arange(N_TREES) * nodes, len(point) // N_TREES)
        at = np.zeros(len(point), np.int64)
        for _ in range(DEPTH):
            node = root + at
            length[np.bincount(node, minlength=size) > 1] = 1.0
            values = x[point, feature[node]]
            cut += _random_cuts(values, node, size, rng)
            at = 2 * at + 1 + (values > cut[node])
        count = np.bincount(root + at, minlength=size)
        length[count > 1] = _search_depth(count[count > 1])
        return cls(*(of_nodes.reshape(N_TREES, nodes) for of_nodes in (feature, cut, length)))

    def isolation(self, x: Floats) -> Floats:
        """Minus the mean path length of each point, shape (n,): higher is more anomalous."""
        blocks = (x[begin : begin + BLOCK] for begin in range(0, len(x), BLOCK))
        return np.concatenate([np.zeros(0), *map(self._isolation, blocks)])

    def _isolation(self, x: Floats) -> Floats:
        values, row = np.ravel(x), np.arange(len(x)) * x.shape[1]
        total = np.zeros(len(x))
        for feature, cut, length in zip(self.feature, self.cut, self.length, strict=True):
            at = np.zeros(len(x), np.int64)
            for _ in range(DEPTH):
                total += length[at]
                right: Bools = values[row + feature[at]] > cut[at]
                at = 2 * at + 1 + right
            total += length[at]
        return -total / len(self.feature)


def _samples(n: int, rng: np.random.Generator) -> Ints:
    """Each tree's sample of n points, one after the other."""
    chance = rng.random((N_TREES, n))
    return np.argpartition(chance, min(N_POINTS, n) - 1, axis=1)[:, :N_POINTS].ravel()


def _random_cuts(values: Floats, node: Ints, size: int, rng: np.random.Generator) -> Floats:
    """A cut of each node between the least and the largest of its values; 0 for the others of `size` nodes."""
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, node, values)
    np.maximum.at(high, node, values)
    cut, here = np.zeros(size), low <= high
    cut[here] = low[here] + rng.random(int(here.sum())) * (high - low)[here]
    return cut


def _search_depth(n: Floats | Ints) -> Floats:
    """Mean depth of an unsuccessful search in a binary tree of n points: the authors' c(n)."""
    harmonic = np.log(np.maximum(n - 1, 1)) + np.euler_gamma
    return np.where(n > 2, 2 * harmonic - 2 * (n - 1) / n, 1.0)
