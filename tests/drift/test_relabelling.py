from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.features import Feature, declared_features
from drift.relabelling import Judgement, _step_down, judge, relabelled_sums, weights
from drift.units import Units, UserValues

BY_NAME = {feature.name: feature for feature in declared_features()}


def _units(reference: int, current: int, both: int = 0) -> Units:
    users = [
        *range(reference),
        *range(reference, reference + current),
        *range(900, 900 + both),
        *range(900, 900 + both),
    ]
    sides = [0] * reference + [1] * current + [0] * both + [1] * both
    return Units(np.array(users, np.int64), np.array(sides, np.int8))


def _value(feature: Feature, columns: np.ndarray) -> UserValues:
    columns = np.asarray(columns, np.float32)
    ones = np.ones(len(columns), np.float32)
    names = tuple(f"column {i}" for i in range(columns.shape[1]))
    return UserValues(feature, names, columns, ones[:, None], ones, ones, (), columns, ones)


def _judge(units: Units, *columns: np.ndarray, seed: int = 0, names: tuple[str, ...] = ()) -> list[Judgement]:
    chosen = names or ("activity", "user_level", "genre", "tagging")[: len(columns)]
    values = [_value(BY_NAME[name], part) for name, part in zip(chosen, columns, strict=True)]
    return judge(units, values, 0.05, 199, seed)


def test_relabelled_sums_are_those_of_some_relabelling() -> None:
    units = _units(2, 2, both=1)
    rows = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]], np.float32)
    possible = {a + b + pair for a, b in combinations([1, 2, 4, 8], 2) for pair in (16, 32)}
    sums = relabelled_sums(units, [rows], 1, 400, seed=1)[:, 0]
    assert sums[0] == 7.5 + 24, "expected: half of the singles' sum, and of the pair's"
    assert sums[1] == 4 + 8 + 32
    assert set(sums[1:].tolist()) == possible


def test_users_of_one_window_stay_there_where_the_other_has_none_to_change_places_with() -> None:
    rows = np.array([[1.0], [2.0], [16.0], [32.0]], np.float32)
    sums = relabelled_sums(_units(0, 2, both=1), [rows], 1, 100, seed=1)[:, 0]
    assert sums[:2].tolist() == [3 + 24, 3 + 32]
    assert set(sums[1:].tolist()) == {3 + 16, 3 + 32}


def test_every_relabelling_is_as_likely() -> None:
    rows = np.eye(10, dtype=np.float32)
    drawn = relabelled_sums(_units(7, 3), [rows], rows.shape[1], 4000, seed=2)[2:]
    assert set(drawn.sum(axis=1)) == {3.0}
    assert drawn.mean(axis=0) == pytest.approx(np.full(10, 0.3), abs=0.03)


def test_where_nothing_moved_an_alarm_on_any_feature_is_as_rare_as_stated() -> None:
    rng = np.random.default_rng(3)
    units = _units(30, 20, both=8)
    alarms = 0
    for trial in range(300):
        heavy = rng.standard_t(2, (len(units.users), 3))
        related = heavy[:, :1] + rng.normal(size=(len(units.users), 4))
        shares = rng.random((len(units.users), 5))
        judged = _judge(units, heavy, related, shares, seed=trial)
        alarms += any(judgement.q_value <= 0.05 for judgement in judged)
    assert 5 <= alarms <= 27  # of 300 at 5 %: 15 on average, and 3 standard deviations about it


APART = 8.0  # by which users of both windows lie above the others, here


def _of_those_who_came_back(units: Units, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(len(units.users), 1)) + APART * (units.users >= 900)[:, None]


def test_what_sets_users_of_both_windows_apart_is_no_difference_between_the_windows() -> None:
    """They are a third of the reference and half of the current window, so that the means differ by 1.3."""
    rng, units = np.random.default_rng(6), _units(80, 40, both=40)
    alarms = sum(
        _judge(units, _of_those_who_came_back(units, rng), seed=trial)[0].q_value <= 0.05 for trial in range(200)
    )
    assert 2 <= alarms <= 19  # of 200 at 5 %: 10 on average, and 3 standard deviations about it


@pytest.mark.parametrize("shift", [-2.0, -1.0, 1.0])
def test_what_sets_users_of_both_windows_apart_hides_no_difference_between_the_windows(shift: float) -> None:
    """Also none that makes up for it, so that the means of the windows are the same."""
    rng, units = np.random.default_rng(7), _units(80, 40, both=40)
    level = _of_those_who_came_back(units, rng) + shift * (units.sides == 1)[:, None]
    assert _judge(units, level)[0].q_value <= 0.01


def test_a_user_in_both_windows_is_one_unit() -> None:
    """40 users far above the rest, each the same in both windows: swapping them changes nothing."""
    units = _units(20, 20, both=40)
    level = np.concatenate([np.zeros(40), np.full(80, 9.0)])[:, None]
    level += np.random.default_rng(1).normal(size=level.shape)
    assert _judge(units, level)[0].p_value > 0.05


@given(st.integers(0, 1000), st.floats(0, 2))
@settings(max_examples=25, deadline=None)
def test_the_bound_and_the_corrected_p_value_never_disagree(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    units = _units(25, 25)
    moved = rng.normal(size=(50, 3)) + shift * units.sides[:, None]
    for judgement in _judge(units, moved, rng.normal(size=(50, 4)), rng.random((50, 3)), seed=seed):
        assert judgement.p_value <= judgement.q_value + 1e-12
        if judgement.q_value <= 0.05:
            assert judgement.statistic > judgement.bound * (1 - 1e-9)
        else:
            assert judgement.statistic <= judgement.bound * (1 + 1e-9)


@pytest.mark.parametrize("users", [12, 100])
@pytest.mark.parametrize("changed", [1, 2, 5])
def test_labels_that_make_the_same_difference_count_as_many(users: int, changed: int) -> None:
    """Of users seen in both windows so many changed: of all labels, two in 2 ** changed set them apart as far."""
    level = np.tile(np.random.default_rng(changed).normal(3.5, 0.5, users), 2)
    level[users : users + changed] -= 2
    (judgement,) = _judge(_units(0, 0, both=users), level[:, None], names=("user_level",))
    assert judgement.p_value == pytest.approx(2 / 2**changed, abs=0.1)
    assert judgement.q_value > 0.025


@pytest.mark.parametrize("users", [10, 50, 200])
def test_labels_that_give_a_window_as_many_events_count_as_many(users: int) -> None:
    """All of five events lie in the current window: a chance of 1 in 16 or, of ten users a window, of 1 in 31."""
    events = np.where(np.arange(2 * users) >= 2 * users - 5, 1.0, 0.0)[:, None]
    found = judge(_units(users, users), [_value(BY_NAME["tagging"], events)], 0.05, 999, 0)[0]
    chance = 2 * np.prod([(users - taken) / (2 * users - taken) for taken in range(5)])
    assert found.p_value == pytest.approx(chance, abs=0.025)
    assert found.p_value > chance / 2


def test_a_planted_difference_is_found_in_its_feature_and_column() -> None:
    rng = np.random.default_rng(5)
    units = _units(60, 60)
    noise, moved = rng.normal(size=(120, 4)), rng.normal(size=(120, 4))
    moved[units.sides == 1, 2] += 2
    still, found = _judge(units, noise, moved, names=("user_level", "genre"))
    assert still.q_value > 0.05
    assert found.q_value <= 0.05
    assert found.strongest == "column 2"


@pytest.mark.parametrize(
    ("relabelled", "q_values"),
    [
        ([[5, 0], [5, 1], [5, 0], [5, 0]], [0.2, 0.2]),  # the second is not held against what the first may reach
        ([[9, 0], [9, 0], [0, 1], [0, 0]], [0.6, 0.6]),  # nor is it surer than the first
        ([[0, 9], [0, 9], [0, 9], [0, 3]], [0.8, 1.0]),
    ],
)
def test_corrected_p_values_step_down_from_the_largest_score(relabelled: list[list[int]], q_values: list[int]) -> None:
    found, _ = _step_down(np.array([[8, 2], *relabelled], float), 0.2)
    assert found.tolist() == q_values


@pytest.mark.parametrize(("users", "judged"), [(2, False), (8, True)])
def test_a_column_that_a_few_users_alone_bear_out_is_not_judged(users: int, judged: bool) -> None:
    """So many of two hundred in the current window differ from all others."""
    units = _units(200, 200)
    apart = np.where(np.arange(400) >= 400 - users, 9.0, 0.0)[:, None]
    assert np.isfinite(_judge(units, apart, names=("user_level",))[0].bound) == judged
    assert np.isfinite(_judge(units, apart, names=("tagging",))[0].bound), "of a share each user is an event"


@pytest.mark.parametrize(
    ("values", "judged", "too_few"),
    [
        (np.random.default_rng(1).normal(size=20), True, False),  # all differ, if most of them by little
        (np.arange(20) < 5, True, False),
        (np.arange(20) < 4, False, True),
        (np.full(20, 4.0), False, False),  # there is nothing that could differ
    ],
)
def test_of_ten_and_ten_users_it_counts_how_many_differ_and_not_by_how_much(
    values: np.ndarray, judged: bool, too_few: bool
) -> None:
    (judgement,) = _judge(_units(10, 10), values[:, None], names=("user_level",))
    assert (bool(np.isfinite(judgement.bound)), judgement.too_few) == (judged, too_few)


def test_users_who_are_all_the_same_in_both_windows_are_not_too_few() -> None:
    level = np.tile(np.random.default_rng(1).normal(size=20), 2)[:, None]
    (judgement,) = _judge(_units(0, 0, both=20), level, names=("user_level",))
    assert (judgement.q_value, judgement.too_few) == (1.0, False)


def test_a_few_who_rated_a_genre_are_compared_with_others_who_did() -> None:
    """Forty of two hundred have a value at all; of these four differ, or all do."""
    feature, units = BY_NAME["genre_level"], _units(100, 100)
    counts = (np.arange(200) % 5 == 0).astype(np.float32)[:, None]
    few = np.where(np.arange(200) % 50 == 0, 9, 0)[:, None]
    many = np.random.default_rng(1).normal(size=(200, 1)) * counts
    for columns, too_few in ((few, True), (many, False)):
        value = replace(_value(feature, columns), counts=counts)
        assert judge(units, [value], 0.05, 99, 0)[0].too_few == too_few


def test_a_warning_has_five_times_the_share_of_the_error_rate_that_an_information_has() -> None:
    """Two like features in which nothing moved: 4.2 and 0.8 % are normal deviates of 2.0 and 2.6."""
    noise = np.random.default_rng(2).normal(size=(2, 60, 1))
    warning, information = _judge(_units(30, 30), *noise, names=("user_level", "activity"))
    assert (BY_NAME["user_level"].severity, BY_NAME["activity"].severity) == ("warning", "info")
    assert information.bound > 1.15 * warning.bound


def test_one_genre_alone_counts_in_full_and_one_cell_of_a_histogram_among_the_others() -> None:
    """Twenty columns, of which one moved by more than a standard deviation."""
    units = _units(60, 60)
    columns = np.random.default_rng(5).normal(size=(120, 20))
    columns[:, 7] += 1.2 * units.sides
    genres, cells = (_judge(units, columns, names=(name,))[0] for name in ("genre", "user_level"))
    assert genres.statistic > 4
    assert cells.statistic < 2


def test_a_huge_difference_is_not_measured_by_itself() -> None:
    """In standard deviations of the relabellings; with the observed labels among them it is 12, and the bound 1.1."""
    units = _units(200, 200)
    moved = np.random.default_rng(5).normal(size=(400, 3)) + 50 * units.sides[:, None]
    (judgement,) = _judge(units, moved, names=("user_level",))
    assert judgement.statistic > 15
    assert judgement.bound > 1.5


@pytest.mark.parametrize("level", [0.0, 3.5])
def test_constant_values_give_no_evidence(level: float) -> None:
    judgement = _judge(_units(10, 10), np.full((20, 2), level))[0]
    assert (judgement.statistic, judgement.p_value, judgement.q_value) == (0.0, 1.0, 1.0)
    assert np.isnan(judgement.bound)


def test_nothing_to_judge_gives_nothing() -> None:
    assert judge(_units(5, 5), [], 0.05, 99, 0) == []


def test_weights_count_ratings_up_to_the_cap() -> None:
    counts = np.array([[0.0], [1.0], [30.0], [500.0]], np.float32)
    assert weights(counts, 1).ravel().tolist() == [0, 1, 1, 1]
    assert weights(counts, 100).ravel() == pytest.approx([0, 0.01, 0.3, 1])
    assert weights(counts, np.inf).ravel().tolist() == [0, 1, 30, 500]
