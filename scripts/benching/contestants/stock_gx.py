"""Great Expectations as it comes, on pandas: the thirteen checks of ratings.csv, no reports, no Data Docs.

python -m scripts.benching.contestants.stock_gx FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scripts.benching.rules import CHECKS, IMPORT, Account, Limits, limits


def main(folder: Path) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import great_expectations as gx
    with account.phases.phase("load and checks"):
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.pandas_default.add_csv_asset("ratings", folder / "ratings.csv")
        whole = asset.add_batch_definition("whole")
        suite = context.suites.add(gx.ExpectationSuite(name="ratings", expectations=_named(expectations(limits()))))
        definition = gx.ValidationDefinition(name="ratings", data=whole, suite=suite)
        result = context.validation_definitions.add(definition).run()
    for one in result.results:  # in an order of GX's own
        if one.exception_info.get("raised_exception"):
            raise RuntimeError(str(one.exception_info))
        account.judge(one.expectation_config.meta["check"], one.success)
    account.tell()


def _named(expectations: list[Any]) -> list[Any]:
    for name, one in zip(CHECKS, expectations, strict=True):
        one.meta = {"check": name}
    return expectations


def expectations(limits: Limits) -> list[Any]:
    """The thirteen, in their order, by GX's own expectations."""
    import great_expectations.expectations as gxe

    given = ("userId", "movieId", "rating", "timestamp")
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=list(limits.columns), exact_match=True),
        gxe.ExpectTableRowCountToBeBetween(min_value=limits.least_rows),
        gxe.ExpectColumnValuesToBeOfType(column="rating", type_="float64"),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column) for column in given),
        gxe.ExpectColumnValuesToBeBetween(column="userId", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="movieId", min_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="rating", value_set=list(limits.levels)),
        gxe.ExpectColumnValuesToNotBeInSet(  # queries are for SQL engines; on pandas a condition says the same
            column="rating",
            value_set=list(limits.half_levels),
            row_condition=f"timestamp < {limits.half_stars_since}",
            condition_parser="pandas",
        ),
        gxe.ExpectColumnValuesToBeBetween(column="timestamp", min_value=limits.earliest, max_value=limits.latest),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["userId", "movieId"]),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
