"""What decided the verdict is told first, and one cause once."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.verdict import JUDGE_AGAIN
from tests.gate.results import expectation, judged, result


def test_worst_comes_first() -> None:
    ones = [expectation(s, id_=s) for s in ("info", "critical", "warning")]
    verdict = judged(*[(one, result(one, success=False)) for one in ones])
    assert [o.severity for o in verdict.worst_first()] == ["critical", "warning", "info"]


def test_what_costs_rows_is_told_before_the_rules_that_miss_them() -> None:
    """Films in Latin-1 are not read, and it helps nobody to fetch ratings of another day for want of them."""
    columns, rule = expectation(id_="c") | {"type": "expect_table_columns_to_match_set"}, expectation(id_="r")
    orphans, unread = Declared("ratings", [rule]), Declared("rejected_rows", [rule])
    suites = [orphans, unread, Declared("tags", [rule, columns])]
    failed = {one.name: SimpleNamespace(results=[result(e, success=False) for e in one.expectations]) for one in suites}
    told = [(one.suite, one.expectation_id) for one in judge(failed, suites).worst_first()]
    assert told == [("tags", "c"), ("rejected_rows", "r"), ("ratings", "r"), ("tags", "r")]
    lost = [replace(one, problem="No data.") for one in suites]
    assert [one.suite for one in judge({}, lost).to_mend()] == ["ratings"]


def test_below_the_gate_the_three_questions_take_turns_and_whole_tables_come_first() -> None:
    """Four odd titles are in every edition: 27 flagged users must not stand below them all."""

    def suite(name: str, *kinds: str) -> tuple[Declared, SimpleNamespace]:
        plain = [(kind, expectation("warning", f"{name} {kind}", unexpected_rows_query="select")) for kind in kinds]
        ones = [one | {"meta": {"counts": kind}} for kind, one in plain]
        detail = {"observed_value": 1, "details": {"unexpected_rows": []}}
        return Declared(name, ones), SimpleNamespace(results=[result(o, success=False, detail=detail) for o in ones])

    made = [suite("movies", "films", "measure"), suite("links", "rows"), suite("user_anomalies", "users")]
    made.append(suite("drift_findings", "features", "measure"))
    results = {declared.name: results for declared, results in made}
    verdict = judge(results, [declared for declared, _ in made])
    turns = [["movies measure", "user_anomalies users", "drift_findings measure"], ["movies films"]]
    assert [one.expectation_id for one in verdict.worst_first()] == [
        *turns[0],
        *turns[1],
        "drift_findings features",
        "links rows",
    ]
    stopped = judge(results, [declared for declared, _ in made], "warning").worst_first()
    assert [one.suite for one in stopped[:3]] == ["movies", "movies", "links"], "what stops it is told as declared"


def test_what_one_cause_kept_from_being_judged_is_told_once_with_what_to_do() -> None:
    tags = Declared("tags", [expectation(id_="a"), expectation("info", id_="b")], problem="tags.csv is not in data")
    broken, asks = expectation(id_="c"), expectation(id_="d")
    raised = result(asks, success=False, detail={}, info={"m": {"exception_message": "no such column"}})
    results = SimpleNamespace(results=[result(broken, success=False), raised])
    verdict = judge({"ratings": results}, [Declared("ratings", [broken, asks]), tags])
    failed, of_ratings, of_tags = verdict.to_mend()
    assert failed == verdict.worst_first()[0]
    assert (of_tags.suite, of_tags.sentence, of_tags.cause) == (
        "tags",
        "2 expectations of tags could not be judged.",
        tags.problem,
    )
    assert (of_ratings.sentence, of_ratings.cause) == ("expect x", "no such column")
    assert (failed.remedy, of_tags.remedy, of_ratings.remedy) == ("Do.", JUDGE_AGAIN, JUDGE_AGAIN)
    assert all(map(verdict.stops, verdict.to_mend()))
    assert verdict.why() == "1 critical expectation failed, and 3 expectations of ratings, tags could not be judged."
