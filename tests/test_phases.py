"""Every moment of a run belongs to one phase."""

from __future__ import annotations

import pytest

from checks import phases


def test_inner_phase_stops_the_outer_one() -> None:
    clock = iter([0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0])
    taken = phases.Phases(lambda: next(clock))  # begins at 0
    with taken.phase("suites"):  # at 1
        with taken.phase("history"):  # at 3 to 7
            pass
        with pytest.raises(ValueError, match="disk full"), taken.phase("history"):  # at 15 to 31, by way of an error
            raise ValueError("disk full")
    assert taken.as_dict() == {phases.BETWEEN: 1.0, "suites": 2.0 + 8.0 + 32.0, "history": 4.0 + 16.0}
