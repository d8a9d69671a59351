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
        forest = cls(rng.integers(0, x.shape[1], (N_TREES, nodes)), *(np.zeros((N_TREES, nodes)) for _ in range(2)))
        points = np.argsort(rng.random((N_TREES, len(x))), axis=1)[:, :N_POINTS]
        tree, at = np.arange(N_TREES)[:, None], np.zeros(points.shape, np.int64)
        for depth in range(DEPTH + 1):
            count = np.zeros((N_TREES, nodes))
            np.add.at(count, (tree, at), 1)
            if depth == DEPTH:
                break
            forest.length[count > 1] = 1.0
            values = x[points, forest.feature[tree, at]]
            low, high = np.full((N_TREES, nodes), np.inf), np.full((N_TREES, nodes), -np.inf)
            np.minimum.at(low, (tree, at), values)
            np.maximum.at(high, (tree, at), values)
            here = count > 0
            forest.cut[here] = low[here] + rng.random(int(here.sum())) * (high - low)[here]
            at = 2 * at + 1 + (values > forest.cut[tree, at])
        forest.length[count > 1] = _search_depth(count[count > 1])
        return forest

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


def _search_depth(n: Floats) -> Floats:
    """Mean depth of an unsuccessful search in a binary tree of n points: the authors' c(n)."""
    harmonic = np.log(np.maximum(n - 1, 1)) + np.euler_gamma
    return np.where(n > 2, 2 * harmonic - 2 * (n - 1) / n, 1.0)
