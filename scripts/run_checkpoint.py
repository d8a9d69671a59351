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
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from checks.pseudonyms import SALT
from checks.retention import KEPT_RUNS
from checks.spark_files import place
from checks.suites import SEVERITIES
from scripts.job import findings
from scripts.job.arguments import memory, positive
from scripts.job.machine import give_back, settle

if TYPE_CHECKING:
    from rich.console import Console

    from checks.gate import Verdict
    from checks.run import Run
    from checks.waivers import Waiver
    from checks.warehouse import Warehouse

REAL_DATA = Path("data/ml-latest-small")
GET_REAL_DATA = "python -m scripts.download_data ml-latest-small"
CANNOT_JUDGE = 2
TRACEBACK = "MOVIELENS_TRACEBACK"  # set: an unexpected error ends the command with its traceback
SHOWN_CHARACTERS = 300  # of an error's message, which may quote a whole query
# What a run may write; what it does not, as where an analysis failed, must not be left standing from an earlier run.
RESULTS = (
    "summary.json",
    "summary_statistics.csv",
    "user_statistics_with_anomalies.csv",
    "anomalous_users.csv",
    "drift_analysis.csv",
    "drift_trends.csv",
    "quarantine",
    "validated",
    "junit.xml",
    "results.sarif",
    "report.md",
    "gl-code-quality-report.json",
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    settle()
    try:
        return _run_or_refuse(arguments)
    except KeyboardInterrupt:  # also while modules are imported, which takes longer than a small run
        print("Interrupted; the last results are as they were.", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:  # the tables of the console may be what is missing
        print(f"{error}; install it where this runs: pip install -r requirements.txt", file=sys.stderr)
        return CANNOT_JUDGE
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        print(_unexpected(error), file=sys.stderr)
        return CANNOT_JUDGE


def _unexpected(error: Exception) -> str:
    """What a fault of this program says in place of a traceback: what, where, and what to do."""
    from checks.console import printable
    from checks.gate import one_line

    place = traceback.extract_tb(error.__traceback__)[-1]
    what = printable(one_line(str(error)))[:SHOWN_CHARACTERS] or "no message"
    where = f"{Path(place.filename).name}:{place.lineno}"
    return (
        f"The run failed, the last results are as they were: {type(error).__name__} in {where} ({what}); "
        f"run it again with {TRACEBACK}=1 and report what it prints."
    )


def _run_or_refuse(arguments: argparse.Namespace) -> int:
    from checks.console import printable
    from checks.files import DeliveryError
    from checks.outputs import OutputError
    from checks.suites import ProjectError

    try:
        return _run(arguments)
    except (DeliveryError, OutputError, ProjectError, findings.SettingError) as error:
        print(printable(str(error)), file=sys.stderr)  # it may quote a folder's or a file's name
        return CANNOT_JUDGE


def parser() -> argparse.ArgumentParser:
    """The settings of one run, which `scripts.monitor` takes too."""
    parser = argparse.ArgumentParser(prog="python -m scripts.run_checkpoint", description=__doc__)
    parser.add_argument(
        "--data",
        type=place,
        metavar="DIR",
        help="a folder of MovieLens-format files: CSV, gzipped CSV or Parquet "
        f"(default: {REAL_DATA} if it is there, else a simulated sample)",
    )
    parser.add_argument(
        "--output",
        type=Path,
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
    findings.add_settings(parser)
    parser.add_argument(
        "--hash-users",
        action="store_true",
        help=f"show users by pseudonyms, made with the secret salt of the environment variable {SALT}",
    )
    findings.add_engine(parser)
    parser.add_argument("--quiet", action="store_true", help="print the verdict's line alone")
    parser.add_argument("--json", action="store_true", help="print the run as JSON, as in summary.json")
    return parser


@dataclass(frozen=True)
class Progress:
    """Says what is being done, on standard error, so that standard output holds the result alone."""

    out: Console
    silent: bool

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        from checks.console import printable

        text = printable(text)  # it names folders
        if self.silent:
            yield
        elif self.out.is_terminal:
            with self.out.status(text):
                yield
        else:
            self.out.print(text)
            yield

    def say(self, text: str) -> None:
        from checks.console import printable

        if not self.silent:
            self.out.print(printable(text))


def silence() -> Progress:
    """Progress that nobody is told of, for those who judge deliveries on another command's behalf."""
    from checks import console

    return Progress(console.console(stderr=True), silent=True)


def _run(arguments: argparse.Namespace) -> int:
    from checks import console

    findings.check_settings(arguments)
    progress = Progress(console.console(stderr=True), arguments.quiet or arguments.json)
    folder, simulated = delivery(arguments.data, arguments.output, progress)
    with contextlib.redirect_stdout(_log(arguments)):
        run, verdict = judge_delivery(arguments, folder, simulated, progress)
    _report(arguments, run, verdict)
    return verdict.exit_code


def _log(arguments: argparse.Namespace) -> TextIO:
    """Where actions may print: standard output is the summary's alone with --json."""
    return sys.stderr if arguments.json else sys.stdout


def delivery(data: Path | None, output: Path, progress: Progress) -> tuple[Path, bool]:
    """The folder to judge, and whether it is the simulated sample, which is made in `output` if it is not there."""
    if data is not None:
        return data, False
    if REAL_DATA.is_dir():
        return REAL_DATA, False
    from scripts.simulate_data import simulate

    sample = output / "sample"
    if not sample.is_dir():
        with progress.step(f"No {REAL_DATA} here: making a simulated sample in {sample}"):
            simulate(sample)
    return sample, True


def judge_delivery(
    arguments: argparse.Namespace, folder: Path, simulated: bool, progress: Progress
) -> tuple[Run, Verdict]:
    """Judge `folder` and publish the results in `arguments.output`, all of them or none.

    May be called again and again in one process. Raises DeliveryError, OutputError or ProjectError.
    """
    from checks import history, outputs, retention

    def waiting() -> None:
        progress.say(f"Waiting: another run is writing to {arguments.output}")

    announcements: list[Callable[[], None]] = []
    with outputs.staged(arguments.output, waiting, RESULTS, announcements) as staging:
        history.check(arguments.output / retention.HISTORY)
        retention.carry_over(arguments.output, staging, arguments.keep_runs)
        run, verdict = _judge(arguments, folder, simulated, staging, progress)
        announcements += run.announcements
    return run, verdict


def _judge(
    arguments: argparse.Namespace, folder: Path, simulated: bool, staging: Path, progress: Progress
) -> tuple[Run, Verdict]:
    from checks import checkpoint, outputs, summary
    from checks.phases import Phases
    from checks.suites import declared_suites
    from checks.waivers import load_waivers

    phases = Phases()
    suites = declared_suites()
    waivers = load_waivers(suites, datetime.now(UTC).date())
    with contextlib.ExitStack() as open_warehouse:
        with progress.step(f"Loading {folder}"), phases.phase("load"):
            warehouse = findings.load_warehouse(folder, arguments, staging / "warehouse.duckdb")
        open_warehouse.enter_context(warehouse)
        with progress.step("Scoring users and comparing windows of time"):
            problems = findings.write_findings(warehouse, arguments, phases)
            give_back()
        run = replace(_describe(warehouse, suites, waivers, problems, staging, arguments, simulated), phases=phases)
        with phases.phase("statistics and tables of findings"):
            outputs.write_csv(staging / "summary_statistics.csv", run.names.statistics(summary.statistics(warehouse)))
            findings.write_files(warehouse, staging, run.names)
        if arguments.engine == "spark":
            run = replace(run, spark=warehouse)
            if not (arguments.spark_master or "local").startswith("local"):
                progress.say("On a cluster, quarantine/ and validated/ are not made.")
        else:
            open_warehouse.close()  # GX opens the file itself, which DuckDB locks
        with progress.step(f"Judging {sum(map(len, suites.values()))} expectations of {len(suites)} suites"):
            verdict = checkpoint.run_checkpoint(run)
    outputs.write_json(staging / "summary.json", summary.summary(verdict, run))
    return run, verdict


def _describe(
    warehouse: Warehouse,
    suites: dict[str, list[dict[str, object]]],
    waivers: Sequence[Waiver],
    problems: dict[str, str],
    staging: Path,
    arguments: argparse.Namespace,
    simulated: bool,
) -> Run:
    from checks import history
    from checks.run import Run

    first, last = _time_span(warehouse)
    run = Run(
        folder=warehouse.folder,
        sources=warehouse.sources,
        row_counts={name: warehouse.count(name) for name in suites if warehouse.has(name)},
        suites=suites,
        waivers=waivers,
        output=staging,
        warehouse=staging / "warehouse.duckdb",
        started=datetime.now(UTC),
        fail_on=arguments.fail_on,
        max_age=arguments.max_age,
        settings=findings.recorded(arguments),
        simulated=simulated,
        names=findings.user_names(arguments),
        memory_limit=findings.database_limit(arguments),
        problems={n: source.problem for n, source in warehouse.sources.items() if source.problem} | problems,
        first_rating=first,
        last_rating=last,
        findings=history.findings(warehouse),
        published=arguments.output,
    )
    return replace(run, repeats=history.same_as_last(run))


def _time_span(warehouse: Warehouse) -> tuple[datetime | None, datetime | None]:
    """The first and last rating's time, where the table has times that a calendar knows."""
    source = warehouse.sources["ratings"]
    if source.problem or "timestamp" not in source.columns:
        return None, None
    row = warehouse.row("select min(timestamp), max(timestamp) from ratings")
    assert row is not None
    return _moment(row[0]), _moment(row[1])


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # milliseconds, or damage; the suite says so
        return None


def _report(arguments: argparse.Namespace, run: Run, verdict: Verdict) -> None:
    from checks import github, summary

    if arguments.json:
        text = json.dumps(summary.summary(verdict, run), indent=2, ensure_ascii=False, default=str)
        print(github.inert(text) if github.on_github() else text)
        return
    with github.commands_stopped():
        _print(arguments, run, verdict)


def _print(arguments: argparse.Namespace, run: Run, verdict: Verdict) -> None:
    from checks import console

    out = console.console()
    if arguments.quiet:
        out.print(f"{str(verdict.decision).upper()}: {verdict.why()}")
        return
    _introduce(out, run)
    console.print_verdict(out, verdict, run)
    pages = (arguments.output / "data_docs" / "index.html").resolve()
    out.print(console.printable(f"Data Docs: {pages}"))


def _introduce(out: Console, run: Run) -> None:
    from checks.console import printable

    folder = printable(str(run.folder))
    if run.simulated:
        out.print(f"Judged a simulated sample ({folder}), not real data. Get the real one: {GET_REAL_DATA}")
    else:
        out.print(f"Judged {folder}")
    if run.repeats is not None:
        out.print(f"The files are those of the last run ({run.repeats:%Y-%m-%d %H:%M} UTC), byte for byte.")


def _end(code: int) -> NoReturn:
    """End the process without taking the interpreter apart: the system frees a million objects at once."""
    try:
        atexit._run_exitfuncs()  # temporary folders, Spark
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads any more: let Python tell it as ever
        raise SystemExit(code) from None
    os._exit(code)


if __name__ == "__main__":
    _end(main())
