"""Measure how long the whole job takes and how much memory, beside others that do its checks alone.

    python -m scripts.bench
    python -m scripts.bench --ratings 100k 1m 10m 32m --rounds 3
    python -m scripts.bench --ratings --users 10000 50000 200000 --users-at 10m
    python -m scripts.bench --peers --peer-python peers/bin/python

Each contestant runs in a fresh process over the same simulated ratings, in turn with the others, several rounds. Peak
memory is that of all its processes together. Writes bench.json and bench.png to --output. Exit code 0: all was
measured, whether or not goals are reached; 1: a contestant crashed, or judged wrongly; 2: used wrongly.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.job.arguments import Parser, local
from scripts.job.ending import answered, printing, say

if TYPE_CHECKING:
    from scripts.benching.contest import Contestant, Measurement
    from scripts.benching.figures import Results

RATINGS_A_USER = 160  # as in the largest MovieLens edition: 32 million by 200 000 users
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
Cell = tuple[int, int]  # ratings, users


@answered("what was measured of whole sizes is written")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return _run(_options(argv))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("bench", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--ratings",
        nargs="*",
        type=_count,
        default=[100_000, 1_000_000],
        metavar="N",
        help="how many, such as 100k 1m 10m 32m (default: 100k 1m)",
    )
    parser.add_argument("--users", nargs="+", type=_count, default=[], metavar="N", help="users at fixed ratings")
    parser.add_argument("--users-at", type=_count, default=1_000_000, metavar="N", help="those ratings (default: 1m)")
    parser.add_argument("--rounds", type=_count, default=3, metavar="N", help="times that each runs (default: 3)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants; a wrong name lists them all")
    parser.add_argument("--peers", action="store_true", help="also the peers of requirements-bench.txt")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH", help="an interpreter that has them")
    parser.add_argument(
        "--data",
        type=local,
        metavar="DIR",
        help="where simulated data are kept for the next time (default: data in --output)",
    )
    parser.add_argument("--output", type=local, default=Path("outputs/bench"), metavar="DIR", help="(%(default)s)")
    parser.add_argument(
        "--patience", type=_count, default=3_600, metavar="SECONDS", help="for one run (default: %(default)s)"
    )
    return parser.parse_args(argv)


def _count(text: str) -> int:
    found = re.fullmatch(r"([1-9]\d*)([km]?)", text.lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no number such as 100k or 32m")
    return int(found[1]) * UNITS[found[2]]


def _run(options: argparse.Namespace) -> int:
    from scripts.benching import report
    from scripts.benching.contest import ContestError

    contestants = _contestants(options)
    failures: list[str] = []
    results = None
    for results in _results(options, contestants, failures):
        report.write(results, failures, options.output)
    if results is None:
        raise ContestError("--ratings or --users must say what to measure.")
    with printing():
        print(*report.lines(results), f"{options.output / 'bench.json'} and bench.png written", sep="\n")
    for failure in failures:
        say(failure)
    return 1 if failures else 0


def _contestants(options: argparse.Namespace) -> list[tuple[Contestant, str]]:
    """Who takes part, each with its interpreter."""
    from scripts.benching.contest import CONTESTANTS, PEERS, ContestError, interpreter, ready

    known = [one.name for one in (*CONTESTANTS, *PEERS)]
    if unknown := sorted(set(options.only or ()) - set(known)):
        raise ContestError(f"--only {' '.join(unknown)}: there is none of this name; choose from {', '.join(known)}.")
    chosen = [(one, sys.executable) for one in CONTESTANTS if not options.only or one.name in options.only]
    wanted = [one for one in PEERS if (one.name in options.only if options.only else options.peers)]
    python = interpreter(options.peer_python) if wanted else ""
    for peer, there in ready(wanted, python):
        if there:
            chosen.append((peer, python))
        else:
            print(f"{peer.name} is left out: {python} has no {peer.needs} (requirements-bench.txt)", file=sys.stderr)
    if not chosen:
        raise ContestError("nobody is left to be measured.")
    return chosen


def _results(
    options: argparse.Namespace, contestants: Sequence[tuple[Contestant, str]], failures: list[str]
) -> Iterator[Results]:
    """The results so far, after each size."""
    from scripts.benching.figures import Results

    measured: dict[bool, list[Measurement]] = {False: [], True: []}
    cells = [(False, (ratings, max(1, ratings // RATINGS_A_USER))) for ratings in options.ratings]
    cells += [(True, (options.users_at, users)) for users in options.users]
    for is_sweep, cell in cells:
        measured[is_sweep] += _measured(options, contestants, cell, failures)
        yield Results(measured[False], measured[True])


def _measured(
    options: argparse.Namespace, contestants: Sequence[tuple[Contestant, str]], cell: Cell, failures: list[str]
) -> list[Measurement]:
    """All rounds at one size. A contestant that fails once has no figures there."""
    from scripts.benching.contest import ContestError, hold

    data = _data(options.data or options.output / "data", cell)
    out: set[str] = set()
    found: list[Measurement] = []
    for number in range(options.rounds):
        for contestant, python in contestants:
            if contestant.name in out:
                continue
            say(f"{cell[0]:,} ratings of {cell[1]:,} users, round {number + 1}: {contestant.name}")
            try:
                one = hold(contestant, _off_the_scale(data) if contestant.finds else data, python, options.patience)
                if one.failed != contestant.finds:
                    wrong = f"finds {_listed(one.failed)} where it ought to find {_listed(contestant.finds)}"
                    raise ContestError(f"{contestant.name} {wrong}.")
            except ContestError as error:
                failures.append(f"at {cell[0]:,} ratings {error}")
                out.add(contestant.name)
                continue
            found.append(replace(one, ratings=cell[0], users=cell[1], round=number + 1))
    return [one for one in found if one.contestant not in out]


def _data(folder: Path, cell: Cell) -> Path:
    """The simulated delivery of a size, made where it is not there yet; the same size is always the same bytes."""
    from scripts.simulate_data import simulate

    ratings, users = cell
    data = folder / f"{ratings}-ratings-{users}-users"
    if not data.is_dir():
        say(f"Simulating {data}")
        simulate(data, users=users, ratings=ratings)
    return data


def _off_the_scale(data: Path) -> Path:
    """The same delivery with every rating twenty times as high; made where it is not there yet."""
    from checks.warehouse import connect, literal

    broken = data.with_name(f"{data.name}-off-the-scale")
    if not broken.is_dir():
        say(f"Breaking {broken}")
        with tempfile.TemporaryDirectory(dir=data.parent) as place, connect(None) as connection:
            made = Path(shutil.copytree(data, Path(place) / data.name, ignore=shutil.ignore_patterns("ratings.csv")))
            rows = f"select * replace (20 * rating as rating) from read_csv({literal(str(data / 'ratings.csv'))})"
            connection.execute(f"copy ({rows}) to {literal(str(made / 'ratings.csv'))} (header)")
            made.rename(broken)
    return broken


def _listed(checks: Sequence[str]) -> str:
    return ", ".join(checks) or "no fault"


if __name__ == "__main__":
    raise SystemExit(main())
