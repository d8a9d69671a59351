"""A suite as its file declares it, with what is known of its table when it is judged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from checks import editions
from checks.complaints import complains_of
from checks.gate.verdict import Outcome

FRESH_SINCE = "fresh_since"  # how rules name the time from which on the newest rating must be


@dataclass(frozen=True)
class Clock:
    """When a delivery is judged, and how old, in days, its newest rating may be then."""

    now: datetime
    max_age: int | None = None

    def age(self, newest: float | None) -> str:
        """Of the newest rating (seconds since 1970; None where none has a time), in words."""
        if newest is None:
            return "no rating to tell the age by"
        try:
            moment = datetime.fromtimestamp(newest, UTC)
        except (ValueError, OverflowError, OSError):
            return "the newest rating is of no date that a calendar knows"
        days = math.ceil((self.now - moment).total_seconds() / 8640) / 10  # up, so that 30.01 days are over 30
        old = f"{days:,.0f} days old" if days >= 100 else f"{days:.1f} days old" if days >= 0 else "in the future"
        allowed = "no limit is set" if self.max_age is None else f"at most {self.max_age:,} allowed"
        return f"newest {moment:%Y-%m-%d}, {old}; {allowed}"


@dataclass(frozen=True)
class Declared:
    """A suite as its JSON file declares it, and what is known of its table: the file's name, why it is missing."""

    name: str
    expectations: Sequence[Mapping[str, Any]]
    source_file: str | None = None
    problem: str | None = None
    row_count: int | None = None
    parts: Sequence[tuple[int, str]] = ()  # where files are many: the lines before each one's first, and its name
    lacks: Mapping[str, str] = field(default_factory=dict)  # columns that its file has not, with words for each
    clock: Clock | None = None
    columns: Sequence[str] = ()  # of its table, in the file's order
    header_fault: str | None = None  # what is wrong with the file's whole header, in words
    increment: bool = False  # whether the delivery is judged as one, of which rules for editions are not asked
    unended_line: int | None = None  # the last line of its file, where that has no end

    def spares(self, declared: Mapping[str, Any]) -> bool:
        """Whether this rule of the suite is not asked."""
        return self.increment and editions.is_for_editions(declared)

    def keeps_from(self, outcome: Outcome) -> Iterator[str]:
        """What a rule that raised asks of this table and does not find there, in words."""
        asked = " ".join(str(value) for value in outcome.kwargs.values())
        own = outcome.suite == self.name
        if not own and not re.search(rf"\b(from|join) {re.escape(self.name)}\b", asked):
            return
        if self.problem:
            yield self.problem
        for column, words in self.lacks.items():
            if (own and outcome.column == column) or complains_of(outcome.cause or "", column):
                yield words

    def place(self, file: str | None, line: int | None) -> tuple[str | None, int | None]:
        """The file and its own line that a row's file, if known, and its number over all files of its table mean."""
        if line is None or not self.parts:
            return file, line
        own = [part for part in self.parts if part[1] == file] or [part for part in self.parts if part[0] < line]
        before, name = own[-1]
        return (name, line - before) if file in (name, self.source_file) else (file, line)


def asks_age(declared: Mapping[str, Any]) -> bool:
    """Whether a rule asks how old the newest rating is."""
    return {"$PARAMETER": FRESH_SINCE} in declared.get("kwargs", {}).values()
