"""What is counted of strangers, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.evaluate_anomaly import main
from scripts.evaluation import strangers_judged
from scripts.evaluation.delivery import Delivery
from scripts.evaluation.strangers_judged import by_kind, decided, judged, overall
from tests.anomaly.community import honest, movies
from tests.scripts.test_evaluate_anomaly import delivery

NAN = float("nan")


def findings() -> pd.DataFrame:
    """Four strangers (7 to 10), of whom one is not judged, and four others, of whom one is flagged."""
    return pd.DataFrame(
        [
            (1, 0.9, "flagged", "attack-1"),
            (2, 0.3, "review", "attack-1"),
            (3, 0.2, "review", "attack-2"),
            (4, 0.1, "ok", None),
            (7, 1.0, "flagged", "attack-1"),
            (8, 0.8, "review", "attack-2"),
            (9, 0.7, "ok", None),
            (10, NAN, "undetermined", None),
        ],
        columns=["userId", "score", "status", "attack_group"],
    ).assign(is_anomaly=lambda table: table["status"] == "flagged")


def test_accounts_are_counted_by_what_is_said_of_them_and_others_by_what_they_suffer() -> None:
    assert judged(findings(), frozenset({7, 8, 9, 10})) == {
        "accounts": 4,
        "auc": 0.6562,  # 7 is above all four, 8 and 9 above three of them; 10 comes last, beside user 4
        "average_precision": 0.7292,  # 1/4 (1 + 2/3 + 3/4) + 1/4 (4/8): 10 and user 4 tie
        "flagged": 0.25,
        "others_flagged": 1,
        "listed": 0.5,
        "in_attack": 0.5,
        "others_in_attacks": 3,
        "false_discovery_proportion": 0.5,
    }


def rows() -> pd.DataFrame:
    """Three kinds, one of them honest, of two deliveries each, with and without trusted users."""
    names = ["kind", "bad", "seed", "trusted", "flagged", "false_discovery_proportion", "others_in_attacks"]
    table = pd.DataFrame(
        [
            ("bot", True, 1, 0.0, 1.0, 0.25, 2),
            ("bot", True, 1, 0.5, 0.4, 0.1, 0),
            ("bot", True, 2, 0.0, 0.5, 0.4, 1),
            ("bot", True, 2, 0.5, 0.2, 0.3, 0),
            ("ghost", True, 1, 0.0, 0.0, 1.0, 0),
            ("ghost", True, 1, 0.5, 0.0, 0.0, 0),
            ("ghost", True, 2, 0.0, 0.1, 1.0, 0),
            ("ghost", True, 2, 0.5, 0.2, 0.0, 0),
            ("fan", False, 1, 0.0, 0.0, 1.0, 0),
            ("fan", False, 1, 0.5, 1.0, 1.0, 0),
        ],
        columns=names,
    )
    return table.assign(auc=0.9, average_precision=0.5, listed=table["flagged"], in_attack=0.2)


def test_deliveries_are_counted_in_which_most_or_nobody_is_flagged() -> None:
    table = rows()
    found = overall(table[table["bad"] & (table["trusted"] == 0)]).to_dict()
    assert found == {
        "auc": 0.9,
        "average_precision": 0.5,
        "flagged": 0.4,
        "listed": 0.4,
        "in_attack": 0.2,
        "deliveries": 4,
        "more_than_half_flagged": 1,  # half is not more than half
        "nobody_flagged": 1,
        "others_in_attacks": 3,
    }


def test_a_kind_is_told_by_its_means_and_what_trusted_users_change() -> None:
    table = by_kind(rows())
    assert table.index.tolist() == ["bot", "ghost", "fan"]
    assert table["flagged"].tolist() == [0.75, 0.05, 0.0]
    assert table["flagged_trusting"].tolist() == pytest.approx([0.3, 0.1, 1.0])
    assert table["others_in_attacks"].tolist() == [1.5, 0.0, 0.0]


def test_with_trusted_users_means_come_with_standard_errors() -> None:
    table = rows()
    found = decided(table[table["bad"] & (table["trusted"] == 0.5)])
    assert found["false_discovery_proportion"].tolist() == pytest.approx([0.1, 0.0707107])
    assert found["power"].tolist() == pytest.approx([0.2, 0.0816497])


def test_half_of_those_who_hold_their_own_accounts_are_trusted() -> None:
    data, stolen = Delivery(honest(100), movies()), frozenset(range(1, 11))
    trusted = strangers_judged._trusted(data, stolen, [1, 7])
    assert len(trusted) == 45
    assert trusted <= set(range(11, 101))
    assert trusted == strangers_judged._trusted(data, stolen, [1, 7])
    assert trusted != strangers_judged._trusted(data, stolen, [2, 7])


def test_each_kind_is_judged_as_a_delivery_of_its_own_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, Any]] = []

    def find(warehouse: Any, **settings: Any) -> pd.DataFrame:
        users = warehouse.sql('select distinct "userId" from ratings order by 1')["userId"]
        asked.append(settings | {"users": set(users)})
        strange = users > 100
        table = pd.DataFrame({"userId": users, "score": strange * 1.0, "is_anomaly": strange, "attack_group": None})
        return table.assign(status=strange.map({True: "flagged", False: "ok"}))

    monkeypatch.setattr("anomaly.findings.find_anomalies", find)
    data, output = delivery(tmp_path / "data", 100), tmp_path / "out"
    chosen = ["--by-another", "--kinds", "crawler", "couples", "--seeds", "2", "--rate", "0.2"]
    assert main(["--data", str(data), "--output", str(output), *chosen]) == 0
    written = pd.read_csv(output / "anomaly_by_another.csv")
    assert written[["kind", "bad", "seed", "trusted"]].to_numpy().tolist() == [
        [kind, bad, seed, trusted]
        for kind, bad in (("crawler", True), ("couples", False))
        for seed in (1, 2)
        for trusted in (0.0, 0.5)
    ]
    assert (written["accounts"] == 15).all()
    assert (written[["auc", "flagged"]] == 1.0).all().all()
    assert all(each["users"] == set(range(1, 116)) for each in asked)
    assert ["trusted_users" in each for each in asked] == [False, True] * 4
    assert {each.get("false_discovery_rate") for each in asked} == {None, 0.2}
    assert len({frozenset(each["trusted_users"]) for each in asked if "trusted_users" in each}) == 4
    printed = capsys.readouterr().out
    assert "nominal rate 20 %" in printed
    assert printed.index("crawler") < printed.index("Honest but odd users") < printed.index("couples")
    assert printed.endswith("anomaly_by_another.csv written\n")
    assert [path.name for path in output.iterdir()] == ["anomaly_by_another.csv"]


@pytest.mark.slow
def test_the_detector_itself_answers(tmp_path: Path) -> None:
    data, output = delivery(tmp_path / "data", 150), tmp_path / "out"
    assert main(["--data", str(data), "--output", str(output), "--by-another", "--kinds", "clockwork"]) == 0
    untrusting, trusting = pd.read_csv(output / "anomaly_by_another.csv").to_dict("records")
    assert untrusting["flagged"] == 1.0
    assert trusting["auc"] > 0.9


def test_what_cannot_be_asked_of_it_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = delivery(tmp_path / "data", 100)
    assert main(["--data", str(data), "--output", str(tmp_path), "--by-another", "--kinds", "oracle"]) == 2
    assert "--kinds: unknown oracle; with --by-another known are random_push, " in capsys.readouterr().err
    for other in (["--every", "year"], ["--groups"], ["--held-out"]):
        with pytest.raises(SystemExit, match="2"):
            main(["--by-another", *other])
        assert "--by-another goes with none of --every, --groups and --held-out" in capsys.readouterr().err
