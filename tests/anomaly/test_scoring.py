"""What the scores are made of, by numbers that can be followed."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly import scoring
from anomaly.scoring import Ellipsoid, Norms, Scores

NOTHING = np.empty((0, 0))


def test_norms_at_a_size_that_many_have_are_of_users_of_that_size() -> None:
    """Three hundred users each of 20, 60 and 200 ratings, whose numbers have nothing in common."""
    size = np.repeat([20, 60, 200], 300)
    spread = np.tile(np.linspace(-1, 1, 300), 3)
    norms = Norms.fit((np.repeat([5.0, 3.0, 1.0], 300) + 0.1 * spread)[:, None], size)
    found = norms.deviations(np.array([[5.0], [3.0], [1.0]]), np.array([20, 60, 200]))
    assert found.ravel() == pytest.approx(np.zeros(3), abs=0.1)
    assert norms.centre.ravel() == pytest.approx([5.0, 3.0, 1.0], abs=0.05)


def test_norms_of_users_of_one_size_are_of_all_of_them() -> None:
    norms = Norms.fit(np.arange(301.0)[:, None], np.full(301, 20))
    assert norms.centre.ravel().tolist() == [150.0]


def one_far_out(place: int) -> np.ndarray:
    """A hundred and one users evenly from -1 to 1, of whom one is at 8 instead."""
    channel = np.linspace(-1, 1, 101)
    channel[place] = 8.0
    return channel


def test_likeness_to_attackers_counts_more_than_novelty_and_novelty_more_than_nothing() -> None:
    found = scoring.combined(Scores(one_far_out(50), one_far_out(40), NOTHING, NOTHING))
    assert np.argsort(-found)[:2].tolist() == [50, 40]
    assert found[40] == pytest.approx(0.6 * found[50], rel=0.1)


def test_the_forest_adds_a_quarter_to_the_distance() -> None:
    found = scoring.novelty(one_far_out(50), one_far_out(40))
    assert np.argsort(-found)[:2].tolist() == [50, 40]
    assert found[40] == pytest.approx(0.25 * found[50], rel=0.2)


def test_each_channel_is_measured_by_its_own_upper_spread() -> None:
    normal = np.random.default_rng(1).normal(size=20_000)
    skew = np.where(normal > 0, 5 * normal, 0.1 * normal) + 3
    for channel in (normal, skew):
        found = scoring.novelty(channel, np.zeros(20_000))
        assert np.quantile(found, (0.5, 0.9)) == pytest.approx([0, 1.2816], abs=0.01)


def test_a_whole_copy_gains_nine_and_what_published_users_share_nothing_nor_does_a_list_of_films() -> None:
    films, ratings = np.array([0.5, 0.1, 1.0, 0.3]), np.array([0.2, 1.0, 0.6, 0.7])
    found = scoring._weight_of_copies({"copied_films": films, "copied_ratings": ratings})
    assert found == pytest.approx([0, 9, 1, 3])


@pytest.mark.parametrize(("copied", "expected"), [(0, 2.0), (1, 0.0)])
@pytest.mark.parametrize("list_", ["shared_films", "shared_ratings", "lent_films", "lent_rarity", "copied_films"])
def test_coincidence_is_no_witness_and_who_was_copied_has_the_benefit_of_the_doubt(
    copied: int, expected: float, list_: str
) -> None:
    """Of a score of 9.0 a burst of others gives 3.0, and another's list of films 4.0."""
    features = dict.fromkeys(("mean", "extreme_burst_day", list_, "copied_ratings"), np.zeros(1))
    scores = Scores(np.array([9.0]), np.zeros(1), np.array([[1.0, 3.0, 4.0, 1.0]]), np.zeros((1, 4)))
    assert scoring.alone(scores, features, np.array([bool(copied)])).tolist() == [expected]


def test_what_is_usual_hangs_on_the_number_of_ratings() -> None:
    """Users of fewer than 200 ratings spread ten times as wide as others, about a level of their own."""
    size = np.geomspace(20, 2_000, 900).astype(int)
    values = np.random.default_rng(2).normal(np.where(size < 200, 5.0, 1.0), np.where(size < 200, 1.0, 0.1))
    norms = Norms.fit(values[:, None], size)
    found = norms.deviations(np.array([[6.0], [6.0], [2.5]]), np.array([25, 1_600, 1_600])).ravel()
    assert found[0] == pytest.approx(1.0, abs=0.3)
    assert found[1] > 10
    assert found[2] > 3
    assert norms.deviations(np.array([[99.0]]), np.array([1_600]))[0, 0] == 15.0, "no deviation counts for more"


def test_each_side_of_a_lopsided_number_has_its_own_spread() -> None:
    normal = np.random.default_rng(4).normal(size=(2_000, 1))
    norms = Norms.fit(np.where(normal > 0, 4 * normal, normal), np.full(2_000, 50))
    found = norms.deviations(np.array([[4.0], [-2.0]]), np.array([50, 50])).ravel()
    assert found == pytest.approx([1, -2], abs=0.2)


def test_what_goes_against_all_others_is_far_out_and_outliers_do_not_widen_the_cloud() -> None:
    rng = np.random.default_rng(3)
    both = rng.normal(size=(400, 1)) + rng.normal(0, 0.1, (400, 2))  # one rises with the other
    with_outliers = np.vstack([both, np.tile([[12.0, -12.0], [-12.0, 12.0]], (15, 1))])
    along, against = np.array([[1.0, 1.0], [1.0, -1.0]])[:, None]
    for cloud in (Ellipsoid.fit(both), Ellipsoid.fit(with_outliers)):
        assert cloud.distance(against) > cloud.distance(along) + np.log(5)


def test_a_number_that_is_the_same_for_all_does_not_decide_alone() -> None:
    points = np.column_stack([np.random.default_rng(3).normal(size=200), np.zeros(200)])
    cloud = Ellipsoid.fit(points)
    assert cloud.distance(np.array([[0.0, 0.1]])) < cloud.distance(np.array([[3.0, 0.0]]))
