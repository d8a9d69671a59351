"""Work in a process of its own, forked from this one, which does something else in the meantime.

What Python does in threads of one process it does in turns; two processes do it at once. The forked one has all that
this one has imported, hands back what can be pickled, and ends: what it held is the system's again.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from checks.errors import UserError
from checks.gate.terms import INTERRUPTED

T = TypeVar("T")

PATIENCE = 1.0  # seconds that interrupted work has to put things away, such as a terminal's cursor
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, from Linux's prctl.h


class LostError(UserError):
    """The process ended without an answer."""


@dataclass(frozen=True)
class _Success(Generic[T]):
    value: T


@dataclass(frozen=True)
class _Failure:
    error: Exception


def possible() -> bool:
    """Whether this process may be forked: not with threads under way, whose locks nobody would ever open."""
    return sys.platform == "linux" and threading.active_count() == 1


class Aside(Generic[T]):
    """`work` under way in a process of its own. As a context manager it ends that process with its block."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._answer: _Success[T] | _Failure | None = None
        self._reader, writer = multiprocessing.Pipe(duplex=False)
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=_answered, args=(work, self._reader, writer, os.getpid()), daemon=True)
        with _uninterrupted():  # until the new process knows how to end
            self._process.start()
        writer.close()

    def result(self) -> T:
        """What `work` gave. Raises what it raised, or LostError."""
        if self._answer is None:
            self._answer = self._received()
        if isinstance(self._answer, _Failure):
            raise self._answer.error
        return self._answer.value

    def _received(self) -> _Success[T] | _Failure:
        try:
            answer: _Success[T] | _Failure = self._reader.recv()
        except EOFError:
            self._process.join()
            if self._process.exitcode == INTERRUPTED:
                raise KeyboardInterrupt from None
            return _Failure(LostError(self._how_it_ended()))
        return answer

    def _how_it_ended(self) -> str:
        code = self._process.exitcode or 0
        if code == -signal.SIGKILL:
            return (
                "The process that loads and analyses was killed, most likely as the machine ran out of memory; "
                "give it more and run it again."
            )
        return f"The process that loads and analyses ended with {code} and without an answer; run it again."

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive() and error is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid or 0, signal.SIGINT)
            self._process.join(PATIENCE)
        self._process.kill()
        self._process.join()
        self._reader.close()


def _answered(work: Callable[[], T], reader: Connection, writer: Connection, parent: int) -> None:
    """The forked process: its answer goes through the pipe, and nothing of the parent's is put away twice."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _die_with(parent)
        reader.close()
        writer.send(_answer(work))  # which waits for the parent to read what is more than a pipe holds
    except KeyboardInterrupt:  # the parent says so
        os._exit(INTERRUPTED)
    writer.close()
    sys.stderr.flush()
    os._exit(0)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interruption comes when the block is left; in what is forked meanwhile, when that allows it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(work: Callable[[], T]) -> _Success[T] | _Failure:
    try:
        return _Success(work())
    except Exception as error:
        return _Failure(_portable(error))


def _die_with(parent: int) -> None:
    """Not go on for nobody: a parent that is killed can't end its children."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before
        os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error as the parent can raise it, with the place that a pickled one has lost."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__)
    error.add_note("".join(traceback.format_tb(error.__traceback__)))
    error.__dict__["place"] = place_of(error)
    return error


def place_of(error: BaseException) -> str:
    """File and line where an error was raised, in whichever process."""
    place = getattr(error, "place", None)
    if isinstance(place, str):
        return place
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
