"""How the job's process uses the machine: seen from a fresh process, as it can be set once alone."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.job import machine
from tests.scripts.test_ending import COMMANDS, ended

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another libc has other ways with memory")

HEAPS = """
import ctypes, os, threading
from scripts.job.machine import settle
settle()
together = threading.Barrier(4)
def allocate():
    together.wait()
    kept = [ctypes.create_string_buffer(5_000) for _ in range(100)]
    together.wait()
for thread in [threading.Thread(target=allocate) for _ in range(4)]:
    thread.start()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
print(os.environ["OPENBLAS_NUM_THREADS"], flush=True)
"""

HELD = """
import gc
from pathlib import Path
from scripts.job.machine import give_back, settle
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
settle()
blocks = [bytes([1]) * 50_000 for _ in range(2_000)]
del blocks[:-1]  # the last one keeps the heap from shrinking
before = resident()
give_back()
print(before - resident())
"""


def _settled(**more: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OPENBLAS_"))}
    done = subprocess.run([sys.executable, "-c", HEAPS], env=kept | more, capture_output=True, text=True, check=True)
    return done.stdout


def test_threads_share_one_heap_unless_told_otherwise() -> None:
    assert _settled().count("<heap ") == 1
    assert _settled(MALLOC_ARENA_MAX="8").count("<heap ") > 1


def test_linear_algebra_has_one_thread_unless_told_otherwise() -> None:
    assert _settled().splitlines()[-1] == "1"
    assert _settled(OPENBLAS_NUM_THREADS="2").splitlines()[-1] == "2"


ANALYSING = {"run_checkpoint", "monitor", "demo_failure", "evaluate_anomaly", "evaluate_drift"}


@pytest.mark.parametrize("command", COMMANDS)
def test_who_analyses_settles_before_any_work_and_nobody_else(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whom else a setting would reach: the contestants of the bench, which inherit it."""

    def settled() -> None:
        raise NotImplementedError("settled")

    monkeypatch.setattr(machine, "settle", settled)
    code = ended(command, RuntimeError("at work"), monkeypatch)
    assert (code, "(settled)" in capsys.readouterr().err) == (2, command in ANALYSING)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what is resident")
def test_what_is_free_below_what_is_held_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50_000_000
