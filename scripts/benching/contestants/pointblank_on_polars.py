"""pointblank's interrogation of the thirteen checks, on Polars.

python -m scripts.benching.contestants.pointblank_on_polars FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scripts.benching.rules import CHECKS, IMPORT, Account, Limits, limits


def main(folder: Path) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import pointblank as pb
        import polars as pl
    with account.phases.phase("load"):
        ratings = pl.read_csv(folder / "ratings.csv")
    with account.phases.phase("checks"):
        validation = validate(pb, pl, ratings, limits()).interrogate()
    steps = validation.validation_info
    if errors := [step.assertion_type for step in steps if step.eval_error]:
        raise RuntimeError(f"pointblank could not evaluate {', '.join(errors)}")
    for name, step in zip(CHECKS, steps, strict=True):
        account.judge(name, step.all_passed)
    account.tell()


def validate(pb: Any, pl: Any, ratings: Any, limits: Limits) -> Any:
    """The thirteen as one validation, a step each, in their order."""
    type_of_rating = pb.Schema(columns=[("rating", "Float64")])
    whole = pl.col("rating") == pl.col("rating").floor()
    since = (pl.col("timestamp") >= limits.half_stars_since) | whole | pl.col("rating").is_null()
    return (
        pb.Validate(ratings)
        .col_schema_match(pb.Schema(columns=list(limits.columns)), complete=True, in_order=False)
        .col_vals_expr(pl.len() >= limits.least_rows)
        .col_schema_match(type_of_rating, complete=False)
        .col_vals_not_null(["userId", "movieId", "rating", "timestamp"])
        .col_vals_ge("userId", 1, na_pass=True)
        .col_vals_ge("movieId", 1, na_pass=True)
        .col_vals_in_set("rating", [*limits.levels, None])
        .col_vals_expr(since)
        .col_vals_between("timestamp", limits.earliest, limits.latest, na_pass=True)
        .rows_distinct(["userId", "movieId"])
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
