"""Where a run puts its results, and what it refuses to replace: its own input, and what it did not write."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from checks import files
from checks.results.outputs import QUARANTINE, RECEIPT, REPORTS, VALIDATED, OutputError
from checks.results.retention import BY_RUN, HISTORY
from checks.spark.files import GLOB
from checks.tables import DELIVERED, TRENDS
from scripts.job import reuse

SUMMARY = "summary.json"
# What a run may write; what it does not, as where an analysis failed, must not be left standing from an earlier run.
RESULTS = (
    SUMMARY,
    "summary_statistics.csv",
    "user_statistics_with_anomalies.csv",
    "anomalous_users.csv",
    "drift_analysis.csv",
    f"{TRENDS}.csv",
    reuse.RECORD,
    QUARANTINE,
    VALIDATED,
    *REPORTS.values(),
)
REPLACED = (*RESULTS, *BY_RUN, reuse.DATABASE, HISTORY, RECEIPT)
FOLDERS = (QUARANTINE, VALIDATED, *BY_RUN)
OF_TABLES = re.compile(rf"({'|'.join(table.name for table in DELIVERED)})([-_.].*)?")  # as both engines find files
WHOLE = tuple(f"{table.name}{suffix}" for table in DELIVERED for suffix in ("", *files.SUFFIXES))


def check_inputs(settings: argparse.Namespace, data: Path | None, option: str = "--data") -> None:
    """Raise OutputError where the run would replace what it reads, `data` being named by `option`."""
    given = {option: data, "--reference": settings.reference, "--trusted-users": settings.trusted_users}
    for name, path in given.items():
        if path is None or "://" in str(path):  # results are never put into another system
            continue
        if place := _in_the_way(path, settings.output, settings.engine == "spark"):
            raise OutputError(
                f"{name} {path}: is read from {place}, where this run puts its results; "
                "choose another --output, or copy it elsewhere first."
            )


def _in_the_way(given: Path, output: Path, on_spark: bool) -> Path | None:
    """The first result's place that an input is or lies in; or a folder of parts that results would lie in."""
    places = [output / name for name in REPLACED]
    if on_spark and not given.exists() and any(c in str(given) for c in GLOB):
        patterns = list(_alternatives(str(given)))
        return next((place for place in places if any(_may_match(one, place) for one in patterns)), None)
    read = list(_read(given))
    for place in places:
        if any(_is_or_lies_in(path, place) for path in read):
            return place
    swallows = [path for path in read[1:] if path.name in WHOLE and path.is_dir()] if on_spark else []
    return next((path for path in swallows if output.resolve().is_relative_to(path.resolve())), None)


def _read(given: Path) -> Iterator[Path]:
    """An input itself, and what of a folder may be a table or a folder of its parts, each of which may be a link."""
    yield given
    try:
        yield from (entry for entry in given.iterdir() if OF_TABLES.fullmatch(entry.name))
    except OSError:  # a file; what can't be read, the loader tells
        return


def _is_or_lies_in(path: Path, place: Path) -> bool:
    """Whatever links and spellings they are named by."""
    try:
        real = path.resolve()
        return any(place.samefile(one) for one in (real, *real.parents))
    except (OSError, RuntimeError):  # one is not there, or a loop of links
        return False


def _alternatives(pattern: str) -> Iterator[str]:
    """The patterns that one with {a,b} in it stands for, by Hadoop's rules."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        yield pattern
        return
    for one in found[1].split(","):
        yield from _alternatives(pattern[: found.start()] + one + pattern[found.end() :])


def _may_match(pattern: str, place: Path) -> bool:
    """Whether a pattern may match a place, or what will be in it: the place need not be there yet."""
    given, there = Path(pattern.replace("[^", "[!")).resolve().parts, (place.parent.resolve() / place.name).parts
    return len(given) >= len(there) and all(fnmatchcase(part, one) for one, part in zip(given, there, strict=False))


def check_ours(output: Path) -> None:
    """Raise OutputError where a result would replace what this program did not write.

    What stands beside a history, summary or pages of ours is an earlier run's, whatever release made it. To be asked
    under the output's lock, when what a killed run left is published: until then a part of it may stand there alone.
    """
    foreign = _of_another_kind(output) or (None if _is_ours(output) else _standing(output, REPLACED))
    if foreign is not None:
        raise OutputError(
            f"{foreign}: was not written by this program, and a result would replace it; "
            "move it away or choose another --output."
        )


def _of_another_kind(output: Path) -> Path | None:
    """A folder that is not empty in a file's place, or a file in a folder's, which no run makes."""
    odd = [name for name in REPLACED if (output / name).exists() and (output / name).is_dir() != (name in FOLDERS)]
    return _standing(output, odd)


def _standing(output: Path, names: Sequence[str]) -> Path | None:
    return next((output / name for name in names if _holds_something(output / name)), None)


def _holds_something(place: Path) -> bool:
    try:
        return any(place.iterdir()) if place.is_dir() else place.stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_ours(output: Path) -> bool:
    """Whether an earlier run left its history, its summary or pages of runs.

    A summary counts whatever is in it: one that was damaged must not lock its owner out.
    """
    pages = (output / "data_docs" / "runs").glob("*/record.json")
    return (output / HISTORY).is_file() or (output / SUMMARY).is_file() or any(pages)
