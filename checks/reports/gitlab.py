"""`gl-code-quality-report.json`: GitLab's code quality report (a subset of Code Climate's format)."""

from __future__ import annotations

import hashlib
from typing import Any

from checks.engine import suites
from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.run import Run
from checks.texts import printable

SEVERITIES = {"critical": "critical", "warning": "minor", "info": "info"}


def code_quality(verdict: Verdict, run: Run) -> list[dict[str, Any]]:
    """The open outcomes as GitLab's list of issues, JSON-ready. GitLab has no waivers: a waived one is `info`."""
    return [_issue(outcome, verdict, run) for outcome in verdict.worst_first()]


def _issue(outcome: Outcome, verdict: Verdict, run: Run) -> dict[str, Any]:
    file, line = suites.place(outcome.suite, outcome.expectation_id, run.root)
    return {
        "description": printable(_description(outcome)),
        "check_name": outcome.expectation_type,
        "fingerprint": hashlib.sha256("/".join(outcome.key).encode()).hexdigest(),
        "severity": _severity(outcome, verdict),
        "location": {"path": file, "lines": {"begin": line}},
    }


def _severity(outcome: Outcome, verdict: Verdict) -> str:
    if outcome.status is Status.WAIVED:
        return "info"
    return "blocker" if verdict.stops(outcome) else SEVERITIES[outcome.severity]


def _description(outcome: Outcome) -> str:
    what = f"{outcome.suite}: {outcome.sentence}"
    if outcome.status is Status.UNDETERMINED:
        return f"{what} It could not be judged: {outcome.cause}."
    waiver = f" {outcome.waiver.sentence()}" if outcome.waiver else ""
    return f"{what}{waiver}{f' Found: {outcome.observed}.' if outcome.observed else ''}"
