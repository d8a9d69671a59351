"""Waive what failed in a run: print entries for gx/waivers.yml, each for as much as was found, or --write them there.

So a strict gate is taken up on data with known faults: they are let pass for a time, and one row more gates again.
Without --suite or --expectation it takes the warnings about rows. A critical failure is waived by its id alone, since
each needs a reason of its own; what was found of users and of drift is this delivery's and no standing fault, so it
takes an id, too, or the suite's name.

Exit code 0: entries were made, or nothing is left to waive; 2: used wrongly, or failed.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from checks import waivers
from checks.engine.suites import ROOT, SEVERITIES, declared_suites
from checks.gate.terms import MEASURE, Status
from checks.results.outputs import write_text
from checks.tables import FINDINGS
from checks.texts import printable
from scripts.job.arguments import Parser, SettingError, day, filled, local
from scripts.job.ending import answered, printing, say
from scripts.job.places import SUMMARY

_, WARNING, _ = SEVERITIES
WIDTH = 100  # of a line in gx/waivers.yml

Failure: TypeAlias = Mapping[str, Any]  # one of the `expectations` of summary.json


@answered("gx/waivers.yml is as it was")
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    today, suites = datetime.now(UTC).date(), declared_suites(arguments.gx)
    expires = _expires(arguments.expires, waivers.last_day(today, arguments.gx))
    chosen = _chosen(_failures(arguments.run), arguments.suite, arguments.expectation)
    if not chosen:
        say(f"Nothing is left to waive: no such failure without a waiver in {arguments.run / SUMMARY}.")
        return 0
    entries = "".join(_entry(one, arguments.owner, arguments.reason, expires) for one in chosen)
    content = waivers.with_entries(entries, suites, today, arguments.gx)
    if arguments.write:
        write_text(arguments.gx / waivers.FILE, content)
    with printing():
        print(entries, end="")
    done = f"Added to {arguments.gx / waivers.FILE}" if arguments.write else "Printed; --write adds them"
    say(f"{done}: {len(chosen)} of the run's failures waived until {expires}.")
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("waive", __doc__)
    parser.add_argument("--owner", type=filled, required=True, metavar="WHO", help="who answers for it")
    parser.add_argument("--reason", type=filled, required=True, metavar="WHY", help="why it may pass, and who mends it")
    parser.add_argument(
        "--expires", type=day, metavar="DAY", help="the last day, in UTC, that it holds (default: as late as may be)"
    )
    parser.add_argument(
        "--run", type=local, default=Path("outputs"), metavar="DIR", help="the run's output folder (default: outputs)"
    )
    parser.add_argument("--suite", action="append", default=[], metavar="NAME", help="all warnings of this suite")
    parser.add_argument(
        "--expectation", action="append", default=[], metavar="ID", help="this failure, of any severity"
    )
    parser.add_argument("--write", action="store_true", help="add the entries to gx/waivers.yml")
    parser.add_argument(
        "--gx", type=local, default=ROOT, metavar="DIR", help="the project it is added to (default: gx)"
    )
    return parser.parse_args(argv)


def _expires(given: str | None, latest: date) -> date:
    if given is not None and date.fromisoformat(given) > latest:
        raise SettingError(f"--expires {given}: is further ahead than `max_days` of {waivers.FILE} allows ({latest}).")
    return latest if given is None else date.fromisoformat(given)


def _failures(run: Path) -> list[Failure]:
    """What failed in the run and has no waiver. Raises SettingError where no run left its summary."""
    path = run / SUMMARY
    try:
        outcomes = json.loads(path.read_text(encoding="utf-8"))["expectations"]
        return [one for one in outcomes if one["status"] == Status.FAILED]
    except OSError as error:
        raise SettingError(f"{path}: can't be read ({error.strerror}); name a run's output folder by --run.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingError(f"{path}: is no summary of a run; judge the delivery again.") from error


def _chosen(failures: Sequence[Failure], suites: Collection[str], ids: Collection[str]) -> list[Failure]:
    """The failures to waive. Raises SettingError for a name that none has."""
    known = {one["suite"] for one in failures} | {one["id"] for one in failures}
    if unknown := [name for name in (*suites, *ids) if name not in known]:
        raise SettingError(f"{unknown[0]}: no failure of the run is of such a suite or has such an id.")
    wanted = [one for one in failures if one["id"] in ids or ((suites or not ids) and _is_standing(one, suites))]
    return list(_without_waiver(wanted))


def _is_standing(failure: Failure, suites: Collection[str]) -> bool:
    among = failure["suite"] in suites if suites else failure["suite"] not in FINDINGS
    return bool(among and failure["severity"] == WARNING and failure["id"])


def _without_waiver(failures: Sequence[Failure]) -> Iterator[Failure]:
    """Those that no entry names; of the others it is said what to do, as who renews one reads it first."""
    for one in failures:
        if one["waiver"] is None:
            yield one
        else:
            say(f"Left out, as {waivers.FILE} has a waiver of it: {one['suite']} {one['id']}. Renew that by hand.")


def _entry(failure: Failure, owner: str, reason: str, expires: date) -> str:
    """An entry of the list in YAML, under the rule's sentence as a comment."""
    import yaml

    entry = {"suite": failure["suite"], "expectation": failure["id"], "owner": owner, "reason": reason}
    entry |= {"expires": expires}
    if failure["counted"] != MEASURE and failure["unexpected_count"]:
        entry |= {waivers.AT_MOST: failure["unexpected_count"]}
    sentence = printable(" ".join(str(failure["sentence"]).split()))
    comment = textwrap.indent(textwrap.fill(sentence, WIDTH), "# ")
    fields = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"{comment}\n{fields}"


if __name__ == "__main__":
    raise SystemExit(main())
