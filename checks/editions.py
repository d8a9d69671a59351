"""Whether a delivery is an edition, whole, or an increment of one: what came in since the deliveries before.

Some rules are meant for editions alone, and say so in their `meta`: a week's ratings leave most films unrated, and
nothing is wrong. They are left out where a run is told that the delivery is an increment and the data bear it out;
where they do not, every rule is asked, so that no slip of the hand silences one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.wording import counted

MEANT_FOR, EDITION = "meant_for", "edition"  # as a rule's `meta` says it
LATER = 0.95  # of an increment's ratings at least are later than the reference's: some come in late, or by a slow clock
UNASKED = "meant for whole editions, and this is an increment"


@dataclass(frozen=True)
class Since:
    """A delivery beside its reference: the ratings of each, and how many of the delivery's are later than all of its.

    earlier: how many are earlier than all of the reference's.

    An edition holds what was rated before, too. So it has as many ratings as its reference or more; or, cut to fewer,
    most of them are no later.
    """

    ratings: int
    later: int
    reference_ratings: int
    earlier: int = 0

    @property
    def precedes(self) -> bool:
        """Whether it is all from before the reference, as where one was given in the other's place."""
        return 0 < self.ratings == self.earlier

    @property
    def fault(self) -> str | None:
        """Why the delivery is no increment of its reference, in words; None where it may be one."""
        if not self.ratings:
            return "it has no ratings"
        if self.ratings >= self.reference_ratings:
            return f"it has {counted(self.ratings, 'rating')}, and --reference no more than {self.reference_ratings:,}"
        if self.later < LATER * self.ratings:
            earlier = self.ratings - self.later
            return f"{earlier:,} of its {self.ratings:,} ratings are no later than the newest of --reference"
        return None


@dataclass(frozen=True)
class Kind:
    """What a delivery is judged as, and what people are told of it; nothing where there is nothing to tell."""

    increment: bool = False
    remark: str = ""


WHOLE = Kind()  # an edition, as most are, of which there is nothing to tell


def kind(told: bool, since: Since | None, suites: Mapping[str, Sequence[Mapping[str, Any]]]) -> Kind:
    """What a delivery is judged as. told: that it is an increment; since: None where nothing could be compared."""
    rules = sum(is_for_editions(one) for suite in suites.values() for one in suite)
    meant = f"{counted(rules, 'rule')} meant for whole editions"
    fault = "it could not be compared with --reference" if since is None else since.fault
    if told and fault:
        return Kind(False, f"Judged as an edition in spite of --increment, as {fault}: every rule is asked.")
    if since is not None and since.precedes:
        return Kind(False, "All its ratings are earlier than those of --reference: are --data and --reference swapped?")
    if told:
        return Kind(True, f"Judged as an increment of --reference; not asked: {meant}.")
    if fault or not rules:
        return WHOLE
    looks = "Its ratings are later than those of --reference, and fewer"
    return Kind(False, f"{looks}: if it is an increment, --increment leaves out {meant}.")


def is_for_editions(declared: Mapping[str, Any]) -> bool:
    """Whether an expectation, as declared, is meant for editions alone."""
    return (declared.get("meta") or {}).get(MEANT_FOR) == EDITION
