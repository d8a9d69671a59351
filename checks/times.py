"""The time that a delivered whole number means, for people; where it counts no seconds, the time that it would mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

# Seconds in a unit that exports write instead. Seconds are tried first, and milliseconds of any year after 1970 are too
# many for a calendar then; days, which all fall on its first day, are told from seconds by that.
UNITS = {"days": 86_400.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
# A unit is told only where it gives a year in which somebody can have rated a film on the web.
LIKELY = range(1990, 2100)


def meant(column: str, value: Any) -> str:
    """The time (UTC) that a whole number in `timestamp` means; with its unit, where no seconds can be meant.

    Nothing where a calendar has no such time in any unit.
    """
    if column != "timestamp" or not isinstance(value, int):
        return ""
    if value >= UNITS["days"] and (said := _said(value)):
        return said
    return next(_guesses(value), _said(value))


def _guesses(value: int) -> Iterator[str]:
    for unit, seconds in UNITS.items():
        said = _said(value * seconds)
        if said and int(said[:4]) in LIKELY:
            yield f"{said}, if in {unit}"


def _said(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return ""
