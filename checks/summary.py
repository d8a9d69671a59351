"""The run in numbers: `summary.json` for machines, `summary_statistics.csv` for a look at every column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from checks import gate
from checks.run import Run
from checks.tables import DELIVERED, LOCATOR
from checks.waivers import Waiver
from checks.warehouse import SourceFile, Warehouse, quoted

SCHEMA_VERSION = 1
EXACT_ROWS = 5_000_000  # above, exact quartiles and distinct counts would hold every value in memory
LARGEST_SQUARED = "1e150"  # DOUBLE ends at 1e308
NUMERIC = ("BIGINT", "DOUBLE", "INTEGER", "HUGEINT")


def summary(verdict: gate.Verdict, run: Run) -> dict[str, Any]:
    """The run as JSON-ready values; the README documents the keys."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": str(verdict.decision),
        "exit_code": verdict.exit_code,
        "why": verdict.why(),
        "engine": run.engine,
        "fail_on": verdict.fail_on,
        "settings": dict(run.settings),
        "started": run.started.isoformat(timespec="seconds"),
        "phases": run.phases.as_dict(),
        "data": _data(run),
        "questions": {q.text: str(q.decision) for q in gate.questions(verdict)},
        "suites": {name: _counts(verdict.of_suites([name])) for name in run.suites},
        "expectations": [expectation(outcome) for outcome in verdict.outcomes],
    }


def _data(run: Run) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "simulated": run.simulated,
        "repeats": run.repeats.isoformat(timespec="seconds") if run.repeats else None,
        "first_rating": run.first_rating.isoformat() if run.first_rating else None,
        "last_rating": run.last_rating.isoformat() if run.last_rating else None,
        "files": [_file(source) for source in run.sources.values()],
    }


def _file(source: SourceFile) -> dict[str, Any]:
    return {
        "table": source.table,
        "file": source.path.name if source.path else None,
        "sha256": source.sha256,
        "bytes": source.size,
        "rows": source.loaded_rows,
        "rejected": source.rejected_rows,
        "problem": source.problem,
    }


def _counts(verdict: gate.Verdict) -> dict[str, int]:
    declared = len(verdict.outcomes)
    evaluated = declared - len(verdict.undetermined)
    statuses = {str(status): verdict.count(status) for status in gate.Status}
    return {"declared": declared, "evaluated": evaluated} | statuses


def expectation(outcome: gate.Outcome) -> dict[str, Any]:
    """One expectation, judged, as JSON-ready values."""
    return {
        "suite": outcome.suite,
        "id": outcome.expectation_id,
        "type": outcome.expectation_type,
        "column": outcome.column,
        "arguments": dict(outcome.kwargs),
        "severity": outcome.severity,
        "status": str(outcome.status),
        "sentence": outcome.sentence,
        "meaning": outcome.meaning,
        "action": outcome.action,
        "observed": outcome.observed,
        "unexpected_count": outcome.unexpected_count,
        "element_count": outcome.element_count,
        "share": outcome.share,
        "cause": outcome.cause,
        "waiver": _waiver(outcome.waiver),
        "rows": [{"file": row.file, "line": row.line, "values": dict(row.values)} for row in outcome.rows],
    }


def _waiver(waiver: Waiver | None) -> dict[str, Any] | None:
    if waiver is None:
        return None
    return {
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "expired": waiver.expired,
    }


def statistics(warehouse: Warehouse) -> pd.DataFrame:
    """One row for every column of every delivered table.

    Columns: table, column, type, rows, nulls, distinct, min, first_quartile, median, third_quartile, mean,
    standard_deviation, max (numbers; the smallest and largest text for text), approximate (True where
    distinct and quartiles are estimates, above EXACT_ROWS rows).
    """
    tables = [table.name for table in DELIVERED if warehouse.has(table.name)]
    return pd.DataFrame([row for table in tables for row in _table_statistics(warehouse, table)])


def _table_statistics(warehouse: Warehouse, table: str) -> Iterator[dict[str, Any]]:
    described = warehouse.sql(f"describe {quoted(table)}")
    columns = [(n, t) for n, t in zip(described["column_name"], described["column_type"], strict=True)]
    exact = warehouse.count(table) <= EXACT_ROWS
    measures = [_measures(name, type_, exact) for name, type_ in columns if name != LOCATOR]
    if not measures:
        return
    values = warehouse.row(f"select {', '.join(measures)} from {quoted(table)}")
    assert values is not None
    for (name, type_), value in zip([c for c in columns if c[0] != LOCATOR], values, strict=True):
        yield {"table": table, "column": name, "type": type_, **value, "approximate": not exact}


def _measures(name: str, type_: str, exact: bool) -> str:
    """One struct of all measures of a column, so that a table is read once."""
    column = quoted(name)
    number = type_ in NUMERIC
    quantile = "quantile_cont" if exact else "approx_quantile"
    distinct = f"count(distinct {column})" if exact else f"approx_count_distinct({column})"
    # One list: asked for one by one, the values would be sorted, or sketched, three times.
    quartiles = [f"{quantile}({column}, [0.25, 0.5, 0.75])[{place}]" if number else "null" for place in (1, 2, 3)]
    # A value whose square is out of range would end the whole query; the suites report it.
    tame = f"case when abs({column}) < {LARGEST_SQUARED} then {column} end"
    moments = [f"{measure}({tame})" if number else "null" for measure in ("avg", "stddev_samp")]
    return f"""struct_pack("rows" := count(*), nulls := count(*) - count({column}), "distinct" := {distinct},
        "min" := min({column}), first_quartile := {quartiles[0]}, median := {quartiles[1]},
        third_quartile := {quartiles[2]}, mean := {moments[0]}, standard_deviation := {moments[1]},
        "max" := max({column}))"""
