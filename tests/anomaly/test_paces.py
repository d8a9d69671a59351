"""Pauses as even as a clock's, no sleep, and the catalogue from end to end: told of who does it, and of nobody else."""

from __future__ import annotations

import numpy as np

from anomaly.paces import paces
from anomaly.profiles import Profiles

HOUR = 3_600


def profiles_of(rows: list[tuple[int, int, float, int]]) -> Profiles:
    """Profiles of rows of user, film, rating and second, by user and time."""
    in_order = sorted(rows, key=lambda row: (row[0], row[3]))
    user, film, rating, time = (np.array(column) for column in zip(*in_order, strict=True))
    start = np.concatenate([[0], np.cumsum(np.bincount(user))])
    return Profiles(start, film.astype(np.int32), rating.astype(np.float32), time.astype(np.int64))


def measured(times: list[int], films: list[int] | None = None) -> dict[str, float]:
    """The numbers of a user who rates at these times, beside one who rates at random."""
    rng = np.random.default_rng(1)
    others = np.cumsum(rng.integers(1, 200, 40)).tolist()
    rows = [(0, film, 4.0, time) for film, time in zip(rng.permutation(40).tolist(), others, strict=True)]
    rows += [(1, film, 4.0, time) for film, time in zip(films or range(0, 900, 9), times, strict=False)]
    found = paces(profiles_of(rows), np.array([0.1, 1.0]))
    return {name: float(values[1]) for name, values in found.items()}


def at(gaps: list[int]) -> list[int]:
    return np.cumsum([0, *gaps]).tolist()


def test_pauses_within_a_second_of_a_common_one_are_even() -> None:
    assert measured(at([30, 31, 29, 30, 31, 29, 30, 90]))["even_gap_share"] == 7 / 8
    assert measured(at([29, 31, 29, 31]))["even_gap_share"] == 1, "about one that none of them is"
    assert measured(at([30, 32, 34, 36]))["even_gap_share"] == 1 / 2
    assert measured(at([3, 3, 3, 3]))["even_gap_share"] == 0, "as people click through a page"


def test_where_no_pause_is_common_its_share_is_as_it_is_known() -> None:
    rows = [(0, film, 4.0, time) for film, time in enumerate(at([30] * 9))]
    assert paces(profiles_of(rows), np.array([0.44]))["even_gap_share"].tolist() == [0.44]
    assert paces(profiles_of(rows), np.array([0.46]))["even_gap_share"].tolist() == [1.0]


def test_four_hours_without_a_rating_are_a_rest() -> None:
    awake = [3 * HOUR] * 10
    assert measured(at(awake))["awake_hours"] == 30
    assert measured(at([*awake[:4], 4 * HOUR, *awake[:5]]))["awake_hours"] == 15
    assert measured(at([*awake[:4], 4 * HOUR - 1, *awake[:5]]))["awake_hours"] > 30


def test_steps_up_the_catalogue_are_told_where_they_take_time() -> None:
    films = [0, 1, 4, 8, 7, 9]  # one, three, too far, back, two
    assert measured(at([9] * 5), films)["catalogue_order_share"] == 3 / 5
    assert measured(at([0] * 5), sorted(films))["catalogue_order_share"] == 0, "of one second, the order says nothing"


def test_one_rating_has_no_pace() -> None:
    assert measured([7]) == {"even_gap_share": 0, "awake_hours": 0, "catalogue_order_share": 0}
