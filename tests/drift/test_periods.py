"""A window longer than the other one is looked at in periods as long as that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from drift import windows
from drift.expected import of_newcomers
from drift.features import declared_features
from drift.messages import message
from drift.relabelling import relabelled_sums
from drift.trends import find_trends
from drift.units import Units
from drift.users import collect
from drift.windows import (
    CURRENT,
    REFERENCE,
    Periods,
    Windows,
    in_periods,
    since_start,
    windows_in_time,
    windows_of_folders,
)
from scripts.evaluation import steady
from tests.drift.deliveries import Handle, movies

DAY = 86_400


def _rated(users: list[int], days: list[int]) -> Handle:
    frame = pd.DataFrame({"source_line": range(2, len(users) + 2), "userId": users, "movieId": 1, "rating": 3.0})
    return Handle(ratings=frame.assign(timestamp=np.array(days) * DAY), movies=movies(1))


def _daily(days: int) -> Handle:
    """One rating at the start of each day, each by another user."""
    return _rated(list(range(days)), list(range(days)))


def _sides(handle: Handle, windows: Windows) -> list[int | None]:
    found = handle.sql(f'select {windows.parts[0].side} as side from ratings order by "timestamp"')["side"]
    return [None if pd.isna(side) else int(side) for side in found]


@pytest.mark.parametrize(
    ("split", "sides", "periods"),
    [
        (0.8, [-3, -3, -2, -2, -1, -1, 0, 0, 1, 1], 4),
        (0.7, [None, -1, -1, -1, 0, 0, 0, 1, 1, 1], 2),  # a third of a period is left over
        (0.6, [None, None, 0, 0, 0, 0, 1, 1, 1, 1], 1),
        (0.55, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], None),
    ],
)
def test_the_reference_ends_with_periods_of_the_current_windows_length(
    split: float, sides: list[int | None], periods: int | None
) -> None:
    """Ten days with one rating each; the current window ends with its last rating, and so a day early."""
    handle = _daily(10)
    parted = windows_in_time(handle, split, None)
    length = (10 - round(10 * split - 0.01)) * DAY
    found = in_periods(parted, length)
    assert (_sides(handle, found), found.periods and found.periods.n) == (sides, periods)


@pytest.mark.parametrize(
    ("split", "sides"),
    [
        (0.4, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]),  # four days and five: halves would be less alike
        (0.3, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]),  # three days and two times three and a second
        (0.2, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),  # two days and four times less: 3.5 periods would be as long
    ],
)
def test_all_of_a_longer_current_window_is_in_equal_periods_about_as_long_as_the_reference(
    split: float, sides: list[int]
) -> None:
    handle = _daily(10)
    assert _sides(handle, in_periods(windows_in_time(handle, split, None))) == sides


def test_what_is_on_no_side_is_in_no_period() -> None:
    handle = _daily(10)
    for since in (3 * DAY, 8 * DAY):  # either side is the longer one
        later = since_start(windows_in_time(handle, 0.5, since), 2 * DAY)
        assert in_periods(later).periods is not None
        assert [place for place, side in enumerate(_sides(handle, in_periods(later))) if side is None] == [0, 1]


def test_a_period_is_a_day_at_least() -> None:
    handle = _daily(6)
    found = in_periods(windows_in_time(handle, 0.5, 5 * DAY))
    assert found.current == windows.Window(5 * DAY, 5 * DAY + 1)
    assert _sides(handle, found) == [-4, -3, -2, -1, 0, 1]


@pytest.mark.parametrize(("since", "side"), [(40, 0), (2, 1)])
def test_of_very_many_users_each_period_has_others(monkeypatch: pytest.MonkeyPatch, since: int, side: int) -> None:
    """A thousand users, each of whom rates on each of 42 days."""
    monkeypatch.setattr(windows, "COMPARED_PERIODS", 2_000)
    handle = _rated(42 * list(range(1_000)), [day for day in range(42) for _ in range(1_000)])
    found = in_periods(windows_in_time(handle, 0.5, since * DAY))
    query = f'select "timestamp" // {DAY} as day, userId as user from ratings where {found.parts[0].side} is not null'
    compared = handle.sql(query).groupby("day")["user"].agg(set)
    assert found.periods is not None
    n, later = found.periods.n, compared.index >= since
    drawn, every = (compared[later], compared[~later]) if side else (compared[~later], compared[later])
    assert every.map(len).tolist() == [1_000] * len(every), "the other side is as it was"
    assert (drawn.map(len) * n).between(1_000, 3_000).all()
    assert len(set().union(*drawn)) > 700, "each period has other users"


def test_windows_of_which_none_follows_the_other_are_left_as_they_are() -> None:
    before, now = _daily(10), _rated([50, 51], [8, 9])
    beside = windows_of_folders(now, before, None)
    assert in_periods(beside) is beside


# Users 1 and 2 in the last but one period, 1 and 3 in the last, and 1, 3 and 4 in the current window.
PERIODS = Units(
    np.array([1, 2, 1, 3, 1, 3, 4]),
    np.array([0, 0, 0, 0, 1, 1, 1], np.int8),
    follows=True,
    first=np.array([True, True, False, True, False, False, True]),
)


def test_relabelling_takes_a_user_once_at_most_and_each_row_as_often() -> None:
    sums = relabelled_sums(PERIODS, [np.eye(7, dtype=np.float32)], 7, 20_000, seed=1)
    assert sums[1].tolist() == [0, 0, 0, 0, 1, 1, 1]
    drawn = sums[2:]
    for rows in ([0, 2, 4], [3, 5]):
        assert set(drawn[:, rows].sum(axis=1)) <= {0, 1}
    assert sums[0] == pytest.approx(drawn.mean(axis=0), abs=0.02)
    # User 1, in all periods, is always in the current one, which has three of the four users' seven rows.
    assert sums[0] == pytest.approx([1 / 3, 0.5, 1 / 3, 0.5, 1 / 3, 0.5, 0.5], abs=1e-6)


def test_relabelling_takes_a_user_once_at_most_for_a_lone_reference() -> None:
    """The same in a mirror: the reference is one period, and the current window three users' four rows."""
    mirrored = replace(PERIODS, sides=1 - PERIODS.sides, lone=REFERENCE)
    sums = relabelled_sums(mirrored, [np.eye(7, dtype=np.float32)], 7, 20_000, seed=1)
    assert sums[1].tolist() == [1, 1, 1, 1, 0, 0, 0]
    for rows in ([0, 2, 4], [3, 5]):
        assert set(sums[2:, rows].sum(axis=1)) <= {len(rows) - 1, len(rows)}
    assert sums[0] == pytest.approx(sums[2:].mean(axis=0), abs=0.02)
    assert sums[0] == pytest.approx(1 - PERIODS.chance)


def test_newcomers_are_expected_to_be_as_newcomers_were_and_others_as_others() -> None:
    columns, weight = np.array([[4, 4, 1, 4, 0, 0, 0]], np.float32).T, np.ones((7, 1), np.float32)
    # One in three is new, who were 4 before, all others 1; on average they were 13 / 4.
    assert of_newcomers(PERIODS, PERIODS.first, columns, weight) == pytest.approx([4 / 3 + 2 / 3 - 13 / 4])
    mirrored = replace(PERIODS, sides=1 - PERIODS.sides, lone=REFERENCE)
    assert of_newcomers(mirrored, PERIODS.first, columns, weight) == pytest.approx([13 / 4 - 4 / 3 - 2 / 3])
    weight[2] = 0  # no others are known
    assert of_newcomers(PERIODS, PERIODS.first, columns, weight).tolist() == [0]


def test_one_user_of_many_periods_is_one() -> None:
    assert PERIODS.users_among(PERIODS.sides == 0) == 3
    feature = next(one for one in declared_features() if one.name == "user_level")
    handle = _rated([1, 2, 1, 3, 4, 1, 3, 5], [0, 0, 1, 1, 1, 2, 2, 2])
    found = collect(windows_in_time(handle, 0.5, 2 * DAY), [feature])
    assert found.periods is not None
    assert found.periods.n == 2
    assert found.units.first is not None
    assert found.units.first[found.units.sides == 1].tolist() == [False, False, True]  # 1, 3 and 5
    assert handle.sql("select distinct side from drift_placed order by 1")["side"].tolist() == [0, 1], "is whole again"


def test_who_is_new_is_told_by_the_last_period() -> None:
    features = [one for one in declared_features() if one.name in ("user_level", "new_users")]
    handle = _rated([1, 2, 1, 3, 4, 1, 3, 5], [0, 0, 1, 1, 1, 2, 2, 2])
    found = collect(windows_in_time(handle, 0.5, 2 * DAY), features).values["new_users"]
    counted = found.counts[:, 0] > 0
    assert found.columns[counted, 0].tolist() == [0, 1, 1, 0, 0, 1]  # 1, 3 and 4; 1, 3 and 5


def test_who_was_seen_before_the_only_period_is_not_new() -> None:
    """Of six days four are looked at, as the current window has as many."""
    features = [one for one in declared_features() if one.name in ("user_level", "new_users")]
    handle = _rated([9, 1, 2, 9, 3, 1], [0, 3, 5, 6, 10, 10])
    found = collect(windows_in_time(handle, 0.5, 6 * DAY), features)
    assert found.periods is not None
    assert found.periods.n == 1
    assert found.units.users.tolist() == [1, 2, 1, 3, 9]
    assert found.values["new_users"].columns[:, 0].tolist() == [1, 1, 0, 1, 0]


def test_where_users_come_back_as_ever_nothing_moved() -> None:
    """Without periods all of them are alarms: of users looked at for longer more is known, and they rated more."""
    alarms = [bool(steady.told(0.05, 0.0, 0.05, 199, seed)) for seed in range(10)]
    assert sum(alarms) <= 3  # 0.5 at 5 %, and three standard deviations


def test_nor_where_years_are_held_against_a_few_weeks() -> None:
    """Without periods all are alarms, by ratings a user. Popularity is left out: where data begin all films are new."""
    alarms = [bool(steady.told(0.95, 0.0, 0.05, 199, seed) - {"popularity"}) for seed in range(10)]
    assert sum(alarms) <= 3  # 0.5 at 5 %, and three standard deviations


@pytest.mark.parametrize("part", [0.2, 0.8])
def test_what_moved_there_is_found(part: float) -> None:
    found = [steady.told(part, 0.3, 0.05, 199, seed) for seed in range(4)]
    assert all(drifted.intersection(steady.LEVELS) for drifted in found)


def test_trends_hold_each_part_against_periods_as_long() -> None:
    """The first month is cut short by the start of the current window."""
    with steady.service(np.random.default_rng(1)).warehouse() as handle:
        table = find_trends(handle, since="2010-06-20", every="month")
    table = table[table["feature"] == "user_level"]
    assert table["window_start"].tolist()[:3] == ["2010-06-01", "2010-07-01", "2010-08-01"]
    looked_at = table["message"].str.extract(r"The reference was looked at in (\d+)")[0].astype(int).tolist()
    assert looked_at[0] > 2 * looked_at[1], "ten days, where others are a month"
    assert len(set(looked_at[1:-1])) == 1


def test_trends_part_years_that_are_longer_than_the_reference() -> None:
    with steady.service(np.random.default_rng(1)).warehouse() as handle:
        table = find_trends(handle, since="2005-03-01", every="year")
    table = table[table["feature"] == "activity"]
    looked_at = table["message"].str.extract(r"The current window was looked at in (\d+) periods")[0].astype(int)
    assert looked_at.tolist() == 6 * [3], "of four months or so, as the reference"
    assert (table["status"] == "ok").all()


def test_trends_part_the_reference_for_those_that_come_after_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that begins a year before its reference ends: the first year is held against it as it is."""
    asked: list[int] = []
    counting = windows._drawn
    monkeypatch.setattr(windows, "_drawn", lambda *given: asked.append(1) or counting(*given))
    every = steady.service(np.random.default_rng(1))
    even = every.ratings["userId"] % 2 == 0
    year = pd.to_datetime(every.ratings["timestamp"], unit="s").dt.year
    before, now = (every.having(ratings=every.ratings[rows]) for rows in (even & (year < 2008), ~even & (year > 2006)))
    with before.warehouse() as reference, now.warehouse() as delivery:
        table = find_trends(delivery, reference=reference, every="year")
    table = table[table["feature"] == "user_level"]
    table = table.set_index(table["window_start"].str[:4])
    parted = table["message"].str.contains("The reference was looked at in")
    assert parted.to_dict() == {"2007": False, "2008": True, "2009": True, "2010": True}
    assert table["reference_n"].gt(table["reference_users"]).tolist() == parted.tolist(), "a user counts in each period"
    assert len(asked) == 1, "those of one length are asked of once"


def test_the_message_says_how_the_reference_was_looked_at() -> None:
    row = {"title": "a feature", "status": "undetermined", "problem": "x", "compared_share": 1.0, "held_rows": 0}
    row |= {"excluded_rows": 0, "lost_share": float("nan"), "changed_share": float("nan")}
    assert "period" not in message(row | {"periods": None})
    assert "in 1 period as long" in message(row | {"periods": Periods(REFERENCE, 900, 100, 1)})
    told = message(row | {"periods": Periods(REFERENCE, 900, 100, 3)})  # after "Compared: ..., the reference, with ..."
    assert told.endswith("The reference was looked at in 3 periods as long as the current window.")
    told = message(row | {"periods": Periods(CURRENT, 900, 100, 3, share=0.25)})
    assert told.endswith("looked at in 3 periods about as long as the reference, in each of 25.0 % of its users.")
