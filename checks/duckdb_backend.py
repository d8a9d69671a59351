"""DuckDB as a Great Expectations backend: what GX 1.24 lacks for it, registered the way GX's own backends are.

Goes the day that GX ships its own.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.core import UnexpectedRowsExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

COUNT = "__count_of_unexpected_rows"  # a name that no query of a suite gives to a column
SHOWN_ROWS = 20  # as many failing rows as a report shows of one expectation


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """Runs GX's SQL on DuckDB."""

    def execute_query(self, query: Any) -> Any:
        """Fetch the rows while the connection is open: DuckDB's results end with it, and GX reads them later."""
        with self.get_connection() as connection:
            return self._execute_query_with_recovery(connection, query).freeze()()


class DuckDBDatasource(SQLDatasource):
    """A DuckDB file, given as `connection_string: duckdb:///${WAREHOUSE}`."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> Any:
        return DuckDBExecutionEngine


class RegexOnDuckDB(ColumnMapMetricProvider):
    """`expect_column_values_to_match_regex`."""

    condition_metric_name = "column_values.match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: Any, regex: str, **_: Any) -> Any:  # noqa: N805  GX makes it a class method
        return sa.func.regexp_matches(column, sa.literal(regex))


class NoRegexOnDuckDB(ColumnMapMetricProvider):
    """`expect_column_values_to_not_match_regex`."""

    condition_metric_name = "column_values.not_match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: Any, regex: str, **_: Any) -> Any:  # noqa: N805
        return sa.not_(sa.func.regexp_matches(column, sa.literal(regex)))


class LikeOnDuckDB(ColumnMapMetricProvider):
    """`expect_column_values_to_match_like_pattern`."""

    condition_metric_name = "column_values.match_like_pattern"
    condition_value_keys = ("like_pattern", "escape")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: Any, like_pattern: str, escape: str | None = None, **_: Any) -> Any:  # noqa: N805
        return column.like(like_pattern, escape=escape)


class ColumnTypesOnDuckDB(TableMetricProvider):
    """Names and types of a table's or view's columns, from DuckDB itself: SQLAlchemy's reflection sees no views."""

    metric_name = "table.column_types"
    value_keys = ("include_nested",)
    default_kwarg_values: ClassVar[dict[str, Any]] = {"include_nested": True}

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(
        cls,  # noqa: N805
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],  # noqa: ARG002
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> list[dict[str, Any]]:
        batch, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        described = execution_engine.execute_query(sa.text(f"describe {batch}")).mappings().all()
        return [{"name": row["column_name"], "type": _sqlalchemy_type(row["column_type"])} for row in described]


def _sqlalchemy_type(name: str) -> Any:
    return getattr(sa.types, name, sa.types.NullType)()


class UnexpectedRows(QueryMetricProvider):
    """The rows that a query returns: how many, and the first of them, from one run of the query."""

    metric_name = "unexpected_rows_query.first_rows"
    value_keys = ("unexpected_rows_query",)
    query_param_name = "unexpected_rows_query"

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> dict[str, Any]:
        batch, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        query = cls._get_substituted_batch_subquery_from_query_and_batch_selectable(
            query=cls._get_query_from_metric_value_kwargs(metric_value_kwargs),
            batch_selectable=batch,
            execution_engine=execution_engine,
        )
        text = f"""with unexpected as materialized ({query})
            select (select count(*) from unexpected) as {COUNT}, * from unexpected limit {SHOWN_ROWS}"""
        rows = execution_engine.execute_query(sa.text(text.replace(":", r"\:"))).mappings().all()
        return _count_and_rows([dict(row) for row in rows])


def _count_and_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    count = int(rows[0][COUNT]) if rows else 0
    for row in rows:
        del row[COUNT]
    assert count >= len(rows), "a query's own column hides the count of its rows"
    return {"count": count, "rows": rows}


class ExpectQueryToReturnNoRows(UnexpectedRowsExpectation):
    """No row breaks the rule that `unexpected_rows_query` states in SQL.

    GX's own `unexpected_rows_expectation` runs its query twice and keeps the rows only in COMPLETE results,
    which also list every other expectation's failing rows without bound. This one runs it once and keeps
    the count and the first rows.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.first_rows",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = metrics["unexpected_rows_query.first_rows"]
        return {
            "success": found["count"] == 0,
            "result": {
                "observed_value": found["count"],
                "details": {"unexpected_rows": found["rows"]},
            },
        }
