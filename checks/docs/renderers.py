"""What each page shows, from the resource that GX's site builder hands over (or a kept run's record)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from checks.docs import findings, words
from checks.docs.record import RUN_ID, Record
from checks.engine import suites
from checks.engine.suites import ROOT, declared_suites
from checks.gate import order
from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.terms import CALM, Status
from checks.gate.verdict import JUDGE_AGAIN, Verdict, unjudged
from checks.reports import summary
from checks.run import current

STATUS_ORDER = ("failed", "undetermined", "waived", "passed", "unasked")
LISTED_FAILURES = 6  # on the landing page; all are on the run's
MOST_LISTED = 12  # where more than six stop the delivery: each is shown, up to two screens of them
TRENDS = (
    ("pass_rate", "Expectations that hold", "share"),
    ("rejected", "Rows rejected", "count"),
    ("flagged_users", "Users flagged", "count"),
    ("strongest_drift", "Strongest drift (times the least that matters)", "multiple"),
)


class LandingRenderer:
    """The first page: the newest run in short, the course of the kept runs, and a list of them."""

    def render(self, records: Sequence[Record], courses: pd.DataFrame) -> dict[str, Any]:
        if not records:
            return {"template": "empty.html", "root": "", "title": "No run yet"}
        newest = records[0]
        failures = folded(worst_first(newest.facts), newest.facts["fail_on"])
        return {
            "template": "landing.html",
            "root": "",
            "title": "Movie ratings, data quality",
            "run": newest,
            "facts": newest.facts,
            "before": page_before(records),
            "failures": failures,
            "listed": listed(failures),
            "unasked": unasked(newest.facts),
            "figures": newest.figures,
            "trends": trends(courses),
            "records": records,
            "broken": {record.id: broken(record.facts) for record in records},
            "verdicts": Counter(record.facts["verdict"] for record in records),
        }


def page_before(records: Sequence[Record]) -> str:
    """The page of the run with which the newest is compared, where it is kept."""
    since = _utc((records[0].facts.get("changes") or {}).get("since"))
    return next((f"runs/{one.id}/index.html" for one in records[1:] if _utc(one.facts["started"]) == since), "")


def _utc(moment: str | None) -> datetime | None:
    """A time of a record, which the history gives without its zone: all are in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=None) if moment else None


class RunRenderer:
    """Everything about one run."""

    def render(self, record: Record) -> dict[str, Any]:
        return {
            "template": "run.html",
            "root": "../../",
            "title": f"Run of {words.moment(record.facts['started'])} UTC",
            "run": record,
            "facts": record.facts,
            "failures": anchored(folded(worst_first(record.facts), record.facts["fail_on"]), record.figures),
            "suite_pages": record.suite_pages,
            "suites": by_suite(record.facts["expectations"]),
            "unasked": unasked(record.facts),
            "figures": record.figures,
        }


class ResultRenderer:
    """One suite's results in one run, as GX stores them."""

    def render(self, result: Any) -> dict[str, Any]:
        name = result.suite_name
        verdict = _verdict(name, result)
        expectations = shown(summary.expectation(outcome) for outcome in verdict.outcomes)
        return {
            "template": "result.html",
            "root": "../../../../",
            "title": f"{name}, one run",
            "suite": name,
            "verdict": str(verdict.decision),
            "why": verdict.why(),
            "run_id": f"{datetime.fromisoformat(result.meta['run_id']['run_time']):{RUN_ID}}",
            "started": result.meta["run_id"]["run_time"],
            "findings": _joined([one for one in expectations if one["status"] not in CALM]),
            "expectations": expectations,
        }


def _verdict(name: str, result: Any) -> Verdict:
    """By the run under way, with its waivers and its `--fail-on`; by the bare rules where pages are made by hand."""
    try:
        return current().judge_suites({name: result}).of_suites([name])
    except LookupError:
        return judge({name: result}, [Declared(name, declared_suites(ROOT).get(name, []), f"{name}.csv")])


class SuiteRenderer:
    """A suite as its file declares it: every rule, what it means and what to do when it fails."""

    def render(self, suite: Any) -> dict[str, Any]:
        outcomes = judge({}, [Declared(suite.name, declared_suites(ROOT).get(suite.name, []))]).outcomes
        return {
            "template": "suite.html",
            "root": "../",
            "title": f"{suite.name}, the rules",
            "suite": suite.name,
            "expectations": [with_expected(summary.expectation(outcome)) for outcome in outcomes],
        }


def worst_first(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that did not pass, in the order of console and reports.

    What could not be judged for one cause, such as a missing file, is one entry with its `members`.
    """
    found = [with_expected(one) for one in facts["expectations"]]
    return _joined(order.worst_first(((one, _weight(one)) for one in found), facts["fail_on"]))


def _weight(one: Mapping[str, Any]) -> order.Weight:
    return order.Weight(one["status"], one["severity"], one["suite"], one["type"], one.get("counted", ""))


def unasked(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was not asked of the delivery, each with its `cause`."""
    return [one for one in facts["expectations"] if one["status"] == Status.UNASKED]


def folded(failures: Sequence[dict[str, Any]], fail_on: str) -> list[dict[str, Any]]:
    """Each with `folded`: what stops the delivery is read first, so the rest is a line until it is opened."""
    stopping = order.gated(fail_on)
    return [one | {"folded": not (one["status"] == "undetermined" or _weight(one).gates(stopping))} for one in failures]


def broken(facts: Mapping[str, Any]) -> str:
    """The worst rule that a run failed by, which tells one failure from another in a list of runs."""
    failures = (one for one in folded(worst_first(facts), facts["fail_on"]) if one["status"] == Status.FAILED)
    stopping = [one["sentence"] for one in failures if not one["folded"]]
    if not stopping:
        return ""
    more = f" and {len(stopping) - 1:,} more" if len(stopping) > 1 else ""
    return f"{stopping[0].removesuffix('.')}{more}."


def listed(failures: Sequence[Mapping[str, Any]]) -> int:
    """How many of the `folded` failures the landing page lists: none that stops the delivery waits behind a link."""
    stopping = sum(not one["folded"] for one in failures)
    return min(max(stopping, LISTED_FAILURES), MOST_LISTED)


def anchored(failures: Sequence[dict[str, Any]], figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each with the `anchors` of users, groups and features that the page tells of in full, by column and value."""
    cards = (figures.get("users") or {}).get("cards", ())
    users = {str(card["userId"]): f"user-{card['userId']}" for card in cards}
    features = {
        row["feature"]: f"drift-{row['feature']}" for row in figures.get("drift", ()) if not findings.is_cost(row)
    }
    groups = {
        one["name"]: f"group-{n}" for n, one in enumerate((figures.get("users") or {}).get("groups", ()), start=1)
    }
    anchors = {"userId": users, "feature": features, "attack_group": groups}
    return [one | {"anchors": anchors} for one in failures]


def _joined(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    groups = order.by_cause((one, one["status"], one["cause"]) for one in found)
    return [members[0] if len(members) == 1 else _one_for(members) for members in groups]


def _one_for(members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    suites_of_members = [one["suite"] for one in members]
    return {
        **members[0],
        "where": ", ".join(sorted(set(suites_of_members))),
        "sentence": f"{unjudged(suites_of_members)}.",
        "remedy": JUDGE_AGAIN,
        "members": [one["sentence"] for one in members],
    }


def by_suite(expectations: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Each suite's expectations, failed first."""
    names = dict.fromkeys(one["suite"] for one in expectations)
    return {name: shown(one for one in expectations if one["suite"] == name) for name in names}


def shown(expectations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Expectations in the order of a page: failed first, each status by severity and cause, otherwise as declared."""

    def rank(one: Mapping[str, Any]) -> tuple[int, int, int]:
        severity = suites.SEVERITIES.index(one["severity"])
        return STATUS_ORDER.index(one["status"]), severity, order.depth(one["status"], one["suite"], one["type"])

    return sorted((with_expected(one) for one in expectations), key=rank)


def with_expected(expectation: Mapping[str, Any]) -> dict[str, Any]:
    # A run that is older than remedies has none.
    told = {"members": [], "meant_for": None, "remedy": expectation["action"], "where": expectation["suite"]}
    return {**told, **expectation, "expected": words.expected(expectation["type"], expectation["arguments"])}


def _course(frame: pd.DataFrame, name: str, label: str, unit: str) -> dict[str, Any]:
    values = [None if pd.isna(value) else float(value) for value in frame[name]]
    return {"label": label, "unit": unit, "values": values}


def trends(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The course of each figure over the runs of `checks.results.history.trends`; those never known are left out."""
    courses = [_course(frame, name, label, unit) for name, label, unit in TRENDS]
    return [course for course in courses if any(value is not None for value in course["values"])]
