"""A delivery as Spark's tables, answering DuckDB's SQL: what outgrows one machine is judged by the same texts.

Rows stay in Spark. What comes to this machine is bounded by users, films, features or days, never by ratings: the
findings tables, which also stand in a small DuckDB file, where reports look them up as they do without Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from checks.files import DeliveryError, missing
from checks.loader import MOST_COLUMNS, PATTERNS, VALUE_CHARACTERS, numbered
from checks.records import RAW_TEXT_CHARACTERS
from checks.spark import files as spark_files
from checks.spark.session import reason
from checks.spark.sql import Statement, translate
from checks.tables import DELIVERED, FINDINGS, LOCATOR, NUMBER, REJECTED_ROWS, TEXT, WHOLE_NUMBER, Column, Table
from checks.warehouse import SourceFile, Warehouse, connect, delivered_columns

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 4  # queries
SPARK_TYPES = {"BIGINT": "bigint", "DOUBLE": "double", "VARCHAR": "string"}
DUCKDB_TYPES = {"bigint": "BIGINT", "int": "INTEGER", "double": "DOUBLE", "string": "VARCHAR", "boolean": "BOOLEAN"}
REJECTED = {LOCATOR: "bigint"} | dict.fromkeys(
    ("source_file", "table_name", "column_name", "reason", "raw_text"), "string"
)


@dataclass
class SparkWarehouse(Warehouse):
    """A delivery in Spark. `connection` is the small DuckDB database that holds the findings tables alone."""

    tells_apart_in_one_pass: ClassVar[bool] = False  # Spark makes a row for each of the columns, and spills them

    spark: Any = None
    names: set[str] = field(default_factory=set)
    kept: list[Any] = field(default_factory=list)  # what Spark keeps in memory or on its disks for this warehouse

    def sql(self, text: str) -> pd.DataFrame:
        """Run one statement of DuckDB's SQL; its rows as a data frame.

        A temporary table is kept by Spark as long as the warehouse is open. Raises what Spark raises.
        """
        statement = translate(text)
        if statement.tables and statement.tables <= set(FINDINGS):
            return super().sql(text)
        if statement.kind == "describe":
            return self._described(str(statement.name))
        frame = self.frame(statement.text)
        if statement.kind in ("table", "view"):
            self._register(str(statement.name), frame, keep=statement.kind == "table")
            frame = frame.limit(0)
        return _pandas(frame)

    def frame(self, text: str) -> Any:
        """The Spark data frame of a statement of Spark's SQL."""
        return self.spark.sql(text)

    def of_users(self, users: Collection[int]) -> OfUsers:
        """The same with the ratings of these users alone."""
        import pandas as pd

        name = f"ratings_of_users_{len(self.names)}"
        self.push(f"{name}_ids", pd.DataFrame({"userId": np.array(list(users), np.int64)}))
        query = f"select r.* from ratings as r left semi join {name}_ids as chosen on r.userId = chosen.userId"
        self._register(name, self.frame(query))
        return OfUsers(self, name)

    def row(self, query: str) -> tuple[Any, ...] | None:
        statement: Statement = translate(query)
        if statement.tables <= set(FINDINGS):
            return super().row(query)
        found = self.frame(statement.text).first()
        return None if found is None else tuple(_plain(value) for value in found)

    def ones(self, queries: Sequence[str]) -> list[tuple[Any, ...]]:
        """Some at a time: planning takes Spark as long as small data do, and no query fills many cores to its end."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.one, queries))

    def _described(self, table: str) -> pd.DataFrame:
        import pandas as pd

        columns = self.spark.table(_quoted(table)).dtypes
        return pd.DataFrame(
            [(name, DUCKDB_TYPES.get(type_, type_.upper())) for name, type_ in columns],
            columns=["column_name", "column_type"],
        )

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Replace `table` by the rows of `frame`, in Spark and in the small database."""
        super().write(table, frame)
        self.push(table, frame)

    def push(self, table: str, frame: pd.DataFrame) -> None:
        """Make a temporary table of the rows of `frame`, which are few enough for this machine."""
        import pyarrow as pa

        rows = pa.Table.from_pandas(frame, preserve_index=False)
        self._register(table, self.spark.createDataFrame(rows))

    def map_users(
        self, text: str, function: Callable[[pd.DataFrame], pd.DataFrame], columns: Mapping[str, str], groups: int
    ) -> pd.DataFrame:
        """See OfUsers: the same over all users."""
        return OfUsers(self, "ratings").map_users(text, function, columns, groups)

    def has(self, table: str) -> bool:
        return table in self.names

    def count(self, table: str) -> int:
        source = self.sources.get(table)
        return source.loaded_rows if source else int(self.spark.table(_quoted(table)).count())

    def register(self, table: str, frame: Any) -> None:
        """Make `frame`, a Spark data frame, a table, kept by Spark once it was computed."""
        self._register(table, frame, keep=True)

    def _register(self, table: str, frame: Any, keep: bool = False) -> None:
        if keep:
            from pyspark import StorageLevel

            frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
            self.kept.append(frame)
        frame.createOrReplaceTempView(_quoted(table))
        self.names.add(table)

    def close(self) -> None:
        for frame in self.kept:
            frame.unpersist()
        self.kept.clear()
        for table in self.names:
            self.spark.catalog.dropTempView(table)
        self.names.clear()
        super().close()


@dataclass(frozen=True)
class OfUsers:
    """A warehouse whose ratings are the table `ratings` of another one."""

    warehouse: SparkWarehouse
    ratings: str

    def sql(self, text: str) -> pd.DataFrame:
        """Run one statement that makes nothing; its rows as a data frame."""
        return _pandas(self._frame(text))

    def _frame(self, text: str) -> Any:
        return self.warehouse.frame(translate(text, (("ratings", self.ratings),)).text)

    def map_users(
        self, text: str, function: Callable[[pd.DataFrame], pd.DataFrame], columns: Mapping[str, str], groups: int
    ) -> pd.DataFrame:
        """What `function` makes of the rows of `text` (one of whose columns is userId), group by group, on the workers.

        A group is of whole users and hangs on their ids alone, so the result does on no machine's number or speed.
        """
        from pyspark.sql import functions as F  # noqa: N812

        session = self.warehouse.spark
        sent = session.sparkContext.broadcast(function)
        rows = self._frame(text).withColumn("group_of_users", F.expr(f"pmod(xxhash64(userId), {groups})"))
        # Few partitions leave workers idle, many cost each a copy of what was sent.
        rows = rows.repartition(min(groups, 4 * session.sparkContext.defaultParallelism), "group_of_users")
        rows = rows.sortWithinPartitions("group_of_users")
        schema = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        found = rows.mapInPandas(_by_group(sent), schema).toPandas()
        sent.destroy()
        return found


def _by_group(sent: Any) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """Batches of rows sorted by group, to whole groups, to the results of each."""

    def mapped(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        waiting: list[pd.DataFrame] = []
        for batch in batches:
            for group, part in batch.groupby("group_of_users", sort=False):
                if waiting and waiting[-1]["group_of_users"].iloc[0] != group:
                    yield sent.value(pd.concat(waiting, ignore_index=True))
                    waiting = []
                waiting.append(part)
        if waiting:
            yield sent.value(pd.concat(waiting, ignore_index=True))

    return mapped


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _pandas(frame: Any) -> pd.DataFrame:
    """Rows as DuckDB would hand them over: numbers as numbers, whatever their type in Spark."""
    from pyspark.sql import functions as F  # noqa: N812

    decimals = [f.name for f in frame.schema.fields if f.dataType.typeName() == "decimal"]
    if decimals:
        frame = frame.withColumns({name: F.col(_quoted(name)).cast("double") for name in decimals})
    return cast("pd.DataFrame", frame.toPandas())


def _plain(value: Any) -> Any:
    """A nested row as a dictionary, a decimal number as a float."""
    from decimal import Decimal

    if hasattr(value, "asDict"):
        return {name: _plain(one) for name, one in value.asDict().items()}
    return float(value) if isinstance(value, Decimal) else value


def load(session: Any, folder: Path, database: Path | None = None) -> SparkWarehouse:
    """Load every table of `folder`, of any number of files; what is missing or unreadable leaves no table.

    `session` is a SparkSession; the warehouse gets one of its own beside it, so that two do not mix. `database` is the
    DuckDB file for the findings (None: in memory). Raises DeliveryError where `folder` is none.
    """
    own = session.newSession()
    found = spark_files.find(own, folder, [table.name for table in DELIVERED])
    warehouse = SparkWarehouse(connect(database), folder, spark=own)
    try:
        loaded = [_load_table(warehouse, table, found[table.name]) for table in DELIVERED]
    except BaseException:
        warehouse.close()
        raise
    none = own.sql(f"select {', '.join(f'cast(null as {t}) as {n}' for n, t in REJECTED.items())} where false")
    rejected = reduce(lambda a, b: a.unionByName(b), [frame for frame in loaded if frame is not None], none)
    warehouse.register(REJECTED_ROWS, rejected)
    return warehouse


def _load_table(warehouse: SparkWarehouse, table: Table, parts: Sequence[spark_files.DataFile]) -> Any:
    """Make the table; the rejected rows of it, or None where there is none."""
    path = _path(warehouse.folder, table, parts)
    if not parts:
        problem = missing(warehouse.folder, table.name)
    elif (unreadable := spark_files.unreadable(parts)) is not None:
        problem = unreadable
    else:
        try:
            return _Loader(warehouse, table, path, parts).load()
        except DeliveryError as error:
            problem = str(error)
        except Exception as error:  # Spark's, Java's and the filesystem's: the file says no, whatever its words
            problem = f"{path.name} is damaged ({reason(error)})"
    warehouse.sources[table.name] = SourceFile(table.name, path if parts else None, problem=problem)
    return None


def _path(folder: Path, table: Table, parts: Sequence[spark_files.DataFile]) -> Path:
    """The one file, or what people call the files of a table."""
    return folder / (parts[0].name if len(parts) == 1 else table.name)


class _Loader:
    """Loads the files of one table."""

    def __init__(
        self, warehouse: SparkWarehouse, table: Table, path: Path, parts: Sequence[spark_files.DataFile]
    ) -> None:
        self.warehouse, self.table, self.path, self.parts = warehouse, table, path, parts

    def load(self) -> Any:
        from pyspark.sql import functions as F  # noqa: N812

        spark, hashed = self.warehouse.spark, _Hashing(self.warehouse.spark, self.parts)
        cells = spark_files.cells(spark, self.table.name, self.parts, MOST_COLUMNS)
        if isinstance(cells, str):
            raise DeliveryError(cells)
        columns = list(delivered_columns(self.table, cells.names))
        staging = f"{self.table.name}_loaded"
        self.warehouse.register(staging, _typed(cells.frame, columns))
        rows = spark.table(staging)
        counts = rows.selectExpr("count(*)", "count(reason_of_rejection)").first()
        if not spark_files.unchanged(spark, self.parts):
            raise DeliveryError(f"{self.path.name} changed while it was read")
        self.warehouse.sources[self.table.name] = self._source(cells, hashed.result(), *counts)
        good = rows.where("reason_of_rejection is null")
        named = (F.col(numbered(i)).alias(column.name) for i, column in enumerate(columns))
        self.warehouse._register(self.table.name, good.select(LOCATOR, *named))
        return self._rejected(rows)

    def _source(self, cells: spark_files.Cells, digests: list[str], rows: int, rejected: int) -> SourceFile:
        size, whole = sum(part.size for part in self.parts), spark_files.sha256(self.parts, digests)
        source = SourceFile(self.table.name, self.path, whole, size, cells.names, rows - rejected, rejected)
        if len(self.parts) == 1 and self.parts[0].name == self.path.name:
            return source
        hashed = tuple((part.name, digest, part.size) for part, digest in zip(self.parts, digests, strict=True))
        return replace(source, parts=cells.parts, hashes=hashed)

    def _rejected(self, rows: Any) -> Any:
        from pyspark.sql import functions as F  # noqa: N812

        return rows.where("reason_of_rejection is not null").select(
            LOCATOR,
            F.col("file_of_rejection").alias("source_file"),
            F.lit(self.table.name).alias("table_name"),
            F.col("column_of_rejection").alias("column_name"),
            F.col("reason_of_rejection").alias("reason"),
            F.left("text_of_rejection", F.lit(RAW_TEXT_CHARACTERS)).alias("raw_text"),
        )


class _Hashing:
    """Hashes the files beside Spark's work, which leaves this process idle."""

    def __init__(self, spark: Any, parts: Sequence[spark_files.DataFile]) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.digests = self.pool.submit(spark_files.digests, spark, parts)

    def result(self) -> list[str]:
        """The SHA-256 of each file. Raises what reading it raises."""
        self.pool.shutdown()
        return self.digests.result()


def _typed(cells: Any, columns: Sequence[Column]) -> Any:
    """Typed values by number, as names are the sender's and may be ours; and of a row that is rejected, what it was."""
    from pyspark.sql import functions as F  # noqa: N812

    bad = [(column, i) for i, column in enumerate(columns) if column.kind in PATTERNS]
    first_bad = F.coalesce(*(F.when(_is_bad(column, F.col(f"c{i}")), F.lit(i)) for column, i in bad), F.lit(None))
    marked = cells.withColumn("bad_cell", F.when(F.col("reason").isNull(), first_bad).cast("int"))
    of_cell = _by_cell(bad, lambda column, i: _reason(column, F.col(f"c{i}")))
    raw = F.concat_ws(",", *(F.coalesce(f"c{i}", F.lit("")) for i in range(max(len(columns), 1))))
    is_rejected = F.col("reason").isNotNull() | F.col("bad_cell").isNotNull()
    return marked.select(
        F.col("source_line").cast("bigint").alias(LOCATOR),
        *(_value(column, F.col(f"c{i}")).alias(numbered(i)) for i, column in enumerate(columns)),
        F.when(is_rejected, F.col("file")).alias("file_of_rejection"),
        _by_cell(bad, lambda column, _: F.lit(column.name)).alias("column_of_rejection"),
        F.coalesce("reason", of_cell).alias("reason_of_rejection"),
        F.when(is_rejected, F.coalesce("raw", raw)).alias("text_of_rejection"),
    )


def _by_cell(bad: Sequence[tuple[Column, int]], what: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    found = [F.when(F.col("bad_cell") == i, what(column, i)) for column, i in bad]
    return F.coalesce(*found, F.lit(None).cast("string"))


def _reason(column: Column, cell: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    return F.concat(F.lit("'"), F.left(cell, F.lit(VALUE_CHARACTERS)), F.lit(f"' is not {column.kind}"))


def _value(column: Column, cell: Any) -> Any:
    """The cell's value; '862.0', as pandas writes a whole number in a column with gaps, is 862."""
    from pyspark.sql import functions as F  # noqa: N812

    if column.kind == TEXT:
        return cell
    text = F.regexp_replace(cell, r"\.0+\z", "") if column.kind == WHOLE_NUMBER else cell
    return text.try_cast(SPARK_TYPES[column.type])


def _is_bad(column: Column, cell: Any) -> Any:
    """True where a cell is there and not of the column's kind; the pattern is DuckDB's."""
    from pyspark.sql import functions as F  # noqa: N812

    value = _value(column, cell)
    good = cell.rlike(rf"\A(?:{PATTERNS[column.kind]})\z") & value.isNotNull()
    if column.kind == NUMBER:
        good &= F.abs(value) < float("inf")
    return cell.isNotNull() & ~F.coalesce(good, F.lit(False))
