"""What the warehouse says of the films is what all users' ratings in one place say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from anomaly import film_facts
from anomaly.fashion import Eras
from anomaly.features import BURSTS, KEY_BITS, Extremes
from anomaly.population import load_films, load_users
from anomaly.profiles import NEVER, Films, Profiles, load
from checks.loader import load as open_folder
from checks.warehouse import Warehouse
from tests import deliveries


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = deliveries.write(tmp_path_factory.mktemp("films") / "data", deliveries.whole())
    with open_folder(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def everybody(warehouse: Warehouse) -> Profiles:
    return load(warehouse, load_films([warehouse])[0], load_users(warehouse))


def test_facts_are_those_of_all_ratings(warehouse: Warehouse, everybody: Profiles) -> None:
    films = load_films([warehouse])
    expected = Films.of(*films, everybody)
    some = everybody.take(np.arange(0, everybody.n_users, 3))
    found = film_facts.load(warehouse, films, load_users(warehouse), some)
    for name in ("ids", "count", "total", "square", "first", "second"):
        np.testing.assert_array_equal(getattr(found.films, name), getattr(expected, name), name)
    assert (found.films.second == NEVER).any(), "a film that was rated once"
    extremes = Extremes.of(everybody)
    np.testing.assert_array_equal(found.extremes.key, extremes.key)
    np.testing.assert_array_equal(found.extremes.all_time, extremes.all_time)
    counted = [((found.eras.era(everybody.timestamp)) == era).sum() for era in range(len(found.eras.near_any))]
    np.testing.assert_array_equal(found.eras.near_any[1:-1], np.convolve(counted, [1, 1, 1], "valid"))
    same_borders = Eras.of(some, len(films[0])).with_ratings(everybody)
    np.testing.assert_array_equal(found.eras.near, (same_borders.near - Eras.of(some, len(films[0])).near))


def test_extremes_that_are_left_out_are_counted() -> None:
    times = [*range(0, 1000, 10), 5_000_000, 5_000_000]
    films = [3] * len(times) + [4]
    frame = pd.DataFrame({"top": 1, "timestamp": [*times, 7], "place": [*range(1, len(times) + 1), 1]})
    kept = (frame["place"] % 7 == 0) | frame["place"].isin([1, len(times)])
    whole, thinned = (film_facts._extremes(np.array(films)[rows], frame[rows]) for rows in (kept | True, kept))
    asked = np.array([(7 << KEY_BITS) + time for time in (0, 500, 990, 5_000_000)] + [(9 << KEY_BITS) + 7])
    for extremes in (whole, thinned):
        assert extremes.others(asked).tolist() == [101, 101, 101, 101, 0]
        assert extremes.others(np.array([1 << KEY_BITS, 11 << KEY_BITS])).tolist() == [-1, -1], "nobody's"
    assert len(thinned.key) == 17
    assert whole.others_within(asked, BURSTS["day"]).tolist() == [99, 99, 99, 1, 0]
    assert whole.others_within(asked, 100).tolist() == [10, 20, 10, 1, 0]
    for window in (100, BURSTS["day"]):
        away = np.abs(whole.others_within(asked, window) - thinned.others_within(asked, window))
        assert away.max() < 7, "less than are left out in a row"


def test_without_a_rating_at_the_ends_there_is_nothing_to_count() -> None:
    none = film_facts._extremes(np.zeros(0, np.int64), pd.DataFrame({"top": [], "timestamp": [], "place": []}))
    assert none.others_within(np.array([5]), 10).tolist() == [-1]
    assert none.others(np.array([5])).tolist() == [-1]
