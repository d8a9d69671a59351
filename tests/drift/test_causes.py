from __future__ import annotations

import numpy as np
import pandas as pd

from drift.findings import find_drift
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
    assert "this change of scale can explain it" in row["cause"]
    assert row["cause"] in row["message"]


def test_a_drift_without_a_change_of_scale_has_no_such_cause() -> None:
    frame = ratings(users=400, each=25, seed=7)
    late = frame["timestamp"] >= START + 320 * DAY
    row = _found(frame.assign(rating=frame["rating"].mask(late, (frame["rating"] - 0.5).clip(0.5)))).loc["rating"]
    assert row["status"] == "drifted"
    assert pd.isna(row["cause"])
