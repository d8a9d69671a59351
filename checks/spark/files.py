"""Read a table's files, of any number, as cells of text with the line of each: a folder, a pattern or an address.

Lines are numbered over all files of a table, in the order of their names, so that a number tells both file and line;
where there is one file, its own lines. Plain lines are split inside Spark; those with quotes, or bytes that are not
UTF-8, go through the same reader as DuckDB's damaged files, so that both engines say the same of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from checks import files
from checks.files import DeliveryError
from checks.records import (
    LONGEST_LINE_BYTES,
    LONGEST_RECORD_LINES,
    RAW_TEXT_CHARACTERS,
    Record,
    column_names,
    record,
    records_of_lines,
)

if TYPE_CHECKING:
    import pandas as pd

# Lines that only the exact reader can tell: a quote, a carriage return or a NUL inside.
ODD_CHARACTERS = '["\\r\\x00]'
GLOB = "*?[]{}"
HASHED_AT_ONCE = 4  # an object store hands over several files in the time of one


@dataclass(frozen=True)
class DataFile:
    """One file of a table: its address for Spark, its name for people, and what tells that it was changed."""

    address: str
    name: str
    size: int
    modified: int

    @property
    def format(self) -> str:
        return "parquet" if self.name.endswith(".parquet") else "csv"

    @property
    def local(self) -> Path | None:
        """Where it is on this machine, if it is."""
        return Path(self.address.removeprefix("file:")) if self.address.startswith("file:/") else None


def find(spark: Any, folder: Path, tables: Sequence[str]) -> dict[str, list[DataFile]]:
    """The files of each table, by name: T.csv, T.csv.gz, T.parquet, T-*.csv (…), or all files of a folder T.

    `folder` may be a pattern: then the files of all folders that match are taken together.
    Raises DeliveryError where there is none, or where a table is there in two ways: choosing one would be a guess.
    """
    try:
        return _find(spark, folder, tables)
    except DeliveryError:
        raise
    except Exception as error:  # Spark's, Java's and the filesystem's
        raise DeliveryError(_unreachable(spark, folder, error)) from error


def _unreachable(spark: Any, folder: Path, error: Exception) -> str:
    from checks.spark.session import reason

    cause = reason(error)
    if "ClassNotFoundException" not in cause and "No FileSystem for scheme" not in cause:
        return f"{folder}: can't be read ({cause})."
    version = spark._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
    scheme = str(folder).partition("://")[0]
    return (
        f"{folder}: Spark has no filesystem for {scheme}:// here; name its packages, as for s3a:// with --spark-conf "
        f"spark.jars.packages=org.apache.hadoop:hadoop-aws:{version}."
    )


def _find(spark: Any, folder: Path, tables: Sequence[str]) -> dict[str, list[DataFile]]:
    roots = _folders(spark, folder)
    if not roots:
        raise DeliveryError(f"{folder}: is no folder; give one that holds ratings and movies.")
    found: dict[str, list[DataFile]] = {table: [] for table in tables}
    for root in roots:
        prefix = f"{root.getName()}/" if len(roots) > 1 else ""
        for table in tables:
            found[table] += _of_table(spark, root, table, prefix)
    for table, parts in found.items():
        if len({part.format for part in parts}) > 1:
            raise DeliveryError(f"{folder}: holds {table} both as CSV and as Parquet; keep what is to be judged.")
    return {table: sorted(parts, key=lambda part: part.name) for table, parts in found.items()}


def _folders(spark: Any, folder: Path) -> list[Any]:
    text = str(folder)
    if "://" not in text:
        text = str(folder.absolute())
        text = "file://" + (_escaped(text) if folder.exists() else text)
    path = spark._jvm.org.apache.hadoop.fs.Path(text)
    statuses = _system(spark, path).globStatus(path) or []
    return sorted((one.getPath() for one in statuses if one.isDirectory()), key=str)


def _system(spark: Any, path: Any) -> Any:
    return path.getFileSystem(spark._jsc.hadoopConfiguration())


def _escaped(path: str) -> str:
    """A path that Spark takes for itself, not for a pattern."""
    return "".join(f"\\{c}" if c in GLOB + "\\" else c for c in path)


def _of_table(spark: Any, root: Any, table: str, prefix: str) -> list[DataFile]:
    whole = re.compile(rf"{table}(\.csv|\.csv\.gz|\.parquet)")
    part = re.compile(rf"{table}[-_.].*(\.csv|\.csv\.gz|\.parquet)")
    ways: dict[str, list[Any]] = {}
    for status in _system(spark, root).listStatus(root):
        name = status.getPath().getName()
        if status.isDirectory() and (name == table or whole.fullmatch(name)):
            ways[name] = _below(spark, status.getPath())
        elif status.isFile() and whole.fullmatch(name):
            ways[name] = [status]
        elif status.isFile() and part.fullmatch(name):
            ways.setdefault(f"{table}-*", []).append(status)
    if len(ways) > 1:
        names = " and ".join(sorted(ways))
        raise DeliveryError(f"{root.getName()}: holds both {names}; keep the one that is to be judged.")
    return [_data_file(status, root, prefix) for statuses in ways.values() for status in statuses]


def _below(spark: Any, folder: Any) -> list[Any]:
    """All data files of a folder, those of folders in it too; what Spark itself passes over is no data."""
    found, statuses = [], _system(spark, folder).listFiles(folder, True)
    while statuses.hasNext():
        status = statuses.next()
        name = status.getPath().getName()
        if name.endswith(files.SUFFIXES) and not name.startswith(("_", ".")):
            found.append(status)
    return found


def _data_file(status: Any, root: Any, prefix: str) -> DataFile:
    address, base = status.getPath().toString(), root.toString().rstrip("/") + "/"
    return DataFile(address, prefix + address.removeprefix(base), status.getLen(), status.getModificationTime())


def digests(spark: Any, parts: Sequence[DataFile]) -> list[str]:
    """The SHA-256 of each file, wherever it is. Raises what reading it raises."""
    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        return list(pool.map(lambda part: _digest(spark, part), parts))


def _digest(spark: Any, part: DataFile) -> str:
    if part.local is not None:
        with part.local.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    path = spark._jvm.org.apache.hadoop.fs.Path(part.address)
    stream = _system(spark, path).open(path)
    try:
        return str(spark._jvm.org.apache.commons.codec.digest.DigestUtils.sha256Hex(stream))
    finally:
        stream.close()


def hashes(spark: Any, folder: Path, tables: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each file of the tables, by name. Raises DeliveryError."""
    parts = [part for listed in find(spark, folder, tables).values() for part in listed]
    if problem := unreadable(parts):
        raise DeliveryError(f"{folder}: {problem}.")
    return dict(zip((part.name for part in parts), digests(spark, parts), strict=True))


def sha256(parts: Sequence[DataFile], found: Sequence[str]) -> str:
    """The SHA-256 of a table's one file, or of the list of its files' (as sha256sum prints it)."""
    if len(parts) == 1:
        return found[0]
    listed = "".join(f"{digest}  {part.name}\n" for digest, part in zip(found, parts, strict=True))
    return hashlib.sha256(listed.encode()).hexdigest()


def unreadable(parts: Sequence[DataFile]) -> str | None:
    """Why a file can't be read, as far as this machine can tell without waiting for it."""
    local = [part.local for part in parts if part.local is not None]
    return next((problem for path in local if (problem := files.problem(path))), None)


def unchanged(spark: Any, parts: Sequence[DataFile]) -> bool:
    """Whether the files are still those that were found."""
    return all(_stamp(spark, part.address) == (part.size, part.modified) for part in parts)


def _stamp(spark: Any, address: str) -> tuple[int, int]:
    path = spark._jvm.org.apache.hadoop.fs.Path(address)
    status = _system(spark, path).getFileStatus(path)
    return status.getLen(), status.getModificationTime()


@dataclass(frozen=True)
class Cells:
    """A table as text: rows of source_line, c0, c1, …, file, and reason and raw where a line is no row.

    names: the columns as the files' header has them. parts: the lines before each file's first, and its name.
    """

    frame: Any
    names: tuple[str, ...]
    parts: tuple[tuple[int, str], ...]


def cells(spark: Any, table: str, parts: Sequence[DataFile], most_columns: int) -> Cells | str:
    """A table's files as text, or in a sentence why they can't be taken for one table."""
    if parts[0].format == "parquet":
        return _parquet(spark, table, parts)
    return _Lines(spark, table, parts, most_columns).cells()


# --- Parquet -----------------------------------------------------------------------------------------------------


def _parquet(spark: Any, table: str, parts: Sequence[DataFile]) -> Cells | str:
    frames = [(part, spark.read.parquet(_escaped(part.address))) for part in parts]
    names = tuple(frames[0][1].columns)
    if other := next((part for part, frame in frames if tuple(frame.columns) != names), None):
        return _unlike(table, parts[0].name, other.name)
    kinds: dict[str, list[str]] = {}
    for part, frame in frames:
        kinds.setdefault(frame.schema.simpleString(), []).append(_escaped(part.address))
    alike = [spark.read.parquet(*addresses) for addresses in kinds.values()]
    rows = reduce(lambda a, b: a.unionByName(b), [_as_text(frame) for frame in alike])
    counts = {row["file"]: row["count"] for row in rows.groupBy("file").count().collect()}
    offsets = _offsets(parts, {part.name: _of_path(counts, part.address) for part in parts})
    return Cells(_numbered(spark, rows, parts, offsets, "row"), names, offsets)


def _as_text(frame: Any) -> Any:
    values = [_text_of(frame, i).alias(f"c{i}") for i in range(len(frame.columns))]
    metadata = frame.metadataColumn("_metadata")  # Spark's own, also where the file has a column of that name
    placed = frame.select(metadata["file_path"], metadata["row_index"], "*")
    return placed.toDF("file", "row", *(f"c{i}" for i in range(len(frame.columns)))).select("file", "row", *values)


def _text_of(frame: Any, i: int) -> Any:
    """A cell as text; a whole number in a column of doubles without the exponent that Spark would write."""
    from pyspark.sql import functions as F  # noqa: N812

    cell, text = F.col(f"c{i}"), F.col(f"c{i}").cast("string")
    if frame.dtypes[i][1] not in ("double", "float"):
        return text
    whole = (cell == F.floor(cell)) & (F.abs(cell) < 2.0**53)
    return F.when(whole, F.concat(cell.cast("bigint").cast("string"), F.lit(".0"))).otherwise(text)


def _numbered(spark: Any, rows: Any, parts: Sequence[DataFile], offsets: Sequence[tuple[int, str]], row: str) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    before = {name: lines for lines, name in offsets}
    known = [(_plain(part.address), part.name, before[part.name]) for part in parts]
    table = _frame(spark, known, ("address", "name", "before"))
    joined = rows.join(F.broadcast(table), _path(F.col("file")) == F.col("address"))
    line = (F.col(row) + F.col("before") + 1).alias("source_line")
    texts = [name for name in rows.columns if re.fullmatch(r"c\d+", name)]
    nothing = F.lit(None).cast("string")
    return joined.select(line, *texts, F.col("name").alias("file"), nothing.alias("reason"), nothing.alias("raw"))


def _frame(spark: Any, rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> Any:
    """A small table that travels with the plan: Spark would send rows of Python's through a Python worker."""
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    return spark.createDataFrame(pa.table([pa.array(column) for column in columns], names=list(names)))


# --- CSV ---------------------------------------------------------------------------------------------------------


class _Lines:
    """The physical lines of a table's CSV files, numbered in two passes: one counts them, one reads them."""

    def __init__(self, spark: Any, table: str, parts: Sequence[DataFile], most_columns: int) -> None:
        self.spark, self.table, self.parts, self.most_columns = spark, table, parts, most_columns

    def cells(self) -> Cells | str:
        lines, splits = self._survey("\n")
        if any(_bare_returns(split) for split in splits):  # a file without any line feed is one with carriage returns
            lines, splits = self._survey("\r")
        starts = {_named(s["file"]): bytes(s["start"] or b"") for s in splits if s["block"] == 0}
        headers = {part.name: starts.get(_plain(part.address), b"") for part in self.parts}
        if problem := self._problem(headers):
            return problem
        names = tuple(column_names(headers[self.parts[0].name]))
        counts: dict[str, int] = {}
        for split in splits:
            counts[split["file"]] = counts.get(split["file"], 0) + split["lines"]
        offsets = _offsets(self.parts, {part.name: _of_path(counts, part.address) for part in self.parts})
        numbered = self._number(lines, splits, offsets)
        odd, quoted = (sum(split[name] for split in splits) for name in ("odd", "strange"))
        return Cells(_records(numbered, len(names), bool(quoted), bool(odd)), names, offsets)

    def _survey(self, line_end: str) -> tuple[Any, list[Any]]:
        """All lines, with their file, its stretch and their place; and of each stretch how many lines there are."""
        from pyspark.sql import functions as F  # noqa: N812

        addresses = [_escaped(part.address) for part in self.parts]
        lines = self.spark.read.option("lineSep", line_end).text(addresses)
        path, block = F.col("_metadata.file_path").alias("file"), F.col("_metadata.file_block_start").alias("block")
        lines = lines.select("value", path, block, F.monotonically_increasing_id().alias("place"))
        start = F.substring(F.col("value").cast("binary"), 1, LONGEST_LINE_BYTES)
        found = lines.groupBy("file", "block").agg(
            F.count("*").alias("lines"),
            F.min("place").alias("first"),
            F.min_by(start, "place").alias("start"),
            F.sum(_is_odd().cast("int")).alias("odd"),
            F.sum(_is_strange().cast("int")).alias("strange"),
        )
        return lines, found.collect()

    def _problem(self, headers: dict[str, bytes]) -> str | None:
        first = self.parts[0].name
        names = column_names(headers[first])
        for name, start in headers.items():
            if problem := files.disguised(name, start[: files.SIGNATURE_BYTES]):
                return problem
            if len(column_names(start)) > self.most_columns:
                return f"{name} has {len(column_names(start)):,} columns where MovieLens's has a few"
            if column_names(start) != names:
                return _unlike(self.table, first, name)
        return None

    def _number(self, lines: Any, splits: Sequence[Any], offsets: Sequence[tuple[int, str]]) -> Any:
        """Lines with their number, header left out: places within a stretch run on, so each stretch needs one sum."""
        from pyspark.sql import functions as F  # noqa: N812

        names = {_plain(part.address): part.name for part in self.parts}
        before = {name: count for count, name in offsets}
        rows, running = [], dict(before)
        for split in sorted(splits, key=lambda s: (s["file"], s["block"])):
            name = names[_named(split["file"])]
            rows.append((split["file"], split["block"], name, running[name] + 1 - split["first"], before[name] + 1))
            running[name] += split["lines"]
        table = _frame(self.spark, rows, ("file", "block", "name", "shift", "header"))
        joined = lines.join(F.broadcast(table), ["file", "block"])
        line = (F.col("place") + F.col("shift")).alias("line")
        return joined.select(line, "header", F.col("name").alias("file"), "value").where("line <> header")


def _is_odd() -> Any:
    """An uneven number of quotes: the record may go on in the next line."""
    from pyspark.sql import functions as F  # noqa: N812

    value = F.col("value")
    quotes = F.octet_length(value) - F.octet_length(F.replace(value, F.lit('"'), F.lit("")))
    return F.contains(value, F.lit('"')) & (quotes % 2 == 1)


def _is_strange() -> Any:
    """Lines that are no plain list of cells."""
    from pyspark.sql import functions as F  # noqa: N812

    value = F.rtrim(F.col("value"), F.lit("\r"))
    too_long = F.octet_length(value) >= LONGEST_LINE_BYTES
    return value.rlike(ODD_CHARACTERS) | ~F.is_valid_utf8(value) | too_long


def _bare_returns(split: Any) -> bool:
    start = bytes(split["start"] or b"")
    return split["block"] == 0 and split["lines"] == 1 and b"\r" in start.rstrip(b"\r")


def _records(lines: Any, width: int, strange: bool, odd: bool) -> Any:
    """Numbered lines as rows of cells; blank lines are none."""
    from pyspark.sql import functions as F  # noqa: N812

    near = _near_odd_lines(lines) if odd else None
    rest = lines if near is None else lines.join(near, "line", "left_anti")
    rest = rest.where(F.rtrim(F.col("value"), F.lit("\r")) != "")
    if not strange:
        return _split_plain(rest, width)
    found = [_split_plain(rest.where(~_is_strange()), width), _read_exactly(rest.where(_is_strange()), width)]
    if near is not None:
        found.append(_read_joined(lines.join(near, "line", "left_semi"), width))
    return reduce(lambda a, b: a.unionByName(b), found)


def _split_plain(lines: Any, width: int) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    text = F.rtrim(F.col("value"), F.lit("\r"))
    values = lines.select("line", "file", text.alias("text"), F.split(text, ",", -1).alias("cells"))
    cells = [F.nullif(F.get("cells", F.lit(i)), F.lit("")).alias(f"c{i}") for i in range(width)]
    count = F.size("cells")
    said = F.format_string(f"the row has %d values where the header has {width}", count)
    reason = F.when(count != width, said)
    raw = F.when(count != width, F.left("text", F.lit(RAW_TEXT_CHARACTERS)))
    return values.select(F.col("line").alias("source_line"), *cells, "file", reason.alias("reason"), raw.alias("raw"))


def _schema(width: int) -> str:
    cells = "".join(f"c{i} string, " for i in range(width))
    return f"source_line bigint, {cells}file string, reason string, raw string"


def _read_exactly(lines: Any, width: int) -> Any:
    """Lines that need the exact reader, each for itself."""

    def read(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            rows = zip(batch["line"], batch["value"], batch["file"], strict=True)
            yield _as_rows(((record(int(n), bytes(raw), width), file) for n, raw, file in rows), width)

    return _as_bytes(lines).mapInPandas(read, _schema(width))


def _near_odd_lines(lines: Any) -> Any:
    """The numbers of all lines that a quote left open may reach."""
    from pyspark.sql import functions as F  # noqa: N812

    reach = F.sequence(F.col("line"), F.col("line") + LONGEST_RECORD_LINES)
    return lines.where(_is_odd()).select(F.explode(reach).alias("line")).distinct()


def _read_joined(lines: Any, width: int) -> Any:
    """Stretches of lines in which records may span several; each begins where a record surely does."""

    def read(batch: pd.DataFrame) -> pd.DataFrame:
        batch = batch.sort_values("line", ignore_index=True)
        stretch = (batch["line"].diff() != 1).cumsum()
        found = []
        for _, part in batch.groupby(stretch):
            whole = (bytes(value) + b"\n" for value in part["value"])
            records = records_of_lines(int(part["line"].iloc[0]), whole, width)
            found += [(one, part["file"].iloc[0]) for one in records]
        return _as_rows(found, width)

    return _as_bytes(lines).groupBy("file").applyInPandas(read, _schema(width))


def _as_bytes(lines: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    return lines.select("line", F.col("value").cast("binary").alias("value"), "file")


def _as_rows(records: Iterable[tuple[Record, str]], width: int) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (r.line, *(r.cells or [None] * width), file, r.reason, None if r.reason is None else r.raw_text)
        for r, file in records
    ]
    frame = pd.DataFrame(rows, columns=["source_line", *(f"c{i}" for i in range(width)), "file", "reason", "raw"])
    texts = frame.columns.difference(["source_line"])
    frame[texts] = frame[texts].astype(object).where(frame[texts].notna(), None)
    return frame.astype({"source_line": "int64"})


# --- names and numbers -------------------------------------------------------------------------------------------


def _unlike(table: str, first: str, other: str) -> str:
    return f"{other} has other columns than {first}, so they are not one table {table}"


def _offsets(parts: Sequence[DataFile], lines: dict[str, int]) -> tuple[tuple[int, str], ...]:
    """How many lines there are before each file's first."""
    found, before = [], 0
    for part in parts:
        found.append((before, part.name))
        before += lines[part.name]
    return tuple(found)


def _plain(address: str) -> str:
    """An address with as many slashes as all others."""
    return re.sub(r"^file:/+", "file:/", address)


def _named(path: str) -> str:
    """The address of a path as Spark's metadata spell it."""
    return _plain(unquote(path))


def _of_path(counts: dict[str, int], address: str) -> int:
    return next((count for path, count in counts.items() if _named(path) == _plain(address)), 0)


def _path(column: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    decoded = F.url_decode(F.replace(column, F.lit("+"), F.lit("%2B")))
    return F.regexp_replace(decoded, "^file:/+", "file:/")
