"""What a run's pages show besides its verdict: charts, flagged users and drift, aggregated by the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from checks.docs import findings
from checks.docs.chart import Chart
from checks.docs.data_charts import data_charts
from checks.docs.drawing import Drawings
from checks.docs.drift_charts import drift_charts
from checks.docs.trend_charts import trend_charts
from checks.docs.user_charts import user_charts
from checks.results.pseudonyms import PLAIN, UserNames
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
        wanted = charts(warehouse, drift, run.names)
    return Figures(found, Drawings([chart.as_dict() for chart in wanted]))


def charts(warehouse: Warehouse, drift: Sequence[dict[str, Any]], names: UserNames = PLAIN) -> list[Chart]:
    """All that the tables of the warehouse allow. drift: as `findings.drift` gives it."""
    of_tables = [*data_charts(warehouse), *user_charts(warehouse, names)]
    return [*of_tables, *drift_charts(drift), *trend_charts(warehouse)]


def _opened(run: Run) -> AbstractContextManager[Warehouse]:
    if run.spark is not None:
        return nullcontext(run.spark)  # GX shares it
    return Warehouse(connect(run.warehouse, run.memory_limit), run.folder, dict(run.sources))
