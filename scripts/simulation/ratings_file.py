"""Read and write the columns of ratings.csv in stretches, so that a delivery of any size fits."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from scripts.simulation.errors import SimulationError

LABELS = "labels"  # the folder of the ground truth, beside what is judged
COLUMNS = ("userId", "movieId", "rating", "timestamp")
STRETCH = 1 << 24  # bytes read at once


@contextmanager
def ratings_writer(path: Path) -> Iterator[arrow_csv.CSVWriter]:
    """Open ratings.csv for writing tables of text, as MovieLens writes it: header, then rows without quotes."""
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        with arrow_csv.CSVWriter(file, schema, write_options=options) as writer:
            yield writer


def batches(ratings: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield ratings.csv in stretches of rows as text, each with the number of its first row.

    Raises SimulationError when there is no row, and pyarrow's ArrowInvalid when the file is not MovieLens's format.
    """
    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(COLUMNS, pa.string()),
        include_columns=list(COLUMNS),
        null_values=[""],
        strings_can_be_null=True,
    )
    first = 0
    read = arrow_csv.ReadOptions(block_size=STRETCH)
    with arrow_csv.open_csv(ratings, read_options=read, convert_options=options) as reader:
        for batch in reader:
            yield first, batch
            first += len(batch)
    if not first:
        raise SimulationError(f"{ratings} holds no ratings")


def integers(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    """Read a column of whole numbers; raises SimulationError when one is missing."""
    column = batch.column(name)
    if column.null_count:
        raise SimulationError(f"ratings.csv has {name} missing in some rows")
    whole: NDArray[np.int64] = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return whole


def levels(batch: pa.RecordBatch) -> NDArray[np.float64]:
    """Read the ratings in stars; NaN where one is missing."""
    stars: NDArray[np.float64] = batch.column("rating").cast(pa.float64()).to_numpy(zero_copy_only=False)
    return stars


def level_text(stars: NDArray[np.float64]) -> pa.Array:
    """Write stars as MovieLens does, '4.0'; nothing for NaN."""
    known, place = np.unique(stars, return_inverse=True)
    text = pa.array([None if np.isnan(level) else str(level) for level in known.tolist()], pa.string())
    return text.take(pa.array(place))


def write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write a small CSV file with quotes where they are needed, lines ending as MovieLens's do."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
