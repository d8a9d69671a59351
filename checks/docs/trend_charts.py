"""What the chart of trends shows: in which windows which feature drifted, and since when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checks.docs import findings
from checks.docs.chart import Chart, asked, capital
from checks.warehouse import Warehouse


def trend_charts(warehouse: Warehouse) -> list[Chart]:
    """When which feature moved, where that was asked for."""
    chart = asked(when_it_moved, warehouse, "trends")
    return [] if chart is None else [chart]


def when_it_moved(warehouse: Warehouse) -> Chart | None:
    """The effect in each window of each feature that drifted in any; the title says since when the strongest did."""
    rows = findings.trends(warehouse)
    if not rows:
        return None
    courses = sorted(_courses(rows), key=lambda course: -course.strongest)
    moved = [course for course in courses if course.drifted]
    every, windows = str(rows[0]["every"]), list(dict.fromkeys(map(_window, rows)))
    if not moved:
        return Chart("trends", "trends", f"{WHEN} {_nothing_moved(courses, every, windows)}")
    told = [course.told(every) for course in moved]
    title = f"{WHEN} {capital('; '.join(told[:TOLD]))}"
    alt = f"Drifted, by {every} from {windows[0]} to {windows[-1]}: " + "; ".join(
        f"{said}, at most {course.strongest:.1f} times the smallest effect that matters"
        for said, course in zip(told, moved, strict=True)
    )
    values = [cell for course in moved for cell in course.cells()]
    note = _reading(every, len(moved), len(courses))
    return Chart("trends", "trends", title, alt, "trends", values, {"every": every, "windows": windows}, note)


WHEN = "When did it move?"
TOLD = 2  # of the features that moved, how many the title names
STATES = {"drifted": "drifted", "ok": "not drifted"}
# Effects below each, in the smallest that matter, and how opaque they are drawn: the ticks of the chart of effects.
STEPS = {1: 0.3, 3: 0.5, 10: 0.75, math.inf: 1.0}


def _window(row: dict[str, Any]) -> str:
    """What people call a window: 2016, 2016 Q2 or 2016-04."""
    year, month, _ = str(row["window_start"]).split("-")
    quarter = f"{year} Q{(int(month) + 2) // 3}"
    return {"year": year, "quarter": quarter}.get(str(row["every"]), f"{year}-{month}")


def _nothing_moved(courses: Sequence[_Course], every: str, windows: Sequence[str]) -> str:
    judged = {_window(row) for course in courses for row in course.judged}
    if not judged:
        return f"No {every} could be judged."
    return f"No feature drifted in any {every} that could be judged: {len(judged)} of {len(windows)}."


def _reading(every: str, shown: int, features: int) -> str:
    """How to read the chart, and what it leaves out."""
    reading = (
        f"Each {every} against the reference. The fuller the colour, the larger the effect: below 1, 3 and 10 "
        "times the smallest that matters, and above."
    )
    left_out = f"{shown} of {features} features are shown: those that drifted in at least one {every}."
    return reading if shown == features else f"{reading} {left_out}"


@dataclass(frozen=True)
class _Course:
    """One feature over all windows, in the order of time."""

    feature: str
    rows: list[dict[str, Any]]

    @property
    def drifted(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] == "drifted"]

    @property
    def judged(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] in STATES]

    @property
    def strongest(self) -> float:
        """The largest effect of the windows in which it drifted, as a multiple of the smallest that matters."""
        return max((findings.relative_effect(row) or 0.0 for row in self.drifted), default=0.0)

    def told(self, every: str) -> str:
        """Since which window it has drifted; or in how many it did, where it did not stay so."""
        drifted, judged = self.drifted, self.judged
        first = _window(drifted[0])
        if judged[-len(drifted) :] == drifted:
            return f"{self.feature}: since {first}"
        if len(drifted) == 1:
            return f"{self.feature}: in {first} alone, of {len(judged)} {every}s"
        return f"{self.feature}: in {len(drifted)} of {len(judged)} {every}s, first in {first}"

    def cells(self) -> list[dict[str, Any]]:
        return [
            {
                "feature": self.feature,
                "window": _window(row),
                "state": STATES.get(row["status"], "not judged"),
                "opacity": _opacity(row),
            }
            for row in self.rows
        ]


def _courses(rows: Sequence[dict[str, Any]]) -> list[_Course]:
    by_feature: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_feature.setdefault(row["title"] or row["feature"], []).append(row)
    return [_Course(name, its) for name, its in by_feature.items()]


def _opacity(row: dict[str, Any]) -> float:
    """How full the colour of an effect is; what was not judged is a line, and as dark as a line must be."""
    if row["status"] not in STATES:
        return 1.0
    effect = findings.relative_effect(row) or 0.0
    return next(opacity for bound, opacity in STEPS.items() if effect < bound)
