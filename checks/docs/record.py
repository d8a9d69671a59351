"""What the site keeps of a run: all that its pages show, so that they can be made again without the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.docs import figures, findings
from checks.gate.verdict import Outcome, Verdict, questions
from checks.reports import summary
from checks.results import outputs
from checks.results.changes import Changes, since_last_run
from checks.run import Run
from checks.wording import counted

VERSION = 2  # of what a record holds; records of another release are passed over, as their pages need other facts
RUNS = "runs"
RUN_ID = "%Y%m%dT%H%M%S.%fZ"  # as GX names the folders of a run
RECORD, FIGURES, PAGE = "record.json", "figures.json", "index.html"


@dataclass(frozen=True)
class Record:
    """A kept run: its identity (GX's run time, which sorts by age) and its facts, as `summary.json` names them."""

    id: str
    facts: Mapping[str, Any]
    folder: Path

    @property
    def figures(self) -> Mapping[str, Any]:
        """Charts and findings, read only where they are shown."""
        path = self.folder / FIGURES
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def page(self) -> Path:
        return self.folder / PAGE

    @property
    def suite_pages(self) -> dict[str, str]:
        """The page of each suite's results in this run, as GX places them below the site's top."""
        site = self.folder.parent.parent
        found = sorted(site.glob(f"validations/*/*/{self.id}/*.html"))
        return {page.relative_to(site).parts[1]: page.relative_to(site).as_posix() for page in found}


def write(site: Path, run_id: str, run: Run, verdict: Verdict) -> None:
    """Keep what the pages of the run under way need."""
    drawn = figures.NONE if run.figures is None else run.figures.result()
    facts = summary.summary(verdict, run) | {
        "version": VERSION,
        "answers": _answers(verdict, _measured(run, drawn)),
        "problems": dict(run.problems),
        "changes": _changes(since_last_run(verdict, run)),
        "pass_rate": verdict.pass_rate,
    }
    folder = site / RUNS / run_id
    outputs.write_json(folder / RECORD, facts)
    outputs.write_json(folder / FIGURES, drawn)


def _answers(verdict: Verdict, measured: Sequence[str]) -> list[dict[str, Any]]:
    """Each question's decision, its reason, how many warnings it has, and what was measured of rows, users or drift."""
    return [
        {
            "question": one.text,
            "decision": str(one.decision),
            "why": one.verdict.why(),
            "warnings": one.warnings,
            "measured": figure,
        }
        for one, figure in zip(questions(verdict), measured, strict=True)
    ]


def _measured(run: Run, drawn: Mapping[str, Any]) -> tuple[str, str, str]:
    return _of_rows(run), _of_users(drawn["users"]), _of_drift(drawn["drift"])


def _of_rows(run: Run) -> str:
    rejected = sum(source.rejected_rows or 0 for source in run.sources.values())
    read = sum(source.loaded_rows or 0 for source in run.sources.values())
    return f"{counted(read, 'row')} read, {rejected:,} rejected" if read or rejected else ""


def _of_users(users: Mapping[str, Any] | None) -> str:
    judged = 0 if users is None else findings.n_judged(users)
    if users is None or not judged:
        return ""
    attacks = len(users["groups"])
    told = f"{users['counts'].get('flagged', 0):,} of {counted(judged, 'user')} flagged"
    return f"{told}, {counted(attacks, 'attack')}" if attacks else told


def _of_drift(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many features moved of those that could be judged, and what their cost, which is no feature, recommends."""
    judged = [row["status"] for row in rows if not findings.is_cost(row) and row["status"] != "undetermined"]
    if not judged:
        return ""
    moved = f"{judged.count('drifted')} of {counted(len(judged), 'feature')} moved"
    asked = [row["recommendation"] for row in rows if findings.is_cost(row) and row["status"] != "undetermined"]
    return "; recommendation: ".join([moved, *map(findings.advice, asked)])


def _changes(changes: Changes | None) -> dict[str, Any] | None:
    if changes is None:
        return None
    return {
        "since": changes.since.isoformat(timespec="seconds"),
        "verdict": changes.verdict_before,
        "folder": changes.folder_before,
        "new": [_named(one) for one in changes.new],
        "waived": [_named(one) for one in changes.waived],
        "gone": [_named(one) for one in changes.gone],
    }


def _named(outcome: Outcome) -> dict[str, Any]:
    return {"suite": outcome.suite, "id": outcome.expectation_id, "sentence": outcome.sentence}


def records(site: Path) -> Iterator[Record]:
    """The kept runs, newest first; what is no record of this release is passed over."""
    for path in sorted((site / RUNS).glob(f"*/{RECORD}"), reverse=True):
        facts = _read(path)
        if isinstance(facts, dict) and facts.get("version") == VERSION:
            yield Record(path.parent.name, facts, path.parent)


def _read(path: Path) -> Any:
    """What a file of JSON holds; None where it is damaged: no old page keeps a new delivery from its verdict."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
