from __future__ import annotations

import pandas as pd
import pytest

from anomaly.attack_kinds import KINDS
from anomaly.attacks import TIMINGS, plant
from tests.anomaly.community import honest, movies

RATINGS, MOVIES = honest(30), movies()


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_is_new_users_on_known_films_each_once(kind: str) -> None:
    attack, labels = plant(RATINGS, MOVIES, kind, 5, (20, 60), seed=4)
    assert sorted(attack["userId"].unique()) == labels["userId"].tolist() == [31, 32, 33, 34, 35]
    assert not attack.duplicated(["userId", "movieId"]).any()
    assert set(attack["movieId"]) <= set(RATINGS["movieId"])
    assert attack["rating"].isin([level / 2 for level in range(1, 11)]).all()
    assert (attack["timestamp"] >= RATINGS["timestamp"].min()).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_repeats_an_attack_and_another_does_not(kind: str) -> None:
    first, _ = plant(RATINGS, MOVIES, kind, 3, seed=1)
    pd.testing.assert_frame_equal(first, plant(RATINGS, MOVIES, kind, 3, seed=1)[0])
    assert not first.equals(plant(RATINGS, MOVIES, kind, 3, seed=2)[0])


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.targeted])
def test_every_user_of_a_campaign_rates_its_targets_towards_the_end_aimed_at(kind: str) -> None:
    attack, labels = plant(RATINGS, MOVIES, kind, 4, (30, 60), seed=6)
    target = labels["targets"].iloc[0][0]
    levels = attack.loc[attack["movieId"] == target, "rating"]
    assert len(levels) == 4
    assert ((levels >= 4.0) if labels["push"].iloc[0] else (levels <= 2.0)).all()


@pytest.mark.parametrize("timing", TIMINGS)
def test_a_timing_can_be_asked_for(timing: str) -> None:
    attack, _ = plant(RATINGS, MOVIES, "average-push", 1, 50, seed=3, timing=timing)
    gaps = attack["timestamp"].diff().dropna()
    assert (gaps >= 0).all()
    if timing == "machine":
        assert gaps.max() - gaps.min() <= 1
    if timing == "burst":
        assert gaps.median() <= 1


def test_wrong_names_say_what_is_known() -> None:
    with pytest.raises(ValueError, match="kind must be one of random-push"):
        plant(RATINGS, MOVIES, "nonsense", 1)
    with pytest.raises(ValueError, match="n_users must be 1 or more"):
        plant(RATINGS, MOVIES, "probe", 0)
    with pytest.raises(ValueError, match="at least one user"):
        plant(RATINGS.iloc[:0].assign(userId=0), MOVIES, "probe", 1, first_user_id=1)
