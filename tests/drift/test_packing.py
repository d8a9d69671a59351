from __future__ import annotations

import duckdb
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.packing import Packing


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.one_of(st.none(), st.integers(0, 6)), max_size=40), st.integers(1, 3))
def test_packed_sums_hold_the_counts(cells: list[int | None], counters: int) -> None:
    packing = Packing(counters)
    rows = ", ".join(f"({'null' if cell is None else cell}::integer)" for cell in [*cells, None])
    sums = ", ".join(packing.sums(*packing.place("cell"), 7))
    packed = duckdb.sql(f"select {sums} from (values {rows}) as t(cell)").df().fillna(0).to_numpy()
    assert packing.unpack(packed, 7).tolist() == [[cells.count(cell) for cell in range(7)]]


@given(st.integers(0, 2**53 - 1))
def test_no_count_overflows_into_the_next(largest: int) -> None:
    packing = Packing.for_counts(largest)
    assert largest < packing.base
    assert packing.base**packing.counters <= 2**53


def test_packed_flags_add_up_like_counts() -> None:
    flags = np.array([[1, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1]], float)
    packing = Packing.for_counts(100)
    packed = np.stack(packing.pack(flags), axis=1).sum(axis=0, keepdims=True)
    assert packing.unpack(packed, 4).tolist() == [[2, 1, 1, 3]]
