"""Plant strangers of one kind among a delivery's users."""

import zlib

import numpy as np
import pandas as pd

from scripts.evaluation.strangers.kinds import Kind
from scripts.evaluation.strangers.world import IntArray, World

PAIR = ["userId", "movieId"]
ENOUGH = 20  # an account is worth stealing that has this many ratings


def plant(
    ratings: pd.DataFrame, movies: pd.DataFrame, kind: Kind, n: int, seed: int
) -> tuple[pd.DataFrame, frozenset[int]]:
    """The ratings with those of n accounts of the kind among them, and which accounts these are.

    The same for the same seed, and others for another kind or seed.
    """
    rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
    accounts = real_accounts(ratings, n, rng) if kind.taken_over else new_accounts(ratings, n)
    rows = within(kind.rows(World.of(ratings, movies, rng), accounts), int(ratings["timestamp"].max()))
    together = pd.concat([ratings, rows.astype(ratings.dtypes.to_dict())])
    if kind.taken_over:  # the thief's rating of a film replaces the owner's
        together = together[~together.duplicated(PAIR, keep="last") | ~together["userId"].isin(accounts)]
    ordered = together.sort_values(PAIR, kind="stable", ignore_index=True)
    return ordered, frozenset(accounts.tolist())


def new_accounts(ratings: pd.DataFrame, n: int) -> IntArray:
    """The next n numbers, as a site would give them."""
    return np.arange(1, n + 1, dtype=np.int64) + int(ratings["userId"].max())


def real_accounts(ratings: pd.DataFrame, n: int, rng: np.random.Generator) -> IntArray:
    """Some n of the real users who have been there for a while and rated enough to be worth stealing."""
    users = ratings.groupby("userId")["timestamp"].agg(["size", "min"])
    fit = users.index[(users["size"] >= ENOUGH) & (users["min"] <= users["min"].quantile(0.8))].to_numpy()
    if len(fit) < n:
        raise ValueError(f"{n} accounts cannot be taken over: {len(fit)} users are old and rated {ENOUGH} films")
    return np.sort(rng.choice(fit, size=n, replace=False)).astype(np.int64)


def within(rows: pd.DataFrame, last: int) -> pd.DataFrame:
    """The rows, an account's whole activity moved back where it would outlast the delivery."""
    late = (rows.groupby("userId")["timestamp"].transform("max") - last).clip(lower=0)
    return rows.assign(timestamp=rows["timestamp"] - late)
