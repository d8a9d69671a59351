"""Plain rules: what no honest user does, checkable by hand and in need of no calibration. All bounds are here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.types import Bools, Floats


@dataclass(frozen=True)
class Rule:
    """A bound on a user's numbers, and what breaking it means."""

    name: str
    meaning: str
    broken: Callable[[dict[str, Floats]], Bools]


def _burst(features: dict[str, Floats]) -> Bools:
    most = np.round(np.exp(features["most_in_10s"]))
    return (most >= 30) | ((most >= 15) & (most >= 0.5 * features["n_ratings"]))


COPIED = "copied_profile"
# Honest users rate in bursts too (on ml-latest-small 15.8 % of gaps are 0 s, the median is 11 s): the bounds are set
# where published users all but end.
RULES = (
    Rule(
        COPIED,
        "60 % or more of the profile, and 16 ratings at least, are identical to an earlier user's",
        # Sixteen: four fifths of the smallest published profile; fewer coincide among users of a few known films.
        lambda f: (f["copied_ratings"] >= 0.60) & (f["copied_ratings"] * f["n_ratings"] >= 15.5),
    ),
    Rule("one_level", "98 % or more of the ratings are at one level", lambda f: f["share_one_level"] >= 0.98),
    Rule(
        "machine_cadence",
        "70 % of the gaps between ratings are equal, and half of all gaps repeat the one before",
        lambda f: (f["modal_gap_share"] >= 0.70) & (f["repeated_positive_gap_share"] >= 0.50),
    ),
    Rule("burst", "30 ratings or more, or half of all and 15 at least, within 10 s", _burst),
    Rule("all_lowest", "80 % or more of the ratings are at the lowest level", lambda f: f["share_bottom"] >= 0.80),
)


def by_name(name: str) -> Rule:
    """The rule of this name."""
    return next(rule for rule in RULES if rule.name == name)


def broken(features: dict[str, Floats]) -> dict[str, Bools]:
    """For each rule, which users break it: arrays of shape (n_users,)."""
    return {rule.name: rule.broken(features) for rule in RULES}


def names(broken: dict[str, Bools]) -> list[str]:
    """For each user, the names of the rules that it breaks, ', ' between: the column `rules_broken`."""
    each = np.column_stack(list(broken.values()))
    return [", ".join(name for name, breaks in zip(broken, row, strict=True) if breaks) for row in each]


def meanings(names: str) -> list[str]:
    """What breaking the rules of these names means."""
    said = {rule.name: rule.meaning for rule in RULES}
    return [said[name] for name in names.split(", ") if name]
