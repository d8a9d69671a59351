"""A sequence of windows against the reference: when did a feature begin to move?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pandas as pd

from drift.features import declared_features
from drift.findings import COLUMNS, check_rate, judged_rows, table_of
from drift.times import LATEST
from drift.users import collect_each
from drift.windows import Window, sampled, windows_of

if TYPE_CHECKING:
    from datetime import date

    from drift.handle import Handle
    from drift.windows import Windows

FREQUENCIES: Final = {"year": "Y", "quarter": "Q", "month": "M"}  # as pandas calls them
OMITTED: Final = ("source_line", "recommendation", "cause", "why", "minimum_reason")
MOST_WINDOWS: Final = 120  # ten years of months; the more share the rate of false alarms, the less any can find


def find_trends(
    warehouse: Handle,
    *,
    reference: Handle | None = None,
    split: float = 0.8,
    since: str | date | int | None = None,
    every: str = "quarter",
    false_alarm_rate: float = 0.05,
    relabellings: int = 199,
    seed: int = 20030218,
) -> pd.DataFrame:
    """Compare each year, quarter or month of the current window with the reference, or with periods as long of it.

    One row for each window and declared feature, with the columns of the drift findings, `every`, and `window_start`,
    the first day of the year, quarter or month. reference, split, since: as for `find_drift`. The windows share out
    the false-alarm rate between them, so that it is the chance that any feature is called drifted in any window where
    nothing moved. relabellings: as for `find_drift`, but more where a window's share of the rate is below 2 in so many.
    Raises ValueError on a parameter out of range, and where there are more than `MOST_WINDOWS` windows.
    """
    if every not in FREQUENCIES:
        raise ValueError(f"every is {every!r}: must be one of {', '.join(FREQUENCIES)}")
    check_rate(false_alarm_rate)
    windows = windows_of(warehouse, reference, split, since)
    starts = _starts(windows, every)
    windows = sampled(windows, max(1, len(starts) - 1))  # so that the usual year, quarter or month has enough users
    narrowed = [_narrowed(windows, start, end) for start, end in pairwise(starts)]
    rate = false_alarm_rate / max(1, len(narrowed))
    relabellings = max(relabellings, round(2 / rate))
    found = collect_each(windows, narrowed, declared_features())
    rows = [
        row | {"every": every, "window_start": start.date().isoformat()}
        for start, (each, collected) in zip(starts, found, strict=False)  # the last start is the end
        for row in judged_rows(each, collected, rate, relabellings, seed)
    ]
    columns = ["every", "window_start", *(column for column in COLUMNS if column not in OMITTED)]
    return table_of(rows, columns)


def _starts(windows: Windows, every: str) -> list[pd.Timestamp]:
    """Starts of the current window's years, quarters or months, and the end of the last."""
    if windows.current is None:
        return []
    first, last = (pd.Timestamp(time, unit="s") for time in (windows.current.start, windows.current.end - 1))
    periods = pd.period_range(first, last, freq=FREQUENCIES[every])
    if len(periods) > MOST_WINDOWS:
        raise ValueError(
            f"every is {every!r}: makes {len(periods)} windows of {first:%Y-%m-%d} to {last:%Y-%m-%d}, and at most "
            f"{MOST_WINDOWS} can be told apart; take longer ones or a later start"
        )
    return [period.start_time for period in [*periods, periods[-1] + 1]]


def _narrowed(windows: Windows, start: pd.Timestamp, end: pd.Timestamp) -> Windows:
    """The reference against one part of the current window."""
    assert windows.current is not None
    current = Window(max(int(start.timestamp()), windows.current.start), int(end.timestamp()))
    parts = tuple(part.within(current) for part in windows.parts)
    return replace(windows, current=current, parts=parts, recent_end=LATEST)
