"""Runs that are killed, interrupted or started twice: what stands in the output folder is whole all the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from checks.results import history, outputs
from checks.results.retention import HISTORY
from scripts import run_checkpoint
from tests import deliveries
from tests.conftest import begin_run

DEADLINE = 240  # seconds, for a machine with much else to do; reached by no test that passes
SEED = 20261123
SITE = ("a.html", "b.html", "sub/c.html")


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    """Processes that begin with Great Expectations imported, so that what a kill hits is the run itself."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["checks.engine.context", "tests.results.test_interruption"])
    return context


# Publishing, killed before each of its lines.


def stage(output: Path, text: str) -> None:
    """A run with a site, a file and a receipt that all say `text`."""
    with outputs.staged(output) as staging:
        for name in SITE:
            outputs.write_text(staging / "site" / name, text)
        outputs.write_text(staging / "summary.json", text)
        outputs.write_text(staging / "receipt.json", text)


def stage_and_die(output: Path, text: str, line: int, exchange: bool) -> None:
    """Stage, killed before the `line`-th line that outputs.py runs."""
    if not exchange:
        outputs._exchange = lambda *_: False
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != outputs.__file__:
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    stage(output, text)
    sys.settrace(None)


def said(output: Path) -> dict[str, str]:
    """What each of the results says; a site must say the same on each of its pages."""
    pages = {(output / "site" / name).read_text() for name in SITE}
    assert len(pages) == 1, pages
    receipt = output / "receipt.json"
    found = {"site": pages.pop(), "summary": (output / "summary.json").read_text()}
    return found | ({"receipt": receipt.read_text()} if receipt.exists() else {})


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [True, False])
def test_a_kill_before_any_line_leaves_old_or_new_results(
    server: ForkServerContext, tmp_path: Path, exchange: bool
) -> None:
    outcomes = set()
    for line in range(1, 1000):
        output = tmp_path / str(line)
        stage(output, "old")
        process = server.Process(target=stage_and_die, args=(output, "new", line, exchange))
        process.start()
        process.join(DEADLINE)
        if exchange:  # whole even before anybody has taken up what was left
            found = said(output)
            assert "receipt" not in found or len(set(found.values())) == 1, (line, found)
        with outputs.staged(output):
            found = said(output)
            assert set(found.values()) in ({"old"}, {"new"}), (line, found)
            assert "receipt" in found, line
        outcomes.add(found["site"])
        assert not list(output.glob(".*-*")), line
        assert not list(output.rglob(outputs.UNPUBLISHED)), line
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert line > 20
    assert outcomes == {"old", "new"}
    stage(output, "next")
    assert set(said(output).values()) == {"next"}


def test_a_reader_finds_a_whole_site_while_it_is_replaced(tmp_path: Path) -> None:
    stage(tmp_path, "0")
    if not outputs._exchange(_folder(tmp_path / "x"), _folder(tmp_path / "y")):
        pytest.skip("this file system can't swap two folders in one step")
    writer = threading.Thread(target=lambda: [stage(tmp_path, str(i)) for i in range(100)])
    writer.start()
    looks = 0
    while writer.is_alive():
        folder = os.open(tmp_path / "site", os.O_DIRECTORY)
        names = {entry.name for entry in os.scandir(folder)} - {outputs.UNPUBLISHED}
        still_there = os.path.samestat(os.fstat(folder), (tmp_path / "site").stat())
        os.close(folder)
        if still_there:  # else it was replaced, and removed while it was read
            assert names == {"a.html", "b.html", "sub"}
            looks += 1
    writer.join()
    assert looks > 0


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_what_an_older_kill_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".staging-old" / "site").mkdir(parents=True)
    stage(tmp_path, "new")
    assert not (tmp_path / ".staging-old").exists()


def test_results_give_way_to_results_of_another_kind(tmp_path: Path) -> None:
    """A folder where a file comes, and a file where a folder comes."""
    (tmp_path / "summary.json").mkdir()
    (tmp_path / "site").write_text("a file")
    stage(tmp_path, "new")
    assert set(said(tmp_path).values()) == {"new"}


def test_a_link_in_an_outdated_results_place_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    elsewhere = _folder(tmp_path / "elsewhere")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "validated").symlink_to(elsewhere)
    with outputs.staged(tmp_path / "out", owned=["validated"]):
        pass
    assert not (tmp_path / "out" / "validated").is_symlink()
    assert elsewhere.is_dir()


def test_a_run_that_fails_leaves_the_results_as_they_were(tmp_path: Path) -> None:
    stage(tmp_path, "old")
    with pytest.raises(ZeroDivisionError), outputs.staged(tmp_path) as staging:
        outputs.write_text(staging / "site" / "a.html", str(1 / 0))
    assert set(said(tmp_path).values()) == {"old"}
    assert not list(tmp_path.glob(".staging-*"))


def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(outputs.OutputError, match="the disk is full"), outputs.staged(tmp_path):
        raise OSError(28, "No space left on device")


# Whole runs, killed at random moments.


def judge(delivery: Path, output: Path, *options: str) -> None:
    raise SystemExit(run_checkpoint.main(["--data", str(delivery), "--output", str(output), "--quiet", *options]))


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deliveries.write(tmp_path_factory.mktemp("delivery"), deliveries.clean())


def start(server: ForkServerContext, delivery: Path, output: Path, *options: str) -> BaseProcess:
    process = server.Process(target=judge, args=(delivery, output, *options))
    process.start()
    return process


def finished(process: BaseProcess) -> int:
    process.join(DEADLINE)
    assert process.exitcode in (0, 1, 2), process.exitcode
    return process.exitcode


def assert_whole(output: Path) -> None:
    """Every result can be read to its end, whichever run it is of."""
    json.loads((output / "summary.json").read_text())
    for run in history.runs(output / HISTORY).to_dict("records"):
        assert len(history.expectations(output / HISTORY, run["run_id"])) == run["evaluated"]
    for page in (output / "data_docs").rglob("*.html"):
        assert page.read_text().rstrip().endswith("</html>"), page
    for result in _in_place(output):
        json.loads(result.read_text())


def _in_place(output: Path) -> Iterator[Path]:
    """JSON that is a result: not what a killed run left half-written where it prepares, for the next to clear."""
    for path in output.rglob("*.json"):
        if not path.relative_to(output).parts[0].startswith(outputs.STAGING):
            yield path


def newest_runs(output: Path) -> set[str]:
    """The newest run by each of the results; one, where they belong together."""
    stored = [path.parent.name for path in (output / "validations").rglob("*.json")]
    pages = [path.name for path in (output / "data_docs" / "runs").iterdir()]
    return {history.runs(output / HISTORY)["run_id"].iloc[0], max(stored), max(pages)}


def kill_at_random_moments(server: ForkServerContext, delivery: Path, output: Path, kills: int) -> None:
    draw = random.Random(SEED)
    assert finished(start(server, delivery, output)) in (0, 1, 2)
    lasted = _duration(server, delivery, output)
    known = len(history.runs(output / HISTORY))
    for number in range(kills):
        process = start(server, delivery, output, *(["--fresh"] if number % 2 else []))  # or with the last tables
        process.join(draw.uniform(0, lasted))
        process.kill()
        process.join(DEADLINE)
        assert_whole(output)
        with outputs.staged(output):  # the next run's first step
            assert len(newest_runs(output)) == 1
            assert len(history.runs(output / HISTORY)) in (known, known + 1)
        known = len(history.runs(output / HISTORY))
        assert_whole(output)
    finished(start(server, delivery, output))
    assert len(history.runs(output / HISTORY)) == known + 1
    assert len(newest_runs(output)) == 1
    assert_whole(output)


def _duration(server: ForkServerContext, delivery: Path, output: Path) -> float:
    """Seconds that a run takes here and now, so that kills are spread over all of it."""
    before = os.times().elapsed
    finished(start(server, delivery, output, "--fresh"))
    return os.times().elapsed - before


@pytest.mark.slow
def test_many_kills_leave_whole_results(server: ForkServerContext, delivery: Path, tmp_path: Path) -> None:
    kill_at_random_moments(server, delivery, tmp_path / "out", kills=int(os.environ.get("KILLS", "20")))


def judge_and_die(delivery: Path, output: Path, name: str) -> None:
    """A run that is killed between opening a file of this name and writing into it."""

    def kill_at(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(name) and arguments[1] == "w":
            os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT))
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill_at)
    judge(delivery, output)


@pytest.mark.slow
def test_a_result_that_a_kill_left_empty_is_of_no_run(
    server: ForkServerContext, delivery: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert finished(start(server, delivery, output)) in (0, 1, 2)
    process = server.Process(target=judge_and_die, args=(delivery, output, "warehouse-ratings.json"))
    process.start()
    process.join(DEADLINE)
    assert process.exitcode == -signal.SIGKILL
    assert [path for path in output.rglob("warehouse-ratings.json") if not path.stat().st_size]  # where it prepares
    assert_whole(output)
    with outputs.staged(output):
        assert len(newest_runs(output)) == 1
    assert all(path.stat().st_size for path in output.rglob("*.json"))


@pytest.mark.slow
def test_two_runs_at_once_take_turns(server: ForkServerContext, delivery: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    both = [start(server, delivery, output) for _ in range(2)]
    assert len({finished(process) for process in both}) == 1
    assert len(history.runs(output / HISTORY)) == 2
    assert len(newest_runs(output)) == 1
    assert_whole(output)


# Interrupted from the keyboard.


@pytest.fixture
def command(delivery: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = begin_run(delivery, tmp_path / "out")
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    yield process
    watchdog.cancel()
    process.kill()
    process.communicate()


def _interrupted_after(process: subprocess.Popen[str], words: str) -> str:
    """What stands on standard error after the step that begins with `words` was interrupted."""
    for line in process.stderr:
        if line.startswith(words):
            process.send_signal(signal.SIGINT)
            return process.communicate(timeout=DEADLINE)[1]
    raise AssertionError(f"no step began with {words!r}")


def test_a_run_that_waits_says_so_and_can_be_interrupted(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with outputs.staged(tmp_path / "out"):
        process = request.getfixturevalue("command")
        rest = _interrupted_after(process, "Waiting: another run is writing to ")
        assert process.returncode == 130
        assert rest == "Interrupted; the last results are as they were.\n"


@pytest.mark.slow
def test_an_interrupted_run_ends_with_one_line(command: subprocess.Popen[str], tmp_path: Path) -> None:
    rest = _interrupted_after(command, "Judging")
    assert command.returncode == 130
    assert rest == "Interrupted; the last results are as they were.\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [outputs.LOCK]
