"""Several counters in one number: summing a histogram of k cells takes k / 3 sums instead of k.

A double holds whole numbers below 2^53 exactly: three counters of 17 bits each, if no user has 2^17 ratings.
Measured on 3 million ratings, a histogram of 24 hours took 2 ns a rating and cell, counted cell by cell 14 ns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_BITS: Final = 53  # of a double
MOST_COUNTERS: Final = 3


@dataclass(frozen=True)
class Packing:
    """How many counters go into one number, so that none of at most `largest` overflows into the next."""

    counters: int

    @classmethod
    def for_counts(cls, largest: int) -> Packing:
        """The packing for counts up to `largest`."""
        bits = max(1, int(largest).bit_length())
        return cls(max(1, min(MOST_COUNTERS, EXACT_BITS // bits)))

    @property
    def base(self) -> int:
        """What one of the next counter is worth."""
        return int(1 << EXACT_BITS // self.counters)

    def place(self, cell: str) -> tuple[str, str]:
        """SQL for where a count of the expression `cell` goes: the first cell of its sum, and its worth there."""
        places = [f"when {place} then {float(self.base**place)!r}" for place in range(self.counters)]
        return (
            f"{cell} - {cell} % {self.counters}",
            f"cast(case {cell} % {self.counters} {' '.join(places)} end as double)",
        )

    def sums(self, first: str, worth: str, n_cells: int) -> list[str]:
        """SQL sums that count the cells 0 to n_cells - 1, placed by `place`; null counts nowhere."""
        return [f"sum(case when {first} = {start} then {worth} end)" for start in range(0, n_cells, self.counters)]

    def pack(self, flags: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Columns that sum to packed counts; flags: shape (n, n_cells), 0 or 1."""
        starts = range(0, flags.shape[1], self.counters)
        return [flags[:, start : start + self.counters] @ self._worths(flags.shape[1] - start) for start in starts]

    def unpack(self, packed: NDArray[np.float64], n_cells: int) -> NDArray[np.float32]:
        """Counts of the cells; packed: shape (n, n_sums). Returns shape (n, n_cells)."""
        numbers = packed.astype(np.int64)
        cells = [numbers[:, cell // self.counters] // self.base ** (cell % self.counters) for cell in range(n_cells)]
        counts = [cell % self.base for cell in cells]
        return np.stack(counts, axis=1).astype(np.float32) if counts else np.empty((len(packed), 0), np.float32)

    def _worths(self, left: int) -> NDArray[np.float64]:
        return np.asarray(float(self.base) ** np.arange(min(self.counters, left)), np.float64)
