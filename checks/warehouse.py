"""A delivery in typed tables of an embedded DuckDB file, and what is known of each file that they were made of."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import duckdb
import pandas as pd

from checks import headers
from checks.complaints import complains_of
from checks.tables import DELIVERED, LOCATOR, TEXT, Column, Table

MEMORY_LIMIT = "1GB"  # DuckDB's share; measured at 32 million ratings: half is enough for one analysis at a time


@dataclass(frozen=True)
class SourceFile:
    """One file as it was delivered: where it is, what is in it, and why it could not be read, if so."""

    table: str
    path: Path | None
    sha256: str | None = None
    size: int = 0
    columns: tuple[str, ...] = ()
    loaded_rows: int = 0
    rejected_rows: int = 0
    problem: str | None = None
    # Where files are many, or below folders of the delivery:
    parts: tuple[tuple[int, str], ...] = ()  # the lines before each one's first, and its name
    hashes: tuple[tuple[str, str, int], ...] = ()  # the name, SHA-256 and bytes of each
    unended_line: int | None = None  # of one file the last line, where that has no end

    @property
    def names(self) -> frozenset[str]:
        """What rows may call the file that they are in."""
        return frozenset(([self.path.name] if self.path else []) + [name for _, name in self.parts])

    @property
    def lacks(self) -> dict[str, str]:
        """Columns of its table that a file which could be read has not, each with the sentence on all of them."""
        if self.path is None or self.problem:
            return {}
        sentence = headers.lacking(self.path.name, self.columns, self._wanted)
        return {name: sentence for name in self._wanted if name not in self.columns}

    @property
    def header_fault(self) -> str | None:
        """What is wrong with the whole header, in words."""
        return None if self.path is None or self.problem else headers.fault(self.columns, self._wanted)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return next((table.column_names for table in DELIVERED if table.name == self.table), ())

    @property
    def loaded_columns(self) -> tuple[str, ...]:
        """The table's columns, as they were named when loaded, in the file's order."""
        table = next((table for table in DELIVERED if table.name == self.table), None)
        return () if table is None else tuple(column.name for column in delivered_columns(table, self.columns))


@dataclass
class Warehouse:
    """A DuckDB database holding one delivery. `sql` is all that `anomaly` and `drift` know of it.

    `tells_apart_in_one_pass`: whether the distinct values of all columns are best counted together.
    """

    tells_apart_in_one_pass: ClassVar[bool] = True

    connection: duckdb.DuckDBPyConnection
    folder: Path
    sources: dict[str, SourceFile] = field(default_factory=dict)

    def sql(self, text: str) -> pd.DataFrame:
        """Run one statement; its rows as a data frame (empty for a statement without rows)."""
        return self.connection.execute(text).df()

    def lacking(self, error: Exception) -> str | None:
        """In words, the column that a file lacks, where that is what an error complains of."""
        lacked = (one for source in self.sources.values() for one in source.lacks.items())
        return next((words for column, words in lacked if complains_of(str(error), column)), None)

    def beside(self) -> Warehouse:
        """The same tables through a connection of its own, for another thread; temporary tables are not shared."""
        cursor = self.connection.cursor()
        cursor.execute("set enable_progress_bar = false")
        cursor.execute("set timezone = 'UTC'")
        return Warehouse(cursor, self.folder, self.sources)

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Replace `table` by the rows of `frame`."""
        self._create("table", table, frame)

    def push(self, table: str, frame: pd.DataFrame) -> None:
        """Make a temporary table of the rows of `frame`."""
        self._create("temporary table", table, frame)

    def _create(self, kind: str, table: str, frame: pd.DataFrame) -> None:
        self.connection.register("frame_to_write", frame)
        self.connection.execute(f"create or replace {kind} {quoted(table)} as select * from frame_to_write")
        self.connection.unregister("frame_to_write")

    def has(self, table: str) -> bool:
        """Whether `table` exists."""
        query = "select count(*) from information_schema.tables where table_name = ?"
        return bool(self.scalar(query, [table]))

    def count(self, table: str) -> int:
        """The number of rows of `table`."""
        return self.scalar(f"select count(*) from {quoted(table)}")

    def row(self, query: str) -> tuple[Any, ...] | None:
        """The first row of a statement, as Python's own values."""
        found: tuple[Any, ...] | None = self.connection.execute(query).fetchone()
        return found

    def one(self, query: str) -> tuple[Any, ...]:
        """The row of a statement that has one whatever the data are, as an aggregate has."""
        found = self.row(query)
        assert found is not None, query
        return found

    def ones(self, queries: Sequence[str]) -> list[tuple[Any, ...]]:
        """The row of each such statement."""
        return [self.one(query) for query in queries]

    def scalar(self, query: str, values: Sequence[object] = ()) -> int:
        """The one number that a statement gives."""
        row = self.connection.execute(query, list(values)).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def quoted(name: str) -> str:
    """An SQL identifier, safe whatever the name holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string, safe whatever the text holds."""
    return "'" + text.replace("'", "''") + "'"


def connect(
    database: Path | None = None, memory_limit: str = MEMORY_LIMIT, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """An embedded database that loads no extension, opens no connection and stays within `memory_limit`."""
    connection = duckdb.connect(str(database) if database else ":memory:", read_only=read_only)
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute("set autoload_known_extensions = false")
    with contextlib.suppress(duckdb.InvalidInputException):  # in a notebook without widgets, which shows none anyway
        connection.execute("set enable_progress_bar = false")
    connection.execute(f"set memory_limit = {literal(memory_limit)}")
    connection.execute("set timezone = 'UTC'")
    return connection


def delivered_columns(table: Table, names: Sequence[str]) -> Iterator[Column]:
    """The columns that the file has, declared types where the name is declared, each name once."""
    declared = {column.name: column for column in table.columns}
    taken = {LOCATOR.lower()}
    for place, name in enumerate(names, start=1):
        column = declared.get(name) or Column(_undeclared(name, declared) or f"(column {place})", "VARCHAR", TEXT)
        if column.name.lower() in taken:
            free = (f"{name}_{i}" for i in itertools.count(2))
            column = Column(next(new for new in free if new.lower() not in taken), "VARCHAR", TEXT)
        taken.add(column.name.lower())
        yield column


def _undeclared(name: str, declared: Iterable[str]) -> str:
    """SQL engines and GX take `Rating` for `rating`; who reads the file with pandas does not, so it must be seen."""
    return f"{name}{headers.WRONG_CASE}" if name.lower() in {one.lower() for one in declared} else name
