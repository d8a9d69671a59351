"""Users seen in both windows differ from others, which is no change of anything."""

from __future__ import annotations

import numpy as np
import pytest

from drift import expected
from drift.features import declared_features
from drift.relabelling import judge, relabelled_sums
from drift.units import Units, UserValues

LEVEL = next(feature for feature in declared_features() if feature.name == "user_level")


def _weight(units: Units, *heavy: int) -> np.ndarray:
    weight = np.ones((len(units.users), 1), np.float32)
    weight[list(heavy)] = 3
    return weight


def _units(follows: bool = True) -> Units:
    """Users 1 to 3 in the reference, 4 in the current window, 9 in both."""
    return Units(np.array([1, 2, 3, 9, 4, 9]), np.array([0, 0, 0, 0, 1, 1], np.int8), follows)


def test_who_came_back_is_expected_to_be_as_far_from_the_others_as_before() -> None:
    columns = np.array([[0, 0, 0, 4, 7, 5]], np.float32).T
    assert expected.of_return(_units(), columns, _weight(_units())) == pytest.approx([1 / 2 * (4 - 1)])
    assert expected.of_return(_units(), columns, _weight(_units(), 5)) == pytest.approx([3 / 4 * (4 - 1)])
    assert expected.of_return(_units(), columns, _weight(_units(), 3)) == pytest.approx([1 / 2 * (4 - 2)])


def test_either_difference_is_expected_where_one_window_follows_the_other_and_one_where_not() -> None:
    columns = np.array([[0, 0, 0, 4, 7, 5]], np.float32).T
    for follows, number in ((True, 2), (False, 1)):
        units = _units(follows)
        assert len(expected.changes(units, columns, _weight(units))) == number
    alone = Units(np.array([1, 2]), np.array([0, 1], np.int8), follows=True)
    assert expected.changes(alone, columns[:2], _weight(alone)) == []


def test_what_is_left_is_the_smaller_rest_and_nothing_where_the_sign_is_open() -> None:
    observed = np.array([5.0, 5.0, -5.0, 5.0])
    either = [np.array([1.0, 3.0, -1.0, 4.0]), np.array([2.0, 2.0, -4.0, 6.0])]
    assert expected.beyond(observed, either).tolist() == [3, 2, -1, 0]
    assert expected.beyond(observed, []).tolist() == observed.tolist()


def test_a_few_users_of_one_side_alone_are_as_good_as_none_but_where_they_follow() -> None:
    def units(reference: int, current: int, both: int, follows: bool = False) -> Units:
        users = [*range(reference), *range(100, 100 + current), *range(900, 900 + both), *range(900, 900 + both)]
        return Units(
            np.array(users), np.repeat([0, 1, 0, 1], [reference, current, both, both]).astype(np.int8), follows
        )

    assert units(50, 0, 5).nested
    assert units(50, 9, 5).nested
    assert units(9, 50, 5).nested
    assert not units(50, 10, 5).nested
    assert not units(9, 9, 50).nested
    assert not units(0, 0, 50).nested
    assert not units(50, 0, 5, follows=True).nested


@pytest.mark.parametrize(("reference", "current", "both"), [(7, 3, 4), (0, 12, 4), (20, 3, 4), (3, 20, 4)])
def test_chances_are_how_often_relabellings_count_each_row(reference: int, current: int, both: int) -> None:
    users = [*range(reference), *range(100, 100 + current), *range(900, 900 + both), *range(900, 900 + both)]
    units = Units(np.array(users), np.repeat([0, 1, 0, 1], [reference, current, both, both]).astype(np.int8))
    rows = np.eye(len(users), dtype=np.float32)
    drawn = relabelled_sums(units, [rows], len(users), 2000, seed=1)[2:]
    assert drawn.mean(axis=0) == pytest.approx(units.chance, abs=0.05)


def _steady(rng: np.random.Generator, fall: float = 0.0) -> tuple[Units, np.ndarray]:
    """A hundred users, of whom thirty come back, who lie higher; and forty newcomers of the same two kinds."""
    keen = np.append(np.arange(100) < 30, rng.random(40) < 0.3)
    own = 1.0 * keen + rng.normal(0, 0.5, 140)
    back = own[:30] + rng.normal(0, 0.2, 30)
    units = Units(np.append(np.arange(140), np.arange(30)), np.repeat([0, 1], [100, 70]).astype(np.int8), follows=True)
    return units, np.append(own, back) - fall * (units.sides == 1)


def _alarm(units: Units, level: np.ndarray, seed: int) -> bool:
    columns, ones = level[:, None].astype(np.float32), np.ones(len(level), np.float32)
    value = UserValues(LEVEL, ("mean",), columns, ones[:, None], columns[:, 0], ones, (), columns, ones)
    return judge(units, [value], 0.05, 199, seed)[0].q_value <= 0.05


def test_in_a_steady_world_of_which_the_keen_come_back_nothing_moved() -> None:
    """Their share is 0.3 of the first window and 0.6 of the second: of 100 pairs, 73 were an alarm without this."""
    rng = np.random.default_rng(5)
    assert sum(_alarm(*_steady(rng), seed) for seed in range(100)) <= 11  # 5 at 5 %, and three standard deviations


@pytest.mark.parametrize("fall", [0.8, -0.4])
def test_a_fall_and_a_rise_of_all_are_found_in_it(fall: float) -> None:
    rng = np.random.default_rng(6)
    assert sum(_alarm(*_steady(rng, fall), seed) for seed in range(20)) >= 17
