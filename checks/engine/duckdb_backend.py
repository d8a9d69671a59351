"""DuckDB as a Great Expectations backend: what GX 1.24 lacks for it, registered the way GX's own backends are.

Goes the day that GX ships its own.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.core import UnexpectedRowsExpectation
from great_expectations.expectations.metrics.column_map_metrics.column_values_in_set import ColumnValuesInSet
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from checks.engine.metrics import SoundOnesOnce

SHOWN_ROWS = 20  # as many failing rows as a report shows of one expectation
ROWS = (".unexpected_values", ".unexpected_index_list")  # metrics that list what `.unexpected_count` counts


class DuckDBExecutionEngine(SoundOnesOnce, SqlAlchemyExecutionEngine):
    """Runs GX's SQL on DuckDB."""

    def resolve_metrics(
        self,
        metrics_to_resolve: Any,
        metrics: dict[Any, Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """Metrics of rows come last, when their counts are known: GX asks again for what it was not given yet.

        It would read a column twice more to list the rows of a rule that holds.
        """
        wanted = list(metrics_to_resolve)
        now = [one for one in wanted if not one.metric_name.endswith(ROWS)] or wanted
        none: dict[Any, Any] = {one.id: [] for one in now if _is_known_to_hold(one, metrics or {})}
        rest = [one for one in now if one.id not in none]
        return none | (super().resolve_metrics(rest, metrics, runtime_configuration) if rest else {})

    def execute_query(self, query: Any) -> Any:
        """Fetch the rows while the connection is open: DuckDB's results end with it, and GX reads them later."""
        with self.get_connection() as connection:
            return self._execute_query_with_recovery(connection, query).freeze()()


def _is_known_to_hold(rows: Any, metrics: dict[Any, Any]) -> bool:
    """Whether the count of what a metric of rows lists is there, and is nothing."""
    name, dot, kind = rows.metric_name.rpartition(".")
    values = {key: value for key, value in rows.metric_value_kwargs.items() if key != "result_format"}
    count = MetricConfiguration(f"{name}.unexpected_count", rows.metric_domain_kwargs, values)
    return f"{dot}{kind}" in ROWS and metrics.get(count.id) == 0


class DuckDBDatasource(SQLDatasource):
    """A DuckDB file, given as `connection_string: duckdb:///${WAREHOUSE}`."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> Any:
        return DuckDBExecutionEngine


class InSetOnDuckDB(ColumnMapMetricProvider):
    """`expect_column_values_to_be_in_set`.

    DuckDB compares with the numbers of a list one after the other; those of a table it looks up, three times as fast
    for ten.
    """

    condition_metric_name = "column_values.in_set"
    condition_value_keys = ("value_set",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: Any, value_set: Any, **_: Any) -> Any:  # noqa: N805  GX makes it a class method
        if value_set and all(type(value) in (int, float) and math.isfinite(value) for value in value_set):
            return column.in_(sa.text(f"select unnest({list(value_set)})"))
        return ColumnValuesInSet._sqlalchemy_impl(column, value_set)


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
    """The rows that a query returns: how many, and the first of them.

    A rule that holds, as most do, is only counted, which needs neither a sort nor the shown columns; or not even
    that, where `proof_query` returns a row.
    """

    metric_name = "unexpected_rows_query.first_rows"
    value_keys = ("unexpected_rows_query", "proof_query")
    default_kwarg_values: ClassVar[dict[str, Any]] = {"proof_query": None}
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

        def rows(text: str, query: str) -> list[dict[str, Any]]:
            substituted = cls._get_substituted_batch_subquery_from_query_and_batch_selectable(
                query=query, batch_selectable=batch, execution_engine=execution_engine
            )
            statement = sa.text(text.format(substituted).replace(":", r"\:"))
            return [dict(row) for row in execution_engine.execute_query(statement).mappings().all()]

        query, proof = cls._get_query_from_metric_value_kwargs(metric_value_kwargs), metric_value_kwargs["proof_query"]
        if proof is not None and rows("{}", proof):
            return {"count": 0, "rows": []}
        count = rows("select count(*) as found from ({}) as unexpected", query)[0]["found"]
        shown = rows(f"select * from ({{}}) as unexpected limit {SHOWN_ROWS}", query) if count else []
        return {"count": int(count), "rows": shown}


class ExpectQueryToReturnNoRows(UnexpectedRowsExpectation):
    """No row breaks the rule that `unexpected_rows_query` states in SQL.

    GX's own `unexpected_rows_expectation` runs its query twice and keeps the rows only in COMPLETE results,
    which also list every other expectation's failing rows without bound. This one keeps the count and the first rows.

    `proof_query` is a cheaper query, in DuckDB's SQL, that returns a row only where the rule is sure to hold; where it
    returns none, the rule is judged by its own query. Other engines pass it over.
    """

    proof_query: str | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("unexpected_rows_query", "proof_query")
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
