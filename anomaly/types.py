"""Names for the arrays that every module passes around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


class Warehouse(Protocol):
    """Anything that answers SQL with a frame."""

    def sql(self, text: str) -> pd.DataFrame:
        """The rows of one statement."""
        ...
