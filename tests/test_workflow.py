"""The workflow runs commands that there are, and hands on what they write."""

from __future__ import annotations

import importlib
import re
import shlex

import pytest
import yaml

from tests.conftest import ROOT

FILE = ROOT / ".github" / "workflows" / "data-quality.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
WRITTEN = ("data_docs", "junit.xml", "results.sarif", "report.md", "summary.json", "receipt.json")


def step(action: str) -> dict:
    return next(one for one in STEPS if one.get("uses", "").startswith(action))


@pytest.mark.parametrize("command", [one["run"] for one in STEPS if "scripts." in one.get("run", "")])
def test_every_command_takes_its_options(command):
    python, dash_m, module, *options = shlex.split(command)
    assert (python, dash_m) == ("python", "-m")
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(module).main([*options, "--help"])
    assert stop.value.code == 0


def test_reports_are_kept_and_uploaded_also_where_the_gate_fails():
    artifact, sarif = step("actions/upload-artifact"), step("github/codeql-action/upload-sarif")
    assert artifact["if"] == "always()"
    assert sarif["if"].startswith("always()")
    assert sarif["with"]["sarif_file"] == "outputs/results.sarif"
    assert artifact["with"]["path"].split() == [f"outputs/{name}" for name in WRITTEN]


def test_the_gate_is_not_softened_and_rights_are_the_least():
    text = FILE.read_text(encoding="utf-8")
    assert "continue-on-error" not in text
    assert "||" not in "".join(one.get("run", "") for one in STEPS)
    assert WORKFLOW["permissions"] == {"contents": "read", "security-events": "write"}
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_secrets_reach_the_gate_through_the_environment_alone():
    assert not any("secrets." in one.get("run", "") for one in STEPS)
    (judging,) = [one for one in STEPS if "env" in one]
    assert set(judging["env"]) == {"MOVIELENS_ALERTS", "MOVIELENS_RECEIPT_KEY"}
    assert re.search(r"event_name != 'pull_request' && secrets\.MOVIELENS_ALERTS", judging["env"]["MOVIELENS_ALERTS"])
