"""A delivery that repeats its reference is compared by what it holds besides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from drift.findings import find_drift
from drift.windows import windows_of_folders
from tests.drift.deliveries import START, Handle, halves, movies, ratings

YEAR = 31_536_000


def _compare(
    reference: pd.DataFrame, current: pd.DataFrame, *tags: pd.DataFrame, since: int | None = None
) -> pd.DataFrame:
    both = [{"tags": each} for each in tags] or [{}, {}]
    with (
        Handle(ratings=reference, movies=movies(), **both[0]) as before,
        Handle(ratings=current, movies=movies(), **both[1]) as now,
    ):
        return find_drift(now, reference=before, since=since, relabellings=99, seed=1).set_index("feature")


def _later(frame: pd.DataFrame, fallen: float = 0.0) -> pd.DataFrame:
    return frame.assign(timestamp=frame["timestamp"] + YEAR, rating=(frame["rating"] - fallen).clip(0.5))


def _back(users: int, fallen: float = 0.0) -> pd.DataFrame:
    """What the first users of `halves` rate a year later."""
    return _later(ratings(users=users, each=12, seed=9), fallen)


@pytest.mark.parametrize("fallen", [0.0, 0.5])
def test_an_edition_that_repeats_the_reference_is_judged_as_what_it_adds_to_it(fallen: float) -> None:
    old, others = halves(seed=4)
    added = pd.concat([_later(others, fallen), _back(30, fallen)])
    alone, edition = _compare(old, added), _compare(old, pd.concat([added, old]).sample(frac=1, random_state=1))
    assert edition["held_rows"].unique().tolist() == [len(old)]
    assert f"{len(old):,} ratings that the reference holds, too, were left out." in edition.loc["rating", "message"]
    said = ["held_rows", "lost_share", "changed_share", "message"]
    pd.testing.assert_frame_equal(edition.drop(columns=said), alone.drop(columns=said), rtol=1e-6)
    assert (edition.loc["user_level", "status"] == "drifted") == (fallen > 0)
    assert edition.loc["new_users", "status"] != "undetermined", "some came back, and later than the reference's end"


def _held(reference: pd.DataFrame, current: pd.DataFrame) -> int:
    with Handle(ratings=reference, movies=movies()) as before, Handle(ratings=current, movies=movies()) as now:
        return windows_of_folders(now, before, None).held


def _changed(frame: pd.DataFrame, name: str, of_user: int) -> pd.DataFrame:
    """One of the user's ratings changed."""
    at = frame.index[frame["userId"] == of_user][3]
    if name == "lost":
        return frame.drop(at)
    changed = frame.copy()
    change = {"movieId": 1, "rating": 0.5, "timestamp": -1}
    changed.loc[at, name] += change[name] if changed.loc[at, name] != 5 else -0.5
    return changed


@pytest.mark.parametrize("name", ["movieId", "rating", "timestamp", "lost"])
def test_who_has_a_rating_changed_or_lost_is_compared_by_all(name: str) -> None:
    old, others = halves(seed=4)
    edition = pd.concat([_changed(old, name, of_user=7), _later(others)])
    assert _held(old, edition) == len(old) - 40


def test_levels_that_are_no_half_stars_are_told_whatever_the_order() -> None:
    old, others = (frame.assign(rating=frame["rating"] + 0.1) for frame in halves(seed=4))
    assert _held(old, pd.concat([old, _later(others)]).sample(frac=1, random_state=2)) == len(old)


def test_ratings_without_a_level_or_a_film_are_told_too() -> None:
    old, others = halves(seed=4)
    old = old.assign(rating=old["rating"].mask(old.index % 7 == 0), movieId=old["movieId"].astype("Int64"))
    old.loc[old.index % 11 == 0, "movieId"] = None
    assert _held(old, pd.concat([old, _later(others)])) == len(old)


def test_the_least_number_is_an_id_as_any_other() -> None:
    """It has no absolute value: minus it is one more than the largest."""
    least = {"userId": {7: -(2**63)}, "movieId": {7: -(2**63)}}
    old, others = (frame.replace(least) for frame in halves(seed=4))
    assert _held(old, pd.concat([old, _later(others)])) == len(old)


@pytest.mark.parametrize("time", [None, -1, START * 1000])
def test_times_that_cannot_be_placed_are_counted_though_their_user_is_held(time: int | None) -> None:
    old, others = halves(seed=4)
    untimed = old.head(1).assign(timestamp=time)
    edition = pd.concat([old, untimed, _later(others)]).astype({"timestamp": "Int64"})
    with Handle(ratings=old, movies=movies()) as before, Handle(ratings=edition, movies=movies()) as now:
        windows = windows_of_folders(now, before, None)
    assert (windows.held, windows.excluded) == (len(old), 1)


@pytest.mark.parametrize("later", [0, 3_000])
def test_tags_of_ratings_left_out_are_left_out(later: int) -> None:
    """Also those later than all ratings of their user, though not than all of the reference, whose last day's user has
    none."""
    old, others = halves(seed=4)
    old_tags = old.drop_duplicates("userId")[["userId", "timestamp"]]
    old_tags["timestamp"] += later
    old_tags = old_tags[old_tags["timestamp"] < old["timestamp"].max()]
    edition = pd.concat([old, _later(others), _back(30)])
    found = _compare(old, edition, old_tags, old_tags)
    assert found.loc["tagging", "reference_mean"] > 0.98
    assert found.loc["tagging", "current_mean"] == 0


def test_a_delivery_of_nothing_but_the_reference_has_not_moved() -> None:
    found = _compare(ratings(), ratings())
    assert found["held_rows"].unique().tolist() == [0]
    assert set(found["status"].drop(["new_users", "new_films"])) == {"ok"}
    assert found.loc["rating", "message"] == "Ratings: the same for every user of both windows."
    assert found.loc["rating":"gap", "effect_size"].drop("new_films").max() < 1e-6


def test_levels_lost_by_all_users_are_found_though_nobody_is_new() -> None:
    old = ratings(seed=4)
    found = _compare(old, old.assign(rating=np.floor(old["rating"])))
    assert found.loc["half_stars", "status"] == "drifted"


def test_where_the_reference_holds_all_and_others_too_nobody_can_change_places() -> None:
    """Its users of the highest levels alone: as different as can be, which nothing here can tell from chance."""
    old = ratings(seed=4)
    level = old.groupby("userId")["rating"].transform("mean")
    found = _compare(old, old[level > level.median()])
    for feature in ("user_level", "rating"):
        assert found.loc[feature, "status"] == "undetermined"
        assert "all users of one window are in the other, too" in found.loc[feature, "message"]
    assert found.loc["hour", "status"] == "ok", "the windows do not differ by as much as matters"


def test_from_a_day_on_those_left_out_are_those_from_it_on() -> None:
    old, others = halves(seed=4)
    day = int(old["timestamp"].median()) // 86_400 * 86_400
    with (
        Handle(ratings=old, movies=movies()) as before,
        Handle(ratings=pd.concat([old, _later(others)]), movies=movies()) as now,
    ):
        windows = windows_of_folders(now, before, day)
    assert windows.held == (old["timestamp"] >= day).sum()
