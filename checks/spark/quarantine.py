"""Part the rows of tables that Spark holds, as `checks.results.quarantine` does: Spark finds rows that break a rule.

Tables and found lines go through Parquet files in the output folder to a DuckDB of their own, which parts them out of
core by the same SQL as without Spark. So this is for a Spark that works on this machine: elsewhere workers write to
disks of their own, and the tables may be larger than the disk here.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.gate.verdict import Outcome, Verdict
from checks.results import quarantine
from checks.run import Run
from checks.spark.sql import translate
from checks.tables import DELIVERED, LOCATOR, REJECTED_ROWS
from checks.warehouse import connect, literal, quoted

if TYPE_CHECKING:
    from checks.spark.warehouse import SparkWarehouse

# How GX prints the filter of a rule on one column; and a count over equal values, which is no text of Spark's SQL.
FILTER = re.compile(r"df\.filter\(F\.expr\((.+)\)\)", re.DOTALL)
REPEATED = re.compile(r"!\(<=\(count\(1\) OVER \(PARTITION BY (.+)\), 1\)\)", re.DOTALL)
NO_ROWS = "select 0 as about_the_whole_table"


def is_here(spark: Any) -> bool:
    """Whether Spark's workers write to this machine's disks."""
    return bool(spark.sparkContext.master.startswith("local"))


def part(verdict: Verdict, run: Run, compression: str = "zstd") -> list[quarantine.Counts]:
    """See quarantine.part."""
    with tempfile.TemporaryDirectory(dir=run.output) as folder, connect(None) as connection:
        parquet = _Parquet(run.spark, Path(folder))
        for table in (*(table.name for table in DELIVERED), REJECTED_ROWS):
            if run.spark.has(table):
                connection.execute(f"create view {quoted(table)} as {parquet.table(table)}")

        def execute(text: str) -> Sequence[Sequence[Any]]:
            return connection.execute(text).fetchall()

        located = [_located(outcome, run.spark, parquet.lines) for outcome in verdict.outcomes]
        return quarantine.part(replace(verdict, outcomes=tuple(located)), run, execute, compression)


class _Parquet:
    """Writes rows of Spark's as Parquet files below a folder; each is then a query of DuckDB's."""

    def __init__(self, warehouse: SparkWarehouse, folder: Path) -> None:
        self.warehouse, self.folder, self.written = warehouse, folder, 0

    def table(self, name: str) -> str:
        """All rows. Columns travel by number: their names are data."""
        frame = self.warehouse.spark.table(f"`{name}`")
        renamed = ", ".join(f"c{i} as {quoted(column)}" for i, column in enumerate(frame.columns))
        return self._written(frame.toDF(*(f"c{i}" for i in range(len(frame.columns)))), renamed)

    def lines(self, frame: Any) -> str:
        """The lines of the rows."""
        return self._written(frame.select(LOCATOR), LOCATOR)

    def _written(self, frame: Any, columns: str) -> str:
        self.written += 1
        place = self.folder / str(self.written)
        frame.write.parquet(f"file://{place.absolute()}")
        return f"select {columns} from read_parquet({literal(f'{place}/*.parquet')})"


def _located(outcome: Outcome, warehouse: SparkWarehouse, lines: Callable[[Any], str]) -> Outcome:
    """The outcome with a query of DuckDB's for its rows in place of Spark's; as it is where these can't be told."""
    if outcome.severity != "critical" or outcome.status not in quarantine.BREAKS or outcome.rows_query is None:
        return outcome
    if not warehouse.has(outcome.suite):
        return outcome
    found = _rows(outcome.suite, outcome.rows_query, warehouse)
    if found is None:
        return outcome
    return replace(outcome, rows_query=lines(found) if LOCATOR in found.columns else NO_ROWS)


def _rows(table: str, query: str, warehouse: SparkWarehouse) -> Any:
    """The rows that a rule's query gives, or None where it is neither SQL nor a filter."""
    from pyspark.sql import functions as F  # noqa: N812

    if quarantine.is_sql(query):
        return warehouse.frame(translate(query).text)
    if (printed := FILTER.fullmatch(query)) is None:
        return None
    condition, rows = str(ast.literal_eval(printed[1])), warehouse.spark.table(f"`{table}`")
    if (column := REPEATED.fullmatch(condition)) is not None:
        equal = F.expr(f"count(1) over (partition by `{column[1]}`)")
        return rows.withColumn("equal_values", equal).where("equal_values > 1")
    return rows.where(F.expr(condition))
