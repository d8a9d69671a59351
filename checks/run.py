"""One run of the checkpoint: what is judged, by what limits, and where results go.

GX hands its actions nothing but the checkpoint's result, so they ask here for the run that they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from checks.editions import WHOLE, Kind
from checks.engine.suites import ROOT
from checks.gate import judging
from checks.gate.declared import Clock, Declared
from checks.gate.terms import REQUIRED_SUITES
from checks.gate.verdict import Verdict
from checks.phases import Phases
from checks.results.pseudonyms import PLAIN, UserNames
from checks.waivers import Waiver
from checks.warehouse import MEMORY_LIMIT, SourceFile

# Where the rows of a findings table can be looked up: the delivered table whose lines they name, or a file of results.
LINES_OF = {"user_anomalies": "ratings"}
FINDINGS_FILES = {"drift_findings": "drift_analysis.csv"}


@dataclass(frozen=True)
class Findings:
    """The findings tables in three figures; None where there is no such table, or nothing could be measured."""

    flagged_users: int | None = None
    strongest_drift: float | None = None  # in units of the smallest effect that matters
    strongest_feature: str | None = None


@dataclass(frozen=True)
class Run:
    """What every report of a run needs to know. `output` is where to write; it is published when the run ends."""

    folder: Path
    sources: Mapping[str, SourceFile]
    row_counts: Mapping[str, int]
    suites: Mapping[str, Sequence[Mapping[str, Any]]]
    output: Path
    warehouse: Path
    started: datetime
    fail_on: str = "critical"
    max_age: int | None = None  # how old the newest rating may be, in days
    settings: Mapping[str, Any] = field(default_factory=dict)  # all that decides besides data and rules, JSON-ready
    program: Mapping[str, Any] = field(default_factory=dict)  # our sources and the packages' versions, JSON-ready
    simulated: bool = False
    memory_limit: str = MEMORY_LIMIT  # of the database, whoever opens it
    problems: Mapping[str, str] = field(default_factory=dict)  # why a table is missing, by table
    first_rating: datetime | None = None
    last_rating: datetime | None = None
    findings: Findings = Findings()
    reference: Path | None = None  # the delivery that users and windows are held against
    kind: Kind = WHOLE  # an edition or an increment of one
    repeats: datetime | None = None  # when the last run judged these very files
    row_changes: Sequence[str] = ()  # sentences: ratings end earlier, a table's rows fell or rose, since the last run
    tables_of: datetime | None = None  # when the run began that made the tables, where they are an earlier one's
    root: Path = ROOT
    names: UserNames = PLAIN  # how users are shown, wherever they are
    waivers: Sequence[Waiver] = ()
    published: Path | None = None  # where `output` will stand after the run
    phases: Phases = field(default_factory=Phases)  # how long each part of the run takes
    spark: Any = None  # checks.spark.warehouse.SparkWarehouse, where the tables are Spark's; open until the run ends
    figures: Any = None  # checks.docs.figures.Figures, under way while GX works
    announcements: list[Callable[[], None]] = field(default_factory=list)  # to be made once the results stand

    @property
    def engine(self) -> str:
        """What did the work: duckdb or spark."""
        return "duckdb" if self.spark is None else "spark"

    @property
    def fresh_until(self) -> datetime | None:
        """Until when the newest rating is young enough; None where its age does not bear on the verdict."""
        return fresh_until(self.last_rating, self.max_age, self.started)

    def announce(self, telling: Callable[[], None]) -> None:
        """Call `telling` when the results are published, in order; at once where nothing will publish them.

        What leaves the machine waits for this: nobody is told of results that a full disk or a kill then undoes.
        """
        if self.published is None:
            telling()
        else:
            self.announcements.append(telling)

    def declared(self) -> list[Declared]:
        """The suites with what is known of the table of each."""
        return [self._declare(name, expectations) for name, expectations in self.suites.items()]

    def _declare(self, name: str, expectations: Sequence[Mapping[str, Any]]) -> Declared:
        source = self.sources.get(name)
        return Declared(
            name,
            expectations,
            source_file=self.file_of(name),
            problem=self.problems.get(name),
            row_count=self.row_counts.get(name),
            parts=self._parts_of(name),
            lacks=source.lacks if source else {},
            clock=Clock(self.started, self.max_age),
            columns=source.loaded_columns if source else (),
            header_fault=source.header_fault if source else None,
            increment=self.kind.increment,
            unended_line=source.unended_line if source else None,
        )

    def _parts_of(self, table: str) -> tuple[tuple[int, str], ...]:
        """The files of a table that are many; of a findings or rejects table those that its lines are of."""
        delivered = tuple(self.sources) if table == "rejected_rows" else (LINES_OF.get(table, table),)
        return tuple(part for name in delivered if name in self.sources for part in self.sources[name].parts)

    def file_of(self, table: str) -> str | None:
        """The name of the file that holds the rows of `table`."""
        delivered = LINES_OF.get(table, table)
        source = self.sources.get(delivered)
        if source is None:
            return FINDINGS_FILES.get(table)
        return source.path.name if source.path else f"{delivered}.csv"

    def judge(self, checkpoint_result: Any) -> Verdict:
        """The verdict on GX's CheckpointResult."""
        by_suite = {key.expectation_suite_identifier.name: one for key, one in checkpoint_result.run_results.items()}
        return self.judge_suites(by_suite)

    def judge_suites(self, results: Mapping[str, Any]) -> Verdict:
        """The verdict on GX's ExpectationSuiteValidationResults, by suite."""
        shown = {suite: self.names.suite_result(result) for suite, result in results.items()}
        return judging.judge(shown, self.declared(), self.fail_on, self.waivers, REQUIRED_SUITES)


def fresh_until(last_rating: datetime | None, max_age: int | None, judged: datetime) -> datetime | None:
    """Until when a verdict of the moment `judged` stands, as ratings age; None where their age has no more to change.

    Ratings that were too old at that moment did not pass for young: they failed, or that was waived or no more than a
    warning.
    """
    if last_rating is None or max_age is None:
        return None
    try:
        until = last_rating + timedelta(days=max_age)
    except OverflowError:  # beyond the calendar, so never
        return None
    return until if until >= judged else None


_current: ContextVar[Run] = ContextVar("run")


def current() -> Run:
    """The run under way. Raises LookupError outside of one."""
    return _current.get()


@contextmanager
def under_way(run: Run) -> Iterator[Run]:
    """Make `run` the current one for as long as the block lasts."""
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)
