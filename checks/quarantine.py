"""Part a delivery's rows: those that break a critical rule to `quarantine/`, the rest to `validated/`.

Which rows break a rule is asked of the rule itself: the query that Great Expectations ran for it. Nothing here
knows what a rule says. A rule of rows is one whose query gives `source_line`; a rule about a whole table (its
columns, its size) parts nothing. Of rows that contradict each other, such as two ratings of one film by one user,
none is kept, because the rule can't tell which is right. A waived failure still sends its rows to the quarantine:
a waiver lets the delivery pass, not the rows. Rows of a table with a critical rule that could not be judged, or
whose rows can't be told, are all quarantined: what was not judged is not validated.

Each table is parted by its own rules, and what depends on a row stays: ratings, tags and links of a quarantined
film, and all ratings of users whom `user_anomalies` flags, because that suite judges users, not rows. `STAYS` says
so to the reader of a report.

All of it is SQL inside DuckDB, out of core, and a rule that holds costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from checks import gate, outputs
from checks.run import Run
from checks.tables import DELIVERED, LOCATOR, REJECTED_ROWS
from checks.warehouse import SourceFile, literal, quoted

QUARANTINE, VALIDATED = "quarantine", "validated"
COUNTS = "counts.json"
QUICKLY = ", compression_level 1"  # two thirds of the time of zstd's usual level, for four hundredths more room
# Lines are numbered over all files of a table; a reader looks for one in its file.
OWN_LINE = f"delivered.{LOCATOR} - files.before as {LOCATOR}"
BREAKS = frozenset({gate.Status.FAILED, gate.Status.WAIVED})

STAYS = (
    "Each table is parted by its own rules: ratings of a quarantined film and of flagged users stay in `validated/`, "
    "and a rule about a whole table quarantines nothing."
)

Execute = Callable[[str], Sequence[Sequence[Any]]]


class QuarantineError(outputs.OutputError):
    """Rows got lost, or a rule's query and its count disagree: a fault of this program, never of the data."""


@dataclass(frozen=True)
class Counts:
    """Where the rows of one delivered file went. `rows_in` is the file's; the others add up to it."""

    table: str
    rows_in: int
    validated: int
    quarantined: int


def part(verdict: gate.Verdict, run: Run, execute: Execute, compression: str = "zstd") -> list[Counts]:
    """Write `quarantine/<table>.csv` (where it has rows) and `validated/<table>.parquet` below `run.output`.

    `execute` runs SQL in the warehouse. Raises QuarantineError unless every row in is a row out.
    """
    loaded = [table.name for table in DELIVERED if _is_loaded(run.sources.get(table.name))]
    counts = [_Table(name, verdict, run, execute).part(compression) for name in loaded]
    outputs.write_json(run.output / QUARANTINE / COUNTS, [asdict(one) for one in counts])
    return counts


def read_counts(output: Path) -> list[Counts]:
    """What `part` counted below `output`; empty where it did not run."""
    path = output / QUARANTINE / COUNTS
    return [Counts(**one) for one in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def _is_loaded(source: SourceFile | None) -> bool:
    return source is not None and source.path is not None and source.problem is None


class _Table:
    """Parts the rows of one table."""

    def __init__(self, name: str, verdict: gate.Verdict, run: Run, execute: Execute) -> None:
        self.name, self.run, self.execute = name, run, execute
        critical = [o for o in verdict.of_suites([name]).outcomes if o.severity == "critical"]
        broken = [o for o in critical if o.status in BREAKS]
        self.rules = [o for o in broken if is_sql(o.rows_query)]
        self.unlocated = [o for o in broken if o.unexpected_count and not is_sql(o.rows_query)]
        self.unjudged = [o for o in critical if o.status is gate.Status.UNDETERMINED]
        self.columns = [str(row[0]) for row in execute(f"describe {quoted(name)}") if row[0] != LOCATOR]

    def part(self, compression: str) -> Counts:
        source = self.run.sources[self.name]
        self._find_broken()
        self._list_files()
        counts = Counts(
            self.name,
            rows_in=source.loaded_rows + source.rejected_rows,
            validated=self._write_validated(compression),
            quarantined=self._write_quarantined(),
        )
        if counts.validated + counts.quarantined != counts.rows_in:
            raise QuarantineError(f"{self.name}: {counts.rows_in} rows in, but {counts} out; please report this.")
        return counts

    def _find_broken(self) -> None:
        """Fill the table `broken`: a row for each line and each rule that it breaks."""
        self.execute(f"create or replace temp table broken ({LOCATOR} bigint, rule varchar, expectation varchar)")
        for outcome in self.rules:
            query = (outcome.rows_query or "").rstrip("; \n")
            if LOCATOR in [row[0] for row in self.execute(f"describe {query}")]:
                self._add_found(query, outcome)
        for outcome in self.unlocated:
            self._add_broken(quoted(self.name), outcome, f"Not told by row: {outcome.sentence}")
        for outcome in self.unjudged:
            self._add_broken(quoted(self.name), outcome, f"Not judged: {outcome.sentence}")

    def _add_found(self, query: str, outcome: gate.Outcome) -> None:
        added = self._add_broken(f"({query})", outcome, outcome.sentence)
        self.execute(f"delete from broken where {LOCATOR} is null")
        if outcome.unexpected_count not in (None, added):
            found = f"{added} rows where {outcome.unexpected_count} were counted"
            raise QuarantineError(f"{self.name}: {outcome.sentence} found {found}; please report this.")

    def _add_broken(self, rows: str, outcome: gate.Outcome, rule: str) -> int:
        named = f"{literal(rule)}, {literal(outcome.expectation_id or '')}"
        (added,) = self.execute(f"insert into broken select {LOCATOR}, {named} from {rows} as found")
        return int(added[0])

    def _write_validated(self, compression: str) -> int:
        if not self.columns:  # an empty file: Parquet knows no table without columns
            return 0
        path = self._path(VALIDATED, "parquet")
        listed = ", ".join(quoted(column) for column in self.columns)
        kept = ""
        if self.execute("select 1 from broken limit 1"):
            kept = f"where {LOCATOR} not in (select {LOCATOR} from broken)"
        rows = f"select {listed} from {quoted(self.name)} {kept}"
        form = f"format parquet, compression {literal(compression)}" + (QUICKLY if compression == "zstd" else "")
        self.execute(f"copy ({rows}) to {literal(str(path))} ({form})")
        (counted,) = self.execute(f"select sum(num_rows) from parquet_file_metadata({literal(str(path))})")
        return int(counted[0])

    def _list_files(self) -> None:
        """Fill the table `files`: the lines before the first one of each of the table's files, and its name."""
        listed = self.run.sources[self.name].parts or ((0, self.run.file_of(self.name) or ""),)
        values = ", ".join(f"({before}, {literal(name)})" for before, name in listed)
        self.execute(f"create or replace temp table files as from (values {values}) as listed(before, name)")

    def _write_quarantined(self) -> int:
        rows = f"{self._broken_rows()} union all {self._rejected_rows()} order by 1, 2"
        (counted,) = self.execute(f"select count(*) from ({rows}) as quarantined")
        if counted[0]:
            path = self._path(QUARANTINE, "csv")
            self.execute(f"copy ({rows}) to {literal(str(path))} (format csv, header true)")
        return int(counted[0])

    def _broken_rows(self) -> str:
        cells = [f"{_cell(f'delivered.{quoted(name)}')} as {_heading(name)}" for name in self.columns]
        return f"""select {_cell("files.name")} as source_file, {OWN_LINE}, {_cell("by_line.rules")} as rules,
                by_line.expectations, {"".join(f"{cell}, " for cell in cells)}null as raw_text
            from {quoted(self.name)} as delivered join (
                select {LOCATOR}, string_agg(rule, ' ' order by rule) as rules,
                    string_agg(expectation, ' ' order by rule) as expectations
                from (select distinct * from broken) as each_once group by {LOCATOR}
            ) as by_line using ({LOCATOR}) asof join files on delivered.{LOCATOR} > files.before"""

    def _rejected_rows(self) -> str:
        nulls = "".join("null, " for _ in self.columns)
        reason = "concat_ws(': ', column_name, reason)"
        return f"""select {_cell("source_file")}, {OWN_LINE}, {_cell(reason)}, null, {nulls}{_cell("raw_text")}
            from {REJECTED_ROWS} as delivered asof join files on delivered.{LOCATOR} > files.before
            where table_name = {literal(self.name)}"""

    def _path(self, folder: str, suffix: str) -> Path:
        path = self.run.output / folder / f"{self.name}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        return path


def is_sql(query: str | None) -> bool:
    """Whether it can be run here; another engine of GX's gives its own language (`df.filter(…)`)."""
    return query is not None and query.lstrip().lower().startswith(("select", "with"))


def _cell(expression: str) -> str:
    """The text of an SQL expression, defused as `outputs.defused` does; numbers stay numbers."""
    starts = ", ".join(_characters())
    text = f"({expression})::varchar"
    return f"""case when typeof({expression}) = 'VARCHAR' and left({text}, 1) in ({starts})
        then '''' || {text} else {text} end"""


def _characters() -> Iterator[str]:
    return (f"chr({ord(start)})" for start in outputs.FORMULA_STARTS)


def _heading(name: str) -> str:
    """A column's name from the file's own header: data like any cell."""
    return quoted(str(outputs.defused(name)))
