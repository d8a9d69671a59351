"""Strangers of each kind planted alone (`scripts/evaluation/strangers`), and how the detector judges them.

Each delivery is judged twice: nobody being trusted, and half of the honest users being so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.delivery import (
    Delivery,
    EvaluationError,
    Planted,
    false_discovery_proportion,
    figures,
    flags,
)

if TYPE_CHECKING:
    import argparse

    import pandas as pd

ACCOUNTS = 15  # of a kind in a delivery
TRUSTED_SHARE = 0.5  # of the users whose accounts no stranger holds
LISTED = ("flagged", "review")
OF_KIND = ["auc", "average_precision", "flagged", "listed", "in_attack", "others_in_attacks"]


def stranger_rows(delivery: Delivery, kinds: Sequence[str] | None, options: argparse.Namespace) -> pd.DataFrame:
    """A row for each kind, seed and share of trusted users."""
    import pandas as pd

    from scripts.evaluation.strangers.kinds import KINDS

    if unknown := sorted(set(kinds or ()) - set(KINDS)):
        raise EvaluationError(f"--kinds: unknown {', '.join(unknown)}; with --by-another known are {', '.join(KINDS)}")
    seeds = range(options.seed, options.seed + options.seeds)
    return pd.DataFrame(
        [row for kind in kinds or KINDS for seed in seeds for row in _of_kind(delivery, kind, seed, options)]
    )


def _of_kind(delivery: Delivery, kind: str, seed: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from anomaly.findings import find_anomalies
    from scripts.evaluation.strangers.kinds import KINDS
    from scripts.evaluation.strangers.planting import plant

    ratings, accounts = plant(delivery.ratings, delivery.movies, KINDS[kind], ACCOUNTS, seed)
    warehouse = Planted(Delivery(ratings, delivery.movies), None)
    trusting: dict[str, Any] = {
        "trusted_users": _trusted(delivery, accounts, [seed, zlib.crc32(kind.encode())]),
        "false_discovery_rate": options.rate,
    }
    for share, settings in ((0.0, {}), (TRUSTED_SHARE, trusting)):
        table = find_anomalies(warehouse, seed=options.seed, **settings)
        yield {"kind": kind, "bad": KINDS[kind].bad, "seed": seed, "trusted": share} | judged(table, accounts)


def _trusted(delivery: Delivery, accounts: frozenset[int], seed: list[int]) -> set[int]:
    """Half of the users who hold their own accounts, drawn anew for each delivery: what is found hangs on them."""
    import numpy as np

    own = np.setdiff1d(delivery.ratings["userId"].unique(), list(accounts))
    return set(np.random.default_rng(seed).permutation(own)[: round(TRUSTED_SHARE * len(own))].tolist())


def judged(table: pd.DataFrame, accounts: frozenset[int]) -> dict[str, Any]:
    """How the findings judge these accounts: shares of them; and how many of the others suffer."""
    truth = table["userId"].isin(accounts).to_numpy()
    listed, attacked = table["status"].isin(LISTED).to_numpy(), table["attack_group"].notna().to_numpy()
    flagged = set(table.loc[table["is_anomaly"], "userId"].tolist())
    return (
        {"accounts": int(truth.sum())}
        | figures(truth, table["score"].to_numpy(float))
        | flags(truth, table)
        | {
            "listed": round(float(listed[truth].mean()), 4),
            "in_attack": round(float(attacked[truth].mean()), 4),
            "others_in_attacks": int(attacked[~truth].sum()),
            "false_discovery_proportion": round(false_discovery_proportion(flagged, set(accounts)), 4),
        }
    )


def print_strangers(rows: pd.DataFrame, rate: float) -> None:
    """Each kind, and what follows from all of them."""
    for bad, who in ((True, "Bad users"), (False, "Honest but odd users")):
        of_these = rows[rows["bad"] == bad]
        if not of_these.empty:
            print(f"\n{who} by another generator, each kind alone: means, nobody being trusted but in the last column")
            print(by_kind(of_these).round(2).to_string())
    bad_ones = rows[rows["bad"]]
    if not bad_ones.empty:
        print("\nOver all deliveries with bad users, nobody being trusted")
        print(overall(bad_ones[bad_ones["trusted"] == 0]).to_string())
        print(f"\nThe same, half of the honest users trusted, nominal rate {100 * rate:.0f} %: mean, standard error")
        print(decided(bad_ones[bad_ones["trusted"] == TRUSTED_SHARE]).round(3).to_string())


def by_kind(rows: pd.DataFrame) -> pd.DataFrame:
    """What becomes of each kind, nobody being trusted, and what share of it is flagged where some are."""
    untrusting, trusting = (rows[rows["trusted"] == share] for share in (0.0, TRUSTED_SHARE))
    means = untrusting.groupby("kind", sort=False)[OF_KIND].mean()
    return means.assign(flagged_trusting=trusting.groupby("kind")["flagged"].mean())


def overall(bad: pd.DataFrame) -> pd.Series:
    """Means over deliveries, and in how many of these most or none of the bad accounts are flagged."""
    import pandas as pd

    counts = {
        "deliveries": len(bad),
        "more_than_half_flagged": int((bad["flagged"] > 0.5).sum()),
        "nobody_flagged": int((bad["flagged"] == 0).sum()),
        "others_in_attacks": int(bad["others_in_attacks"].sum()),
    }
    means = bad[["auc", "average_precision", "flagged", "listed", "in_attack"]].mean().round(3)
    return pd.concat([means.astype(object), pd.Series(counts, dtype=object)])


def decided(bad: pd.DataFrame) -> pd.DataFrame:
    """The false discovery proportion, the power and what is listed over deliveries, with standard errors."""
    renamed = bad.rename(columns={"flagged": "power"})
    return renamed[["false_discovery_proportion", "power", "listed"]].agg(["mean", "sem"])
