from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import betabinom

from anomaly import find_anomalies
from anomaly.bombs import _log_chance, bombed
from anomaly.features import Extremes
from anomaly.groups import Crew
from tests.anomaly.community import Tables, honest, movies
from tests.anomaly.test_groups import DAY, crowd, profiles_of

HOUR = 3_600
TARGET = 95  # of no user of the crowd


def bombs(
    users: int = 12, level: float = 0.5, apart: int = HOUR, others: int = 40, at_end: int = 2, meanwhile: int = 3
) -> list[Crew]:
    """The bombs where users of the crowd gave the target the level, the first on its day 500, while others gave it a
    3.0, and others at other times: so many the level, the rest a 3.0."""
    level_of = [level] * at_end + [3.0] * (others - at_end)
    rows = [(user, TARGET, level, 500 * DAY + user * apart) for user in range(users)]
    rows += [(100 + user, TARGET, 3.0, 500 * DAY + user) for user in range(meanwhile)]
    rows += [(140 + user, TARGET, each, (10 + 5 * user) * DAY) for user, each in enumerate(level_of)]
    profiles = profiles_of(crowd() + rows)
    return bombed(profiles, Extremes.of(profiles))


@pytest.mark.parametrize(("level", "push"), [(0.5, False), (1.0, False), (4.5, True), (5.0, True)])
def test_who_gives_a_film_within_a_day_what_few_others_gave_it_is_in_a_bomb(level: float, push: bool) -> None:
    found = bombs(level=level)  # by its day, and by its week
    assert {(bomb.users, bomb.film, bomb.end.push) for bomb in found} == {(frozenset(range(12)), TARGET, push)}


def test_a_bomb_takes_ten_users_of_one_week() -> None:
    assert bombs(users=10)
    assert not bombs(users=9)
    assert not bombs(apart=DAY + HOUR)


@pytest.mark.parametrize("level", [0.5, 5.0])
def test_who_bombs_a_film_by_two_a_day_is_met_by_the_week(level: float) -> None:
    """No day is of ten, nor of many; a day more between two of them, and no week is."""
    (bomb,) = bombs(users=14, level=level, apart=12 * HOUR)
    assert bomb.users == set(range(14))
    assert not bombs(users=14, level=level, apart=24 * HOUR)


def test_the_densest_week_is_of_one_film() -> None:
    """Five each on films whose numbers are next to each other, and ten on another, in the same week."""
    begin = 500 * DAY
    few = [(5 * film + user, 95 + film, 0.5, begin + user * DAY) for film in range(2) for user in range(5)]
    many = [(20 + user, 98, 0.5, begin + user * 15 * HOUR) for user in range(10)]
    others = [(100 + user, film, 3.0, (10 + 5 * user) * DAY) for user in range(40) for film in (95, 96, 98)]
    profiles = profiles_of(crowd() + few + many + others)
    (bomb,) = bombed(profiles, Extremes.of(profiles))
    assert (bomb.film, bomb.users) == (98, set(range(20, 30)))


@pytest.mark.parametrize(("level", "found"), [(0.5, True), (5.0, False)])
def test_a_week_s_fans_of_what_a_quarter_love_are_no_bomb(level: float, found: bool) -> None:
    assert bool(bombs(users=14, level=level, apart=12 * HOUR, at_end=10, meanwhile=0)) == found


def test_a_film_in_season_is_no_bomb() -> None:
    """One user every other hour for a week, and three a day for a month."""
    assert bombs(users=84, apart=2 * HOUR)
    assert not bombs(users=90, apart=8 * HOUR)


def test_what_others_gave_the_film_too_is_no_bomb() -> None:
    assert not bombs(at_end=16)
    assert not bombs(users=30, at_end=16), "nor among many"


def test_a_film_of_which_hardly_anything_is_known_is_no_bomb() -> None:
    assert bombs(others=21, at_end=0)
    assert not bombs(others=19, at_end=0)


def test_where_most_of_the_day_gave_another_level_it_is_no_bomb() -> None:
    assert bombs(meanwhile=6)
    assert not bombs(meanwhile=36, others=60, at_end=5)


def test_of_a_film_that_few_rated_otherwise_more_is_asked_than_that_nobody_did() -> None:
    """By one day in very many, and as films differ in how they are liked."""
    assert bombs(users=10, others=21, at_end=0, meanwhile=4)
    assert not bombs(users=10, others=21, at_end=0, meanwhile=8)


@pytest.mark.parametrize(
    ("usual", "level", "found"),
    [(4.5, 5.0, True), (4.5, 4.5, False), (5.0, 5.0, False), (1.0, 0.5, False)],
    ids=["5.0 where half give 4.5", "4.5 there", "5.0 where half give it", "0.5 where half give 1.0"],
)
def test_of_what_many_praise_the_highest_level_alone_may_tell(usual: float, level: float, found: bool) -> None:
    rows = [(user, TARGET, level, 500 * DAY + user) for user in range(20)]
    rows += [(100 + user, TARGET, usual if user % 2 else 3.0, (10 + 5 * user) * DAY) for user in range(40)]
    profiles = profiles_of(crowd() + rows)
    assert bool(bombed(profiles, Extremes.of(profiles))) == found


@pytest.mark.parametrize(("bombers", "found"), [(60, True), (0, False)])
def test_a_bomb_in_the_midst_of_a_film_s_season_is_seen_by_its_day(bombers: int, found: bool) -> None:
    """Each day of twenty, five give it a 0.5 and 25 a 3.0: its low ratings never pause."""
    users = iter(range(200, 2000))
    rows = [
        (next(users), TARGET, 0.5 if turn < 5 else 3.0, (500 + day) * DAY + turn * 2880)
        for day in range(20)
        for turn in range(30)
    ]
    rows += [(user, TARGET, 0.5, 510 * DAY + user * 600) for user in range(bombers)]
    profiles = profiles_of(crowd() + rows)
    crews = bombed(profiles, Extremes.of(profiles))
    assert bool(crews) == found
    assert all(set(range(bombers)) <= crew.users and len(crew.users) <= bombers + 10 for crew in crews)


def test_nothing_to_look_at_is_no_bomb() -> None:
    profiles = profiles_of([(0, 0, 3.0, 0), (1, 0, 3.0, 9)])
    assert bombed(profiles, Extremes.of(profiles)) == []


@pytest.mark.parametrize(("at_least", "n", "a", "b"), [(1, 5, 0.5, 8.0), (12, 15, 2.5, 30.0), (40, 41, 9.0, 99.0)])
def test_chance_is_of_so_many_or_more_where_shares_vary(at_least: int, n: int, a: float, b: float) -> None:
    assert np.exp(_log_chance(at_least, n, a, b)) == pytest.approx(betabinom.sf(at_least - 1, n, a, b), rel=1e-6)


def with_bomb(ratings: pd.DataFrame, users: np.ndarray, film: int) -> pd.DataFrame:
    """The ratings, in which these users gave the film a 0.5 within half a day, late."""
    seconds = int(ratings["timestamp"].quantile(0.8)) + np.arange(len(users)) * 43_200 // len(users)
    bomb = pd.DataFrame({"userId": users, "movieId": film, "rating": 0.5, "timestamp": seconds})
    return pd.concat([ratings[~(ratings["userId"].isin(users) & (ratings["movieId"] == film))], bomb])


@pytest.mark.parametrize("n", [12, 40])
def test_established_users_who_bomb_a_film_are_an_attack(movielens_small: Path, n: int) -> None:
    ratings, catalogue = (pd.read_csv(movielens_small / f"{table}.csv") for table in ("ratings", "movies"))
    users = np.random.default_rng(n).choice(ratings["userId"].unique(), n, replace=False)
    found = find_anomalies(Tables(with_bomb(ratings, users, 296), catalogue))
    inside = found["attack_group"].notna()
    assert set(found.loc[inside, "userId"]) == set(users)
    assert (found.loc[inside, "status"] == "flagged").all()
    assert found.loc[inside, "evidence"].str.contains("who together lowered Pulp Fiction").all()


def test_trusted_users_in_a_bomb_are_not_accused_and_the_others_are_up_for_review() -> None:
    ratings = honest(n_users=160)
    film = int(ratings["movieId"].value_counts().index[0])
    users = np.arange(51, 81)
    trusted = [*range(1, 61)]
    found = find_anomalies(Tables(with_bomb(ratings, users, film), movies()), trusted_users=trusted)
    assert set(found.loc[found["attack_group"].notna(), "userId"]) == set(range(61, 81))
    assert set(found.loc[found["userId"].between(61, 80), "status"]) <= {"review", "flagged"}
    assert set(found.loc[found["userId"].between(51, 60), "status"]) == {"ok"}
