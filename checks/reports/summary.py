"""The run in numbers, for machines: `summary.json`."""

from __future__ import annotations

from typing import Any

from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict, questions
from checks.run import Run
from checks.waivers import Waiver
from checks.warehouse import SourceFile

SCHEMA_VERSION = 1  # to rise where a key goes or comes to mean something else; keys may be added without


def summary(verdict: Verdict, run: Run) -> dict[str, Any]:
    """The run as JSON-ready values; checks/README.md documents the keys."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": str(verdict.decision),
        "exit_code": verdict.exit_code,
        "why": verdict.why(),
        "engine": run.engine,
        "fail_on": verdict.fail_on,
        "settings": dict(run.settings),
        "started": run.started.isoformat(timespec="seconds"),
        "phases": run.phases.as_dict(),
        "data": _data(run),
        "questions": {q.text: str(q.decision) for q in questions(verdict)},
        "suites": {name: _counts(verdict.of_suites([name])) for name in run.suites},
        "expectations": [expectation(outcome) for outcome in verdict.outcomes],
    }


def _data(run: Run) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "simulated": run.simulated,
        "reference": None if run.reference is None else str(run.reference),
        "repeats": run.repeats.isoformat(timespec="seconds") if run.repeats else None,
        "row_changes": list(run.row_changes),
        "judged_as": "increment" if run.kind.increment else "edition",
        "remark": run.kind.remark or None,
        "tables_of": run.tables_of.isoformat(timespec="seconds") if run.tables_of else None,
        "first_rating": run.first_rating.isoformat() if run.first_rating else None,
        "last_rating": run.last_rating.isoformat() if run.last_rating else None,
        "files": [_file(source) for source in run.sources.values()],
    }


def _file(source: SourceFile) -> dict[str, Any]:
    return {
        "table": source.table,
        "file": source.path.name if source.path else None,
        "sha256": source.sha256,
        "bytes": source.size,
        "rows": source.loaded_rows,
        "rejected": source.rejected_rows,
        "problem": source.problem,
    }


def _counts(verdict: Verdict) -> dict[str, int]:
    statuses = {str(status): verdict.count(status) for status in Status}
    return {"declared": len(verdict.outcomes), "evaluated": verdict.n_evaluated} | statuses


def expectation(outcome: Outcome) -> dict[str, Any]:
    """One expectation, judged, as JSON-ready values."""
    return {
        "suite": outcome.suite,
        "id": outcome.expectation_id,
        "type": outcome.expectation_type,
        "column": outcome.column,
        "arguments": dict(outcome.kwargs),
        "severity": outcome.severity,
        "meant_for": outcome.meant_for,
        "status": str(outcome.status),
        "sentence": outcome.sentence,
        "meaning": outcome.meaning,
        "action": outcome.action,
        "remedy": outcome.remedy,
        "observed": outcome.observed,
        "unexpected_count": outcome.unexpected_count,
        "counted": outcome.counted,
        "element_count": outcome.element_count,
        "share": outcome.share,
        "cause": outcome.cause,
        "waiver": _waiver(outcome.waiver),
        "rows": [{"file": row.file, "line": row.line, "values": dict(row.values)} for row in outcome.rows],
    }


def _waiver(waiver: Waiver | None) -> dict[str, Any] | None:
    if waiver is None:
        return None
    return {
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "expired": waiver.expired,
        "at_most": waiver.at_most,
        "exceeded": waiver.exceeded,
    }
