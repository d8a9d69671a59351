from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drift.usual_rules import RULES
from scripts import evaluate_drift
from tests.drift.deliveries import movies, ratings


def test_a_folder_that_lacks_a_table_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_drift.main(["--data", str(tmp_path)]) == 2
    assert f"{tmp_path}: can't be analysed, as ratings.csv is not" in capsys.readouterr().err
    ratings(users=4, each=3).drop(columns="source_line").to_csv(tmp_path / "ratings.csv", index=False)
    assert evaluate_drift.main(["--data", str(tmp_path)]) == 2
    assert f"{tmp_path}: can't be analysed, as movies.csv is not" in capsys.readouterr().err


def test_a_small_evaluation_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    ratings(users=40, each=30).drop(columns="source_line").to_csv(data / "ratings.csv", index=False)
    movies().to_csv(data / "movies.csv", index=False)
    output = tmp_path / "output"
    options = ["--splits", "3", "--power-splits", "1", "--relabellings", "39", "--kinds", "scale"]
    assert evaluate_drift.main(["--data", str(data), "--output", str(output), *options]) == 0
    written = json.loads((output / "drift_evaluation.json").read_text(encoding="utf-8"))
    assert set(written["false_alarms"]["any_feature"]) == {"this report", *RULES}
    assert [(row["kind"], row["size"]) for row in written["power"]] == [("scale", 0.01), ("scale", 0.05)]
    assert (output / "drift_evaluation.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in output.iterdir()) == ["drift_evaluation.json", "drift_evaluation.png"]
    assert "Alarms where nothing moved, 3 random halves of 40 users" in capsys.readouterr().out


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_calls_a_gross_shift_and_not_equal_counts(rule: str) -> None:
    values = np.arange(1.0, 11.0)
    same, other = np.full(10, 500.0), np.arange(10.0) * 100
    assert not RULES[rule](same, same, values)
    assert RULES[rule](same, other, values)
