"""What a run's pages show besides its verdict: charts, flagged users and drift, aggregated by the warehouse."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from checks.docs import charts, findings
from checks.docs.drawing import Drawings
from checks.run import Run
from checks.warehouse import Warehouse, connect

NONE: dict[str, Any] = {"charts": [], "users": None, "drift": []}


@dataclass(frozen=True)
class Figures:
    """Figures on their way: what the warehouse says, and charts that are being drawn."""

    found: dict[str, Any]
    drawings: Drawings

    def result(self) -> dict[str, Any]:
        """JSON-ready: `charts` (each with `svg` or `problem`), `users` and `drift`."""
        return self.found | {"charts": self.drawings.result()}


def begin(run: Run) -> Figures:
    """Ask the warehouse and begin to draw. To be called before GX opens the warehouse, which DuckDB then locks."""
    with _opened(run) as warehouse:
        drift = findings.drift(warehouse)
        found = {"users": findings.users(warehouse, run.names), "drift": drift}
        wanted = [*charts.charts(warehouse, run.names), *charts.drift_charts(drift), *charts.trend_charts(warehouse)]
    return Figures(found, Drawings([chart.as_dict() for chart in wanted]))


def _opened(run: Run) -> AbstractContextManager[Warehouse]:
    if run.spark is not None:
        return nullcontext(run.spark)  # GX shares it
    return Warehouse(connect(run.warehouse, run.memory_limit), run.folder, dict(run.sources))
