"""The workflow and its action run commands that there are, and hand on what they write."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import deliveries
from tests.conftest import ROOT

FILE = ROOT / ".github" / "workflows" / "data-quality.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
ACTION_FILE = ROOT / ".github" / "actions" / "gate" / "action.yml"
ACTION = yaml.safe_load(ACTION_FILE.read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
ACTION_STEPS = ACTION["runs"]["steps"]
WRITTEN = ("data_docs", "junit.xml", "results.sarif", "report.md", "summary.json", "receipt.json")


def step(action: str) -> dict:
    return next(one for one in ACTION_STEPS if one.get("uses", "").startswith(action))


@pytest.mark.parametrize("command", [one["run"] for one in STEPS if "scripts." in one.get("run", "")])
def test_every_command_takes_its_options(command):
    python, dash_m, module, *options = shlex.split(command)
    assert (python.rstrip("3"), dash_m) == ("python", "-m")
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(module).main([*options, "--help"])
    assert stop.value.code == 0


def judge(workspace: Path, **inputs: str) -> tuple[int, str, str]:
    """The action's own step, as a runner would take it: exit code, what it printed, and its outputs."""
    (judging,) = [one for one in ACTION_STEPS if one.get("id") == "judge"]
    given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | inputs
    env = {name: given[re.sub(r"\$\{\{ inputs\.(\w+) \}\}", r"\1", text)] for name, text in judging["env"].items()}
    outputs = workspace / "github_output"
    outputs.touch()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    runner = {"GITHUB_ACTION_PATH": str(ACTION_FILE.parent), "GITHUB_OUTPUT": str(outputs), "PATH": path}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", judging["run"]]  # as documented of `bash`
    done = subprocess.run(command, cwd=workspace, env=os.environ | env | runner, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, outputs.read_text()


def test_the_action_judges_a_workspace_that_has_packages_of_the_same_names(tmp_path):
    for package in ("scripts", "checks"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('this is not the gate')")
    deliveries.write(tmp_path / "my data", deliveries.whole())
    code, printed, outputs = judge(tmp_path, data="my data", arguments="--quiet  --fail-on critical")
    assert (code, outputs) == (0, "exit-code=0\n"), printed
    assert printed.splitlines()[-1].startswith("PASS: ")
    assert (tmp_path / "outputs" / "data_docs" / "index.html").is_file()


def test_the_action_fails_where_the_gate_does_and_runs_nothing_that_its_inputs_hold(tmp_path):
    hostile = "$(touch ran);`touch ran`"
    code, printed, outputs = judge(tmp_path, data=hostile, arguments=f"--quiet {hostile}", output="out")
    assert (code, outputs) == (2, "exit-code=2\n"), printed
    assert not (tmp_path / "ran").exists()


def test_every_input_is_used_and_none_is_written_into_a_script():
    text = ACTION_FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    assert not any("${{" in one.get("run", "") for one in [*STEPS, *ACTION_STEPS])
    (at_work,) = [one for one in STEPS if one.get("uses") == f"./{ACTION_FILE.parent.relative_to(ROOT)}"]
    assert set(at_work["with"]) <= set(ACTION["inputs"])
    assert {name for name, one in ACTION["inputs"].items() if one.get("required")} <= set(at_work["with"])


def test_reports_are_kept_and_uploaded_also_where_the_gate_fails():
    artifact, sarif = step("actions/upload-artifact"), step("github/codeql-action/upload-sarif")
    assert artifact["if"] == "always()"
    assert sarif["if"].startswith("always()")
    assert sarif["with"]["sarif_file"] == "${{ inputs.output }}/results.sarif"
    assert artifact["with"]["path"].splitlines() == [f"${{{{ inputs.output }}}}/{name}" for name in WRITTEN]


def test_the_gate_is_not_softened_and_rights_are_the_least():
    assert "continue-on-error" not in FILE.read_text(encoding="utf-8") + ACTION_FILE.read_text(encoding="utf-8")
    assert "||" not in "".join(one.get("run", "") for one in STEPS)
    assert WORKFLOW["permissions"] == {"contents": "read", "security-events": "write"}
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_secrets_reach_the_gate_through_the_environment_alone():
    assert not any("secrets." in one.get("run", "") for one in STEPS)
    (judging,) = [one for one in STEPS if "env" in one]
    assert set(judging["env"]) == {"MOVIELENS_ALERTS", "MOVIELENS_RECEIPT_KEY"}
    assert re.search(r"event_name != 'pull_request' && secrets\.MOVIELENS_ALERTS", judging["env"]["MOVIELENS_ALERTS"])
