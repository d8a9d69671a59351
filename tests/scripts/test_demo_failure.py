"""The demonstration breaks what it says it breaks, and fails where the gate lets a fault pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checks.engine.suites import ProjectError
from checks.gate.terms import Status
from checks.gate.verdict import Verdict
from scripts import demo_failure, run_checkpoint
from tests import deliveries, verdicts

PASSED = Verdict((verdicts.outcome(status=Status.PASSED, rows=()),))
FAILED = Verdict((verdicts.outcome(),))
UNDETERMINED = Verdict((verdicts.outcome(status=Status.UNDETERMINED, cause="no table", rows=()),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return deliveries.write(tmp_path / "data", deliveries.whole())


def gate_says(monkeypatch, *answers: Verdict) -> list[dict[str, list[str]]]:
    """Put answers in place of the job's; gives the deliveries that it was asked to judge."""
    left, seen = list(answers), []

    def judge_delivery(_settings, broken: Path, *_: object):
        seen.append({file.stem: file.read_text().splitlines() for file in broken.glob("*.csv")})
        return None, left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(run_checkpoint, "judge_delivery", judge_delivery)
    return seen


@pytest.mark.parametrize(
    ("answers", "exit_code", "last"),
    [
        ((PASSED, FAILED), 0, "The gate caught 8 of 8 faults."),
        ((PASSED, UNDETERMINED), 0, "The gate caught 8 of 8 faults."),
        ((PASSED, FAILED, PASSED, FAILED), 1, "The gate caught 7 of 8 faults."),
        ((PASSED,), 1, "The gate caught 0 of 8 faults."),
    ],
)
def test_it_fails_where_the_gate_lets_a_fault_pass(folder, monkeypatch, capsys, answers, exit_code, last):
    gate_says(monkeypatch, *answers)
    assert demo_failure.main(["--data", str(folder)]) == exit_code
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == last
    assert printed.count("LET PASS") == 8 - int(last.split()[3])


def test_each_run_is_of_a_folder_named_by_its_fault(folder, monkeypatch):
    """Nine runs over one folder are told apart by nothing in the report's list."""
    judged: list[Path] = []

    def judge_delivery(_settings, broken: Path, *_: object):
        judged.append(broken)
        return None, PASSED if len(judged) == 1 else FAILED

    monkeypatch.setattr(run_checkpoint, "judge_delivery", judge_delivery)
    demo_failure.main(["--data", str(folder)])
    assert [one.name for one in judged[:3]] == ["unbroken", "a lost file", "a rated film that is missing from movies"]
    assert len(set(judged)) == 9
    assert not any(one.exists() for one in judged)


def test_it_shows_nothing_on_data_that_fail_as_they_are(folder, monkeypatch, capsys):
    gate_says(monkeypatch, FAILED)
    assert demo_failure.main(["--data", str(folder)]) == 2
    assert "give clean data" in capsys.readouterr().err


def test_a_suite_that_cannot_be_read_is_no_fault_that_was_let_pass(folder, monkeypatch, capsys):
    def judge_delivery(*_: object):
        raise ProjectError("gx/expectations/ratings.json:3: is no valid JSON; mend that line.")

    monkeypatch.setattr(run_checkpoint, "judge_delivery", judge_delivery)
    assert demo_failure.main(["--data", str(folder)]) == 2
    assert capsys.readouterr().err == "gx/expectations/ratings.json:3: is no valid JSON; mend that line.\n"


def test_a_folder_without_csv_files_is_one_sentence(tmp_path, capsys):
    assert demo_failure.main(["--data", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err == f"{tmp_path}: holds no ratings.csv and no movies.csv; give a folder of CSV files.\n"
    )


def test_each_fault_breaks_the_copy_in_one_way_and_never_the_delivery(folder, monkeypatch):
    seen = gate_says(monkeypatch, PASSED, FAILED)
    demo_failure.main(["--data", str(folder)])
    clean = deliveries.whole()
    assert {file.stem: file.read_text().splitlines() for file in folder.glob("*.csv")} == clean
    assert seen[0] == clean
    changed = [sorted(name for name in clean if broken.get(name) != clean[name]) for broken in seen[1:]]
    assert changed == [["ratings"], ["movies"]] + [["ratings"]] * 6
    by_fault = [broken.get("ratings") for broken in seen[1:]]
    assert by_fault[0] is None
    (taken_out,) = set(clean["movies"]) - set(seen[2]["movies"])
    assert taken_out.split(",")[0] in {line.split(",")[1] for line in clean["ratings"]}
    assert by_fault[2][0] == "userId,movieId,stars,timestamp"
    assert by_fault[3][1] == clean["ratings"][1] + "000"
    assert by_fault[4][5] == by_fault[4][6] == clean["ratings"][5]
    assert by_fault[7][2] == clean["ratings"][2].replace(f",{clean['ratings'][2].split(',')[2]},", ",7.5,")


def test_it_alerts_nobody(folder, monkeypatch):
    monkeypatch.setenv("MOVIELENS_ALERTS", "json://example.invalid/")
    found = []

    def judge_delivery(*_: object):
        found.append(os.environ.get("MOVIELENS_ALERTS"))
        return None, FAILED

    monkeypatch.setattr(run_checkpoint, "judge_delivery", judge_delivery)
    demo_failure.main(["--data", str(folder)])
    assert found == [None]
    assert os.environ["MOVIELENS_ALERTS"] == "json://example.invalid/"


@pytest.mark.slow
def test_the_gate_catches_every_fault(folder, capsys):
    assert demo_failure.main(["--data", str(folder)]) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert "ratings.csv:3" in printed
    assert "ratings.csv is not in" in printed
