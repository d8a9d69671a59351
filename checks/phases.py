"""How long each phase of a run takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BETWEEN = "between phases"


@dataclass
class Phases:
    """Seconds of wall-clock time by phase, in the order in which the phases began.

    Every moment belongs to one phase: within an inner phase the outer one stands still, so the seconds add up to the
    time that went by. A phase that is entered again adds to its own. For one thread: the one that runs the job.
    """

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    _phase: str = BETWEEN
    _since: float = 0.0

    def __post_init__(self) -> None:
        self._since = self.clock()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the block's time to `name`."""
        outer = self._phase
        self._turn_to(name)
        try:
            yield
        finally:
            self._turn_to(outer)

    def count(self, name: str) -> None:
        """Count to `name` what went by since the last change of phase."""
        outer, self._phase = self._phase, name
        self._turn_to(outer)

    def _turn_to(self, name: str) -> None:
        now = self.clock()
        self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self.seconds.setdefault(name, 0.0)
        self._phase, self._since = name, now

    def as_dict(self) -> dict[str, float]:
        """Seconds to the millisecond by phase, up to the last change of phase."""
        return {name: round(seconds, 3) for name, seconds in self.seconds.items()}
