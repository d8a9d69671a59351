"""Attacks by groups planted among real users, and how many of their members are reported in one attack.

A campaign: users of one kind with common targets, a share of the delivery's users. A crew: the same by few. A bomb:
users of the delivery itself, whose own ratings stay, give one film the lowest or the highest rating within a day. And
halves of the delivery, in which nothing is planted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.changes.times import DAY
from scripts.evaluation.delivery import Delivery, Planted

if TYPE_CHECKING:
    import argparse

    import numpy as np
    import pandas as pd

    from anomaly.types import Ints

CREWS = (8, 5)  # users
BOMBERS = (10, 15, 30)  # users: below the least, a film in season has as many
KNOWN = 30  # ratings of a film that is bombed: of others nobody can tell what is usual
ENDS = {"up": 5.0, "down": 0.5}


def group_rows(delivery: Delivery, kinds: Sequence[str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each planted group, and for each half without: how many of its users are reported in one attack."""
    from anomaly.attack_kinds import KINDS

    targeted = [kind for kind in kinds if KINDS[kind].targeted]  # others' users have nothing in common
    for seed in range(options.seed, options.seed + options.seeds):
        for kind in targeted:
            yield from _campaigns(delivery, kind, seed, options)
        for direction in ENDS:
            yield from _bombs(delivery, direction, seed)
        attack_of = _attacks(_half(delivery, seed))
        yield {"group": "half, none planted", "kind": "none", "seed": seed} | _reported(attack_of, set(), set())


def _campaigns(delivery: Delivery, kind: str, seed: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from anomaly.attacks import plant

    sizes = {f"campaign of {100 * share:g} %": round(share * delivery.n_users) for share in options.shares}
    for name, users in (sizes | {f"crew of {users}": users for users in CREWS}).items():
        attack, labels = plant(delivery.ratings, delivery.movies, kind, max(3, users), seed=seed)
        members = set(labels["userId"])
        attack_of = _attacks(Planted(delivery, attack))
        yield {"group": name, "kind": kind, "seed": seed} | _reported(attack_of, members, members)


def _bombs(delivery: Delivery, direction: str, seed: int) -> Iterator[dict[str, Any]]:
    """A bomb of each size, by users of its own, all in one delivery."""
    import numpy as np

    rng = np.random.default_rng([seed, list(ENDS).index(direction)])
    count = delivery.ratings["movieId"].value_counts()
    films = rng.permutation(count.index[count >= KNOWN])[: len(BOMBERS)].tolist()  # small deliveries may have fewer
    users = rng.choice(delivery.ratings["userId"].unique(), sum(BOMBERS), replace=False)
    crews = np.split(users, np.cumsum(BOMBERS)[:-1])[: len(films)]
    ratings = delivery.ratings
    for film, crew in zip(films, crews, strict=True):
        ratings = _with_bomb(ratings, film, crew, ENDS[direction], rng)
    attack_of = _attacks(Planted(Delivery(ratings, delivery.movies), None))
    for crew in crews:
        about = {"group": f"bomb by {len(crew)}", "kind": direction, "seed": seed}
        yield about | _reported(attack_of, set(crew.tolist()), set(users.tolist()))


def _with_bomb(ratings: pd.DataFrame, film: int, users: Ints, level: float, rng: np.random.Generator) -> pd.DataFrame:
    """The ratings, where these users give the film the level within a day, in place of what they gave it before."""
    import pandas as pd

    begin = int(ratings["timestamp"].quantile(rng.uniform(0.1, 0.9)))
    times = begin + rng.integers(0, DAY, len(users))
    bomb = pd.DataFrame({"userId": users, "movieId": film, "rating": level, "timestamp": times})
    own = ~((ratings["movieId"] == film) & ratings["userId"].isin(users))
    return pd.concat([ratings[own], bomb], ignore_index=True)


def _half(delivery: Delivery, seed: int) -> Planted:
    import numpy as np

    users = delivery.ratings["userId"].unique()
    half = np.random.default_rng([seed, 50]).choice(users, len(users) // 2, replace=False)
    return Planted(Delivery(delivery.ratings[delivery.ratings["userId"].isin(half)], delivery.movies), None)


def _attacks(warehouse: Planted) -> pd.Series:
    """The name of the attack that each user was reported in, by userId; users in none are left out."""
    from anomaly.findings import find_anomalies

    return find_anomalies(warehouse).set_index("userId")["attack_group"].dropna()


def _reported(attack_of: pd.Series, members: set[int], planted: set[int]) -> dict[str, Any]:
    """The most members in one attack, and users in any attack who are in no planted group."""
    together = int(attack_of[attack_of.index.isin(members)].value_counts().to_numpy().max(initial=0))
    others = int((~attack_of.index.isin(planted)).sum())
    return {"users": len(members), "together": together, "found": 2 * together > len(members), "others": others}
