"""What became of the ratings of a reference in a delivery that repeats them, as each edition repeats the one before."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from drift.draws import is_drawn, pair
from drift.handle import statement

if TYPE_CHECKING:
    import pandas as pd

    from drift.handle import Handle

LOOKED_UP: Final = 200_000  # ratings, about: a share of one in a thousand is then known to a fifteenth of it
REPEATED: Final = 0.5  # of what either could have in common at least, or a delivery does not repeat its reference
RATING: Final = ["userId", "movieId"]  # what a rating is known by: who rates a film again moves it
AT: Final = [*RATING, "timestamp"]
ALIKE: Final = 1e-9  # of a level that need not be a half star


class Repeated(NamedTuple):
    """Shares of the reference's ratings: those that the delivery lacks; and of those that it has, from the same second,
    those at another level. NaN where it does not repeat them."""

    lost: float = nan
    changed: float = nan


NOTHING: Final = Repeated()


def repeated(
    reference: Handle, delivery: Handle, levels: tuple[str, str], both_in: tuple[int, int], n_ratings: int, usable: str
) -> Repeated:
    """What became of the reference's ratings since the delivery begins: before, a window that moves on has none.

    levels: SQL of a rating's level in each. both_in: when the delivery begins and the reference ends. n_ratings: of the
    larger one, of which about `LOOKED_UP` are drawn by user and film, in both the same. usable: SQL of whether a rating
    can be placed. A delivery repeats the reference if it has most of these as they were, or if most of what it has of
    the reference's time is in that.
    """
    drawn = is_drawn(pair("ratings.userId", "ratings.movieId"), min(1.0, LOOKED_UP / n_ratings))
    old, new = (
        one.sql(statement("drawn", level=level, usable=usable, drawn=drawn))
        for one, level in zip((reference, delivery), levels, strict=True)
    )
    begin, end = both_in
    return _compared(old[old["timestamp"] >= begin], new, int((new["timestamp"] < end).sum()))


def _compared(old: pd.DataFrame, new: pd.DataFrame, n_new: int) -> Repeated:
    """n_new: how many of the new ones are of the reference's time."""
    same = old.merge(new.drop_duplicates(AT), on=AT, suffixes=("", "_now"))
    if not len(same) or len(same) < REPEATED * min(len(old), n_new):
        return NOTHING
    kept = len(old.merge(new[RATING].drop_duplicates(), on=RATING))
    before, now = (same[name].to_numpy(float) for name in ("level", "level_now"))
    return Repeated(1 - kept / len(old), 1 - float(np.isclose(before, now, rtol=ALIKE, atol=0, equal_nan=True).mean()))
