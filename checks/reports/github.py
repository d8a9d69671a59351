"""On GitHub Actions: the step summary, and annotations that show a pull request what broke, where, and what to do."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checks.engine import suites
from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.run import Run
from checks.texts import printable

# https://docs.github.com/en/actions/reference/limits and .../workflow-commands: what is beyond them is dropped
# in silence, so we stop short of them and say so.
ANNOTATIONS_A_STEP = 10  # of each kind
SUMMARY_BYTES = 1 << 20
CUT = "\n\n_Cut here: GitHub shows 1 MiB a step. The whole report is in `report.md`._\n"


def on_github() -> bool:
    """Whether this run is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def commands_stopped() -> Iterator[None]:
    """For the block's length the runner takes nothing printed for a command: data may hold `##[add-mask]`."""
    token = secrets.token_hex(16)
    if on_github():
        print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        if on_github():
            print(f"::{token}::", flush=True)


def inert(text: str) -> str:
    """JSON in which the runner finds no command of its old form, `##[command]`, which it takes anywhere in a line."""
    return text.replace("##[", "#\\u0023[")


def add_step_summary(report: str) -> None:
    """Append a Markdown report to the step's summary, as much as GitHub takes."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    file = Path(path)
    there = file.stat().st_size if file.exists() else 0
    with file.open("a", encoding="utf-8") as summary:
        summary.write(fitting(report, SUMMARY_BYTES - there))


def fitting(report: str, size: int) -> str:
    """`report` in at most `size` bytes, cut between two lines where it is longer."""
    if len(report.encode()) <= size:
        return report
    room = size - len(CUT.encode())
    kept = report.encode()[: max(room, 0)].decode(errors="ignore").rpartition("\n")[0]
    return kept + CUT if room > 0 else ""


def annotate(verdict: Verdict, run: Run) -> Iterator[str]:
    """Workflow commands, worst first: errors for what stops the delivery, warnings and notices for the rest."""
    by_kind: dict[str, list[Outcome]] = {"error": [], "warning": [], "notice": []}
    for outcome in verdict.to_mend():
        by_kind[_kind(outcome, verdict)].append(outcome)
    for kind, outcomes in by_kind.items():
        whole = len(outcomes) <= ANNOTATIONS_A_STEP
        shown = outcomes if whole else outcomes[: ANNOTATIONS_A_STEP - 1]
        yield from [_annotation(kind, outcome, run) for outcome in shown]
        if not whole:
            yield command(kind, f"{len(outcomes) - len(shown)} more are in the step's summary.", title="And more")


def _kind(outcome: Outcome, verdict: Verdict) -> str:
    if verdict.stops(outcome):
        return "error"
    return "warning" if outcome.status is Status.FAILED and outcome.severity != "info" else "notice"


def _annotation(kind: str, outcome: Outcome, run: Run) -> str:
    file, line = suites.place(outcome.suite, outcome.expectation_id, run.root)
    lines = [outcome.sentence]
    if outcome.waiver:
        lines.append(outcome.waiver.sentence())
    if outcome.cause:
        lines.append(f"It could not be judged: {outcome.cause}.")
    if outcome.observed:
        lines.append(f"Found: {outcome.observed}{outcome.example}.")
    if outcome.remedy:
        lines.append(f"What to do: {outcome.remedy}")
    message = "\n".join(printable(text) for text in lines)
    return command(kind, message, file=file, line=str(line), title=f"{outcome.suite} ({outcome.severity})")


def command(kind: str, message: str, **properties: str) -> str:
    """One workflow command, escaped as the runner unescapes it."""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
