"""Score the suites: plant known faults in sound data, one at a time, and tell which expectation catches each.

Exit code 0: every critical fault is caught, and neither the sound data nor harmless changes to them raise anything
critical; 1: not so; 2: could not be told.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.job.arguments import Parser, local
from scripts.job.delivered import REAL_DATA, sound_data
from scripts.job.ending import answered, printing

if TYPE_CHECKING:
    from checks.gate.verdict import Outcome
    from scripts.mutation.score import Score, Scored


@answered("nothing was changed")
def main(argv: Sequence[str] | None = None) -> int:
    return _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("score_suites", __doc__)
    parser.add_argument(
        "--data",
        type=local,
        metavar="DIR",
        help=f"sound data to plant faults in, as plain CSV (default: {REAL_DATA} if it is there, else a sample)",
    )
    parser.add_argument("--gx", type=local, metavar="DIR", help="the project whose suites are scored (default: gx)")
    parser.add_argument("--family", metavar="NAME", help="plant the faults of one family alone")
    parser.add_argument("--json", action="store_true", help="print the score as JSON")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    import tempfile

    from checks.engine.suites import ROOT
    from scripts.mutation import pool
    from scripts.mutation.score import finished

    faults = _faults(arguments.family)
    with tempfile.TemporaryDirectory(prefix="score_suites-") as work:
        folder = sound_data(arguments.data, Path(work))
        started = time.monotonic()
        parts = pool.score(folder, (arguments.gx or ROOT).resolve(), faults)
        score = finished(_shown(parts, len(faults)))
    with printing():
        _report(arguments, score, time.monotonic() - started)
    return 0 if score.holds else 1


def _faults(family: str | None) -> list[Any]:
    from checks.files import DeliveryError
    from scripts.mutation.faults import catalogue

    faults = [fault for fault in catalogue() if family in (None, fault.family)]
    if not faults:
        families = ", ".join(sorted({fault.family for fault in catalogue()}))
        raise DeliveryError(f"--family {family}: there is none of this name; choose one of {families}.")
    return faults


def _shown(parts: Iterator[Score | Scored], count: int) -> Iterator[Score | Scored]:
    """Tell a person at a terminal how far it is."""
    for number, part in enumerate(parts):
        if sys.stderr.isatty():
            print(f"\r{number} of {count} faults", end="" if number < count else "\n", file=sys.stderr, flush=True)
        yield part


def _report(arguments: argparse.Namespace, score: Score, seconds: float) -> None:
    if arguments.json:
        print(json.dumps(_as_json(score), indent=2, ensure_ascii=False))
        return
    family = ""
    for one in score.scored:
        if one.fault.family != family:
            family = one.fault.family
            print(f"\n{family}")
        print(f"  {one.fault.name:<44} {_told(one)}")
    print()
    for line in _conclusion(score, seconds):
        print(line)


def _told(one: Scored) -> str:
    from scripts.mutation.score import Answer

    if one.answer is Answer.UNSEEN:
        return f"unseen: {one.fault.why_not}"
    if one.answer in (Answer.SLIPPED, Answer.QUIET):
        return str(one.answer).upper() if one.answer is Answer.SLIPPED else str(one.answer)
    others = len(one.caught) - 1
    more = f" (and {others} more)" if others else ""
    told = "" if one.answer is Answer.CAUGHT else f"{one.answer}: "
    return f"{told}{_named(one.caught[0])}{more}"


def _named(outcome: Outcome) -> str:
    from scripts.mutation.score import level

    return f"{level(outcome)}  {outcome.suite}: {outcome.sentence}"


def _conclusion(score: Score, seconds: float) -> Iterator[str]:
    from scripts.mutation.score import Answer

    planted = [one for one in score.scored if not one.fault.harmless]
    critical = [one for one in planted if one.fault.severity == "critical"]
    yield f"{len(planted)} faults planted in {seconds:.0f} s."
    yield f"Caught by the expectation meant for it: {score.count(Answer.CAUGHT)}; by another alone: " + (
        f"{score.count(Answer.BY_ANOTHER)}; slipped: {score.count(Answer.SLIPPED)}; "
        f"that no rule over one delivery can see: {score.count(Answer.UNSEEN)}."
    )
    yield f"Critical faults: {sum(not one.critical_slip for one in critical)} of {len(critical)} caught as critical."
    harmless = len(score.scored) - len(planted)
    yield f"Harmless changes: {score.count(Answer.QUIET)} of {harmless} raised nothing."
    clean = score.clean
    yield f"The data as they are: {str(clean.decision).upper()}. {clean.why()}"
    yield f"Mutation score: {len(planted) - score.count(Answer.SLIPPED, Answer.UNSEEN)} of {len(planted)}."


def _as_json(score: Score) -> dict[str, Any]:
    from scripts.mutation.score import level

    return {
        "holds": score.holds,
        "clean": {"verdict": str(score.clean.decision), "why": score.clean.why()},
        "faults": [
            {
                "family": one.fault.family,
                "name": one.fault.name,
                "severity": one.fault.severity,
                "meant": list(one.fault.meant) if one.fault.meant else None,
                "answer": str(one.answer),
                "why_not": one.fault.why_not or None,
                "caught_by": [
                    {"suite": o.suite, "id": o.expectation_id, "severity": level(o), "sentence": o.sentence}
                    for o in one.caught
                ],
            }
            for one in score.scored
        ],
    }


if __name__ == "__main__":
    raise SystemExit(main())
