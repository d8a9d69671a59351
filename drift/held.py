"""Ratings that a delivery holds and its reference does, too: an edition repeats the one before.

They say nothing of what moved, and their users could not change windows. So a user is compared by the ratings after the
last one that the reference holds, if those up to it are the same in both, as sums over them tell. Where they are not,
as where levels were changed or rows were lost, the user is compared by all ratings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from drift.draws import APART, NUMBERED, is_drawn
from drift.handle import push_numbers, statement

if TYPE_CHECKING:
    import pandas as pd

    from drift.handle import Handle

LEVELS: Final = "levels"  # a sum of levels, which need not be whole numbers, so that its last digits hang on the order
ALIKE: Final = 1e-9  # of such a sum
LOOKED_UP: Final = 200_000  # ratings, about: a share of one in a thousand is then known to a fifteenth of it
REPEATED: Final = 0.5  # of what either could have in common at least, or a delivery does not repeat its reference
KEY: Final = ["userId", "movieId"]  # of a rating: who rates a film again moves it


def lost_share(reference: Handle, delivery: Handle, both_in: tuple[int, int], n_ratings: int, usable: str) -> float:
    """What share of the reference's ratings since the delivery begins that lacks; NaN where it does not repeat them.

    both_in: when the delivery begins and the reference ends. n_ratings: of the larger one, of which `LOOKED_UP` are
    drawn by user and film, in both the same. A delivery repeats the reference if it has most of these as they are, or
    if most of what it has of the reference's time is in that.
    """
    drawn = is_drawn(
        f"ratings.userId % {NUMBERED} + ratings.movieId % {NUMBERED} * {APART}", min(1.0, LOOKED_UP / n_ratings)
    )
    old, new = (one.sql(statement("drawn", usable=usable, drawn=drawn)) for one in (reference, delivery))
    old, could = old[old["timestamp"] >= both_in[0]], int((new["timestamp"] < both_in[1]).sum())
    same = len(old.merge(new.drop_duplicates()))
    if not same or same < REPEATED * min(len(old), could):
        return float("nan")
    return 1 - len(old.merge(new[KEY].drop_duplicates())) / len(old)


def push_held(reference: Handle, delivery: Handle, levels: tuple[str, str], usable: str) -> bool:
    """Make the delivery's table drift_held of each user's last rating that both hold; whether there is any.

    levels: SQL of a rating's level in each. usable: SQL of whether a rating can be placed.
    """
    before = _sums(reference, levels[0], usable, joined="")
    push_numbers(delivery, "drift_last", before[["last"]], "user_id", {"last": "bigint"})
    joined = 'inner join drift_last on drift_last.user_id = ratings.userId and ratings."timestamp" <= drift_last.last'
    held = before.loc[_same(before, _sums(delivery, levels[1], usable, joined)), ["last"]]
    push_numbers(delivery, "drift_held", held, "user_id", {"last": "bigint"})
    return not held.empty


def _sums(handle: Handle, level: str, usable: str, joined: str) -> pd.DataFrame:
    query = statement("held", level=level, usable=usable, joined=joined)
    return handle.sql(query).set_index("user_id").astype("float64")


def _same(before: pd.DataFrame, still: pd.DataFrame) -> pd.Index:
    """The users of whom both sums are the same."""
    users = before.index.intersection(still.index)
    old, new = before.loc[users], still.loc[users]
    whole = old.columns.drop([LEVELS, "last"])
    same = (old[whole] == new[whole]).all(axis=1) & np.isclose(old[LEVELS], new[LEVELS], rtol=ALIKE, atol=0)
    return users[same]
