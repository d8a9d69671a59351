"""What a delivery that repeats its reference lacks of it, or has changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from drift import repeated
from drift.findings import find_drift
from drift.repeated import Repeated
from drift.windows import windows_of_folders
from tests.drift.deliveries import Handle, movies, ratings

YEAR = 31_536_000


def _later(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(timestamp=frame["timestamp"] + YEAR)


def _added() -> pd.DataFrame:
    """What is new in an edition."""
    return _later(ratings(users=40, seed=5, first_user=500))


def _repeated(reference: pd.DataFrame, current: pd.DataFrame) -> Repeated:
    with Handle(ratings=reference, movies=movies()) as before, Handle(ratings=current, movies=movies()) as now:
        return windows_of_folders(now, before, None).repeated


def _without(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """A tenth of the ratings is lost: of all users, of some, of a time, or of some films."""
    begin, end = frame["timestamp"].quantile([0.4, 0.5], interpolation="higher")
    lost = {
        "rows": frame.index % 10 == 0,
        "users": frame["userId"] <= frame["userId"].quantile(0.1),
        "days": frame["timestamp"].between(begin, end, inclusive="left"),
        "films": frame["movieId"] % 10 == 0,
    }
    return frame[~lost[kind]]


@pytest.mark.parametrize("kind", ["rows", "users", "days", "films"])
@pytest.mark.parametrize("looked_up", [repeated.LOOKED_UP, 2_000])
def test_what_an_edition_has_lost_of_its_reference_is_told(
    monkeypatch: pytest.MonkeyPatch, kind: str, looked_up: int
) -> None:
    monkeypatch.setattr(repeated, "LOOKED_UP", looked_up)
    old = ratings(users=200, seed=4)  # 8,000 ratings
    edition = pd.concat([_without(old, kind), _added()])
    lost = 1 - len(_without(old, kind)) / len(old)
    assert lost == pytest.approx(0.1, abs=0.02)
    assert _repeated(old, edition).lost == pytest.approx(lost, abs=0.001 if looked_up > 8_000 else 0.03)


def test_most_of_an_edition_may_be_lost() -> None:
    old = ratings(users=200, seed=4)
    edition = pd.concat([old[old.index % 10 == 0], _added()])
    assert _repeated(old, edition).lost == pytest.approx(0.9, abs=0.001)  # from the first of its ratings on


def test_who_rates_a_film_again_has_lost_nothing() -> None:
    old = ratings(users=200, seed=4)
    again = old.index % 10 == 0
    assert _repeated(old, old.assign(timestamp=old["timestamp"] + YEAR * again)) == (0, 0)


def test_nothing_is_lost_by_a_delivery_that_repeats_nothing() -> None:
    old = ratings(users=200, seed=4)
    of_others = old.assign(userId=old["userId"] + 1_000)
    of_other_days = old.assign(timestamp=old["timestamp"] + 1)
    a_few = pd.concat([of_others, old.head(80)])
    for delivery in (_later(old), of_others, of_other_days, a_few):
        assert np.isnan(_repeated(old, delivery)).all()


def test_nor_by_one_of_later_times_or_of_more_users() -> None:
    """A window that moves on; and a reference of users who are known to be honest."""
    old = ratings(users=200, seed=4)
    later = old[old["timestamp"] >= old["timestamp"].quantile(0.7)]
    assert _repeated(old, pd.concat([later, _added()])) == (0, 0)
    assert _repeated(old[old["userId"] % 3 == 0], old) == (0, 0)


def test_ratings_without_a_film_are_not_looked_up() -> None:
    old = ratings(users=200, seed=4)
    damaged = old.assign(movieId=old["movieId"].astype("Int64"))
    damaged.loc[damaged.index % 11 == 0, "movieId"] = None
    assert _repeated(damaged, pd.concat([damaged, _added()])) == (0, 0)


@pytest.mark.parametrize("change", [-0.5, np.nan])
def test_what_an_edition_has_at_another_level_is_told(change: float) -> None:
    old = ratings(users=200, seed=4)
    changed = old.assign(rating=old["rating"] + np.where(old.index % 20 == 0, change, 0))
    assert _repeated(old, pd.concat([changed, _added()])) == pytest.approx((0, 0.05))


def test_levels_without_a_value_in_both_and_such_as_are_no_half_stars_are_as_they_were() -> None:
    old = ratings(users=200, seed=4)
    old = old.assign(rating=(old["rating"] + 0.1).mask(old.index % 7 == 0))
    assert _repeated(old, pd.concat([old, _added()]).sample(frac=1, random_state=2)) == (0, 0)


def test_a_rating_twice_in_the_delivery_is_one() -> None:
    old = ratings(users=200, seed=4)
    assert _repeated(old, pd.concat([old, old.head(900), _added()])) == (0, 0)


def test_the_findings_say_so() -> None:
    old = ratings(users=200, seed=4)
    edition = old.assign(rating=old["rating"] - 0.5 * (old.index % 20 == 0))[old.index % 50 > 0]
    with (
        Handle(ratings=old, movies=movies()) as before,
        Handle(ratings=pd.concat([edition, _added()]), movies=movies()) as now,
    ):
        found = find_drift(now, reference=before, relabellings=99)
    assert found["lost_share"].unique() == pytest.approx([0.02], abs=0.001)
    told = (
        "It lacks 2.0 % of the ratings of the reference. It has at another level 4.1 % of the ratings of the reference."
    )
    assert found["message"].str.contains(told, regex=False).all()
