"""The moments that shape a MovieLens delivery, in seconds UTC."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly.profiles import HALF_STARS_SINCE

FIRST_YEAR = 1996  # MovieLens opened to the public in its second winter; earlier ratings are its makers' own
LAST_YEAR = 2025  # that of CLOSING
YEARS = np.arange(FIRST_YEAR, LAST_YEAR + 1)
OPENING = 822_873_600  # 1996-01-29: no simulated rating is older
CLOSING = 1_759_190_400  # 2025-09-30: fixed, so that a seed gives the same bytes next year
PAGES = HALF_STARS_SINCE  # the site that came then sends each rating at once; before, a page of films at a time

Seconds = NDArray[np.int64]


def year_of(seconds: Seconds) -> NDArray[np.int64]:
    """Give the calendar year (UTC) of each moment."""
    years: NDArray[np.int64] = seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years
