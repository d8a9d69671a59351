from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scripts.evaluation.delivery import Delivery
from scripts.evaluation.groups import DAY, _reported, _with_bomb, group_rows
from tests.anomaly.community import honest, movies

ATTACK_OF = pd.Series({7: "attack 1", 8: "attack 1", 9: "attack 2", 3: "attack 2"})


@pytest.mark.parametrize(
    ("members", "planted", "said"),
    [
        ({7, 8, 9}, {7, 8, 9}, {"users": 3, "together": 2, "found": True, "others": 1}),
        ({8, 9, 10, 11}, {7, 8, 9, 10, 11}, {"users": 4, "together": 1, "found": False, "others": 1}),
        ({10, 11}, {10, 11}, {"users": 2, "together": 0, "found": False, "others": 4}),
        (set(), set(), {"users": 0, "together": 0, "found": False, "others": 4}),
    ],
    ids=["most in one attack", "members of several attacks", "none of them", "nobody planted"],
)
def test_a_group_is_found_where_most_of_it_is_in_one_attack(
    members: set[int], planted: set[int], said: dict[str, Any]
) -> None:
    assert _reported(ATTACK_OF, members, planted) == said


def test_a_bomb_changes_what_its_users_gave_the_film_and_nothing_else() -> None:
    ratings = pd.DataFrame(
        {"userId": [1, 1, 2, 3], "movieId": [5, 6, 5, 6], "rating": 4.0, "timestamp": [10, 20, 30, 10**9]}
    )
    bombed = _with_bomb(ratings, 5, np.array([1, 3]), 0.5, np.random.default_rng(1))
    bomb = bombed[bombed["rating"] == 0.5]
    assert bomb["userId"].tolist() == [1, 3]
    assert set(bomb["movieId"]) == {5}
    assert np.ptp(bomb["timestamp"]) < DAY
    kept = bombed[bombed["rating"] != 0.5].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, ratings[1:].reset_index(drop=True))


@pytest.mark.slow
def test_groups_are_planted_one_by_one_and_looked_for_in_what_is_reported() -> None:
    options: Any = SimpleNamespace(seed=1, seeds=1, shares=[0.1])
    rows = list(group_rows(Delivery(honest(150), movies()), ["review-bomb", "constant"], options))
    users = {(row["group"], row["kind"]): row["users"] for row in rows}
    assert users == {
        ("campaign of 10 %", "review-bomb"): 15,
        ("crew of 8", "review-bomb"): 8,
        ("crew of 5", "review-bomb"): 5,
        **{(f"bomb by {n}", direction): n for direction in ("up", "down") for n in (10, 15, 30)},
        ("half, none planted", "none"): 0,
    }
    found = {(row["group"], row["kind"]): row["found"] for row in rows}
    assert found["campaign of 10 %", "review-bomb"]
    assert found["bomb by 15", "down"]
    assert not found["half, none planted", "none"]
    assert not any(row["others"] for row in rows)
