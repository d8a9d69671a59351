"""What changed since the last run into the same folder, for reports and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.gate.terms import Decision, Status
from checks.gate.verdict import Outcome, Verdict, told_once
from checks.results import history
from checks.run import Run
from checks.wording import format_share

TOLD_FROM = 0.1  # of a table's rows: what comes or goes below is a day's work


@dataclass(frozen=True)
class Changes:
    """The last run's time and verdict; what is not as it was then, worst first; what holds again.

    new: what fails or can't be judged now; waived: what a waiver covers now. judged_alike: whether rules, settings
    and waivers were the same then. folder_before: what was judged then, where that was another folder.
    """

    since: datetime
    verdict_before: str
    new: tuple[Outcome, ...]
    gone: tuple[Outcome, ...]
    waived: tuple[Outcome, ...] = ()
    judged_alike: bool = True
    folder_before: str | None = None


def row_changes(run: Run) -> tuple[str, ...]:
    """A sentence if the ratings end before those of the last run, and one for each delivered table whose rows fell or
    rose by much since then.
    """
    last = history.previous(run)
    if last is None:
        return ()
    passed = last.decision is Decision.PASS  # else its times may be what was wrong
    found = [_step_back(last.last_rating, run.last_rating) if passed else None]
    found += [_row_change(table, count, run.row_counts.get(table)) for table, count in last.row_counts.items()]
    return tuple(sentence for sentence in found if sentence)


def _step_back(before: datetime | None, now: datetime | None) -> str | None:
    """What is sent week after week ends later each time, unless an old week is sent again, which passes as it did."""
    if before is None or now is None or now >= before:
        return None
    days = (before - now) / timedelta(days=1)  # no date: an alert, which tells this too, holds no value of the data
    return f"The ratings end {days:,.1f} days before those of the last run: was an older delivery sent again?"


def _row_change(table: str, before: int, now: int | None) -> str | None:
    if now is None or abs(now - before) < TOLD_FROM * before or now == before:
        return None
    if not before:
        return f"{table} has {now:,} rows, where the last run had none."
    if not now:
        return f"{table} has no row, where the last run had {before:,}."
    share, word = format_share(abs(now - before) / before), "more" if now > before else "fewer"
    return f"{table} has {now:,} rows, {share} {word} than the {before:,} of the last run."


def since_last_run(verdict: Verdict, run: Run) -> Changes | None:
    """Compare with the run whose results stand where this run's will; None for the first one."""
    last = history.previous(run)
    if last is None:
        return None
    open_before = last.failed | last.undetermined | last.waived
    other = told_once(o for o in verdict.worst_first() if last.is_new(o))
    gone = (o for o in verdict.outcomes if o.status is Status.PASSED and o.key in open_before)
    return Changes(
        last.started,
        str(last.decision),
        new=tuple(o for o in other if o.status is not Status.WAIVED),
        gone=tuple(gone),
        waived=tuple(o for o in other if o.status is Status.WAIVED),
        judged_alike=last.judged_by == history.judged_by(run.settings, run.waivers, run.program, run.root),
        folder_before=None if last.folder == str(run.folder) else last.folder,
    )
