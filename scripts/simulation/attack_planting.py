"""Plant labelled bad users of `anomaly.attacks` into a delivery's files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from anomaly import attacks
from anomaly.attack_kinds import FAMILIES, KINDS, kinds_of_family
from anomaly.campaigns import Background, background
from scripts.simulation.errors import SimulationError

from .calendar import year_of
from .people import LEAST_RATINGS
from .ratings_file import COLUMNS, LABELS, batches, integers, level_text, levels, ratings_writer

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

ATTACK_SHARE = 0.01  # of the users, when the plan names no size
CAMPAIGN_USERS = 25  # a larger attack is several campaigns, each with targets, cadence and season of its own
BACKGROUNDS = 8  # seasons that campaigns are drawn from
BACKGROUND_USERS = 2_000  # whom one season's attackers study and hide among: bounds the memory
TRIES = 50  # campaigns drawn until enough of its users rated enough; where none has, the films are too few


@dataclass(frozen=True)
class Attack:
    """`users` bad users of one kind: a share of the honest ones below 1, else a count."""

    kinds: tuple[str, ...]
    users: float = ATTACK_SHARE
    fillers: int | None = None  # films a user rates besides the targets; None: drawn widely, as the kind does


def parse_attack(text: str) -> Attack:
    """Read 'KIND[:USERS[:FILLERS]]'; KIND is a kind, a family of kinds or 'all'. Raises SimulationError."""
    kind, *numbers = text.split(":")
    kinds = (kind,) if kind in KINDS else tuple(kinds_of_family(kind))
    kinds = tuple(KINDS) if kind == "all" else kinds
    if not kinds:
        known = ", ".join(("all", *dict.fromkeys((*FAMILIES, *KINDS))))
        raise SimulationError(f"--attack {text}: {kind!r} is no kind of attack, say one of {known}")
    try:
        users = float(numbers[0]) if numbers else ATTACK_SHARE
        fillers = int(numbers[1]) if len(numbers) > 1 else None
    except ValueError:
        users, fillers = 0.0, None
    whole = users < 1 or users.is_integer()
    if not users > 0 or not whole or (fillers is not None and fillers < 1) or len(numbers) > 2:
        raise SimulationError(
            f"--attack {text}: write KIND:USERS:FILLERS, users a share below 1 or a count, fillers a count of films"
        )
    return Attack(kinds, users, fillers)


@dataclass(frozen=True)
class Season:
    """A background for campaigns: users who came at or after a moment, films that were out by then."""

    opens: int
    data: Background


def plant_attacks(folder: Path, movies: pd.DataFrame, planned: Sequence[Attack], rng: np.random.Generator) -> None:
    """Append the attackers' ratings to ratings.csv under new user ids, and label them."""
    import pandas as pd

    crowd = _crowd(folder / "ratings.csv")
    campaigns = [campaign for attack in planned for campaign in _campaigns(attack, len(crowd))]
    seasons = _seasons(folder / "ratings.csv", movies, crowd, rng, min(BACKGROUNDS, len(campaigns)))
    next_id, last = int(crowd["userId"].max()) + 1, int(crowd["last"].max())
    frames, labels = [], []
    for group, (kind, users, fillers) in enumerate(campaigns, start=1):
        season = seasons[group % len(seasons)]
        ratings, who = _campaign(season, kind, users, fillers, rng, next_id)
        frames.append(_before(ratings, season.opens, last))
        labels.append(who.assign(group=group))
        next_id += users
    _append(folder / "ratings.csv", pd.concat(frames))
    _write_labels(folder / LABELS / "users.csv", pd.concat(labels))


def _crowd(ratings: Path) -> pd.DataFrame:
    """The honest users: userId, first and last moment; one row each."""
    import pandas as pd

    parts = []
    for _, batch in batches(ratings):
        times = pd.DataFrame({name: integers(batch, name) for name in ("userId", "timestamp")})
        parts.append(times.groupby("userId", as_index=False).agg(first=("timestamp", "min"), last=("timestamp", "max")))
    return pd.concat(parts).groupby("userId", as_index=False).agg({"first": "min", "last": "max"})


def _campaigns(attack: Attack, honest: int) -> Iterator[tuple[str, int, int | None]]:
    """Split an attack's users evenly over its kinds, and a kind's over campaigns."""
    total = max(1, round(attack.users * honest)) if attack.users < 1 else int(attack.users)
    for place, kind in enumerate(attack.kinds):
        left = total // len(attack.kinds) + (place < total % len(attack.kinds))
        while left > 0:
            users = min(left, CAMPAIGN_USERS)
            yield kind, users, attack.fillers
            left -= users


def _seasons(
    ratings: Path, movies: pd.DataFrame, crowd: pd.DataFrame, rng: np.random.Generator, count: int
) -> list[Season]:
    """Draw seasons from the middle of the data, and some of the users of each."""
    first = crowd["first"].to_numpy()
    opens = [int(moment) for moment in np.quantile(first, rng.uniform(0.2, 0.8, count), method="nearest")]
    chosen = []
    for moment in opens:
        there = crowd.loc[first >= moment, "userId"].to_numpy()
        chosen.append(rng.choice(there, min(len(there), BACKGROUND_USERS), replace=False))
    rows = _rows_of(ratings, np.unique(np.concatenate(chosen)))
    release = rows["movieId"].map(movies.drop_duplicates("movieId").set_index("movieId")["release"]).fillna(9999)
    seasons = []
    for moment, users in zip(opens, chosen, strict=True):
        out = release <= int(year_of(np.array([moment]))[0])
        seasons.append(Season(moment, background(rows[rows["userId"].isin(users) & out], movies)))
    return seasons


def _rows_of(ratings: Path, users: NDArray[np.int64]) -> pd.DataFrame:
    import pandas as pd

    frames = []
    for _, batch in batches(ratings):
        kept = batch.filter(pa.array(np.isin(integers(batch, "userId"), users)))
        columns = {name: levels(kept) if name == "rating" else integers(kept, name) for name in COLUMNS}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _campaign(
    season: Season, kind: str, users: int, fillers: int | None, rng: np.random.Generator, first_id: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plant one campaign; unless fewer fillers were asked for, nobody falls short of the promised ratings."""
    sizes = attacks.DEFAULT_SIZES if fillers is None else fillers
    least = min(LEAST_RATINGS, fillers or LEAST_RATINGS)
    for _ in range(TRIES):
        ratings, labels = attacks.plant_in(season.data, kind, users + 10, sizes, rng=rng, first_user_id=first_id)
        count = ratings["userId"].value_counts()
        enough = np.sort(count.index[count >= least].to_numpy())[:users]
        if len(enough) == users:
            new_id = dict(zip(enough.tolist(), range(first_id, first_id + users), strict=True))
            ratings, labels = (frame[frame["userId"].isin(enough)] for frame in (ratings, labels))
            return (
                ratings.assign(userId=ratings["userId"].map(new_id)),
                labels.assign(userId=labels["userId"].map(new_id)),
            )
    raise SimulationError(
        f"the data holds too few films for an attack {kind} of {sizes} ratings: ask for fewer fillers"
    )


def _before(ratings: pd.DataFrame, opens: int, last: int) -> pd.DataFrame:
    """Move attackers who would go on after the data's last moment back, but not before their season."""
    over = ratings.groupby("userId")["timestamp"].transform("max") - last
    moved = ratings["timestamp"] - over.clip(lower=0)
    return ratings.assign(timestamp=moved.clip(lower=opens))


def _append(ratings: Path, attack: pd.DataFrame) -> None:
    """Append rows by user and film, below whatever the file ends with."""
    partial = ratings.with_name("ratings.csv.partial")
    attack = attack.sort_values(["userId", "movieId"])
    with ratings_writer(partial) as writer:
        for _, batch in batches(ratings):
            writer.write_batch(batch)
        columns = [
            level_text(attack[name].to_numpy()) if name == "rating" else pa.array(attack[name]).cast(pa.string())
            for name in COLUMNS
        ]
        writer.write_batch(pa.RecordBatch.from_arrays(columns, list(COLUMNS)))
    partial.replace(ratings)


def _write_labels(path: Path, labels: pd.DataFrame) -> None:
    targets = labels["targets"].map(lambda films: "|".join(str(film) for film in films))
    columns = ["userId", "kind", "family", "group", "targets", "push"]
    labels.assign(targets=targets)[columns].to_csv(path, index=False, lineterminator="\n")
