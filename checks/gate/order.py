"""In which order people are told what did not pass: what decided the verdict first, the cause before what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeVar

from checks.engine.suites import SEVERITIES
from checks.gate.terms import CALM, MEASURE, QUESTIONS, Status
from checks.tables import REJECTED_ROWS

T = TypeVar("T")
BELOW_THE_GATE = 2  # the group of failures that stop nothing, among those of `worst_first`


class Weight(NamedTuple):
    """What the place of a judged expectation among those that did not pass hangs on."""

    status: str
    severity: str
    suite: str
    expectation_type: str
    counted: str

    def gates(self, stopping: Sequence[str]) -> bool:
        """Whether it stops the delivery."""
        return self.status == Status.FAILED and self.severity in stopping

    def group(self, stopping: Sequence[str]) -> tuple[int, int]:
        """By what it does to the verdict, then by severity."""
        order = {Status.UNDETERMINED: 1, Status.FAILED: BELOW_THE_GATE, Status.WAIVED: 3}
        return 0 if self.gates(stopping) else order[Status(self.status)], SEVERITIES.index(self.severity)

    def cause(self, stopping: Sequence[str]) -> tuple[int, bool]:
        """By what may be the cause of what; below the gate a limit on a whole table comes before a rule on its rows."""
        of_rows = self.counted != MEASURE and self.group(stopping)[0] == BELOW_THE_GATE
        return depth(self.status, self.suite, self.expectation_type), of_rows


def worst_first(found: Iterable[tuple[T, Weight]], fail_on: str) -> list[T]:
    """Things that did not pass, what decided the verdict first.

    Gating failures, then what could not be judged, then other failures, then waived, each by severity and then by what
    may be the cause of what, see `depth`. Of failures that stop nothing the three questions take turns: a handful of
    odd titles would hide an attack below them.
    """
    stopping = gated(fail_on)
    unmet = [entry for entry in found if entry[1].status not in CALM]
    unmet.sort(key=lambda entry: (entry[1].group(stopping), entry[1].cause(stopping)))
    groups = groupby(unmet, key=lambda entry: entry[1].group(stopping))
    turned = (_in_turns(list(entries)) if place[0] == BELOW_THE_GATE else entries for place, entries in groups)
    return [one for entries in turned for one, _ in entries]


def gated(fail_on: str) -> tuple[str, ...]:
    """The severities of failures that stop a delivery."""
    return SEVERITIES[: SEVERITIES.index(fail_on) + 1]


def _in_turns(entries: Sequence[tuple[T, Weight]]) -> list[tuple[T, Weight]]:
    """In their order, but the first of each question before the second of any."""
    question = {suite: place for place, suites in enumerate(QUESTIONS.values()) for suite in suites}
    met: Counter[int] = Counter()
    turns = []
    for entry in entries:
        asked = question.get(entry[1].suite, len(QUESTIONS))
        turns.append((met[asked], asked, entry))
        met[asked] += 1
    return [entry for *_, entry in sorted(turns, key=itemgetter(0, 1))]


def depth(status: str, suite: str, expectation_type: str) -> int:
    """How far a rule's failure is from the cause: a wrong header costs rows, and lost rows break the rules on the rest.

    Films whose lines could not be read, say, are missing to their ratings, and nobody is to look for other files first.
    What could not be judged names its cause itself.
    """
    if status != Status.FAILED or expectation_type.startswith("expect_table_columns_"):
        return 0
    return 1 if suite == REJECTED_ROWS else 2


def by_cause(found: Iterable[tuple[T, str, str | None]]) -> list[list[T]]:
    """Things, each with its status and cause: those that could not be judged for one cause together, others alone."""
    alike: dict[object, list[T]] = {}
    for place, (one, status, cause) in enumerate(found):
        alike.setdefault(cause if status == Status.UNDETERMINED else place, []).append(one)
    return list(alike.values())
