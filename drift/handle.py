"""What the drift package needs of a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import pandas as pd

from pathlib import Path

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
