"""From a checkpoint's result to one verdict: pass, fail or undetermined. Silence is never taken for success.

The only place that decides: console, reports, Data Docs and alerts all read the `Verdict` made here.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from checks import editions, headers
from checks.complaints import complains_of, one_line
from checks.engine.suites import SEVERITIES
from checks.tables import FINDINGS, LOCATOR, REJECTED_ROWS
from checks.waivers import Waiver
from checks.wording import counted, format_share

T = TypeVar("T")

# The three questions that a delivery is asked, and the suites that answer each.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "Are the rows right?": ("ratings", "movies", "tags", "links", "rejected_rows"),
    "Are the users honest?": ("user_anomalies",),
    "Has the world moved?": ("drift_findings",),
}
# What a rule written as a query may count, as its `meta` says: {"counts": "users"}.
COUNTED = (
    *("findings", "rows", "users", "attacks", "features", "films"),
    *("genres", "levels", "seconds", "blocks", "gaps", "tags"),
)
MEASURE = "measure"  # said in its place of a query whose one row is no case, but what was measured on the whole table
# What a row of a suite's table is; elsewhere just a row. Only of these a share of the table's rows makes sense:
# one row of drift_findings is no feature but the cost of the drift.
ROWS_ARE = {"user_anomalies": "users"}
FRESH_SINCE = "fresh_since"  # how rules name the time from which on the newest rating must be
JUDGE_AGAIN = "Mend the cause, and judge the delivery again."  # what to do about what could not be judged
BELOW_THE_GATE = 2  # the group of failures that stop nothing, among those of `worst_first`
REQUIRED_SUITES = tuple(suite for suites in QUESTIONS.values() for suite in suites)


class Status(StrEnum):
    """What became of one expectation.

    `undetermined`: it could not be judged, which is not a pass. `unasked`: it is meant for other deliveries than this.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNDETERMINED = "undetermined"
    WAIVED = "waived"
    UNASKED = "unasked"


# What leaves nothing for anybody to mend.
CALM = (Status.PASSED, Status.UNASKED)


class Decision(StrEnum):
    """The gate's answer for the whole delivery."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    UNDETERMINED = "undetermined"


EXIT_CODES = {Decision.PASS: 0, Decision.FAIL: 1, Decision.UNDETERMINED: 2}


@dataclass(frozen=True)
class FailingRow:
    """One row that breaks an expectation: where it stands in its file, and its values."""

    file: str | None
    line: int | None
    values: Mapping[str, Any]


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
        located = (f", for example at {row.file}:{row.line}" for row in self.cases if row.file and row.line)
        return next(located, "")

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


def told_once(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes in their order, but those that could not be judged for one cause, such as a missing file, as one."""
    groups = by_cause((one, one.status, one.cause) for one in outcomes)
    return [members[0] if len(members) == 1 else _together(members) for members in groups]


def by_cause(found: Iterable[tuple[T, str, str | None]]) -> list[list[T]]:
    """Things, each with its status and cause: those that could not be judged for one cause together, others alone."""
    alike: dict[object, list[T]] = {}
    for place, (one, status, cause) in enumerate(found):
        alike.setdefault(cause if status == Status.UNDETERMINED else place, []).append(one)
    return list(alike.values())


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
class Clock:
    """When a delivery is judged, and how old, in days, its newest rating may be then."""

    now: datetime
    max_age: int | None = None

    def age(self, newest: float | None) -> str:
        """Of the newest rating (seconds since 1970; None where none has a time), in words."""
        if newest is None:
            return "no rating to tell the age by"
        try:
            moment = datetime.fromtimestamp(newest, UTC)
        except (ValueError, OverflowError, OSError):
            return "the newest rating is of no date that a calendar knows"
        days = math.ceil((self.now - moment).total_seconds() / 8640) / 10  # up, so that 30.01 days are over 30
        old = f"{days:,.0f} days old" if days >= 100 else f"{days:.1f} days old" if days >= 0 else "in the future"
        allowed = "no limit is set" if self.max_age is None else f"at most {self.max_age:,} allowed"
        return f"newest {moment:%Y-%m-%d}, {old}; {allowed}"


@dataclass(frozen=True)
class Declared:
    """A suite as its JSON file declares it, and what is known of its table: the file's name, why it is missing."""

    name: str
    expectations: Sequence[Mapping[str, Any]]
    source_file: str | None = None
    problem: str | None = None
    row_count: int | None = None
    parts: Sequence[tuple[int, str]] = ()  # where files are many: the lines before each one's first, and its name
    lacks: Mapping[str, str] = field(default_factory=dict)  # columns that its file has not, with words for each
    clock: Clock | None = None
    columns: Sequence[str] = ()  # of its table, in the file's order
    header_fault: str | None = None  # what is wrong with the file's whole header, in words
    increment: bool = False  # whether the delivery is judged as one, of which rules for editions are not asked

    unended_line: int | None = None  # the last line of its file, where that has no end

    def spares(self, declared: Mapping[str, Any]) -> bool:
        """Whether this rule of the suite is not asked."""
        return self.increment and editions.is_for_editions(declared)

    def keeps_from(self, outcome: Outcome) -> Iterator[str]:
        """What a rule that raised asks of this table and does not find there, in words."""
        asked = " ".join(str(value) for value in outcome.kwargs.values())
        own = outcome.suite == self.name
        if not own and not re.search(rf"\b(from|join) {re.escape(self.name)}\b", asked):
            return
        if self.problem:
            yield self.problem
        for column, words in self.lacks.items():
            if (own and outcome.column == column) or complains_of(outcome.cause or "", column):
                yield words

    def place(self, file: str | None, line: int | None) -> tuple[str | None, int | None]:
        """The file and its own line that a row's file, if known, and its number over all files of its table mean."""
        if line is None or not self.parts:
            return file, line
        own = [part for part in self.parts if part[1] == file] or [part for part in self.parts if part[0] < line]
        before, name = own[-1]
        return (name, line - before) if file in (name, self.source_file) else (file, line)


def judge(
    results: Mapping[str, Any],
    declared: Sequence[Declared],
    fail_on: str = "critical",
    waivers: Sequence[Waiver] = (),
    required: Iterable[str] = (),
) -> Verdict:
    """The verdict on `results`, GX's ExpectationSuiteValidationResult by suite name.

    What a suite's file declares and the result lacks is undetermined, as is an expectation that raised, a suite that
    declares nothing or of which nothing is asked, and a suite of `required` that is not declared. A waiver that holds
    turns a failure, and nothing else, into `waived`.
    """
    absent = [Declared(name, ()) for name in required if name not in {suite.name for suite in declared}]
    given = {(waiver.suite, waiver.expectation): waiver for waiver in waivers}
    judged = [_explained(one, declared) for suite in declared for one in _judge_suite(suite, results.get(suite.name))]
    outcomes = [_waive(one, given.get((one.suite, one.expectation_id or ""))) for one in judged]
    outcomes += [_silent(suite, "the checkpoint holds no such suite") for suite in absent]
    outcomes += [_silent(suite, f"each of its rules is {editions.UNASKED}") for suite in declared if _is_spared(suite)]
    if not outcomes:
        outcomes = [_silent(Declared("movielens", ()), "the checkpoint holds no suite")]
    return Verdict(tuple(outcomes), fail_on)


def _is_spared(suite: Declared) -> bool:
    """Whether nothing at all is asked of its table, which is no pass."""
    return bool(suite.expectations) and all(map(suite.spares, suite.expectations))


def _explained(outcome: Outcome, declared: Sequence[Declared]) -> Outcome:
    """Where a table or a column that a rule asks for is missing, that in place of the engine's complaint."""
    if outcome.has_result:
        return outcome
    own_first = sorted(declared, key=lambda one: one.name != outcome.suite)
    causes = (cause for one in own_first for cause in one.keeps_from(outcome))
    return replace(outcome, cause=next(causes, outcome.cause))


def _waive(outcome: Outcome, waiver: Waiver | None) -> Outcome:
    if waiver is None or outcome.status is not Status.FAILED:
        return replace(outcome, waiver=waiver)
    if not waiver.covers(outcome.unexpected_count):
        return replace(outcome, waiver=replace(waiver, exceeded=True))
    return replace(outcome, waiver=waiver, status=Status.FAILED if waiver.expired else Status.WAIVED)


def _judge_suite(suite: Declared, result: Any) -> Iterator[Outcome]:
    if not suite.expectations:
        yield _silent(suite, "the suite's file declares no expectation")
    unclaimed = [] if result is None else list(result.results)
    for declared in suite.expectations:
        found = next((one for one in unclaimed if _is_result_of(one, declared)), None)
        if found is None:
            yield _unknown(suite, declared, "the suite's file declares it, but it was not evaluated")
        else:
            unclaimed = [one for one in unclaimed if one is not found]
            yield _judge_one(suite, declared, found)


def _is_result_of(result: Any, declared: Mapping[str, Any]) -> bool:
    """By id; an expectation written without one is told by its type and arguments."""
    config = result.expectation_config
    if declared.get("id"):
        return bool(config.id == declared["id"])
    stated = {k: v for k, v in declared.get("kwargs", {}).items() if not isinstance(v, Mapping)}
    return bool(config.type == declared["type"]) and all(config.kwargs.get(k) == v for k, v in stated.items())


def _judge_one(suite: Declared, declared: Mapping[str, Any], result: Any) -> Outcome:
    detail = dict(result.result or {})
    if not result.success and not detail:
        return _unknown(suite, declared, _cause(result.exception_info))
    holds = result.success or _asks_nothing(suite, declared, detail)
    status = Status.UNASKED if suite.spares(declared) else Status.PASSED if holds else _failure(declared)
    things = _what_counts(declared)
    rows = () if status in CALM else tuple(_failing_rows(suite, detail))
    observed = _age(suite, declared, detail) or _columns(suite, detail) or _observed(detail, things)
    outcome = _outcome(
        suite,
        declared,
        status,
        observed=observed,
        unexpected_count=_unexpected_count(declared, detail),
        element_count=detail.get("element_count", suite.row_count if _is_of_rows(suite, things) else None),
        counted=things,
        rows=rows,
        rows_query=None if status in CALM else _rows_query(suite, declared, detail),
        cause=_why_not(status, rows, observed),
    )
    return _if_cut_off(outcome, suite)


def _why_not(status: Status, rows: Iterable[FailingRow], observed: str) -> str | None:
    if status is Status.UNASKED:
        return editions.UNASKED
    return _reasons(rows) or observed if status is Status.UNDETERMINED else None


def _if_cut_off(outcome: Outcome, suite: Declared) -> Outcome:
    """One value that is too low, in the last cell of a last line without end, may be the start of a longer one."""
    row, low = next(iter(outcome.rows), None), outcome.kwargs.get("min_value")
    if row is None or suite.unended_line is None or (outcome.unexpected_count, row.line) != (1, suite.unended_line):
        return outcome
    if not suite.columns or outcome.column != suite.columns[-1] or not isinstance(low, int | float):
        return outcome
    if row.values.get(outcome.column, low) >= low:
        return outcome
    observed = f"{outcome.observed}: the last line, which has no end, as where a file is cut off"
    return replace(outcome, observed=observed, action=f"If {row.file} was cut off, fetch it again. {outcome.action}")


def _reasons(rows: Iterable[FailingRow]) -> str:
    """What rows of a rule on whether the data could be judged say in their column `reason`, each reason once."""
    told = dict.fromkeys(str(row.values["reason"]).rstrip(".") for row in rows if row.values.get("reason"))
    return "; ".join(told)


def _what_counts(declared: Mapping[str, Any]) -> str:
    """What a query's rows are, which its text can't tell: without a word in `meta`, findings."""
    if "unexpected_rows_query" not in declared.get("kwargs", {}):
        return "rows"
    stated = (declared.get("meta") or {}).get("counts")
    return stated if stated in (*COUNTED, MEASURE) else "findings"


def _is_of_rows(suite: Declared, things: str) -> bool:
    return things in ("rows", ROWS_ARE.get(suite.name))


def _failure(declared: Mapping[str, Any]) -> Status:
    """A rule on whether the data could be judged at all fails into `undetermined` where its `meta` says so."""
    judgeable = (declared.get("meta") or {}).get("when_failed") == Status.UNDETERMINED
    return Status.UNDETERMINED if judgeable else Status.FAILED


def _silent(suite: Declared, cause: str) -> Outcome:
    nothing = {"type": "suite", "severity": "critical", "description": f"{suite.name} is judged."}
    return _unknown(suite, nothing, cause)


def _unknown(suite: Declared, declared: Mapping[str, Any], cause: str) -> Outcome:
    cause = suite.problem or cause
    return _outcome(suite, declared, Status.UNDETERMINED, cause=cause, has_result=False)


def _outcome(suite: Declared, declared: Mapping[str, Any], status: Status, **rest: Any) -> Outcome:
    meaning, action = _notes(declared.get("notes"))
    kwargs = declared.get("kwargs", {})
    return Outcome(
        suite=suite.name,
        expectation_id=declared.get("id"),
        expectation_type=declared["type"],
        column=kwargs.get("column"),
        kwargs=kwargs,
        severity=str(declared.get("severity") or "critical"),  # GX's own default
        sentence=declared.get("description") or declared["type"].replace("_", " "),
        meaning=meaning,
        action=action,
        status=status,
        meant_for=editions.EDITION if editions.is_for_editions(declared) else None,
        **rest,
    )


def _notes(notes: Any) -> tuple[str, str]:
    """An expectation's notes are two: what a failure means, and what to do."""
    texts = [notes] if isinstance(notes, str) else list(notes or [])
    return texts[0] if texts else "", "\n\n".join(texts[1:])


def _cause(exception_info: Any) -> str:
    """The cause of an expectation that raised, in one line, without the engine's preamble."""
    for info in dict(exception_info or {}).values():
        if isinstance(info, Mapping) and info.get("exception_message"):
            return one_line(str(info["exception_message"]))
    message = dict(exception_info or {}).get("exception_message")
    return one_line(str(message)) if message else "it gave no result"


def _unexpected_count(declared: Mapping[str, Any], detail: Mapping[str, Any]) -> int | None:
    if detail.get("unexpected_count") is not None:
        return int(detail["unexpected_count"])
    return int(detail["observed_value"]) if "unexpected_rows_query" in declared.get("kwargs", {}) else None


def _age(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """What a rule on how old the newest rating may be found: seconds since 1970 tell nobody anything."""
    newest = detail.get("observed_value")
    known = newest if isinstance(newest, int | float) else None
    return suite.clock.age(known) if suite.clock and _asks_age(declared) else None


def _asks_age(declared: Mapping[str, Any]) -> bool:
    return {"$PARAMETER": FRESH_SINCE} in declared.get("kwargs", {}).values()


def _asks_nothing(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    """A rule on the newest rating's age where any age will do: that there is none at all is for others to tell."""
    unlimited = suite.clock is not None and suite.clock.max_age is None
    return unlimited and _asks_age(declared) and detail.get("observed_value") is None


def _observed(detail: Mapping[str, Any], things: str) -> str:
    if detail.get("unexpected_count") is not None and detail.get("element_count"):
        share = detail["unexpected_count"] / detail["element_count"]
        return f"{detail['unexpected_count']:,} of {detail['element_count']:,} rows ({format_share(share)})"
    value = detail.get("observed_value")
    listed = (detail.get("details") or {}).get("unexpected_rows")
    if listed is not None:
        return _measured(listed) if things == MEASURE else counted(int(value or 0), things.removesuffix("s"))
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else _listed(value)


def _measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """The numbers of a measure's one row by the names that the query gives them; a rule that holds has no row."""
    numbers = [(name, value) for row in rows[:1] for name, value in row.items() if name != LOCATOR]
    return ", ".join(_told(name, value) for name, value in numbers if isinstance(value, int | float))


def _told(name: str, value: float) -> str:
    """A count before its name, as one says it; a share or a ratio behind."""
    words = name.replace("_", " ")
    if name.endswith("share"):
        return f"{words} {format_share(value)}"
    return f"{words} {value:,.4g}" if isinstance(value, float) else f"{value:,} {words}"


def _columns(suite: Declared, detail: Mapping[str, Any]) -> str | None:
    """What a rule on a set of columns found, and how it differs; where their order counts, GX lists pairs instead."""
    apart = (detail.get("details") or {}).get("mismatched")
    if not isinstance(apart, Mapping):
        return None
    found = _listed(headers.in_order(detail.get("observed_value") or (), suite.columns))
    found = found.replace(headers.WRONG_CASE, "") or "none"
    return f"{found} ({suite.header_fault or headers.difference(apart, suite.columns)})"


def _rows_query(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    query = declared.get("kwargs", {}).get("unexpected_rows_query")
    if query is not None:
        return str(query).format(batch=f'"{suite.name}"')
    return detail.get("unexpected_index_query")


def _listed(value: Any) -> str:
    if isinstance(value, (list, tuple, set)):
        return ", ".join(str(item) for item in value if item != LOCATOR)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _failing_rows(suite: Declared, detail: Mapping[str, Any]) -> Iterator[FailingRow]:
    located = detail.get("partial_unexpected_index_list") or []
    listed = (detail.get("details") or {}).get("unexpected_rows") or []
    rows = [*located, *listed]
    # What is missing in a finding does not apply to it; in a row that was delivered it may be what is wrong.
    known = {name for row in rows for name, value in row.items() if value is not None or suite.name not in FINDINGS}
    for row in rows:
        values = {name: value for name, value in row.items() if name in known}
        line = values.pop(LOCATOR, None)
        file = values.pop("source_file", suite.source_file)
        yield FailingRow(*suite.place(file, None if line is None else int(line)), values)


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
