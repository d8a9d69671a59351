"""What the site keeps of a run: all that its pages show, so that they can be made again without the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import gate
from checks.docs import figures
from checks.reports import summary
from checks.results import outputs
from checks.run import Run

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


def write(site: Path, run_id: str, run: Run, verdict: gate.Verdict) -> None:
    """Keep what the pages of the run under way need."""
    drawn = figures.NONE if run.figures is None else run.figures.result()
    facts = summary.summary(verdict, run) | {
        "version": VERSION,
        "answers": _answers(verdict),
        "pass_rate": _pass_rate(verdict),
    }
    folder = site / RUNS / run_id
    outputs.write_json(folder / RECORD, facts)
    outputs.write_json(folder / FIGURES, drawn)


def _answers(verdict: gate.Verdict) -> list[dict[str, str]]:
    return [
        {"question": one.text, "decision": str(one.decision), "why": one.verdict.why()}
        for one in gate.questions(verdict)
    ]


def _pass_rate(verdict: gate.Verdict) -> float | None:
    return verdict.count(gate.Status.PASSED) / len(verdict.outcomes) if verdict.outcomes else None


def records(site: Path) -> Iterator[Record]:
    """The kept runs, newest first."""
    for path in sorted((site / RUNS).glob(f"*/{RECORD}"), reverse=True):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.get("version") == VERSION:
            yield Record(path.parent.name, facts, path.parent)
