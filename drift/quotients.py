"""Quotients where there is something to divide by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def over(
    dividend: ArrayLike, divisor: NDArray[Any], otherwise: float, where: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """`dividend` over `divisor` `where` so (None: where the divisor is above 0), `otherwise` elsewhere."""
    usable = divisor > 0 if where is None else where
    return np.where(usable, dividend / np.where(usable, divisor, 1), otherwise)
