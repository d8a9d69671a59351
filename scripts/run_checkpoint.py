"""Judge a delivery of movie ratings: are the rows right, are the users honest, has the world moved?

Exit code 0: pass; 1: at least one critical expectation failed; 2: it could not be judged.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from checks.engine.suites import SEVERITIES
from checks.results.pseudonyms import SALT
from checks.results.retention import KEPT_RUNS
from scripts.job.arguments import Parser, local, memory, place, positive
from scripts.job.delivered import GET_REAL_DATA, REAL_DATA, delivery
from scripts.job.ending import answered, leaves, printing
from scripts.job.progress import Progress
from scripts.job.settings import add_engine, add_settings, check_settings

if TYPE_CHECKING:
    from rich.console import Console

    from checks.gate.verdict import Verdict
    from checks.run import Run
    from scripts.job.preparing import Job


@answered("the last results are as they were", analyses=True)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    return _run(arguments)


def parser() -> argparse.ArgumentParser:
    """The settings of one run, which `scripts.monitor` takes too."""
    parser = Parser("run_checkpoint", __doc__)
    parser.add_argument(
        "--data",
        type=place,
        metavar="DIR",
        help="a folder of MovieLens-format files: CSV, gzipped CSV or Parquet "
        f"(default: {REAL_DATA} if it is there, else a simulated sample)",
    )
    parser.add_argument(
        "--output",
        type=local,
        default=Path("outputs"),
        metavar="DIR",
        help="where results go (default: outputs)",
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="critical",
        help="the least severity that fails (default: critical)",
    )
    parser.add_argument(
        "--max-age",
        type=positive,
        metavar="DAYS",
        help="fail where the newest rating is older than this (default: any age, as published editions are old)",
    )
    parser.add_argument(
        "--keep-runs",
        type=positive,
        default=KEPT_RUNS,
        metavar="N",
        help=f"how many runs' results and pages are kept; the history keeps all in figures (default: {KEPT_RUNS})",
    )
    parser.add_argument(
        "--memory-limit",
        type=memory,
        metavar="SIZE",
        help="how much memory the run should take, such as 2GB: one analysis at a time, and less for the database",
    )
    add_settings(parser)
    parser.add_argument(
        "--hash-users",
        action="store_true",
        help=f"show users by pseudonyms, made with the secret salt of the environment variable {SALT}",
    )
    add_engine(parser)
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="load and analyse again, also where the last run into --output made its tables of the very same files, "
        "settings and program",
    )
    parser.add_argument("--quiet", action="store_true", help="print the verdict's line alone")
    parser.add_argument("--json", action="store_true", help="print the run as JSON, as in summary.json")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from checks.reports.console import console

    check_settings(arguments)
    progress = Progress(console(stderr=True), arguments.quiet or arguments.json)
    folder, simulated = delivery(arguments.data, arguments.output, progress)
    with contextlib.redirect_stdout(_log(arguments)):
        run, verdict = judge_delivery(arguments, folder, simulated, progress, leaves)
    with printing():
        _report(arguments, run, verdict)
    return verdict.exit_code


def _log(arguments: argparse.Namespace) -> TextIO:
    """Where actions may print: standard output is the summary's alone with --json."""
    return sys.stderr if arguments.json else sys.stdout


def judge_delivery(
    arguments: argparse.Namespace,
    folder: Path,
    simulated: bool,
    progress: Progress,
    leaving: Callable[[str], None] = lambda _: None,
) -> tuple[Run, Verdict]:
    """Judge `folder` and publish the results in `arguments.output`, all of them or none.

    leaving: is told how an interruption leaves them, once they are not as they were. May be called again and again in
    one process. Raises DeliveryError, OutputError or ProjectError.
    """
    from checks.results import history, outputs, retention
    from scripts.job import places
    from scripts.job.preparing import Job

    def waiting() -> None:
        progress.say(f"Waiting: another run is writing to {arguments.output}")

    places.check_inputs(arguments, folder)
    announcements: list[Callable[[], None]] = []
    with outputs.staged(arguments.output, waiting, places.RESULTS, announcements, leaves=leaving) as staging:
        history.check(arguments.output / retention.HISTORY)
        places.check_ours(arguments.output)
        retention.carry_over(arguments.output, staging, arguments.keep_runs)
        run, verdict = _judge(Job(arguments, folder, simulated, staging, progress))
        announcements += run.announcements
    return run, verdict


def _judge(job: Job) -> tuple[Run, Verdict]:
    from checks import checkpoint
    from checks.reports import summary
    from checks.results import outputs
    from scripts.job.places import SUMMARY
    from scripts.job.preparing import prepared

    with (
        prepared(job) as run,
        job.progress.step(f"Judging {sum(map(len, run.suites.values()))} expectations of {len(run.suites)} suites"),
    ):
        verdict = checkpoint.run_checkpoint(run)
    outputs.write_json(job.staging / SUMMARY, summary.summary(verdict, run))
    return run, verdict


def _report(arguments: argparse.Namespace, run: Run, verdict: Verdict) -> None:
    from checks.reports import github, summary
    from checks.texts import printable_json

    if arguments.json:
        text = printable_json(json.dumps(summary.summary(verdict, run), indent=2, ensure_ascii=False, default=str))
        print(github.inert(text) if github.on_github() else text)
        return
    with github.commands_stopped():
        _print(arguments, run, verdict)


def _print(arguments: argparse.Namespace, run: Run, verdict: Verdict) -> None:
    from checks.reports.console import console, print_verdict
    from checks.texts import printable

    out = console()
    if arguments.quiet:
        out.print(printable(f"{str(verdict.decision).upper()}: {verdict.reason(told=1)}"))
        return
    _introduce(out, run)
    print_verdict(out, verdict, run)
    pages = (arguments.output / "data_docs" / "index.html").resolve()
    out.print(printable(f"Data Docs: {pages}"))


def _introduce(out: Console, run: Run) -> None:
    from checks.texts import printable

    folder = printable(str(run.folder))
    if run.simulated:
        out.print(f"Judged a simulated sample ({folder}), not real data. Get the real one: {GET_REAL_DATA}")
    else:
        against = f", held against {printable(str(run.reference))}" if run.reference else ""
        out.print(f"Judged {folder}{against}")
    if run.repeats is not None:
        out.print(f"The files are those of the last run ({run.repeats:%Y-%m-%d %H:%M} UTC), byte for byte.")
    for sentence in run.row_changes:
        out.print(printable(sentence), style="bold")
    if run.kind.remark:
        out.print(printable(run.kind.remark), style="bold")
    if run.tables_of is not None:
        out.print(f"Their tables are of {run.tables_of:%Y-%m-%d %H:%M} UTC, and judged anew; --fresh makes them anew.")


def _end(code: int) -> NoReturn:
    """End the process without taking the interpreter apart: the system frees a million objects at once."""
    try:
        atexit._run_exitfuncs()  # temporary folders, Spark
        for stream in filter(None, (sys.stdout, sys.stderr)):  # one that was closed is None
            stream.flush()
    except OSError:  # nobody reads any more
        pass
    os._exit(code)


if __name__ == "__main__":
    _end(main())
