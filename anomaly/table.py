"""The table of findings: its columns, and the rows of users of whom nothing can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "source_line", "userId", "n_ratings", "mean_rating", "std_rating", "score", "p_value", "q_value", "status",
    "is_anomaly", "attack_group", "evidence", "rules_broken", "catalogue_score", "novelty_score", "trusted",
    "most_like_user", "target_movies", "target_shift", "movie_effects", "evidence_json", "reason",
)  # fmt: skip


def undetermined(users: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Rows that say that nothing could be told, and why."""
    table = users.drop(columns="n_usable").copy()
    for name in ("score", "p_value", "q_value", "catalogue_score", "novelty_score"):
        table[name] = np.nan
    table["status"], table["is_anomaly"], table["trusted"] = "undetermined", False, False
    for name in ("attack_group", "target_movies", "target_shift"):
        table[name] = nullable([None] * len(table), "string").to_numpy()
        table[name] = table[name].astype("string")
    table["most_like_user"] = nullable([None] * len(table), "Int64").to_numpy()
    table["most_like_user"] = table["most_like_user"].astype("Int64")
    table["rules_broken"], table["evidence"] = "", f"undetermined: {reason}"
    table["evidence_json"], table["movie_effects"], table["reason"] = "[]", "[]", reason
    return table[list(COLUMNS)].reset_index(drop=True)


def nullable(values: list[object], dtype: str) -> pd.Series:
    """The values in a type of pandas' own that knows missing ones."""
    import pandas as pd

    return pd.Series(values, dtype=dtype)
