"""One run as CI makes it, on dirty data: every report agrees, rows are parted, and no secret is left anywhere."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import junitparser
import pytest

from scripts import run_checkpoint
from tests import deliveries
from tests.conftest import ROOT
from tests.reports.test_alerts import SECRET, Hook
from tests.reports.test_reports import SARIF


@dataclass(frozen=True)
class Ran:
    """A finished run: what it printed and wrote, and what the webhook got."""

    exit_code: int
    printed: str
    logged: str
    output: Path
    posted: list[dict]

    def json(self, name: str):
        return json.loads((self.output / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Iterator[Ran]:
    """Two faults that gate, one that can't be read, hostile text, and one alert address that is dead."""
    files = deliveries.clean()
    files["ratings"][2] = "1,2,7.3,1100001080"
    files["ratings"][3] = files["ratings"][4]
    files["ratings"][9] = "1,abc,4.0,1100001360"
    files["movies"][6] = '6,"=1+1 ##[add-mask]x | <b>::error::y",Drama|Opera'
    folder = tmp_path_factory.mktemp("ran")
    with Hook() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        secrets = {
            "MOVIELENS_ALERTS": f"{server.address} json://{SECRET}.invalid:{SECRET}@127.0.0.1:9/",
            "MOVIELENS_RECEIPT_KEY": f"{SECRET}-receipt",
            "GITHUB_TOKEN": f"{SECRET}-token",
            "MLFLOW_TRACKING_PASSWORD": f"{SECRET}-mlflow",
        }
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "out" / "step.md")}
        command = [sys.executable, "-m", "scripts.run_checkpoint", "--data", str(deliveries.write(folder / "d", files))]
        (folder / "out").mkdir()
        done = subprocess.run(
            [*command, "--output", str(folder / "out")],
            cwd=ROOT,
            env=os.environ | secrets | github,
            capture_output=True,
            text=True,
        )
        server.shutdown()
        yield Ran(done.returncode, done.stdout, done.stderr, folder / "out", server.posted)


def test_the_gate_fails(ran):
    assert ran.exit_code == 1, ran.logged
    assert ran.json("summary.json")["verdict"] == "fail"


def test_every_report_names_the_same_failures(ran):
    """And what could not be judged: four users are too few to tell honest ones from others."""
    open_statuses = ("failed", "undetermined")
    failed = {one["id"] for one in ran.json("summary.json")["expectations"] if one["status"] in open_statuses}
    log = ran.json("results.sarif")
    SARIF.validate(log)
    assert {one["ruleId"] for one in log["runs"][0]["results"]} == failed
    assert len(ran.json("gl-code-quality-report.json")) == len(failed)
    cases = [case for suite in junitparser.JUnitXml.fromfile(str(ran.output / "junit.xml")) for case in suite]
    assert sum(bool(case.result) for case in cases) == len(failed)
    assert (ran.output / "report.md").read_text(encoding="utf-8").count("\n### ") == len(failed)


def test_the_pull_request_shows_the_line_of_the_rule_and_of_the_row(ran):
    errors = [line for line in ran.printed.splitlines() if line.startswith("::error ")]
    scale = next(line for line in errors if "half-star scale" in line)
    assert scale.startswith("::error file=gx/expectations/ratings.json,line=")
    assert "for example at ratings.csv:3." in scale
    assert (ran.output / "step.md").read_text() == (ran.output / "report.md").read_text()


def test_data_are_printed_only_where_the_runner_takes_no_command(ran):
    head, _, rest = ran.printed.partition("::stop-commands::")
    assert "add-mask" not in head
    token, _, printed = rest.partition("\n")
    assert printed.rstrip().endswith(f"::{token}::")
    assert "##[add-mask]x" in printed


def test_rows_are_parted_by_the_rules_that_they_break(ran):
    assert [(o["table"], o["rows_in"], o["quarantined"]) for o in ran.json("quarantine/counts.json")] == [
        ("ratings", 100, 4),
        ("movies", 25, 1),
        ("tags", 4, 0),
        ("links", 25, 0),
    ]
    with (ran.output / "quarantine" / "ratings.csv").open(newline="") as file:
        rules = {row["source_line"]: row["rules"] for row in csv.DictReader(file)}
    assert rules == {
        "3": "`rating` is on the half-star scale, 0.5 to 5.0.",
        "4": "A user rates a film once.",
        "5": "A user rates a film once.",
        "10": "movieId: 'abc' is not a 64-bit whole number",
    }
    assert "'=1+1" in (ran.output / "quarantine" / "movies.csv").read_text()


def test_one_message_is_sent_and_a_dead_address_is_reported_by_its_number(ran):
    (posted,) = ran.posted
    assert posted["title"] == "Data quality FAIL: d"
    assert "Alert: address 2 of 2 did not take the message; the verdict stands." in ran.logged


def test_no_secret_is_left_in_any_file_or_output(ran):
    assert SECRET not in ran.printed + ran.logged
    files = [path for path in ran.output.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in json.dumps(ran.posted)
    status = subprocess.run(["git", "status", "--porcelain", "gx"], cwd=ROOT, capture_output=True, text=True)
    assert SECRET not in status.stdout


def test_a_passed_run_prints_json_alone_and_leaves_no_secret_either(tmp_path, monkeypatch, capfd):
    for name, value in {"MOVIELENS_RECEIPT_KEY": SECRET, "MOVIELENS_ALERTS": f"nosuch://{SECRET}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    files = deliveries.whole()
    files["movies"][6] = f"{files['movies'][6].split(',')[0]},##[add-mask]x,Drama"
    folder = deliveries.write(tmp_path / "d", files)
    assert run_checkpoint.main(["--data", str(folder), "--output", str(tmp_path / "out"), "--json"]) == 0
    printed, logged = capfd.readouterr()
    (warned,) = [one for one in json.loads(printed)["expectations"] if "ends in its year" in one["sentence"]]
    assert warned["rows"][0]["values"] == {"title": "##[add-mask]x"}
    assert "##[" not in printed
    assert "::warning file=gx/expectations/movies.json" in logged
    assert SECRET not in printed + logged
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert tmp_path / "out" / "receipt.json" in written
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
