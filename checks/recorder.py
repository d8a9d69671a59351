"""The checkpoint's action that records a run in the history."""

from __future__ import annotations

from typing import Any, Literal

from great_expectations.checkpoint import ValidationAction

from checks import history
from checks.retention import HISTORY
from checks.run import current


class RecordHistory(ValidationAction):
    """Adds the run to `history.duckdb`; listed before whatever reads it.

    GX runs its own `update_data_docs`, and whatever derives from it, before all other actions.
    """

    type: Literal["record_history"] = "record_history"

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, str]:  # noqa: ARG002
        """Record the run under way, by the time that names its results and pages."""
        run, (_, run_id) = current(), checkpoint_result.run_id.to_tuple()
        with run.phases.phase(self.name):
            history.record(run.output / HISTORY, run, run.judge(checkpoint_result), run_id)
        return {"run_id": run_id}
