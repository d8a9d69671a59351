"""Which numbers are told of a user, and which films."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from anomaly.evidence import Witness
from anomaly.findings import movie_effects
from anomaly.profiles import Films
from anomaly.scoring import Scores
from tests.anomaly.test_groups import profiles_of

NAMES = ("mean", "spread", "share_top", "share_bottom", "levels_used", "half_star_share")


def told(deviations: list[float], contributions: list[float]) -> list[object]:
    """The features told of a user, of those of `NAMES` and one that has no wording."""
    features = {name: np.zeros(9) for name in (*NAMES, "rdma")}
    row = [np.tile([*numbers, 30.0], (9, 1)) for numbers in (deviations, contributions)]
    witness = Witness(features, Scores(np.zeros(9), np.zeros(9), row[1], row[0]), np.full(9, 20))
    return [item["feature"] for item in witness.telling(0)]


def test_what_is_within_two_deviations_of_users_of_the_same_size_is_no_evidence() -> None:
    assert told([1.9, 2.1, -1.9, -2.1, 0.0, 0.0], [9.0] * 6) == ["spread", "share_bottom"]


def test_the_four_weightiest_are_told_in_their_order() -> None:
    assert told([3.0] * 6, [1.0, 6.0, 2.0, 5.0, 3.0, 4.0]) == [
        "spread", "share_bottom", "half_star_share", "levels_used",
    ]  # fmt: skip
    assert told([3.0, 9.0, 4.0, 0.0, 0.0, 0.0], [-1.0] * 6) == ["spread", "share_top", "mean"]


def test_the_films_that_a_user_moves_most_come_first_and_those_of_few_others_last() -> None:
    """Films 1 to 3 have four others of 3.0; film 4 has two, which says nothing, and film 5 none."""
    others = [(user, film, 3.0, user) for user in range(1, 5) for film in (1, 2, 3)]
    others += [(user, 4, 3.0, user) for user in (1, 2)]
    mine = [(0, 1, 3.5, 10), (0, 2, 5.0, 11), (0, 3, 1.5, 12), (0, 4, 0.5, 13), (0, 5, 0.5, 14)]
    profiles = profiles_of(others + mine)
    films = Films.of(np.arange(100, 106), np.zeros(6, np.int64), np.full(6, np.nan), profiles)
    found = movie_effects(SimpleNamespace(place=SimpleNamespace(films=films), profiles=profiles), 0)
    assert [film["movieId"] for film in found] == [102, 103, 101, 104, 105]
    assert found[0] == {"movieId": 102, "mean": 3.4, "mean_without": 3.0, "n_others": 4}
    assert (found[4]["mean_without"], found[4]["n_others"]) == (None, 0)
