"""Which features drift between two deliveries, by the report; what it costs is not asked, as that takes a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.evaluation.changes.frames import Frames


def drifted(reference: Frames, current: Frames, rate: float, relabellings: int, seed: int) -> set[str]:
    """The names of the features."""
    from drift.features import declared_features
    from drift.findings import judged_rows
    from drift.users import collect
    from drift.windows import windows_of_folders

    with reference.warehouse() as before, current.warehouse() as now:
        windows = windows_of_folders(now, before, None)
        rows = judged_rows(windows, collect(windows, declared_features()), rate, relabellings, seed)
    return {row["feature"] for row in rows if row["status"] == "drifted"}
