"""Whether user ids mean the same in a reference and a delivery: what compares users of both takes it for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from checks.warehouse import Warehouse

COMPARED = 20_000  # ratings of the larger side, about: a share is known to half a per cent by so many
FEWEST = 100  # ratings found in both: fewer may be somebody's who copied another's


def renumbered(warehouse: Warehouse, reference: Warehouse) -> str | None:
    """In words, that most ratings of the delivery are the reference's under other user ids; None where they are not.

    A rating is known by its film and second, which hardly any two users share. A delivery of new ratings alone shares
    none, and nothing is said of it.
    """
    largest = max(one.sources["ratings"].loaded_rows for one in (warehouse, reference))
    step = max(1, largest // COMPARED)
    new, old = (_ratings(one, step) for one in (warehouse, reference))
    both = new.merge(old, on=["movieId", "timestamp"], suffixes=("", "_before"))
    others = int((both["userId"] != both["userId_before"]).sum())
    if others < FEWEST or others <= len(new) / 2:
        return None
    return (
        f"user ids of --reference and of the delivery mean different users: {others / len(both):.0%} of the ratings "
        "that are in both are by another user; deliver both with the same ids, or judge without --reference"
    )


def _ratings(one: Warehouse, step: int) -> pd.DataFrame:
    """Of every so many ratings one, the same ones on both sides, but those that share their film and second."""
    found = one.sql(f'select userId, movieId, "timestamp" from ratings where ("timestamp" + movieId) % {step} = 0')
    return found.dropna().drop_duplicates(["movieId", "timestamp"], keep=False)
