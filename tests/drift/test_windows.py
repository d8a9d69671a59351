from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from drift.times import LATEST, moment
from drift.windows import CURRENT, REFERENCE, Window, windows_in_time, windows_of_folders
from tests.drift.deliveries import Handle, movies, ratings


def _at(*times: int | None) -> Handle:
    frame = pd.DataFrame({"userId": range(len(times)), "movieId": 1, "rating": 3.0})
    return Handle(ratings=frame.assign(timestamp=pd.array(times, dtype="Int64")), movies=movies(1))


def _sides(handle: Handle, expression: str) -> list[int]:
    return handle.sql(f"select {expression} as side from ratings order by timestamp")["side"].tolist()


def test_the_boundary_belongs_to_the_current_window() -> None:
    handle = _at(100, 200, 300, 400)
    windows = windows_in_time(handle, 0.5, 300)
    assert (windows.reference, windows.current) == (Window(100, 300), Window(300, 401))
    assert _sides(handle, windows.parts[0].side) == [REFERENCE, REFERENCE, CURRENT, CURRENT]


def test_split_puts_the_share_of_ratings_before_the_boundary() -> None:
    day = 86_400
    windows = windows_in_time(_at(*(day * i for i in range(10))), 0.8, None)
    assert windows.reference == Window(0, 8 * day)
    assert windows.current == Window(8 * day, 9 * day + 1)


def test_times_that_tie_at_the_boundary_stay_together() -> None:
    handle = _at(1, 5, 5, 5, 9)
    windows = windows_in_time(handle, 0.5, None)
    assert _sides(handle, windows.parts[0].side) == [REFERENCE, CURRENT, CURRENT, CURRENT, CURRENT]


@pytest.mark.parametrize(
    ("since", "seconds"),
    [
        ("2003-02-18", 1_045_526_400),
        (date(2003, 2, 18), 1_045_526_400),
        (datetime(2003, 2, 18, 1, tzinfo=UTC), 1_045_530_000),
        ("2003-02-18T01:00:00+01:00", 1_045_526_400),
        (1_045_526_400, 1_045_526_400),
    ],
)
def test_dates_are_taken_in_utc(since: str | date | int, seconds: int) -> None:
    assert moment(since) == seconds


def test_what_is_no_date_or_share_is_said() -> None:
    with pytest.raises(ValueError, match="'soon': must be a date"):
        moment("soon")
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        windows_in_time(_at(1, 2), 1.0, None)


def test_times_that_cannot_be_placed_are_counted_and_left_out() -> None:
    windows = windows_in_time(_at(100, 200, None, 1_500_000_000_000, -5), 0.5, 200)
    assert windows.excluded == 3
    assert windows.current == Window(200, 201)


def test_an_empty_window_is_none() -> None:
    assert windows_in_time(_at(100, 200), 0.5, 1000).current is None
    assert windows_in_time(_at(100, 200), 0.5, 50).reference is None
    nothing = windows_in_time(_at(), 0.5, None)
    assert nothing.reference is None
    assert nothing.current is None


def test_folders_keep_to_their_sides() -> None:
    reference, current = Handle(ratings=ratings(3), movies=movies()), _at(100, 200, 300)
    windows = windows_of_folders(current, reference, 150)
    assert windows.current == Window(200, 301)
    assert windows.parts[0].side == str(REFERENCE)
    sides = current.sql(f"select {windows.parts[1].side} as side from ratings order by timestamp")["side"]
    assert sides.isna().tolist() == [True, False, False]


@pytest.mark.parametrize(("split", "recent", "end"), [(0.8, 6, None), (0.5, 2, 7), (0.2, 1, 3)])
def test_newcomers_are_held_against_as_many_of_the_last_ratings_before_or_half_of_them(
    split: float, recent: int, end: int | None
) -> None:
    """One rating a day: two after eight; five after five, of both of which half is taken; eight after two."""
    days = [86_400 * day for day in range(10)]
    windows = windows_in_time(_at(*days), split, None)
    assert windows.recent == 86_400 * recent
    assert windows.recent_end == (LATEST if end is None else 86_400 * end)
    first = round(10 * split)
    beside = windows_of_folders(_at(*days[first:]), _at(*days[:first]), None)
    assert (beside.recent, beside.recent_end) == (windows.recent, windows.recent_end)


@pytest.mark.parametrize(("levels", "read"), [([3.0, 1e300, -1e300], [3.0, 1e15, -1e15]), ([3.0, 100.0], [3.0, 100.0])])
def test_levels_beyond_any_scale_are_bounded(levels: list[float], read: list[float]) -> None:
    """Their squares would be too large for single precision."""
    frame = pd.DataFrame(
        {"userId": range(len(levels)), "movieId": 1, "rating": levels, "timestamp": range(len(levels))}
    )
    handle = Handle(ratings=frame, movies=movies(1))
    (part,) = windows_in_time(handle, 0.5, None).parts
    assert handle.sql(f'select {part.rating} as level from ratings order by "timestamp"')["level"].tolist() == read
