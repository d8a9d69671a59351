"""What is wrong with a file's header, in words: the fault itself, not the many rules that it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from checks.wording import in_number

WRONG_CASE = " (wrong case)"  # marks a column that SQL engines would take for one of ours, and pandas would not
SEPARATOR_LINE = re.compile(r"sep=.?\Z", re.IGNORECASE)  # "sep=;", which Excel reads and hides; a comma parts it in two
SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'", ":": "':'"}


def lacking(file: str, names: Sequence[str], wanted: Sequence[str]) -> str:
    """A sentence on the wanted columns that a file with these column names has not, and why it may seem so."""
    lacked = [name for name in wanted if name not in names]
    why = fault(names, wanted)
    return f"{file} has no {in_number(len(lacked), 'column')} {', '.join(lacked)}{f': {why}' if why else ''}"


def fault(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The one fault of the whole header that explains why wanted columns are not found; None where there is none."""
    lacked = [name for name in wanted if name not in names]
    if names and SEPARATOR_LINE.match(names[0]):
        return "a line for spreadsheets stands before the header"
    if len(names) == 1:
        return next((_separated(mark) for mark in SEPARATORS if mark in names[0]), None)
    if names and len(lacked) == len(wanted) and any(_is_number(name) for name in names):
        return "its first line looks like data, not like a header"
    if lacked and set(lacked) <= {name.strip() for name in names}:
        return "blanks stand before or after the names in its header"
    if lacked and {name.lower() for name in lacked} <= {name.strip().lower() for name in names}:
        return "the names in its header are in the wrong case"
    if not lacked and "" in names:
        return "a column has no name, as the row numbers that pandas writes"
    return None


def _separated(mark: str) -> str:
    return f"its columns look separated by {SEPARATORS[mark]}, not by ','"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def in_order(names: Iterable[str], columns: Sequence[str]) -> list[str]:
    """Column names in the order of the file, whose columns are given; what is not among them comes last."""
    places = {name: place for place, name in enumerate(columns)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def difference(mismatched: Mapping[str, Sequence[str]], columns: Sequence[str]) -> str:
    """How a set of columns differs from the expected one; a name in the wrong case is told once."""
    unexpected = in_order(mismatched.get("unexpected") or (), columns)
    cased = [name.removesuffix(WRONG_CASE) for name in unexpected if name.endswith(WRONG_CASE)]
    known = {name.lower() for name in cased}
    parts = {
        "missing": [name for name in mismatched.get("missing") or () if name.lower() not in known],
        "not expected": [name for name in unexpected if not name.endswith(WRONG_CASE)],
        "in the wrong case": cased,
    }
    return "; ".join(f"{', '.join(found)} {what}" for what, found in parts.items() if found)
