from __future__ import annotations

import pandas as pd
import pytest

from drift.features import declared_features
from drift.trends import find_trends
from tests.drift.deliveries import START, Handle, movies, ratings

SINCE = int(pd.Timestamp("2005-04-01", tz="UTC").timestamp())


def test_the_quarter_in_which_a_feature_began_to_move_is_named() -> None:
    frame = ratings(users=330, each=25, seed=7)  # one user a day from 2004-11-09 to 2005-10-04
    late = frame["timestamp"] >= int(pd.Timestamp("2005-07-01", tz="UTC").timestamp())
    frame["rating"] = frame["rating"].mask(late, (frame["rating"] - 1).clip(0.5))
    with Handle(ratings=frame, movies=movies()) as warehouse:
        trends = find_trends(warehouse, since=SINCE, every="quarter")
    assert START < SINCE
    assert len(trends) == 3 * len(declared_features())
    level = trends[trends["feature"] == "rating"].set_index("window_start")
    assert level.index.tolist() == ["2005-04-01", "2005-07-01", "2005-10-01"]
    assert level["status"].tolist() == ["ok", "drifted", "undetermined"]
    assert level.loc["2005-07-01", "current_window"] == "2005-07-01 to 2005-10-01"
    assert (level["false_alarm_rate"] == 0.05 / 3).all()


def test_no_current_window_gives_no_rows_and_a_wrong_word_is_said() -> None:
    with Handle(ratings=ratings(5), movies=movies()) as warehouse:
        assert find_trends(warehouse, since="2030-01-01").empty
        with pytest.raises(ValueError, match="must be one of year, quarter, month"):
            find_trends(warehouse, every="week")
