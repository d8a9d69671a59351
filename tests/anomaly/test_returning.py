"""Users whom the reference knows are judged by all of their ratings, unless their ids are other people's there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly.profiles import Profiles, of_rows
from anomaly.returning import NewRatings, Reunited, reunite

FILMS = np.arange(1, 200)
Rating = tuple[int, int, float, int]  # userId, movieId, stars, seconds


def profiles(rows: list[Rating]) -> tuple[np.ndarray, Profiles]:
    return of_rows(pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"]), FILMS)


def reunited(batch: list[Rating], known: list[Rating]) -> Reunited:
    (ids, now), (known_ids, before) = profiles(batch), profiles(known)
    return reunite(now, before, ids, known_ids, 2)


def rated(profiles: Profiles, user: int) -> list[tuple[int, float, int]]:
    """Film, stars and seconds of each rating of the user in this place."""
    rows = profiles.rows(user)
    columns = (FILMS[profiles.film[rows]], profiles.rating[rows], profiles.timestamp[rows])
    return list(zip(*(column.tolist() for column in columns), strict=True))


EARLIER: list[Rating] = [(5, film, 3.0, film) for film in (1, 2, 3, 4)]
STRANGER: list[Rating] = [(8, film, 4.0, film) for film in (1, 2, 3)]


def test_who_comes_back_has_the_earlier_ratings_too() -> None:
    both = reunited([(4, 9, 2.0, 50), (5, 10, 4.5, 60), (5, 11, 5.0, 55)], EARLIER + STRANGER)
    assert rated(both.batch, 0) == [(9, 2.0, 50)]
    assert rated(both.batch, 1) == [*[(film, 3.0, film) for film in (1, 2, 3, 4)], (11, 5.0, 55), (10, 4.5, 60)]
    assert both.known.n_users == 1  # whoever came back is there once
    assert rated(both.known, 0) == [(1, 4.0, 1), (2, 4.0, 2), (3, 4.0, 3)]
    assert both.trusted.tolist() == [False, False]


def test_a_film_that_is_rated_again_counts_by_its_last_rating() -> None:
    both = reunited([(5, 2, 5.0, 70), (5, 10, 4.0, 71)], EARLIER)
    assert rated(both.batch, 0) == [(1, 3.0, 1), (3, 3.0, 3), (4, 3.0, 4), (2, 5.0, 70), (10, 4.0, 71)]
    assert both.known.n_users == 0


def test_whose_ratings_are_those_of_the_reference_is_trusted() -> None:
    both = reunited([*EARLIER, (6, 1, 3.0, 1)], EARLIER + STRANGER)
    assert both.trusted.tolist() == [True, False]
    assert rated(both.batch, 0) == [(film, 3.0, film) for film in (1, 2, 3, 4)]
    assert both.known.n_users == 1


@pytest.mark.parametrize("change", [(5, 4, 3.5, 4), (5, 4, 3.0, 5)], ids=["another level", "another time"])
def test_a_changed_rating_is_not_trusted(change: Rating) -> None:
    assert not reunited([*EARLIER[:3], change], EARLIER).trusted.any()


def test_who_was_delivered_whole_is_judged_by_what_was_delivered() -> None:
    both = reunited([*EARLIER[:2], (5, 10, 4.0, 80)], EARLIER)
    assert rated(both.batch, 0) == [(1, 3.0, 1), (2, 3.0, 2), (10, 4.0, 80)]
    assert (both.known.n_users, both.trusted.any()) == (0, False)


def test_namesakes_who_rate_the_same_films_otherwise_are_other_people() -> None:
    known = [(user, film, 3.0, film) for user in range(1, 21) for film in range(1, 41)]
    batch = [(user, film, 4.0, 1000 + film) for user in range(1, 21) for film in range(31, 51)]
    both = reunited(batch, known)
    assert both.known.n_users == both.batch.n_users == 20
    assert both.batch.size.tolist() == [20] * 20


def test_one_user_of_many_second_thoughts_makes_nobody_a_stranger() -> None:
    known = [(user, film, 3.0, film) for user in range(1, 21) for film in range(1, 61)]
    batch = [(user, film, 4.0, 1000 + film) for user in range(2, 21) for film in range(61, 67)]
    batch += [(1, film, 4.0, 1000 + film) for film in range(35, 61)]
    both = reunited(batch, known)
    assert both.known.n_users == 0
    assert both.batch.size.tolist() == [60] + [66] * 19


@pytest.mark.parametrize(("otherwise", "others"), [(9, 0), (11, 20)])
def test_ids_are_other_peoples_where_half_as_many_differ_as_of_strangers_would(otherwise: int, others: int) -> None:
    """Of twenty strangers nearly all would share one film; so many rated one film otherwise, and none of them alike."""
    known = [(user, film, 3.0, film) for user in range(1, 21) for film in range(1, 41) if (film + user) % 2 == 0]
    batch = [(user, film, 4.0, 900 + film) for user in range(1, 21) for film in range(1, 21) if (film + user) % 2]
    batch += [(user, 40 - user % 2, 4.0, 990) for user in range(1, otherwise + 1)]
    assert reunited(batch, known).known.n_users == others


def of_users(new: NewRatings) -> dict[int, list[tuple[int, float, int]]]:
    return {user: rated(new.profiles, place) for place, user in enumerate(new.user.tolist())}


def test_what_is_new_is_kept_apart() -> None:
    batch: list[Rating] = [(4, 9, 2.0, 50), (5, 2, 5.0, 70), (5, 10, 4.0, 71), *[(8, *rest) for _, *rest in STRANGER]]
    assert of_users(reunited(batch, EARLIER + STRANGER).new) == {1: [(2, 5.0, 70), (10, 4.0, 71)]}


def test_what_is_new_of_whom_is_delivered_whole_is_what_the_reference_lacks() -> None:
    assert of_users(reunited([*EARLIER, (5, 10, 4.0, 80)], EARLIER).new) == {0: [(10, 4.0, 80)]}


def test_nothing_of_a_namesake_is_new() -> None:
    known = [(user, film, 3.0, film) for user in range(1, 21) for film in range(1, 41)]
    batch = [(user, film, 4.0, 1000 + film) for user in range(1, 21) for film in range(31, 51)]
    assert of_users(reunited(batch, known).new) == {}


def test_who_was_delivered_whole_but_in_too_few_ratings_has_the_earlier_ones_too() -> None:
    both = reunited([(5, 1, 3.0, 1)], EARLIER[:2])
    assert rated(both.batch, 0) == [(1, 3.0, 1), (2, 3.0, 2)]


@pytest.mark.parametrize(
    ("delivered", "trusted"),
    [
        ([(5, 1, 3.0, 1), (5, 1, 4.0, 2), (5, 2, 3.0, 3)], True),
        ([(5, 1, 3.0, 1), (5, 1, 3.0, 1), (5, 2, 3.0, 3)], False),
    ],
)
def test_a_film_rated_twice_is_compared_row_by_row(delivered: list[Rating], trusted: bool) -> None:
    known = [(5, 1, 3.0, 1), (5, 1, 4.0, 2), (5, 2, 3.0, 3)]
    assert reunited(delivered, known).trusted.tolist() == [trusted]


def test_nobody_in_common_changes_nothing() -> None:
    both = reunited(STRANGER, EARLIER)
    assert (rated(both.batch, 0), rated(both.known, 0)) == (
        [(film, 4.0, film) for film in (1, 2, 3)],
        [(film, 3.0, film) for film in (1, 2, 3, 4)],
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_rating_is_kept_once(seed: int) -> None:
    """Whatever is delivered of users, in any order, is what they rated in all."""
    rng = np.random.default_rng(seed)
    rows: list[Rating] = [
        (user, int(film), float(rng.integers(1, 11)) / 2, int(rng.integers(0, 10_000)))
        for user in range(1, 15)
        for film in rng.choice(FILMS, size=int(rng.integers(4, 30)), replace=False)
    ]
    late = rng.random(len(rows)) < 0.3
    now, before = ([row for row, is_late in zip(rows, late, strict=True) if is_late == side] for side in (True, False))
    both, (_, whole) = reunited(now, before), profiles(rows)
    assert len(both.batch.film) + len(both.known.film) == len(rows)
    delivered = sorted({row[0] for row in now})
    for place, user in enumerate(delivered):
        assert rated(both.batch, place) == rated(whole, sorted({row[0] for row in rows}).index(user))
