"""Break a copy of a delivery in several ways, one at a time, and see that the gate catches each.

Exit code 0: it caught every fault; 1: it let one pass; 2: nothing can be shown, as the unbroken copy does not
pass or could not be judged.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.job.arguments import Parser, local
from scripts.job.ending import answered

if TYPE_CHECKING:
    from checks.gate.verdict import Outcome, Verdict

LET_PASS, CANNOT_SHOW = 1, 2
# A demonstration alerts nobody, annotates no pull request and logs no experiment.
SILENCED = ("MOVIELENS_ALERTS", "GITHUB_ACTIONS", "MLFLOW_TRACKING_URI")

Edit = Callable[[Iterator[str]], Iterable[str]]


@dataclass(frozen=True)
class Fault:
    """One way to break a delivery: what it is, the file, and what becomes of the file's lines (None: it is lost)."""

    name: str
    file: str
    edit: Edit | None


@answered("the delivery is as it was", analyses=True)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    from checks.reports.github import commands_stopped

    with commands_stopped(), tempfile.TemporaryDirectory(prefix="demo-failure-") as work, _silenced():
        return _demonstrate(arguments.data, Path(work), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("demo_failure", __doc__)
    parser.add_argument(
        "--data",
        type=local,
        metavar="DIR",
        help="a folder of MovieLens's CSV files, which is only read (default: data/ml-latest-small if it is there, "
        "else a simulated sample)",
    )
    parser.add_argument(
        "--output", type=local, metavar="DIR", help="keep the Data Docs of all runs here (default: nothing is kept)"
    )
    return parser.parse_args(argv)


@contextmanager
def _silenced() -> Iterator[None]:
    taken = {name: os.environ.pop(name) for name in SILENCED if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


def _demonstrate(data: Path | None, work: Path, output: Path | None) -> int:
    from scripts.job.delivered import delivery
    from scripts.job.progress import silence

    folder, simulated = delivery(data, work, silence())
    if lacking := [name for name in ("ratings.csv", "movies.csv") if not (folder / name).is_file()]:
        print(f"{folder}: holds no {' and no '.join(lacking)}; give a folder of CSV files.", file=sys.stderr)
        return CANNOT_SHOW
    judge = partial(_judge, folder, simulated, work, output or work / "out")
    whole = judge([])
    print(f"Unbroken, {folder}: {str(whole.decision).upper()}  {whole.why()}", flush=True)
    if whole.exit_code:
        print("It does not pass as it is, so that a fault more would show nothing; give clean data.", file=sys.stderr)
        return CANNOT_SHOW
    faults = list(_faults(folder))
    missed = [fault.name for fault in faults if not _is_caught(fault, judge([fault]))]
    print(f"\nThe gate caught {len(faults) - len(missed)} of {len(faults)} faults.")
    if output is not None:
        print(f"Data Docs: {(output / 'data_docs' / 'index.html').resolve()}")
    return LET_PASS if missed else 0


def _is_caught(fault: Fault, verdict: Verdict) -> bool:
    print(f"\n{'CAUGHT' if verdict.exit_code else 'LET PASS'}  {fault.name}: {verdict.why()}", flush=True)
    for outcome in filter(verdict.stops, verdict.worst_first()[:1]):
        print(f"    {_shown(outcome)}", flush=True)
    return verdict.exit_code != 0


def _shown(outcome: Outcome) -> str:
    from checks.reports.console import row_text
    from checks.texts import printable

    found = row_text(outcome.rows[0]) if outcome.rows else outcome.cause or outcome.observed
    return f"{outcome.suite}: {outcome.sentence} {printable(found)}"


def _judge(folder: Path, simulated: bool, work: Path, output: Path, faults: Sequence[Fault]) -> Verdict:
    """The verdict of the main job on a copy of `folder` with these faults, named by them, as the report shows names."""
    from scripts.job.places import check_inputs
    from scripts.job.progress import silence
    from scripts.run_checkpoint import judge_delivery, parser

    broken = work / (" and ".join(fault.name for fault in faults) or "unbroken")
    settings = parser().parse_args(["--data", str(broken), "--output", str(output), "--quiet"])
    check_inputs(settings, folder)  # what is judged is a copy, but the first run would replace what is copied next
    broken.mkdir()
    edits = {fault.file: fault.edit for fault in faults}
    for file in sorted(folder.glob("*.csv")):
        _copy(file, broken / file.name, edits.get(file.name, lambda lines: lines))
    verdict = judge_delivery(settings, broken, simulated, silence())[1]
    shutil.rmtree(broken)
    return verdict


def _copy(file: Path, place: Path, edit: Edit | None) -> None:
    if edit is None:
        return
    with (
        file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines,
        place.open("w", encoding="utf-8", errors="surrogateescape", newline="") as copy,
    ):
        copy.writelines(edit(lines))


def _faults(folder: Path) -> Iterator[Fault]:
    """Faults as deliveries have them, from a lost file to a single cell."""
    with (folder / "ratings.csv").open(encoding="utf-8") as file:
        rated = next(file) and next(file).split(",")[1]
    yield Fault("a lost file", "ratings.csv", None)
    yield Fault("a rated film that is missing from movies", "movies.csv", _without(rated))
    yield Fault("a renamed column", "ratings.csv", _renamed("rating", "stars"))
    yield Fault("times in milliseconds", "ratings.csv", _milliseconds)
    yield Fault("a rating delivered twice", "ratings.csv", _twice(6))
    yield Fault("an id that is no number", "ratings.csv", _cell(5, 1, "n/a"))
    yield Fault("a rating without its user", "ratings.csv", _cell(4, 0, ""))
    yield Fault("a rating of 7.5 stars", "ratings.csv", _cell(3, 2, "7.5"))


def _cell(number: int, column: int, value: str) -> Edit:
    """Put `value` into one cell: the line as in the file, the column from 0."""

    def edit(lines: Iterator[str]) -> Iterator[str]:
        for line_number, line in enumerate(lines, start=1):
            yield _with(line, column, value) if line_number == number else line

    return edit


def _with(line: str, column: int, value: str) -> str:
    cells = line.rstrip("\r\n").split(",")
    cells[column] = value
    return ",".join(cells) + "\n"


def _twice(number: int) -> Edit:
    def edit(lines: Iterator[str]) -> Iterator[str]:
        for line_number, line in enumerate(lines, start=1):
            yield from [line] * (2 if line_number == number else 1)

    return edit


def _milliseconds(lines: Iterator[str]) -> Iterator[str]:
    yield next(lines)
    for line in lines:
        yield _with(line, 3, f"{line.rstrip().rsplit(',', 1)[1]}000")


def _renamed(old: str, new: str) -> Edit:
    def edit(lines: Iterator[str]) -> Iterator[str]:
        names = next(lines).rstrip("\r\n").split(",")
        yield ",".join(new if name == old else name for name in names) + "\n"
        yield from lines

    return edit


def _without(film: str) -> Edit:
    return lambda lines: (line for line in lines if line.partition(",")[0] != film)


if __name__ == "__main__":
    raise SystemExit(main())
