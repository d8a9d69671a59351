"""Part a delivery's rows: those that break a critical rule to `quarantine/`, the rest to `validated/`.

Which rows break a rule is asked of the rule itself: the query that Great Expectations ran for it. Nothing here
knows what a rule says. A rule of rows is one whose query gives `source_line`; a rule about a whole table (its
columns, its size), or about what many rows make up (their mean, a user), parts nothing. Of rows that contradict each
other, such as two ratings of one film by one user, none is kept, because the rule can't tell which is right. A waived
failure still sends its rows to the quarantine: a waiver lets the delivery pass, not the rows. Rows of a table with a
critical rule that could not be judged, or whose rows can't be told, are all quarantined: what was not judged is not
validated.

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

from checks.gate.terms import OF_MANY_ROWS, Status
from checks.gate.verdict import Outcome, Verdict, told_once
from checks.results import outputs
from checks.results.outputs import QUARANTINE, VALIDATED
from checks.run import Run
from checks.tables import DELIVERED, LOCATOR, REJECTED_ROWS
from checks.warehouse import SourceFile, literal, quoted

COUNTS = "counts.json"
QUICKLY = ", compression_level 1"  # two thirds of the time of zstd's usual level, for four hundredths more room
PLACE = "line_over_all_files"
# What each line breaks in words: put together once for all lines that break the same rules. A set of rules is a number
# with a bit for each, as all lines may break some, and DuckDB keeps lists of them in memory.
BITS = 127
BY_LINE = f"""with sets as materialized (
        select {LOCATOR}, bit_or(rule) as rules from broken group by {LOCATOR}
    ), named as (
        select sets.rules, string_agg(sentence, ' ' order by sentence) as sentences,
            string_agg(expectation, ' ' order by sentence) as expectations
        from (select distinct rules from sets) as sets join broken_rules on sets.rules & broken_rules.rule <> 0
        group by sets.rules
    )
    select {LOCATOR}, sentences as rules, expectations from sets join named using (rules)"""
BREAKS = frozenset({Status.FAILED, Status.WAIVED})

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


def part(verdict: Verdict, run: Run, execute: Execute, compression: str = "zstd") -> list[Counts]:
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

    def __init__(self, name: str, verdict: Verdict, run: Run, execute: Execute) -> None:
        self.name, self.run, self.execute = name, run, execute
        critical = [o for o in verdict.of_suites([name]).outcomes if o.severity == "critical"]
        broken = [o for o in critical if o.status in BREAKS]
        self.rules = [o for o in broken if is_sql(o.rows_query) and o.counted not in OF_MANY_ROWS]
        self.unlocated = [o for o in broken if o.unexpected_count and not is_sql(o.rows_query)]
        self.unjudged = [o for o in critical if o.status is Status.UNDETERMINED]
        self.columns = [str(row[0]) for row in execute(f"describe {quoted(name)}") if row[0] != LOCATOR]

    def part(self, compression: str) -> Counts:
        source = self.run.sources[self.name]
        self._find_broken()
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
        """Fill the tables `broken`, a row for each line and rule that it breaks, and `broken_rules`, what these say.

        A delivery may break twenty rules in every row: a number for each, and no sentence, is what there is memory for.
        """
        self.execute(f"create or replace temp table broken ({LOCATOR} bigint, rule hugeint)")
        self.execute("create or replace temp table broken_rules (rule hugeint, sentence varchar, expectation varchar)")
        for outcome in self.rules:
            query = (outcome.rows_query or "").rstrip("; \n")
            if LOCATOR in [row[0] for row in self.execute(f"describe {query}")]:
                self._add_found(query, outcome)
        for outcome in self.unlocated:
            self._add_broken(quoted(self.name), outcome, f"Not told by row: {outcome.sentence}")
        for outcome in told_once(self.unjudged):  # of a missing column, not each rule that asks for it in each row
            self._add_broken(quoted(self.name), outcome, f"Not judged: {outcome.cause}.")

    def _add_found(self, query: str, outcome: Outcome) -> None:
        added = self._add_broken(f"({query})", outcome, outcome.sentence)
        self.execute(f"delete from broken where {LOCATOR} is null")
        if outcome.unexpected_count not in (None, added):
            found = f"{added} rows where {outcome.unexpected_count} were counted"
            raise QuarantineError(f"{self.name}: {outcome.sentence} found {found}; please report this.")

    def _add_broken(self, rows: str, outcome: Outcome, sentence: str) -> int:
        ((number,),) = self.execute("select count(*) from broken_rules")
        rule = 1 << min(number, BITS - 1)  # should a suite have that many, the last ones are told together
        expectation = literal(outcome.expectation_id) if outcome.expectation_id else "null"
        self.execute(f"insert into broken_rules values ({rule}, {literal(sentence)}, {expectation})")
        (added,) = self.execute(f"insert into broken select {LOCATOR}, {rule} from {rows} as found")
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

    def _write_quarantined(self) -> int:
        rejected = f"select 1 from {REJECTED_ROWS} where table_name = {literal(self.name)}"
        if not self.execute(f"select 1 from broken union all {rejected} limit 1"):
            return 0
        path = self._path(QUARANTINE, "csv")
        rows = f"{self._broken_rows()} union all {self._rejected_rows()}"
        ordered = f"select * exclude ({PLACE}) from ({rows}) as quarantined order by {PLACE}"
        (counted,) = self.execute(f"copy ({ordered}) to {literal(str(path))} (format csv, header true)")
        return int(counted[0])

    def _broken_rows(self) -> str:
        cells = [f"{_cell(f'delivered.{quoted(name)}')} as {_heading(name)}" for name in self.columns]
        listed = "".join(f"{cell}, " for cell in cells)
        return f"""select {_cell(self._of_line("name"))} as source_file, {self._own_line()},
                {_cell("by_line.rules")} as rules, by_line.expectations, {listed}null as raw_text
            from {quoted(self.name)} as delivered join ({BY_LINE}) as by_line using ({LOCATOR})"""

    def _rejected_rows(self) -> str:
        nulls = "".join("null, " for _ in self.columns)
        reason = "concat_ws(': ', column_name, reason)"
        return f"""select {_cell("source_file")}, {self._own_line()}, {_cell(reason)}, null, {nulls}{_cell("raw_text")}
            from {REJECTED_ROWS} as delivered where table_name = {literal(self.name)}"""

    def _own_line(self) -> str:
        """The place to sort by; and the line in its own file, where a reader looks for it."""
        line = f"delivered.{LOCATOR}"
        return f"{line} as {PLACE}, {line} - {self._of_line('before')} as {LOCATOR}"

    def _of_line(self, what: str) -> str:
        """SQL of the `name` of the file that a delivered line is in, or of the number of lines `before` that file's."""
        listed = self.run.sources[self.name].parts or ((0, self.run.file_of(self.name) or ""),)
        values = [(before, literal(name) if what == "name" else str(before)) for before, name in sorted(listed)]
        if len(values) == 1:
            return values[0][1]
        cases = (f"when delivered.{LOCATOR} > {before} then {value}" for before, value in reversed(values))
        return f"case {' '.join(cases)} end"

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
