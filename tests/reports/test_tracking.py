"""A run is logged to MLflow where that is wanted; where it fails, that is told and changes nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.gate.terms import Status
from checks.gate.verdict import Verdict
from checks.reports import tracking
from checks.results import receipt
from checks.run import Run
from checks.warehouse import SourceFile
from scripts import run_checkpoint, train
from tests import deliveries
from tests.conftest import ROOT
from tests.results.test_receipt import PASSED, outcome
from tests.scripts.test_train import passed_run, planted

NOWHERE = "http://someone:hunter2@127.0.0.1:9"  # the discard port: nothing listens there


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in (tracking.ADDRESS, tracking.EXPERIMENT_VARIABLE, receipt.KEY_VARIABLE, *tracking.SECRETS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A client of a real tracking store in an SQLite file, which is also what the environment names."""
    pytest.importorskip("mlflow", reason="mlflow is not installed (pip install -r requirements-extras.txt)")
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for name, value in (tracking.SILENCE | {tracking.ADDRESS: address}).items():
        monkeypatch.setenv(name, value)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(address)
    client.create_experiment(tracking.EXPERIMENT, artifact_location=(tmp_path / "artifacts").as_uri())
    return client


def the_run(client):
    """The one run that was logged."""
    (run,) = client.search_runs([client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id])
    assert run.info.status == "FINISHED"
    return run


def artifacts(client, run) -> set[str]:
    return {entry.path for entry in client.list_artifacts(run.info.run_id)}


@pytest.mark.extras
def test_a_run_of_the_checkpoint_is_logged(store, tmp_path):
    files = deliveries.whole()
    files["tags"][1] = deliveries.put(files["tags"][1], 2, "")  # a blank tag: a warning, nothing critical
    data, out = deliveries.write(tmp_path / "data", files), tmp_path / "out"
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet"]) == 0
    run, summary = the_run(store), json.loads((out / "summary.json").read_text())
    assert run.data.tags["verdict"] == summary["verdict"] == "pass"
    assert run.data.tags["receipt_digest"] == json.loads((out / receipt.FILE_NAME).read_text())["digest"]
    for suite, counts in summary["suites"].items():
        for status in Status:
            assert run.data.metrics[f"{suite}/{status}"] == counts[status], (suite, status)
    assert sum(counts["failed"] for counts in summary["suites"].values()) > 0
    statuses = ("ok", "review", "flagged", "undetermined")
    users = {line.split(",")[0] for line in files["ratings"][1:]}
    assert sum(run.data.metrics.get(f"user_anomalies/users/{one}", 0) for one in statuses) == len(users)
    assert sum(name.startswith("drift_findings/features/") for name in run.data.metrics) >= 1
    inputs = {entry.dataset.name: entry for entry in run.inputs.dataset_inputs}
    hashes = {entry["table"]: entry["sha256"] for entry in summary["data"]["files"]}
    assert {name: entry.tags[1].value for name, entry in inputs.items()} == hashes
    assert json.loads(inputs["ratings"].dataset.profile) == {"num_rows": len(files["ratings"]) - 1}
    assert {"receipt.json", "junit.xml", "results.sarif", "report.md", "drift_analysis.csv"} <= artifacts(store, run)


@pytest.mark.extras
def test_a_training_is_logged(store, tmp_path):
    run_folder = passed_run(tmp_path / "run", planted())
    assert train.main(["--run", str(run_folder), "--rank", "2"]) == 0
    run = the_run(store)
    results = json.loads((run_folder / "model" / "metrics.json").read_text())["results"]
    assert run.data.metrics["model/rmse/all"] == pytest.approx(results[2]["all"]["rmse"])
    assert run.data.metrics["global_mean/mae/all"] == pytest.approx(results[0]["all"]["mae"])
    assert run.data.params["rank"] == "2"
    assert run.data.tags["receipt_digest"] == json.loads((run_folder / receipt.FILE_NAME).read_text())["digest"]
    (entry,) = run.inputs.dataset_inputs
    assert entry.tags[1].value == receipt.sha256(run_folder / receipt.VALIDATED / "ratings.parquet")
    assert artifacts(store, run) == {"model.npz", "model_card.md", "metrics.json", "receipt.json"}


@pytest.mark.extras
def test_another_experiment_is_named_by_the_environment(store, monkeypatch, tmp_path):
    store.create_experiment("mine", artifact_location=(tmp_path / "mine").as_uri())
    monkeypatch.setenv(tracking.EXPERIMENT_VARIABLE, "mine")
    assert tracking.log(lambda: tracking.Record("a run", {}, {"nan": float("nan"), "one": 1})) is None
    (run,) = store.search_runs([store.get_experiment_by_name("mine").experiment_id])
    assert run.data.metrics == {"one": 1.0}


@pytest.mark.extras
def test_a_server_that_fails_changes_no_verdict_and_shows_no_password(store, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv(tracking.ADDRESS, NOWHERE)
    data, out = deliveries.write(tmp_path / "data", deliveries.whole()), tmp_path / "out"
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet"]) == 0
    assert train.main(["--run", str(out), "--rank", "1"]) == 0
    captured = capfd.readouterr()
    assert captured.err.count("MLflow: the run was not logged") == 2
    assert "hunter2" not in captured.out + captured.err
    assert not any(b"hunter2" in path.read_bytes() for path in out.rglob("*") if path.is_file())


@pytest.mark.extras
def test_a_run_that_breaks_off_is_marked_as_failed(store, tmp_path):
    failure = tracking.log(lambda: tracking.Record("a run", {}, {}, artifacts=[tmp_path / "missing"]))
    assert failure is not None
    assert failure.startswith("MLflow: the run was not logged (")
    (run,) = store.search_runs([store.get_experiment_by_name(tracking.EXPERIMENT).experiment_id])
    assert run.info.status == "FAILED"


def unwanted() -> tracking.Record:
    raise AssertionError("a record was made that nobody wants")


def test_nothing_is_done_without_an_address(monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    assert tracking.log(unwanted) is None


def test_nothing_is_done_without_mlflow(monkeypatch):
    monkeypatch.setenv(tracking.ADDRESS, NOWHERE)
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    assert tracking.log(unwanted) is None


def test_a_record_that_cannot_be_made_is_told(monkeypatch):
    monkeypatch.setenv(tracking.ADDRESS, NOWHERE)
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    assert tracking.log(unwanted) == (
        "MLflow: the run was not logged (AssertionError: a record was made that nobody wants); "
        "see whether MLFLOW_TRACKING_URI is right and its server answers."
    )


def test_credentials_are_taken_out_of_messages(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret")
    message = "can't reach https://ann:pw@host/x with s3cret.\nand more"
    assert tracking._without_secrets(message) == "can't reach https://host/x with ***"


def test_a_long_reason_is_cut_where_no_bracket_stays_open():
    reason = "failed with Pool(host='h', port=9): no more tries" + " (Caused by Error('<c>: it said (again) no'))" * 4
    shown = tracking._without_secrets(reason)
    assert shown.startswith("failed with Pool(host='h', port=9): no more tries")
    assert shown.endswith("…")
    assert shown.count("(") == shown.count(")")
    assert tracking._without_secrets("(" * 300) == "…"


@given(st.text())
def test_names_are_made_such_as_mlflow_takes(name):
    assert len(tracking.key(name)) <= 250
    if importlib.util.find_spec("mlflow"):
        from mlflow.utils.validation import _validate_metric_name

        if name and not name.isspace() and not set(name) & set("./"):
            _validate_metric_name(tracking.key(name))


def test_mlflow_is_not_imported_before_it_is_wanted():
    code = "import sys; from checks.reports import tracking; tracking.log(dict); assert 'mlflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run_of(folder: Path) -> Run:
    source = SourceFile("ratings", folder / "ratings.csv", "ab" * 32, 10, ("userId",), 7, 2)
    return Run(
        folder, {"ratings": source}, {}, {"ratings": [], "tags": []}, folder, folder, datetime(2026, 1, 2, tzinfo=UTC)
    )


def recorded(folder: Path, **tables: pd.DataFrame) -> tracking.Record:
    """What is logged of a run with one failed warning, one waived failure, and these findings tables."""
    from checks.reports.tracking_action import record

    verdict = Verdict((PASSED, outcome(Status.FAILED, "warning"), replace(outcome(Status.WAIVED), suite="tags")))
    with duckdb.connect() as connection:
        for name, frame in tables.items():
            connection.register("frame", frame)
            connection.execute(f"create table {name} as select * from frame")
        return record(verdict, run_of(folder), lambda text: connection.execute(text).fetchall())


def test_what_is_logged_without_findings(tmp_path):
    (tmp_path / "report.md").write_text("a report")
    (tmp_path / "warehouse.duckdb").write_text("not a report")
    logged = recorded(tmp_path)
    assert logged.metrics["ratings/passed"] == logged.metrics["ratings/failed"] == logged.metrics["tags/waived"] == 1
    assert logged.metrics["expectations/passed"] == 1
    assert (logged.metrics["ratings/rows"], logged.metrics["ratings/rejected_rows"]) == (7, 2)
    assert not any("anomalies" in name or "drift" in name for name in logged.metrics)
    assert logged.tags["verdict"] == "pass"
    assert "receipt_digest" not in logged.tags
    assert [path.name for path in logged.artifacts] == ["report.md"]


def test_what_is_logged_of_findings(tmp_path):
    users = pd.DataFrame({"status": ["ok", "ok", "flagged"], "attack_group": [None, None, "attack 1"]})
    drift = pd.DataFrame(
        {"feature": ["mean", "hour"], "status": ["drifted", "ok"], "effect_size": [0.2, None], "p_value": [0.01, 0.6]}
    )
    metrics = recorded(tmp_path, user_anomalies=users, drift_findings=drift).metrics
    assert metrics["user_anomalies/users/ok"] == 2
    assert metrics["user_anomalies/users/flagged"] == 1
    assert metrics["user_anomalies/attack_groups"] == 1
    assert metrics["drift_findings/features/drifted"] == 1
    assert metrics["drift_findings/effect_size/mean"] == 0.2
    assert metrics["drift_findings/p_value/hour"] == 0.6


def test_large_files_are_not_sent_along(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "LARGEST_ARTIFACT_BYTES", 3)
    for name, text in (("small", "abc"), ("large", "abcd")):
        (tmp_path / name).write_text(text)
    found = tracking.small([tmp_path / "small", tmp_path / "large", tmp_path / "missing"])
    assert found == [tmp_path / "small"]
