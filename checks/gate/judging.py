"""From Great Expectations' results and the suites as declared to the verdict: what became of each expectation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from checks import editions
from checks.gate import reading
from checks.gate.declared import Declared, asks_age
from checks.gate.terms import CALM, Status
from checks.gate.verdict import FailingRow, Outcome, Verdict
from checks.waivers import Waiver


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
        return _unknown(suite, declared, reading.complaint(result.exception_info))
    holds = result.success or _asks_nothing(suite, declared, detail)
    status = Status.UNASKED if suite.spares(declared) else Status.PASSED if holds else _failure(declared)
    things = reading.what_counts(declared)
    rows = () if status in CALM else tuple(reading.failing_rows(suite, detail))
    observed = reading.observed(suite, declared, detail, things)
    outcome = _outcome(
        suite,
        declared,
        status,
        observed=observed,
        unexpected_count=reading.unexpected_count(declared, detail),
        element_count=detail.get("element_count", suite.row_count if reading.is_of_rows(suite, things) else None),
        counted=things,
        rows=rows,
        rows_query=None if status in CALM else reading.rows_query(suite, declared, detail),
        cause=_why_not(status, rows, observed),
    )
    return _if_cut_off(outcome, suite)


def _asks_nothing(suite: Declared, declared: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    """A rule on the newest rating's age where any age will do: that there is none at all is for others to tell."""
    unlimited = suite.clock is not None and suite.clock.max_age is None
    return unlimited and asks_age(declared) and detail.get("observed_value") is None


def _failure(declared: Mapping[str, Any]) -> Status:
    """A rule on whether the data could be judged at all fails into `undetermined` where its `meta` says so."""
    judgeable = (declared.get("meta") or {}).get("when_failed") == Status.UNDETERMINED
    return Status.UNDETERMINED if judgeable else Status.FAILED


def _why_not(status: Status, rows: Iterable[FailingRow], observed: str) -> str | None:
    if status is Status.UNASKED:
        return editions.UNASKED
    return _reasons(rows) or observed if status is Status.UNDETERMINED else None


def _reasons(rows: Iterable[FailingRow]) -> str:
    """What rows of a rule on whether the data could be judged say in their column `reason`, each reason once."""
    told = dict.fromkeys(str(row.values["reason"]).rstrip(".") for row in rows if row.values.get("reason"))
    return "; ".join(told)


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
