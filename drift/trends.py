"""A sequence of windows against the reference: when did a feature begin to move?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from drift.features import declared_features
from drift.findings import COLUMNS, judged_rows, table_of
from drift.users import collect
from drift.windows import Part, Window, windows_in_time

if TYPE_CHECKING:
    from datetime import date

    from drift.handle import Handle
    from drift.windows import Windows

FREQUENCIES: Final = {"year": "Y", "quarter": "Q", "month": "M"}  # as pandas calls them
OMITTED: Final = ("source_line", "recommendation", "cause")


def find_trends(
    warehouse: Handle,
    *,
    split: float = 0.8,
    since: str | date | int | None = None,
    every: str = "quarter",
    false_alarm_rate: float = 0.05,
    relabellings: int = 199,
    seed: int = 20030218,
) -> pd.DataFrame:
    """Compare each year, quarter or month of the current window with the whole reference.

    One row for each window and declared feature, with the columns of the drift findings and `window_start`, the
    first day of the year, quarter or month. The windows share out the false-alarm rate between them, so that it
    is the chance that any feature is called drifted in any window where nothing moved. Raises ValueError on a
    parameter out of range.
    """
    if every not in FREQUENCIES:
        raise ValueError(f"every is {every!r}: must be one of {', '.join(FREQUENCIES)}")
    windows = windows_in_time(warehouse, split, since)
    starts = _starts(windows, every)
    rate = false_alarm_rate / max(1, len(starts) - 1)
    rows = [
        row | {"window_start": start.date().isoformat()}
        for start, end in pairwise(starts)
        for row in _window_rows(windows, start, end, rate, max(relabellings, round(2 / rate)), seed)
    ]
    columns = ["window_start", *(column for column in COLUMNS if column not in OMITTED)]
    return table_of(rows, columns)


def _starts(windows: Windows, every: str) -> list[pd.Timestamp]:
    """Starts of the current window's years, quarters or months, and the end of the last."""
    if windows.current is None:
        return []
    periods = pd.period_range(
        pd.Timestamp(windows.current.start, unit="s"),
        pd.Timestamp(windows.current.end - 1, unit="s"),
        freq=FREQUENCIES[every],
    )
    return [period.start_time for period in [*periods, periods[-1] + 1]]


def _window_rows(
    windows: Windows, start: pd.Timestamp, end: pd.Timestamp, rate: float, relabellings: int, seed: int
) -> list[dict[str, Any]]:
    """The findings of the reference against one part of the current window."""
    assert windows.current is not None
    part = Window(max(int(start.timestamp()), windows.current.start), int(end.timestamp()))
    narrowed = replace(windows, current=part, parts=tuple(_within(each, windows, part) for each in windows.parts))
    return judged_rows(narrowed, collect(narrowed, declared_features()), rate, relabellings, seed)


def _within(part: Part, windows: Windows, window: Window) -> Part:
    """The reference's ratings, and of the current ones those in `window`."""
    assert windows.current is not None
    time = 'ratings."timestamp"'
    kept = f"{time} < {windows.current.start} or ({time} >= {window.start} and {time} < {window.end})"
    return replace(part, side=f"case when {kept} then {part.side} end")
