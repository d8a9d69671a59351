"""Waiving what a run found: as much as it found, in the project's own file, and nothing that nobody named."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.engine.suites import ROOT, declared_suites
from checks.waivers import Waiver, load_waivers
from scripts.waive import main

TODAY = datetime.now(UTC).date()
WHO = ("--owner", "jane", "--reason", "known: 'mended' #soon")


def failure(suite: str, place: int, **more: Any) -> dict[str, Any]:
    """An expectation of summary.json that failed: the one at this place of its suite."""
    declared = declared_suites()[suite][place]
    common = {"status": "failed", "unexpected_count": 3, "counted": "rows", "waiver": None}
    told = {"id": declared["id"], "severity": declared["severity"], "sentence": declared["description"]}
    return {"suite": suite} | told | common | more


def of(suite: str, severity: str) -> int:
    """The place of the suite's first expectation of this severity."""
    return [one["severity"] for one in declared_suites()[suite]].index(severity)


TITLE, LINK = failure("movies", of("movies", "warning")), failure("links", of("links", "warning"))
CRITICAL = failure("ratings", of("ratings", "critical"))
DRIFT = failure("drift_findings", of("drift_findings", "warning"), counted="measure", unexpected_count=1)
ALL = (CRITICAL, TITLE, LINK, DRIFT, failure("tags", 0, status="passed"))


@pytest.fixture
def gx(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "gx", ignore=shutil.ignore_patterns("uncommitted")))


def run(tmp_path: Path, *failures: dict[str, Any]) -> Path:
    (tmp_path / "outputs").mkdir(exist_ok=True)
    (tmp_path / "outputs" / "summary.json").write_text(json.dumps({"expectations": failures}))
    return tmp_path / "outputs"


def waive(tmp_path: Path, gx: Path, *more: str, failures: tuple[dict[str, Any], ...] = ALL) -> int:
    return main([*WHO, "--run", str(run(tmp_path, *failures)), "--gx", str(gx), *more])


def waived(gx: Path) -> tuple[Waiver, ...]:
    return load_waivers(declared_suites(gx), TODAY, gx)


def test_warnings_about_rows_are_waived_for_as_much_as_was_found(tmp_path, gx):
    assert waive(tmp_path, gx, "--write") == 0
    assert [(one.expectation, one.at_most) for one in waived(gx)] == [(TITLE["id"], 3), (LINK["id"], 3)]
    (one, _) = waived(gx)
    assert (one.owner, one.reason, one.expires) == ("jane", "known: 'mended' #soon", TODAY + timedelta(days=180))


def test_the_file_keeps_its_comments_and_what_it_waived(tmp_path, gx):
    before = (gx / "waivers.yml").read_text()
    assert waive(tmp_path, gx, "--write", "--suite", "links") == 0
    assert waive(tmp_path, gx, "--write", "--suite", "movies") == 0
    text = (gx / "waivers.yml").read_text()
    assert text.startswith(before.replace("waivers: []\n", "waivers:\n"))
    assert f"  # {LINK['sentence']}\n" in text
    assert [one.suite for one in waived(gx)] == ["links", "movies"]


@pytest.mark.parametrize("indent", ["", "    "])
def test_entries_stand_where_the_others_do(tmp_path, gx, indent):
    entry = f"{{suite: ratings, expectation: {CRITICAL['id']}, owner: joe, reason: x, expires: {TODAY}}}"
    (gx / "waivers.yml").write_text(f"max_days: 9\nwaivers:  # ours\n{indent}# why\n{indent}- {entry}\n\n")
    assert waive(tmp_path, gx, "--write", "--suite", "links") == 0
    assert [(one.owner, one.expires) for one in waived(gx)] == [("joe", TODAY), ("jane", TODAY + timedelta(days=9))]


def test_without_write_entries_are_printed_and_nothing_changes(tmp_path, gx, capsys):
    before = (gx / "waivers.yml").read_bytes()
    assert waive(tmp_path, gx, "--expires", str(TODAY)) == 0
    assert (gx / "waivers.yml").read_bytes() == before
    printed = capsys.readouterr().out
    assert printed.count("- suite:") == 2
    assert f"expectation: {TITLE['id']}\n" in printed


def test_what_is_critical_or_of_this_delivery_alone_is_waived_by_name(tmp_path, gx):
    assert waive(tmp_path, gx, "--write", "--expectation", CRITICAL["id"], "--suite", "drift_findings") == 0
    assert [(one.suite, one.at_most) for one in waived(gx)] == [("ratings", 3), ("drift_findings", None)]
    assert waive(tmp_path, gx, "--write", "--suite", "ratings", failures=(CRITICAL, TITLE)) == 0
    assert len(waived(gx)) == 2, "a suite's name waives none of its critical failures"


def test_what_has_a_waiver_is_left_to_be_renewed_by_hand(tmp_path, gx, capsys):
    expired = TITLE | {"waiver": {"owner": "joe", "expired": True}}
    assert waive(tmp_path, gx, "--write", failures=(expired, LINK)) == 0
    assert [one.suite for one in waived(gx)] == ["links"]
    assert f"has a waiver of it: movies {TITLE['id']}. Renew that by hand." in capsys.readouterr().err


def test_a_file_that_can_take_no_more_entries_is_left_as_it_was(tmp_path, gx, capsys):
    (gx / "waivers.yml").write_text("waivers: []\nmax_days: 9\n")
    assert waive(tmp_path, gx, "--write") == 2
    assert (gx / "waivers.yml").read_text() == "waivers: []\nmax_days: 9\n"
    assert "nothing could be added after its last line" in capsys.readouterr().err
    assert waive(tmp_path, gx, "--write", failures=()) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--suite", "film"], "film: no failure of the run is of such a suite or has such an id"),
        (["--expires", "2999-01-01"], "--expires 2999-01-01: is further ahead than `max_days`"),
        (["--run", "nowhere"], "nowhere/summary.json: can't be read (No such file or directory); name a run's"),
    ],
)
def test_a_wrong_use_is_one_sentence(tmp_path, gx, capsys, arguments, says):
    assert waive(tmp_path, gx, "--write", *arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert waived(gx) == ()


def test_a_summary_that_is_none_is_told(tmp_path, gx, capsys):
    folder = run(tmp_path)
    (folder / "summary.json").write_text("[]")
    assert main([*WHO, "--run", str(folder), "--gx", str(gx)]) == 2
    assert "is no summary of a run; judge the delivery again." in capsys.readouterr().err


def test_what_is_no_project_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WHO, "--run", str(tmp_path), "--gx", str(tmp_path / "nowhere")]) == 2
    assert "/nowhere: is no project of these suites, as " in capsys.readouterr().err
