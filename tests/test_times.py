"""What time a delivered number is said to mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.docs import record
from checks.docs.renderers import RunRenderer
from checks.docs.view import PageView
from checks.gate.verdict import FailingRow, Verdict
from checks.reports.console import row_text
from checks.reports.markdown import report
from checks.times import meant
from tests import verdicts


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("timestamp", 964982703, "2000-07-30 18:45"),
        ("timestamp", 964982703000, "2000-07-30 18:45, if in milliseconds"),
        ("timestamp", 964982703000000, "2000-07-30 18:45, if in microseconds"),
        ("timestamp", 964982703000000000, "2000-07-30 18:45, if in nanoseconds"),
        ("timestamp", 11168, "2000-07-30 00:00, if in days"),
        ("timestamp", 0, "1970-01-01 00:00"),  # a default, and no day on which somebody rated in any unit
        ("timestamp", -1, "1969-12-31 23:59"),
        ("timestamp", 9999999999, "2286-11-20 17:46"),  # a default, too; seconds are what is asked for
        ("timestamp", 3 * 10**11, ""),  # no year of a calendar in seconds, and 1979 in milliseconds
        ("timestamp", -(10**18), ""),
        ("timestamp", None, ""),
        ("timestamp", "964982703", ""),
        ("userId", 964982703, ""),
    ],
)
def test_a_timestamp_is_also_told_as_a_time(column: str, value: object, said: str) -> None:
    assert meant(column, value) == said


def test_a_row_on_a_line_tells_the_time_behind_the_number() -> None:
    row = FailingRow("ratings.csv", 7, {"userId": 1, "timestamp": 964982703000})
    said = "ratings.csv:7  userId 1, timestamp 964982703000 (2000-07-30 18:45, if in milliseconds)"
    assert row_text(row) == said


def test_report_and_page_tell_the_time_beside_the_number(tmp_path: Path) -> None:
    rows = (FailingRow("ratings.csv", 7, {"timestamp": 964982703000}),)
    verdict, run = Verdict((verdicts.outcome(rows=rows),)), verdicts.run(tmp_path)
    said = "2000-07-30 18:45, if in milliseconds"
    assert f"| `ratings.csv:7` | `964982703000` {said} |" in report(verdict, run)
    record.write(tmp_path, "20260301T120000.000000Z", run, verdict)
    [one] = record.records(tmp_path)
    page = PageView().render(RunRenderer().render(one))
    assert f'<span class="number">964982703000</span> <span class="muted time">{said}</span>' in page
