"""Attackers planted among real users, each for itself: how they rank, who of them is flagged, and who else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.delivery import (
    Delivery,
    Planted,
    false_discovery_proportion,
    figures,
    flags,
    mixed_attack,
    users_flagged,
)

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from anomaly.types import Bools

TRUSTED_SHARE = 0.8  # of the real users; the others are judged beside the planted
SIZE_BANDS = ("20-50", "50-100", "100-200")
SCORES = {"two-channel": "score", "catalogue alone": "catalogue_score", "novelty alone": "novelty_score"}


def ranking_rows(delivery: Delivery, kind: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """AUC and average precision of every detector, and of the two channels, one row each."""
    from anomaly.attack_kinds import KINDS
    from anomaly.attacks import plant

    for share in options.shares:
        for seed in range(options.seed, options.seed + options.seeds):
            n = max(3, round(share * delivery.n_users))
            attack, labels = plant(delivery.ratings, delivery.movies, kind, n, seed=seed)
            sizes = attack.groupby("userId").size()
            planted = Planted(delivery, attack)
            about = {"kind": kind, "family": KINDS[kind].family, "share": share, "seed": seed}
            for detector, table, column in _tables(planted, KINDS[kind].family, options):
                truth = table["userId"].isin(labels["userId"]).to_numpy()
                measured = figures(truth, table[column].to_numpy(float)) | flags(truth, table)
                by_size = _by_size(table, truth, column, sizes)
                yield about | {"detector": detector} | measured | {"auc_by_size": by_size}


def _tables(planted: Planted, family: str, options: argparse.Namespace) -> Iterator[tuple[str, pd.DataFrame, str]]:
    from anomaly.findings import find_anomalies

    table = find_anomalies(planted, seed=options.seed)
    for detector, column in SCORES.items():
        yield detector, table, column
    yield "isolation-forest", find_anomalies(planted, detector="isolation-forest", seed=options.seed), "score"
    if options.held_out:
        table = find_anomalies(planted, seed=options.seed, without_families=(family,))
        yield "two-channel, family held out", table, "score"


def _by_size(table: pd.DataFrame, truth: Bools, column: str, sizes: pd.Series) -> dict[str, float]:
    size = table["userId"].map(sizes).fillna(0).to_numpy()
    found = {}
    for band in SIZE_BANDS:
        low, high = map(int, band.split("-"))
        inside = truth & (size >= low) & (size < high + (high == 200))
        if inside.any():
            kept = inside | ~truth
            found[band] = figures(truth[kept], table[column].to_numpy(float)[kept])["auc"]
    return found


def mixtures(
    delivery: Delivery, kinds: Sequence[str], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Kinds mixed: figures of each share and seed, and each planted user's fate."""
    found = [_mixture(delivery, kinds, share, seed, options) for share in options.shares for seed in _seeds(options)]
    return [figures for figures, _ in found], [user for _, users in found for user in users]


def _seeds(options: argparse.Namespace) -> range:
    return range(options.seed, options.seed + options.mixtures)


def _mixture(
    delivery: Delivery, kinds: Sequence[str], share: float, seed: int, options: argparse.Namespace
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """False discovery proportion and power with a trusted reference, kinds mixed; and each planted user's fate."""
    attack, kind_of = mixed_attack(delivery, kinds, max(2, round(share * delivery.n_users)), seed)
    flagged = _flagged_with_reference(delivery, attack, seed, options.rate)
    hits = len(flagged & set(kind_of))
    figures = {
        "share": share,
        "seed": seed,
        "planted": len(kind_of),
        "flagged": len(flagged),
        "false_discovery_proportion": false_discovery_proportion(flagged, set(kind_of)),
        "power": hits / len(kind_of),
    }
    size = attack["userId"].value_counts()
    about = {"share": share, "seed": seed}
    users = [
        about | {"kind": kind, "size": _band(int(size[user])), "found": user in flagged}
        for user, kind in kind_of.items()
    ]
    return figures, users


def _band(size: int) -> str:
    """The band of a profile size; outside all of them, the nearest."""
    return next((band for band in SIZE_BANDS if size < int(band.split("-")[1])), SIZE_BANDS[-1])


def _flagged_with_reference(delivery: Delivery, attack: pd.DataFrame | None, seed: int, rate: float) -> set[int]:
    import numpy as np

    users = np.sort(delivery.ratings["userId"].unique())
    trusted = np.random.default_rng([seed, 80]).permutation(users)[: round(TRUSTED_SHARE * len(users))]
    return users_flagged(delivery, attack, trusted_users=set(trusted.tolist()), false_discovery_rate=rate, seed=seed)


def clean_rows(delivery: Delivery, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """How many users of the delivery are flagged where nobody was planted."""
    for seed in _seeds(options):
        flagged = _flagged_with_reference(delivery, None, seed, options.rate)
        yield {"seed": seed, "flagged": len(flagged)}


def rules(delivery: Delivery, options: argparse.Namespace) -> dict[str, Any]:
    """Share of each bot kind that breaks a plain rule, and how many of the delivery's own users do."""
    from anomaly.attacks import plant
    from anomaly.findings import find_anomalies

    kinds = {"constant": None, "machine-paced": None, "same-second-burst": "burst", "lowest": None, "copied": None}
    caught = {}
    for kind, timing in kinds.items():
        attack, labels = plant(
            delivery.ratings, delivery.movies, kind, max(18, delivery.n_users // 33), seed=options.seed, timing=timing
        )
        table = find_anomalies(Planted(delivery, attack), seed=options.seed)
        bad = table["userId"].isin(labels["userId"])
        caught[kind] = round(float((table.loc[bad, "rules_broken"] != "").mean()), 4)
    published = find_anomalies(Planted(delivery, None), seed=options.seed)
    return {"caught": caught, "own_users_flagged": int((published["rules_broken"] != "").sum())}
