"""New ratings of users who come back, beside the last ones of trusted users."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly import decisions, increments
from anomaly.catalogue import simulate
from anomaly.population import Population, survey
from anomaly.profiles import Films, Profiles, joined, of_rows
from anomaly.returning import NewRatings
from anomaly.scoring import Scores
from tests.anomaly.community import honest, movies

N_USERS = 80


def surveyed() -> Population:
    ids = movies()["movieId"].to_numpy(np.int64)
    _, profiles = of_rows(honest(N_USERS), ids)
    films = Films.of(ids, np.zeros(len(ids), np.int64), np.full(len(ids), 1990.0), profiles)
    return survey(profiles, films, np.random.default_rng(1))


POPULATION = surveyed()


def new_ratings(users: list[int], n: int) -> NewRatings:
    """The last `n` ratings of users of the population."""
    profiles = POPULATION.profiles
    rows = np.concatenate([np.arange(profiles.start[user + 1] - n, profiles.start[user + 1]) for user in users])
    start = np.arange(len(users) + 1) * n
    late = Profiles(start, profiles.film[rows], profiles.stars[rows], profiles.seconds[rows])
    return NewRatings(np.array(users), late)


def trusted(users: range) -> np.ndarray:
    return np.isin(np.arange(N_USERS), users)


def test_trusted_users_give_their_last_ratings_as_many_as_are_judged() -> None:
    since = increments.measured(POPULATION, new_ratings([3, 5], 20), trusted(range(20, 80)), np.random.default_rng(1))
    assert since is not None
    known = since.user[: since.n_trusted]
    assert since.judged.tolist() == [3, 5]
    assert set(since.late.size.tolist()) == {20}
    np.testing.assert_array_equal(since.before.size, POPULATION.size[since.user] - 20)
    assert (POPULATION.size[known] >= 20 + increments.FEWEST_BEFORE).all()
    assert known.tolist() == [u for u in range(20, 80) if POPULATION.size[u] >= 20 + increments.FEWEST_BEFORE]
    stars = POPULATION.profiles.stars
    starts, ends = POPULATION.profiles.start[since.user], POPULATION.profiles.start[since.user + 1]
    late, before = (
        [stars[b - 20 : b].mean() for b in ends],
        [stars[a : b - 20].mean() for a, b in zip(starts, ends, strict=True)],
    )
    np.testing.assert_allclose(since.late.features["mean"], late, rtol=1e-5)
    np.testing.assert_allclose(since.before.features["mean"], before, rtol=1e-5)
    for name in increments.OF_WHOLE:
        np.testing.assert_array_equal(since.late.features[name], POPULATION.features[name][since.user])


@pytest.mark.parametrize(
    ("users", "n", "known"),
    [
        ([], 1, range(80)),
        ([3], increments.FEWEST_NEW - 1, range(20, 80)),
        ([3], 20, range(60, 80)),
        ([30], 20, range(80)),
    ],
    ids=["nobody", "too few ratings", "too few trusted", "trusted themselves"],
)
def test_there_may_be_nothing_to_judge(users: list[int], n: int, known: range) -> None:
    new = new_ratings(users, n) if users else NewRatings.none_of(POPULATION.profiles)
    assert increments.measured(POPULATION, new, trusted(known), np.random.default_rng(1)) is None


@pytest.mark.parametrize(("n", "judged"), [(14, False), (15, True)])
def test_fifteen_new_ratings_are_enough(n: int, judged: bool) -> None:
    since = increments.measured(POPULATION, new_ratings([3], n), trusted(range(20, 80)), np.random.default_rng(1))
    assert (since is not None) == judged


@pytest.mark.parametrize(("before", "judged"), [(9, False), (10, True)])
def test_new_ratings_are_held_against_ten_before_at_least(before: int, judged: bool) -> None:
    user = int(np.flatnonzero(POPULATION.size >= 25)[POPULATION.size[POPULATION.size >= 25].argmin()])
    new = new_ratings([user], int(POPULATION.size[user]) - before)
    known = trusted(range(N_USERS)) & (np.arange(N_USERS) != user)
    assert (increments.measured(POPULATION, new, known, np.random.default_rng(1)) is not None) == judged


def test_trusted_users_give_as_many_ratings_as_somebody_of_the_judged_has() -> None:
    few, many = new_ratings([3], 15), new_ratings([5], 30)
    new = NewRatings(np.array([3, 5]), joined([few.profiles, many.profiles]))
    since = increments.measured(POPULATION, new, trusted(range(20, 80)), np.random.default_rng(1))
    assert since is not None
    given = since.late.size[: since.n_trusted]
    assert set(given.tolist()) == {15, 30}
    assert 0.25 < (given == 30).mean() < 0.75


def test_new_ratings_follow_their_users_to_other_places() -> None:
    moved = new_ratings([2, 5, 9], 20).of_users(np.array([9, 1, 2]))
    assert moved.user.tolist() == [2, 0]
    assert moved.profiles.size.tolist() == [20, 20]
    assert NewRatings.none_of(POPULATION.profiles).of_users(np.array([4])).user.tolist() == []


def judgement(n: int, flagged: tuple[int, ...] = ()) -> decisions.Judgement:
    is_flagged = np.isin(np.arange(n), flagged)
    nobody = np.zeros(n, bool)
    return decisions.Judgement(np.zeros(n), np.full(n, 0.5), np.full(n, 0.8), is_flagged, nobody, np.full(n, -1))


def turned(odd: int, odd_before: int = 0, how_odd_before: float = 40.0) -> decisions.Judgement:
    """Of twenty judged beside four hundred trusted the last `odd` are far out now, and the last `odd_before` were."""
    rng, n, judged = np.random.default_rng(4), 420, np.arange(20)
    late, before = (
        np.where(np.arange(n) < n - far, rng.normal(size=n), how)
        for far, how in ((odd, 40.0), (odd_before, how_odd_before))
    )
    part, nothing = increments.Measured(np.full(n, 20), {}), np.empty((n, 0))
    since = increments.Increments(np.append(np.arange(20, n), judged), part, part, 400)
    scores = (Scores(each, each, nothing, nothing) for each in (late, before))
    return decisions.with_new_ratings(judgement(20, flagged=(1,)), since, *scores, 0.1)


def test_whose_new_ratings_stand_out_is_flagged_whatever_the_whole_says() -> None:
    found = turned(3)
    assert np.flatnonzero(found.flagged).tolist() == [1, 17, 18, 19]
    assert found.by_new.tolist() == [-1] * 17 + [417, 418, 419]
    assert (found.q_value[17:] <= 0.1).all()
    assert (found.q_value[:17] <= 0.8).all()


def test_who_was_as_odd_before_has_not_turned() -> None:
    assert np.flatnonzero(turned(3, odd_before=2).flagged).tolist() == [1, 17]
    assert np.flatnonzero(turned(0, odd_before=2).flagged).tolist() == [1]


def test_who_was_the_least_suspicious_of_all_and_is_as_usual_now_has_not_turned() -> None:
    assert np.flatnonzero(turned(0, odd_before=3, how_odd_before=-40.0).flagged).tolist() == [1]
    assert np.flatnonzero(turned(3, odd_before=3, how_odd_before=-40.0).flagged).tolist() == [1, 17, 18, 19]


def test_simulated_attackers_are_told_by_models_that_judge_new_ratings_too() -> None:
    """What is scored has the same features in the same order, or the models would read one for another."""
    since = increments.measured(POPULATION, new_ratings([3], 20), trusted(range(20, 80)), np.random.default_rng(1))
    assert since is not None
    assert list(since.late.features) == list(since.before.features) == list(POPULATION.features)
    assert simulate(POPULATION, np.random.default_rng(2)).values.shape[1] == len(since.late.features)
