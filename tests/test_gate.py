"""The gate decides pass, fail or undetermined, and never takes silence for success."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks import gate
from checks.complaints import one_line
from checks.engine.suites import ProjectError, declared_suites
from checks.gate import Decision, Declared, Status
from tests import deliveries


def expectation(severity: str = "critical", id_: str | None = "a", **kwargs: Any) -> dict[str, Any]:
    return {"id": id_, "type": "expect_x", "kwargs": kwargs, "severity": severity, "notes": ["Means.", "Do."]}


def result(declared: dict[str, Any], success: bool, detail: dict[str, Any] | None = None, info: Any = None) -> Any:
    config = SimpleNamespace(id=declared["id"] or "made-by-gx", type=declared["type"], kwargs=declared["kwargs"])
    found = {"observed_value": 1} if detail is None else detail
    return SimpleNamespace(expectation_config=config, success=success, result=found, exception_info=info)


def judged(*pairs: tuple[dict[str, Any], Any], fail_on: str = "critical") -> gate.Verdict:
    suite = Declared("ratings", [declared for declared, _ in pairs], "ratings.csv")
    results = SimpleNamespace(results=[one for _, one in pairs if one is not None])
    return gate.judge({"ratings": results}, [suite], fail_on)


def test_all_that_is_declared_and_holds_passes() -> None:
    one = expectation()
    assert judged((one, result(one, success=True))).exit_code == 0


@pytest.mark.parametrize(
    ("severity", "fail_on", "exit_code"),
    [
        ("critical", "critical", 1),
        ("warning", "critical", 0),
        ("info", "critical", 0),
        ("warning", "warning", 1),
        ("info", "warning", 0),
        ("info", "info", 1),
    ],
)
def test_severity_gates_from_the_chosen_one_up(severity: str, fail_on: str, exit_code: int) -> None:
    one = expectation(severity)
    assert judged((one, result(one, success=False)), fail_on=fail_on).exit_code == exit_code


def test_expectation_that_raised_is_undetermined_with_its_cause() -> None:
    one = expectation("info")
    message = "(_duckdb.CatalogException) Catalog Error: Table with name ratings does not exist!\nDid you mean"
    verdict = judged((one, result(one, success=False, detail={}, info={"m": {"exception_message": message}})))
    assert verdict.exit_code == 2
    assert verdict.outcomes[0].cause == "Table with name ratings does not exist"


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([{"reason": "0 users."}, {"reason": "0 users."}, {"reason": "no times"}], "0 users; no times"),
        ([{"reason": None}, {"feature": "rating"}], "2 findings"),
    ],
)
def test_what_could_not_be_judged_tells_the_reasons_that_its_rows_give(rows: list[Any], cause: str) -> None:
    one = expectation() | {"kwargs": {"unexpected_rows_query": "select 1"}, "meta": {"when_failed": "undetermined"}}
    detail = {"observed_value": len(rows), "details": {"unexpected_rows": rows}}
    assert judged((one, result(one, success=False, detail=detail))).undetermined[0].cause == cause


NEWEST = 1_537_799_250  # 2018-09-24 14:27:30


@pytest.mark.parametrize(
    ("now", "max_age", "observed"),
    [
        ("2026-11-28", 30, "newest 2018-09-24, 2,986 days old; at most 30 allowed"),
        ("2018-10-24T14:28", 30, "newest 2018-09-24, 30.1 days old; at most 30 allowed"),  # a minute too old
        ("2018-09-25", None, "newest 2018-09-24, 0.4 days old; no limit is set"),
        ("2018-09-20", None, "newest 2018-09-24, in the future; no limit is set"),
    ],
)
def test_how_old_the_newest_rating_is_is_told_in_dates_and_days(now: str, max_age: int | None, observed: str) -> None:
    clock = gate.Clock(datetime.fromisoformat(now).replace(tzinfo=UTC), max_age)
    assert aged(NEWEST, clock) == observed


@pytest.mark.parametrize(
    ("newest", "observed"),
    [
        (10**18, "the newest rating is of no date that a calendar knows"),
        (None, "no rating to tell the age by"),
    ],
)
def test_what_has_no_age_is_told_in_words(newest: int | None, observed: str) -> None:
    assert aged(newest, gate.Clock(datetime(2026, 1, 1, tzinfo=UTC))) == observed


@pytest.mark.parametrize(
    ("newest", "max_age", "status"),
    [(None, None, Status.PASSED), (None, 30, Status.FAILED), (-1, None, Status.FAILED)],
)
def test_no_age_at_all_is_too_old_only_where_a_limit_is_set(
    newest: int | None, max_age: int | None, status: Status
) -> None:
    assert judged_age(newest, gate.Clock(datetime(2026, 1, 1, tzinfo=UTC), max_age)).status is status


def aged(newest: int | None, clock: gate.Clock) -> str:
    """What a rule on the age of the newest rating is said to have found."""
    return judged_age(newest, clock).observed


def judged_age(newest: int | None, clock: gate.Clock) -> gate.Outcome:
    """A rule on the age of the newest rating, which GX found broken."""
    one = expectation(column="timestamp", min_value={"$PARAMETER": gate.FRESH_SINCE})
    results = SimpleNamespace(results=[result(one, success=False, detail={"observed_value": newest})])
    return gate.judge({"ratings": results}, [Declared("ratings", [one], clock=clock)]).outcomes[0]


def test_expectation_that_asks_for_a_lost_table_names_what_became_of_it() -> None:
    query = {"unexpected_rows_query": "select * from {batch} semi join ratings using (movieId)"}
    alike = {"unexpected_rows_query": "select count(*) as ratings from {batch}"}
    asks, asks_not = expectation(id_="a") | {"kwargs": query}, expectation(id_="b") | {"kwargs": alike}
    raised = {"success": False, "detail": {}, "info": {"m": {"exception_message": "no such thing"}}}
    results = SimpleNamespace(results=[result(asks, **raised), result(asks_not, **raised)])
    lost = Declared("ratings", [expectation()], problem="ratings.csv is not in data")
    verdict = gate.judge({"movies": results}, [Declared("movies", [asks, asks_not]), lost])
    assert [one.cause for one in verdict.outcomes] == [lost.problem, "no such thing", lost.problem]


NO_SUCH_COLUMN = [
    '(_duckdb.BinderException) Binder Error: Referenced column "timestamp" not found in FROM clause!\nCandidate',
    'Binder Error: Values list "r" does not have a column named "timestamp"',
    'Error: The column "timestamp" in BatchData does not exist.',
    "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `r`.`timestamp` cannot be "
    "resolved. Did you mean one of the following? [`r`.`time`]. SQLSTATE: 42703",
]


@pytest.mark.parametrize("message", NO_SUCH_COLUMN)
def test_expectation_that_asks_for_a_column_that_a_file_lacks_says_so(message: str) -> None:
    words = "ratings.csv has no column timestamp"
    query = "select 1 from {batch} as t join ratings as r on t.timestamp = r.timestamp"
    assert told(message, {"column": "timestamp"}, "ratings") == words
    assert told("list index out of range", {"column": "timestamp"}, "ratings") == words, "whatever GX says"
    assert told(message, {"unexpected_rows_query": query}, "tags") == words
    assert told(message, {"unexpected_rows_query": "select timestamp from {batch}"}, "tags") != words
    assert (
        told(message, {"unexpected_rows_query": query}, "tags", problem="tags.csv is damaged") == "tags.csv is damaged"
    )


OTHER_COMPLAINTS = [
    "Out of Memory Error: failed to pin block",
    "Conversion Error: timestamp field value out of range\nLINE 1: select timestamp from ratings",
    'Binder Error: Referenced column "rated_at" not found in FROM clause!\nCandidate bindings: "timestamp"',
    "[UNRESOLVED_COLUMN] A column with name `rated_at` cannot be resolved. Did you mean one of these? [`timestamp`]",
]


@pytest.mark.parametrize("message", OTHER_COMPLAINTS)
def test_another_cause_than_a_missing_column_stands(message: str) -> None:
    query = {"unexpected_rows_query": "select timestamp from ratings"}
    assert told(message, query, "ratings") == one_line(message)


def told(message: str, kwargs: dict[str, str], suite: str, problem: str | None = None) -> str | None:
    """The cause of a rule of `suite` that raised, where ratings.csv lacks a column."""
    rule = expectation() | {"kwargs": kwargs}
    raised = result(rule, success=False, detail={}, info={"m": {"exception_message": message}})
    ratings = Declared("ratings", [], lacks={"timestamp": "ratings.csv has no column timestamp"})
    asking = replace(ratings, expectations=[rule]) if suite == "ratings" else Declared(suite, [rule], problem=problem)
    others = [] if suite == "ratings" else [ratings]
    return gate.judge({suite: SimpleNamespace(results=[raised])}, [*others, asking]).outcomes[-1].cause


def test_an_ordered_list_of_columns_that_differs_is_told_as_great_expectations_does() -> None:
    rule = expectation() | {"type": "expect_table_columns_to_match_ordered_list"}
    pairs = [{"Expected Column Position": 0, "Expected": "userId", "Found": "user"}]
    detail = {"observed_value": ["user"], "details": {"mismatched": pairs}}
    assert judged((rule, result(rule, success=False, detail=detail))).outcomes[0].observed == "user"


def test_declared_but_not_evaluated_is_undetermined() -> None:
    one, two = expectation(id_="a"), expectation(id_="b")
    verdict = judged((one, result(one, success=True)), (two, None))
    assert [o.status for o in verdict.outcomes] == [Status.PASSED, Status.UNDETERMINED]
    assert verdict.exit_code == 2
    assert verdict.why() == "1 expectation of ratings could not be judged."


def test_critical_failure_beside_something_undetermined_is_a_failure() -> None:
    one, two = expectation(id_="a"), expectation(id_="b")
    assert judged((one, result(one, success=False)), (two, None)).exit_code == 1


@pytest.mark.parametrize("declared", [[], [Declared("ratings", [])]])
def test_nothing_declared_is_undetermined(declared: list[Declared]) -> None:
    assert gate.judge({}, declared).decision is Decision.UNDETERMINED


def test_expectation_without_id_is_told_by_type_and_arguments() -> None:
    one, two = expectation(id_=None, column="a"), expectation(id_=None, column="b")
    verdict = judged((one, result(one, success=True)), (two, result(two, success=False)))
    assert [o.status for o in verdict.outcomes] == [Status.PASSED, Status.FAILED]


def test_one_result_proves_one_expectation() -> None:
    """A second, equal expectation without an id is not passed by the first one's result."""
    one = expectation(id_=None, column="a")
    assert judged((one, result(one, success=True)), (dict(one), None)).exit_code == 2


@pytest.mark.parametrize(
    ("suite", "shown"), [("links", ["tmdbId", "p_value"]), ("user_anomalies", ["tmdbId"])], ids=["row", "finding"]
)
def test_what_no_finding_holds_is_not_shown_of_it(suite: str, shown: list[str]) -> None:
    """In a delivered row a missing value may be what is wrong."""
    one = expectation("warning")
    rows = [{"source_line": line, "tmdbId": value, "p_value": None} for line, value in ((2, None), (3, 5))]
    failed = result(one, success=False, detail={"details": {"unexpected_rows": rows}})
    verdict = gate.judge({suite: SimpleNamespace(results=[failed])}, [Declared(suite, [one], "x.csv")])
    assert [list(row.values) for row in verdict.outcomes[0].rows] == [shown, shown]


def test_an_answer_tells_a_pass_with_warnings_from_one_without() -> None:
    warning, critical = expectation("warning"), expectation(id_="b")
    warned = (warning, result(warning, success=False))
    rows, users, _ = gate.questions(judged(warned))
    assert (rows.answer, users.answer) == ("pass, with warnings", "undetermined")
    assert gate.questions(judged(warned, (critical, result(critical, success=False))))[0].answer == "fail"
    assert gate.questions(judged((critical, result(critical, success=True))))[0].answer == "pass"


def test_failing_rows_carry_file_line_and_values() -> None:
    one = expectation(column="rating")
    detail = {"unexpected_count": 5, "element_count": 100, "partial_unexpected_index_list": [
        {"source_line": 7, "rating": 7.5}]}  # fmt: skip
    outcome = judged((one, result(one, success=False, detail=detail))).outcomes[0]
    assert outcome.rows == (gate.FailingRow("ratings.csv", 7, {"rating": 7.5}),)
    assert outcome.observed == "5 of 100 rows (5 %)"
    assert outcome.share == 0.05


def test_what_a_query_counts_is_written_like_every_other_count() -> None:
    one = expectation() | {"kwargs": {"unexpected_rows_query": "select"}, "meta": {"counts": "users"}}
    detail = {"observed_value": 1463, "details": {"unexpected_rows": []}}
    assert judged((one, result(one, success=False, detail=detail))).outcomes[0].observed == "1,463 users"


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
    told = [(one.suite, one.expectation_id) for one in gate.judge(failed, suites).worst_first()]
    assert told == [("tags", "c"), ("rejected_rows", "r"), ("ratings", "r"), ("tags", "r")]
    lost = [replace(one, problem="No data.") for one in suites]
    assert [one.suite for one in gate.judge({}, lost).to_mend()] == ["ratings"]


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
    verdict = gate.judge(results, [declared for declared, _ in made])
    turns = [["movies measure", "user_anomalies users", "drift_findings measure"], ["movies films"]]
    assert [one.expectation_id for one in verdict.worst_first()] == [
        *turns[0],
        *turns[1],
        "drift_findings features",
        "links rows",
    ]
    stopped = gate.judge(results, [declared for declared, _ in made], "warning").worst_first()
    assert [one.suite for one in stopped[:3]] == ["movies", "movies", "links"], "what stops it is told as declared"


def test_what_one_cause_kept_from_being_judged_is_told_once_with_what_to_do() -> None:
    tags = Declared("tags", [expectation(id_="a"), expectation("info", id_="b")], problem="tags.csv is not in data")
    broken, asks = expectation(id_="c"), expectation(id_="d")
    raised = result(asks, success=False, detail={}, info={"m": {"exception_message": "no such column"}})
    results = SimpleNamespace(results=[result(broken, success=False), raised])
    verdict = gate.judge({"ratings": results}, [Declared("ratings", [broken, asks]), tags])
    failed, of_ratings, of_tags = verdict.to_mend()
    assert failed == verdict.worst_first()[0]
    assert (of_tags.suite, of_tags.sentence, of_tags.cause) == (
        "tags",
        "2 expectations of tags could not be judged.",
        tags.problem,
    )
    assert (of_ratings.sentence, of_ratings.cause) == ("expect x", "no such column")
    assert (failed.remedy, of_tags.remedy, of_ratings.remedy) == ("Do.", gate.JUDGE_AGAIN, gate.JUDGE_AGAIN)
    assert all(map(verdict.stops, verdict.to_mend()))
    assert verdict.why() == "1 critical expectation failed, and 3 expectations of ratings, tags could not be judged."


def test_missing_table_is_undetermined_and_named(tmp_path: Path) -> None:
    delivery = deliveries.clean()
    del delivery["tags"]
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", delivery), tmp_path / "work")
    assert verdict.decision is Decision.UNDETERMINED
    assert {o.suite for o in verdict.undetermined} == {"tags"}
    assert {o.cause for o in verdict.undetermined} == {f"tags.csv is not in {tmp_path / 'data'}"}


def test_renamed_column_fails_and_what_needs_it_is_undetermined(tmp_path: Path) -> None:
    delivery = deliveries.clean()
    delivery["ratings"][0] = "userId,movieId,stars,timestamp"
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", delivery), tmp_path / "work")
    assert verdict.decision is Decision.FAIL
    assert [o.sentence for o in verdict.gating] == [
        "ratings has exactly the columns `userId`, `movieId`, `rating`, `timestamp`."
    ]
    assert "stars" in verdict.gating[0].observed
    assert verdict.undetermined


@pytest.mark.parametrize("text", ["{", ""])
def test_broken_suite_file_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    for folder in ("checkpoints", "validation_definitions", "expectations"):
        (tmp_path / folder).mkdir()
    (tmp_path / "checkpoints" / "movielens.json").write_text('{"validation_definitions": [{"name": "a"}]}')
    (tmp_path / "validation_definitions" / "a.json").write_text('{"suite": {"name": "a"}}')
    (tmp_path / "expectations" / "a.json").write_text(text)
    with pytest.raises(ProjectError, match=r"a\.json:1: is no valid JSON"):
        declared_suites(tmp_path)


@pytest.mark.parametrize(
    ("suite", "meta", "observed", "share"),
    [
        ("ratings", {"counts": "users"}, "3 users", None),  # of 100 ratings, users are no share
        ("ratings", {"counts": "rows"}, "3 rows", 0.03),
        ("ratings", {}, "3 findings", None),
        ("ratings", {"counts": "=cmd()"}, "3 findings", None),
        ("user_anomalies", {"counts": "users"}, "3 users", 0.03),  # there a row is a user
        ("drift_findings", {"counts": "features"}, "3 features", None),  # there a row may also be the cost
    ],
)
def test_what_a_query_finds_is_called_by_its_name_and_only_rows_have_a_share(
    suite: str, meta: dict[str, str], observed: str, share: float | None
) -> None:
    one = expectation(unexpected_rows_query="select 1") | {"meta": meta}
    detail = {"observed_value": 3, "details": {"unexpected_rows": []}}
    results = SimpleNamespace(results=[result(one, success=False, detail=detail)])
    (outcome,) = gate.judge({suite: results}, [Declared(suite, [one], row_count=100)]).outcomes
    assert (outcome.observed, outcome.share) == (observed, share)


def test_a_pass_says_how_much_of_what_severity_is_left_to_read() -> None:
    ones = [expectation(severity, id_=str(place)) for place, severity in enumerate(["warning", "info", "warning"])]
    assert judged(*[(one, result(one, success=False)) for one in ones]).why() == (
        "Nothing critical failed; 2 warnings and 1 info to read."
    )


def measured(success: bool, rows: list[dict[str, Any]]) -> gate.Outcome:
    one = expectation(unexpected_rows_query="select 1") | {"meta": {"counts": "measure"}}
    detail = {"observed_value": len(rows), "details": {"unexpected_rows": rows}}
    results = SimpleNamespace(results=[result(one, success=success, detail=detail)])
    (outcome,) = gate.judge({"ratings": results}, [Declared("ratings", [one], "ratings.csv", row_count=100)]).outcomes
    return outcome


def test_a_measure_of_a_whole_table_is_told_by_its_numbers_and_has_no_place() -> None:
    row = {"source_line": 7, "flagged_users": 1042, "share": 0.0612, "ratio": 1 / 3, "reason": "of the data"}
    failed = measured(False, [row])
    assert failed.observed == "1,042 flagged users, share 6.1 %, ratio 0.3333"
    assert (failed.cases, failed.example, failed.share) == ((), "", None)
    assert failed.rows[0].values["flagged_users"] == 1042, "programs still read the row"
    assert measured(True, []).observed == "", "a rule that holds says nothing of how far it is from its limit"


@pytest.mark.parametrize(
    ("fail_on", "failed", "nothing"),
    [
        ("critical", "1 critical expectation failed.", "Nothing critical failed; 1 info to read."),
        ("warning", "1 warning or critical expectation failed.", "Nothing warning or critical failed; 1 info to read."),
        ("info", "1 expectation failed.", None),
    ],
)
def test_the_reason_names_the_severities_that_gate(fail_on: str, failed: str, nothing: str | None) -> None:
    def why(severity: str) -> str:
        one = expectation() | {"severity": severity}
        results = SimpleNamespace(results=[result(one, success=False, detail={"observed_value": 3})])
        return gate.judge({"ratings": results}, [Declared("ratings", [one])], fail_on).why()

    assert why("critical") == failed
    assert nothing is None or why("info") == nothing


def test_suites_name_what_their_queries_count_by_known_words() -> None:
    stated = [(one.get("meta") or {}).get("counts") for suite in declared_suites().values() for one in suite]
    assert set(stated) - {None} <= {*gate.COUNTED, gate.MEASURE}
    assert stated.count("users") >= 1
