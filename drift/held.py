"""Ratings that a delivery holds and its reference does, too: an edition repeats the one before.

They say nothing of what moved, and their users could not change windows. So a user is compared by the ratings after the
last one that the reference holds, if those up to it are the same in both, as sums over them tell. Where they are not,
as where levels were changed or rows were lost, the user is compared by all ratings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from drift.handle import push_numbers, statement

if TYPE_CHECKING:
    import pandas as pd

    from drift.handle import Handle

LEVELS: Final = "levels"  # a sum of levels, which need not be whole numbers, so that its last digits hang on the order
ALIKE: Final = 1e-9  # of such a sum


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
