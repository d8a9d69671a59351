from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest

from anomaly.forest import Forest


def cloud_with_strangers() -> np.ndarray:
    """480 points of a normal cloud and 20 at growing distances from it."""
    rng = np.random.default_rng(3)
    strangers = rng.normal(size=(20, 4)) + np.linspace(3, 8, 20)[:, None]
    return np.vstack([rng.normal(size=(480, 4)), strangers])


def test_strangers_are_parted_in_fewer_cuts_than_the_cloud() -> None:
    points = cloud_with_strangers()
    found = Forest.fit(points[:480], np.random.default_rng(1)).isolation(points)
    assert found[485:].min() > np.quantile(found[:480], 0.95)


def test_it_ranks_as_scikit_learns_forest_does() -> None:
    points = cloud_with_strangers()
    ours = Forest.fit(points, np.random.default_rng(1)).isolation(points)
    theirs = -IsolationForest(random_state=1).fit(points).score_samples(points)
    assert np.corrcoef(np.argsort(np.argsort(ours)), np.argsort(np.argsort(theirs)))[0, 1] > 0.9


def test_points_that_are_all_alike_are_all_as_usual() -> None:
    found = Forest.fit(np.ones((40, 3)), np.random.default_rng(1)).isolation(np.ones((5, 3)))
    assert np.isfinite(found).all()
    assert len(set(found.tolist())) == 1


def test_one_point_makes_a_forest() -> None:
    assert np.isfinite(Forest.fit(np.ones((1, 2)), np.random.default_rng(1)).isolation(np.zeros((2, 2)))).all()
