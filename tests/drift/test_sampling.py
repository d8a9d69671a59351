"""Windows of very many users are compared by a sample of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from drift import windows
from drift.draws import is_drawn
from drift.films import YEAR, known_films
from drift.findings import find_drift
from drift.impact import Impact, measure_impact
from drift.messages import sample_drawn
from drift.shifts import plant
from drift.trends import find_trends
from drift.windows import sampled, windows_in_time, windows_of_folders
from tests.drift.deliveries import Handle, halves, movies, ratings

USERS = 1_300  # of one side: some twenty of each draw in 64


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are compared by 300 users."""
    monkeypatch.setattr(windows, "COMPARED_USERS", 300)


@pytest.fixture(scope="module")
def many() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two windows of as many users, in which nothing moved."""
    every = ratings(users=2 * USERS, each=20, seed=5)
    return every[every["userId"] <= USERS], every[every["userId"] > USERS]


def _handles(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[Handle, Handle]:
    return Handle(ratings=current, movies=movies()), Handle(ratings=reference, movies=movies())


def _found(reference: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    now, before = _handles(reference, current)
    with now, before:
        return find_drift(now, reference=before, relabellings=199, seed=1).set_index("feature")


def test_all_users_are_compared_where_they_are_not_very_many() -> None:
    now, before = _handles(*halves())
    assert sampled(windows_of_folders(now, before, None)).compared_share == 1


@pytest.mark.usefixtures("few")
def test_the_smaller_window_is_brought_to_the_number(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = _found(many[0], many[1][many[1]["userId"] <= 2 * USERS - 400])
    share = found["compared_share"].iloc[0]
    assert found["compared_share"].unique().tolist() == [share]
    assert 0.2 < share < 0.5  # of 900; one in 64 users was counted
    assert found.loc["rating", "current_users"] == pytest.approx(share * (USERS - 400), rel=0.1)
    assert found.loc["rating", "reference_users"] == pytest.approx(share * USERS, rel=0.1)
    assert f"A sample of {100 * share:.0f} % of the users was compared." in found.loc["rating", "message"]
    assert found.loc["impact", "message"].endswith(f"A sample of {100 * share:.0f} % of the users was compared.")


@pytest.mark.parametrize(
    ("share", "written"), [(0.99999, "100 %"), (0.512, "51 %"), (0.0995, "10 %"), (0.0051, "0.51 %")]
)
def test_a_sample_is_told_however_large_or_small(share: float, written: str) -> None:
    assert sample_drawn({"compared_share": share}) == f"A sample of {written} of the users was compared."
    assert sample_drawn({"compared_share": 1.0}) == ""


@pytest.mark.usefixtures("few")
def test_what_moved_is_found_in_the_sample_and_nothing_else_is(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert "drifted" not in set(_found(*many)["status"])
    moved, _ = plant(many[1], movies(), "nulls", 0.1, None, seed=2)
    found = _found(many[0], moved)
    assert found.loc["null_ratings", "status"] == "drifted"
    assert found.loc["null_ratings", "effect_size"] == pytest.approx(moved["rating"].isna().mean(), rel=0.1)


@pytest.mark.usefixtures("few")
def test_whoever_is_seen_in_both_windows_is_drawn_in_both() -> None:
    every = ratings(users=USERS, each=20, seed=6)
    late = np.arange(len(every)) % 2 == 0
    now, before = _handles(every[~late], every[late])
    drawn = sampled(windows_of_folders(now, before, None))
    users = [set(part.handle.sql(part.statement("sizes"))["user_id"]) for part in drawn.parts]
    assert 200 < len(users[0]) < 500
    assert users[0] == users[1]


@pytest.mark.usefixtures("few")
def test_films_are_known_by_the_ratings_of_all_users(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    now, before = _handles(*many)
    drawn = sampled(windows_of_folders(now, before, None))
    facts = known_films(drawn.parts).facts
    every = pd.concat(many)
    first = every.groupby("movieId")["timestamp"].min()
    assert facts["film_new_until"].equals(first + YEAR)
    sums = every.groupby("movieId")["rating"].agg(["sum", "size"])
    expected = (sums["sum"] + 10 * every["rating"].mean()) / (sums["size"] + 10)
    assert np.allclose(facts["film_mean"].sort_index(), expected.sort_index())


def _halves_of_each(users: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same users in both windows, with every other rating each."""
    every = ratings(users=users, each=20, seed=seed)
    late = np.arange(len(every)) % 2 == 0
    return every[~late], every[late]


def _cost(reference: pd.DataFrame, current: pd.DataFrame) -> Impact:
    now, before = _handles(reference, current)
    with now, before:
        cost = measure_impact(sampled(windows_of_folders(now, before, None)), seed=1)
    assert isinstance(cost, Impact)
    return cost


def test_the_cost_is_judged_on_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    both = _halves_of_each(USERS, seed=7)
    whole = _cost(*both)
    monkeypatch.setattr(windows, "COMPARED_USERS", 300)
    sample = _cost(*both)
    assert sample.users[1] == pytest.approx(whole.users[1] * 300 / USERS, rel=0.3)
    assert sample.current == pytest.approx(whole.current, abs=0.05)
    assert sample.shares[1] == whole.shares[1] == 0  # whoever is seen before is known to the model, drawn or not
    assert sample.high - sample.low > whole.high - whole.low


@pytest.mark.usefixtures("few")
def test_the_model_of_the_cost_knows_the_films_that_others_rated() -> None:
    reference, current = _halves_of_each(USERS, seed=7)
    now, before = _handles(reference, current)
    with now, before:
        drawn = sampled(windows_of_folders(now, before, None))
        compared = drawn.parts[0].handle.sql(drawn.parts[0].statement("sizes"))["user_id"]
    theirs = reference["userId"].isin(compared) & (reference["movieId"] <= 30)
    assert _cost(reference[~theirs], current).shares[2] == 0  # by the sample alone, half of the films would be new


@pytest.mark.usefixtures("few")
def test_one_delivery_parted_in_time_is_sampled_too() -> None:
    every = ratings(users=2 * USERS, each=20, seed=8)
    with Handle(ratings=every, movies=movies()) as warehouse:
        assert 0.2 < sampled(windows_in_time(warehouse, 0.5, None)).compared_share < 0.4


def test_each_of_many_windows_has_as_many_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "COMPARED_USERS", 60)
    every = ratings(users=2 * USERS, each=10, seed=9)
    with Handle(ratings=every, movies=movies()) as warehouse:
        one = find_drift(warehouse, split=0.5, relabellings=99).set_index("feature")
        found = find_trends(warehouse, split=0.5, every="year").set_index("feature")
    years = found.loc["rating"]
    assert len(years) > 1
    assert years["compared_share"].iloc[0] == pytest.approx(len(years) * one.loc["rating", "compared_share"])
    assert years["current_users"].max() > one.loc["rating", "current_users"] / 2


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("step", [1, 2, 10, 64, 256, 987, 1000, 4096, 1 << 16, 1 << 22])
def test_draws_spread_evenly_over_any_run_of_ids(share: float, step: int) -> None:
    ids = pd.DataFrame({"userId": 123_456 + step * np.arange(20_000)})
    handle = Handle(ratings=ids)
    query = f"select userId, {is_drawn('userId', share)} as drawn from ratings order by userId"
    drawn = handle.sql(query)["drawn"].to_numpy()
    blocks = drawn.reshape(-1, 1000).mean(axis=1)
    assert np.abs(blocks - share).max() < 5 * np.sqrt(share * (1 - share) / 1000)
    folds = "select (abs(userId % 1000003) * 48271 % 2147483647) % 10 = 0 as held from ratings order by userId"
    held = handle.sql(folds)["held"].to_numpy()  # as sql/folds.sql holds users out
    expected = held.mean()
    assert held[drawn].mean() == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / drawn.sum()))
