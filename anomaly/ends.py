"""The levels that push a film or nuke it: the ends of the scale, and one step short of them, where attackers hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from anomaly.profiles import Profiles
    from anomaly.types import Bools, Floats

TOP, BOTTOM = 4.5, 1.0


class End(NamedTuple):
    """Levels from `low` to `high`."""

    low: float
    high: float
    push: bool

    def holds(self, rating: Floats) -> Bools:
        """Which of the ratings have such a level; of their shape."""
        return np.asarray((rating >= self.low) & (rating <= self.high))


EXTREMES: Final = (End(-np.inf, BOTTOM, False), End(TOP, np.inf, True))
ENDS: Final = (*EXTREMES, End(1.5, 2.0, False), End(4.0, 4.0, True))


def at_end(profiles: Profiles, end: End) -> Bools:
    """Which ratings have such a level, shape (n_ratings,)."""
    return end.holds(profiles.rating)
