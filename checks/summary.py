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
EXACT_ROWS = 5_000_000  # above, quartiles and distinct counts of values that don't repeat would hold all of them
SAMPLED_ROWS, REPEATED = 1_000_000, 10  # values repeat where so many rows have a tenth as many, or fewer
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
    distinct and quartiles are estimates: above EXACT_ROWS rows, where values hardly repeat).
    """
    tables = [table.name for table in DELIVERED if warehouse.has(table.name)]
    return pd.DataFrame([row for table in tables for row in _table_statistics(warehouse, table)])


def _table_statistics(warehouse: Warehouse, table: str) -> Iterator[dict[str, Any]]:
    described = warehouse.sql(f"describe {quoted(table)}")
    columns = {n: t for n, t in zip(described["column_name"], described["column_type"], strict=True) if n != LOCATOR}
    exact = warehouse.count(table) <= EXACT_ROWS
    counted = [] if exact else [name for name in columns if _repeats(warehouse, table, name)]
    found = {name: _row(warehouse, _counted(table, name, columns[name]))[0] for name in counted}
    rest = [name for name in columns if name not in counted]
    if rest:
        measures = ", ".join(_measures(name, columns[name], exact) for name in rest)
        found |= zip(rest, _row(warehouse, f"select {measures} from {quoted(table)}"), strict=True)
    for name, type_ in columns.items():
        yield {"table": table, "column": name, "type": type_, **found[name], "approximate": not exact and name in rest}


def _row(warehouse: Warehouse, query: str) -> tuple[Any, ...]:
    row = warehouse.row(query)
    assert row is not None
    return row


def _repeats(warehouse: Warehouse, table: str, name: str) -> bool:
    some = f"(select {quoted(name)} from {quoted(table)} limit {SAMPLED_ROWS})"
    return bool(_row(warehouse, f"select count(distinct {quoted(name)}) from {some}")[0] <= SAMPLED_ROWS // REPEATED)


def _counted(table: str, name: str, type_: str) -> str:
    """A query for the same measures from how often each value occurs: exact, and cheaper than any estimate."""
    number = type_ in NUMERIC
    quartiles = [_quartile_of_counted(share) if number else "null" for share in (0.25, 0.5, 0.75)]
    tame = f"case when abs(value) < {LARGEST_SQUARED} then value::double end" if number else "null::double"
    return f"""with counted as (select {quoted(name)} as value, count(*) as n from {quoted(table)} group by 1),
        tamed as (select value, n, {tame} as tame, case when {tame} is not null then n end as tame_n
            from counted where value is not null),
        placed as (select *, sum(n) over (order by value) as upto, sum(n) over () as total,
            sum(tame * n) over () / sum(tame_n) over () as mean from tamed)
        select struct_pack("rows" := (select coalesce(sum(n), 0) from counted),
            nulls := (select coalesce(sum(n), 0) from counted where value is null), "distinct" := count(*),
            "min" := min(value), first_quartile := {quartiles[0]}, median := {quartiles[1]},
            third_quartile := {quartiles[2]}, mean := max(mean),
            standard_deviation := sqrt(sum(n * (tame - mean) * (tame - mean)) / nullif(sum(tame_n) - 1, 0)),
            "max" := max(value)) from placed"""


def _quartile_of_counted(share: float) -> str:
    """As `quantile_cont` gives it: between the two values nearest to the place, by its distance from each."""
    place = f"{share}::double * (total - 1)"
    low, high = (f"min(case when upto > {end}({place}) then value end)" for end in ("floor", "ceil"))
    return f"({low} + ({high} - {low}) * max({place} - floor({place})))"


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
