from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from drift import films, users
from drift.features import declared_features
from drift.films import YEAR, Films, film_columns, known_films
from drift.findings import find_drift
from drift.sums import Sums, cell
from drift.windows import Window, Windows, windows_in_time
from tests.drift.deliveries import START, Handle, movies, ratings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BY_NAME = {feature.name: feature for feature in declared_features()}
FACTS = pd.DataFrame({"film_popularity": [0.25, 0.75], "film_year": [1999.0, np.nan]})
GENRES = pd.DataFrame({"Comedy": [1, 0], "Drama": [1, 0]})
NO_FILM = 2


def _sums(names: list[str], rows: dict[str, list[float]]) -> dict[str, list[list[float]]]:
    """Each feature's columns by unit, of rows whose values are given in the order in which they are read."""
    features = tuple(BY_NAME[name] for name in names)
    sums = Sums(features, film_columns(Films(FACTS, GENRES, GENRES[:0]), features))
    timed = {f"v{list(sums._values()).index('timestamp')}": 0.0} | rows
    table = sums.table(pd.DataFrame(timed)).drop(columns=["user_id", "side", "n", "first_seen"]).to_numpy()
    return {name: np.round(table[:, sums.spans[name]].astype(float), 6).tolist() for name in names}


def test_means_squares_and_counts_in_half_open_cells() -> None:
    found = _sums(["rating"], {"userId": [7, 7, 9], "side": [0, 0, 1], "film_row": [0, 0, 0], "v0": [3, 4.5, np.nan]})
    three, four_and_a_half = ([1.0 if cell == place else 0.0 for cell in range(12)] for place in (6, 9))
    both = np.add(three, four_and_a_half).tolist()
    assert found["rating"][0] == [2, 3.75, (9 + 20.25) / 2, *both]
    assert found["rating"][1][0] == 0
    assert np.isnan(found["rating"][1][1])


def test_a_user_is_one_unit_a_side_whatever_the_order_of_the_rows() -> None:
    rows = pd.DataFrame({"userId": [5, 3, 5, 3, 5], "side": [1, 0, -1, 0, 1], "film_row": 0, "v0": [1, 2, 3, 4, 5]})
    rows["v1"] = [70, 80, 90, 60, 50]
    features = (BY_NAME["user_level"],)
    table = Sums(features, film_columns(Films(FACTS, GENRES, GENRES[:0]), features)).table(rows)
    assert table.to_numpy().tolist() == [[3, 0, 2, 60, 3], [5, -1, 1, 90, 3], [5, 1, 2, 50, 3]]


@pytest.mark.parametrize("name", ["rating", "film_age", "gap", "popularity"])
def test_values_on_an_edge_fall_above_it_and_those_outside_into_the_outermost_cells(name: str) -> None:
    edges = BY_NAME[name].edges
    values = np.array([-1e9, *edges, *np.nextafter(edges, -np.inf), 1e9])
    expected = [sum(value >= edge for edge in edges[1:-1]) for value in values]
    assert cell(BY_NAME[name], values).tolist() == expected


def test_facts_of_films_and_genres_are_summed_over_the_films_rated() -> None:
    found = _sums(
        ["popularity", "release_year", "genre", "genre_level"],
        {"userId": [1] * 4, "side": [0] * 4, "film_row": [0, 0, 1, NO_FILM], "v0": [1.0, np.nan, 2.0, 4.0]},
    )
    assert found["popularity"][0][:3] == [3, round(1.25 / 3, 6), round((2 * 0.0625 + 0.5625) / 3, 6)]
    assert found["release_year"][0][:2] == [2, 1999]
    assert found["genre"] == [[2, 2, 2]]
    assert found["genre_level"] == [[3, round(7 / 3, 6), 7, 1, 1, 1, 1]]  # n, mean, square, sums, counts


def test_a_film_is_new_for_a_year_once_a_year_is_known() -> None:
    """By user: too early to tell, new, known for a year, too early, new, known for long."""
    times = {1: [0], 2: [YEAR, 2 * YEAR], 3: [YEAR - 1, YEAR + 5], 1.5: [YEAR + 9]}
    rated = [(int(film), START + time) for film, seen in times.items() for time in seen]
    rows = [(user, film, 4.0, time) for user, (film, time) in enumerate(rated)]
    table = pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])
    new_films = tuple(one for one in declared_features() if one.name == "new_films")
    with Handle(ratings=table, movies=movies()) as warehouse:
        found = users.collect(windows_in_time(warehouse, 0.5, START + 3 * YEAR), new_films)
    np.testing.assert_array_equal(found.values["new_films"].means, [np.nan, 1, 0, np.nan, 1, 0])


def test_gaps_spreads_numbers_and_sittings() -> None:
    names = ["gap", "activity", "session_size", "user_spread"]
    times = [100.0, 5000.0, 100.0, 107.0]
    found = _sums(
        names, {"userId": [1] * 4, "side": [0] * 4, "film_row": [0] * 4, "v0": times, "v1": [1.0, 2.0, 3.0, 4.0]}
    )
    doublings = np.log2([1, 8, 4894])
    assert found["gap"][0][:2] == [3, round(doublings.mean(), 6)]
    assert found["gap"][0][3:] == [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]  # 7 seconds are three doublings, and fall at 3
    assert found["activity"] == [[2]]
    assert found["session_size"] == [[1]]
    assert found["user_spread"] == [[round(float(np.std([1, 2, 3, 4], ddof=1)), 6)]]


def test_agreement_is_by_how_much_ratings_rise_with_the_means_of_the_films() -> None:
    """Half as much, what has no film left out; against them; and of films as good as each other nothing can be told."""
    rated = {
        1: [(1, 2.0), (3, 3.0), (5, 4.0), (np.nan, 0.5)],
        2: [(2, 5.0), (4, 1.0)],
        3: [(3, 1.0), (3.5, 5.0), (4, 1.0)],
    }
    rows = [(user, stars - film, stars) for user, films in rated.items() for film, stars in films]
    columns = dict(zip(("userId", "v0", "v1"), map(list, zip(*rows, strict=True)), strict=True))
    found = _sums(["agreement"], columns | {"side": [0] * len(rows), "film_row": [0] * len(rows)})
    np.testing.assert_array_equal(found["agreement"], [[0.5], [-2.0], [np.nan]])


def test_findings_do_not_hang_on_the_length_of_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = ratings().sample(frac=1, random_state=1)
    found = []
    for stretch in (users.STRETCH, 100):
        monkeypatch.setattr(users, "STRETCH", stretch)
        with Handle(ratings=shuffled, movies=movies()) as warehouse:
            found.append(find_drift(warehouse, relabellings=99))
    pd.testing.assert_frame_equal(*found)


class Workers(Handle):
    """A handle that works over its users where they lie, as one over several machines does."""

    def map_users(
        self, text: str, function: Callable[[pd.DataFrame], pd.DataFrame], columns: Mapping[str, str], groups: int
    ) -> pd.DataFrame:
        rows, sent = self.sql(text), pickle.loads(pickle.dumps(function))
        found = pd.concat([sent(rows[rows["userId"] % groups == group]) for group in range(groups)])
        assert list(found) == list(columns)
        return found


def test_sums_can_be_made_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "STRETCH", 500)
    found = []
    for kind in (Handle, Workers):
        with kind(ratings=ratings(), movies=movies()) as warehouse:
            found.append(find_drift(warehouse, relabellings=99))
    pd.testing.assert_frame_equal(*found)


class Taker(Handle):
    """A handle that takes tables."""

    def push(self, table: str, frame: pd.DataFrame) -> None:
        self.connection.register("frame", frame)
        self.connection.execute(f"create or replace temporary table {table} as select * from frame")
        self.taken = [*getattr(self, "taken", []), table]


def test_numbers_can_be_taken_as_tables() -> None:
    films, found = movies(), []
    films.loc[3, "title"] = "A film of no known year"
    for kind in (Handle, Taker):
        with kind(ratings=ratings(), movies=films) as warehouse:
            found.append(find_drift(warehouse, relabellings=99))
            taken = getattr(warehouse, "taken", [])
    pd.testing.assert_frame_equal(*found)
    assert set(taken) == {"drift_films", "drift_film_levels", "drift_user_levels"}


@pytest.mark.parametrize("titles", [["A (1999)", "B (2001)", "C (1999)", "D (2000)"], ["A", "B", "C", "D"]])
def test_films_are_compared_in_how_often_they_are_rated_with_those_that_came_when_they_did(
    titles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that came early and are rated six times and twice, and two of late, three times and once.

    Without a year a film came when it was first rated.
    """
    monkeypatch.setattr(films, "PEERS", 2)
    rated = [(1, 0, 6), (2, 9, 3), (3, 1, 2), (4, 20, 1)]
    rows = [(user, film, 4.0, START + came + user) for film, came, n in rated for user in range(n)]
    table = pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])
    with Handle(ratings=table, movies=movies(4).assign(title=titles)) as warehouse:
        facts = known_films(windows_in_time(warehouse, 0.5, None).parts).facts
    assert facts["film_popularity"].tolist() == [3 / 8, 3 / 8, 7 / 8, 7 / 8]


def test_facts_of_films_are_those_of_all_their_ratings() -> None:
    """Three films of six, three and one rating, the second of which came 400 days after the first."""
    first, later = START, START + 400 * 86_400
    rows = (
        [(user, 1, 4.0, first) for user in range(6)]
        + [(user, 2, 2.0, later) for user in range(3)]
        + [(9, 3, 5.0, first)]
    )
    table = pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])
    titles = pd.DataFrame(
        {
            "movieId": [1, 2, 3],
            "title": ["One (1999)", "Two (2001): the year", "Three (1950) "],
            "genres": ["Drama|War", "(no genres listed)", "War"],
        }
    )
    with Handle(ratings=table, movies=titles) as warehouse:
        known = known_films(windows_in_time(warehouse, 0.5, None).parts)
    mean = (24 + 6 + 5) / 10
    assert known.facts["film_popularity"].round(6).tolist() == [0.3, 0.75, 0.95]
    assert known.facts["film_mean"].tolist() == pytest.approx(
        [(24 + 10 * mean) / 16, (6 + 10 * mean) / 13, (5 + 10 * mean) / 11]
    )
    assert known.facts["film_new_until"].tolist() == [time + 365 * 86_400 for time in (first, later, first)]
    assert known.told_from == first + 365 * 86_400
    assert known.facts["film_year"].fillna(0).tolist() == [1999, 0, 1950]
    assert known.genres.to_dict("list") == {"Drama": [1, 0, 0], "War": [1, 0, 1]}


@pytest.mark.parametrize(("pause", "sittings"), [(29 * 60, 1), (31 * 60, 2)])
def test_a_pause_of_half_an_hour_ends_a_sitting(pause: int, sittings: int) -> None:
    times = [0.0, 60.0, 60.0 + pause, 120.0 + pause]
    found = _sums(["session_size"], {"userId": [1] * 4, "side": [0] * 4, "film_row": [0] * 4, "v0": times})
    assert found["session_size"] == [[np.log2(4 / sittings)]]


def test_shares_of_genres_are_compared_as_roots_with_half_a_rating_added() -> None:
    found = users.root_shares(np.array([[0.25, 0.0], [0.25, 1.0]], np.float32), np.array([4, 99], np.float32))
    np.testing.assert_allclose(found**2, [[1.5 / 5, 0.5 / 5], [25.25 / 100, 99.5 / 100]], rtol=1e-6)


def test_who_is_new_is_asked_of_the_current_window_and_of_the_last_part_before_it() -> None:
    """Users 1 to 3 in the reference, whose last part begins at 50; the first part of the current window ends at 90."""
    seen = [(1, 0, 10, 34), (2, 0, 10, 60), (3, 0, 55, 60), (3, 1, 80, 90), (4, 1, 80, 90), (5, 1, 90, 95)]
    again = [(1, 1, 81, 90), (2, 1, 81, 90), (6, 2, 85, 85)]  # user 1 was gone for more than 40, as much as before 50
    windows = Windows(Window(10, 75), Window(75, 100), (), recent=50, excluded=0, recent_end=90)
    columns = ["user_id", "side", "first_seen", "last_seen"]
    found = users._is_new(pd.DataFrame(seen + again, columns=columns), windows)
    np.testing.assert_array_equal(found, [np.nan, 0, 1, 0, 1, np.nan, 1, 0, np.nan])
