"""`--trends`: when something moved, told beside the verdict and without a say in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import drift.trends
from drift.features import declared_features
from scripts import monitor, run_checkpoint
from tests.drift.deliveries import movies, ratings


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One user a day from 2004-11-09 to 2005-10-04; from July on every rating is a star lower."""
    folder = tmp_path_factory.mktemp("moved")
    frame = ratings(users=330, each=25, seed=7)
    late = frame["timestamp"] >= int(pd.Timestamp("2005-07-01", tz="UTC").timestamp())
    frame["rating"] = frame["rating"].mask(late, (frame["rating"] - 1).clip(0.5))
    frame.drop(columns="source_line").to_csv(folder / "ratings.csv", index=False)
    movies().to_csv(folder / "movies.csv", index=False)
    return folder


def judged(folder: Path, output: Path, *options: str) -> dict[str, Any]:
    """What summary.json says of a run, less what differs from run to run."""
    options = ("--data", str(folder), "--output", str(output), "--since", "2005-04-01", "--quiet", *options)
    code = run_checkpoint.main(options)
    summary: dict[str, Any] = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    assert summary["exit_code"] == code
    assert ("trends" in summary["phases"]) == ("--trends" in options)
    return {name: summary[name] for name in ("verdict", "settings", "suites", "expectations")}


def page(output: Path) -> str:
    return sorted(output.glob("data_docs/runs/*/index.html"))[-1].read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_quarter_of_a_planted_shift_is_told_and_a_failure_takes_it_away_but_not_the_verdict(
    moved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = judged(moved, tmp_path / "out", "--trends", "quarter")
    table = pd.read_csv(tmp_path / "out" / "drift_trends.csv")
    assert len(table) == 3 * len(declared_features())
    assert list(table)[:3] == ["every", "window_start", "feature"]
    level = table[table["feature"] == "rating"].set_index("window_start")["status"]
    assert level.to_dict() == {"2005-04-01": "ok", "2005-07-01": "drifted", "2005-10-01": "undetermined"}
    assert "When did it move?" in page(tmp_path / "out")
    assert ": since 2005 Q3" in page(tmp_path / "out")
    capsys.readouterr()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no room\x1b[2J for windows.\nA trace")

    monkeypatch.setattr(drift.trends, "find_trends", fail)
    assert judged(moved, tmp_path / "out", "--trends", "year") == told
    error = capsys.readouterr().err
    assert (
        error
        == "--trends year: could not be made (no room\N{REPLACEMENT CHARACTER}[2J for windows); the verdict stands.\n"
    )
    assert not (tmp_path / "out" / "drift_trends.csv").exists()
    assert "When did it move?" not in page(tmp_path / "out")


@pytest.mark.slow
def test_a_reference_folder_is_what_each_month_is_compared_with(moved: Path, tmp_path: Path) -> None:
    judged(moved, tmp_path / "out", "--trends", "month", "--reference", str(moved))
    table = pd.read_csv(tmp_path / "out" / "drift_trends.csv")
    level = table[table["feature"] == "rating"].set_index("window_start")
    assert level.index.tolist() == [f"2005-{month:02d}-01" for month in range(4, 11)]
    assert set(level["reference_users"]) == {330}


def test_another_word_is_refused_and_the_monitor_takes_the_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_checkpoint.main(["--trends", "week"])
    assert ended.value.code == 2
    assert "--trends: invalid choice: 'week'" in capsys.readouterr().err
    assert run_checkpoint.parser().parse_args([]).trends is None
    assert monitor._parse(["--watch", "arrivals", "--trends", "month"])[1].trends == "month"
