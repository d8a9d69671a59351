"""Scoring by a model of a sample: who is outside of it is judged much as where everybody is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly import at_scale
from anomaly.findings import find_anomalies
from anomaly.table import COLUMNS
from checks.loader import load
from checks.warehouse import Warehouse
from scripts.simulate_data import simulate


@dataclass
class Scalable:
    """A DuckDB warehouse that pretends to work over its users where they lie."""

    warehouse: Warehouse
    ratings: str = "ratings"
    groups: int = 0

    def sql(self, text: str) -> pd.DataFrame:
        return self.warehouse.sql(text.replace("from ratings", f"from {self.ratings}"))

    def push(self, table: str, frame: pd.DataFrame) -> None:
        self.warehouse.connection.register("pushed", frame)
        self.warehouse.sql(f"create or replace temporary table {table} as from pushed")
        self.warehouse.connection.unregister("pushed")

    def of_users(self, users: Collection[int]) -> Scalable:
        name = f"ratings_{abs(hash(tuple(users)))}"
        listed = ", ".join(map(str, users)) or "null"
        self.warehouse.sql(f"create or replace temporary view {name} as from ratings where userId in ({listed})")
        return Scalable(self.warehouse, name)

    def map_users(
        self, text: str, function: Callable[[pd.DataFrame], pd.DataFrame], columns: Mapping[str, str], groups: int
    ) -> pd.DataFrame:
        rows = self.sql(text)
        self.groups = groups
        found = pd.concat([function(part) for _, part in rows.groupby(rows["userId"] % groups)])
        assert list(found.columns) == list(columns)
        return found


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "many"
    simulate(folder, users=400, ratings=24_000, attacks=["random-push:15:40"], seed=5)
    return folder


def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_scale, "SAMPLE_USERS", 200)
    monkeypatch.setattr(at_scale, "SUSPECTS", 40)
    monkeypatch.setattr(at_scale, "GROUP_RATINGS", 4_000)


def test_every_user_has_a_row_and_attackers_outside_of_the_sample_rank_high(
    delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_at_a_time(monkeypatch)
    attackers = set(pd.read_csv(delivery / "labels" / "users.csv")["userId"])
    with load(delivery) as warehouse:
        found = find_anomalies(Scalable(warehouse))
        exact = find_anomalies(warehouse)
        assert find_anomalies(Scalable(warehouse)).equals(found), "the same again, whatever the machine does"
    assert tuple(found.columns) == COLUMNS
    assert found["userId"].tolist() == exact["userId"].tolist()
    assert found["source_line"].tolist() == exact["source_line"].tolist()
    assert found["score"].notna().tolist() == exact["score"].notna().tolist()
    ranks, exact_ranks = (
        np.median(table.loc[table["userId"].isin(attackers).to_numpy(), "rank"])
        for table in (one.assign(rank=one["score"].rank(pct=True)) for one in (found, exact))
    )
    assert ranks > max(0.8, exact_ranks - 0.05)
    assert found["score"].corr(exact["score"], method="spearman") > 0.77, "0.73 if films are known by the sample alone"


def test_evidence_on_films_counts_all_ratings(delivery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_at_a_time(monkeypatch)
    with load(delivery) as warehouse:
        found = find_anomalies(Scalable(warehouse))
        means = warehouse.sql("select movieId, avg(rating) as mean, count(*) as n from ratings group by movieId")
    said = pd.DataFrame([film for listed in found["movie_effects"] for film in json.loads(listed)])
    assert len(said) >= 5
    known = means.set_index("movieId").loc[said["movieId"]]
    np.testing.assert_allclose(said["mean"], known["mean"], atol=6e-4)
    np.testing.assert_array_equal(said["n_others"], known["n"] - 1)


def test_plain_rules_hold_for_everybody(delivery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_at_a_time(monkeypatch)
    monkeypatch.setattr(at_scale, "SUSPECTS", 1)  # the others are flagged without a closer look
    with load(delivery) as warehouse:
        victims = "select userId from ratings group by userId having count(*) > 20 order by userId limit 30"
        warehouse.sql(f"update ratings_loaded set v2 = 0.5 where v0 in ({victims})")  # rating, userId
        found = find_anomalies(Scalable(warehouse)).set_index("userId")
        users = warehouse.sql(victims)["userId"]
    assert found.loc[users, "status"].eq("flagged").all()
    assert found.loc[users, "rules_broken"].str.contains("all_lowest").all()
    assert found.loc[users, "evidence"].str.contains("lowest level").all()


@pytest.mark.parametrize("suspects", [1, 40])
def test_copies_are_found_among_all_users(
    delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suspects: int
) -> None:
    """Thirty copies of one profile, of whom half are in the sample at most, and the original perhaps not."""
    few_at_a_time(monkeypatch)
    monkeypatch.setattr(at_scale, "SUSPECTS", suspects)
    ratings = pd.read_csv(delivery / "ratings.csv")
    original = int(ratings.groupby("userId").size().between(40, 80).idxmax())
    profile = ratings[ratings["userId"] == original]
    bots = range(5_001, 5_031)
    copied = [profile.assign(userId=bot, timestamp=profile["timestamp"] + 86_400 * (bot - 5_000)) for bot in bots]
    folder = shutil.copytree(delivery, tmp_path / "copied")
    pd.concat([ratings, *copied]).to_csv(folder / "ratings.csv", index=False)
    with load(folder) as warehouse:
        found = find_anomalies(Scalable(warehouse)).set_index("userId")
    assert found.loc[bots, "status"].eq("flagged").all()
    assert found.loc[bots, "rules_broken"].str.contains("copied_profile").all()
    assert found.loc[bots, "most_like_user"].isin([original, *bots]).all()
    assert not found.loc[original, "is_anomaly"]
    assert found.drop(bots)["rules_broken"].str.contains("copied_profile").sum() == 0


def test_an_error_rate_is_refused(delivery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_at_a_time(monkeypatch)
    with load(delivery) as warehouse, pytest.raises(ValueError, match="too many to flag against trusted ones"):
        find_anomalies(Scalable(warehouse), trusted_users=[1, 2, 3])
