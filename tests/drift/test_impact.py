from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from drift.impact import (
    BEYOND_TASTE,
    COSTLY,
    NOT_CHANGE,
    Impact,
    _errors,
    _film_levels,
    _impact,
    _message,
    _mixture,
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
    anew = current["rating"].mask(current["movieId"] % 15 == 0, 5.5 - current["rating"])
    row = impact_row(_windows(reference, current.assign(rating=anew)), seed=1)
    assert (row["status"], row["recommendation"]) == ("drifted", "retrain")
    assert row["statistic"] > row["bound"] == COSTLY
    assert f"change {row['mean_change']:+.2f} (95 % interval {row['mean_change_low']:+.2f} to" in row["message"]
    assert row["message"].startswith(
        f"Recommendation: retrain: change alone costs at least {row['statistic']:.2g} stars, and from 0.02 stars on it "
        "matters. First see that what drifted is no fault of the delivery: a model trained on a fault learns it. A "
        "model trained on the reference errs by "
    )


def test_a_cost_beyond_any_change_of_taste_is_to_be_mended_and_not_trained_on() -> None:
    reference, current = _parted()
    row = impact_row(_windows(reference, current.assign(rating=current["rating"] / 2)), seed=1)
    assert (row["status"], row["recommendation"]) == ("drifted", "mend")
    assert row["mean_change_low"] > BEYOND_TASTE
    assert row["message"].startswith("Recommendation: mend: change alone costs at least ")
    assert "Do not train" in row["message"]
    assert "retrain" not in row["message"]


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


@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [
        (-0.05, -0.021, "watch"),
        (-0.05, -0.019, "nothing"),
        (-0.01, 0.019, "nothing"),
        (0.019, 0.04, "watch"),
        (0.021, 0.04, "retrain"),
        (0.199, 0.4, "retrain"),
        (0.201, 0.4, "mend"),
    ],
)
def test_two_hundredths_of_a_star_are_costly_and_two_tenths_no_change_of_taste(
    low: float, high: float, advice: str
) -> None:
    assert recommendation(_with(((low + high) / 2, low, high), cold_start=0.0))[0] == advice


def test_levels_of_films_and_users_begin_with_five_ratings_at_the_usual_level() -> None:
    windows = _windows(*_parted())
    _errors(windows)
    sql = windows.parts[0].handle.sql
    learned = sql("select film_id as id, user_id, rating from drift_folds where side = 0 and not is_drawn")
    mean, of_film = learned["rating"].mean(), learned.groupby("id")["rating"]
    films = (of_film.sum() + 5 * mean) / (of_film.size() + 5)
    found = sql("select id, level from drift_film_levels").set_index("id")["level"]
    pd.testing.assert_series_equal(
        found.sort_index(), films, check_names=False, check_dtype=False, check_index_type=False
    )
    above = (learned["rating"] - learned["id"].map(films)).groupby(learned["user_id"])
    users = sql("select id, level from drift_user_levels").set_index("id")["level"]
    expected = (above.sum() / (above.size() + 5)).reindex(users.index, fill_value=0)  # who has drawn ratings alone
    pd.testing.assert_series_equal(users, expected, check_names=False, check_dtype=False)


def test_each_film_has_a_level_without_each_tenth_of_the_users() -> None:
    """Two films: of the first 5.0 by a user of fold 3 and 1.0 by one of fold 7; of the second 3.0 by fold 3 alone."""
    learned = pd.DataFrame({"id": [1, 1, 2], "user_fold": [3, 7, 3], "total": [5.0, 1.0, 3.0], "n": [1.0, 1.0, 1.0]})
    mean, levels = _film_levels(learned.set_index(["id", "user_fold"]))
    assert mean == 3.0
    assert levels["level"].tolist() == pytest.approx([21 / 7, 18 / 6])
    assert levels["without_3"].tolist() == pytest.approx([16 / 6, 15 / 5])
    assert levels["without_7"].tolist() == pytest.approx([20 / 6, 18 / 6])
    assert levels["without_0"].tolist() == levels["level"].tolist()


def test_what_trained_the_model_does_not_judge_it() -> None:
    """A delivery held against itself, as where an edition comes again, costs neither more nor less."""
    every = ratings(users=300, seed=3)
    again = _measured(every, every)
    assert again.ratings[1] < len(every) / 5, "the tenth that was drawn"
    assert again.change == pytest.approx(0, abs=1e-9)
    later = every.assign(timestamp=every["timestamp"] + 10**8)
    assert _measured(every, later).ratings[1] == len(every), "of later ratings none has trained it"


def test_ratings_that_are_easier_to_foretell_are_no_good_news() -> None:
    reference, current = _parted()
    lost = current[current["rating"] >= 3.0]
    row = impact_row(_windows(reference, lost), seed=1)
    assert row["recommendation"] == "watch"
    assert "but low ratings may be missing, or less of the scale be used." in row["message"]


def test_the_model_predicts_nothing_beyond_the_scale() -> None:
    """Half of the users give 5.0 to all films, the others to ten of twenty: the first's level would be above 5.0."""
    every = pd.DataFrame(
        [(user, film) for user in range(1, 81) for film in range(1, 21)], columns=["userId", "movieId"]
    )
    every["rating"] = np.where((every["userId"] <= 40) | (every["movieId"] <= 10), 5.0, 1.0)
    reference = every.assign(timestamp=1)
    errors = _errors(_windows(reference, reference[(every["userId"] <= 40) & (every["movieId"] <= 10)]))
    current = errors[(errors["side"] == 1) & (errors["judged"] > 0)]
    assert len(current) > 30
    assert (current["squared_error"] / current["judged"]).max() < 0.05


def _sums_of(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Of users known in both windows, with a judged rating of these squared errors in each."""
    sums = np.zeros((2, len(reference), 4, 3))
    for side, squares in zip(sums, (reference, current), strict=True):
        side[:, 0] = np.column_stack([np.ones_like(squares), np.ones_like(squares), squares])
    return sums


def test_the_interval_of_the_cost_holds_95_of_100_redrawings() -> None:
    squares = np.random.default_rng(1).exponential(size=400)
    impact = _impact(_sums_of(np.ones(400), squares), (400, 400), seed=1)
    error = squares.std() / (2 * np.sqrt(squares.mean() * 400))  # of a root mean square, by linearisation
    assert impact.change == pytest.approx(np.sqrt(squares.mean()) - 1)
    assert impact.high - impact.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_a_kind_that_was_judged_in_one_window_alone_is_no_evidence_of_change() -> None:
    sums = np.zeros((1, 2, 4, 3))
    sums[0, :, 0] = [[9, 9, 9], [6, 6, 6]]
    sums[0, 1, 2] = [2, 2, 8]  # films that the reference does not have
    sums[0, 0, 1] = [3, 3, 12]  # held-out users, and no new ones
    shares, reference, current = _mixture(sums)
    assert shares[0].tolist() == [0.75, 0, 0.25, 0]
    assert reference[0].tolist() == current[0].tolist() == [1, 4, 4, 0]


def test_the_message_says_what_is_lost_and_to_what_in_sentences() -> None:
    impact = replace(_with((0.033, -0.056, 0.132), cold_start=0.117), shares=np.array([0.05, 0.79, 0.03, 0.13]))
    assert _message(impact) == (
        "Recommendation: watch: new users and films cost enough to matter. Whether change does too cannot be told yet: "
        "it may cost up to 0.13 stars, and from 0.02 stars on it matters. A model trained on the reference errs by "
        "0.90 stars there, on users and films that it knows, and by 1.05 now. Of the difference of +0.15 stars, users "
        "and films that it has never seen explain +0.12, and change +0.03 (95 % interval -0.06 to +0.13). Of the "
        "current ratings 92 % are by users and 16 % of films that it has never seen."
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
