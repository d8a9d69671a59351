"""Plant each fault, judge the delivery, and compare with the verdict on the clean one."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from checks.checkpoint import run_checkpoint
from checks.engine.suites import declared_suites
from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.loader import load
from checks.run import Run
from checks.tables import FINDINGS
from scripts.mutation.delivery import Clean, Delivery
from scripts.mutation.faults import Fault
from scripts.mutation.planting import DAY

SEVERITIES = ("info", "warning", "undetermined", "critical")  # mildest first


class Answer(StrEnum):
    """What became of a fault."""

    CAUGHT = "caught"  # by the expectation meant for it, at its severity or worse
    BY_ANOTHER = "caught by another"
    SLIPPED = "slipped"
    UNSEEN = "unseen"  # as the catalogue says: no rule over the delivery can see it
    QUIET = "quiet"  # a harmless change, and nothing cried
    FALSE_ALARM = "false alarm"


@dataclass(frozen=True)
class Scored:
    """One fault with the outcomes that it changed for the worse, the one meant for it first."""

    fault: Fault
    answer: Answer
    caught: tuple[Outcome, ...] = ()

    @property
    def critical_slip(self) -> bool:
        """Whether the gate would have let a critical fault through."""
        return self.fault.severity == "critical" and self.answer is Answer.SLIPPED

    @property
    def critical_alarm(self) -> bool:
        """Whether the gate would have stopped sound data for a harmless change."""
        return self.answer is Answer.FALSE_ALARM and any(_at_least(one, "undetermined") for one in self.caught)


@dataclass(frozen=True)
class Score:
    """All faults, and what the clean data raised."""

    clean: Verdict
    scored: Sequence[Scored] = field(default_factory=tuple)

    def count(self, *answers: Answer) -> int:
        return sum(one.answer in answers for one in self.scored)

    @property
    def holds(self) -> bool:
        """No critical fault slips, and sound data, harmless changes or not, raise nothing critical nor unjudged."""
        sound = not self.clean.gating and not self.clean.undetermined
        return sound and not any(one.critical_slip or one.critical_alarm for one in self.scored)


class Scorer:
    """Judges deliveries by the suites of the delivered tables below `gx`.

    The suites over findings are left out: how well users and drift are judged is measured by planting
    attacks and shifts (`scripts.evaluate_anomaly`, `scripts.evaluate_drift`).
    """

    def __init__(self, clean: Clean, gx: Path) -> None:
        self.clean, self.gx = clean, gx
        suites = declared_suites(gx)
        self.suites = {name: one for name, one in suites.items() if name not in FINDINGS}
        # As fresh as the clean data are today, so that a staler delivery can be told; and a day more, as times that
        # moved by hours would be stale at some hours of the day.
        self.max_age = int(time.time() - clean.newest) // DAY + 2

    def baseline(self) -> Verdict:
        """The verdict on the clean data, which faults make worse."""
        return self._judge(Delivery(self.clean), self.suites)

    def worse(self, fault: Fault, baseline: Verdict) -> list[Outcome]:
        """The outcomes that the fault changes for the worse."""
        delivery = Delivery(self.clean)
        fault.plant(delivery)
        return worsened(baseline, self._judge(delivery, self._concerned(delivery.touched)))

    def _judge(self, delivery: Delivery, suites: Mapping[str, Any]) -> Verdict:
        work = Path(tempfile.mkdtemp(prefix="score_suites-"))
        try:
            verdict = run_checkpoint(self._run(delivery.write(work / "data"), work, suites), act=False)
            return verdict.of_suites(suites)  # the gate also misses the suites that are left out here
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _run(self, folder: Path, work: Path, suites: Mapping[str, Any]) -> Run:
        database = work / "warehouse.duckdb"
        with load(folder, database) as warehouse:
            return Run(
                folder=folder,
                sources=warehouse.sources,
                row_counts={name: warehouse.count(name) for name in suites if warehouse.has(name)},
                suites=suites,
                output=work,
                warehouse=database,
                started=datetime.now(UTC),
                max_age=self.max_age,
                problems={name: source.problem for name, source in warehouse.sources.items() if source.problem},
                root=self.gx,
            )

    def _concerned(self, tables: set[str]) -> Mapping[str, Any]:
        """The suites that look at one of `tables`: the others answer as they did on the clean data."""
        looks = re.compile(rf"\b({'|'.join(map(re.escape, sorted(tables)))})\b")
        always = {*tables, "rejected_rows"}
        return {
            name: one
            for name, one in self.suites.items()
            if name in always or any(looks.search(_query(expectation)) for expectation in one)
        }


def _query(expectation: Mapping[str, Any]) -> str:
    return json.dumps(expectation.get("kwargs", {}))


def worsened(clean: Verdict, verdict: Verdict) -> list[Outcome]:
    """The outcomes that failed or could not be judged and did not on the clean data, or found more rows."""
    before = {(one.suite, one.sentence): one for one in clean.outcomes}
    return [one for one in verdict.outcomes if _is_worse(before.get((one.suite, one.sentence)), one)]


def _is_worse(before: Outcome | None, after: Outcome) -> bool:
    if after.status not in (Status.FAILED, Status.UNDETERMINED):
        return False
    if before is None or before.status is not after.status:
        return True
    return (after.unexpected_count or 0) > (before.unexpected_count or 0)


def scored(fault: Fault, worse: Sequence[Outcome]) -> Scored:
    """What became of a fault that changed these outcomes for the worse."""
    if fault.severity is None:
        kind = (Answer.FALSE_ALARM, Answer.QUIET) if fault.harmless else (Answer.BY_ANOTHER, Answer.UNSEEN)
        return Scored(fault, kind[not worse], tuple(worse))
    loud = [one for one in worse if _at_least(one, fault.severity)]
    meant = [one for one in loud if _is_meant(fault, one)]
    if not loud:
        return Scored(fault, Answer.SLIPPED, tuple(worse))
    rest = [one for one in worse if one not in meant]
    return Scored(fault, Answer.CAUGHT if meant else Answer.BY_ANOTHER, (*meant, *rest))


def _is_meant(fault: Fault, outcome: Outcome) -> bool:
    assert fault.meant is not None
    suite, sentence = fault.meant
    return outcome.suite == suite and outcome.sentence.startswith(sentence)


def _at_least(outcome: Outcome, severity: str) -> bool:
    return SEVERITIES.index(level(outcome)) >= SEVERITIES.index(severity)


def level(outcome: Outcome) -> str:
    """The severity that an outcome counts with."""
    return "undetermined" if outcome.status is Status.UNDETERMINED else outcome.severity


def finished(parts: Iterator[Score | Scored]) -> Score:
    """The whole score of a scoring."""
    first, *rest = parts
    assert isinstance(first, Score)
    return replace(first, scored=tuple(one for one in rest if isinstance(one, Scored)))
