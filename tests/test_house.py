"""The house stands as it is drawn: imports run one way, and a run leaves the project as committed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checks.later import hidden
from tests import deliveries
from tests.conftest import COMMANDS, ROOT

ALLOWED = {
    "checks": {"checks"},
    "anomaly": {"anomaly"},
    "drift": {"drift"},
    "scripts": {"scripts", "checks", "anomaly", "drift"},
}
CONTESTANTS = ROOT / "scripts" / "benching" / "contestants"
HOUSE = {"checks", "anomaly", "drift", "scripts", "tests", "great_expectations"}


def imports(path: Path) -> set[str]:
    """The first part of every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def allowed(path: Path, package: str) -> set[str]:
    """Great Expectations lives in checks; of the scripts those alone know it that the job is compared with."""
    knows = path.is_relative_to(ROOT / "checks") or path.is_relative_to(CONTESTANTS)
    return ALLOWED[package] | ({"great_expectations"} if knows else set())


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    wrong = {str(path.relative_to(ROOT)): imports(path) & HOUSE - allowed(path, package) for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}
    assert files


@pytest.mark.parametrize("package", ALLOWED)
def test_modules_of_a_package_import_each_other_in_no_circle(package: str) -> None:
    """Types count, too: who reads one file of a circle must read them all."""
    asked = {_name(path): _own_imports(path, package) for path in sorted((ROOT / package).rglob("*.py"))}
    while ground := {name for name, others in asked.items() if not others & asked.keys() - {name}}:
        asked = {name: others for name, others in asked.items() if name not in ground}
    assert asked == {}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _own_imports(path: Path, package: str) -> set[str]:
    """The modules of its own package that a file imports; a package's `__init__`, which hands names on, is none."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found - {package}


def test_every_error_of_ours_is_one_that_a_command_answers_with_its_sentence() -> None:
    bases = {
        node.name: [ast.unparse(base) for base in node.bases]
        for package in ALLOWED
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    }
    assert bases.pop("UserError") == ["Exception"]
    assert {name for name, given in bases.items() if "Exception" in given} == set()
    assert "ProjectError" in bases


@pytest.mark.parametrize("command", COMMANDS)
def test_help_answers_without_importing_great_expectations(command: str) -> None:
    code = f"""import sys
from scripts.{command} import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
heavy = {{"great_expectations", "sklearn", "scipy.stats", "altair"}} & set(sys.modules)
assert not heavy, heavy"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")


def test_suites_are_not_restated_in_python() -> None:
    for path in [*(ROOT / "checks").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]:
        assert "add_or_update" not in path.read_text(encoding="utf-8"), path


def test_a_run_imports_nothing_heavy_that_it_does_not_use_and_leaves_the_project_as_committed(tmp_path: Path) -> None:
    before = _git_status()
    folder = deliveries.write(tmp_path / "data", deliveries.whole())
    code = f"""import sys
from scripts.run_checkpoint import main
main(["--data", {str(folder)!r}, "--output", {str(tmp_path / "out")!r}, "--quiet"])
assert "great_expectations" in sys.modules
unused = ("scipy.stats.", "altair.", "sklearn.", "mlflow.", "apprise.")
heavy = [name for name in sys.modules if name.startswith(unused)]
assert not heavy, heavy
print("reached")"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("reached\n"), "a process that ends early with exit code 0 looks like a pass"
    assert _git_status() == before


def _git_status() -> str:
    """What differs from the commit; nothing where this is no git checkout."""
    command = ["git", "status", "--porcelain", "gx"]
    return subprocess.run(command, cwd=ROOT, check=(ROOT / ".git").exists(), capture_output=True, text=True).stdout


def test_a_hidden_module_is_not_found_within_the_block_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "to_be_hidden.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with hidden("to_be_hidden", "sys"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("to_be_hidden")
    assert importlib.import_module("to_be_hidden")
    assert sys.modules["sys"] is sys, "what is there stays"


@pytest.mark.parametrize(("package", "after"), [("checks", "anomaly"), ("anomaly", "drift"), ("drift", "scripts")])
def test_the_map_of_the_house_names_every_module_at_its_place(package: str, after: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text[text.index(f"**{package}/**") : text.index(f"**{after}/**")]
    modules = {path.relative_to(ROOT / package).as_posix() for path in (ROOT / package).rglob("*.py")}
    assert set(re.findall(r"`([a-z_/]+\.py)`", section)) == {name for name in modules if "__init__" not in name}


def test_the_map_of_the_house_names_no_file_that_is_gone() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:checks|anomaly|drift|scripts)/[a-z_/]+\.(?:py|toml))`", text))
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()
