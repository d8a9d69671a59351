"""One query in DuckDB, as one would write it by hand over the CSV file, with or without the check of uniqueness.

python -m scripts.benching.contestants.query FOLDER [--without-uniqueness]
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.benching.rules import CHECKS, IMPORT, Account, Limits, limits

TYPES = "{'userId': 'BIGINT', 'movieId': 'BIGINT', 'rating': 'DOUBLE', 'timestamp': 'BIGINT'}"
WITH_UNIQUENESS = "(select count(*) from (select 1 from ratings group by userId, movieId having count(*) > 1))"


def main(folder: Path, uniqueness: bool) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import duckdb
    with account.phases.phase("load and checks"):
        # A value that is not of its column's type ends the query: that check is the reader's.
        values = duckdb.connect().execute(query(limits(), uniqueness), [str(folder / "ratings.csv")]).fetchone()
    assert values is not None
    header = (folder / "ratings.csv").open(encoding="utf-8").readline().rstrip("\r\n").split(",")
    account.judge("columns", set(header) == set(limits().columns))
    account.judge("type of rating", True)
    names = [name for name in CHECKS if name not in ("columns", "type of rating")]
    for name, broken in zip(names if uniqueness else names[:-1], values, strict=True):
        account.judge(name, broken == 0)
    account.tell()


def query(limits: Limits, uniqueness: bool) -> str:
    """How many times each check is broken, in one row, in the order of the checks."""
    levels = ", ".join(map(str, limits.levels))
    broken = [
        f"(count(*) < {limits.least_rows})::int",
        *(f'count(*) - count("{column}")' for column in ("userId", "movieId", "rating", "timestamp")),
        "count(*) filter (where userId < 1)",
        "count(*) filter (where movieId < 1)",
        f"count(*) filter (where rating not in ({levels}))",
        f"count(*) filter (where timestamp < {limits.half_stars_since} and rating <> floor(rating))",
        f"count(*) filter (where timestamp < {limits.earliest} or timestamp > {limits.latest})",
        *([WITH_UNIQUENESS] if uniqueness else []),
    ]
    return f"""with ratings as (select * from read_csv(?, columns = {TYPES}, header = true, auto_detect = false))
        select {", ".join(broken)} from ratings"""


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--without-uniqueness" not in sys.argv)
