"""Rows sorted as one packed number each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.packing import in_order, order

ROWS = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 2**40), st.integers(5, 7)), max_size=30)


def test_rows_are_sorted_by_the_first_column_then_by_the_next() -> None:
    first, second = in_order(np.array([2, 1, 2, 1]), np.array([30, 20, 10, 20]))
    assert first.tolist() == [1, 1, 2, 2]
    assert second.tolist() == [20, 20, 10, 30]


@pytest.mark.parametrize("far", [0, 1 << 60, 3 << 60])
def test_numbers_too_far_apart_for_one_are_sorted_too(far: int) -> None:
    rng = np.random.default_rng(1)
    near, *others = (rng.integers(0, 5, 200) for _ in range(3))
    columns = [(near - 2) * (far + 1), *others]
    expected = np.lexsort(columns[::-1])
    assert (np.stack(columns)[:, order(*columns)] == np.stack(columns)[:, expected]).all()
    assert (np.stack(in_order(*columns)) == np.stack(columns)[:, expected]).all()


def test_types_stay() -> None:
    columns = np.array([3, 1], np.int32), np.array([-5, 7], np.int16)
    assert [column.dtype for column in in_order(*columns)] == [np.int32, np.int16]


@given(ROWS)
def test_sorting_is_pythons(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(3)]
    assert list(zip(*(column.tolist() for column in in_order(*columns)), strict=True)) == sorted(rows)
    assert [rows[i] for i in order(*columns)] == sorted(rows)
