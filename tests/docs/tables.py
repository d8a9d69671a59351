"""Tiny tables for the tests of charts and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from checks.docs.chart import Chart
from checks.warehouse import Warehouse, connect

Rows = list[tuple[Any, ...]]


def warehouse(ratings: Rows | None, **tables: pd.DataFrame) -> Warehouse:
    """A warehouse with these ratings (userId, movieId, rating, timestamp), if any, and other tables as they are."""
    made = Warehouse(connect(), Path("delivery"))
    if ratings is not None:
        made.sql(
            "create table ratings (source_line bigint, userId bigint, movieId bigint, rating double, timestamp bigint)"
        )
        for line, row in enumerate(ratings, start=2):
            made.connection.execute("insert into ratings values (?, ?, ?, ?, ?)", [line, *row])
    for name, frame in tables.items():
        made.write(name, frame)
    return made


def only(found: Chart | None) -> Chart:
    assert found is not None
    return found


def feature(**changes: Any) -> dict[str, Any]:
    histogram = '{"labels": ["no", "yes"], "reference": [0.9, 0.1], "current": [0.7, 0.3]}'
    base = {"feature": "half_stars", "title": "half-stars", "status": "drifted", "kind": "share", "effect_size": 0.2}
    return base | {"minimum_effect": 0.02, "q_value": 0.001, "false_alarm_rate": 0.05, "histogram": histogram} | changes


STATUS = {"d": "drifted", "o": "ok", "u": "undetermined"}


def trends(courses: dict[str, str], every: str = "year", starts: tuple[str, ...] = ()) -> pd.DataFrame:
    """The table of trends: each feature's status in one window after the other, by its first letter."""
    starts = starts or tuple(f"{year}-01-01" for year in range(2016, 2026))
    effects = {"d": 0.4 / len(courses), "o": 0.05, "u": None}
    return pd.DataFrame(
        {
            "every": every,
            "window_start": start,
            "feature": f"feature {place}",
            "title": title,
            "status": STATUS[letter],
            "effect_size": None if effects[letter] is None else effects[letter] * (len(courses) - place),
            "minimum_effect": 0.1,
        }
        for place, (title, letters) in enumerate(courses.items())
        for start, letter in zip(starts, letters, strict=False)
    )
