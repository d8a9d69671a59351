"""Profiles as they are loaded: stretch by stretch, and in as few bytes as hold them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly import profiles
from anomaly.population import load_users
from anomaly.profiles import Films, Profiles
from tests.anomaly.community import Tables, movies

LATEST = 4_102_444_800  # 2100, past what 31 bits of seconds hold


def _loaded(stars: list[float], monkeypatch: pytest.MonkeyPatch) -> Profiles:
    """Three users, who rated two films each, the later one first in the file."""
    time = [30, 20, LATEST, 10, 6, 5]
    users, films = [1, 1, 2, 2, 3, 3], [7, 9] * 3
    rows = pd.DataFrame({"userId": users, "movieId": films, "rating": stars, "timestamp": time})
    monkeypatch.setattr(profiles, "FETCHED", 2)  # ratings: a user at a time
    warehouse = Tables(rows, movies())
    return profiles.load(warehouse, np.array([7, 9]), load_users(warehouse))


@pytest.mark.parametrize("fetched", [1, 3, 100])
@pytest.mark.parametrize("wanted", [[1, 2, 3, 4], [1, 3], [2, 4], [1, 4], [3]])
def test_only_those_who_are_asked_for_are_loaded(
    wanted: list[int], fetched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "FETCHED", fetched)
    users = [1, 2, 2, 3, 3, 3, 4, 4]
    rows = pd.DataFrame({"userId": users, "movieId": 7, "rating": [float(user) for user in users], "timestamp": 5})
    warehouse = Tables(rows, movies())
    every = load_users(warehouse)
    found = profiles.load(warehouse, np.array([7]), every[every["userId"].isin(wanted)])
    assert [found.rating[found.rows(place)].tolist() for place in range(found.n_users)] == [
        [float(user)] * users.count(user) for user in wanted
    ]


def test_half_stars_take_two_bytes_and_are_computed_with_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _loaded([0.5, 5.0, 3.5, 4.0, 1.5, 2.0], monkeypatch)
    assert found.film.tolist() == [1, 0] * 3
    assert found.rating.tolist() == [5.0, 0.5, 4.0, 3.5, 2.0, 1.5]
    assert found.timestamp.tolist() == [20, 30, 10, LATEST, 5, 6]
    assert (found.stars.itemsize, found.seconds.itemsize) == (2, 4)
    assert (found.rating.dtype, found.timestamp.dtype) == (np.float32, np.int64)


def test_stars_off_the_scale_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    stars = [0.5, 5.0, 3.14159, 4.0, 1.1, 2.0]
    found = _loaded(stars, monkeypatch)
    assert found.rating.tolist() == np.array([5.0, 0.5, 4.0, 3.14159, 2.0, 1.1], np.float32).tolist()


@pytest.mark.filterwarnings("error")
def test_ids_of_any_sign_have_a_logarithm_in_their_order() -> None:
    ids = np.array([-(2**63), -2, -1, 0, 1, 2, 2**63 - 1])
    none = np.zeros(len(ids))
    films = Films(ids, ids, none, ids, none, none, ids, ids)
    assert np.isfinite(films.log_id).all()
    assert (np.diff(films.log_id) > 0).all()
    assert films.log_id[-3:].tolist() == np.log1p([1.0, 2.0, 2.0**63]).tolist()
