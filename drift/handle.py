"""What the drift package needs of a warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pandas as pd

SQL: Final = Path(__file__).with_name("sql")


class Handle(Protocol):
    """Anything that runs a statement and returns its rows.

    Two methods more are used where they are there: `push(table, frame)` makes a temporary table of a frame's rows; and
    one over several machines may offer `map_users(text, function, columns, groups)`, which gives what `function` makes
    of the rows of a statement, called where they lie with all rows of some users (column userId) at a time. `columns`
    are the names and SQL types of its results.
    """

    def sql(self, text: str) -> pd.DataFrame:
        """Run one statement; its rows as a data frame."""


def statement(name: str, **parameters: object) -> str:
    """The statement of sql/`name`.sql with its parameters filled in: numbers and conditions, never data."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8").format(**parameters)


def push_numbers(handle: Handle, table: str, frame: pd.DataFrame, index: str, kinds: dict[str, str]) -> None:
    """Make a temporary table of numbers, doubles unless `kinds` says otherwise, indexed by whole numbers.

    A handle need take nothing but statements, so the numbers go in one as text; no text of the data does. One that
    takes tables by `push(name, frame)` is spared a statement of megabytes.
    """
    if push := getattr(handle, "push", None):
        push(table, _typed(frame, index, kinds))
        return
    columns = [(index, "bigint", frame.index.to_series())]
    columns += [(str(name), kinds.get(str(name), "double"), frame[name]) for name in frame]
    lists = ", ".join(
        f"unnest(string_split('{_joined(values, kind)}', ',')) as {name}" for name, kind, values in columns
    )
    cast = ", ".join(f"cast(nullif({name}, '') as {kind}) as {name}" for name, kind, _ in columns)
    handle.sql(f"create or replace temporary table {table} as select {cast} from (select {lists}) where {index} <> ''")


def _typed(frame: pd.DataFrame, index: str, kinds: dict[str, str]) -> pd.DataFrame:
    """The numbers with nulls for what is missing, and the index as a column."""
    types = {"bigint": "Int64", "double": "Float64"}
    columns = {str(name): frame[name].array for name in frame}
    typed = {name: pd.array(values, dtype=types[kinds.get(name, "double")]) for name, values in columns.items()}
    return pd.DataFrame({index: frame.index.to_numpy(np.int64)} | typed)


def _joined(values: pd.Series, kind: str) -> str:
    convert = int if kind == "bigint" else float
    missing = values.isna().tolist()  # of all at once: one by one takes longer than all else here
    return ",".join("" if gone else repr(convert(value)) for value, gone in zip(values.tolist(), missing, strict=True))
