from __future__ import annotations

import pandas as pd
import pytest

from drift.features import declared_features
from drift.trends import _starts, find_trends
from drift.windows import Window, Windows
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


@pytest.mark.parametrize("rate", [-1.0, 0.0, 1.0, 2.0, float("nan")])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse, pytest.raises(ValueError, match="between 0 and 1"):
        find_trends(warehouse, every="year", false_alarm_rate=rate)


def test_a_reference_of_its_own_is_compared_whole_wherever_it_lies_in_time() -> None:
    frame = ratings(users=60, each=25, seed=7, first_user=1001)  # one user a day from 2004-11-09 to 2005-01-07
    late = frame["timestamp"] >= int(pd.Timestamp("2004-12-08", tz="UTC").timestamp())
    frame["rating"] = frame["rating"].mask(late, (frame["rating"] - 1.5).clip(0.5))
    with (
        Handle(ratings=ratings(users=120, each=25, seed=3), movies=movies()) as reference,
        Handle(ratings=frame, movies=movies()) as warehouse,
    ):
        trends = find_trends(warehouse, reference=reference, every="month")
    level = trends[trends["feature"] == "rating"].set_index("window_start")
    assert level.index.tolist() == ["2004-11-01", "2004-12-01", "2005-01-01"]
    assert level["status"].tolist() == ["ok", "drifted", "undetermined"]
    assert level["reference_users"].tolist() == [120, 120, 120]
    assert level["current_users"].tolist() == [22, 31, 7]


def test_a_film_is_new_in_the_window_that_it_came_in_and_not_again_in_a_later_one() -> None:
    years, each = 6, 40 * 20
    frame = pd.concat([ratings(users=40, each=20, first_user=1 + 40 * year) for year in range(years)])
    year = pd.Series(range(years)).repeat(each).to_numpy()
    frame = frame.assign(timestamp=frame["timestamp"] + 366 * 86_400 * year)
    frame["movieId"] += 60 * (year >= 2) + 60 * (year >= 3)  # another catalogue in the third year and from the fourth
    with Handle(ratings=frame, movies=movies(180)) as warehouse:
        trends = find_trends(warehouse, since=int(frame["timestamp"].min()) + 366 * 86_400 * 3 - 1, every="year")
    new = trends[trends["feature"] == "new_films"].set_index("window_start")["current_mean"]
    assert new["2007-01-01"] > 0.5
    assert new["2009-01-01"] == 0


def test_more_windows_than_can_be_told_apart_are_refused() -> None:
    frame = ratings(users=20)
    frame.loc[frame.index[-1], "timestamp"] += 11 * 366 * 86_400
    with (
        Handle(ratings=frame, movies=movies()) as warehouse,
        pytest.raises(ValueError, match=r"every is 'month': .* 13"),
    ):
        find_trends(warehouse, since="2004-11-01", every="month")


def test_ten_years_of_months_are_as_many_as_can_be_told_apart() -> None:
    first, last = (int(pd.Timestamp(day, tz="UTC").timestamp()) for day in ("2004-11-30", "2014-10-02"))
    starts = _starts(Windows(None, Window(first, last), (), 0, 0), "month")
    assert (len(starts), f"{starts[0]:%Y-%m-%d}", f"{starts[-1]:%Y-%m-%d}") == (121, "2004-11-01", "2014-11-01")
    with pytest.raises(ValueError, match="makes 121 windows"):
        _starts(Windows(None, Window(first, last + 31 * 86_400), (), 0, 0), "month")


def test_windows_that_share_the_rate_are_relabelled_often_enough_to_find_anything() -> None:
    frame = ratings(users=120, each=20, seed=7)  # one user a day from 2004-11-09 to 2005-03-08
    late = frame["timestamp"] >= int(pd.Timestamp("2005-02-01", tz="UTC").timestamp())
    frame["rating"] = frame["rating"].mask(late, (frame["rating"] - 2).clip(0.5))
    with Handle(ratings=frame, movies=movies()) as warehouse:
        trends = find_trends(warehouse, since="2005-01-01", every="month", relabellings=20)
    level = trends[trends["feature"] == "rating"].set_index("window_start")
    assert level.loc["2005-02-01", "status"] == "drifted", "20 relabellings bear out no p-value of a sixtieth"
