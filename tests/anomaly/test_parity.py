"""What is computed over sorted arrays at once is what a loop over users says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from anomaly import features, neighbours, profiles
from anomaly.fashion import Eras
from anomaly.profiles import NEVER, Films, Profiles
from anomaly.tastes import Tastes

N_FILMS = 30


@pytest.fixture(scope="module")
def users() -> Profiles:
    """Forty users of five to twenty-four films each, with ties in time, equal gaps and pauses."""
    rng = np.random.default_rng(5)
    size = rng.integers(5, 25, 40)
    film = np.concatenate([rng.permutation(N_FILMS)[:n] for n in size]).astype(np.int32)
    time = np.concatenate([1_000_000_000 + np.cumsum(rng.choice([0, 0, 1, 5, 5, 5, 70, 4_000], n)) for n in size])
    rating = rng.integers(1, 11, len(film)).astype(np.float32) / 2
    return Profiles(np.concatenate([[0], np.cumsum(size)]), film, rating, time)


def each(users: Profiles) -> list[Profiles]:
    return [users.span(user, user + 1) for user in range(users.n_users)]


def test_cadence(users: Profiles) -> None:
    found = features._cadence(users)
    for user, own in enumerate(each(users)):
        time = own.timestamp
        gap = np.diff(time)
        for name, seconds in features.WINDOWS.items():
            assert np.exp(found[f"most_{name}"][user]) == pytest.approx(
                max(((time >= t) & (time <= t + seconds)).sum() for t in time)
            )
        sessions = np.split(time, np.flatnonzero(gap > features.SESSION_GAP) + 1)
        assert np.exp(found["sessions"][user]) == pytest.approx(len(sessions))
        assert found["largest_session_share"][user] == pytest.approx(max(map(len, sessions)) / len(time))
        most = max(Counter(gap[gap > 0].tolist()).values(), default=0)
        assert found["modal_gap_share"][user] == pytest.approx(most / len(gap))
        assert found["zero_gap_share"][user] == pytest.approx((gap == 0).mean())
        assert found["repeated_gap_share"][user] == pytest.approx((gap[1:] == gap[:-1]).sum() / len(gap))


def test_sums_and_correlations(users: Profiles) -> None:
    values = users.rating.astype(float)
    found = features._lag_correlation(values, users), features._correlation(values, values**2, users)
    for user, own in enumerate(each(users)):
        stars = own.rating.astype(float)
        centred = stars - stars.mean()
        lag = (centred[1:] * centred[:-1]).sum() / ((centred**2).sum() + 1e-3)
        assert found[0][user] == pytest.approx(lag)
        assert found[1][user] == pytest.approx(np.corrcoef(stars, stars**2)[0, 1], abs=1e-4)


def test_first_ratings_of_a_film(users: Profiles) -> None:
    films = Films.of(np.arange(N_FILMS + 1), np.zeros(N_FILMS + 1, np.int64), np.full(N_FILMS + 1, np.nan), users)
    for film in range(N_FILMS + 1):
        times = [*sorted(users.timestamp[users.film == film].tolist()), NEVER, NEVER]
        assert (films.first[film], films.second[film]) == (times[0], times[1])


def test_extremes_counted_at_once_and_one_by_one(users: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    films = Films.of(np.arange(N_FILMS), np.zeros(N_FILMS, np.int64), np.full(N_FILMS, np.nan), users)
    flat = Tastes(np.zeros((1, N_FILMS, 16), np.float32), np.zeros((1, N_FILMS, 8), np.float32))
    monkeypatch.setattr(features, "CHUNK", 50)  # of the keys that are counted at a time
    extremes = features.Extremes.of(users)
    key, rows = features.extreme_keys(users)
    end = users.rating[rows] >= 4.5
    for name, window in features.BURSTS.items():
        near = [
            (
                (users.film[rows] == users.film[r])
                & (end == e)
                & (abs(users.timestamp[rows] - users.timestamp[r]) <= window)
            )
            for r, e in zip(rows, end, strict=True)
        ]
        assert extremes.near[name].tolist() == [int(one.sum()) - 1 for one in near]
    of_same = [int(((users.film[rows] == users.film[r]) & (end == e)).sum()) for r, e in zip(rows, end, strict=True)]
    assert (extremes.others(key) + 1).tolist() == of_same
    place, fold = features.Place(films, flat, extremes, Eras.of(users, N_FILMS)), np.zeros(users.n_users, np.int64)
    at_once = features.measure(users, place, fold, same=True)
    monkeypatch.setattr(features, "MEASURED", 100)  # several chunks, in threads
    for found in (features.measure(users, place, fold, same=True), features.measure(users, place, fold)):
        for name, values in at_once.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def test_what_pairs_have_in_common(users: Profiles) -> None:
    query, other = np.repeat(np.arange(40), 3), np.tile(np.arange(40), 3)
    rated = [set(zip(own.film.tolist(), own.rating.tolist(), strict=True)) for own in each(users)]
    films = [len({f for f, _ in rated[q]} & {f for f, _ in rated[o]}) for q, o in zip(query, other, strict=True)]
    ratings = [len(rated[q] & rated[o]) for q, o in zip(query, other, strict=True)]
    for others in (users, users.take(np.arange(40))):
        found = neighbours._in_common(users, others, query, other, np.full(N_FILMS, 0.01))
        assert (found.films.tolist(), found.ratings.tolist()) == (films, ratings)


@pytest.mark.parametrize("known", [[3, 7, 900], [-2, 7, 900], [3, 7, 1 << 40]])
def test_places_of_ids(known: list[int]) -> None:
    assert profiles._place(np.array(known), np.array(known[::-1])).tolist() == [2, 1, 0]
