"""What engines complain of: the fault in one line, and whether it is a missing column."""

from __future__ import annotations

import re

# How DuckDB, Spark and Great Expectations say that there is no such column.
NO_SUCH = re.compile(r"not found|not have a column|cannot be resolved|does not exist")


def complains_of(message: str, column: str) -> bool:
    """Whether an engine's message says that there is no column of this name."""
    first = one_line(message).partition("Did you mean")[0]
    return bool(NO_SUCH.search(first)) and re.search(rf"[\"'`]{re.escape(column)}[\"'`]", first) is not None


def one_line(message: str) -> str:
    """The first line of an engine's message, without class names in front of it."""
    first = message.strip().partition("\n")[0]
    for preamble in ("Exception) ", "Error: "):
        first = first.rpartition(preamble)[2] if preamble in first else first
    return first.strip().rstrip(".!")
