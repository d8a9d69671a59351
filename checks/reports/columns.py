"""Every column in figures: `summary_statistics.csv`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from checks.tables import DELIVERED, LOCATOR
from checks.warehouse import Warehouse, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_ROWS = 5_000_000  # above, to sort or to tell apart values that don't repeat would hold all of them
SAMPLED_ROWS, REPEATED = 1_000_000, 10  # values repeat where so many rows have some tenth as many, or fewer
BUCKETS = 4_096  # equal parts of a column's range, of which those that hold a quartile are sorted
LARGEST_SQUARED = "1e150"  # DOUBLE ends at 1e308
QUARTILES = {"first_quartile": 0.25, "median": 0.5, "third_quartile": 0.75}
NUMERIC = ("BIGINT", "DOUBLE", "INTEGER", "HUGEINT")


def statistics(warehouse: Warehouse) -> pd.DataFrame:
    """One row for every column of every delivered table.

    Columns: table, column, type, rows, nulls, distinct, min, first_quartile, median, third_quartile, mean,
    standard_deviation, max (numbers; the smallest and largest text for text), approximate (True where
    distinct is an estimate: above EXACT_ROWS rows, where values hardly repeat).
    """
    tables = [table.name for table in DELIVERED if warehouse.has(table.name)]
    return pd.DataFrame([row for table in tables for row in _table_statistics(warehouse, table)])


def _table_statistics(warehouse: Warehouse, table: str) -> Iterator[dict[str, Any]]:
    described = warehouse.sql(f"describe {quoted(table)}")
    columns = {n: t for n, t in zip(described["column_name"], described["column_type"], strict=True) if n != LOCATOR}
    exact = warehouse.count(table) <= EXACT_ROWS
    counted = list(_counted_apart(warehouse, table, list(columns), exact))
    found = _each(warehouse, {name: _counted(table, name, columns[name]) for name in counted})
    rest = [name for name in columns if name not in counted]
    if rest:
        measures = ", ".join(_measures(name, columns[name], exact) for name in rest)
        found |= zip(rest, warehouse.one(f"select {measures} from {quoted(table)}"), strict=True)
    for name, type_ in columns.items():
        estimated = not exact and name in rest
        if estimated and type_ in NUMERIC:
            found[name] |= _quartiles(warehouse, table, name, found[name])
        yield {"table": table, "column": name, "type": type_, **found[name], "approximate": estimated}


def _each(warehouse: Warehouse, queries: Mapping[str, str]) -> dict[str, Any]:
    """What each column's query gives."""
    return {name: row[0] for name, row in zip(queries, warehouse.ones(list(queries.values())), strict=True)}


def _counted_apart(warehouse: Warehouse, table: str, names: Sequence[str], exact: bool) -> Iterable[str]:
    """The columns that are measured from how often each value occurs, each by a query of its own."""
    if not exact:
        return _repeating(warehouse, table, names)
    return () if warehouse.tells_apart_in_one_pass else names


def _repeating(warehouse: Warehouse, table: str, names: Sequence[str]) -> Iterator[str]:
    """The columns of which many rows have few values."""
    some = f"(select {', '.join(map(quoted, names))} from {quoted(table)} limit {SAMPLED_ROWS})"
    counts = ", ".join(f"approx_count_distinct({quoted(name)})" for name in names)
    found = warehouse.one(f"select {counts} from {some}")
    return (name for name, count in zip(names, found, strict=True) if count <= SAMPLED_ROWS // REPEATED)


def _quartiles(warehouse: Warehouse, table: str, name: str, measures: Mapping[str, Any]) -> dict[str, float | None]:
    """As `quantile_cont` gives them, without sorting all: values in the same bucket as a quartile are enough."""
    low, high, n = measures["min"], measures["max"], measures["rows"] - measures["nulls"]
    # Halves, as the difference of the ends of DOUBLE is out of its range.
    width = 0.0 if n == 0 else float(high) / 2 - float(low) / 2
    if width == 0:
        return dict.fromkeys(QUARTILES, low)
    column = quoted(name)
    bucket = f"floor(({column}::double / 2 - {float(low) / 2!r}) / {width!r} * {BUCKETS})"
    buckets = warehouse.sql(
        f"""select min({column}) as low, max({column}) as high, count(*) as n from {quoted(table)}
        where {column} is not null group by {bucket} order by 1"""
    )
    places = {quartile: share * (n - 1) for quartile, share in QUARTILES.items()}
    ranks = np.unique([end(place) for place in places.values() for end in (np.floor, np.ceil)]).astype(int)
    values = _of_ranks(warehouse, f"select {column} from {quoted(table)} where {column}", buckets, ranks)
    return {quartile: float(np.interp(place, ranks, values)) for quartile, place in places.items()}


def _of_ranks(warehouse: Warehouse, query: str, buckets: pd.DataFrame, ranks: NDArray[Any]) -> NDArray[Any]:
    """The values of these ranks, from 0 on, where buckets of `low` to `high`, in order, hold `n` values each."""
    n = buckets["n"].to_numpy()
    of_rank = n.cumsum().searchsorted(ranks, side="right")
    held, place = np.unique(of_rank, return_inverse=True)
    ends = (buckets[end].to_numpy()[held].tolist() for end in ("low", "high"))
    some = (warehouse.sql(f"{query} between {low!r} and {high!r}") for low, high in zip(*ends, strict=True))
    found = [np.sort(values.iloc[:, 0].to_numpy()) for values in some]
    begin = n.cumsum() - n
    return np.array([found[at][rank - begin[held[at]]] for at, rank in zip(place, ranks, strict=True)], float)


def _counted(table: str, name: str, type_: str) -> str:
    """A query for the same measures from how often each value occurs: exact, and cheaper than any estimate."""
    number = type_ in NUMERIC
    quartiles = [_quartile_of_counted(share) if number else "null" for share in QUARTILES.values()]
    tame = f"case when abs(value::double) < {LARGEST_SQUARED} then value::double end" if number else "null::double"
    return f"""with counted as (select {quoted(name)} as value, count(*) as n from {quoted(table)} group by 1),
        tamed as (select value, n, {tame} as tame, case when {tame} is not null then n end as tame_n
            from counted where value is not null),
        placed as (select *, sum(n) over (order by value) as upto, sum(n) over () as total,
            sum(tame * n) over () / sum(tame_n) over () as mean from tamed)
        select struct_pack("rows" := (select coalesce(sum(n), 0) from counted),
            nulls := (select coalesce(sum(n), 0) from counted where value is null), "distinct" := count(*),
            "min" := min(value), first_quartile := {quartiles[0]}, median := {quartiles[1]},
            third_quartile := {quartiles[2]}, mean := max(mean),
            standard_deviation := sqrt(sum(n * (tame - mean) * (tame - mean)) / nullif(sum(tame_n) - 1, 0)),
            "max" := max(value)) from placed"""


def _quartile_of_counted(share: float) -> str:
    """As `quantile_cont` gives it: between the two values nearest to the place, by its distance from each."""
    place = f"{share}::double * (total - 1)"
    low, high = (f"min(case when upto > {end}({place}) then value end)" for end in ("floor", "ceil"))
    # As doubles, since two whole numbers can lie further apart than any third one is large.
    return f"({low}::double + ({high}::double - {low}::double) * max({place} - floor({place})))"


def _measures(name: str, type_: str, exact: bool) -> str:
    """One struct of all measures of a column, so that a table is read once."""
    column = quoted(name)
    number = type_ in NUMERIC
    distinct = f"count(distinct {column})" if exact else f"approx_count_distinct({column})"
    # One list: asked for one by one, the values would be sorted three times.
    sorted_out = exact and number
    shares = list(QUARTILES.values())
    quartiles = [f"quantile_cont({column}, {shares})[{i}]" if sorted_out else "null" for i in (1, 2, 3)]
    # A value whose square is out of range would end the whole query; the suites report it.
    tame = f"case when abs({column}::double) < {LARGEST_SQUARED} then {column} end"
    moments = [f"{measure}({tame})" if number else "null" for measure in ("avg", "stddev_samp")]
    return f"""struct_pack("rows" := count(*), nulls := count(*) - count({column}), "distinct" := {distinct},
        "min" := min({column}), first_quartile := {quartiles[0]}, median := {quartiles[1]},
        third_quartile := {quartiles[2]}, mean := {moments[0]}, standard_deviation := {moments[1]},
        "max" := max({column}))"""
