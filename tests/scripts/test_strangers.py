"""Strangers are planted as they say, and nothing else is changed."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scripts.evaluation.strangers import honest, kinds, practice, profiles, world
from scripts.evaluation.strangers.kinds import BAD, HONEST, KINDS
from scripts.evaluation.strangers.planting import plant, within
from tests.anomaly import community

N = 6
NAMES = sorted(KINDS)
TAKEN_OVER = sorted(name for name, kind in KINDS.items() if kind.taken_over)


@cache
def real() -> pd.DataFrame:
    """The community, its ids with gaps and its users in no order."""
    ratings = community.honest(100)
    return ratings.assign(userId=ratings["userId"] * 3).sample(frac=1, random_state=1).reset_index(drop=True)


@cache
def planted(name: str, seed: int = 1) -> tuple[pd.DataFrame, frozenset[int]]:
    return plant(real(), community.movies(), KINDS[name], N, seed)


def theirs(name: str) -> pd.DataFrame:
    """What the accounts gave that was not in the delivery."""
    ratings, accounts = planted(name)
    both = ratings[ratings["userId"].isin(accounts)].merge(real(), how="left", indicator=True)
    return both[both["_merge"] == "left_only"].drop(columns="_merge")


def ordered(ratings: pd.DataFrame) -> pd.DataFrame:
    return ratings.sort_values(["userId", "movieId"]).reset_index(drop=True)


@pytest.mark.parametrize("name", NAMES)
def test_so_many_accounts_are_planted_and_each_of_them_rates(name: str) -> None:
    ratings, accounts = planted(name)
    assert len(accounts) == N
    assert set(theirs(name)["userId"]) == accounts
    assert not ratings.duplicated(["userId", "movieId"]).any()
    assert set(ratings["movieId"]) <= set(real()["movieId"])
    assert ratings.dtypes.to_dict() == real().dtypes.to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_ratings_are_of_the_scale_and_times_of_the_delivery(name: str) -> None:
    rows, times = theirs(name), real()["timestamp"]
    assert (rows["rating"] * 2 % 1 == 0).all()
    assert rows["rating"].between(0.5, 5.0).all()
    assert rows["timestamp"].between(times.min(), times.max()).all()


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(TAKEN_OVER)))
def test_new_accounts_have_ids_of_their_own_and_leave_the_others_ratings(name: str) -> None:
    ratings, accounts = planted(name)
    assert not accounts & set(real()["userId"])
    pd.testing.assert_frame_equal(ordered(ratings[~ratings["userId"].isin(accounts)]), ordered(real()))


@pytest.mark.parametrize("name", TAKEN_OVER)
def test_a_thief_changes_the_films_it_is_after_and_nothing_else(name: str) -> None:
    ratings, accounts = planted(name)
    films = set(theirs(name)["movieId"])
    assert accounts <= set(real()["userId"])
    assert 2 <= len(films) <= 5
    others = [frame[~(frame["userId"].isin(accounts) & frame["movieId"].isin(films))] for frame in (ratings, real())]
    pd.testing.assert_frame_equal(*map(ordered, others))
    assert theirs(name)["rating"].isin([0.5, 5.0]).all()


def test_nobody_is_robbed_who_has_not_come_yet() -> None:
    first = real().groupby("userId")["timestamp"].min()
    for seed in range(8):
        ratings, accounts = planted("taken_over_to_lower", seed)
        assert first[list(accounts)].max() <= first.quantile(0.8)
        last = ratings[ratings["userId"].isin(accounts) & (ratings["rating"] == 0.5)].groupby("userId")["timestamp"]
        assert (last.max() >= first[list(accounts)].max()).all()


def test_who_would_outlast_the_delivery_came_earlier() -> None:
    rows = pd.DataFrame({"userId": [1, 1, 2, 2], "timestamp": [90, 103, 50, 100]})
    assert within(rows, 100)["timestamp"].tolist() == [87, 100, 50, 100]


def test_that_too_few_accounts_are_worth_stealing_is_said() -> None:
    with pytest.raises(ValueError, match="1000 accounts cannot be taken over: "):
        plant(real(), community.movies(), KINDS["taken_over_to_push"], 1000, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_all(name: str) -> None:
    again, accounts = plant(real(), community.movies(), KINDS[name], N, 1)
    pd.testing.assert_frame_equal(again, planted(name)[0])
    assert accounts == planted(name)[1]
    other = planted(name, seed=2)[0]
    assert not other.reset_index(drop=True).equals(again.reset_index(drop=True))


def test_kinds_of_one_seed_are_not_the_same_dice() -> None:
    aims = [set(common(name).index) for name in ("average_push", "noise_injection", "user_shifting")]
    assert set.intersection(*aims) == set(), "these draw when and which film before all else"


def test_whole_stars_stay_whole() -> None:
    whole = real().assign(rating=real()["rating"].round().clip(1, 5))
    for name in ("average_push", "love_hate", "click_farm", "random_bots", "favourites_only"):
        ratings, accounts = plant(whole, community.movies(), KINDS[name], N, 1)
        given = ratings.loc[ratings["userId"].isin(accounts), "rating"]
        assert set(given) <= {1.0, 2.0, 3.0, 4.0, 5.0}, name


def common(name: str) -> pd.DataFrame:
    """The films that all of the accounts rated, with the least and the highest rating of each."""
    by_film = theirs(name).groupby("movieId")["rating"].agg(["size", "min", "max"])
    return by_film[by_film["size"] == N]


@pytest.mark.parametrize("name", ["random_push", "average_push", "paid_reviewers", "scripted_push", "unknown_film"])
def test_who_pushes_gives_one_film_the_top(name: str) -> None:
    assert (common(name)["min"] == 5.0).any()


@pytest.mark.parametrize("name", ["average_nuke", "love_hate", "review_bomb", "throwaways", "angry_regulars"])
def test_who_lowers_gives_one_film_the_bottom(name: str) -> None:
    assert (common(name)["max"] == 0.5).any()


def test_profiles_are_those_of_the_papers() -> None:
    hate = theirs("love_hate")
    assert hate.groupby("userId")["rating"].apply(lambda given: sorted(given)[:2]).tolist() == [[0.5, 5.0]] * N
    assert set(theirs("segment")["rating"]) == {0.5, 5.0}
    means = real().groupby("movieId")["rating"].mean()
    average = theirs("average_push")
    assert (average["rating"] - means[average["movieId"]].to_numpy()).abs().median() < 0.5
    share = theirs("group_without_overlap")["movieId"].value_counts()
    assert sorted(share, reverse=True)[:2] == [N, 1]


def test_lists_are_copied_and_copies_changed() -> None:
    exact = theirs("exact_copies").pivot_table(index="movieId", columns="userId", values="rating")
    assert exact.notna().all().all()
    assert (exact.nunique(axis=1) == 1).all()
    changed = theirs("changed_copies").pivot_table(index="movieId", columns="userId", values="rating")
    same = (changed.iloc[:, 0] == changed.iloc[:, 1]).mean()
    assert 0.5 < same < 1.0


def test_times_are_those_of_machines_hands_and_campaigns() -> None:
    pauses = theirs("clockwork").sort_values("timestamp").groupby("userId")["timestamp"].diff().dropna()
    assert set(pauses) == {60}
    crawled = theirs("crawler").sort_values("timestamp").groupby("userId")["movieId"]
    assert crawled.apply(lambda films: films.is_monotonic_increasing).all()
    assert np.ptp(theirs("review_bomb")["timestamp"]) < 3 * world.DAY
    assert np.ptp(theirs("one_after_another")["timestamp"]) > 150 * world.DAY


def test_the_honest_are_told_apart_and_every_kind_says_what_it_does() -> None:
    assert all(kind.bad for kind in BAD)
    assert not any(kind.bad for kind in HONEST)
    assert len(KINDS) == len(BAD) + len(HONEST)
    assert all(len(kind.words) > 40 for kind in KINDS.values())
    defined = {name for module in (profiles, practice, honest) for name, each in vars(module).items() if planting(each)}
    assert defined == set(KINDS)


def planting(each: object) -> bool:
    """Whether this is a function of the strangers' that plants a kind: of a world and accounts, and of nothing else."""
    names = getattr(each, "__annotations__", {})
    return list(names) == ["world", "accounts", "return"] and getattr(each, "__name__", "") != "couple"


def test_strangers_know_nothing_of_the_detectors() -> None:
    """Else they would be made to be found, or not to be."""
    for path in Path(kinds.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = node.module if isinstance(node, ast.ImportFrom) else None
            assert not (asked or "").startswith(("anomaly", "scripts.simulation", "checks", "drift")), path
            assert not (asked or "").startswith("scripts.") or "strangers" in str(asked), path
