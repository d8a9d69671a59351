"""pandera's lazy validation of the thirteen checks, on pandas or on Polars.

python -m scripts.benching.contestants.pandera_on FOLDER pandas|polars
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scripts.benching.rules import CHECKS, IMPORT, Account, Limits, limits


def main(folder: Path, library: str) -> None:
    account = Account()
    on_polars = library == "polars"
    with account.phases.phase(IMPORT):
        if on_polars:
            import pandera.polars as pa
            import polars as frames
        else:
            import pandas as frames
            import pandera.pandas as pa
    with account.phases.phase("load"):
        ratings = frames.read_csv(folder / "ratings.csv")
    with account.phases.phase("checks"):
        broken = _broken(schema(pa, frames if on_polars else None, limits()), ratings, pa)
    account.judge_all(lambda name: name not in broken)
    account.tell()


def _broken(schema: Any, ratings: Any, pa: Any) -> set[str]:
    try:
        schema.validate(ratings, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return {_name(error) for error in errors.schema_errors}
    return set()


def _name(error: Any) -> str:
    """Which of the thirteen an error of pandera's is about. Raises ValueError where it can't be told."""
    check, column = error.check, getattr(error.schema, "name", None)
    if (name := getattr(check, "name", None)) in CHECKS:
        return str(name)
    reason = str(getattr(error.reason_code, "name", error.reason_code))
    named = {
        "SERIES_CONTAINS_NULLS": f"{column} given",
        "WRONG_DATATYPE": "type of rating" if column == "rating" else "columns",
        "COLUMN_NOT_IN_SCHEMA": "columns",
        "COLUMN_NOT_IN_DATAFRAME": "columns",
        "DUPLICATES": "rated once",
    }.get(reason)
    if named is None:
        raise ValueError(f"pandera says {reason}: {error}")
    return named


def schema(pa: Any, polars: Any, limits: Limits) -> Any:
    """The thirteen as one schema. The type of each column is part of it; the rule over two columns is a check of ours.

    `polars` is the library, or None for pandas.
    """
    whole, number = (polars.Int64, polars.Float64) if polars else ("int64", "float64")
    columns = {
        "userId": pa.Column(whole, pa.Check.ge(1, name="userId positive")),
        "movieId": pa.Column(whole, pa.Check.ge(1, name="movieId positive")),
        "rating": pa.Column(number, pa.Check.isin(list(limits.levels), name="rating on the scale")),
        "timestamp": pa.Column(whole, pa.Check.in_range(limits.earliest, limits.latest, name="timestamp in seconds")),
    }
    rows, since = (_on_polars if polars else _on_pandas)(pa, polars, limits)
    return pa.DataFrameSchema(columns, checks=[rows, since], unique=["userId", "movieId"], strict=True)


def _on_pandas(pa: Any, _: Any, limits: Limits) -> tuple[Any, Any]:
    def early_halves(ratings: Any) -> Any:
        return ~((ratings["timestamp"] < limits.half_stars_since) & (ratings["rating"] % 1 > 0))  # of null, neither

    return (
        pa.Check(lambda ratings: len(ratings) >= limits.least_rows, name="rows"),
        pa.Check(early_halves, name="half stars since 2003"),
    )


def _on_polars(pa: Any, polars: Any, limits: Limits) -> tuple[Any, Any]:
    early_half = (polars.col("timestamp") < limits.half_stars_since) & (polars.col("rating") % 1 != 0)
    return (
        pa.Check(lambda data: data.lazyframe.select(polars.len() >= limits.least_rows), name="rows"),
        pa.Check(lambda data: data.lazyframe.select(~early_half), name="half stars since 2003"),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
