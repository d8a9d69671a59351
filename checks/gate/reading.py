"""What Great Expectations' result of one expectation says, in our words: what was found, how much, in which rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from checks import headers
from checks.complaints import one_line
from checks.gate.declared import Declared, asks_age
from checks.gate.terms import COUNTED, MEASURE
from checks.gate.verdict import FailingRow
from checks.tables import FINDINGS, LOCATOR
from checks.texts import printable
from checks.wording import counted, format_share

ROW_COUNT = "expect_table_row_count"  # how the types of rules on a table's number of rows begin
# What a row of a suite's table is; elsewhere just a row. Only of these a share of the table's rows makes sense:
# one row of drift_findings is no feature but the cost of the drift.
ROWS_ARE = {"user_anomalies": "users"}


def complaint(exception_info: Any) -> str:
    """The cause of an expectation that raised, in one line, without the engine's preamble."""
    for info in dict(exception_info or {}).values():
        if isinstance(info, Mapping) and info.get("exception_message"):
            return one_line(str(info["exception_message"]))
    message = dict(exception_info or {}).get("exception_message")
    return one_line(str(message)) if message else "it gave no result"


def what_counts(declared: Mapping[str, Any]) -> str:
    """What a query's rows are, which its text can't tell: without a word in `meta`, findings."""
    if "unexpected_rows_query" not in declared.get("kwargs", {}):
        return "rows"
    stated = (declared.get("meta") or {}).get("counts")
    return stated if stated in (*COUNTED, MEASURE) else "findings"


def is_of_rows(suite: Declared, things: str) -> bool:
    """Whether each of these things is a row of the suite's table."""
    return things in ("rows", ROWS_ARE.get(suite.name))


def unexpected_count(declared: Mapping[str, Any], detail: Mapping[str, Any]) -> int | None:
    """How many rows or other things break it, where that can be counted."""
    if detail.get("unexpected_count") is not None:
        return int(detail["unexpected_count"])
    return int(detail["observed_value"]) if "unexpected_rows_query" in declared.get("kwargs", {}) else None


def observed(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any], things: str) -> str:
    """What was found, in a few words. things: what a query counts."""
    found = _age(suite, declared, detail) or _columns(suite, detail) or _rows(declared, detail)
    return printable(found or _found(detail, things))  # which may quote a header


def _rows(declared: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """How many rows a rule on their number found: a bare number is of anything."""
    value = detail.get("observed_value")
    return counted(value, "row") if declared["type"].startswith(ROW_COUNT) and isinstance(value, int) else None


def _age(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """What a rule on how old the newest rating may be found: seconds since 1970 tell nobody anything."""
    newest = detail.get("observed_value")
    known = newest if isinstance(newest, int | float) else None
    return suite.clock.age(known) if suite.clock and asks_age(declared) else None


def _columns(suite: Declared, detail: Mapping[str, Any]) -> str | None:
    """How a set of columns differs from its rule, and which it is; where their order counts, GX lists pairs instead."""
    apart = _differs(detail)
    if apart is None:
        return None
    found = _listed(headers.in_order(detail.get("observed_value") or (), suite.columns))
    found = found.replace(headers.WRONG_CASE, "") or "none"
    return f"{suite.header_fault or headers.difference(apart, suite.columns)} (it has {found})"


def _differs(detail: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How a set of columns differs from the expected one; None of any other rule."""
    apart = (detail.get("details") or {}).get("mismatched")
    return apart if isinstance(apart, Mapping) else None


def _has_header(suite: Declared) -> bool:
    """Whether the table's columns stand in the first line of its file: one CSV that was delivered, and not empty."""
    text = suite.source_file is not None and ".csv" in Path(suite.source_file).suffixes
    return text and bool(suite.columns) and not suite.parts


def _found(detail: Mapping[str, Any], things: str) -> str:
    if detail.get("unexpected_count") is not None and detail.get("element_count"):
        share = detail["unexpected_count"] / detail["element_count"]
        return f"{detail['unexpected_count']:,} of {detail['element_count']:,} rows ({format_share(share)})"
    value = detail.get("observed_value")
    listed = (detail.get("details") or {}).get("unexpected_rows")
    if listed is not None:
        return _measured(listed) if things == MEASURE else counted(int(value or 0), things.removesuffix("s"))
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else _listed(value)


def _measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """The numbers of a measure's one row by the names that the query gives them; a rule that holds has no row."""
    numbers = [(name, value) for row in rows[:1] for name, value in row.items() if name != LOCATOR]
    return ", ".join(_told(name, value) for name, value in numbers if isinstance(value, int | float))


def _told(name: str, value: float) -> str:
    """A count before its name, as one says it; a share or a ratio behind."""
    words = name.replace("_", " ")
    if name.endswith("share"):
        return f"{words} {format_share(value)}"
    return f"{words} {value:,.4g}" if isinstance(value, float) else f"{value:,} {words}"


def rows_query(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """SQL over the warehouse that gives every row that breaks it."""
    query = declared.get("kwargs", {}).get("unexpected_rows_query")
    if query is not None:
        return str(query).format(batch=f'"{suite.name}"')
    return detail.get("unexpected_index_query")


def _listed(value: Any) -> str:
    if isinstance(value, (list, tuple, set)):
        return ", ".join(str(item) for item in value if item != LOCATOR)
    return f"{value:,}" if isinstance(value, int) else str(value)


def failing_rows(suite: Declared, detail: Mapping[str, Any]) -> Iterator[FailingRow]:
    """The rows that break it, of which GX lists the first ones; of a rule on the columns, the header."""
    if _differs(detail) and _has_header(suite):
        yield FailingRow(suite.source_file, 1, {})
    located = detail.get("partial_unexpected_index_list") or []
    listed = (detail.get("details") or {}).get("unexpected_rows") or []
    rows = [*located, *listed]
    # What is missing in a finding does not apply to it; in a row that was delivered it may be what is wrong.
    known = {name for row in rows for name, value in row.items() if value is not None or suite.name not in FINDINGS}
    for row in rows:
        values = {name: value for name, value in row.items() if name in known}
        line = values.pop(LOCATOR, None)
        file = values.pop("source_file", suite.source_file)
        yield FailingRow(*suite.place(file, None if line is None else int(line)), values)
