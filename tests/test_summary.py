"""The statistics of large tables are those of small ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from checks import summary
from checks.warehouse import Warehouse, connect

TABLES = {
    "as delivered": "values (1, 4.0, 'a'), (1, 3.5, 'b'), (2, 4.0, null), (2, null, 'b'), (3, 0.5, 'ä'), (4, 5.0, '')",
    "one row": "values (7, 2.5, 'a')",
    "constant": "values (7, 2.5, 'a'), (7, 2.5, 'a'), (7, 2.5, 'a')",
    "out of range": "values (1, 1e200, 'a'), (2, -1e200, 'a'), (3, 4.0, 'a'), (9223372036854775807, 3.0, 'a')",
    "nothing given": "values (null::bigint, null::double, null::varchar), (null, null, null)",
    "no row": "select 1, 2.0, 'a' where false",
}


def statistics(rows: str) -> pd.DataFrame:
    with connect() as connection:
        columns = "userId::bigint as userId, rating::double as rating, tag::varchar as tag"
        connection.execute(f"create table tags as select {columns} from ({rows}) as given(userId, rating, tag)")
        return summary.statistics(Warehouse(connection, Path()))


@pytest.mark.parametrize("name", TABLES)
def test_values_that_are_counted_say_what_sorted_ones_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = statistics(TABLES[name])
    monkeypatch.setattr(summary, "EXACT_ROWS", -1)
    counted = statistics(TABLES[name])
    assert not counted["approximate"].any()
    pd.testing.assert_frame_equal(counted, exact, check_dtype=False)


def test_values_that_hardly_repeat_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "EXACT_ROWS", 100)
    monkeypatch.setattr(summary, "SAMPLED_ROWS", 1000)
    found = statistics("select range, range % 10, 'a' from range(2000)").set_index("column")
    assert found["approximate"].to_dict() == {"userId": True, "rating": False, "tag": False}
    assert found.loc["userId", "median"] == pytest.approx(1000, rel=0.02)
    assert found.loc["rating", ["distinct", "median", "mean"]].tolist() == [10, 4.5, 4.5]
