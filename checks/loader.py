"""Load a delivery into typed DuckDB tables; what can't be parsed goes to `rejected_rows`, never away.

The fast way reads a file once, all cells as text, and casts in SQL: DuckDB's own typed reader takes '1.5' for
the id 2 and '1_000' for 1000. It is trusted only where every line of the file became one row; a file with
ragged rows, line breaks in quotes or bad bytes is read again, record by record, with exact line numbers.
Where a file's bytes show that it holds nothing but plain numbers, the typed reader has nothing to be kind to: it
reads the file in less than half the time.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa

from checks import files
from checks.records import LONGEST_LINE_BYTES, RAW_TEXT_CHARACTERS, Record, header, records
from checks.surveys import Survey, survey
from checks.tables import DELIVERED, LOCATOR, NUMBER, REJECTED_ROWS, TEXT, WHOLE_NUMBER, Column, Table
from checks.warehouse import MEMORY_LIMIT, SourceFile, Warehouse, connect, delivered_columns, literal, quoted

MOST_COLUMNS = 100  # a surplus column or two is a changed format; thousands are another file, and minutes of work
RECORDS_A_BATCH = 100_000  # of a file read record by record, held as Python objects at once
VALUE_CHARACTERS = 40  # of a bad value, as much as a reader needs to recognise it

# What a cell must look like to be taken as it stands; a cast alone is too kind ('0x10', '1_000', 'nan').
PATTERNS = {WHOLE_NUMBER: r"-?[0-9]+(\.0+)?", NUMBER: r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"}

# The reader's options by which a value that is not there is told from an empty one.
PADDED = r", null_padding = true, nullstr = chr(10), allow_quoted_nulls = false"

REJECTED_COLUMNS = "source_file varchar, table_name varchar, column_name varchar, reason varchar, raw_text varchar"


def load(folder: Path, database: Path | None = None, memory_limit: str = MEMORY_LIMIT) -> Warehouse:
    """Load every file of `folder` that there is; a file that is missing or unreadable leaves no table.

    `database` is the DuckDB file to fill (None: in memory). Raises DeliveryError where `folder` is none.
    """
    if not files.is_folder(folder):
        raise files.DeliveryError(f"{folder}: is no folder; give one that holds ratings.csv and movies.csv.")
    paths = {table.name: files.find(folder, table.name) for table in DELIVERED}
    warehouse = Warehouse(connect(database, memory_limit), folder)
    warehouse.sql(f"create or replace table {REJECTED_ROWS} ({LOCATOR} bigint, {REJECTED_COLUMNS})")
    for table in DELIVERED:
        warehouse.sources[table.name] = _load_file(warehouse, table, paths[table.name])
    return warehouse


def _load_file(warehouse: Warehouse, table: Table, path: Path | None) -> SourceFile:
    if path is None:
        return SourceFile(table.name, None, problem=files.missing(warehouse.folder, table.name))
    if problem := files.problem(path):
        return SourceFile(table.name, path, problem=problem)
    try:
        before = files.identity(path)
        source = _Loader(warehouse, table, path).load()
        if files.identity(path) != before:  # else the hash may be of other bytes than were judged
            return _withdrawn(warehouse, table, path, f"{path.name} changed while it was read")
        return source
    except (OSError, EOFError, zlib.error, duckdb.Error) as error:
        return SourceFile(table.name, path, problem=f"{path.name} is damaged ({_first_line(error)})")


def _withdrawn(warehouse: Warehouse, table: Table, path: Path, problem: str) -> SourceFile:
    warehouse.sql(f"drop view {table.name}")
    return SourceFile(table.name, path, problem=problem)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


class _Loader:
    """Loads one file into one table."""

    def __init__(self, warehouse: Warehouse, table: Table, path: Path) -> None:
        self.warehouse, self.table, self.path = warehouse, table, path
        self.loaded = f"{table.name}_loaded"
        self.plain = False  # read by the typed reader: no cell can be bad

    def load(self) -> SourceFile:
        names = self._parquet_names() if self.path.suffix == ".parquet" else header(self.path)
        if len(names) > MOST_COLUMNS:
            problem = f"{self.path.name} has {len(names):,} columns where MovieLens's has {len(self.table.columns)}"
            return SourceFile(self.table.name, self.path, problem=problem)
        if self.path.suffix == ".parquet":
            surveyed = survey(self.path)
            self._cast(names, self._parquet_cells(names), "row_number() over ()")
        else:
            surveyed = self._load_csv(names)
        return self._finish(surveyed, tuple(names))

    def _load_csv(self, names: Sequence[str]) -> Survey:
        pointed = self._pointed(names)
        with ThreadPoolExecutor(1) as pool:  # hashing leaves the interpreter free for DuckDB
            surveying = pool.submit(survey, self.path, pointed)
            fast = self._read_plain() if pointed else self._read_fast(names)
            surveyed = surveying.result()
        self.plain = bool(pointed) and fast and surveyed.plain and self._is_finite()
        if pointed and not self.plain:
            fast = self._read_fast(names)
        if not fast or self.warehouse.count(self.loaded) != max(surveyed.lines - 1, 0):
            self._read_exactly(names, surveyed.line_end)
        return surveyed

    def _pointed(self, names: Sequence[str]) -> tuple[bool, ...]:
        """For each column whether its numbers may have a point; empty where the file may hold more than numbers."""
        numbers = all(column.kind in PATTERNS for column in self.table.columns)
        if self.path.suffix != ".csv" or not numbers or tuple(names) != self.table.column_names:
            return ()
        return tuple(column.kind == NUMBER for column in self.table.columns)

    def _read_plain(self) -> bool:
        """Trusting the typed reader. Whether it may be is seen when the file's bytes have been."""
        typed = {numbered(i): column.type for i, column in enumerate(self.table.columns)}
        try:
            self.warehouse.sql(f"create or replace table {self.loaded} as select * from {self._reader(typed)}")
        except duckdb.Error:
            return False
        return True

    def _is_finite(self) -> bool:
        """A thousand digits are a plain number too, and more than a double holds."""
        numbers = [numbered(i) for i, column in enumerate(self.table.columns) if column.kind == NUMBER]
        infinite = " or ".join(f"isinf(max({value}))" for value in numbers) or "false"
        return not self.warehouse.scalar(f"select coalesce({infinite}, false)::int from {self.loaded}")

    def _read_fast(self, names: Sequence[str]) -> bool:
        if not names:
            return False
        try:
            self._cast(names, f"from ({self._whole_rows(len(names))})", None)
        except duckdb.Error:
            return False
        return True

    def _whole_rows(self, width: int) -> str:
        """Every row's cells as text; raises where a row has not as many as the header.

        DuckDB drops empty values beyond the last column in silence. So it is given a column more, and told to pad with
        nulls, for which it takes no value of the file: an unquoted one holds no line end.
        """
        reader = self._reader({f"c{i}": "varchar" for i in range(width + 1)}, PADDED)
        ragged = f"c{width} is not null or c{width - 1} is null"
        cells = ", ".join(f"nullif(c{i}, '') as c{i}" for i in range(1, width))
        first = f"case when {ragged} then error('ragged') else nullif(c0, '') end as c0"
        return f"select {first}{', ' * bool(cells)}{cells} from {reader}"

    def _reader(self, columns: Mapping[str, str], besides: str = "") -> str:
        cells = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
        return f"""read_csv({_path(self.path)}, columns = {{{cells}}}, header = false, skip = 1,
            delim = ',', quote = '"', escape = '"', auto_detect = false, strict_mode = true,
            max_line_size = {LONGEST_LINE_BYTES}, compression = {literal(self._compression())}{besides})"""

    def _compression(self) -> str:
        return "gzip" if self.path.suffix == ".gz" else "none"

    def _read_exactly(self, names: Sequence[str], line_end: bytes) -> None:
        cells = ", ".join(f"c{i} varchar" for i in range(len(names))) or "c0 varchar"
        self.warehouse.sql(f"create or replace temp table cells ({LOCATOR} bigint, {cells})")
        read = records(self.path, len(names), line_end)
        while batch := list(itertools.islice(read, RECORDS_A_BATCH)):
            self._store([record for record in batch if record.reason is None], max(len(names), 1))
            self._reject([record for record in batch if record.reason is not None])
        self._cast(names, "from cells", LOCATOR)
        self.warehouse.sql("drop table cells")

    def _store(self, batch: list[Record], width: int) -> None:
        columns = [pa.array([record.cells[i] for record in batch], pa.string()) for i in range(width)]
        lines = pa.array([record.line for record in batch], pa.int64())
        names = [LOCATOR, *(f"c{i}" for i in range(width))]
        self._insert("cells", pa.table([lines, *columns], names))

    def _reject(self, batch: list[Record]) -> None:
        constants = [self.path.name, self.table.name, None]
        columns = [pa.array([record.line for record in batch], pa.int64())]
        columns += [pa.array([value] * len(batch), pa.string()) for value in constants]
        columns.append(pa.array([record.reason for record in batch], pa.string()))
        columns.append(pa.array([record.raw_text for record in batch], pa.string()))
        names = [LOCATOR, "source_file", "table_name", "column_name", "reason", "raw_text"]
        self._insert(REJECTED_ROWS, pa.table(columns, names))

    def _insert(self, table: str, rows: pa.Table) -> None:
        self.warehouse.connection.register("rows_to_insert", rows)
        self.warehouse.connection.execute(f"insert into {table} select * from rows_to_insert")
        self.warehouse.connection.unregister("rows_to_insert")

    def _parquet_names(self) -> list[str]:
        described = self.warehouse.sql(f"describe select * from {self._parquet()}")
        return [str(name) for name in described["column_name"]]

    def _parquet_cells(self, names: Sequence[str]) -> str:
        cells = ", ".join(f"{quoted(name)}::varchar as c{i}" for i, name in enumerate(names))
        return f"from (select {cells} from {self._parquet()})"

    def _parquet(self) -> str:
        """Text that a file does not call so, as Impala's and older Spark's don't, is text all the same."""
        return f"read_parquet({_path(self.path)}, binary_as_string = true)"

    def _cast(self, names: Sequence[str], source: str, line: str | None) -> None:
        """Fill the staging table: typed values, and for a row that holds a bad cell its column and text.

        Values stand there by number: the names are the sender's, who may call a column `rowid` or `bad_cell`.
        """
        columns = list(delivered_columns(self.table, names))
        values = [f"{_typed(column, f'c{i}')} as {numbered(i)}" for i, column in enumerate(columns)]
        bad = [(column, i) for i, column in enumerate(columns) if column.kind in PATTERNS]
        located = [] if line is None else [f"{line} as {LOCATOR}"]
        fault = " ".join(f"when {_is_bad(column, f'c{i}')} then {i}" for column, i in bad)
        first_bad = f"case {fault} end" if fault else "null::int"
        raw = "concat_ws(',', " + ", ".join(f"coalesce(c{i}, '')" for i in range(max(len(columns), 1))) + ")"
        inner = f"select *, {first_bad} as bad_cell {source}"
        kept = [*located, *values, "bad_cell", f"case when bad_cell is not null then {raw} end as raw_row"]
        kept.append(f"{_value_of_bad_cell(bad)} as bad_value")
        self.warehouse.sql(f"create or replace table {self.loaded} as select {', '.join(kept)} from ({inner})")

    def _finish(self, surveyed: Survey, names: tuple[str, ...]) -> SourceFile:
        columns = list(delivered_columns(self.table, names))
        if not self.plain:
            self._reject_bad_cells(columns)
        self._publish(columns)
        rejected = f"select count(*) from {REJECTED_ROWS} where table_name = ?"
        return SourceFile(
            self.table.name,
            self.path,
            surveyed.sha256,
            surveyed.size,
            names,
            self.warehouse.count(self.table.name),
            self.warehouse.scalar(rejected, [self.table.name]),
            unended_line=None if surveyed.ended else surveyed.lines,
        )

    def _line(self) -> str:
        described = self.warehouse.sql(f"describe {self.loaded}")
        # The fast reader was trusted: every line is a row, so a row's place tells its line below the header.
        return LOCATOR if LOCATOR in set(described["column_name"]) else "rowid + 2"

    def _reject_bad_cells(self, columns: Sequence[Column]) -> None:
        cases = " ".join(f"when {i} then {literal(column.name)}" for i, column in enumerate(columns))
        kinds = " ".join(f"when {i} then {literal(column.kind)}" for i, column in enumerate(columns))
        if not cases:
            return
        shown = f"left(bad_value, {VALUE_CHARACTERS})"
        self.warehouse.connection.execute(
            f"""insert into {REJECTED_ROWS}
            select {self._line()}, ?, ?, case bad_cell {cases} end,
                '''' || {shown} || ''' is not ' || case bad_cell {kinds} end,
                left(raw_row, {RAW_TEXT_CHARACTERS})
            from {self.loaded} where bad_cell is not null""",
            [self.path.name, self.table.name],
        )

    def _publish(self, columns: Sequence[Column]) -> None:
        """A view, not a copy: the locator costs no memory, and no row is written twice."""
        named = [f"{numbered(i)} as {quoted(column.name)}" for i, column in enumerate(columns)]
        self.warehouse.sql(
            f"""create or replace view {self.table.name} as
            select {", ".join([f"{self._line()} as {LOCATOR}", *named])}
            from {self.loaded} {"" if self.plain else "where bad_cell is null"}"""
        )


def numbered(i: int) -> str:
    """The name of a column in the staging table, where no name of the file's may stand beside the loader's own."""
    return f"v{i}"


def _typed(column: Column, cell: str) -> str:
    # '862.0', as pandas writes a whole number in a column with gaps, becomes 862.
    return cell if column.kind == TEXT else f"try_cast({cell} as {column.type})"


def _is_bad(column: Column, cell: str) -> str:
    """True where a cell is not of the column's kind. Written back alike is the quick proof that it is."""
    value = f"try_cast({cell} as {column.type})"
    infinite = f" or not isfinite({value})" if column.kind == NUMBER else ""
    pattern = literal(PATTERNS[column.kind])
    return f"""case when {cell} is null then false when {value} is null{infinite} then true
        when {value}::varchar = {cell} then false
        else not regexp_full_match({cell}, {pattern}) end"""


def _value_of_bad_cell(bad: Sequence[tuple[Column, int]]) -> str:
    cases = " ".join(f"when {i} then c{i}" for _, i in bad)
    return f"case bad_cell {cases} end" if cases else "null::varchar"


def _path(path: Path) -> str:
    """A file's path as an SQL string; DuckDB would take '*', '?' and '[' in a folder's name for a pattern."""
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path)))
