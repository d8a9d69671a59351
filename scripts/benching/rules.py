"""The thirteen checks of a ratings table that every contestant makes, read from the suite that declares them.

Others than us must say the checks in words of their own; the limits come from here, so that all judge by the same.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from checks.engine.suites import declared_suites
from checks.phases import Phases
from checks.tables import LOCATOR

# What each check is called here, and its expectation in gx/expectations/ratings.json.
IDS = {
    "columns": "db5b5fab-8f4d-4e27-9da1-494c73cf256d",
    "rows": "73ab4876-7734-47c1-87fd-e805ec99108d",
    "type of rating": "309d6b79-965e-4a32-9ae4-45508201e2bd",
    "userId given": "79cb9e86-830c-41c2-8dcc-69292f45e678",
    "movieId given": "2fa91425-cb00-4853-9d2c-67eda13ffe79",
    "rating given": "244caf9c-4dab-4481-b253-edc618187993",
    "timestamp given": "e3eff9c0-cf44-4d3f-89e7-d15f17362f25",
    "userId positive": "986e86cb-0ab8-4b67-a26b-7f62b1852f27",
    "movieId positive": "73f778aa-f6fa-4db8-a56a-bd72fb710734",
    "rating on the scale": "a66b0d38-9d95-447e-bd29-9753a7677796",
    "half stars since 2003": "d4ea65d0-03d7-4684-9f85-58a628518867",
    "timestamp in seconds": "09208a65-0f3e-4dd3-902b-938b8743feb6",
    "rated once": "99809225-3def-4a38-a12b-2b8f30b17d0b",
}
CHECKS = tuple(IDS)
IMPORT = "import"  # the phase that is not the work's


@dataclass(frozen=True)
class Limits:
    """What the checks compare with; times are seconds since 1970."""

    columns: tuple[str, ...]
    least_rows: int
    levels: tuple[float, ...]
    half_stars_since: int
    earliest: int
    latest: int

    @property
    def half_levels(self) -> tuple[float, ...]:
        return tuple(level for level in self.levels if level != int(level))


def expectations() -> list[dict[str, Any]]:
    """The thirteen as the suite declares them. Raises KeyError where one of them is not there any more."""
    declared = {one.get("id"): one for one in declared_suites()["ratings"]}
    return [declared[identity] for identity in IDS.values()]


def limits() -> Limits:
    """The limits of the thirteen, as the suite has them now."""
    arguments = {name: one["kwargs"] for name, one in zip(CHECKS, expectations(), strict=True)}
    since = re.search(r"timestamp < (\d+)", arguments["half stars since 2003"]["unexpected_rows_query"])
    assert since is not None
    return Limits(
        columns=tuple(name for name in arguments["columns"]["column_set"] if name != LOCATOR),
        least_rows=arguments["rows"]["min_value"],
        levels=tuple(arguments["rating on the scale"]["value_set"]),
        half_stars_since=int(since[1]),
        earliest=arguments["timestamp in seconds"]["min_value"],
        latest=int(time.time()) + 60,  # as `checks.checkpoint` gives `now`
    )


@dataclass
class Account:
    """What a contestant prints as its last line: the checks that failed, how many it made, and its phases."""

    failed: list[str] = field(default_factory=list)
    evaluated: int = 0
    phases: Phases = field(default_factory=Phases)

    def judge(self, name: str, holds: Any) -> None:
        """Record one check."""
        if name not in IDS:
            raise ValueError(f"'{name}' is none of the thirteen checks")
        self.evaluated += 1
        if not bool(holds):
            self.failed.append(name)

    def judge_all(self, holds: Callable[[str], Any]) -> None:
        """Record all thirteen."""
        for name in CHECKS:
            self.judge(name, holds(name))

    def tell(self) -> None:
        """Print the account as one line of JSON."""
        told = {"failed": self.failed, "evaluated": self.evaluated, "phases": self.phases.as_dict()}
        print(json.dumps(told), flush=True)
