"""`results.sarif`: SARIF 2.1.0, for GitHub code scanning and editors.

Every open outcome is a result at the line of its expectation in the suite's file, because that is what a pull
request can show; the rows are related locations at the lines of the data files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from checks.engine import suites
from checks.gate.terms import Status
from checks.gate.verdict import FailingRow, Outcome, Verdict
from checks.reports.console import row_text
from checks.run import Run
from checks.texts import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
REPOSITORY, DATA, OUTPUT = "%SRCROOT%", "DATA", "OUTPUT"
LEVELS = {"critical": "error", "warning": "warning", "info": "note"}


def sarif(verdict: Verdict, run: Run) -> dict[str, Any]:
    """The verdict as a SARIF log, JSON-ready."""
    rule_ids = [_rule_id(outcome) for outcome in verdict.outcomes]
    open_outcomes = verdict.worst_first()
    one_run = {
        "tool": {
            "driver": {
                "name": "movie-ratings-data-quality",
                "semanticVersion": "0.1.0",
                "rules": [_rule(outcome) for outcome in verdict.outcomes],
            }
        },
        "invocations": [_invocation(verdict, run)],
        "originalUriBaseIds": _bases(run),
        "columnKind": "unicodeCodePoints",
        "results": [_result(o, rule_ids.index(_rule_id(o)), verdict, run) for o in open_outcomes],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [one_run]}


def _rule_id(outcome: Outcome) -> str:
    """The id; without one, a name that the arguments keep apart from its like, and that shows none of them."""
    if outcome.expectation_id:
        return outcome.expectation_id
    arguments = hashlib.sha256("/".join(outcome.key).encode()).hexdigest()[:16]
    return f"{outcome.suite}/{outcome.expectation_type}/{arguments}"


def _rule(outcome: Outcome) -> dict[str, Any]:
    words = outcome.expectation_type.removeprefix("expect_").split("_")
    guidance = "\n\n".join(filter(None, [outcome.meaning, outcome.action])) or outcome.sentence
    return {
        "id": _rule_id(outcome),
        "name": "".join(word.capitalize() for word in words),
        "shortDescription": {"text": text(outcome.sentence)},
        "fullDescription": {"text": text(outcome.meaning or outcome.sentence)},
        "help": {"text": text(guidance), "markdown": guidance},
        "defaultConfiguration": {"level": LEVELS[outcome.severity]},
        "properties": {"tags": [outcome.suite, outcome.severity]},
    }


def _invocation(verdict: Verdict, run: Run) -> dict[str, Any]:
    unjudged = verdict.undetermined
    return {
        "executionSuccessful": not unjudged,
        "exitCode": verdict.exit_code,
        "exitCodeDescription": text(verdict.why()),
        "startTimeUtc": run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": [{"level": "error", "message": {"text": _message(one)}} for one in unjudged],
    }


def _bases(run: Run) -> dict[str, Any]:
    bases: dict[str, Any] = {REPOSITORY: {"description": {"text": "The root of the repository."}}}
    bases[DATA] = {"uri": _folder_uri(run.folder), "description": {"text": "The delivery that was judged."}}
    output = run.published or run.output
    bases[OUTPUT] = {"uri": _folder_uri(output), "description": {"text": "The results of the run."}}
    return bases


def _folder_uri(folder: Any) -> str:
    return f"{folder.resolve().as_uri()}/"


def _result(outcome: Outcome, rule_index: int, verdict: Verdict, run: Run) -> dict[str, Any]:
    file, line = suites.place(outcome.suite, outcome.expectation_id, run.root)
    location = {"artifactLocation": {"uri": file, "uriBaseId": REPOSITORY}, "region": {"startLine": line}}
    return {
        "ruleId": _rule_id(outcome),
        "ruleIndex": rule_index,
        "kind": "fail",
        "level": "error" if verdict.stops(outcome) else LEVELS[outcome.severity],
        "message": {"text": _message(outcome)},
        "locations": [{"physicalLocation": location}],
        "relatedLocations": _row_locations(outcome.rows, run),
        "partialFingerprints": {"expectation/v1": _rule_id(outcome)},
        "suppressions": _suppressions(outcome),
        "properties": {
            "suite": outcome.suite,
            "severity": outcome.severity,
            "status": str(outcome.status),
            "observed": text(outcome.observed),
        },
    }


def _message(outcome: Outcome) -> str:
    waiver = outcome.waiver.sentence() if outcome.waiver else ""
    cause = f"It could not be judged: {outcome.cause}." if outcome.cause else ""
    found = f"Found: {outcome.observed}." if outcome.observed else ""
    action = f"What to do: {outcome.remedy}" if outcome.remedy else ""
    parts = [f"{outcome.suite}: {outcome.sentence}", waiver, cause, found, action]
    return text(" ".join(part for part in parts if part))


def _row_locations(rows: Sequence[FailingRow], run: Run) -> list[dict[str, Any]]:
    located = [row for row in rows if row.file and row.line]
    return [_row_location(number, row, run) for number, row in enumerate(located, start=1)]


def _row_location(number: int, row: FailingRow, run: Run) -> dict[str, Any]:
    from urllib.parse import quote

    delivered = {name for source in run.sources.values() for name in source.names}
    artifact = {"uri": quote(row.file or ""), "uriBaseId": DATA if row.file in delivered else OUTPUT}
    return {
        "id": number,
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": row.line}},
        "message": {"text": text(row_text(row))},
    }


def _suppressions(outcome: Outcome) -> list[dict[str, str]]:
    if outcome.status is not Status.WAIVED or outcome.waiver is None:
        return []
    return [{"kind": "external", "status": "accepted", "justification": text(outcome.waiver.sentence())}]


def text(message: str) -> str:
    """Plain text in which data can't form SARIF's `[link](target)`."""
    return printable(message.replace("\n", " ")).replace("](", "] (")
