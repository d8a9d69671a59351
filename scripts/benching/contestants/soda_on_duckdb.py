"""Soda's contract of the thirteen checks, over a table that DuckDB makes of ratings.csv.

python -m scripts.benching.contestants.soda_on_duckdb FOLDER WORK
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from scripts.benching.rules import CHECKS, IMPORT, Account, Limits, limits


def main(folder: Path, work: Path) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import duckdb
        from soda_core.contracts import verify_contract_locally
    database = work / "ratings.duckdb"
    with account.phases.phase("load"), duckdb.connect(str(database)) as connection:
        connection.execute("create table ratings as from read_csv(?)", [str(folder / "ratings.csv")])
    source = _written(
        work / "source.yml", {"type": "duckdb", "name": "bench", "connection": {"database": str(database)}}
    )
    rules = _written(work / "contract.yml", contract(limits()))
    with account.phases.phase("checks"):
        result = verify_contract_locally(data_source_file_path=source, contract_file_path=rules)
    if result.has_errors:
        raise RuntimeError(result.get_errors_str())
    for one in result.contract_verification_results[0].check_results:
        for name in named(one):
            account.judge(name, one.is_passed)
    account.tell()


def _written(file: Path, content: Any) -> str:
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(file)


def contract(limits: Limits) -> dict[str, Any]:
    """The thirteen as a contract. Its check of the schema is two of ours: the columns' names and their types."""
    valid = {
        "userId": {"valid_min": 1},
        "movieId": {"valid_min": 1},
        "rating": {"valid_values": list(limits.levels)},
        "timestamp": {"valid_min": limits.earliest, "valid_max": limits.latest},
    }
    types = {"rating": "double"}
    columns = [
        {
            "name": column,
            "data_type": types.get(column, "bigint"),
            "checks": [{"missing": {}}, {"invalid": valid[column]}],
        }
        for column in limits.columns
    ]
    early_half = f"timestamp < {limits.half_stars_since} and rating <> floor(rating)"
    checks = [
        {"schema": {"allow_other_column_order": True}},
        {"row_count": {"threshold": {"must_be_greater_than_or_equal": limits.least_rows}}},
        {"duplicate": {"columns": ["userId", "movieId"]}},
        {"failed_rows": {"expression": early_half}},
    ]
    return {"dataset": "bench/main/ratings", "columns": columns, "checks": checks}


def named(result: Any) -> tuple[str, ...]:
    """Which of the thirteen a result of Soda's is."""
    kind, column = result.check.type, result.check.column_name
    return {
        "schema": ("columns", "type of rating"),
        "row_count": ("rows",),
        "duplicate": ("rated once",),
        "failed_rows": ("half stars since 2003",),
        "missing": (f"{column} given",),
        "invalid": tuple(name for name in CHECKS if name.startswith(str(column)) and not name.endswith("given")),
    }[kind]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
