"""A delivery that faults are planted in: the clean files in memory, and what a fault made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from checks import files
from checks.tables import DELIVERED

SEED = 41  # any number would do; the same one plants the same faults


@dataclass(frozen=True)
class Clean:
    """The delivery as it is: every cell as text, so that what no fault touches is written back as it was read."""

    folder: Path
    tables: Mapping[str, pd.DataFrame]

    @classmethod
    def read(cls, folder: Path) -> Clean:
        """Read the CSV files of `folder`. Raises DeliveryError where one is missing or can't be read."""
        return cls(folder, {table.name: _read(folder / f"{table.name}.csv") for table in DELIVERED})

    @property
    def newest(self) -> int:
        """The time of the newest rating, in seconds."""
        return int(self.tables["ratings"]["timestamp"].astype("int64").max())


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise files.DeliveryError(f"{path}: is not there; faults are planted in all four plain CSV files.")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise files.DeliveryError(
            f"{path}: can't be read as clean CSV ({error}); give sound data to damage."
        ) from error


@dataclass
class Delivery:
    """A copy of a clean delivery for one fault to change, table by table; what stays unchanged is never copied."""

    clean: Clean
    changed: dict[str, pd.DataFrame] = field(default_factory=dict)
    bytes_: dict[str, bytes] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))

    def __getitem__(self, table: str) -> pd.DataFrame:
        """The table's rows as text, to be changed in place or replaced."""
        if table not in self.changed:
            self.changed[table] = self.clean.tables[table].copy()
        return self.changed[table]

    def __setitem__(self, table: str, rows: pd.DataFrame) -> None:
        self.changed[table] = rows

    def text(self, table: str) -> bytes:
        """The file as it stands now."""
        if table in self.bytes_:
            return self.bytes_[table]
        return self[table].to_csv(index=False, lineterminator="\n").encode()

    @property
    def touched(self) -> set[str]:
        """The tables that differ from the clean ones."""
        return {*self.changed, *self.bytes_, *self.gone}

    def some(self, table: str, share: float | None) -> np.ndarray:
        """Places of random rows: a share of the table, at least one, or just one (None)."""
        rows = len(self[table])
        count = 1 if share is None else max(1, round(share * rows))
        return np.sort(self.random.choice(rows, size=count, replace=False))

    def write(self, folder: Path) -> Path:
        """Write the files; untouched ones as links to the clean files."""
        folder.mkdir(parents=True)
        for table in self.clean.tables:
            path = folder / f"{table}.csv"
            if table in self.touched - self.gone:
                path.write_bytes(self.text(table))
            elif table not in self.gone:
                path.symlink_to((self.clean.folder / path.name).resolve())
        return folder
