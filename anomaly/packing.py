"""Columns of whole numbers packed into one number a row.

NumPy sorts two million such numbers some seven times as fast as it sorts rows by their columns, and nearly twice as
fast as it finds the order of the numbers (argsort).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from anomaly.types import Ints

BITS = 63  # of a number of 64 bits, without its sign


class _Packing(NamedTuple):
    """The least value of each column, and how many bits the others take above it."""

    low: tuple[int, ...]
    bits: tuple[int, ...]

    @classmethod
    def of(cls, columns: tuple[Ints, ...]) -> Self:
        low = tuple(int(column.min()) if len(column) else 0 for column in columns)
        high = (int(column.max(initial=least)) for column, least in zip(columns, low, strict=True))
        return cls(low, tuple((most - least).bit_length() for most, least in zip(high, low, strict=True)))

    @property
    def fits(self) -> bool:
        return sum(self.bits) <= BITS

    def packed(self, columns: tuple[Ints, ...]) -> Ints:
        key = np.zeros(len(columns[0]), np.int64)
        for column, low, bits in zip(columns, self.low, self.bits, strict=True):
            key <<= bits
            key += column
            key -= low
        return key

    def unpacked(self, key: Ints, types: list[np.dtype[Any]]) -> tuple[Ints, ...]:
        """The columns of the packed numbers, which are used up."""
        found = []
        for type_, low, bits in zip(reversed(types), reversed(self.low), reversed(self.bits), strict=True):
            column = key & ((1 << bits) - 1)
            column += low
            found.append(column.astype(type_, copy=False))
            key >>= bits
        return tuple(reversed(found))


def order(*columns: Ints) -> Ints:
    """The order of the rows by the first column, then by the next ones; that of equal rows is any."""
    packing = _Packing.of(columns)
    return np.argsort(packing.packed(columns)) if packing.fits else np.lexsort(columns[::-1])


def in_order(*columns: Ints) -> tuple[Ints, ...]:
    """The columns with their rows in that order."""
    packing = _Packing.of(columns)
    if not packing.fits:
        rows = np.lexsort(columns[::-1])
        return tuple(column[rows] for column in columns)
    key, types = packing.packed(columns), [column.dtype for column in columns]
    del columns  # millions of rows: what nobody else holds is not to be there twice
    key.sort()
    return packing.unpacked(key, types)
