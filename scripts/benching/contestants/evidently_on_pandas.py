"""Evidently's metrics with tests, on pandas: ten of the thirteen checks, which are those that it has metrics for.

    python -m scripts.benching.contestants.evidently_on_pandas FOLDER

It has none for a column's type, for uniqueness over two columns, and for a rule over two columns. Its list of allowed
values takes whole numbers alone, so the scale is checked as a range.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.benching.rules import IMPORT, Account, Limits, limits


def main(folder: Path) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import evidently
        import pandas as pd
    with account.phases.phase("load"):
        ratings = pd.read_csv(folder / "ratings.csv")
    with account.phases.phase("checks"):
        names, metrics = zip(*named_metrics(limits()), strict=True)
        of_numbers = evidently.DataDefinition(numerical_columns=list(ratings.columns))
        data = evidently.Dataset.from_pandas(ratings, data_definition=of_numbers)
        tests = evidently.Report(list(metrics)).run(data, None).tests_results
    for name, test in zip(names, tests, strict=True):
        if test.status.value == "ERROR":
            raise RuntimeError(f"{name}: {test.description}")
        account.judge(name, test.status.value == "SUCCESS")
    account.tell()


def named_metrics(limits: Limits) -> Iterator[tuple[str, Any]]:
    """Each check's name with the metric whose test it is."""
    from evidently import metrics as of
    from evidently.tests import eq, gte

    yield "columns", of.ColumnCount(tests=[eq(len(limits.columns))])
    yield "rows", of.RowCount(tests=[gte(limits.least_rows)])
    for column in limits.columns:
        yield f"{column} given", of.MissingValueCount(column=column, tests=[eq(0)])
    yield "userId positive", of.MinValue(column="userId", tests=[gte(1)])
    yield "movieId positive", of.MinValue(column="movieId", tests=[gte(1)])
    low, high = min(limits.levels), max(limits.levels)
    yield "rating on the scale", of.OutRangeValueCount(column="rating", left=low, right=high, tests=[eq(0)])
    late, early = limits.latest, limits.earliest
    yield "timestamp in seconds", of.OutRangeValueCount(column="timestamp", left=early, right=late, tests=[eq(0)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
