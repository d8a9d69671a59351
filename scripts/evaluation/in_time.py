"""Each period of a delivery judged against all before it, as published and with attackers planted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.delivery import Delivery, Planted, false_discovery_proportion, mixed_attack, users_flagged

if TYPE_CHECKING:
    import argparse

    import pandas as pd

FEWEST_IN_PERIOD, FEWEST_BEFORE = 20, 60  # users: fewer are no delivery, or calibrate nothing
LONG_STANDING = 50  # ratings of an account that is taken over


def each_period(delivery: Delivery, kinds: Sequence[str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each period's users judged against all before it: alone, and with each share of attackers among them."""
    for number, (period, now, before) in enumerate(_periods(delivery, options.every)):
        for share in (0.0, *options.shares):
            for accounts, attack in _late_attacks(now, before, kinds, share, number):
                flagged = users_flagged(now, attack, reference=Planted(before, None), false_discovery_rate=options.rate)
                about = {"period": period, "share": share, "accounts": accounts, "users": now.n_users}
                yield about | _hits(flagged, set() if attack is None else set(attack["userId"]))


def _hits(flagged: set[int], planted: set[int]) -> dict[str, Any]:
    found = len(flagged & planted)
    return {
        "planted": len(planted),
        "found": found,
        "others_flagged": len(flagged) - found,
        "false_discovery_proportion": false_discovery_proportion(flagged, planted),
    }


def _periods(delivery: Delivery, every: str) -> Iterator[tuple[str, Delivery, Delivery]]:
    """Name, ratings, and ratings before, of each period that has users enough."""
    import pandas as pd

    ratings = delivery.ratings
    period = pd.to_datetime(ratings["timestamp"], unit="s").dt.to_period(every[0].upper())
    for one in sorted(period.unique()):
        now, before = (Delivery(ratings[chosen], delivery.movies) for chosen in (period == one, period < one))
        if now.n_users >= FEWEST_IN_PERIOD and before.n_users >= FEWEST_BEFORE:
            yield str(one), now, before


def _late_attacks(
    now: Delivery, before: Delivery, kinds: Sequence[str], share: float, seed: int
) -> Iterator[tuple[str, pd.DataFrame | None]]:
    """Lone attackers among a period's users, at its times: by accounts that nobody had, and by taken over ones."""
    if not share:
        yield "none", None
        return
    attack, _ = mixed_attack(now, kinds, max(2, round(share * now.n_users)), seed)
    times = now.ratings["timestamp"]
    attack = attack.assign(timestamp=attack["timestamp"].clip(times.min(), times.max()))
    new = int(max(each.ratings["userId"].max() for each in (now, before)) - now.ratings["userId"].max())
    yield "new", attack.assign(userId=attack["userId"] + new)
    taken = _taken_over(attack, now, before, seed)
    if not taken.empty:
        yield "taken over", taken


def _taken_over(attack: pd.DataFrame, now: Delivery, before: Delivery, seed: int) -> pd.DataFrame:
    """The attack, by users of long standing who rated nothing else in the period, of films that are new to them."""
    import numpy as np

    known = before.ratings[~before.ratings["userId"].isin(now.ratings["userId"])]
    size = known.groupby("userId").size()
    owners = np.random.default_rng(seed).permutation(size.index[size >= LONG_STANDING])
    attackers = attack["userId"].unique()[: len(owners)]
    owner = dict(zip(attackers.tolist(), owners[: len(attackers)].tolist(), strict=True))
    taken = attack.assign(userId=attack["userId"].map(owner)).dropna().astype(attack.dtypes)
    rated = taken.merge(known[["userId", "movieId"]], how="left", indicator=True)["_merge"] == "both"
    return taken[~rated.to_numpy()]
