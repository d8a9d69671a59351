"""Work in a forked process: what comes back of it, and that it never outlives whom it works for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest

from checks.files import DeliveryError
from scripts.job import aside
from tests import deliveries
from tests.conftest import ROOT, begin_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")

DEADLINE = 60.0
HERE = "from scripts.job import aside; import os, signal, sys, time\n"


def program(code: str) -> subprocess.Popen[str]:
    """A process without threads of its own, as the command's is; pytest's has some."""
    command = [sys.executable, "-c", HERE + code]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def printed(code: str) -> str:
    process = program(code)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err
    return out


def gone(process: int) -> bool:
    """Whether a process that is not our child ends before the deadline."""
    until = time.monotonic() + DEADLINE
    while Path(f"/proc/{process}").exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_the_answer_is_of_another_process() -> None:
    code = "with aside.Aside(lambda: (os.getpid(), 'done')) as work:\n    print(os.getpid(), *work.result())"
    mine, theirs, done = printed(code).split()
    assert mine != theirs
    assert done == "done"


def test_this_process_goes_on_meanwhile() -> None:
    code = """
reader, writer = os.pipe()
with aside.Aside(lambda: os.read(reader, 9)) as work:  # until the parent writes
    os.write(writer, b"at once")
    print(work.result().decode(), work.result().decode())"""
    assert printed(code) == "at once at once\n"


def failing(error: Callable[[], Exception]) -> Exception:
    """The error as it comes out of a forked process."""

    def work() -> NoReturn:
        raise error()

    with aside.Aside(work) as under_way, pytest.raises(Exception) as raised:  # noqa: PT011
        under_way.result()
    return raised.value


def test_an_error_is_raised_as_it_was_with_the_place_where_it_was() -> None:
    error = failing(lambda: DeliveryError("folder: is no folder"))
    assert type(error) is DeliveryError
    assert str(error) == "folder: is no folder"
    line = 1 + Path(__file__).read_text(encoding="utf-8").split("\n").index("        raise error()")
    assert aside.place_of(error) == f"test_aside.py:{line}"
    assert "in work" in "".join(error.__notes__)


def test_an_error_that_can_not_be_handed_over_is_told_in_words() -> None:
    class OwnError(Exception):  # local: nobody else can name its class
        pass

    error = failing(lambda: OwnError("of a kind"))
    assert type(error) is RuntimeError
    assert str(error) == "OwnError: of a kind"
    assert aside.place_of(error).startswith("test_aside.py:")


def test_the_place_of_an_error_of_this_process() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        print(1 / 0)
    assert aside.place_of(raised.value).startswith("test_aside.py:")


@pytest.mark.parametrize(
    ("end", "said"), [("os.kill(os.getpid(), 9)", "ran out of memory; give it more"), ("os._exit(3)", "with 3 ")]
)
def test_work_that_ends_without_an_answer_is_lost(end: str, said: str) -> None:
    code = f"""
with aside.Aside(lambda: {end}) as work:
    try:
        work.result()
    except aside.LostError as error:
        print(error)"""
    assert said in printed(code)


def test_an_interruption_of_the_work_alone_is_one_of_the_whole() -> None:
    code = """
with aside.Aside(lambda: os.kill(os.getpid(), signal.SIGINT) or time.sleep(60)) as work:
    try:
        work.result()
    except KeyboardInterrupt:
        print("interrupted")"""
    assert printed(code) == "interrupted\n"


@pytest.mark.parametrize("stubborn", [False, True])
def test_no_process_outlives_the_block(stubborn: bool) -> None:
    ignoring = "signal.signal(signal.SIGINT, signal.SIG_IGN)" if stubborn else "None"
    code = f"""
reader, writer = os.pipe()
def work():
    {ignoring}
    os.write(writer, b"!")
    time.sleep(600)
try:
    with aside.Aside(work) as under_way:
        os.read(reader, 1)
        child = under_way._process.pid
        raise ValueError
except ValueError:
    print(os.path.exists(f"/proc/{{child}}"))"""
    assert printed(code) == "False\n"


@pytest.mark.parametrize(
    "when",
    [
        "aside._die_with = lambda parent: begun() or time.sleep(60)",
        "work = lambda: begun() or bytes(10_000_000)  # more than the pipe takes before somebody reads",
    ],
    ids=["before it begins", "while it hands over"],
)
def test_work_that_is_interrupted_beside_itself_ends_without_a_word(when: str) -> None:
    process = program(f"""
reader, writer = os.pipe()
begun, work = lambda: os.write(writer, b"!") and None, lambda: None
{when}
try:
    with aside.Aside(work):
        os.read(reader, 1)
        time.sleep(0.5)
        raise ValueError
except ValueError:
    pass""")
    assert process.communicate(timeout=DEADLINE) == ("", "")
    assert process.returncode == 0


def test_who_is_killed_takes_the_work_along() -> None:
    parent = program("""
with aside.Aside(lambda: print(os.getpid(), flush=True) or time.sleep(600)) as work:
    work.result()""")
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=DEADLINE)
    assert gone(child)


def test_a_process_with_threads_is_not_forked() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not aside.possible()
    finally:
        over.set()
        thread.join()
    assert printed("print(aside.possible())") == "True\n"


# Whole runs of the command, which forks.


def begun(delivery: Path, output: Path) -> tuple[subprocess.Popen[str], int]:
    """A run whose analyses are under way, and the process that makes them."""
    process = begin_run(delivery, output)
    assert process.stderr is not None
    assert any(line.startswith("Scoring") for line in process.stderr)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    return process, int(children[0])


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    return deliveries.write(tmp_path / "delivery", deliveries.whole())


def test_a_run_whose_analyses_are_killed_can_not_judge(delivery: Path, tmp_path: Path) -> None:
    process, child = begun(delivery, tmp_path / "out")
    os.kill(child, signal.SIGKILL)
    _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("The process that loads and analyses was killed")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


def test_a_run_that_is_killed_leaves_no_process_behind(delivery: Path, tmp_path: Path) -> None:
    process, child = begun(delivery, tmp_path / "out")
    process.kill()
    process.communicate(timeout=DEADLINE)
    assert gone(child)


@pytest.mark.parametrize("to_both", [False, True])
def test_a_run_interrupted_during_its_analyses_ends_with_one_line(
    delivery: Path, tmp_path: Path, to_both: bool
) -> None:
    process, child = begun(delivery, tmp_path / "out")
    if to_both:  # as a terminal does
        os.kill(child, signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert said == "Interrupted; the last results are as they were.\n"
    assert gone(child)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]


ALONE = "aside.Aside = None  # nobody can begin one\n"


@pytest.mark.slow
def test_a_run_judges_alike_with_and_without_a_process_of_its_own(delivery: Path, tmp_path: Path) -> None:
    """The second as of a large delivery, which wants the memory."""
    told = []
    for name, before in (
        ("forked", ""),
        ("alone", f"{ALONE}from scripts.job import preparing; preparing.SMALL = 0"),
    ):
        arguments = ["--data", str(delivery), "--output", str(tmp_path / name), "--quiet"]
        printed(f"{before}\nfrom scripts.run_checkpoint import main\nassert main({arguments}) in (0, 1)")
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        del summary["started"], summary["phases"]
        told.append((summary, {path.name: pd.read_csv(path) for path in (tmp_path / name).glob("*.csv")}))
    (forked, tables), (alone, same_tables) = told
    assert forked == alone
    assert tables.keys() == same_tables.keys() > {"user_statistics_with_anomalies.csv", "drift_analysis.csv"}
    for name, table in tables.items():  # a last digit of DuckDB's depends on how its threads share the rows
        pd.testing.assert_frame_equal(table, same_tables[name], check_exact=False, rtol=1e-12)


@pytest.mark.slow
def test_a_run_that_is_given_less_memory_does_all_by_itself(delivery: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(delivery), "--output", str(tmp_path / "out"), "--quiet", "--memory-limit", "2GB"]
    code = f"{ALONE}from scripts.run_checkpoint import main; print(main({arguments}))"
    assert printed(code).splitlines()[-1] in ("0", "1")
