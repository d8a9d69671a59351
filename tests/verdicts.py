"""Verdicts and runs made by hand, so that a report can be tested without judging anything."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from checks.engine.suites import declared_suites
from checks.gate.terms import Status
from checks.gate.verdict import FailingRow, Outcome, Verdict
from checks.run import Run
from checks.waivers import Waiver
from checks.warehouse import SourceFile

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](http://evil.example)",
    "a|b`c``d\\",
    "line\nbreak\r::error::x",
    "##[add-mask]secret",
    "\x00\x1b[31m\x0b\ufffe",
    "https://evil.example @here #1 *b* _i_ ~~s~~ $x$",
    "__b__ a_b_ _c",
    "]]>&amp;<![CDATA[",
    "% : , %0A",
    "=cmd|' /C calc'!A0",
]


def outcome(**changes: Any) -> Outcome:
    """A critical failure of ratings, at a row."""
    base: dict[str, Any] = {
        "suite": "ratings",
        "expectation_id": first_id("ratings"),
        "expectation_type": "expect_column_values_to_be_in_set",
        "column": "rating",
        "kwargs": {},
        "severity": "critical",
        "sentence": "`rating` is on the scale.",
        "meaning": "Another scale.",
        "action": "Mend the export.",
        "status": Status.FAILED,
        "observed": "1 of 4 rows (25 %)",
        "unexpected_count": 1,
        "element_count": 4,
        "rows": (FailingRow("ratings.csv", 3, {"rating": 7.3}),),
    }
    return Outcome(**base | changes)


def first_id(suite: str) -> str:
    return str(declared_suites()[suite][0]["id"])


def waiver(expired: bool = False) -> Waiver:
    return Waiver("ratings", first_id("ratings"), "jane@example.org", "The sender knows.", date(2026, 3, 31), expired)


def every_kind(fail_on: str = "critical") -> Verdict:
    """One outcome of each kind, each of its own sentence."""
    kinds = [
        outcome(sentence="It passed.", status=Status.PASSED, rows=()),
        outcome(sentence="It failed."),
        outcome(sentence="It warned.", severity="warning"),
        outcome(sentence="It informed.", severity="info"),
        outcome(sentence="It raised.", status=Status.UNDETERMINED, cause="no such table", rows=(), observed=""),
        outcome(sentence="It is waived.", status=Status.WAIVED, waiver=waiver()),
        outcome(sentence="Its waiver expired.", waiver=waiver(expired=True)),
        outcome(
            sentence="It was not asked.", severity="warning", status=Status.UNASKED, cause="meant for others", rows=()
        ),
    ]
    return Verdict(tuple(kinds), fail_on)


def hostile(text: str) -> Verdict:
    """A failure whose every word that comes from data is `text`."""
    rows = (FailingRow("ratings.csv", 3, {"title": text, "genres": text}),)
    broken = outcome(observed=text, rows=rows, sentence=f"A value such as {text} is listed.")
    return Verdict((broken, outcome(status=Status.UNDETERMINED, cause=text, rows=())))


def run(tmp_path: Path, **changes: Any) -> Run:
    """A run over a delivery of ratings.csv alone."""
    ratings = SourceFile("ratings", tmp_path / "data" / "ratings.csv", "ab" * 32, 10, ("rating",), 4, 0)
    base: dict[str, Any] = {
        "folder": tmp_path / "data",
        "sources": {"ratings": ratings},
        "row_counts": {"ratings": 4},
        "suites": declared_suites(),
        "output": tmp_path,
        "warehouse": tmp_path / "warehouse.duckdb",
        "started": datetime(2026, 3, 1, 12, tzinfo=UTC),
    }
    return Run(**base | changes)
