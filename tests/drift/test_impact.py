from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from drift.impact import (
    COSTLY,
    NOT_CHANGE,
    Impact,
    _message,
    _poisson_table,
    impact_row,
    measure_impact,
    recommendation,
)
from drift.windows import Windows, windows_of_folders
from tests.drift.deliveries import Handle, movies, ratings


def _windows(reference: pd.DataFrame, current: pd.DataFrame) -> Windows:
    handles = [Handle(ratings=frame, movies=movies()) for frame in (current, reference)]
    return windows_of_folders(handles[0], handles[1], None)


def _measured(reference: pd.DataFrame, current: pd.DataFrame) -> Impact:
    found = measure_impact(_windows(reference, current), seed=1)
    assert isinstance(found, Impact)
    return found


def _parted(seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same users in both windows, each with half of their ratings."""
    every = ratings(users=300, seed=seed)
    late = np.random.default_rng(seed).random(len(every)) < 0.5
    return every[~late], every[late]


def test_known_users_who_did_not_change_cost_nothing() -> None:
    impact = _measured(*_parted())
    assert impact.shares[0] > 0.99
    assert impact.low < 0 < impact.high
    assert recommendation(impact)[0] in ("nothing", "watch")


def test_new_users_are_cold_start_and_no_reason_to_retrain() -> None:
    every = ratings(users=400, seed=3)
    impact = _measured(every[every["userId"] <= 200], every[every["userId"] > 200])
    assert impact.shares[1] > 0.99
    assert impact.cold_start > 0.02
    assert impact.low < 0 < impact.high
    assert recommendation(impact)[0] != "retrain"


def test_users_who_changed_their_minds_are_a_reason_to_retrain() -> None:
    reference, current = _parted()
    row = impact_row(_windows(reference, current.assign(rating=5.5 - current["rating"])), seed=1)
    assert (row["status"], row["recommendation"]) == ("drifted", "retrain")
    assert row["statistic"] > row["bound"] == COSTLY
    assert f"change {row['mean_change']:+.2f} (95 % interval {row['mean_change_low']:+.2f} to" in row["message"]
    assert row["message"].startswith("Recommendation: retrain: a model trained on the reference errs by ")
    assert row["message"].endswith(f" costs at least {row['statistic']:.2g} stars, and from 0.02 stars on it matters.")


def _with(change: tuple[float, float, float], cold_start: float) -> Impact:
    """What was measured, with a change and its interval, beside a cold start."""
    shares, errors = np.array([0.5, 0.5, 0.0, 0.0]), np.ones(4)
    expected = 0.9 + cold_start
    return Impact((50, 50), (900, 900), 0.9, expected, expected + change[0], *change[1:], shares, errors, errors)


def test_the_loss_is_cold_start_alone_only_where_change_can_be_excluded() -> None:
    advice, reason = recommendation(_with((0.01, -0.02, COSTLY), cold_start=0.08))
    assert (advice, reason) == ("watch", NOT_CHANGE)
    advice, reason = recommendation(_with((0.116, -0.009, 0.244), cold_start=0.08))
    assert advice == "watch"
    assert reason == (
        "New users and films cost enough to matter. Whether change does too cannot be told yet: it may cost up to 0.24 "
        "stars, and from 0.02 stars on it matters."
    )


def test_without_a_dear_cold_start_the_interval_of_change_alone_decides() -> None:
    assert recommendation(_with((0.01, -0.02, COSTLY), cold_start=0.01))[0] == "nothing"
    assert recommendation(_with((0.01, -0.02, 0.03), cold_start=0.01))[0] == "watch"
    assert recommendation(_with((0.05, 0.03, 0.07), cold_start=0.08))[0] == "retrain"


def test_the_message_says_what_is_lost_and_to_what_in_sentences() -> None:
    impact = replace(_with((0.033, -0.056, 0.132), cold_start=0.117), shares=np.array([0.05, 0.79, 0.03, 0.13]))
    assert _message(impact) == (
        "Recommendation: watch: a model trained on the reference errs by 0.90 stars there, on users and films that it "
        "knows, and by 1.05 now. Of the difference of +0.15 stars, users and films that it has never seen explain "
        "+0.12, and change +0.03 (95 % interval -0.06 to +0.13). 92 % of the current ratings are by such users, 16 % "
        "are of such films. New users and films cost enough to matter. Whether change does too cannot be told yet: it "
        "may cost up to 0.13 stars, and from 0.02 stars on it matters."
    )
    assert "explain +0.00, and change +0.00 (95" in _message(_with((-0.001, -0.002, 0.002), cold_start=-0.001))


def test_the_errors_are_those_of_the_model() -> None:
    """All ratings alike: the model is right everywhere, and so costs nothing."""
    reference, current = _parted()
    impact = _measured(reference.assign(rating=4.0), current.assign(rating=4.0))
    assert (impact.reference, impact.expected, impact.current) == (0, 0, 0)
    above = _measured(reference.assign(rating=4.0), current.assign(rating=3.0))
    assert above.current == 1.0


def test_users_are_drawn_anew_as_a_poisson_distribution_does() -> None:
    times, chances = np.unique(_poisson_table(), return_counts=True)
    assert chances[:5] / 2**16 == pytest.approx(np.exp(-1) / np.array([1, 1, 2, 6, 24]), abs=2**-16)
    assert (times * chances).sum() == 2**16


def test_too_little_to_judge_is_undetermined() -> None:
    row = impact_row(_windows(ratings(users=300), ratings(users=3)), seed=1)
    assert row["status"] == "undetermined"
    assert "3 users with ratings in the current window, fewer than 10" in row["message"]
