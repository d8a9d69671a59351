"""The history of runs, what is kept of them, and what a reader learns from it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from checks.engine.suites import SEVERITIES
from checks.gate.terms import EXIT_CODES, Decision, Status
from checks.gate.verdict import FailingRow, Outcome, Verdict
from checks.results import history, retention
from checks.results.changes import row_changes, since_last_run
from checks.results.outputs import OutputError
from checks.run import Findings, Run
from checks.warehouse import SourceFile, Warehouse
from scripts import run_checkpoint
from tests import deliveries

ONE, TWO, THREE = (f"2026010{day}T000000.000000Z" for day in (1, 2, 3))


def outcome(status: Status, name: str | None = "a", severity: str = "critical", **rest: object) -> Outcome:
    fields = {"suite": "ratings", "expectation_id": name, "expectation_type": "expect_this", "column": "rating"}
    texts = {"kwargs": {"column": "rating"}, "sentence": "", "meaning": "", "action": ""}
    return Outcome(**fields, **texts, severity=severity, status=status, **rest)


def run(output: Path, **rest: object) -> Run:
    source = SourceFile("ratings", None, sha256="ab", loaded_rows=90, rejected_rows=10)
    fields = {
        "folder": Path("delivery"),
        "sources": {"ratings": source},
        "row_counts": {"ratings": 90},
        "suites": {},
        "output": output,
        "warehouse": output / "warehouse.duckdb",
        "started": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "published": output,
    }
    return Run(**{**fields, **rest})


def record(folder: Path, run_id: str, *outcomes: Outcome, **rest: object) -> Path:
    path = folder / history.HISTORY
    history.record(path, run(folder, **rest), Verdict(outcomes), run_id)
    return path


def test_a_run_is_recorded_with_its_counts(tmp_path: Path) -> None:
    found = Findings(flagged_users=3, strongest_drift=1.5, strongest_feature="mean rating")
    outcomes = [outcome(Status.PASSED), outcome(Status.FAILED, "b"), outcome(Status.FAILED, "c", "warning")]
    outcomes += [outcome(Status.UNDETERMINED, "d"), outcome(Status.UNASKED, "e", "warning")]
    path = record(tmp_path, ONE, *outcomes, findings=found)
    [row] = history.runs(path).to_dict("records")
    assert (row["run_id"], row["verdict"], row["folder"]) == (ONE, "fail", "delivery")
    assert row["started"] == pd.Timestamp("2026-01-01 12:00")
    assert (row["row_count"], row["rejected"], row["flagged_users"]) == (90, 10, 3)
    assert (row["strongest_drift"], row["strongest_feature"]) == (1.5, "mean rating")
    assert [row[name] for name in ("evaluated", "passed", "failed", "undetermined", "waived")] == [4, 1, 2, 1, 0]
    assert [row[f"failed_{severity}"] for severity in SEVERITIES] == [1, 1, 0]
    statuses = ["passed", "failed", "failed", "undetermined", "unasked"]
    assert list(history.expectations(path, ONE)["status"]) == statuses


def test_trends_are_oldest_first_and_runs_newest_first(tmp_path: Path) -> None:
    for run_id in (TWO, ONE, THREE):
        path = record(tmp_path, run_id, outcome(Status.PASSED), outcome(Status.FAILED, "b"))
    assert list(history.runs(path)["run_id"]) == [THREE, TWO, ONE]
    assert list(history.runs(path, limit=2)["run_id"]) == [THREE, TWO]
    assert list(history.trends(path, limit=2)["run_id"]) == [TWO, THREE]
    assert list(history.trends(path)["pass_rate"]) == [0.5, 0.5, 0.5]
    assert list(history.trends(path)["rejected_share"]) == [0.1, 0.1, 0.1]


def test_a_run_recorded_again_replaces_itself(tmp_path: Path) -> None:
    record(tmp_path, ONE, outcome(Status.FAILED), outcome(Status.PASSED, "b"))
    path = record(tmp_path, ONE, outcome(Status.PASSED))
    assert list(history.runs(path)["verdict"]) == ["pass"]
    assert len(history.expectations(path, ONE)) == 1


def test_without_a_history_readers_see_the_columns_and_no_rows(tmp_path: Path) -> None:
    nowhere = tmp_path / "none.duckdb"
    assert history.runs(nowhere).empty
    assert list(history.runs(nowhere).columns) == list(history.RUN_COLUMNS)
    assert {"pass_rate", "rejected", "flagged_users", "strongest_drift"} <= set(history.trends(nowhere).columns)
    assert history.decision(nowhere, "any", "any") is None
    assert not nowhere.exists()


def test_a_run_that_judged_nothing_has_no_pass_rate(tmp_path: Path) -> None:
    path = record(tmp_path, ONE, sources={})
    assert history.trends(path)[["pass_rate", "rejected_share"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("observed", "kept"),
    [
        ("3 of 1,000 rows (0.3 %)", "3 of 1,000 rows (0.3 %)"),
        ("3 of 10,000,000 rows (3e-05 %)", "3 of 10,000,000 rows (3e-05 %)"),
        ("1 row", "1 row"),
        ("-1.5e-07", "-1.5e-07"),
        ("Toy Story, <script>", None),
        ("4 of a kind", None),
        ("", None),
    ],
)
def test_values_of_the_data_never_enter(tmp_path: Path, observed: str, kept: str | None) -> None:
    row = FailingRow("tags.csv", 2, {"tag": "private"})
    path = record(tmp_path, ONE, outcome(Status.FAILED, observed=observed, rows=(row,)))
    stored = history.expectations(path, ONE)["observed"].iloc[0]
    assert (None if pd.isna(stored) else stored) == kept
    assert b"private" not in path.read_bytes()


def test_previous_tells_what_is_new(tmp_path: Path) -> None:
    assert history.previous(run(tmp_path)) is None
    record(tmp_path, ONE, outcome(Status.PASSED, "old"), outcome(Status.FAILED, "b"))
    record(tmp_path, TWO, outcome(Status.FAILED, "old"), outcome(Status.UNDETERMINED, "b"))
    before = history.previous(run(tmp_path))
    assert before is not None
    assert (before.run_id, before.decision) == (TWO, Decision.FAIL)
    assert not before.is_new(outcome(Status.FAILED, "old"))
    assert before.is_new(outcome(Status.FAILED, "b"))
    assert not before.is_new(outcome(Status.UNDETERMINED, "b"))
    assert not before.is_new(outcome(Status.PASSED, "c"))


def test_what_is_waived_since_then_is_told_and_so_are_other_settings(tmp_path: Path) -> None:
    record(tmp_path, ONE, outcome(Status.FAILED, "a"), outcome(Status.WAIVED, "b"), outcome(Status.WAIVED, "c"))
    now = Verdict((outcome(Status.WAIVED, "a"), outcome(Status.WAIVED, "b"), outcome(Status.PASSED, "c")))
    changes = since_last_run(now, run(tmp_path))
    assert changes is not None
    assert ([o.expectation_id for o in changes.waived], changes.new) == (["a"], ())
    assert [o.expectation_id for o in changes.gone] == ["c"]
    assert changes.judged_alike
    other = since_last_run(now, run(tmp_path, settings={"max_age": 30}))
    assert other is not None
    assert not other.judged_alike


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (100_836, 46_621, ("ratings has 46,621 rows, 54 % fewer than the 100,836 of the last run.",)),
        (100, 110, ("ratings has 110 rows, 10 % more than the 100 of the last run.",)),
        (100, 91, ()),
        (0, 5, ("ratings has 5 rows, where the last run had none.",)),
        (0, 0, ()),
    ],
)
def test_rows_that_fell_or_rose_by_a_tenth_since_the_last_run_are_told(
    tmp_path: Path, before: int, now: int, said: tuple[str, ...]
) -> None:
    assert row_changes(run(tmp_path)) == ()
    counted = outcome(Status.PASSED, "a", element_count=before), outcome(Status.PASSED, "b", element_count=None)
    record(tmp_path, ONE, *counted)
    assert row_changes(run(tmp_path, row_counts={"ratings": now})) == said
    assert row_changes(run(tmp_path, row_counts={})) == (), "a table that is missing is told by its rules"


@pytest.mark.parametrize(
    ("status", "day", "said"),
    [
        (
            Status.PASSED,
            7,
            "The ratings end 1.0 days before those of the last run: was an older delivery sent again?",
        ),
        (Status.PASSED, 8, None),
        (Status.PASSED, 9, None),
        (Status.FAILED, 7, None),  # its times may have been at fault
    ],
)
def test_ratings_that_end_before_those_of_the_last_run_are_told(
    tmp_path: Path, status: Status, day: int, said: str | None
) -> None:
    record(tmp_path, ONE, outcome(status), last_rating=datetime(2026, 1, 8, 12, tzinfo=UTC))
    now = run(tmp_path, last_rating=datetime(2026, 1, day, 12, tzinfo=UTC))
    assert row_changes(now) == (() if said is None else (said,))
    assert row_changes(run(tmp_path, last_rating=None)) == ()


def test_delivery_sent_again_is_told_from_a_new_one(tmp_path: Path) -> None:
    again = run(tmp_path)
    assert history.same_as_last(again) is None
    record(tmp_path, ONE, outcome(Status.PASSED))
    assert history.same_as_last(again) == datetime(2026, 1, 1, 12)
    assert history.same_as_last(run(tmp_path, sources={"ratings": SourceFile("ratings", None, sha256="cd")})) is None


def test_an_expectation_without_id_is_known_by_its_arguments(tmp_path: Path) -> None:
    record(tmp_path, ONE, outcome(Status.FAILED, None))
    before = history.previous(run(tmp_path))
    assert before is not None
    assert not before.is_new(outcome(Status.FAILED, None))
    assert before.is_new(dataclasses.replace(outcome(Status.FAILED, None), kwargs={"column": "title"}))


def test_what_fails_while_recording_leaves_the_history_as_it_was(tmp_path: Path) -> None:
    path = record(tmp_path, ONE, outcome(Status.PASSED))
    with pytest.raises(duckdb.ConversionException):
        record(tmp_path, TWO, outcome(Status.PASSED, unexpected_count="many"))
    assert list(history.runs(path)["run_id"]) == [ONE]


def test_what_is_no_history_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / history.HISTORY
    path.write_text("no database")
    with pytest.raises(OutputError, match="move it away and run again"):
        history.check(path)


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    one, other = (deliveries.write(tmp_path / name, deliveries.whole()) for name in ("one", "other"))
    assert history.fingerprint_of(one) == history.fingerprint_of(other)
    with (other / "tags.csv").open("a") as file:
        file.write("1,1,more,1100000000\n")
    assert history.fingerprint_of(one) != history.fingerprint_of(other)


def test_swapped_files_have_another_fingerprint(tmp_path: Path) -> None:
    one, other = (deliveries.write(tmp_path / name, deliveries.whole()) for name in ("one", "other"))
    (other / "tags.csv").rename(other / "x.csv")
    (other / "links.csv").rename(other / "tags.csv")
    (other / "x.csv").rename(other / "links.csv")
    assert history.fingerprint_of(one) != history.fingerprint_of(other)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse(duckdb.connect(), Path("delivery")) as opened:
        yield opened


def test_findings_are_counted_where_there_are_any(warehouse: Warehouse) -> None:
    assert history.findings(warehouse) == Findings()
    warehouse.sql("create table user_anomalies as select unnest(['ok', 'flagged', 'flagged', 'undetermined']) status")
    warehouse.sql(
        """create table drift_findings as select * from (values
        ('small', 'ok', 0.1, 1.0), ('large', 'drifted', -0.6, 0.2), ('unbounded', 'ok', 1.0, 0.0),
        ('unknown', 'ok', null, 0.2), ('too few ratings', 'undetermined', 9.0, 0.2), ('impact', 'drifted', 9.0, 0.02)
        ) as t(feature, status, effect_size, minimum_effect)"""
    )
    found = history.findings(warehouse)
    assert (found.flagged_users, found.strongest_feature) == (2, "large")
    assert found.strongest_drift == pytest.approx(3.0)


def test_empty_findings_tables_tell_nothing_of_drift(warehouse: Warehouse) -> None:
    warehouse.sql("create table user_anomalies (status varchar)")
    warehouse.sql(
        "create table drift_findings (feature varchar, status varchar, effect_size double, minimum_effect double)"
    )
    assert history.findings(warehouse) == Findings(flagged_users=0)


def results_of(folder: Path) -> set[str]:
    found = {retention.RUN_ID.search(str(path)) for path in folder.rglob("*") if path.is_file()}
    return {match[0] for match in found if match}


def write_run(output: Path, run_id: str) -> None:
    for path in (f"validations/ratings/__none__/{run_id}/a.json", f"data_docs/validations/r/{run_id}/a.html"):
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_text(run_id)


def test_the_newest_runs_are_carried_over_and_older_ones_pruned(tmp_path: Path) -> None:
    output, staging = tmp_path / "out", tmp_path / "staging"
    staging.mkdir()
    for run_id in (ONE, TWO, THREE):
        write_run(output, run_id)
    (output / "data_docs" / "index.html").write_text("made anew by each run")
    retention.carry_over(output, staging, keep=3)
    assert results_of(staging / "validations") == results_of(staging / "data_docs") == {TWO, THREE}
    assert not (staging / "data_docs" / "index.html").exists()


def test_a_first_run_has_nothing_to_carry_over(tmp_path: Path) -> None:
    retention.carry_over(tmp_path / "none", tmp_path, keep=30)
    assert list(tmp_path.iterdir()) == []


def test_keeping_one_run_keeps_none_of_the_older(tmp_path: Path) -> None:
    write_run(tmp_path / "out", ONE)
    retention.carry_over(tmp_path / "out", tmp_path / "staging", keep=1)
    assert results_of(tmp_path / "staging") == set()


def test_a_file_system_without_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    write_run(tmp_path / "out", ONE)
    retention.carry_over(tmp_path / "out", tmp_path / "staging")
    assert results_of(tmp_path / "staging") == {ONE}


def test_the_command_records_its_runs_and_prunes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delivery, output = deliveries.write(tmp_path / "delivery", deliveries.clean()), tmp_path / "out"
    settings = ["--data", str(delivery), "--output", str(output), "--keep-runs", "2", "--quiet"]
    codes = {run_checkpoint.main(settings) for _ in range(3)}
    kept = history.runs(output / history.HISTORY)
    assert len(kept) == 3
    assert set(kept["fingerprint"]) == {history.fingerprint_of(delivery)}
    assert codes == {EXIT_CODES[Decision(kept["verdict"].iloc[0])]}
    newest = set(kept["run_id"].head(2))
    assert results_of(output / "validations") == results_of(output / "data_docs") == newest
    assert len(history.expectations(output / history.HISTORY, kept["run_id"].iloc[0])) == kept["evaluated"].iloc[0]


def test_a_damaged_history_stops_the_run_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delivery = deliveries.write(tmp_path / "delivery", deliveries.whole())
    damaged = tmp_path / "out" / history.HISTORY
    damaged.parent.mkdir()
    damaged.write_text("no database")
    assert run_checkpoint.main(["--data", str(delivery), "--output", str(tmp_path / "out"), "--quiet"]) == 2
    assert capsys.readouterr().err.startswith(f"{damaged}: ")
    assert damaged.read_text() == "no database"


@pytest.mark.parametrize("number", ["0", "-1", "x", "²"])
def test_a_senseless_number_of_runs_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_checkpoint.main(["--keep-runs", number])
    assert "no whole number" in capsys.readouterr().err
