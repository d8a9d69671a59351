"""What Great Expectations' engines lack on any backend: a metric that raises costs the others nothing."""

from __future__ import annotations

from typing import Any

from great_expectations.exceptions import MetricResolutionError
from great_expectations.execution_engine import ExecutionEngine


class SoundOnesOnce(ExecutionEngine):
    """Metrics that can be computed are computed once, beside others that can't.

    GX hands over all metrics of a suite that are ready, drops what it has when one of them raises, and asks for all of
    them again, three times for each that raises: where a column was missing, up to half of the queries ran again. It
    takes a part for an answer, too, and asks for the rest.
    """

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__(*settings, **named)
        self._raised: set[Any] = set()  # ids of metrics, which know their batch

    def resolve_metrics(self, metrics_to_resolve: Any, *known: Any, **named: Any) -> dict[Any, Any]:
        """What can be computed of `metrics_to_resolve`, which may be nothing at first.

        Raises MetricResolutionError where all of them raised when they were asked for before, and the first does again.
        """
        wanted = list(metrics_to_resolve)
        sound = [one for one in wanted if one.id not in self._raised]
        if not sound:
            return super().resolve_metrics(wanted, *known, **named)
        try:
            return super().resolve_metrics(sound, *known, **named)
        except MetricResolutionError:
            return self._one_by_one(sound, *known, **named)

    def _one_by_one(self, wanted: list[Any], *known: Any, **named: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for one in wanted:
            try:
                found |= super().resolve_metrics([one], *known, **named)
            except MetricResolutionError:
                self._raised.add(one.id)
        return found
