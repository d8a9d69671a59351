"""Every command ends as its help says, whatever goes wrong in it: exit code 1 is an answer, never an accident."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.engine.suites import ProjectError
from scripts.job import ending
from tests import deliveries
from tests.conftest import COMMANDS, ROOT


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


BARE = """from unittest import mock
from scripts import download_data
print(download_data.main(["ml-x", "--base-url", "ftp://x"]))
with mock.patch.object(download_data, "download", side_effect=RuntimeError("no such")):
    print(download_data.main([]))"""


def test_a_command_that_needs_no_package_ends_so_without_any() -> None:
    done = subprocess.run([sys.executable, "-S", "-c", BARE], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "2\n2\n"
    first, second = done.stderr.splitlines()
    assert first == "ftp://x is no address of a web server: it must begin with https://"
    assert second.startswith("The run failed, nothing was kept: RuntimeError in mock.py:")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_system_refuses_is_no_fault_of_the_program(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ending.TRACEBACK, raising=False)
    assert ended(command, PermissionError(13, "Permission denied", "/root/x"), monkeypatch) == 2
    assert capsys.readouterr().err.startswith("/root/x: Permission denied; mend that and run it again (")


@pytest.mark.parametrize("command", ["train", "evaluate_anomaly", "evaluate_drift"])
def test_a_seed_that_is_none_is_used_wrongly(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(f"scripts.{command}").main(["--seed", "-1"])
    assert "'-1' is no whole number from 0 on" in capsys.readouterr().err


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """The end of a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextlib.contextmanager
def full() -> Iterator[int]:
    """A file on a disk without room."""
    with Path("/dev/full").open("w") as file:
        yield file.fileno()


def judged(data: Path, output: Path, stdout: int, *options: str, stderr: int = subprocess.PIPE) -> tuple[int, str]:
    """The exit code of a run whose output goes there, and what it says on standard error."""
    command = [sys.executable, "-m", "scripts.run_checkpoint", "--data", str(data), "--output", str(output), *options]
    done = subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=stderr, text=True)
    return done.returncode, done.stderr or ""


def spoilt() -> dict[str, list[str]]:
    files = deliveries.whole()
    files["ratings"][5] = deliveries.put(files["ratings"][5], 2, "7.5")
    return files


DELIVERIES: dict[int, Callable[[], dict[str, list[str]]]] = {0: deliveries.whole, 1: spoilt, 2: dict}


@pytest.mark.slow
@pytest.mark.parametrize("code", DELIVERIES)
def test_the_exit_code_is_the_verdicts_though_nobody_reads_it(code: int, tmp_path: Path) -> None:
    data = deliveries.write(tmp_path / "data", DELIVERIES[code]())
    with nobody() as pipe:
        ended, said = judged(data, tmp_path / "out", pipe)
    assert ended == code
    assert said.splitlines()[-1].startswith("The report could not be printed (Broken pipe)")
    assert "failed" not in said
    assert (tmp_path / "out" / "summary.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "where", "reason"),
    [(["--json"], nobody, "Broken pipe"), (["--json"], full, "No space left on device"), ([], full, "No space left")],
)
def test_a_report_that_can_not_be_printed_is_one_line(
    options: list[str], where: Callable[[], contextlib.AbstractContextManager[int]], reason: str, tmp_path: Path
) -> None:
    data = deliveries.write(tmp_path / "data", {})
    with where() as stdout:
        code, said = judged(data, tmp_path / "out", stdout, *options)
    assert code == 2
    assert f"The report could not be printed ({reason}" in said.splitlines()[-1]
    assert said.count("could not") == 1
    assert "Exception" not in said


@pytest.mark.slow
def test_a_run_that_nobody_hears_of_ends_by_its_verdict(tmp_path: Path) -> None:
    data = deliveries.write(tmp_path / "data", deliveries.whole())
    with nobody() as stream:
        assert judged(data, tmp_path / "out", stream, stderr=stream)[0] == 0
    assert (tmp_path / "out" / "summary.json").is_file()


@pytest.mark.slow
def test_streams_that_were_closed_change_no_exit_code(tmp_path: Path) -> None:
    command = f"{sys.executable} -m scripts.run_checkpoint --data {tmp_path} --output {tmp_path / 'out'} --json"
    assert subprocess.run(f"{command} >&- 2>&-", cwd=ROOT, shell=True).returncode == 2
    code = "import sys; sys.stderr = None; from scripts.job import ending; ending.say('x')"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).stdout == b""


def test_a_list_that_is_cut_short_was_printed_all_the_same() -> None:
    with nobody() as pipe:
        command = [sys.executable, "-m", "scripts.list_expectations"]
        done = subprocess.run(command, cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert "mend that" not in done.stderr


def test_what_waits_to_be_printed_has_no_exit_code_of_its_own() -> None:
    code = """from scripts.job import ending
print("an answer")
raise SystemExit(ending.answered("nothing was done")(lambda: 1)())"""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with full() as disk:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, stdout=disk, stderr=subprocess.PIPE, text=True, env=buffered)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
