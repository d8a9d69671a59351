"""The gate decides pass, fail or undetermined, and never takes silence for success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from checks.complaints import one_line
from checks.engine.suites import ProjectError, declared_suites
from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.terms import Decision, Status
from tests import deliveries
from tests.gate.results import expectation, judged, result


def test_all_that_is_declared_and_holds_passes() -> None:
    one = expectation()
    assert judged((one, result(one, success=True))).exit_code == 0


def test_expectation_that_raised_is_undetermined_with_its_cause() -> None:
    one = expectation("info")
    message = "(_duckdb.CatalogException) Catalog Error: Table with name ratings does not exist!\nDid you mean"
    verdict = judged((one, result(one, success=False, detail={}, info={"m": {"exception_message": message}})))
    assert verdict.exit_code == 2
    assert verdict.outcomes[0].cause == "Table with name ratings does not exist"


def test_expectation_that_asks_for_a_lost_table_names_what_became_of_it() -> None:
    query = {"unexpected_rows_query": "select * from {batch} semi join ratings using (movieId)"}
    alike = {"unexpected_rows_query": "select count(*) as ratings from {batch}"}
    asks, asks_not = expectation(id_="a") | {"kwargs": query}, expectation(id_="b") | {"kwargs": alike}
    raised = {"success": False, "detail": {}, "info": {"m": {"exception_message": "no such thing"}}}
    results = SimpleNamespace(results=[result(asks, **raised), result(asks_not, **raised)])
    lost = Declared("ratings", [expectation()], problem="ratings.csv is not in data")
    verdict = judge({"movies": results}, [Declared("movies", [asks, asks_not]), lost])
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
    return judge({suite: SimpleNamespace(results=[raised])}, [*others, asking]).outcomes[-1].cause


def test_declared_but_not_evaluated_is_undetermined() -> None:
    one, two = expectation(id_="a"), expectation(id_="b")
    verdict = judged((one, result(one, success=True)), (two, None))
    assert [o.status for o in verdict.outcomes] == [Status.PASSED, Status.UNDETERMINED]
    assert verdict.exit_code == 2
    assert verdict.why() == "1 expectation of ratings could not be judged."


@pytest.mark.parametrize("declared", [[], [Declared("ratings", [])]])
def test_nothing_declared_is_undetermined(declared: list[Declared]) -> None:
    assert judge({}, declared).decision is Decision.UNDETERMINED


def test_expectation_without_id_is_told_by_type_and_arguments() -> None:
    one, two = expectation(id_=None, column="a"), expectation(id_=None, column="b")
    verdict = judged((one, result(one, success=True)), (two, result(two, success=False)))
    assert [o.status for o in verdict.outcomes] == [Status.PASSED, Status.FAILED]


def test_one_result_proves_one_expectation() -> None:
    """A second, equal expectation without an id is not passed by the first one's result."""
    one = expectation(id_=None, column="a")
    assert judged((one, result(one, success=True)), (dict(one), None)).exit_code == 2


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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", r"a\.json:1: is no valid JSON"),
        ("", r"a\.json:1: is no valid JSON"),
        ('{"name": "a", "expectations": [{}], "expectations": []}', r"a\.json: `expectations` is given twice"),
        ('{"name": "a", "expectations": [{"severity": "critical", "severity": "info"}]}', r"`severity` is given twice"),
    ],
)
def test_broken_suite_file_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    for folder in ("checkpoints", "validation_definitions", "expectations"):
        (tmp_path / folder).mkdir()
    (tmp_path / "checkpoints" / "movielens.json").write_text('{"validation_definitions": [{"name": "a"}]}')
    (tmp_path / "validation_definitions" / "a.json").write_text('{"suite": {"name": "a"}}')
    (tmp_path / "expectations" / "a.json").write_text(text)
    with pytest.raises(ProjectError, match=fault):
        declared_suites(tmp_path)
