from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.evaluate_anomaly import main
from tests.anomaly.community import honest, movies


def delivery(folder: Path, n_users: int) -> Path:
    folder.mkdir()
    honest(n_users).to_csv(folder / "ratings.csv", index=False)
    movies().to_csv(folder / "movies.csv", index=False)
    return folder


@pytest.mark.slow
def test_detectors_stand_side_by_side_in_json_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, output = delivery(tmp_path / "data", 120), tmp_path / "out"
    asked = ["--kinds", "constant", "--mixtures", "1", "--held-out", "--every", "year"]
    assert main(["--data", str(data), "--output", str(output), *asked]) == 0
    report = json.loads((output / "anomaly_evaluation.json").read_text())
    auc = {row["detector"]: row["auc"] for row in report["ranking"]}
    assert set(auc) == {
        "two-channel",
        "catalogue alone",
        "novelty alone",
        "isolation-forest",
        "two-channel, family held out",
    }
    assert auc["two-channel"] > 0.95
    assert (
        {row["share"] for row in report["mixture"]} == {row["share"] for row in report["ranking"]} == {0.01, 0.03, 0.05}
    )
    found = sum(user["found"] for user in report["mixture_users"])
    assert found == pytest.approx(sum(row["power"] * row["planted"] for row in report["mixture"]))
    assert all(0 <= row["false_discovery_proportion"] <= 1 for row in report["mixture"])
    assert report["rules"]["caught"]["constant"] == 1.0
    assert {row["share"] for row in report["in_time"]} == {0.0, 0.01, 0.03, 0.05}
    assert all((row["planted"] > 0) == (row["accounts"] != "none") for row in report["in_time"])
    assert {row["accounts"] for row in report["in_time"] if row["share"]} <= {"new", "taken over"}
    assert all(row["found"] <= row["planted"] and row["users"] >= 20 for row in report["in_time"])
    assert (output / "anomaly_evaluation.svg").read_text().startswith("<svg")
    printed = capsys.readouterr().out
    for title in ("Mean over kinds", "by profile size", "power by kind", "power by size", "against all before it"):
        assert title in printed
    assert not list(output.glob(".*"))


def test_what_cannot_be_evaluated_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = delivery(tmp_path / "few", 30)
    assert main(["--data", str(few), "--output", str(tmp_path)]) == 2
    assert "has fewer than 100 users" in capsys.readouterr().err
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert main(["--data", str(few), "--kinds", "oracle"]) == 2
    assert "--kinds: unknown oracle" in capsys.readouterr().err
    (few / "movies.csv").unlink()
    assert main(["--data", str(few)]) == 2
    assert f"{few}: can't be analysed, as movies.csv is not" in capsys.readouterr().err
