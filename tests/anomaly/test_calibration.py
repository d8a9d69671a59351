from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtr, ndtri

from anomaly import calibration

SCORES = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-5, 5).map(float))


def test_conformal_p_values_count_the_reference_at_or_above() -> None:
    p = calibration.conformal_p_values(np.array([1.0, 2.0, 2.0, 4.0]), np.array([0.0, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(p, [1.0, 4 / 5, 2 / 5, 1 / 5])


def test_an_empty_reference_calibrates_nothing() -> None:
    with pytest.raises(ValueError, match="reference must hold at least one score"):
        calibration.conformal_p_values(np.array([]), np.array([1.0]))


@given(SCORES)
def test_conformal_p_values_are_valid_over_exchangeable_scores(scores: np.ndarray) -> None:
    """Each score against the others: at any level a, no more than a of them have p <= a."""
    p = np.array(
        [
            calibration.conformal_p_values(np.delete(scores, i), scores[i : i + 1])[0] if len(scores) > 1 else 1.0
            for i in range(len(scores))
        ]
    )
    for level in np.unique(p):
        assert np.mean(p <= level) <= level + 1e-12


@given(SCORES, SCORES)
def test_a_higher_score_never_has_a_higher_p_value(reference: np.ndarray, scores: np.ndarray) -> None:
    ordered = np.sort(scores)
    assert (np.diff(calibration.p_values(reference, ordered)) <= 1e-12).all()


def test_the_tail_goes_below_the_smallest_conformal_p_value_only_far_out() -> None:
    reference = np.random.default_rng(1).exponential(size=2000)
    near, far = calibration.p_values(reference, np.array([reference.max() * 1.02, 4 * reference.max()]))
    assert near == pytest.approx(1 / 2001)
    assert 0 < far < near / 10


def test_tail_p_values_hold_their_level_on_honest_scores() -> None:
    rng = np.random.default_rng(5)
    hits = [np.mean(calibration.p_values(rng.gumbel(size=400), rng.gumbel(size=4000)) <= 0.001) for _ in range(60)]
    assert np.mean(hits) <= 0.001 + 0.0006


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0.0001, 1)))
def test_benjamini_hochberg_is_the_step_up_procedure(p: np.ndarray) -> None:
    q = calibration.benjamini_hochberg(p)
    for rate in (0.05, 0.1, 0.3):
        ordered = np.sort(p)
        under = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p) + 1e-12)
        bound = ordered[under[-1]] if len(under) else -1.0
        np.testing.assert_array_equal(q <= rate + 1e-9, p <= bound)


def test_benjamini_hochberg_leaves_the_untested_out() -> None:
    q = calibration.benjamini_hochberg(np.array([0.01, np.nan, 0.04]))
    np.testing.assert_allclose(q, [0.02, np.nan, 0.04])


def test_q_values_count_on_the_honest_among_the_tested_alone() -> None:
    """Ten tested: by three p-values above one half and one more for caution, eight are honest."""
    p = np.array([0.001, 0.002, 0.003, 0.01, 0.02, 0.03, 0.04, 0.6, 0.8, np.nan, 0.9])
    np.testing.assert_allclose(calibration.q_values(p), 0.8 * calibration.benjamini_hochberg(p))
    assert calibration.honest_share(np.ones(5)) == 1.0


def test_flags_hold_their_rate_where_a_third_of_the_tested_are_bad() -> None:
    """Over conformal p-values against 500 trusted scores; without the estimate the rate would be two thirds as high."""
    rng, found = np.random.default_rng(8), []
    for _ in range(400):
        scores = np.concatenate([rng.normal(size=100), rng.normal(3.0, 1.0, 50)])
        q = calibration.q_values(calibration.conformal_p_values(rng.normal(size=500), scores))
        flagged = q <= 0.10
        found.append(flagged[:100].sum() / max(flagged.sum(), 1))
    assert 0.075 < np.mean(found) <= 0.105


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_weighted_bonferroni_is_valid_for_dependent_channels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.random(4000)
    for second in (first, 1 - first, rng.random(4000)):
        combined = calibration.weighted_bonferroni([first, second], (0.8, 0.2))
        assert np.mean(combined <= 0.05) <= 0.05 + 0.015


def test_weights_must_sum_to_one() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        calibration.weighted_bonferroni([np.ones(1), np.ones(1)], (0.8, 0.8))


CATALOGUE_AND_NOVELTY = (0.8, 0.2)


def _drawn(shift: float, users: int = 400, attackers: int = 0, seed: int = 1) -> list[np.ndarray]:
    """p-values of two channels: users `shift` standard deviations more suspicious than trusted ones, then attackers."""
    rng = np.random.default_rng(seed)
    z = [np.append(rng.normal(shift, 1, users), rng.normal(shift + 4, 0.5, attackers)) for _ in range(2)]
    return [1 - ndtr(channel) for channel in z]


def test_a_shift_leaves_half_a_user_of_doubt() -> None:
    """Of ten tested three are above a half, where of eight honest ones four should be."""
    p_values = np.array([0.9, 0.8, 0.7, *[0.1] * 7])
    assert calibration.shift_of(p_values, honest=0.8) == pytest.approx(-ndtri(3.5 / 10 / 0.8))
    assert calibration.shift_of(np.full(10, 0.6), honest=0.8) == 0


def test_users_like_the_trusted_keep_their_p_values() -> None:
    p = np.linspace(0.001, 0.999, 101)
    assert calibration.moved(p, 1.0) is p
    assert calibration.moved(p, 0.6) is p


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_what_all_users_do_more_than_the_trusted_flags_nobody(shift: float) -> None:
    found = calibration.among_their_like(_drawn(shift), CATALOGUE_AND_NOVELTY, 0.1)
    assert (calibration.q_values(found) <= 0.1).sum() <= 1
    before = calibration.weighted_bonferroni(_drawn(shift), CATALOGUE_AND_NOVELTY)
    assert (calibration.q_values(before) <= 0.1).sum() > 5 * shift**2  # which is what they would be flagged for


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("attackers", [8, 40, 200])
def test_attackers_stand_out_among_users_of_another_time(shift: float, attackers: int) -> None:
    found = calibration.among_their_like(_drawn(shift, 400, attackers), CATALOGUE_AND_NOVELTY, 0.1)
    flagged = calibration.q_values(found) <= 0.1
    assert flagged[400:].mean() > 0.8
    assert flagged[:400].sum() <= 0.25 * flagged.sum()


@pytest.mark.parametrize("n", [0, 1, 30])
def test_a_shift_has_an_end_though_everybody_is_beyond_the_trusted(n: int) -> None:
    found = calibration.among_their_like([np.full(n, 1e-9)] * 2, CATALOGUE_AND_NOVELTY, 0.1)
    assert found.shape == (n,)
    assert np.isfinite(found).all()


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(1e-9, 1)), st.floats(0.6, 1))
def test_moving_keeps_the_order_and_never_makes_anybody_more_suspicious(p: np.ndarray, honest: float) -> None:
    moved = calibration.moved(p, honest)
    assert (moved >= p - 1e-9).all()
    assert (np.diff(moved[np.argsort(p)]) >= -1e-12).all()


@pytest.mark.parametrize(
    ("found", "tested", "expected"),
    [(0, 0, False), (0, 50, False), (1, 1, False), (7, 10, False), (9, 10, True), (26, 50, False), (30, 50, True)],
)
def test_more_discoveries_than_can_be_attackers_are_too_many(found: int, tested: int, expected: bool) -> None:
    """Of fifty at most twenty are attackers, but for chance; of discoveries a tenth may be honest."""
    q = np.append(np.where(np.arange(tested) < found, 0.01, 0.9), np.nan)
    assert calibration.are_too_many(q, 0.1) is expected


def test_the_tail_is_believed_from_three_hundred_trusted_users_on() -> None:
    """Twice its probability: in an exponential tail, ten times the mean past all of them, it is next to nothing."""
    for n, extrapolated in ((299, False), (300, True)):
        reference = -np.log(1 - (np.arange(n) + 0.5) / n)
        (found,) = calibration.p_values(reference, np.array([reference.max() + 10]))
        assert (found < 0.1 / (n + 1)) == extrapolated


def test_the_tail_of_exponential_scores_is_twice_their_own() -> None:
    """For caution: the fit is of two hundred of two thousand."""
    reference = -np.log(1 - (np.arange(2000) + 0.5) / 2000)
    found = calibration.p_values(reference, np.array([9.0, 10.0, 11.0]))
    np.testing.assert_allclose(found, 2 * np.exp(-np.array([9.0, 10.0, 11.0])), rtol=0.35)


def test_a_tail_is_never_taken_to_end_and_a_heavy_one_is_seen() -> None:
    """Scores between 0 and 1; and those that are beyond x with chance x^-2.5."""
    share = (np.arange(2000) + 0.5) / 2000
    heavy = (1 - share) ** -0.4
    assert calibration.p_values(share, np.array([1.1]))[0] > 1e-5
    for times in (2, 4):
        expected = (times * heavy.max()) ** -2.5
        assert expected < calibration.p_values(heavy, np.array([times * heavy.max()]))[0] < 3 * expected


def test_of_both_channels_likeness_to_attackers_weighs_more() -> None:
    """Ten of ninety stand out as far in one channel as in the other."""
    usual, apart = np.linspace(0.02, 0.98, 80), np.full(10, 0.01)
    flat = np.linspace(0.02, 0.98, 90)
    weights = (calibration.CATALOGUE_WEIGHT, 1 - calibration.CATALOGUE_WEIGHT)
    first, second = (
        calibration.among_their_like(channels, weights, 0.1)[:10].max()
        for channels in ([np.append(apart, usual), flat[::-1]], [flat[::-1], np.append(apart, usual)])
    )
    assert first < second < 10 * first


def test_rules_flag_where_the_trusted_hardly_ever_break_them() -> None:
    few, ten, one = np.arange(199) < 3, np.arange(50) < 10, np.arange(50) < 1
    assert calibration.q_values_of_rules(few, ten).tolist() == pytest.approx([4 / 200 * 50 / 10] * 10 + [1.0] * 40)
    assert calibration.q_values_of_rules(few, one)[0] == 1.0  # one of fifty is what they break too
    assert calibration.q_values_of_rules(few, np.zeros(0, bool)).tolist() == []


def test_a_rule_that_trusted_users_break_does_not_excuse_who_breaks_a_stricter_one() -> None:
    trusted, tested = np.array([1] * 9 + [0] * 190), np.array([2] * 5 + [1] * 5 + [0] * 40)
    q_values = calibration.q_values_of_rules(trusted, tested)
    assert q_values[:10].tolist() == pytest.approx([1 / 200 * 50 / 5] * 5 + [10 / 200 * 50 / 10] * 5)
