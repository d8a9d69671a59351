from __future__ import annotations

import pandas as pd
import pytest

from drift.shifts import KINDS, plant

SIZES = {"users": 0.5, "scale": 0.5}


def _ratings(users: int = 12, films: int = 40) -> pd.DataFrame:
    rows = [
        (user, film, (1 + (user * film) % 10) / 2, 1000 * user + film)
        for user in range(1, users + 1)
        for film in range(1, films + 1)
    ]
    return pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"]).set_index(
        pd.RangeIndex(7, 7 + len(rows))
    )


def _movies(films: int = 40) -> pd.DataFrame:
    genres = ["Drama" if film % 2 else "Comedy|War" for film in range(1, films + 1)]
    return pd.DataFrame({"movieId": range(1, films + 1), "genres": genres})


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_exactly_the_rows_that_differ(kind: str) -> None:
    ratings = _ratings()
    planted, labels = plant(ratings, _movies(), kind, SIZES.get(kind, 0.3), None, seed=1)
    after = planted["rating"].reindex(ratings.index)
    differs = (after != ratings["rating"]).to_numpy()
    assert differs.any()
    assert list(labels.index) == list(ratings.index[differs])
    dropped = ratings.index.difference(planted.index)
    assert list(labels.index[labels["change"] == "dropped"]) == list(dropped)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_before_since_is_touched_and_a_seed_repeats(kind: str) -> None:
    ratings = _ratings()
    since = 1000 * 7
    first = plant(ratings, _movies(), kind, 0.5, since, seed=3)
    again = plant(ratings, _movies(), kind, 0.5, since, seed=3)
    pd.testing.assert_frame_equal(first[0], again[0])
    before = ratings["timestamp"] < since
    pd.testing.assert_frame_equal(first[0][first[0]["timestamp"] < since], ratings[before])


@pytest.mark.parametrize("kind", KINDS)
def test_size_zero_and_no_rows_change_nothing(kind: str) -> None:
    for ratings in (_ratings(), _ratings().iloc[:0]):
        planted, labels = plant(ratings, _movies(), kind, 0.0, None, seed=1)
        pd.testing.assert_frame_equal(planted, ratings.astype({"rating": float}))
        assert labels.empty


def test_level_moves_the_stated_share_half_a_star_down() -> None:
    ratings = _ratings(users=100).assign(rating=4.0)
    planted, _ = plant(ratings, None, "level", 0.2, None, seed=2)
    assert set(planted["rating"]) == {4.0, 3.5}
    assert (planted["rating"] == 3.5).mean() == pytest.approx(0.2, abs=0.03)


def test_whole_users_move_together() -> None:
    ratings = _ratings(users=20).assign(rating=4.0)
    planted, _ = plant(ratings, None, "users", 0.1, None, seed=2)
    assert sorted(planted.groupby("userId")["rating"].mean()) == [3.0, 3.0, *[4.0] * 18]


@pytest.mark.parametrize(
    ("kind", "size", "movies", "message"),
    [
        ("mood", 0.1, None, "must be one of level, users"),
        ("level", 1.5, None, "must lie from 0 to 1"),
        ("genre", 0.1, None, "need each film's genres"),
    ],
)
def test_what_cannot_be_planted_is_said(kind: str, size: float, movies: pd.DataFrame | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plant(_ratings(), movies, kind, size, None, seed=1)
