"""What Great Expectations found is told in our words, with the rows that break a rule."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from checks.engine.suites import declared_suites
from checks.gate.declared import FRESH_SINCE, Clock, Declared
from checks.gate.judging import judge
from checks.gate.terms import COUNTED, MEASURE, Status
from checks.gate.verdict import FailingRow, Outcome
from checks.texts import printable
from tests.gate.results import expectation, judged, result


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
    clock = Clock(datetime.fromisoformat(now).replace(tzinfo=UTC), max_age)
    assert aged(NEWEST, clock) == observed


@pytest.mark.parametrize(
    ("newest", "observed"),
    [
        (10**18, "the newest rating is of no date that a calendar knows"),
        (None, "no rating to tell the age by"),
    ],
)
def test_what_has_no_age_is_told_in_words(newest: int | None, observed: str) -> None:
    assert aged(newest, Clock(datetime(2026, 1, 1, tzinfo=UTC))) == observed


@pytest.mark.parametrize(
    ("newest", "max_age", "status"),
    [(None, None, Status.PASSED), (None, 30, Status.FAILED), (-1, None, Status.FAILED)],
)
def test_no_age_at_all_is_too_old_only_where_a_limit_is_set(
    newest: int | None, max_age: int | None, status: Status
) -> None:
    assert judged_age(newest, Clock(datetime(2026, 1, 1, tzinfo=UTC), max_age)).status is status


def aged(newest: int | None, clock: Clock) -> str:
    """What a rule on the age of the newest rating is said to have found."""
    return judged_age(newest, clock).observed


def judged_age(newest: int | None, clock: Clock) -> Outcome:
    """A rule on the age of the newest rating, which GX found broken."""
    one = expectation(column="timestamp", min_value={"$PARAMETER": FRESH_SINCE})
    results = SimpleNamespace(results=[result(one, success=False, detail={"observed_value": newest})])
    return judge({"ratings": results}, [Declared("ratings", [one], clock=clock)]).outcomes[0]


def test_an_ordered_list_of_columns_that_differs_is_told_as_great_expectations_does() -> None:
    rule = expectation() | {"type": "expect_table_columns_to_match_ordered_list"}
    pairs = [{"Expected Column Position": 0, "Expected": "userId", "Found": "user"}]
    detail = {"observed_value": ["user"], "details": {"mismatched": pairs}}
    assert judged((rule, result(rule, success=False, detail=detail))).outcomes[0].observed == "user"


@pytest.mark.parametrize(
    ("suite", "shown"), [("links", ["tmdbId", "p_value"]), ("user_anomalies", ["tmdbId"])], ids=["row", "finding"]
)
def test_what_no_finding_holds_is_not_shown_of_it(suite: str, shown: list[str]) -> None:
    """In a delivered row a missing value may be what is wrong."""
    one = expectation("warning")
    rows = [{"source_line": line, "tmdbId": value, "p_value": None} for line, value in ((2, None), (3, 5))]
    failed = result(one, success=False, detail={"details": {"unexpected_rows": rows}})
    verdict = judge({suite: SimpleNamespace(results=[failed])}, [Declared(suite, [one], "x.csv")])
    assert [list(row.values) for row in verdict.outcomes[0].rows] == [shown, shown]


def test_failing_rows_carry_file_line_and_values() -> None:
    one = expectation(column="rating")
    detail = {"unexpected_count": 5, "element_count": 100, "partial_unexpected_index_list": [
        {"source_line": 7, "rating": 7.5}]}  # fmt: skip
    outcome = judged((one, result(one, success=False, detail=detail))).outcomes[0]
    assert outcome.rows == (FailingRow("ratings.csv", 7, {"rating": 7.5}),)
    assert outcome.observed == "5 of 100 rows (5 %)"
    assert outcome.share == 0.05


def test_what_a_query_counts_is_written_like_every_other_count() -> None:
    one = expectation() | {"kwargs": {"unexpected_rows_query": "select"}, "meta": {"counts": "users"}}
    detail = {"observed_value": 1463, "details": {"unexpected_rows": []}}
    assert judged((one, result(one, success=False, detail=detail))).outcomes[0].observed == "1,463 users"


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
    (outcome,) = judge({suite: results}, [Declared(suite, [one], row_count=100)]).outcomes
    assert (outcome.observed, outcome.share) == (observed, share)


def measured(success: bool, rows: list[dict[str, Any]]) -> Outcome:
    one = expectation(unexpected_rows_query="select 1") | {"meta": {"counts": "measure"}}
    detail = {"observed_value": len(rows), "details": {"unexpected_rows": rows}}
    results = SimpleNamespace(results=[result(one, success=success, detail=detail)])
    (outcome,) = judge({"ratings": results}, [Declared("ratings", [one], "ratings.csv", row_count=100)]).outcomes
    return outcome


def test_a_measure_of_a_whole_table_is_told_by_its_numbers_and_has_no_place() -> None:
    row = {"source_line": 7, "flagged_users": 1042, "share": 0.0612, "ratio": 1 / 3, "reason": "of the data"}
    failed = measured(False, [row])
    assert failed.observed == "1,042 flagged users, share 6.1 %, ratio 0.3333"
    assert (failed.cases, failed.example, failed.share) == ((), "", None)
    assert failed.rows[0].values["flagged_users"] == 1042, "programs still read the row"
    assert measured(True, []).observed == "", "a rule that holds says nothing of how far it is from its limit"


def test_suites_name_what_their_queries_count_by_known_words() -> None:
    stated = [(one.get("meta") or {}).get("counts") for suite in declared_suites().values() for one in suite]
    assert set(stated) - {None} <= {*COUNTED, MEASURE}
    assert stated.count("users") >= 1


@pytest.mark.parametrize(
    ("file", "columns", "parts", "rows"),
    [
        ("ratings.csv", ("stars",), (), (FailingRow("ratings.csv", 1, {}),)),
        ("ratings.csv.gz", ("stars",), (), (FailingRow("ratings.csv.gz", 1, {}),)),
        ("ratings.parquet", ("stars",), (), ()),  # has no lines
        ("ratings.csv", (), (), ()),  # empty, or no table of the delivery
        ("ratings.csv", ("stars",), ((0, "ratings-1.csv"), (9, "ratings-2.csv")), ()),  # which of them is not known
    ],
)
def test_a_wrong_header_is_named_by_its_line(
    file: str, columns: tuple[str, ...], parts: tuple[tuple[int, str], ...], rows: tuple[FailingRow, ...]
) -> None:
    rule = expectation() | {"type": "expect_table_columns_to_match_set"}
    apart = {"observed_value": ["stars"], "details": {"mismatched": {"missing": ["rating"], "unexpected": ["stars"]}}}
    results = SimpleNamespace(results=[result(rule, success=False, detail=apart)])
    suite = Declared("ratings", [rule], file, columns=columns, parts=parts)
    assert judge({"ratings": results}, [suite]).outcomes[0].rows == rows


def test_a_header_is_told_without_what_steers_a_page_or_terminal() -> None:
    rule = expectation() | {"type": "expect_table_columns_to_match_set"}
    names = ["\x1b[31mstars", "sr\u202eats", "two\u2028lines"]
    apart = {"observed_value": names, "details": {"mismatched": {"missing": ["rating"], "unexpected": names}}}
    results = SimpleNamespace(results=[result(rule, success=False, detail=apart)])
    told = judge({"ratings": results}, [Declared("ratings", [rule], columns=tuple(names))]).outcomes[0].observed
    assert told == printable(told)
    assert "\ufffd[31mstars" in told


@pytest.mark.parametrize(("rows", "said"), [(0, "0 rows"), (1, "1 row"), (1234, "1,234 rows")])
def test_a_number_of_rows_is_told_as_one(rows: int, said: str) -> None:
    rule = expectation() | {"type": "expect_table_row_count_to_be_between"}
    found = result(rule, success=False, detail={"observed_value": rows})
    assert judged((rule, found)).outcomes[0].observed == said
