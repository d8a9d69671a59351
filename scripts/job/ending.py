"""How a command ends where something goes wrong in it: one sentence, and an exit code that means what its help says.

What nobody catches ends a Python program with a traceback and exit code 1, which is an answer of these commands: the
delivery fails, the gate let a fault pass, the receipt is refused.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TextIO

from checks.complaints import one_line
from checks.errors import UserError
from checks.gate.terms import EXIT_CODES, INTERRUPTED, Decision
from checks.texts import printable

CANNOT = EXIT_CODES[Decision.UNDETERMINED]
TRACEBACK = "MOVIELENS_TRACEBACK"  # set: an unexpected error ends the command with its traceback
SHOWN_CHARACTERS = 300  # of an error's message, which may quote a whole query

P = ParamSpec("P")

_left: ContextVar[str] = ContextVar("left")


def answered(kept: str, analyses: bool = False) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Make a command's `main` answer what is not caught in it.

    kept: how it leaves things then, in a few words, until it says otherwise (`leaves`).
    analyses: whether it scores users or compares windows itself, for which the process is settled before all else.
    """

    def around(main: Callable[P, int]) -> Callable[P, int]:
        @functools.wraps(main)
        def command(*arguments: P.args, **named: P.kwargs) -> int:
            leaves(kept)
            try:
                if analyses:
                    from scripts.job.machine import settle

                    settle()
                code = main(*arguments, **named)
                with printing():  # what waits in memory would else fail at the very end, with an exit code of its own
                    pass
                return code
            except KeyboardInterrupt:  # also while modules are imported, which takes longer than a small run
                say(f"Interrupted; {left()}.")
                return INTERRUPTED
            except Exception as error:
                say(_told(error))
                return CANNOT

        return command

    return around


def leaves(how: str) -> None:
    """How the command under way leaves things from here on, in a few words, whatever ends it."""
    _left.set(how)


def left() -> str:
    """How it does now."""
    return _left.get()


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Print what is done and stands: where that can't be, it is said on standard error, and changes no exit code."""
    try:
        yield
        if sys.stdout is not None:  # as it is where it was closed
            sys.stdout.flush()
    except Exception as error:
        if os.environ.get(TRACEBACK) and not isinstance(error, OSError):
            raise
        let_go(sys.stdout)
        reason = getattr(error, "strerror", None) or type(error).__name__
        say(f"The report could not be printed ({reason}); all else is done, and the exit code says how it went.")


def say(text: str) -> None:
    """One line on standard error, if anybody reads it."""
    if sys.stderr is None:  # it was closed, and `print` would take standard output in its place
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        let_go(sys.stderr)


def let_go(stream: TextIO) -> None:
    """Send what a stream still holds, and is yet to hold, to nowhere: Python would try again at the end, and fail."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a test's or a notebook's is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _told(error: Exception) -> str:
    """The sentence for an error; raises it where a traceback is asked for and it is none of ours."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error}; install it where this runs: pip install -r requirements.txt"
    if isinstance(error, UserError):
        return printable(str(error))  # it may quote a folder's or a file's name
    if os.environ.get(TRACEBACK):
        raise error
    if isinstance(error, OSError) and error.strerror:
        return printable(_of_the_system(error))
    return _unexpected(error)


def _of_the_system(error: OSError) -> str:
    """What no room on the disk, a missing right and the like say: no fault of this program, nor of the data."""
    place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{place}{error.strerror}; mend that and run it again ({left()})."


def _unexpected(error: Exception) -> str:
    """What a fault of this program says in place of a traceback: what, where, and what to do."""
    from scripts.job.aside import place_of

    what = printable(one_line(str(error)))[:SHOWN_CHARACTERS] or "no message"
    return (
        f"The run failed, {left()}: {type(error).__name__} in {place_of(error)} ({what}); "
        f"run it again with {TRACEBACK}=1 and report what it prints."
    )
