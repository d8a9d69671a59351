"""The history of runs: an embedded database with a row per run and per expectation, whoever reads it.

It holds what runs found, never what they read: no rows, no values of the data. So trends outlive the result
files, which are pruned. A run writes into a copy that is published with its other results, so a run that is
killed leaves the history as it was, and a reader never sees half a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from checks import files
from checks.engine.suites import ROOT, SEVERITIES
from checks.gate.terms import COUNTED, Decision, Status
from checks.gate.verdict import Outcome, Verdict
from checks.results import receipt
from checks.results.outputs import OutputError
from checks.results.retention import HISTORY
from checks.run import Findings, Run, fresh_until
from checks.tables import COST, DELIVERED
from checks.waivers import Waiver
from checks.warehouse import SourceFile, Warehouse, connect

MEMORY_LIMIT = "256MB"  # a history of a hundred thousand runs is read within it

# What was not asked is in no count: a history of before there was such a thing has no column for it.
COUNTED_STATUSES = tuple(status for status in Status if status is not Status.UNASKED)
COUNTS = {
    "evaluated": "bigint",  # all that was asked, judged or not; in summary.json it is what was judged
    **{str(status): "bigint" for status in COUNTED_STATUSES},
    **{f"failed_{severity}": "bigint" for severity in SEVERITIES},
}
RUN_COLUMNS = {
    "run_id": "varchar primary key",  # GX's run time, which is also the folder's name of the run's results and pages
    "started": "timestamp",  # UTC
    "verdict": "varchar",
    "why": "varchar",
    "fail_on": "varchar",
    "folder": "varchar",
    "simulated": "boolean",
    "fingerprint": "varchar",
    "judged_by": "varchar",
    "first_rating": "timestamp",
    "last_rating": "timestamp",
    "row_count": "bigint",  # of all delivered files, without the rejected
    "rejected": "bigint",
    "flagged_users": "bigint",
    "strongest_drift": "double",  # in units of the smallest effect that matters: from 1 on it matters
    "strongest_feature": "varchar",
    **COUNTS,
}
EXPECTATION_COLUMNS = {
    "run_id": "varchar",
    "suite": "varchar",
    "expectation": "varchar",  # its id, or its type and arguments where it has none
    "type": "varchar",
    "column_name": "varchar",
    "severity": "varchar",
    "status": "varchar",
    "observed": "varchar",  # a count or a number; NULL where it would be a value of the data
    "unexpected_count": "bigint",
    "element_count": "bigint",
}
TREND_COLUMNS = (
    "run_id, started, verdict, passed / nullif(evaluated, 0) as pass_rate, row_count, rejected, "
    "rejected / nullif(row_count + rejected, 0) as rejected_share, flagged_users, strongest_drift, strongest_feature, "
    + ", ".join(COUNTS)
)
# "12", "-0.5", "3 rows", "3 of 100 rows (3 %)": what was counted or computed. Anything else may quote the data.
FIGURES = re.compile(
    rf"[-+]?[\d.,]+(e[-+]?\d+)?( ({'|'.join(f'{one}?' for one in COUNTED)})| of [\d,]+ rows \([\d.e+-]+ %\))?"
)


@dataclass(frozen=True)
class PreviousRun:
    """The run before, so that a report can tell what is new."""

    run_id: str
    started: datetime
    folder: str
    decision: Decision
    why: str
    fingerprint: str
    judged_by: str
    failed: frozenset[tuple[str, str]]  # (suite, expectation) of what failed
    undetermined: frozenset[tuple[str, str]]
    waived: frozenset[tuple[str, str]]
    row_counts: Mapping[str, int]  # of each delivered table that there was
    last_rating: datetime | None = None  # the newest

    def is_new(self, outcome: Outcome) -> bool:
        """Whether `outcome` did not stand like this in the run before."""
        before = {
            Status.FAILED: self.failed,
            Status.UNDETERMINED: self.undetermined,
            Status.WAIVED: self.waived,
        }.get(outcome.status)
        return before is not None and outcome.key not in before


def check(history: Path) -> None:
    """Raise OutputError where `history` can't be read, before a run spends its time."""
    runs(history, limit=1)


def record(history: Path, run: Run, verdict: Verdict, run_id: str) -> None:
    """Add a run to the database at `history`, replacing the same run, in one transaction.

    Raises OutputError where `history` is no database of ours.
    """
    with _opened(history) as connection:
        connection.execute("begin")
        for table, columns in (("runs", RUN_COLUMNS), ("expectations", EXPECTATION_COLUMNS)):
            declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            connection.execute(f"create table if not exists {table} ({declared})")
            connection.execute(f"delete from {table} where run_id = ?", [run_id])
        _insert(connection, "runs", RUN_COLUMNS, [_run_row(run, verdict, run_id)])
        _insert(
            connection,
            "expectations",
            EXPECTATION_COLUMNS,
            [_expectation_row(outcome, run_id) for outcome in verdict.outcomes],
        )
        connection.execute("commit")
        connection.execute("checkpoint")  # into the one file that is published; a log beside it would be lost


def runs(history: Path, limit: int | None = None) -> pd.DataFrame:
    """The newest `limit` runs (None: all), newest first; columns RUN_COLUMNS. Empty where there is no history."""
    return _read(history, f"select {', '.join(RUN_COLUMNS)} from runs order by run_id desc {_limited(limit)}")


def trends(history: Path, limit: int | None = None) -> pd.DataFrame:
    """The newest `limit` runs (None: all), oldest first, as one draws them.

    Columns: run_id, started (UTC), verdict, pass_rate (as `Verdict.pass_rate`, 0 to 1), row_count, rejected,
    rejected_share (0 to 1), flagged_users, strongest_drift (1: the smallest effect that matters),
    strongest_feature, and the counts of COUNTS. NULL where a run could not tell.
    """
    newest = f"select * from runs order by run_id desc {_limited(limit)}"
    return _read(history, f"select {TREND_COLUMNS} from ({newest}) order by run_id")


def expectations(history: Path, run_id: str) -> pd.DataFrame:
    """What one run found: a row per expectation; columns EXPECTATION_COLUMNS."""
    return _read(history, f"select {', '.join(EXPECTATION_COLUMNS)} from expectations where run_id = ?", [run_id])


def previous(run: Run) -> PreviousRun | None:
    """The last run that was published where `run` will be; None for the first one."""
    if run.published is None:
        return None
    history = run.published / HISTORY
    try:
        found = history.stat()
    except OSError:  # whatever it is, reading tells
        return _last_of(history, None)
    return _last_of(history, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=1)  # pages, report, alert and the run itself ask for the same one
def _last_of(history: Path, version: tuple[int, ...] | None) -> PreviousRun | None:  # noqa: ARG001  tells files apart
    last = runs(history, limit=1)
    return None if last.empty else _previous(history, last.iloc[0])


def same_as_last(run: Run) -> datetime | None:
    """When the last run judged these very files; None where it judged others, or there is none."""
    last = previous(run)
    return None if last is None or last.fingerprint != fingerprint(run.sources) else last.started


def decision(
    history: Path, fingerprint: str, judged_by: str, max_age: int | None = None, now: datetime | None = None
) -> Decision | None:
    """The newest verdict on a delivery of this content by these rules and settings that still stands, or None.

    max_age: the setting, in days: a verdict does not outlive the age of the newest rating that it was given by.
    """
    newest = """select verdict, started, last_rating from runs
        where fingerprint = ? and judged_by = ? order by run_id desc limit 1"""
    found = _read(history, newest, [fingerprint, judged_by])
    if found.empty:
        return None
    one = found.iloc[0]
    until = fresh_until(_moment(one["last_rating"]), max_age, one["started"].replace(tzinfo=UTC))
    stands = until is None or (now or datetime.now(UTC)) <= until
    return Decision(one["verdict"]) if stands else None


def _moment(utc: Any) -> datetime | None:
    """A time of the history, where there is one."""
    return None if pd.isna(utc) else utc.to_pydatetime().replace(tzinfo=UTC)


def judged_by(
    settings: Mapping[str, Any], waivers: Iterable[Waiver], program: Mapping[str, Any], root: Path = ROOT
) -> str:
    """One hash (SHA-256, hexadecimal) of all that decides a verdict besides the data and the time that passes.

    That is rules, settings, waivers that ended, and the program with its packages, as another may judge otherwise.
    """
    expired = sorted(waiver.expectation for waiver in waivers if waiver.expired)
    decisive = {
        "settings": dict(settings),
        "rules": receipt.rules(root),
        "expired": expired,
        "program": dict(program),
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def fingerprint(sources: Mapping[str, SourceFile]) -> str:
    """One hash (SHA-256, hexadecimal) of all delivered files' bytes and tables, wherever they stand."""
    hashes = {table: source.sha256 or _sha256(source.path) for table, source in sources.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def fingerprint_of(folder: Path) -> str:
    """The fingerprint that a run over `folder` will have. Raises DeliveryError as a run would."""
    return fingerprint({table.name: SourceFile(table.name, files.find(folder, table.name)) for table in DELIVERED})


def findings(warehouse: Warehouse) -> Findings:
    """How many users are flagged, and which of the features that could be judged moved most."""
    flagged = _value(warehouse, "user_anomalies", "select count(*) from user_anomalies where status = 'flagged'")
    strength = "abs(effect_size) / minimum_effect"
    strongest = _value(
        warehouse,
        "drift_findings",
        f"""select {strength}, feature from drift_findings
        where status <> 'undetermined' and feature <> '{COST}' and minimum_effect > 0 and isfinite({strength})
        order by 1 desc, 2 limit 1""",
    )
    return Findings(flagged[0] if flagged else None, *(strongest or (None, None)))


def _run_row(run: Run, verdict: Verdict, run_id: str) -> dict[str, Any]:
    sources = run.sources.values()
    return {
        "run_id": run_id,
        "started": _utc(run.started),
        "verdict": str(verdict.decision),
        "why": verdict.why(),
        "fail_on": verdict.fail_on,
        "folder": str(run.folder),
        "simulated": run.simulated,
        "fingerprint": fingerprint(run.sources),
        "judged_by": judged_by(run.settings, run.waivers, run.program, run.root),
        "first_rating": _utc(run.first_rating),
        "last_rating": _utc(run.last_rating),
        "row_count": sum(source.loaded_rows for source in sources),
        "rejected": sum(source.rejected_rows for source in sources),
        "flagged_users": run.findings.flagged_users,
        "strongest_drift": run.findings.strongest_drift,
        "strongest_feature": run.findings.strongest_feature,
        "evaluated": verdict.n_asked,
        **{str(status): verdict.count(status) for status in COUNTED_STATUSES},
        **{f"failed_{severity}": verdict.count(Status.FAILED, severity) for severity in SEVERITIES},
    }


def _expectation_row(outcome: Outcome, run_id: str) -> dict[str, Any]:
    suite, expectation = outcome.key
    return {
        "run_id": run_id,
        "suite": suite,
        "expectation": expectation,
        "type": outcome.expectation_type,
        "column_name": outcome.column,
        "severity": outcome.severity,
        "status": str(outcome.status),
        "observed": outcome.observed if FIGURES.fullmatch(outcome.observed) else None,
        "unexpected_count": outcome.unexpected_count,
        "element_count": outcome.element_count,
    }


def _utc(moment: datetime | None) -> datetime | None:
    """Without its zone, as DuckDB's TIMESTAMP keeps it."""
    return moment.replace(tzinfo=None) if moment else None


def _sha256(path: Path | None) -> str | None:
    if path is None or files.problem(path):
        return None
    return receipt.sha256(path)


def _value(warehouse: Warehouse, table: str, query: str) -> tuple[Any, ...] | None:
    if not warehouse.has(table):
        return None
    return warehouse.row(query)


def _previous(history: Path, last: pd.Series[Any]) -> PreviousRun:
    found = expectations(history, last["run_id"])
    by_status = {
        status: frozenset(zip(rows["suite"], rows["expectation"], strict=True))
        for status, rows in found.groupby("status")
    }
    return PreviousRun(
        run_id=last["run_id"],
        started=last["started"].to_pydatetime(),
        folder=last["folder"],
        decision=Decision(last["verdict"]),
        why=last["why"],
        fingerprint=last["fingerprint"],
        judged_by=last["judged_by"],
        failed=by_status.get("failed", frozenset()),
        undetermined=by_status.get("undetermined", frozenset()),
        waived=by_status.get("waived", frozenset()),
        row_counts=_row_counts(found),
        last_rating=_moment(last["last_rating"]),
    )


def _row_counts(found: pd.DataFrame) -> dict[str, int]:
    """Of each delivered table: as many rows as the rule that saw most of them saw."""
    most = found[found["suite"].isin([table.name for table in DELIVERED])].groupby("suite")["element_count"].max()
    return {str(table): int(count) for table, count in most.dropna().items()}


def _limited(limit: int | None) -> str:
    return "" if limit is None else f"limit {int(limit)}"


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[str], rows: Iterable[dict[str, Any]]
) -> None:
    names = list(columns)
    statement = f"insert into {table} ({', '.join(names)}) values ({', '.join('?' for _ in names)})"
    for row in rows:
        connection.execute(statement, [row[name] for name in names])


def _read(history: Path, query: str, values: list[object] | None = None) -> pd.DataFrame:
    if history.exists():
        with _opened(history, read_only=True) as connection:
            return connection.execute(query, values or []).df()
    with connect() as connection:  # the same columns, no rows
        for table, columns in (("runs", RUN_COLUMNS), ("expectations", EXPECTATION_COLUMNS)):
            connection.execute(f"create table {table} ({', '.join(f'{n} {k}' for n, k in columns.items())})")
        return connection.execute(query, values or []).df()


@contextlib.contextmanager
def _opened(history: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with connect(history, MEMORY_LIMIT, read_only) as connection:
            yield connection
    except (duckdb.IOException, duckdb.CatalogException, duckdb.BinderException) as error:
        reason = str(error).partition("\n")[0]
        raise OutputError(f"{history}: can't be used as history ({reason}); move it away and run again.") from error
