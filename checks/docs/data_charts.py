"""What the charts of the data show: aggregates from the warehouse, with a title that says what is seen.

Every chart is aggregated by DuckDB to at most some thousand values, whatever the data's size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from checks.docs.chart import Chart, asked
from checks.tables import DELIVERED, LOCATOR
from checks.warehouse import Warehouse, quoted
from checks.wording import counted, format_share

LEVELS = [level / 2 for level in range(1, 11)]  # the half-star scale
# Bars of ratings off it, in few letters each: a longer name would turn all names of the axis.
BELOW, BETWEEN, ABOVE, NONE = ODD = ("< 0.5", "other", "> 5", "none")
LATEST = 4_102_444_800  # 2100-01-01: a later time is milliseconds or damage, and would flatten the axis


def data_charts(warehouse: Warehouse) -> list[Chart]:
    """All that the delivered tables allow."""
    return [chart for ask in ASKED if (chart := asked(ask, warehouse)) is not None]


def rating_levels(warehouse: Warehouse) -> Chart | None:
    """How many ratings each level has; what is off the scale is a bar below it, one above it and one between levels."""
    if not warehouse.has("ratings"):
        return None
    listed = ", ".join(map(str, LEVELS))
    frame = warehouse.sql(
        f"""select case when rating is null then '{NONE}' when rating in ({listed}) then format('{{:.1f}}', rating)
            when rating < {LEVELS[0]} then '{BELOW}' when rating > {LEVELS[-1]} then '{ABOVE}'
            else '{BETWEEN}' end as level, sum(ratings) as ratings
            from (select rating, count(*) as ratings from ratings group by rating) group by level"""
    )
    counts = dict(zip(frame["level"], frame["ratings"].astype(int), strict=True))
    if not counts:
        return None
    values = [
        {"level": level, "ratings": counts.get(level, 0), "odd": level in ODD}
        for level in (BELOW, *(f"{level:.1f}" for level in LEVELS), BETWEEN, ABOVE, NONE)
        if level in counts or level not in ODD
    ]
    top = max(values, key=lambda value: value["ratings"])
    share = format_share(top["ratings"] / sum(counts.values()))
    off, none = sum(counts.get(level, 0) for level in (BELOW, BETWEEN, ABOVE)), counts.get(NONE, 0)
    odd = "".join(f"; {count:,} {said}" for count, said in ((off, "off the scale"), (none, "without a value")) if count)
    title = f"The commonest rating is {top['level']}, in {share} of rows{odd}"
    alt = "Ratings by level: " + ", ".join(f"{value['level']}: {value['ratings']:,}" for value in values)
    return Chart("rating-levels", "data", title, alt, "levels", values)


def ratings_over_time(warehouse: Warehouse) -> Chart | None:
    """Ratings a day, week, month or year, whichever gives the delivery's span a readable number of steps."""
    if not warehouse.has("ratings"):
        return None
    usable = f"timestamp between 0 and {LATEST}"
    span = warehouse.sql(
        f"""select min(timestamp) as first, max(timestamp) as last, count(*) as usable,
            (select count(*) from ratings) as total from ratings where {usable}"""
    ).iloc[0]
    if not span["usable"]:
        return None
    unit = _time_unit(span["last"] - span["first"])
    frame = warehouse.sql(
        f"""select date_trunc('{unit}', make_timestamp(day * 86400000000)) as period, sum(ratings) as ratings
            from (select timestamp // 86400 as day, count(*) as ratings from ratings where {usable} group by 1) as days
            group by period order by period"""
    )
    periods = list(zip(frame["period"], frame["ratings"].astype(int), strict=True))
    peak, most = max(periods, key=lambda one: one[1])
    busiest = peak.strftime({"year": "%Y", "month": "%Y-%m"}.get(unit, "%Y-%m-%d"))
    first, last = (pd.Timestamp(span[name], unit="s") for name in ("first", "last"))
    title = f"Ratings run from {first:%Y-%m-%d} to {last:%Y-%m-%d}; the busiest {unit} is {busiest}"
    alt = f"Ratings by {unit} in {counted(len(frame), unit)}; at most {most:,}, in {busiest}"
    left_out = int(span["total"] - span["usable"])
    verb = "is" if left_out == 1 else "are"
    note = f"{counted(left_out, 'rating')} without a time that a calendar knows {verb} not shown." if left_out else ""
    values = [{"period": f"{period:%Y-%m-%dT%H:%M:%SZ}", "ratings": ratings} for period, ratings in periods]
    return Chart("ratings-over-time", "data", title, alt, "over_time", values, {"unit": unit}, note)


def _time_unit(seconds: float) -> str:
    days = seconds / 86_400
    return "day" if days < 100 else "week" if days < 730 else "month" if days < 3_650 else "year"


def long_tail_of_films(warehouse: Warehouse) -> Chart | None:
    """How unevenly ratings are spread over films."""
    return _long_tail(warehouse, "movieId", "film", "The most rated tenth of films gets {share} of the ratings")


def long_tail_of_users(warehouse: Warehouse) -> Chart | None:
    """How unevenly ratings are spread over users."""
    return _long_tail(warehouse, "userId", "user", "The most active tenth of users gives {share} of the ratings")


def _long_tail(warehouse: Warehouse, key: str, noun: str, title: str) -> Chart | None:
    if not warehouse.has("ratings"):
        return None
    # One rank in each tenth of an e-fold draws the same line as all ranks, whatever their number.
    frame = warehouse.sql(
        f"""with counted as (select count(*) as ratings from ratings where {key} is not null group by {key}),
            ranked as (select ratings, row_number() over (order by ratings desc) as rank,
                sum(ratings) over (order by ratings desc rows unbounded preceding) as running,
                count(*) over () as total, sum(ratings) over () as everything from counted)
            select rank, ratings, running, total, everything from ranked
            where rank <= 10 or rank = total or rank = greatest(1, total // 10)
                or floor(ln(rank) / 0.1) <> floor(ln(rank - 1) / 0.1) order by rank"""
    )
    if frame.empty:
        return None
    total, everything = int(frame["total"].iloc[0]), float(frame["everything"].iloc[0])
    tenth = frame[frame["rank"] <= max(1, total // 10)].iloc[-1]
    said = title.format(share=format_share(tenth["running"] / everything))
    most, least = int(frame["ratings"].iloc[0]), int(frame["ratings"].iloc[-1])
    alt = f"Ratings of {counted(total, noun)} by rank: the first has {most:,}, the last {least:,}"
    values = [{"rank": int(row["rank"]), "ratings": int(row["ratings"])} for _, row in frame.iterrows()]
    return Chart(f"long-tail-{noun}s", "data", said, alt, "rank_curve", values, {"noun": noun})


def missing_values(warehouse: Warehouse) -> Chart | None:
    """The share of empty cells in each column of the delivered tables."""
    tables = [table.name for table in DELIVERED if warehouse.has(table.name)]
    values = [row for table in tables for row in _missing(warehouse, table)]
    if not values:
        return None
    lacking = sorted((row for row in values if row["missing"]), key=lambda row: -row["share"])
    title, drawn = "No value is missing in any column", lacking or values
    if lacking:
        columns = "one column" if len(lacking) == 1 else counted(len(lacking), "column")
        worst = f"{lacking[0]['column']}: {lacking[0]['missing']:,}"
        title = f"Values are missing in {columns}, {'' if len(lacking) == 1 else 'most in '}{worst}"
    alt = "Missing values by column: " + ", ".join(f"{row['column']}: {row['missing']:,}" for row in values)
    return Chart("missing-values", "data", title, alt, "missing", drawn)


def _missing(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    columns = [name for name in warehouse.sql(f"describe {quoted(table)}")["column_name"] if name != LOCATOR]
    if not columns:
        return []
    given = ", ".join(f"count({quoted(name)})" for name in columns)
    total, *filled = warehouse.one(f"select count(*), {given} from {quoted(table)}")
    return [
        {"column": f"{table}.{name[:40]}", "missing": total - there, "share": (total - there) / total if total else 0.0}
        for name, there in zip(columns, filled, strict=True)
    ]


ASKED: tuple[Callable[[Warehouse], Chart | None], ...] = (
    rating_levels,
    ratings_over_time,
    long_tail_of_films,
    long_tail_of_users,
    missing_values,
)
