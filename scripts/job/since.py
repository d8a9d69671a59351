"""A delivery beside the deliveries before it: what tells an increment from an edition, as a table of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from checks.editions import Since
    from checks.warehouse import Warehouse

TABLE = "since_reference"  # of no suite; kept with the others, so that a run that takes them over knows it, too


def compared(warehouse: Warehouse, reference: Warehouse) -> pd.DataFrame:
    """One row with the fields of `Since`."""
    import pandas as pd

    before, oldest, newest = reference.one('select count(*), min("timestamp"), max("timestamp") from ratings')
    later, earlier = (
        0 if newest is None else _count(warehouse, f'where "timestamp" {than}')
        for than in (f"> {newest}", f"< {oldest}")
    )
    counts = {"ratings": _count(warehouse), "later": later, "reference_ratings": before, "earlier": earlier}
    return pd.DataFrame({name: [count] for name, count in counts.items()})


def _count(warehouse: Warehouse, condition: str = "") -> int:
    return int(warehouse.one(f"select count(*) from ratings {condition}")[0])


def kept(warehouse: Warehouse) -> Since | None:
    """What `compared` found; None where there was no reference, or no comparing."""
    from checks.editions import Since

    if not warehouse.has(TABLE):
        return None
    return Since(*map(int, warehouse.one(f"select ratings, later, reference_ratings, earlier from {TABLE}")))
