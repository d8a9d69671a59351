"""Take over the tables of the last run, where it made them of the very same files, settings and program.

Loading and analysing are a function of these three, and most of a large run. Judging is never taken over: suites,
waivers and the clock may have changed. Nothing is guessed: files, program and the tables themselves are compared by
their SHA-256; and where a key signs receipts, it signs the record of what the tables were made of, too.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import files
from checks.engine.suites import ROOT
from checks.results import outputs, receipt

if TYPE_CHECKING:
    from checks.run import Run
    from checks.warehouse import SourceFile

DATABASE = "warehouse.duckdb"
RECORD = "warehouse.json"  # what the tables in the database beside it were made of
PROGRAM = ("anomaly", "checks", "drift", "scripts")  # more than makes the tables: to part them would be a guess
SOURCES = (".py", ".sql", ".toml")
LARGEST_RECORD_BYTES = 1 << 20  # one has some three kilobytes


@dataclass(frozen=True)
class Tables:
    """Tables that an earlier run made: of which files, and when it began."""

    sources: dict[str, SourceFile]
    made: datetime


def maker(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What makes tables of files, as JSON gives it back. settings: all that the tables hang on, JSON-ready."""
    return dict(json.loads(json.dumps({"settings": settings} | program("duckdb"))))


@cache
def program(engine: str) -> dict[str, Any]:
    """The program that this process runs: that which was there when it was first asked, which is to be at its start."""
    return _installed(engine)


def _installed(engine: str) -> dict[str, Any]:
    return {"program": _sources(), "versions": receipt.versions(engine)}


def take(output: Path, folder: Path, made_by: Mapping[str, Any], database: Path) -> Tables | None:
    """Copy the tables of the last run into `output` to `database`, if those of `folder` would be the same; else None.

    made_by: what would make them now (see `maker`). Raises DeliveryError where two files of `folder` claim one table.
    """
    record = _read(output / RECORD)
    if record is None or record.get("made_by") != made_by:
        return None
    sources = {entry["table"]: _source(entry, folder) for entry in record["files"]}
    if not all(map(_seems_unchanged, sources.values())):
        return None
    copied = partial(_copied, output / DATABASE, database, record["sha256"])
    if not _all_hold([copied, *(partial(_is_unchanged, source) for source in sources.values())]):
        database.unlink(missing_ok=True)  # its tables must not mix with those that will be loaded
        return None
    return Tables(sources, datetime.fromisoformat(record["made"]))


def _all_hold(conditions: Sequence[Callable[[], bool]]) -> bool:
    """Each is looked at, side by side: hashing and copying leave the interpreter free."""
    with ThreadPoolExecutor() as pool:
        under_way = [pool.submit(condition) for condition in conditions]
        return all(one.result() for one in under_way)


def remember(run: Run, made_by: Mapping[str, Any]) -> None:
    """Write down what the tables of `run` were made of and by, once its database is closed, for the next run.

    Nothing is, where something could not be read or analysed, which may be otherwise the next time, or where another
    program has taken the place of the one that did the work.
    """
    if run.problems or any(made_by[name] != value for name, value in _installed("duckdb").items()):
        return
    record = {
        "made_by": made_by,
        "made": (run.tables_of or run.started).isoformat(),
        "files": [asdict(source) | {"path": source.path.name} for source in run.sources.values() if source.path],
        "sha256": receipt.sha256(run.warehouse),
    }
    outputs.write_json(run.output / RECORD, receipt.sealed(record, receipt.key_from_environment()))


def _sources() -> str:
    """The SHA-256 of our own sources."""
    digest = hashlib.sha256()
    found = (path for part in PROGRAM for path in (ROOT.parent / part).rglob("*") if path.suffix in SOURCES)
    for path in sorted(path for path in found if path.is_file()):  # an editor's lock is a link to nothing
        digest.update(f"{path.relative_to(ROOT.parent)}\0{receipt.sha256(path)}\n".encode())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    """The record at `path`, if it is whole and, where there is a key, signed by it."""
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(LARGEST_RECORD_BYTES))
        sound = isinstance(record, dict) and receipt.is_sealed(record, receipt.key_from_environment())
    except (OSError, ValueError, RecursionError):
        return None
    return record if sound else None


def _source(entry: Mapping[str, Any], folder: Path) -> SourceFile:
    """The file of `folder` that would have to be the one of the entry."""
    from checks.warehouse import SourceFile

    lists = {name: tuple(map(_as_tuple, entry[name])) for name in ("columns", "parts", "hashes")}
    return SourceFile(**dict(entry) | lists | {"path": folder / entry["path"]})


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _seems_unchanged(source: SourceFile) -> bool:
    """Whether it is worth reading: the table's file has the same name and size."""
    assert source.path is not None
    found = files.find(source.path.parent, source.table)
    try:
        return found == source.path and files.problem(found) is None and found.stat().st_size == source.size
    except OSError:  # it is gone, which the loader tells
        return False


def _is_unchanged(source: SourceFile) -> bool:
    assert source.path is not None
    try:
        before = files.identity(source.path)
        same = receipt.sha256(source.path) == source.sha256
        return same and files.identity(source.path) == before
    except OSError:  # it is gone, which the loader tells
        return False


def _copied(database: Path, place: Path, digest: str) -> bool:
    """Whether the copy, not what it is of and might change, is what the record tells of."""
    try:
        shutil.copyfile(database, place)
    except OSError:  # a full disk is told when the tables are made
        return False
    return receipt.sha256(place) == digest
