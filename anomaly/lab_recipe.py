"""The common recipe, for comparison: Isolation Forest over three features, one user in twenty flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomaly.evidence import counted
from anomaly.table import undetermined

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from anomaly.types import Floats

FEATURES = ["n_ratings", "mean_rating", "std_rating"]
CONTAMINATION = 0.05  # the share of bad users that the recipe takes for granted


def isolation_forest_scores(users: pd.DataFrame, seed: int) -> Floats:
    """Scores by the recipe, shape (n_users,); higher is more anomalous; NaN where a feature is missing."""
    from sklearn.ensemble import IsolationForest
    from sklearn.preprocessing import StandardScaler

    scores = np.full(len(users), np.nan)
    known = users[FEATURES].notna().all(axis=1).to_numpy()
    if known.sum() < 2:
        return scores
    scaled = StandardScaler().fit_transform(users.loc[known, FEATURES])
    forest = IsolationForest(n_estimators=100, random_state=seed % 2**32).fit(scaled)
    scores[known] = -forest.score_samples(scaled)
    return scores


def isolation_forest_findings(users: pd.DataFrame, columns: Sequence[str], seed: int) -> pd.DataFrame:
    """The findings table by the recipe: the top twentieth, rounded down, is flagged, whether or not anyone is bad."""
    table = undetermined(users, "the recipe needs two ratings of a user, and two users")
    score = isolation_forest_scores(users, seed)
    told = ~np.isnan(score)
    flagged = np.zeros(len(score), bool)
    flagged[np.argsort(-score, kind="stable")[: int(CONTAMINATION * told.sum())]] = True  # NaN comes last
    table["score"], table["is_anomaly"] = score, flagged
    table["status"] = np.select([flagged, told], ["flagged", "ok"], "undetermined")
    table.loc[told, ["evidence", "reason"]] = ""
    for place in np.flatnonzero(flagged):
        n, mean, spread = users[FEATURES].iloc[place]
        table.loc[place, "evidence"] = (
            f"{counted(n, 'rating')}, mean {mean:.2f} stars, spread {spread:.2f} stars about it (standard deviation): "
            f"among the {100 * CONTAMINATION:.0f} % of users that the recipe always flags"
        )
    return table[list(columns)]
