"""Write results whole or not at all: into a folder beside their place, moved there when all of them are ready."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from checks.errors import UserError

if TYPE_CHECKING:
    import pandas as pd  # when a table is written, not where a receipt is only read

RECEIPT = "receipt.json"  # vouches for all that stands beside it
QUARANTINE, VALIDATED = "quarantine", "validated"  # folders of rows that break a critical rule, and of the others
LOCK = ".lock"
STAGING = ".staging-"
READY = ".ready-"
RETIRED = ".retired-"
OUTDATED = ".outdated"  # lists what the results to be published leave without a successor
UNPUBLISHED = ".unpublished"  # marks a folder that is not in its place yet
# How results are left, in a few words, where a run is interrupted while they are put in place, and after that.
PUBLISHING = "new results were being put in place: the next run finishes that, or the last ones are as they were"
PUBLISHED = "the new results stand"
# What a spreadsheet would run when it opens the file (CSV injection, OWASP).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

# The file of each report, by the type of the checkpoint's action that writes it.
REPORTS = {
    "junit": "junit.xml",
    "sarif": "results.sarif",
    "gitlab_code_quality": "gl-code-quality-report.json",
    "badge": "badge.json",
    "markdown_report": "report.md",
}


class OutputError(UserError):
    """Results can't be written."""


@contextmanager
def staged(
    output: Path,
    waiting: Callable[[], None] = lambda: None,
    owned: Iterable[str] = (),
    announcements: Iterable[Callable[[], None]] = (),
    option: str = "--output",
    leaves: Callable[[str], None] = lambda _: None,
) -> Iterator[Path]:
    """A folder to write results into; on success its contents replace those of the same name in `output`.

    What is `owned` and was not written is removed: no result of an earlier run stands beside those of this one.
    Two runs on one folder take turns; `waiting` is called where this one has to wait. When all is in its place,
    before the next run's turn, `announcements` are called. `leaves` is told how results are left by an interruption,
    as soon as it is not as they were before. Raises OutputError where `output`, which the user names by
    `option`, can't be written.
    """
    if "?" in str(output.resolve()):  # DuckDB would take what follows for a query, and look for its log elsewhere
        raise OutputError(f"{output}: must have no question mark in its path; choose another {option}.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = (output / LOCK).open("a")  # whosever file it is, nothing is written
    except OSError as error:
        raise OutputError(f"{output}: can't be written ({error.strerror}); choose another {option}.") from error
    with lock:
        _take_turns(lock, waiting)
        _recover(output)
        staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=output))
        try:
            yield staging
            leaves(PUBLISHING)
            _publish(_committed(staging, owned), output)
            leaves(PUBLISHED)
            _announce(announcements)
        except Exception as error:
            if not _is_full(error):
                raise
            raise OutputError(f"{output}: the disk is full; free some space or choose another {option}.") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _is_full(error: Exception) -> bool:
    """Whether there is no room left, or none for this user; DuckDB tells it in words alone."""
    return any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def _announce(announcements: Iterable[Callable[[], None]]) -> None:
    """The results stand: who can't be told of them changes nothing any more."""
    for announce in announcements:
        try:
            announce()
        except Exception as error:  # a service's, or a full disk under the step summary
            with suppress(OSError):  # nor who can't be told of that
                text = f"The results stand, but could not be announced ({type(error).__name__}: {error})."
                print(text, file=sys.stderr)


def _take_turns(lock: IO[str], waiting: Callable[[], None]) -> None:
    """Hold the lock until it is closed; the system lets go of it when the process dies, however it does."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(lock, fcntl.LOCK_EX)


def _recover(output: Path) -> None:
    """Take up what a killed run left: publish what was complete, remove what was not."""
    for ready in output.glob(f"{READY}*"):
        _publish(ready, output)
    for marker in output.glob(f"*/{UNPUBLISHED}"):
        marker.unlink()
    for staging in output.glob(f"{STAGING}*"):
        shutil.rmtree(staging, ignore_errors=True)


def _committed(staging: Path, owned: Iterable[str]) -> Path:
    """From this one rename on, a run that is killed is finished by the next one; before it, it is undone."""
    outdated = [name for name in owned if not (staging / name).exists()]
    (staging / OUTDATED).write_text("\n".join(outdated), encoding="utf-8")
    for entry in staging.iterdir():
        if entry.is_dir():
            (entry / UNPUBLISHED).touch()
    return staging.rename(staging.with_name(staging.name.replace(STAGING, READY, 1)))


def _publish(ready: Path, output: Path) -> None:
    """Move everything of `ready` to its place in `output`. Called again after a kill, it goes on where it was.

    The receipt of an earlier run goes first and a new one comes last, so that none ever stands beside what it was
    not given for: not after a run that did not pass, nor after one that was killed half-way.
    """
    waiting = [entry for entry in ready.iterdir() if _is_unpublished(entry)]
    if waiting:
        (output / RECEIPT).unlink(missing_ok=True)
    _remove_outdated(ready, output)
    for entry in sorted(waiting, key=lambda entry: (entry.name == RECEIPT, entry.name)):
        place = output / entry.name
        if entry.is_dir():
            _put_folder(entry, place)
        else:
            if place.is_dir():
                _set_aside(place, ready)
            entry.replace(place)
    shutil.rmtree(ready)


def _is_unpublished(entry: Path) -> bool:
    """A folder without the mark is what stood in the place before."""
    if entry.name == OUTDATED:
        return False
    return not entry.is_dir() or (entry / UNPUBLISHED).exists()


def _remove_outdated(ready: Path, output: Path) -> None:
    listed = ready / OUTDATED
    for name in listed.read_text(encoding="utf-8").split("\n") if listed.exists() else []:
        place = output / name
        if name and place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif name:
            place.unlink(missing_ok=True)


def _put_folder(entry: Path, place: Path) -> None:
    """In one step where the system can, so that who reads `place` always finds a whole folder there."""
    if not place.exists():
        entry.rename(place)
    elif not _exchange(entry, place):
        _set_aside(place, entry.parent)
        entry.rename(place)
    (place / UNPUBLISHED).unlink()


def _set_aside(place: Path, ready: Path) -> None:
    place.rename(ready / f"{RETIRED}{place.name}")


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths atomically; False where the system or its file system can't."""
    if not sys.platform.startswith("linux"):
        return False
    at_cwd, rename_exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE, from Linux's fcntl.h and fs.h
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    swapped = libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), rename_exchange)
    return bool(swapped == 0)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; what JSON does not know (dates, paths, decimals) as text."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as CSV, with cells defused that a spreadsheet would run."""
    import pandas as pd

    safe = frame.copy()
    for name in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
        if safe[name].astype(str).str.startswith(FORMULA_STARTS).any():  # seldom, and seen at once
            safe[name] = safe[name].map(defused)
    write_text(path, safe.to_csv(index=False))


def defused(cell: Any) -> Any:
    """Text that begins like a formula gets an apostrophe in front, which spreadsheets take as `this is text`."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
