"""The first half of a job: all that is known of a delivery before Great Expectations judges it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.tables import TRENDS
from scripts.job import aside, findings, loading, reuse, since
from scripts.job.machine import give_back
from scripts.job.progress import Progress
from scripts.job.settings import check_unchanged, of_tables, recorded, user_names

if TYPE_CHECKING:
    from checks.phases import Phases
    from checks.run import Run
    from checks.waivers import Waiver
    from checks.warehouse import Warehouse

# Bytes of files up to which Great Expectations is imported while others analyse. Measured: 0.85 of the time at 100 and
# 300 thousand ratings; from a million on, which take 25 MB, the analyses fill both cores and the memory is wanted.
SMALL = 12_000_000


@dataclass(frozen=True)
class Job:
    """One delivery to judge, and how. Results go to `staging`."""

    arguments: argparse.Namespace
    folder: Path
    simulated: bool  # whether the delivery is the sample
    staging: Path
    progress: Progress

    @property
    def database(self) -> Path:
        return self.staging / reuse.DATABASE

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that decides a verdict besides data and rules, as it was before the work."""
        return recorded(self.arguments)

    @cached_property
    def maker(self) -> dict[str, Any]:
        """What makes the tables, as it was before the work."""
        return reuse.maker(of_tables(self.settings, self.arguments))


@contextlib.contextmanager
def prepared(job: Job) -> Iterator[Run]:
    """The delivery loaded and analysed, its findings written, and ready for the checkpoint.

    Of a small delivery a process of its own does so, while this one imports Great Expectations, which takes as long.
    Raises DeliveryError, ProjectError or SettingError.
    """
    if job.arguments.engine == "spark":
        with _analysed(job) as (run, warehouse):  # the tables are open until the run ends
            if not (job.arguments.spark_master or "local").startswith("local"):
                job.progress.say("On a cluster, quarantine/ and validated/ are not made.")
            yield replace(run, spark=warehouse)
    elif "great_expectations" not in sys.modules and _is_small(job) and aside.possible():
        yield _prepared_aside(job)
    else:
        yield _prepare(job)


def _is_small(job: Job) -> bool:
    from checks.files import DeliveryError, find
    from checks.tables import DELIVERED

    if job.arguments.memory_limit is not None:
        return False
    try:
        paths = [find(job.folder, table.name) for table in DELIVERED]
        return sum(path.stat().st_size for path in paths if path is not None) <= SMALL
    except (OSError, DeliveryError):
        return False  # which the loader tells


def _prepared_aside(job: Job) -> Run:
    from checks import loader  # noqa: F401  what both need is imported once
    from checks.reports import columns  # noqa: F401  what both need is imported once
    from checks.results import outputs  # noqa: F401  what both need is imported once

    with aside.Aside(lambda: _prepare(job)) as work:
        import checks.engine.context  # noqa: F401

        run = work.result()
    run.phases.count("import of Great Expectations")  # as much of it as the other process was not busy
    return run


def _prepare(job: Job) -> Run:
    with _analysed(job) as (run, warehouse):  # closed at the end: GX opens the file itself, which DuckDB locks
        whole = job.arguments.trends is None or warehouse.has(TRENDS)
    if whole:
        with run.phases.phase("load"):
            reuse.remember(run, job.maker)
    return run


@contextlib.contextmanager
def _analysed(job: Job) -> Iterator[tuple[Run, Warehouse]]:
    """The run, and its warehouse while it is open."""
    from checks.engine.suites import declared_suites
    from checks.phases import Phases
    from checks.waivers import load_waivers

    phases, suites = Phases(), declared_suites()
    waivers = load_waivers(suites, datetime.now(UTC).date())
    warehouse, made = _taken_over(job, phases)
    if warehouse is None:
        with job.progress.step(f"Loading {job.folder}"), phases.phase("load"):
            warehouse = loading.load_warehouse(job.folder, job.arguments, job.database)
    with warehouse:
        problems = {} if made else _analyse(job, warehouse, phases)
        run = replace(_described(job, warehouse, suites, waivers, problems), phases=phases, tables_of=made)
        with phases.phase("statistics and tables of findings"):
            _write_tables(job, warehouse, run)
        yield run, warehouse


def _taken_over(job: Job, phases: Phases) -> tuple[Warehouse | None, datetime | None]:
    """The tables of the last run, and when that began, where this one would make them just so."""
    made_by = job.maker  # asked for even where nothing is taken over: what it tells of may change during the work
    with phases.phase("load"):
        able = job.arguments.engine == "duckdb" and not job.arguments.fresh
        tables = reuse.take(job.arguments.output, job.folder, made_by, job.database) if able else None
    if tables is None:
        return None, None
    job.progress.say(f"Taking over the tables that were made at {tables.made:%Y-%m-%d %H:%M} UTC of the same files")
    return loading.open_warehouse(job.folder, job.arguments, job.database, tables.sources), tables.made


def _analyse(job: Job, warehouse: Warehouse, phases: Phases) -> dict[str, str]:
    with job.progress.step("Scoring users and comparing windows of time"):
        problems = findings.write_findings(warehouse, job.arguments, phases)
        check_unchanged(job.settings, job.arguments)
        give_back()
    return problems


def _write_tables(job: Job, warehouse: Warehouse, run: Run) -> None:
    if job.arguments.engine == "spark":
        findings.write_files(warehouse, job.staging, run.names)
        _write_statistics(job, warehouse, run)
        return
    with warehouse.beside() as another, ThreadPoolExecutor(1) as pool:
        # Python writes what was found while the database counts.
        written = pool.submit(findings.write_files, another, job.staging, run.names)
        _write_statistics(job, warehouse, run)
        written.result()


def _write_statistics(job: Job, warehouse: Warehouse, run: Run) -> None:
    from checks.reports import columns
    from checks.results import outputs

    statistics = run.names.statistics(columns.statistics(warehouse))
    outputs.write_csv(job.staging / "summary_statistics.csv", statistics)


def _described(
    job: Job,
    warehouse: Warehouse,
    suites: dict[str, list[dict[str, object]]],
    waivers: Sequence[Waiver],
    problems: dict[str, str],
) -> Run:
    from checks import editions
    from checks.results import changes, history
    from checks.run import Run

    first, last = _time_span(warehouse)
    run = Run(
        folder=warehouse.folder,
        reference=job.arguments.reference,
        sources=warehouse.sources,
        row_counts={name: warehouse.count(name) for name in suites if warehouse.has(name)},
        suites=suites,
        waivers=waivers,
        output=job.staging,
        warehouse=job.database,
        started=datetime.now(UTC),
        fail_on=job.arguments.fail_on,
        max_age=job.arguments.max_age,
        settings=job.settings,
        program=reuse.program(job.arguments.engine),
        simulated=job.simulated,
        names=user_names(job.arguments),
        memory_limit=loading.database_limit(job.arguments),
        problems={n: source.problem for n, source in warehouse.sources.items() if source.problem} | problems,
        first_rating=first,
        last_rating=last,
        findings=history.findings(warehouse),
        kind=editions.kind(job.arguments.increment, since.kept(warehouse), suites),
        published=job.arguments.output,
    )
    return replace(run, repeats=history.same_as_last(run), row_changes=changes.row_changes(run))


def _time_span(warehouse: Warehouse) -> tuple[datetime | None, datetime | None]:
    """The first and last rating's time, where the table has times that a calendar knows."""
    source = warehouse.sources["ratings"]
    if source.problem or "timestamp" not in source.columns:
        return None, None
    first, last = warehouse.one("select min(timestamp), max(timestamp) from ratings")
    return _moment(first), _moment(last)


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # milliseconds, or damage; the suite says so
        return None
