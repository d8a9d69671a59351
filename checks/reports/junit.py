"""`junit.xml`: a suite a table, a case an expectation. It is red exactly where the gate is.

What the verdict does not fail on (a warning, a waived failure, what was not asked) is a skipped case that says what
was found, or why it was not asked, so that a test report never contradicts the exit code.
"""

from __future__ import annotations

import re
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from checks.engine import suites
from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.reports.console import details
from checks.run import Run

SHOWN_ROWS = 10  # of a failure, as text; the quarantine holds all
ILLEGAL_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict, run: Run) -> str:
    """The verdict as JUnit XML."""
    report = JUnitXml("movielens")
    for name in dict.fromkeys(outcome.suite for outcome in verdict.outcomes):
        suite = TestSuite(legal(name))
        suite.timestamp = run.started.isoformat(timespec="seconds")
        suite.add_testcases([_case(outcome, verdict, run) for outcome in verdict.of_suites([name]).outcomes])
        report.add_testsuite(suite)
    report.update_statistics()
    return str(report.tostring().decode("utf-8"))


def _case(outcome: Outcome, verdict: Verdict, run: Run) -> TestCase:
    case = TestCase(legal(outcome.sentence), classname=legal(f"{outcome.suite}.{outcome.expectation_type}"))
    file, line = suites.place(outcome.suite, outcome.expectation_id, run.root)
    case._elem.set("file", file)  # not of the first JUnit schema, but what GitLab and pytest use
    case._elem.set("line", str(line))
    if outcome.status is not Status.PASSED:
        case.result = [_result(outcome, verdict)]
    return case


def _result(outcome: Outcome, verdict: Verdict) -> Any:
    if outcome.status is Status.UNASKED:
        return Skipped(legal(f"not asked: {outcome.cause}"), outcome.severity)
    found = outcome.observed or "it does not hold"
    if outcome.status is Status.UNDETERMINED:
        result = Error(legal(f"not judged: {outcome.cause}"), outcome.severity)
    elif outcome.status is Status.WAIVED and outcome.waiver:
        result = Skipped(legal(outcome.waiver.sentence()), outcome.severity)
    elif verdict.stops(outcome):
        result = Failure(legal(f"{outcome.severity}: {found}"), outcome.severity)
    else:
        result = Skipped(legal(f"{outcome.severity}, does not gate: {found}"), outcome.severity)
    result.text = legal("\n".join(details(outcome, SHOWN_ROWS)))
    return result


def legal(text: str) -> str:
    """Text without the characters that XML 1.0 has no way to hold."""
    return ILLEGAL_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
