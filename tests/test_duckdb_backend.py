"""What the DuckDB backend spares itself changes no verdict."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from checks.engine.suites import declared_suites
from checks.gate.verdict import Outcome
from tests import deliveries

RATED_ONCE = next(one for one in declared_suites()["ratings"] if one["description"] == "A user rates a film once.")

READS_ROWS = re.compile(r"LIMIT :param_[0-9]+$|limit 20$")  # the end of GX's own queries, and of ours

HEADER, FIRST, *REST = deliveries.clean()["ratings"]
ORDERS: dict[str, tuple[list[str], int]] = {
    "in order": ([FIRST, *REST], 0),
    "out of order": ([*REST, FIRST], 0),
    "backwards": ([*reversed(REST), FIRST], 0),
    "doubled side by side": ([FIRST, FIRST, *REST], 2),
    "doubled far apart": ([FIRST, *REST, FIRST], 2),
    "thrice": ([FIRST, FIRST, *REST, FIRST], 3),
    "users without an id": ([FIRST, *REST, ",1,4.0,1100000000", ",1,4.0,1100000000"], 0),
    "films without an id": ([FIRST, "1,,4.0,1100000000", "1,,4.0,1100000000", *REST], 0),
    "a gap between the two": ([FIRST, "1,,4.0,1100000000", FIRST, *REST], 2),
}


@pytest.mark.parametrize("name", ORDERS)
def test_a_proof_never_hides_a_rating_given_twice(name: str, tmp_path: Path) -> None:
    ratings, doubled = ORDERS[name]
    folder = deliveries.write(tmp_path / "data", deliveries.clean() | {"ratings": [HEADER, *ratings]})
    found = next(one for one in deliveries.judge(folder, tmp_path).outcomes if one.expectation_id == RATED_ONCE["id"])
    assert (found.unexpected_count, len(found.rows)) == (doubled, doubled)


@pytest.mark.parametrize("table", ["ratings", "tags"])
def test_what_is_given_twice_is_shown_beside_its_twin(table: str, tmp_path: Path) -> None:
    files = deliveries.clean()
    n = len(files[table])
    files[table] += files[table][1:3]
    folder = deliveries.write(tmp_path / "data", files)
    found = [one for one in deliveries.judge(folder, tmp_path).outcomes if one.suite == table and one.rows]
    assert [[row.line for row in one.rows] for one in found] == [[2, n + 1, 3, n + 2]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that Great Expectations sends to the database."""
    from checks.engine.duckdb_backend import DuckDBExecutionEngine

    statements: list[str] = []
    execute = DuckDBExecutionEngine.execute_query

    def logged(engine: Any, query: Any) -> Any:
        statements.append(" ".join(str(query).split()))
        return execute(engine, query)

    monkeypatch.setattr(DuckDBExecutionEngine, "execute_query", logged)
    return statements


def failed(folder: Path, output: Path) -> list[Outcome]:
    return [one for one in deliveries.judge(folder, output).outcomes if str(one.status) == "failed"]


def test_rows_are_read_only_where_there_are_some(asked: list[str], tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    assert failed(folder, tmp_path) == []
    assert asked
    assert [one for one in asked if READS_ROWS.search(one)] == []
    ratings = [HEADER, FIRST.replace(",4.0,", ",7.5,"), *REST]
    deliveries.write(folder, {"ratings": ratings})
    (scale,) = (one for one in failed(folder, tmp_path / "again") if one.severity == "critical")
    assert [(row.line, row.values["rating"]) for row in scale.rows] == [(2, 7.5)]
    assert len([one for one in asked if READS_ROWS.search(one)]) == 2  # its values, and their lines


def test_a_rule_that_raises_asks_no_other_anew(asked: list[str], tmp_path: Path) -> None:
    """GX asks again, thrice for each that raises, for what it already had: with this column gone, ten raise."""
    files = deliveries.clean()
    files["ratings"][0] = files["ratings"][0].replace("timestamp", "time")
    outcomes = deliveries.judge(deliveries.write(tmp_path / "data", files), tmp_path).outcomes
    unjudged = [one for one in outcomes if str(one.status) == "undetermined"]
    assert len(unjudged) > 10
    assert {one.cause for one in unjudged} == {"ratings.csv has no column timestamp"}
    hopeless = re.compile("time|user_anomalies|drift_findings")  # and of tables that are not there
    sound = [query for query in asked if not hopeless.search(query) and not query.startswith("describe")]
    often = [query for query, times in Counter(sound).items() if times > 2]  # once together, once alone
    assert often == []
