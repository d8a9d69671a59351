"""Attackers who are a good part of all users: they have no say in what is usual, and fans are judged as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly import crowds, find_anomalies
from anomaly.attacks import plant_in
from anomaly.campaigns import background
from anomaly.crowds import MOST, crowded
from anomaly.profiles import Profiles
from scripts.simulate_data import simulate
from tests.anomaly.community import Tables
from tests.anomaly.test_groups import DAY, profiles_of

ACTIVE, FILMS = 100, 90


def month(of_film_99: list[tuple[float, int]]) -> Profiles:
    """A hundred users active within a month, who give middling levels but for film 99: its levels and days."""
    rng = np.random.default_rng(3)
    rows = [
        (user, int(film), float(rng.integers(2, 5)), (1_000 + user % 30) * DAY + second)
        for user in range(ACTIVE)
        for second, film in enumerate(rng.choice(FILMS, 8, replace=False))
    ]
    return profiles_of(rows + [(user, 99, level, day * DAY) for user, (level, day) in enumerate(of_film_99)])


def members(profiles: Profiles) -> list[int]:
    return np.flatnonzero(crowded(profiles)).tolist()


def test_who_gives_a_film_one_extreme_as_a_good_part_of_the_active_is_in_a_crowd() -> None:
    assert members(month([(5.0, 1_010)] * 30)) == list(range(30))
    assert members(month([(0.5, 1_010)] * 30)) == list(range(30))
    assert members(month([(4.0, 1_010)] * 30)) == list(range(30)), "one step short of the end"


def test_a_few_or_middling_or_years_apart_are_no_crowd() -> None:
    assert members(month([(5.0, 1_010)] * 10)) == []
    assert members(month([(3.0, 1_010)] * 30)) == []
    assert members(month([(5.0, 1_010 + 100 * number) for number in range(30)])) == []


def test_half_of_each_extreme_are_two_crowds_if_each_is_large_enough() -> None:
    assert members(month([(5.0, 1_010), (0.5, 1_010)] * 25)) == list(range(50))
    assert members(month([(5.0, 1_010), (0.5, 1_010)] * 9)) == []


def test_what_a_third_of_the_active_love_is_no_crowd_if_others_love_it_less() -> None:
    """As Star Wars in MovieLens 100K, whose users all came within months: six in ten of its ratings are 5.0."""
    loved = [(5.0, 1_010)] * 30
    assert members(month(loved + [(4.0, 1_011)] * 14 + [(3.0, 1_012)] * 6)) == []
    assert members(month(loved + [(3.0, 1_012)] * 3)) == list(range(30)), "nine in ten"


@pytest.mark.parametrize(("lovers_later", "in_crowd"), [(40, 0), (10, 30)])
def test_a_crowd_does_what_users_of_other_times_do_not(lovers_later: int, in_crowd: int) -> None:
    """Two hundred more users come a year later, of whom as many as then love the film, or few."""
    later = [(ACTIVE + user, user % FILMS, 3.0, 1_400 * DAY + user) for user in range(200)]
    loving = [(ACTIVE + user, 99, 5.0, 1_400 * DAY + 500 + user) for user in range(lovers_later)]
    then = month([(5.0, 1_010)] * 30 + [(3.0, 1_010)] * 20)
    less = [(ACTIVE + 100 + user, 99, 3.0, 1_400 * DAY + 500 + user) for user in range(20)]  # so they are no crowd
    profiles = profiles_of([*rows_of(then), *later, *loving, *less])
    assert len(members(profiles)) == in_crowd


@pytest.mark.parametrize(("elsewhere", "in_crowd"), [(60, 0), (140, 30)])
def test_a_few_users_of_other_times_do_not_tell_what_is_usual(elsewhere: int, in_crowd: int) -> None:
    """Nobody of these loves the film that thirty love and twenty do not."""
    later = [(ACTIVE + user, user % FILMS, 3.0, 1_400 * DAY + user) for user in range(elsewhere)]
    then = month([(5.0, 1_010)] * 30 + [(3.0, 1_010)] * 20)
    assert len(members(profiles_of([*rows_of(then), *later]))) == in_crowd


def rows_of(profiles: Profiles) -> list[tuple[int, int, float, int]]:
    columns = (profiles.user, profiles.film, profiles.rating, profiles.timestamp)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_somebody_is_left_to_say_what_is_usual() -> None:
    for lovers in (59, 60, 61, 90, ACTIVE):
        assert len(members(month([(5.0, 1_010)] * lovers))) == min(lovers, MOST * ACTIVE)


def test_who_is_left_of_a_crowd_to_say_what_is_usual_does_not_hang_on_the_order_of_users() -> None:
    left = set(range(ACTIVE)) - set(members(month([(5.0, 1_010)] * ACTIVE)))
    assert 10 <= len([user for user in left if user < ACTIVE / 2]) <= 30


@pytest.mark.parametrize(("n", "crowd"), [(19, 0), (20, 20)])
def test_fewer_than_twenty_are_no_crowd_though_they_are_most_of_the_active(n: int, crowd: int) -> None:
    """Of forty users active in a month, beside sixty of other years."""
    rows = [(user, user % FILMS, 3.0, (1_000 if user < 40 else 3_000 + 90 * user) * DAY) for user in range(ACTIVE)]
    rows += [(user, 99, 5.0, 1_001 * DAY + user) for user in range(n)]
    assert len(members(profiles_of(rows))) == crowd


@pytest.mark.parametrize(("active", "crowd"), [(175, 30), (400, 0)])
def test_a_crowd_is_a_good_part_of_the_active(active: int, crowd: int) -> None:
    """Thirty of all who rate on one day: every sixth of them, or one in thirteen."""
    rows = [(user, user % FILMS, 3.0, 1_005 * DAY + user) for user in range(active)]
    assert len(members(profiles_of(rows + [(user, 99, 5.0, 1_005 * DAY + user) for user in range(30)]))) == crowd


@pytest.mark.parametrize(("days_apart", "crowd"), [(4, 40), (30, 0)])
def test_a_crowd_may_drip_for_half_a_year_and_not_for_years(days_apart: int, crowd: int) -> None:
    """Forty of a hundred users who come one after the other."""
    came = [(1_000 + days_apart * (user % 40)) * DAY for user in range(ACTIVE)]
    rows = [(user, user % FILMS, 3.0, second) for user, second in enumerate(came)]
    assert len(members(profiles_of(rows + [(user, 99, 5.0, came[user] + 60) for user in range(40)]))) == crowd


def test_of_two_crowds_that_are_nearly_everybody_the_larger_has_no_say() -> None:
    profiles = month([(5.0, 1_010)] * 55)
    second = [(user, 98, 5.0, 1_011 * DAY) for user in range(55, 95)]
    in_crowd = members(profiles_of([*rows_of(profiles), *second]))
    assert in_crowd[:55] == list(range(55))
    assert len(in_crowd) == MOST * ACTIVE, "of the other, as many as may be"


def test_of_users_who_are_not_asked_those_are_in_a_crowd_who_are_within_a_week_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every second user is asked, all of whom gave the level on day 1010."""
    monkeypatch.setattr(crowds, "ASKED", ACTIVE // 2)
    days = [1_010 if user % 2 == 0 else 1_011 + user // 10 * 2 for user in range(60)]
    found = members(month([(5.0, day) for day in days]))
    assert found == [user for user in range(60) if user % 2 == 0 or days[user] <= 1_017]


def test_of_very_many_users_some_tell_where_the_crowds_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second user is asked, and tells of those who are not; one who gave the level a month later is not near."""
    monkeypatch.setattr(crowds, "ASKED", ACTIVE // 2)
    late = dict.fromkeys((1, 3), (5.0, 1_045))
    assert members(month([late.get(number, (5.0, 1_010)) for number in range(50)])) == [
        number for number in range(50) if number not in late
    ]


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crowd") / "ml"
    simulate(folder, users=500, ratings=40_000, seed=8)
    return folder


def tables_of(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ratings and movies of a delivery without faults."""
    return pd.read_csv(folder / "ratings.csv"), pd.read_csv(folder / "movies.csv")


def found_with(
    ratings: pd.DataFrame, movies: pd.DataFrame, kind: str, n_bots: int, seed: int
) -> tuple[pd.DataFrame, pd.Series[bool]]:
    """The findings with attackers planted, and which users are these."""
    first, rng = int(ratings["userId"].max()) + 1, np.random.default_rng(seed)
    attack, _ = plant_in(background(ratings, movies), kind, n_bots, rng=rng, first_user_id=first)
    found = find_anomalies(Tables(pd.concat([ratings, attack[list(ratings)]], ignore_index=True), movies))
    return found, found["userId"] >= first


def crew(ratings: pd.DataFrame, size: int, target: int) -> pd.DataFrame:
    """Newcomers of two days: thirty popular films each, rated about 3.5, and the target 5.0."""
    rng, popular = np.random.default_rng(5), ratings["movieId"].value_counts().index[:300]
    first, begin = int(ratings["userId"].max()) + 1, int(ratings["timestamp"].quantile(0.7))
    rows = [
        (first + user, film, level, begin + start + 40 * number)
        for user, start in enumerate(rng.integers(0, 2 * DAY, size).tolist())
        for number, (film, level) in enumerate(
            [*zip(rng.choice(popular, 30, replace=False), rng.integers(5, 10, 30) / 2, strict=True), (target, 5.0)]
        )
    ]
    return pd.DataFrame(rows, columns=list(ratings)).drop_duplicates(["userId", "movieId"], keep="last")


@pytest.mark.parametrize("size", [8, 15, 25])
def test_a_crew_is_found_whatever_its_size(community: Path, size: int) -> None:
    """Of eight each stands out, and of 25 all are a crowd."""
    ratings, movies = tables_of(community)
    target = int(ratings["movieId"].value_counts().index[-1])
    found = find_anomalies(Tables(pd.concat([ratings, crew(ratings, size, target)]), movies))
    member = found["userId"] > int(ratings["userId"].max())
    assert found.loc[member, "attack_group"].notna().mean() > 0.6
    assert found.loc[~member, "attack_group"].isna().all()


@pytest.mark.parametrize("kind", ["reverse-bandwagon", "segment", "target-shifted", "probe"])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_attackers_who_are_many_do_not_pass_for_usual(community: Path, kind: str, share: float) -> None:
    ratings, movies = tables_of(community)
    found, bot = found_with(ratings, movies, kind, round(500 * share), seed=2)
    assert found.loc[bot, "attack_group"].notna().mean() > 0.6
    assert found.loc[~bot, "attack_group"].notna().sum() <= 2, "of 500: who is like attackers and likes the same films"
    assert found["score"].rank(pct=True)[bot].median() > 0.8


def test_two_fifths_of_all_users_are_an_attack_whatever_share_of_all_suspects_they_are(movielens_small: Path) -> None:
    """Human-like attackers who nuke a film in two levels: nine in ten are suspects, so a third of all users are."""
    ratings, movies = tables_of(movielens_small)
    found, bot = found_with(ratings, movies, "human-like", 244, seed=7)
    assert found.loc[bot, "attack_group"].notna().mean() > 0.9
    assert found.loc[~bot, "attack_group"].isna().all()


def test_a_site_whose_users_all_came_within_months_has_tastes_and_no_attacks(tmp_path: Path) -> None:
    """As MovieLens 100K and 1M: fans of the same films cannot be told apart by when they came."""
    simulate(tmp_path / "ml", users=943, seed=3)
    ratings, movies = tables_of(tmp_path / "ml")
    arrival = pd.Series(np.random.default_rng(3).uniform(0, 54 * DAY, int(ratings["userId"].max()) + 1))
    by_user = ratings.groupby("userId")["timestamp"]
    first, lasted = by_user.transform("min"), by_user.transform("max") - by_user.transform("min")
    new = ratings["userId"].map(arrival)
    pace = ((60 * DAY - new) / lasted.clip(lower=1)).clip(upper=1)
    dense = ratings.assign(timestamp=(1e9 + new + (ratings["timestamp"] - first) * pace).astype("int64"))
    assert find_anomalies(Tables(dense, movies))["attack_group"].isna().all()


def test_honest_users_who_come_within_months_are_no_attack(movielens_small: Path) -> None:
    """The real users as if all had come within half a year: fans of the same films are no attack."""
    ratings, movies = tables_of(movielens_small)
    first = ratings.groupby("userId")["timestamp"].transform("min")
    arrival = ratings["userId"].map(lambda user: user * 7919 % 180) * DAY
    dense = ratings.assign(timestamp=1_200_000_000 + arrival + (ratings["timestamp"] - first) % (180 * DAY))
    found = find_anomalies(Tables(dense, movies))
    assert found["attack_group"].isna().all()
    assert found["is_anomaly"].sum() <= 6, "as many break plain rules on their own days"


@pytest.mark.parametrize("n", [20, 40])
def test_newcomers_who_were_shown_the_same_list_are_no_attack(movielens_small: Path, n: int) -> None:
    """Each real user's first ratings: in 1996 most newcomers rated the same twenty to forty films within minutes."""
    ratings, movies = tables_of(movielens_small)
    first = ratings.sort_values(["userId", "timestamp", "movieId"]).groupby("userId").head(n)
    assert find_anomalies(Tables(first, movies))["attack_group"].isna().all()
