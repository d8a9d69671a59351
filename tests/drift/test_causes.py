from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from drift.causes import NewLevels, new_levels
from drift.features import declared_features
from drift.findings import find_drift
from drift.windows import windows_in_time
from tests.drift.deliveries import START, Handle, movies, ratings

DAY = 86_400


def _with_half_stars_since(day: int) -> pd.DataFrame:
    every = ratings(users=400, each=25, seed=7)
    whole = every["timestamp"] < START + day * DAY
    return every.assign(rating=every["rating"].mask(whole, np.floor(every["rating"] + 0.5).clip(1, 5)))


def _found(frame: pd.DataFrame) -> pd.DataFrame:
    with Handle(ratings=frame, movies=movies()) as warehouse:
        return find_drift(warehouse, since=START + 320 * DAY, relabellings=199).set_index("feature")


def test_new_levels_of_the_scale_are_named_with_their_day_and_explain_the_drift() -> None:
    row = _found(_with_half_stars_since(200)).loc["half_stars"]
    assert row["status"] == "drifted"
    day = pd.Timestamp(START + 200 * DAY, unit="s").date()
    assert f"1.5, 2.5, 3.5, 4.5 are first given on {day}" in row["cause"]
    assert row["cause"].startswith("A change of scale can explain it: ")
    assert row["cause"] in row["message"]


def test_a_drift_without_a_change_of_scale_has_no_such_cause() -> None:
    frame = ratings(users=400, each=25, seed=7)
    late = frame["timestamp"] >= START + 320 * DAY
    row = _found(frame.assign(rating=frame["rating"].mask(late, (frame["rating"] - 0.5).clip(0.5)))).loc["rating"]
    assert row["status"] == "drifted"
    assert pd.isna(row["cause"])


def test_what_drifted_besides_is_not_explained_by_new_levels_of_the_scale() -> None:
    frame = _with_half_stars_since(200)
    late = frame["timestamp"] >= START + 320 * DAY
    row = _found(frame.assign(rating=frame["rating"].mask(late, (frame["rating"] - 1).clip(0.5)))).loc["rating"]
    assert row["status"] == "drifted"
    assert "the difference is still significant" in row["cause"]
    assert row["cause"].startswith("A change of scale does not explain all of it: ")


@pytest.mark.parametrize("day", [312, 316])
def test_what_could_not_be_seen_on_the_few_users_since_then_is_not_explained_by_their_levels(day: int) -> None:
    """Eight or four users of the reference remain, and half of the current ones rate a star lower than all of these."""
    frame = _with_half_stars_since(day)
    lower = (frame["timestamp"] >= START + 320 * DAY) & (frame["userId"] % 2 == 0)
    found = _found(frame.assign(rating=frame["rating"].mask(lower, (frame["rating"] - 1).clip(0.5))))
    for name in ("rating", "user_level"):
        assert found.loc[name, "status"] == "drifted"
        assert "is not significant" in found.loc[name, "cause"]
        assert found.loc[name, "cause"].startswith("It cannot be told whether a change of scale explains it: ")


def test_only_what_drifted_and_reads_the_scale_has_such_a_cause() -> None:
    """A genre is lost, too, which no level of the scale explains; and users' levels stay what they were."""
    frame = _with_half_stars_since(200)
    lost = (frame["timestamp"] >= START + 320 * DAY) & frame["movieId"].isin(range(3, 61, 5))
    found = _found(frame[~lost])
    explained = found.index[found["cause"].notna()]
    reads = {feature.name for feature in declared_features() if feature.reads_scale}
    assert set(explained) == {name for name in reads if found.loc[name, "status"] == "drifted"}
    assert found.loc["genre", "status"] == "drifted"
    assert "ok" in set(found.loc[sorted(reads), "status"])


def _came(*first: tuple[float, int], stray: int | None = None, since: int = 320) -> NewLevels | None:
    """What is found of four hundred days of ten 4.0 each, and five of each other level from its day on."""
    given = [(day, 4.0, 10) for day in range(400)] + [(d, level, 5) for level, day in first for d in range(day, 400)]
    given += [] if stray is None else [(stray, first[0][0], 1)]
    rows = [(user, 1, level, day * DAY) for user, (day, level, n) in enumerate(given) for _ in range(n)]
    with Handle(ratings=pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])) as warehouse:
        windows = windows_in_time(warehouse, 0.5, since * DAY)
        warehouse.sql(windows.parts[0].statement("placed"))
        return new_levels(windows)


def test_a_stray_rating_long_before_does_not_move_the_day_on_which_a_level_came() -> None:
    assert _came((3.5, 200)) == NewLevels(200 * DAY, (3.5,))
    assert _came((3.5, 200), stray=20) == NewLevels(200 * DAY, (3.5,))
    assert _came((3.5, 200), stray=180) == NewLevels(180 * DAY, (3.5,)), "a beginning, not a stray"


def test_of_levels_that_came_one_after_the_other_the_last_are_told() -> None:
    assert _came((2.5, 60), (3.5, 200)) == NewLevels(200 * DAY, (3.5,))
    assert _came((2.5, 140), (3.5, 200)) == NewLevels(140 * DAY, (2.5, 3.5)), "within three months they came together"


def test_a_level_that_came_after_the_reference_is_the_drift_and_not_its_cause() -> None:
    assert _came((3.5, 200), since=150) is None


def test_a_rare_level_that_was_not_given_at_first_may_be_chance() -> None:
    assert _came((3.5, 14)) is None, "a third of 140 ratings would have been expected"
    assert _came((3.5, 16)) == NewLevels(16 * DAY, (3.5,))


def test_a_change_of_scale_that_both_windows_hold_alike_is_no_cause() -> None:
    """Odd users are the reference, over the same days; half of the even ones rate a star lower."""
    frame = _with_half_stars_since(200)
    lower = (frame["userId"] % 4 == 0) & (frame["timestamp"] >= START + 200 * DAY)
    frame = frame.assign(rating=frame["rating"].mask(lower, (frame["rating"] - 1).clip(0.5)))
    odd = frame["userId"] % 2 == 1
    with Handle(ratings=frame[odd], movies=movies()) as old, Handle(ratings=frame[~odd], movies=movies()) as new:
        found = find_drift(new, reference=old, relabellings=199).set_index("feature")
    assert found.loc["rating", "status"] == "drifted"
    assert found["cause"].isna().all()
