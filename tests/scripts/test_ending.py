"""Every command ends as its help says, whatever goes wrong in it: exit code 1 is an answer, never an accident."""

from __future__ import annotations

import argparse
import importlib

import pytest

from checks.engine.suites import ProjectError
from scripts.job import ending
from tests.conftest import ROOT

COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "__init__")


def ended(command: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a command in the midst of which this is raised."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", fail)
    return importlib.import_module(f"scripts.{command}").main([])


@pytest.mark.parametrize("command", COMMANDS)
def test_what_nobody_foresaw_is_one_sentence_and_no_answer(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ending.TRACEBACK, raising=False)
    assert ended(command, RuntimeError("no such\n\x1b[2Jthing"), monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "RuntimeError in test_ending.py:" in said
    assert "\x1b" not in said
    monkeypatch.setenv(ending.TRACEBACK, "1")
    with pytest.raises(RuntimeError):
        ended(command, RuntimeError(), monkeypatch)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_project_and_an_interruption_are_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ending.TRACEBACK, "1")  # of no use to who has a sentence that says what to do
    assert ended(command, ProjectError("gx: is broken; mend it."), monkeypatch) == 2
    assert capsys.readouterr().err == "gx: is broken; mend it.\n"
    assert ended(command, KeyboardInterrupt(), monkeypatch) == 130
    said = capsys.readouterr().err
    assert said.startswith("Interrupted; ")
    assert said.count("\n") == 1


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("train", ModuleNotFoundError("No module named 'duckdb'"), monkeypatch) == 2
    assert capsys.readouterr().err.startswith("No module named 'duckdb'; install it")


@pytest.mark.parametrize("command", ["train", "evaluate_anomaly", "evaluate_drift"])
def test_a_seed_that_is_none_is_used_wrongly(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(f"scripts.{command}").main(["--seed", "-1"])
    assert "'-1' is no whole number from 0 on" in capsys.readouterr().err
