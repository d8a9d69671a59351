"""Real data, attackers planted among its users, and who is flagged then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.errors import UserError
from scripts.job.loading import check_needed

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.types import Bools, Floats

FEWEST = 100  # users to plant attackers among


class EvaluationError(UserError):
    """What was asked for can't be evaluated."""


@dataclass(frozen=True)
class Delivery:
    """The real data that attacks are planted in."""

    ratings: pd.DataFrame
    movies: pd.DataFrame

    @property
    def n_users(self) -> int:
        return int(self.ratings["userId"].nunique())


class Planted:
    """An in-memory warehouse of the delivery with attackers in it."""

    def __init__(self, delivery: Delivery, attack: pd.DataFrame | None) -> None:
        import duckdb
        import pandas as pd

        parts = [delivery.ratings] if attack is None else [delivery.ratings, attack]
        ratings = pd.concat(parts, ignore_index=True)
        ratings["source_line"] = range(2, len(ratings) + 2)
        self.connection = duckdb.connect()
        self.connection.register("ratings", ratings)
        self.connection.register("movies", delivery.movies)

    def sql(self, text: str) -> pd.DataFrame:
        return self.connection.execute(text).df()


def load(folder: Path) -> Delivery:
    from checks.loader import load

    with load(folder) as warehouse:
        check_needed(warehouse)
        ratings = warehouse.sql("select userId, movieId, rating, timestamp from ratings").dropna()
        movies = warehouse.sql("select movieId, title, genres from movies")
    if ratings["userId"].nunique() < FEWEST:
        raise EvaluationError(f"{folder}: has fewer than {FEWEST} users, too few to plant attackers among")
    return Delivery(ratings, movies)


def mixed_attack(delivery: Delivery, kinds: Sequence[str], n: int, seed: int) -> tuple[pd.DataFrame, dict[int, str]]:
    """Ratings of n lone attackers, each of a kind drawn at random, and the kind of each one's userId."""
    import numpy as np
    import pandas as pd

    from anomaly.attacks import plant_in
    from anomaly.campaigns import background

    rng, data = np.random.default_rng([seed, n]), background(delivery.ratings, delivery.movies)
    first = int(delivery.ratings["userId"].max()) + 1
    kind_of = {first + number: str(kind) for number, kind in enumerate(rng.choice(kinds, size=n))}
    parts = [plant_in(data, kind, 1, rng=rng, first_user_id=user)[0] for user, kind in kind_of.items()]
    return pd.concat(parts, ignore_index=True), kind_of


def users_flagged(delivery: Delivery, attack: pd.DataFrame | None, **settings: Any) -> set[int]:
    from anomaly.findings import find_anomalies

    table = find_anomalies(Planted(delivery, attack), **settings)
    return set(table.loc[table["is_anomaly"], "userId"].tolist())


def false_discovery_proportion(flagged: set[int], planted: set[int]) -> float:
    """The share of the flagged who were not planted; 0 where nobody is flagged."""
    return len(flagged - planted) / max(1, len(flagged))


def figures(truth: Bools, score: Floats) -> dict[str, float]:
    """How well a score ranks the planted users above all others; who has none comes last."""
    import numpy as np
    from sklearn.metrics import average_precision_score, roc_auc_score

    known = np.where(np.isnan(score), np.nanmin(score), score)
    return {
        "auc": round(float(roc_auc_score(truth, known)), 4),
        "average_precision": round(float(average_precision_score(truth, known)), 4),
    }


def flags(truth: Bools, table: pd.DataFrame) -> dict[str, float]:
    """The share of the planted users that is flagged without trusted ones, and how many others are."""
    flagged = table["is_anomaly"].to_numpy(bool)
    return {"flagged": round(float(flagged[truth].mean()), 4), "others_flagged": int(flagged[~truth].sum())}
