from __future__ import annotations

import numpy as np
import pytest

from drift.effects import (
    changes,
    effect_size,
    jensen_shannon,
    mean_change,
    population_stability_index,
    shares_of,
    total_variation,
    wasserstein,
)
from drift.features import declared_features, n_cells
from drift.units import Units, UserValues
from drift.users import root_shares

HALF, NEXT = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])


def test_distances_of_known_histograms() -> None:
    assert total_variation(HALF, NEXT) == 0.5
    assert jensen_shannon(HALF, NEXT) == pytest.approx(np.sqrt(0.5))
    assert wasserstein(HALF, NEXT, (0.0, 2.0, 4.0, 6.0)) == 2.0  # everything moved by one bin of two units
    p, q = (HALF + 1e-4) / 1.0003, (NEXT + 1e-4) / 1.0003
    assert population_stability_index(HALF, NEXT) == pytest.approx(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize("distance", [jensen_shannon, population_stability_index, total_variation])
def test_equal_histograms_lie_nowhere_apart(distance) -> None:
    assert distance(HALF, HALF) == 0


def test_mean_change_by_user_and_by_rating_can_disagree_in_sign() -> None:
    units = Units(np.array([1, 2, 3, 4]), np.array([0, 0, 1, 1], np.int8))
    means, counts = np.array([3.0, 4.0, 3.2, 4.2], np.float32), np.array([1, 9, 9, 1], np.float32)
    assert mean_change(units, means, np.ones(4, np.float32)).change == pytest.approx(0.2, abs=1e-6)
    assert mean_change(units, means, counts).change == pytest.approx(3.3 - 3.9, abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    units = Units(np.arange(120), np.repeat([0, 1], 60).astype(np.int8))
    held = 0
    for _ in range(400):
        values = (rng.normal(size=120) + 0.3 * units.sides).astype(np.float32)
        change = mean_change(units, values, rng.integers(1, 50, 120).astype(np.float32))
        held += change.low <= 0.3 <= change.high
    assert 0.90 <= held / 400 <= 0.98


def test_a_user_of_both_windows_makes_the_interval_narrower() -> None:
    values = np.tile(np.arange(20, dtype=np.float32), 2)
    sides, ones = np.repeat([0, 1], 20).astype(np.int8), np.ones(40, np.float32)
    same = mean_change(Units(np.tile(np.arange(20), 2), sides), values, ones)
    others = mean_change(Units(np.arange(40), sides), values, ones)
    assert same.high - same.low == pytest.approx(0, abs=1e-6)
    assert others.high - others.low > 5


BY_NAME = {feature.name: feature for feature in declared_features()}


def _effect(name: str, reference: dict[int, float], current: dict[int, float], means: tuple[float, float]) -> float:
    """The effect between two users, one a window, with these shares by bin (or genre) and these means."""
    feature, units = BY_NAME[name], Units(np.array([1, 2]), np.array([0, 1], np.int8))
    shares = np.zeros((2, n_cells(feature) or 4), np.float32)
    for row, side in zip(shares, (reference, current), strict=True):
        row[list(side)] = list(side.values())
    level, ones = np.array(means, np.float32), np.ones(2, np.float32)
    columns = root_shares(shares, ones) if feature.kind == "genres" else shares
    columns = level[:, None] if feature.kind == "ordered" else columns
    return effect_size(UserValues(feature, (), columns, ones[:, None], level, level**2, (), shares, ones), units)


def test_the_effect_of_ordered_values_is_how_far_they_moved_though_their_mean_stayed() -> None:
    assert _effect("rating", {6: 1.0}, {4: 0.5, 8: 0.5}, means=(3.0, 3.0)) == pytest.approx(1.0)


def test_the_effect_of_ordered_values_is_at_least_the_change_of_their_mean() -> None:
    assert _effect("rating", {6: 1.0}, {6: 1.0}, means=(3.0, 3.2)) == pytest.approx(0.2, abs=1e-6)


def test_the_effect_on_categories_is_all_that_moved_and_on_genres_what_the_one_did_that_moved_most() -> None:
    moved = {0: 0.4, 1: 0.4, 2: 0.1, 3: 0.1}, {0: 0.2, 1: 0.1, 2: 0.2, 3: 0.5}
    assert _effect("hour", *moved, means=(0, 0)) == pytest.approx(0.5)
    assert _effect("genre", *moved, means=(0, 0)) == pytest.approx(0.4), "of shares, not of their roots"
    assert _effect("genre_level", *moved, means=(0, 0)) == pytest.approx(0.4)


def test_the_effect_on_genres_is_told_in_full_however_few_ratings_a_user_gave() -> None:
    """Of two ratings, the half that is added to them for the statistic would leave 0.133 of 0.2."""
    units, shares = Units(np.array([1, 2]), np.array([0, 1], np.int8)), np.array([[0.5, 0.5], [0.3, 0.7]], np.float32)
    for ratings in (1, 2, 20):
        n, nothing = np.full(2, ratings, np.float32), np.zeros(2, np.float32)
        roots = root_shares(shares, n)
        value = UserValues(BY_NAME["genre"], ("a", "b"), roots, n[:, None], nothing, nothing, (), shares, n)
        assert effect_size(value, units) == pytest.approx(0.2, abs=1e-5)


def _of_both(name: str, level: list[float]) -> tuple[UserValues, Units]:
    """A share of four users: two of the reference, then one of the current window, then both rows of one of both."""
    units = Units(np.array([1, 2, 3, 9, 9]), np.array([0, 0, 1, 0, 1], np.int8))
    means, ones = np.array(level, np.float32), np.ones(5, np.float32)
    return UserValues(BY_NAME[name], (), means[:, None], ones[:, None], means, means, (), means[:, None], ones), units


def test_the_users_of_both_windows_make_a_difference_that_is_no_effect() -> None:
    """One at 1 where all others are at 0: a third of the reference and half of the current window."""
    value, units = _of_both("tagging", [0, 0, 0, 1, 1])
    ones = np.ones((5, 1), np.float32)
    assert units.chance.tolist() == pytest.approx([1 / 3] * 3 + [0.5, 0.5])
    assert changes(value, units, value.columns, ones)[1] == pytest.approx([1 / 2 - 1 / 3])
    assert effect_size(value, units) == pytest.approx(0, abs=1e-7)


def test_an_effect_is_no_more_than_the_windows_differ_nor_than_relabelling_leaves_unexplained() -> None:
    """Current values 0.3 up (0.3 of 1/6 + 0.3 is left), or 0.5 down, which makes up for all but 1/3."""
    value, units = _of_both("tagging", [0, 0, 0.3, 1, 1.3])
    assert effect_size(value, units) == pytest.approx(0.3, abs=0.03)
    value, units = _of_both("tagging", [0.2, 0.2, 0, 1, 0.8])
    assert effect_size(value, units) == pytest.approx(abs(0.4 - 1.4 / 3), abs=1e-6)


def test_of_who_is_new_every_appearance_changes_places_by_itself() -> None:
    value, units = _of_both("new_users", [0, 0, 0, 1, 1])
    assert changes(value, units, value.columns, np.ones((5, 1), np.float32))[1].tolist() == [0]
    assert effect_size(value, units) == pytest.approx(1 / 2 - 1 / 3)


def test_histograms_are_of_users_or_of_their_ratings() -> None:
    """One user of nine ratings in the first bin, and one of a single rating in the second."""
    units, shares = Units(np.array([1, 2]), np.zeros(2, np.int8)), np.eye(2, 12, dtype=np.float32)
    number, level = np.array([9, 1], np.float32), np.zeros(2, np.float32)
    value = UserValues(BY_NAME["rating"], (), shares, number[:, None], level, level, (), shares, number)
    assert shares_of(value, units, 0, by_rating=False)[:2].tolist() == [0.5, 0.5]
    assert shares_of(value, units, 0, by_rating=True)[:2].tolist() == pytest.approx([0.9, 0.1])
