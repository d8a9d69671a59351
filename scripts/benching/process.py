"""Run a command in a fresh process and measure it: wall-clock time, processor time, peak memory.

Peak memory is that of the whole tree of processes, as the job loads, analyses and draws in processes of their own: it
is added up every 20 ms, and the greatest sum is kept, or what the kernel counted for the greatest single process
(`ru_maxrss`), if that is more. Of several processes a page that they share counts once (proportional set sizes), as a
forked one shares all that it has not written to; the kernel's cache of files counts for nobody. Processor time is the
kernel's, of the command and of all that it waited for.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.02  # between looks at the memory held; a shorter peak may be missed
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What one command took, and what it left behind."""

    exit_code: int  # negative: the signal that ended it
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    stdout: str
    stderr: str


def measure(command: Sequence[str], cwd: Path, environment: Mapping[str, str], patience: float) -> Usage:
    """Run `command` in `cwd` with `environment`; it is ended, with its children, after `patience` seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  our own programs
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        with _ended_after(process.pid, patience), _sampled(process.pid) as sampled:
            status, used = _wait(process)
            wall = time.perf_counter() - begun
        peak = max(sampled.peak_bytes, used.ru_maxrss * 1024)
        code = os.waitstatus_to_exitcode(status)
        return Usage(code, wall, used.ru_utime + used.ru_stime, peak, _text(out.fileno()), _text(err.fileno()))


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    """The kernel's account of the process, which `Popen.wait` would drop. An interruption ends the whole tree."""
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        _end(process.pid)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, used


def _text(file: int) -> str:
    size = os.fstat(file).st_size
    return os.pread(file, size, 0).decode("utf-8", "replace")


@contextlib.contextmanager
def _ended_after(process: int, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, _end, [process])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.killpg(process, signal.SIGKILL)


class _Sampler(threading.Thread):
    """Keeps the greatest sum of memory of a process and of its descendants."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.peak_bytes = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._held(list(_tree(self.process))))

    def _held(self, processes: Sequence[int]) -> int:
        """Shared pages are told apart only where the sum may be a new peak: the kernel walks all pages for it."""
        resident = sum(map(_resident_bytes, processes))
        if len(processes) == 1 or resident <= self.peak_bytes:
            return resident
        return sum(map(_proportional_bytes, processes))


@contextlib.contextmanager
def _sampled(process: int) -> Iterator[_Sampler]:
    sampler = _Sampler(process)
    sampler.start()
    try:
        yield sampler
    finally:
        sampler.over.set()
        sampler.join()


def _tree(process: int) -> Iterator[int]:
    """A process and its descendants, as far as they are still there."""
    yield process
    with contextlib.suppress(OSError):
        for children in (PROC / str(process) / "task").glob("*/children"):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _resident_bytes(process: int) -> int:
    try:
        return int((PROC / str(process) / "statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:  # it has ended
        return 0


def _proportional_bytes(process: int) -> int:
    """The resident set with each page divided by the number of processes that hold it (proc_pid_smaps(5))."""
    try:
        rollup = (PROC / str(process) / "smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
