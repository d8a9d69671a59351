"""Plain rules: what no honest user does, checkable by hand and in need of no calibration. All bounds are here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Rule:
    """A bound on a user's numbers, and what breaking it means.

    strict: whether nobody among published users is known to break it, as a few do with others.
    """

    name: str
    meaning: str
    broken: Callable[[dict[str, Floats]], Bools]
    strict: bool = True


def _burst(features: dict[str, Floats]) -> Bools:
    most = np.round(np.exp(features["most_in_10s"]))
    return (most >= 30) | ((most >= 15) & (most >= 0.5 * features["n_ratings"]))


def _lowest(features: dict[str, Floats]) -> Bools:
    """Both levels count: a single 0.5 would else undo any number of 1.0."""
    return np.asarray(np.round(features["share_extreme"] - features["share_top"], 9) >= 0.80)


COPIED = "copied_profile"
# Few ratings are often of one level, or follow one another at one pause: of users' first 5 in ml-latest-small, 100K and
# a part of MovieLens 1M, 26 of 610, 24 of 943 and 12 of 825 are of one level, of the first 10 it is 6, 2 and 3, of the
# first 12 it is 4, 0 and 3, and of the first 15, 3, 0 and 2. One pause 10, 1, 2 and 1 of ml-latest-small's keep, and
# nobody of the others. More than twelve would spare few of them, and bots of as many ratings.
FEWEST = 12
# Honest users rate in bursts too (on ml-latest-small 15.8 % of gaps are 0 s, the median is 11 s): the bounds are set
# where published users all but end.
RULES = (
    Rule(
        COPIED,
        "60 % or more of the profile, and 16 ratings at least, are identical to an earlier user's",
        # Sixteen: four fifths of the smallest published profile; fewer coincide among users of a few known films.
        lambda f: (f["copied_ratings"] >= 0.60) & (f["copied_ratings"] * f["n_ratings"] >= 15.5),
    ),
    Rule(
        "one_level",
        "98 % or more of the ratings are at one level",
        lambda f: (f["share_one_level"] >= 0.98) & (f["n_ratings"] >= FEWEST),
        strict=False,
    ),
    Rule(
        "machine_cadence",
        "70 % of the gaps between ratings are equal, and half of all gaps repeat the one before",
        lambda f: (
            (f["modal_gap_share"] >= 0.70) & (f["repeated_positive_gap_share"] >= 0.50) & (f["n_ratings"] >= FEWEST)
        ),
        strict=False,
    ),
    Rule(
        "even_pace",
        "70 % of the pauses between ratings are equal to within a second, and 5 s or longer, as a clock makes them",
        # Of 2 378 published users nobody has more than 63 %, of 62 500 simulated ones 52 %.
        lambda f: (f["even_gap_share"] >= 0.70) & (f["n_ratings"] >= FEWEST),
    ),
    Rule(
        "no_sleep",
        "rated for 48 hours without a pause of 4",
        # The longest of published users is 16 hours, of 62 500 simulated ones 42.
        lambda f: (f["awake_hours"] >= 48) & (f["n_ratings"] >= FEWEST),
    ),
    Rule(
        "catalogue_order",
        "60 % of the ratings are of films that stand just behind the one before in the catalogue",
        # Nobody published, and nobody simulated, has more than 14 %.
        lambda f: (f["catalogue_order_share"] >= 0.60) & (f["n_ratings"] >= FEWEST),
    ),
    Rule(
        "burst",
        "30 ratings or more, or half of all and 15 at least, within 10 s, as a script gives them or an import",
        _burst,
        strict=False,
    ),
    Rule("all_lowest", "80 % or more of the ratings are at the lowest levels, 1.0 or 0.5", _lowest),
)


def by_name(name: str) -> Rule:
    """The rule of this name."""
    return next(rule for rule in RULES if rule.name == name)


def broken(features: dict[str, Floats]) -> dict[str, Bools]:
    """For each rule, which users break it: arrays of shape (n_users,)."""
    return {rule.name: rule.broken(features) for rule in RULES}


def strictness(broken: dict[str, Bools]) -> Ints:
    """Of each user, 2 for breaking a strict rule, 1 for another one, 0 for none."""
    strict = {rule.name for rule in RULES if rule.strict}
    return np.maximum.reduce([breaks * (2 if name in strict else 1) for name, breaks in broken.items()])


def names(broken: dict[str, Bools]) -> list[str]:
    """For each user, the names of the rules that it breaks, ', ' between: the column `rules_broken`."""
    each = np.column_stack(list(broken.values()))
    found = [""] * len(each)
    for user in np.flatnonzero(each.any(axis=1)).tolist():
        found[user] = ", ".join(name for name, breaks in zip(broken, each[user], strict=True) if breaks)
    return found


def meanings(names: str) -> list[str]:
    """What breaking the rules of these names means."""
    said = {rule.name: rule.meaning for rule in RULES}
    return [said[name] for name in names.split(", ") if name]
