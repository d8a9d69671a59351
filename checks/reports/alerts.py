"""One message a run to whom it concerns, through any of apprise's services (Slack, Teams, mail, webhook, …).

Addresses hold passwords and tokens. They come from the environment alone and go nowhere: not into a file, a log
line, an error or a process list. An alert carries counts and places, never a value of the data. Whatever goes wrong
here changes no verdict; it is said in one line that names an address by its number.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Iterator, Sequence

from checks.engine import suites
from checks.gate.terms import MEASURE, Decision, Status
from checks.gate.verdict import Outcome, Verdict
from checks.results.changes import Changes
from checks.run import Run
from checks.texts import printable
from checks.wording import counted

VARIABLE = "MOVIELENS_ALERTS"  # one or more addresses, with blanks between them
ALWAYS = "always"
PATIENCE = 30.0  # seconds for all addresses together: a run never waits longer for a service that hangs
WORST = 3  # failures told with what to do: a message is read on the way, the report at a desk
SHOWN_NEW = 10  # of what is new, in a line each
# What apprise is told that a message is, by which services choose colour and icon, and programs what to do.
KINDS = {Decision.PASS: "success", Decision.FAIL: "failure", Decision.UNDETERMINED: "warning"}
# apprise and what it sends through name hosts and whole addresses in their logs.
TALKATIVE = ("apprise", "urllib3", "requests")


def addresses() -> list[str]:
    """Where alerts go."""
    return os.environ.get(VARIABLE, "").split()


def concerns(verdict: Verdict, notify_on: str) -> bool:
    """Whether to send: always, or for a failure of this severity or worse, or where something was not judged."""
    if notify_on == ALWAYS or verdict.decision is not Decision.PASS:
        return True
    severities = suites.SEVERITIES[: suites.SEVERITIES.index(notify_on) + 1]
    return any(o.status is Status.FAILED and o.severity in severities for o in verdict.outcomes)


def message(verdict: Verdict, run: Run, changes: Changes | None) -> tuple[str, str]:
    """Title and text: the verdict, the worst three, and what is new since the last run."""
    title = f"Data quality {str(verdict.decision).upper()}: {run.folder.name}"
    lines = [verdict.why(), f"Judged {run.folder}, {run.started:%Y-%m-%d %H:%M} UTC.", *run.row_changes]
    lines += [run.kind.remark] if run.kind.remark else []
    lines += [*_worst(verdict), *_new(changes)]
    return printable(title), "\n".join(printable(line) for line in lines)


def _worst(verdict: Verdict) -> Iterator[str]:
    found = [o for o in verdict.to_mend() if o.status is not Status.WAIVED]
    if found:
        yield f"The worst {min(len(found), WORST)} of {len(found)}:"
    for number, outcome in enumerate(found[:WORST], start=1):
        yield f"{number}. {_headline(outcome)}{_extent(outcome)} {_remedy(outcome)}".rstrip()


def _new(changes: Changes | None) -> Iterator[str]:
    if changes is None:
        yield "There is no earlier run to compare with."
        return
    before = f"since the last run ({changes.since:%Y-%m-%d %H:%M} UTC, {changes.verdict_before})"
    yield f"New {before}:" if changes.new else f"Nothing new {before}."
    yield from [f"- {_headline(outcome)}" for outcome in changes.new[:SHOWN_NEW]]
    if len(changes.new) > SHOWN_NEW:
        yield f"- and {len(changes.new) - SHOWN_NEW} more"
    yield from [f"Waived since then: {_headline(outcome)}" for outcome in changes.waived]


def _headline(outcome: Outcome) -> str:
    label = "NOT JUDGED" if outcome.status is Status.UNDETERMINED else outcome.severity.upper()
    return f"{label} {outcome.suite}: {outcome.sentence}"


def _remedy(outcome: Outcome) -> str:
    """What to do. A cause may quote the data, which leave the house in no message, so the report tells it."""
    return outcome.remedy if outcome.has_result else "The report says why."


def _extent(outcome: Outcome) -> str:
    if outcome.unexpected_count is None:  # as of a wrong header
        return f" ({outcome.example.removeprefix(', ')})." if outcome.example else ""
    if outcome.counted == MEASURE:
        return f" ({outcome.observed})."
    return f" ({counted(outcome.unexpected_count, outcome.counted.removesuffix('s'))}{outcome.example})."


def send(title: str, text: str, to: Sequence[str], decision: Decision, patience: float = PATIENCE) -> list[str]:
    """Send to every address at once; what went wrong, one line for each that failed, without its address.

    Never raises, and returns within `patience` seconds whatever the services do.
    """
    deadline = time.monotonic() + patience
    faults: dict[int, str] = dict.fromkeys(range(1, len(to) + 1), f"gave no answer within {patience:g} seconds")

    def deliver(number: int, address: str) -> None:
        faults[number] = _deliver(title, text, address, KINDS[decision])

    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    threads = [threading.Thread(target=deliver, args=one, daemon=True) for one in enumerate(to, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [f"address {number} of {len(to)} {fault}" for number, fault in sorted(faults.items()) if fault]


def _deliver(title: str, text: str, address: str, kind: str) -> str:
    """Why an address could not be reached; empty where it was. An exception's own text could hold the address."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import apprise

            asset = apprise.AppriseAsset(app_id="movielens", app_desc="data quality", storage_mode="memory")
            service = apprise.Apprise(asset=asset)
            if not service.add(address):
                return "is no address that apprise knows"
            plain = apprise.NotifyFormat.TEXT
            sent = service.notify(body=text, title=title, notify_type=apprise.NotifyType(kind), body_format=plain)
    except Exception as error:  # whatever a service's plug-in does, the verdict stands
        return f"could not be used ({type(error).__name__})"
    return "" if sent else "did not take the message"
