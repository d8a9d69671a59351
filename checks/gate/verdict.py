"""Every expectation, judged, and what follows from it: the decision, its reason, the answers to the questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from checks.engine.suites import SEVERITIES
from checks.gate.order import Weight, by_cause, gated, worst_first
from checks.gate.terms import EXIT_CODES, MEASURE, QUESTIONS, Decision, Status
from checks.waivers import Waiver
from checks.wording import counted

JUDGE_AGAIN = "Mend the cause, and judge the delivery again."  # what to do about what could not be judged


@dataclass(frozen=True)
class FailingRow:
    """One row that breaks an expectation: where it stands in its file, and its values."""

    file: str | None
    line: int | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One expectation, judged."""

    suite: str
    expectation_id: str | None
    expectation_type: str
    column: str | None
    kwargs: Mapping[str, Any]
    severity: str
    sentence: str
    meaning: str
    action: str
    status: Status
    observed: str = ""
    unexpected_count: int | None = None
    element_count: int | None = None
    counted: str = "rows"  # what `unexpected_count` counts, one of COUNTED, or MEASURE
    rows: tuple[FailingRow, ...] = ()
    cause: str | None = None  # why it could not be judged, or was not asked
    rows_query: str | None = None  # SQL over the warehouse that gives every row that breaks it, as GX ran it
    waiver: Waiver | None = None  # the one given for it, whether it is needed, holds, or has expired
    meant_for: str | None = None  # the kind of delivery that it is asked of alone
    has_result: bool = True  # not where it raised, or its table is missing, or it was not evaluated

    @property
    def key(self) -> tuple[str, str]:
        """What tells an expectation from all others, run after run: suite and id, or type and arguments without one."""
        written = f"{self.expectation_type} {json.dumps(dict(self.kwargs), sort_keys=True, default=str)}"
        return self.suite, self.expectation_id or written

    @property
    def weight(self) -> Weight:
        return Weight(self.status, self.severity, self.suite, self.expectation_type, self.counted)

    @property
    def remedy(self) -> str:
        """What to do about it: `action` is about a failure, and says nothing of what kept it from being judged."""
        return self.action if self.has_result else JUDGE_AGAIN

    @property
    def cases(self) -> tuple[FailingRow, ...]:
        """The rows that people are shown: none where the row holds a measure, which `observed` tells."""
        return () if self.counted == MEASURE else self.rows

    @property
    def example(self) -> str:
        """Where a row that breaks it can be seen, to end a sentence with; nothing where no row has a place."""
        row = next((row for row in self.cases if row.file and row.line), None)
        if row is None:
            return ""
        return f", {'for example ' if row.values else ''}at {row.file}:{row.line}"

    @property
    def share(self) -> float | None:
        """The share of rows that break the expectation, between 0 and 1, where rows can be counted."""
        if not self.element_count or self.unexpected_count is None:
            return None
        return self.unexpected_count / self.element_count


@dataclass(frozen=True)
class Verdict:
    """All outcomes of a run and what follows from them."""

    outcomes: tuple[Outcome, ...]
    fail_on: str = "critical"

    @property
    def gating(self) -> tuple[Outcome, ...]:
        """The failures that make the verdict `fail`."""
        stopping = gated(self.fail_on)
        return tuple(one for one in self.outcomes if one.weight.gates(stopping))

    def stops(self, outcome: Outcome) -> bool:
        """Whether this outcome is one that keeps the verdict from `pass`."""
        return outcome.status is Status.UNDETERMINED or outcome in self.gating

    @property
    def undetermined(self) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.status is Status.UNDETERMINED)

    @property
    def n_asked(self) -> int:
        """How many expectations were asked of the delivery, whatever became of them."""
        return len(self.outcomes) - len(self.unasked)

    @property
    def n_evaluated(self) -> int:
        """How many of those asked could be judged."""
        return self.n_asked - len(self.undetermined)

    @property
    def pass_rate(self) -> float | None:
        """The share that holds of those asked, as what could not be judged is no pass; None where none was asked."""
        return self.count(Status.PASSED) / self.n_asked if self.n_asked else None

    @property
    def unasked(self) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.status is Status.UNASKED)

    @property
    def decision(self) -> Decision:
        if self.gating:
            return Decision.FAIL
        return Decision.UNDETERMINED if self.undetermined else Decision.PASS

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.decision]

    def count(self, status: Status, severity: str | None = None) -> int:
        return sum(o.status is status and severity in (None, o.severity) for o in self.outcomes)

    def of_suites(self, suites: Iterable[str]) -> Verdict:
        """The verdict on some suites alone, such as those that answer one question."""
        chosen = frozenset(suites)
        return Verdict(tuple(o for o in self.outcomes if o.suite in chosen), self.fail_on)

    def worst_first(self) -> list[Outcome]:
        """Everything that did not pass, in the order of `worst_first`."""
        return worst_first(((one, one.weight) for one in self.outcomes), self.fail_on)

    def to_mend(self) -> list[Outcome]:
        """The same for people, see `told_once`."""
        return told_once(self.worst_first())

    @property
    def _gated(self) -> str:
        """The severities that gate, as an adjective with a blank after it; nothing where all do."""
        stopping = gated(self.fail_on)
        return "" if stopping == SEVERITIES else f"{' or '.join(reversed(stopping))} "

    def why(self) -> str:
        """The verdict's reason in one sentence."""
        not_judged = unjudged(one.suite for one in self.undetermined)
        if self.gating:
            failed = f"{counted(len(self.gating), f'{self._gated}expectation')} failed"
            return f"{failed}, and {not_judged}." if self.undetermined else f"{failed}."
        if self.undetermined:
            return f"{not_judged}."
        if not self.outcomes:
            return "Nothing was judged."
        rest = ", ".join(self._below_the_gate())
        return f"Nothing {self._gated}failed; {rest}." if rest else "Every expectation holds."

    def reason(self, told: int = 2) -> str:
        """`why`, after the first causes where it could not be judged. These may quote the data: no alert has them."""
        return after_causes(self.why(), self.decision, (one.cause for one in self.undetermined), told)

    def _below_the_gate(self) -> Iterator[str]:
        """What did not pass and stops nothing, counted: a pass with warnings must not read like one without."""
        counts = {severity: self.count(Status.FAILED, severity) for severity in SEVERITIES}
        to_read = [counted(count, severity) for severity, count in counts.items() if count]
        if to_read:
            yield f"{' and '.join(to_read)} to read"
        if waived := self.count(Status.WAIVED):
            yield f"{waived:,} waived"
        if self.unasked:
            yield f"{len(self.unasked):,} not asked"


def after_causes(why: str, decision: str, causes: Iterable[str | None], told: int = 2) -> str:
    """The reason of a verdict after the first causes of what could not be judged: nobody mends an expectation."""
    found = list(dict.fromkeys(filter(None, causes)))
    if decision != Decision.UNDETERMINED or not found:
        return why
    more = len(found) - told
    tail = f", and {counted(more, 'more cause')}" if more > 0 else ""
    return f"{'; '.join(found[:told]).removesuffix('.')}{tail}. {why}"


def told_once(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes in their order, but those that could not be judged for one cause, such as a missing file, as one."""
    groups = by_cause((one, one.status, one.cause) for one in outcomes)
    return [members[0] if len(members) == 1 else _together(members) for members in groups]


def unjudged(suites: Iterable[str]) -> str:
    """How many expectations could not be judged, and of which suites: of the suite of each."""
    of = list(suites)
    return f"{counted(len(of), 'expectation')} of {', '.join(sorted(set(of)))} could not be judged"


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome that stands for several that could not be judged for one cause, worst first."""
    return replace(
        outcomes[0],
        expectation_id=None,
        column=None,
        kwargs={},
        sentence=f"{unjudged(one.suite for one in outcomes)}.",
        waiver=None,
    )


@dataclass(frozen=True)
class Question:
    """One of the three questions with its answer."""

    text: str
    verdict: Verdict = field(repr=False)

    @property
    def decision(self) -> Decision:
        return self.verdict.decision if self.verdict.outcomes else Decision.UNDETERMINED

    @property
    def warnings(self) -> int:
        """How many warnings it has, which a pass must not hide."""
        return self.verdict.count(Status.FAILED, "warning")

    @property
    def answer(self) -> str:
        """The decision for people."""
        return f"{self.decision}, with warnings" if self.warnings and self.decision is Decision.PASS else self.decision


def questions(verdict: Verdict) -> list[Question]:
    """The three questions, each with the verdict of the suites that answer it."""
    return [Question(text, verdict.of_suites(suites)) for text, suites in QUESTIONS.items()]
