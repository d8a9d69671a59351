"""The statistics of large tables are those of small ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.reports import columns
from checks.warehouse import Warehouse, connect

TABLES = {
    "as delivered": "values (1, 4.0, 'a'), (1, 3.5, 'b'), (2, 4.0, null), (2, null, 'b'), (3, 0.5, 'ä'), (4, 5.0, '')",
    "one row": "values (7, 2.5, 'a')",
    "constant": "values (7, 2.5, 'a'), (7, 2.5, 'a'), (7, 2.5, 'a')",
    "out of range": "values (1, 1e200, 'a'), (2, -1e200, 'a'), (3, 4.0, 'a'), (9223372036854775807, 3.0, 'a')",
    "far apart": "values (9000000000000000000, 1e308, 'a'), (-9000000000000000000, -1e307, 'b')",
    "the least number": "values (1, 4.0, 'a'), (2, 3.0, 'a'), (-9223372036854775807 - 1, 3.5, 'b')",
    "nothing given": "values (null::bigint, null::double, null::varchar), (null, null, null)",
    "no row": "select 1, 2.0, 'a' where false",
}


@cache
def database() -> duckdb.DuckDBPyConnection:
    """One for all examples: opening it takes longer than what is asked of it."""
    return connect()


def statistics(rows: str) -> pd.DataFrame:
    typed = "userId::bigint as userId, rating::double as rating, tag::varchar as tag"
    given = f"({rows}) as given(userId, rating, tag)"
    database().execute(f"create or replace table tags as select {typed} from {given}")
    return columns.statistics(Warehouse(database(), Path()))


@pytest.mark.parametrize("name", TABLES)
def test_values_that_are_counted_say_what_sorted_ones_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = statistics(TABLES[name])
    monkeypatch.setattr(columns, "EXACT_ROWS", -1)
    counted = statistics(TABLES[name])
    assert not counted["approximate"].any()
    pd.testing.assert_frame_equal(counted, exact, check_dtype=False)


def test_values_that_hardly_repeat_are_told_apart_by_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "EXACT_ROWS", 100)
    monkeypatch.setattr(columns, "SAMPLED_ROWS", 1000)
    found = statistics("select range, range % 10, 'a' from range(2000)").set_index("column")
    assert found["approximate"].to_dict() == {"userId": True, "rating": False, "tag": False}
    assert found.loc["userId", "distinct"] == pytest.approx(2000, rel=0.25)
    assert found.loc["userId", ["first_quartile", "median", "third_quartile"]].tolist() == [499.75, 999.5, 1499.25]
    assert found.loc["rating", ["distinct", "median", "mean"]].tolist() == [10, 4.5, 4.5]


ANY_DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
ANY_BIGINT = st.integers(-(2**53), 2**53)  # beyond, quartiles of both ways are rounded as DOUBLE is


@given(st.lists(st.tuples(st.none() | ANY_BIGINT, st.none() | ANY_DOUBLE | st.just(-0.0)), min_size=1))
@settings(max_examples=60)
def test_quartiles_by_buckets_are_those_of_sorted_values(rows: list[tuple[int | None, float | None]]) -> None:
    table = "values " + ", ".join(f"({_sql(one)}, {_sql(other)}, 'a')" for one, other in rows)
    quartiles = list(columns.QUARTILES)
    exact = statistics(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "EXACT_ROWS", -1)
        patch.setattr(columns, "SAMPLED_ROWS", 0)  # nothing repeats
        bucketed = statistics(table)
    pd.testing.assert_frame_equal(bucketed[quartiles], exact[quartiles], check_dtype=False, rtol=1e-12)


def _sql(value: float | None) -> str:
    return "null" if value is None else repr(value)
