"""Spark as a Great Expectations backend for tables by name, so that the suites stand as they are.

GX's own Spark datasources take files or data frames that are handed over at run time; the checkpoint's validation
definitions name tables, as they do on DuckDB. What GX's Spark engine does not know of the suites' SQL is here too.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar, Literal

from great_expectations.core import IDDict
from great_expectations.core.batch import LegacyBatchDefinition
from great_expectations.core.batch_spec import RuntimeDataBatchSpec
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.datasource.fluent import BatchRequest, DataAsset
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.datasource.fluent.spark_datasource import _SparkDatasource
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations import core
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider

from checks.engine.duckdb_backend import SHOWN_ROWS
from checks.engine.metrics import SoundOnesOnce

SPARK_TYPES = {"BIGINT": "LongType", "DOUBLE": "DoubleType", "VARCHAR": "StringType"}
MISSING = "there is no table: "  # begins the one column of a batch without a table
TABLE = "table_name"  # of a batch's options: GX keeps batches apart by them


_session: ContextVar[Any] = ContextVar("session")


def use(session: Any) -> None:
    """Let projects that are opened from now on read the tables of this SparkSession."""
    _session.set(session)


class SparkTablesEngine(SoundOnesOnce, SparkDFExecutionEngine):
    """GX's own, for which a table that is not there is a batch all of whose expectations raise, as on DuckDB."""

    def table(self, name: str) -> Any:
        """The table as a Spark data frame, or one that only says that there is none."""
        if self.spark.catalog.tableExists(name):
            return self.spark.table(name)
        return self.spark.range(0).toDF(f"{MISSING}{name}")

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """The rows of a batch. Raises ValueError where its table is missing."""
        data = super().get_domain_records(domain_kwargs)
        if data.columns[0].startswith(MISSING):
            raise ValueError(f"there is no table {data.columns[0].removeprefix(MISSING)}")
        return data


class SparkTableAsset(DataAsset):
    """A table of the Spark session under way."""

    type: Literal["table"] = "table"
    table_name: str

    def test_connection(self) -> None: ...

    def get_batch_parameters_keys(self, partitioner: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def build_batch_request(
        self,
        options: Any = None,  # noqa: ARG002
        batch_slice: Any = None,  # noqa: ARG002
        partitioner: Any = None,  # noqa: ARG002
    ) -> Any:
        return BatchRequest(datasource_name=self.datasource.name, data_asset_name=self.name, options={})

    def _validate_batch_request(self, batch_request: Any) -> None: ...

    def get_batch_identifiers_list(self, batch_request: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        return [IDDict({TABLE: self.table_name})]

    def get_batch(self, batch_request: Any) -> Any:
        engine = self.datasource.get_execution_engine()
        frame = engine.table(self.table_name)
        spec = RuntimeDataBatchSpec(batch_data=frame)
        data, markers = engine.get_batch_data_and_markers(batch_spec=spec)
        definition = LegacyBatchDefinition(
            datasource_name=self.datasource.name,
            data_connector_name="fluent",
            data_asset_name=self.name,
            batch_identifiers=IDDict({TABLE: self.table_name}),
            batch_spec_passthrough=None,
        )
        return Batch(
            datasource=self.datasource,
            data_asset=self,
            batch_request=batch_request,
            data=data,
            metadata=self._get_batch_metadata_from_batch_request(batch_request=batch_request),
            batch_markers=markers,
            batch_spec=spec,
            batch_definition=definition,
        )


class SparkTablesDatasource(_SparkDatasource):
    """The tables of the Spark session that `use` names."""

    asset_types: ClassVar[list[type[DataAsset]]] = [SparkTableAsset]

    type: Literal["spark_tables"] = "spark_tables"
    persist: bool = False  # the warehouse keeps its tables itself
    assets: list[SparkTableAsset] = []  # noqa: RUF012  as GX's own datasources declare them

    def get_execution_engine(self) -> Any:
        known: Any = getattr(self, "_execution_engine", None)
        if known is None:
            known = self._execution_engine = SparkTablesEngine(spark=_session.get(), persist=False)
        return known

    def test_connection(self, test_assets: bool = True) -> None:  # noqa: ARG002
        self.get_execution_engine()


class UnexpectedRowsOnSpark(QueryMetricProvider):
    """The rows that a query in DuckDB's SQL returns: how many, and the first of them."""

    metric_name = "unexpected_rows_query.first_rows"
    value_keys = ("unexpected_rows_query",)
    query_param_name = "unexpected_rows_query"

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805  GX makes it a class method
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> dict[str, Any]:
        from checks.spark.sql import translate

        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        frame.createOrReplaceTempView("batch_of_rule")
        query = cls._format_query(cls._get_query_from_metric_value_kwargs(metric_value_kwargs), batch="batch_of_rule")
        unexpected = frame.sparkSession.sql(translate(query).text)
        # A rule that holds, as most do, takes one pass, and that one needs neither a sort nor the shown columns.
        count = unexpected.count()
        rows = [row.asDict() for row in unexpected.limit(SHOWN_ROWS).collect()] if count else []
        return {"count": count, "rows": rows}


class ExpectColumnValuesToBeOfType(core.ExpectColumnValuesToBeOfType):
    """GX's own, for types that a suite names as SQL does: on Spark it knows the names of Spark's classes alone."""

    def _validate_spark(self, actual_column_type: Any, expected_type: Any) -> Any:
        found = super()._validate_spark(actual_column_type, SPARK_TYPES.get(expected_type, expected_type))
        names = {spark: name for name, spark in SPARK_TYPES.items()}
        observed = found["result"]["observed_value"]
        return found | {"result": {"observed_value": names.get(observed, observed)}}
