"""Plant labelled shifts of `drift.shifts` into a delivery's files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift import shifts
from scripts.simulation.errors import SimulationError

from .people import LEAST_RATINGS
from .ratings_file import COLUMNS, LABELS, batches, integers, level_text, levels, ratings_writer, write_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SHIFT_SIZE = 0.3  # when the plan names none; what it is a share of hangs on the kind
SHIFTED_SHARE = 0.2  # of the ratings, the newest, when the plan names no moment


@dataclass(frozen=True)
class Shift:
    """A change of `size` (0 to 1, in the kind's own meaning) to ratings at or after `since` (seconds)."""

    kind: str
    size: float = SHIFT_SIZE
    since: int | None = None


def parse_shift(text: str) -> Shift:
    """Read 'KIND[:SIZE[:SINCE]]', since as a date. Raises SimulationError."""
    kind, *rest = text.split(":")
    if kind not in shifts.KINDS:
        raise SimulationError(f"--drift {text}: {kind!r} is no kind of shift, say one of {', '.join(shifts.KINDS)}")
    try:
        size = float(rest[0]) if rest else SHIFT_SIZE
        since = _midnight(date.fromisoformat(rest[1])) if len(rest) > 1 else None
    except ValueError:
        size, since = -1.0, None
    if not 0 < size <= 1 or len(rest) > 2:
        raise SimulationError(f"--drift {text}: write KIND:SIZE:SINCE, size above 0 and up to 1, since as 2020-12-31")
    return Shift(kind, size, since)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def plant_shifts(folder: Path, movies: pd.DataFrame, planned: Sequence[Shift], seeds: np.random.SeedSequence) -> None:
    """Plant each shift into ratings.csv of `folder`, one after the other, and label them."""
    summary = [("kind", "size", "since", "changed", "dropped", "withdrawn_users")]
    touched_file = folder / LABELS / "shifted_ratings.csv"
    touched_file.write_text("userId,movieId,kind,size,change\n")
    for shift, numbers in zip(planned, seeds.generate_state(len(planned)).tolist(), strict=True):
        since = _newest(folder / "ratings.csv") if shift.since is None else shift.since
        touched, withdrawn = _plant_shift(folder, movies, shift, since, numbers)
        touched.to_csv(touched_file, mode="a", header=False, index=False, lineterminator="\n")
        counts = touched["change"].value_counts()
        changed, dropped = (str(counts.get(change, 0)) for change in ("changed", "dropped"))
        summary.append((shift.kind, str(shift.size), str(since), changed, dropped, str(withdrawn)))
    write_rows(folder / LABELS / "shifts.csv", summary)


def _newest(ratings: Path) -> int:
    """The moment from which on the newest `SHIFTED_SHARE` of the ratings were given."""
    times = np.concatenate([integers(batch, "timestamp") for _, batch in batches(ratings)])
    return int(np.quantile(times, 1 - SHIFTED_SHARE, method="nearest"))


def _plant_shift(folder: Path, movies: pd.DataFrame, shift: Shift, since: int, seed: int) -> tuple[pd.DataFrame, int]:
    """Rewrite ratings.csv with one shift; return the rows touched and how many users were withdrawn."""
    eligible = _rows_since(folder / "ratings.csv", since)
    planted, touched = shifts.plant(eligible, movies, shift.kind, shift.size, since, seed)
    dropped = touched.index[touched["change"] == "dropped"].to_numpy()
    changed = touched.index[touched["change"] == "changed"].to_numpy()
    withdrawn = _too_small_now(folder / "ratings.csv", dropped)
    text = level_text(planted.loc[changed, "rating"].to_numpy(float))
    _rewrite(folder / "ratings.csv", dropped, changed, text, withdrawn)
    if len(withdrawn) and (folder / "tags.csv").is_file():
        _withdraw_taggers(folder / "tags.csv", set(withdrawn.tolist()))
    return touched, len(withdrawn)


def _rows_since(ratings: Path, since: int) -> pd.DataFrame:
    """Read the ratings given at or after `since`; the index is the row's number in the file, from 0."""
    import pandas as pd

    frames = []
    for first, batch in batches(ratings):
        rows = np.flatnonzero(integers(batch, "timestamp") >= since)
        columns = {name: levels(batch) if name == "rating" else integers(batch, name) for name in COLUMNS}
        frames.append(pd.DataFrame(columns, index=first + np.arange(len(batch))).iloc[rows])
    return pd.concat(frames)


def _too_small_now(ratings: Path, dropped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Users whom the drop leaves with too few ratings: MovieLens would not publish them at all."""
    if not len(dropped):
        return dropped
    users = np.concatenate([integers(batch, "userId") for _, batch in batches(ratings)])
    known, of_row = np.unique(users, return_inverse=True)
    before = np.bincount(of_row, minlength=len(known))
    after = before - np.bincount(of_row[dropped], minlength=len(known))
    return known[(before >= LEAST_RATINGS) & (after < LEAST_RATINGS)]


def _rewrite(
    ratings: Path,
    dropped: NDArray[np.int64],
    changed: NDArray[np.int64],
    text: pa.Array,
    withdrawn: NDArray[np.int64],
) -> None:
    """Write ratings.csv anew: rows in `changed` get their level, dropped rows and withdrawn users go."""
    order = np.argsort(changed)
    changed, text = changed[order], text.take(pa.array(order))
    partial = ratings.with_name("ratings.csv.partial")
    with ratings_writer(partial) as writer:
        for first, batch in batches(ratings):
            rows = np.arange(first, first + len(batch))
            low, high = np.searchsorted(changed, [first, first + len(batch)]).tolist()
            mask = pa.array(np.isin(rows, changed[low:high]))
            rating = pc.replace_with_mask(batch.column("rating"), mask, text[low:high])
            kept = ~np.isin(rows, dropped) & ~np.isin(integers(batch, "userId"), withdrawn)
            columns = [rating if name == "rating" else batch.column(name) for name in COLUMNS]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, list(COLUMNS)).filter(pa.array(kept)))
    partial.replace(ratings)


def _withdraw_taggers(tags: Path, withdrawn: set[int]) -> None:
    with tags.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    place = header.index("userId")
    write_rows(tags, [header, *(row for row in rows if int(row[place]) not in withdrawn)])
