"""Simulated attackers, whom the scoring model learns from and is tested on: a campaign of one kind among real users.

>>> attack, labels = plant(ratings, movies, "bandwagon-push", n_users=18, seed=7)
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from anomaly.attack_kinds import KINDS
from anomaly.campaigns import Background, Campaign, background
from anomaly.profiles import HALF_STARS_SINCE
from anomaly.units import DAY

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.campaigns import Kind
    from anomaly.types import Floats, Ints

# MovieLens publishes users with 20 ratings or more; attackers rarely bother beyond a few hundred.
DEFAULT_SIZES = (20, 200)
TIMINGS = ("human", "paced", "burst", "machine", "scattered")
# Attackers who care about cadence copy people's; the careless use a loop.
USUAL_TIMING_SHARES = (0.45, 0.2, 0.12, 0.08, 0.15)


def plant(
    ratings: pd.DataFrame,
    movies: pd.DataFrame | None,
    kind: str,
    n_users: int,
    profile_size: int | tuple[int, int] = DEFAULT_SIZES,
    *,
    seed: int = 0,
    first_user_id: int | None = None,
    timing: str | None = None,
    n_targets: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Attack ratings of `n_users` new users of one campaign, and who they are.

    Args:
        ratings: userId, movieId, rating, timestamp (seconds) of the users that the attackers hide among.
        movies: movieId, genres ('A|B'), or None; only the segment attack reads it.
        kind: one of `KINDS`.
        profile_size: ratings a user, or the lowest and highest of a log-uniform draw.
        first_user_id: the first new user's id; one above the highest by default.
        timing: one of `TIMINGS`; drawn by default, or what the kind is about.
        n_targets: films aimed at; one to three by default.

    Returns:
        The attack ratings (userId, movieId, rating, timestamp; no user rates a film twice) and the labels
        (userId, kind, family, target movieIds as a tuple, push), one row a user.

    Raises:
        ValueError: an unknown kind or timing, fewer than one user, or ratings with nothing to hide among.
    """
    data = background(ratings, movies)
    first = int(ratings["userId"].max()) + 1 if first_user_id is None else first_user_id
    rng = np.random.default_rng([seed, _stable_number(kind)])
    return plant_in(data, kind, n_users, profile_size, rng=rng, first_user_id=first, timing=timing, n_targets=n_targets)


def plant_in(
    data: Background,
    kind: str,
    n_users: int,
    profile_size: int | tuple[int, int] = DEFAULT_SIZES,
    *,
    rng: np.random.Generator,
    first_user_id: int = 1,
    timing: str | None = None,
    n_targets: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As `plant`, in a background made once: for many campaigns over the same data."""
    import pandas as pd

    _check(data, kind, n_users, timing)
    campaign = _open(data, KINDS[kind], profile_size, rng, timing, n_targets)
    users = [_one_user(campaign, KINDS[kind]) for _ in range(n_users)]
    sizes = [len(films) for films, _, _ in users]
    ids = np.arange(first_user_id, first_user_id + n_users)
    attack = pd.DataFrame(
        {
            "userId": np.repeat(ids, sizes),
            "movieId": data.film_ids[np.concatenate([films for films, _, _ in users])],
            "rating": np.concatenate([levels for _, levels, _ in users]),
            "timestamp": np.concatenate([times for _, _, times in users]),
        }
    )
    targets = tuple(int(film) for film in data.film_ids[campaign.targets])
    labels = pd.DataFrame({"userId": ids, "kind": kind, "family": KINDS[kind].family})
    labels["targets"] = [targets] * n_users
    labels["push"] = campaign.push
    return attack, labels


def _check(data: Background, kind: str, n_users: int, timing: str | None) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if timing is not None and timing not in TIMINGS:
        raise ValueError(f"timing must be one of {', '.join(TIMINGS)}; got {timing!r}")
    if n_users < 1:
        raise ValueError(f"n_users must be 1 or more; got {n_users}")
    if data.n_users < 1 or len(data.film_ids) < 2:
        raise ValueError("ratings must hold at least one user and two films to plant an attack among")


def _stable_number(text: str) -> int:
    return zlib.crc32(text.encode())


def _open(
    data: Background,
    kind: Kind,
    profile_size: int | tuple[int, int],
    rng: np.random.Generator,
    timing: str | None,
    n_targets: int | None,
) -> Campaign:
    sizes = (profile_size, profile_size) if isinstance(profile_size, int) else profile_size
    push = bool(rng.random() < 0.6) if kind.push is None else kind.push
    opens = int(rng.choice(data.timestamp))
    popular = data.by_popularity[: max(3, min(60, len(data.count)))]
    selected = rng.choice(popular, size=int(rng.integers(3, 12)), replace=True)
    return Campaign(
        data=data,
        rng=rng,
        targets=_draw_targets(data, rng, push, n_targets) if kind.targeted else np.zeros(0, np.int64),
        push=push,
        sizes=sizes if kind.sizes is None or isinstance(profile_size, int) else kind.sizes,
        timing=timing or kind.timing or str(rng.choice(TIMINGS, p=USUAL_TIMING_SHARES)),
        opens=opens,
        # From an hour's raid to a year's drip.
        lasts=int(np.exp(rng.uniform(np.log(3_600), np.log(365 * DAY)))),
        selected=np.unique(selected),
        half_stars=bool(opens >= HALF_STARS_SINCE and rng.random() < 0.75),
    )


def _draw_targets(data: Background, rng: np.random.Generator, push: bool, n_targets: int | None) -> Ints:
    """Films worth the effort: pushed ones are little known or middling, nuked ones known and liked."""
    n = n_targets or int(rng.choice([1, 1, 1, 2, 3]))
    known = np.argsort(data.count, kind="stable")
    part = known[: max(n, int(len(known) * 0.9))] if push else known[-max(n, int(len(known) * 0.3)) :]
    return rng.choice(part, size=min(n, len(part)), replace=False)


def _one_user(campaign: Campaign, kind: Kind) -> tuple[Ints, Floats, Ints]:
    campaign.not_before = 0
    films, levels = kind.make(campaign)
    films, first = np.unique(films, return_index=True)  # targets come first, so they win over fillers
    order = campaign.rng.permutation(len(films))
    return films[order], levels[first][order], _times(campaign, len(films))


def _times(campaign: Campaign, n: int) -> Ints:
    rng, data = campaign.rng, campaign.data
    begin = max(campaign.opens, campaign.not_before) + int(rng.integers(0, campaign.lasts))
    if campaign.timing == "scattered":
        return np.sort(begin + rng.integers(0, max(campaign.lasts, 2 * n), size=n))
    return begin + np.concatenate([[0], np.cumsum(_gaps(campaign.timing, n - 1, rng, data))]).astype(np.int64)


def _gaps(timing: str, n: int, rng: np.random.Generator, data: Background) -> Ints:
    if timing == "machine":
        pace = int(rng.integers(1, 40))
        return pace + (rng.random(n) < rng.choice([0.0, 0.0, 0.1])).astype(np.int64)
    if timing == "burst":
        return rng.poisson(np.exp(rng.uniform(np.log(0.02), np.log(0.6))), n)
    if timing == "paced":
        return np.round(rng.exponential(np.exp(rng.uniform(np.log(2), np.log(90))), n)).astype(np.int64)
    return _human_gaps(n, rng, data)


def _human_gaps(n: int, rng: np.random.Generator, data: Background) -> Ints:
    """Stretches of real users' gaps, one after the other until there are enough."""
    gaps: list[Ints] = [np.zeros(0, np.int64)]
    while sum(map(len, gaps)) < n:
        taken = np.diff(data.timestamp[data.user(int(rng.integers(data.n_users)))])
        gaps.append(np.minimum(taken, 30 * DAY) if len(taken) else np.array([60]))
    return np.concatenate(gaps)[:n]
