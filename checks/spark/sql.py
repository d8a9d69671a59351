"""DuckDB's SQL as Spark understands it, so that suites and analyses keep one text for both engines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

PLACES = re.compile(r"\{:([.][0-9]+f)\}")
READ, WRITE = "duckdb", "spark"


@dataclass(frozen=True)
class Statement:
    """One statement for Spark.

    kind: 'select', 'view' or 'table' (a temporary one of that name is to be made of the rows), 'describe' or 'other'.
    tables: the tables that it reads, in lower case.
    """

    kind: str
    text: str
    name: str | None
    tables: frozenset[str]


@lru_cache(maxsize=256)
def translate(text: str, renamed: tuple[tuple[str, str], ...] = ()) -> Statement:
    """The statement in Spark's dialect, with other tables in place of some.

    Raises ValueError where it is no SQL of DuckDB's, or has no counterpart.
    """
    try:
        tree = sqlglot.parse_one(text, read=READ)
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(f"this statement can't be read as DuckDB's SQL: {str(error).partition(chr(10))[0]}") from error
    names = dict(renamed)
    for table in list(tree.find_all(exp.Table)):
        if table.name in names:
            alias = table.alias_or_name
            table.replace(exp.to_table(names[table.name]).as_(alias))
    inner = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    tables = frozenset(table.name.lower() for table in tree.find_all(exp.Table)) - inner
    if isinstance(tree, exp.Describe):
        return Statement("describe", "", tree.this.name, tables)
    if isinstance(tree, exp.Create) and tree.expression is not None:
        name = tree.this.name
        return Statement(str(tree.kind).lower(), _spark(tree.expression), name, tables - {name.lower()})
    return Statement("select" if isinstance(tree, exp.Query) else "other", _spark(tree), None, tables)


def _spark(tree: exp.Expression) -> str:
    # Whatever holds others comes after them, so that nothing adapted is lost inside something adapted.
    for node in reversed(list(tree.walk())):
        adapted = _adapted(node)
        if adapted is not node:
            node.replace(adapted)
    return tree.sql(dialect=WRITE, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _adapted(node: exp.Expression) -> exp.Expression:
    """What differs in meaning though not in form."""
    if isinstance(node, exp.Literal) and not node.is_string and not node.is_int:
        return exp.cast(node.copy(), "double")  # Spark takes 0.5 for a decimal number, which loses digits in division
    if isinstance(node, exp.Div):  # DuckDB goes on with a division by zero, Spark would end the query
        return exp.func("try_divide", node.this.copy(), node.expression.copy(), dialect=WRITE)
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1 and node.expressions[0].is_int:
        # DuckDB counts places of a list from 1.
        return exp.func("try_element_at", node.this.copy(), node.expressions[0].copy(), dialect=WRITE)
    if isinstance(node, exp.Format):
        return _formatted(node)
    if isinstance(node, exp.PercentileCont):
        return exp.func("percentile", node.this.copy(), node.expression.copy(), dialect=WRITE)
    return node


def _formatted(node: exp.Format) -> exp.Expression:
    """'{:.1f}' as C writes it. Raises ValueError for other patterns, which Spark would print as they stand."""
    pattern = PLACES.fullmatch(node.this.name)
    if pattern is None:
        raise ValueError(f"format({node.this.sql()}, …) has no counterpart in Spark")
    values = [value.copy() for value in node.expressions]
    return exp.func("format_string", exp.Literal.string(f"%{pattern[1]}"), *values, dialect=WRITE)
