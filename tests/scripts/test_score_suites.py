"""The score of the suites: every critical fault is caught as meant, and a weakened suite is found out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scripts import score_suites
from scripts.mutation.delivery import Clean, Delivery
from scripts.mutation.faults import CRITICAL, EASTERN, catalogue
from scripts.mutation.planting import DAY
from scripts.mutation.score import Scorer
from tests import deliveries
from tests.conftest import ROOT


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return deliveries.write(tmp_path / "data", deliveries.clean())


def score(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    exit_code = score_suites.main([*arguments, "--json"])
    return exit_code, json.loads(capsys.readouterr().out)


def test_catalogue_has_forty_faults_of_every_family_each_with_its_answer() -> None:
    faults = [fault for fault in catalogue() if not fault.harmless]
    assert len({(fault.family, fault.name) for fault in faults}) == len(faults) >= 40
    assert all((fault.meant is None) == (fault.severity is None) == bool(fault.why_not) for fault in faults)


def test_the_pages_give_the_catalogue_s_figures() -> None:
    faults = [fault for fault in catalogue() if not fault.harmless]
    planted, harmless = len(faults), len(catalogue()) - len(faults)
    unseen, critical = (sum(fault.severity == kind for fault in faults) for kind in (None, CRITICAL))
    readme, suites = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "gx/README.md"))
    caught = f"{planted - unseen} of {planted} planted faults"
    assert f"| {caught}, each by the expectation meant for it, and {critical} of {critical} critical ones;" in readme
    assert f"; the other {unseen} no rule over one delivery can see |" in readme
    assert f"meant for it: {planted - unseen}; by another alone: 0; slipped: 0; that no rule over" in suites
    assert f"one delivery can see: {unseen}.\nCritical faults: {critical} of {critical} caught as critical.\n" in suites
    assert f"Harmless changes: {harmless} of {harmless} raised nothing.\n" in suites
    assert f"Mutation score: {planted - unseen} of {planted}.\n" in suites


@pytest.mark.slow
def test_planting_is_the_same_every_time_and_leaves_the_clean_data_alone(movielens_small: Path) -> None:
    clean = Clean.read(movielens_small)
    before = {name: frame.copy() for name, frame in clean.tables.items()}
    for fault in (fault for fault in catalogue() if fault.family in ("nulls", "swapped columns", "id reuse")):
        first, second = Delivery(clean), Delivery(clean)
        fault.plant(first)
        fault.plant(second)
        for table in first.touched:
            assert first.text(table) == second.text(table)
            assert first.text(table) != Delivery(clean).text(table)
    assert all(before[name].equals(frame) for name, frame in clean.tables.items())


@pytest.mark.slow
def test_family_of_faults_is_caught_by_the_expectations_meant_for_it(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, found = score(capsys, "--data", str(sound), "--family", "nulls")
    assert exit_code == 0
    assert {one["answer"] for one in found["faults"]} == {"caught"}
    assert found["clean"]["verdict"] == "pass"


@pytest.mark.slow
def test_suite_without_its_rule_lets_the_fault_slip(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = shutil.copytree(ROOT / "gx", tmp_path / "gx", ignore=shutil.ignore_patterns("uncommitted"))
    path = project / "expectations" / "ratings.json"
    suite = json.loads(path.read_text())
    suite["expectations"] = [one for one in suite["expectations"] if "half-star scale" not in one["description"]]
    path.write_text(json.dumps(suite))
    exit_code, found = score(capsys, "--data", str(sound), "--gx", str(project), "--family", "ranges")
    slipped = [one["name"] for one in found["faults"] if one["answer"] == "slipped"]
    assert exit_code == 1
    assert "one rating of 5.5" in slipped
    assert "negative user id" not in slipped


ORDERED = """select min(source_line) as source_line from (
    select source_line, userId < lag(userId) over (order by source_line) as falls from {batch})
    where falls having count(*) > 0"""


@pytest.mark.slow
@pytest.mark.parametrize(("severity", "holds"), [("critical", False), ("warning", True)])
def test_suite_that_cries_at_a_harmless_change_does_not_hold(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], severity: str, holds: bool
) -> None:
    """That rows come in order is no fault of the data; as a mere warning it stops nobody."""
    project = shutil.copytree(ROOT / "gx", tmp_path / "gx", ignore=shutil.ignore_patterns("uncommitted"))
    path = project / "expectations" / "ratings.json"
    suite = json.loads(path.read_text())
    over_strict = {"type": "expect_query_to_return_no_rows", "kwargs": {"unexpected_rows_query": ORDERED}}
    about = {"severity": severity, "description": "Ratings come in order.", "notes": ["", ""], "meta": {}}
    suite["expectations"].append(over_strict | about)
    path.write_text(json.dumps(suite))
    exit_code, found = score(capsys, "--data", str(sound), "--gx", str(project), "--family", "harmless")
    alarms = {one["name"]: one["caught_by"] for one in found["faults"] if one["answer"] == "false alarm"}
    assert [(one["sentence"], one["severity"]) for caught in alarms.values() for one in caught] == [
        ("Ratings come in order.", severity)
    ]
    assert found["clean"]["verdict"] == "pass"
    assert (exit_code, found["holds"]) == (1 - holds, holds)


def test_mistakes_are_answered_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score_suites.main(["--data", str(tmp_path)]) == 2
    assert "ratings.csv: is not there" in capsys.readouterr().err
    assert score_suites.main(["--family", "spelling"]) == 2
    assert "choose one of" in capsys.readouterr().err


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_times_that_moved_by_hours_are_stale_at_no_hour_of_the_day(
    sound: Path, hour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = Clean.read(sound)
    age = 1_000 * DAY + hour * 3_600
    monkeypatch.setattr("scripts.mutation.score.time.time", lambda: clean.newest + age)
    assert EASTERN <= Scorer(clean, ROOT / "gx").max_age * DAY - age <= 2 * DAY


@pytest.mark.slow
def test_every_fault_gets_its_answer_on_published_data(
    movielens_small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, found = score(capsys, "--data", str(movielens_small))
    wrong = [one["name"] for one in found["faults"] if one["answer"] not in ("caught", "unseen", "quiet")]
    assert (exit_code, wrong) == (0, [])
