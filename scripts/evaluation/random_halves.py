"""Random halves of the users, between which nothing differs by construction, and the same with a shift planted.

Both are judged by the report and by the usual rules: the first tell how often these err, the second what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scripts.evaluation.changes.frames import halved
from scripts.evaluation.drifted import drifted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator
    from numpy.typing import NDArray

    from scripts.evaluation.changes.frames import Frames

    Array = NDArray[Any]

Alarms = tuple[list[str], dict[str, bool]]  # features that the report calls drifted; whether each rule calls any
REPORT: Final = "this report"
NAMED: Final = f"{REPORT}, named"  # by a feature that should name the kind
NULLS_BEFORE: Final = 0.01  # share of null ratings in both halves before more are planted
EVERYTHING_BEFORE: Final = 4_000_000_000  # seconds: a window that holds all ratings

# The sizes of each kind, small to large; the kinds' units are in drift/shifts.py.
SIZES: Final[dict[str, tuple[float, ...]]] = {
    "level": (0.05, 0.1, 0.2, 0.6),
    "users": (0.05, 0.1, 0.2),
    "spread": (0.1, 0.2, 0.4),
    "scale": (0.01, 0.05),
    "half_star": (0.1, 0.3, 0.6),
    "popularity": (0.1, 0.3, 0.5),
    "genre": (0.15, 0.3, 0.5),
    "activity": (0.2, 0.4, 0.6),
    "subgroup": (0.1, 0.3, 0.5),
    "nulls": (0.0025, 0.005, 0.01),
    "order": (0.1, 0.3, 0.6),
}

# Which features should name each kind; another feature's alarm counts as found, but not as named.
NAMED_BY: Final[dict[str, tuple[str, ...]]] = {
    "level": ("rating", "user_level", "user_bias", "half_stars"),
    "users": ("rating", "user_level", "user_bias"),
    "spread": ("rating", "user_spread"),
    "scale": ("rating", "off_scale", "user_level", "user_bias", "user_spread"),
    "half_star": ("half_stars", "rating"),
    "popularity": ("popularity",),
    "genre": ("genre",),
    "activity": ("activity", "session_size"),
    "subgroup": ("genre_level", "rating", "user_level", "user_bias"),
    "nulls": ("null_ratings",),
    "order": ("agreement",),
}


def each_split(delivery: Frames, splits: int, rate: float, relabellings: int, seed: int) -> Iterator[Alarms]:
    """The alarms of so many random halves. Users' values do not hang on the split: they are collected once."""
    from drift.features import declared_features
    from drift.findings import judged_rows
    from drift.units import Units
    from drift.users import Collected, collect
    from drift.windows import windows_in_time

    with delivery.of(delivery.users).warehouse() as warehouse:
        windows = windows_in_time(warehouse, 0.5, EVERYTHING_BEFORE)
        collected = collect(windows, declared_features())
    coded = _coded(delivery.ratings, delivery.movies)
    rng = np.random.default_rng(seed)
    for split in range(splits):
        current, _ = halved(delivery.users, rng)
        units = Units(collected.units.users, np.isin(collected.units.users, current).astype(np.int8))
        parted = Collected(units, collected.values, collected.missing)
        rows = judged_rows(windows, parted, rate, relabellings, seed + split)
        told = [row["feature"] for row in rows if row["status"] == "drifted"]
        yield told, _rules(coded, np.isin(delivery.ratings["userId"].to_numpy(), current))


def together(alarms: Iterable[Alarms]) -> dict[str, Any]:
    """In what share of the splits the report, each rule, and each feature of the report gave an alarm."""
    found = [(told, {REPORT: bool(told)} | called) for told, called in alarms]
    features = sorted({name for told, _ in found for name in told})
    return {
        "any_feature": _shares([called for _, called in found]),
        "this_report_by_feature": {name: sum(name in told for told, _ in found) / len(found) for name in features},
    }


def power(
    delivery: Frames,
    kind: str,
    splits: int,
    rate: float,
    relabellings: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Share of planted shifts found, one row for each size."""
    for size in SIZES[kind]:
        rng = np.random.default_rng([seed, *kind.encode(), round(size * 10_000)])
        found = []
        for split in range(splits):
            found.append(_planted(delivery, kind, size, rate, relabellings, rng))
            progress(f"{kind} {size:g}: {split + 1} of {splits}")
        yield {"kind": kind, "size": size, "found": _shares(found)}


def _shares(found: list[dict[str, bool]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _planted(
    delivery: Frames, kind: str, size: float, rate: float, relabellings: int, rng: Generator
) -> dict[str, bool]:
    """What the report and the rules say of one pair of halves, the second with a shift planted."""
    from drift.shifts import plant

    current_users, reference_users = halved(delivery.users, rng)
    seeds = rng.integers(1 << 31, size=3)
    ratings = delivery.ratings
    if kind == "nulls":
        ratings, _ = plant(ratings, None, kind, NULLS_BEFORE, None, int(seeds[0]))
    is_current = np.isin(ratings["userId"], current_users)
    current, _ = plant(ratings[is_current], delivery.movies, kind, size, None, int(seeds[1]))
    reference = ratings[~is_current]
    old, new = (
        delivery.having(ratings=reference).of(reference_users),
        delivery.having(ratings=current).of(current_users),
    )
    told = drifted(old, new, rate, relabellings, int(seeds[2]))
    both = ratings.loc[reference.index.append(current.index)]
    both = both.assign(rating=[*reference["rating"], *current["rating"]])
    is_late = np.arange(len(both)) >= len(reference)
    report = {REPORT: bool(told), NAMED: bool(told.intersection(NAMED_BY[kind]))}
    return report | _rules(_coded(both, delivery.movies), is_late)


Coded = dict[str, tuple["Array", "Array"]]


def _coded(ratings: pd.DataFrame, movies: pd.DataFrame) -> Coded:
    """Each feature that the usual rules are given: a code for each rating (-1: null), and the codes' values."""
    import pandas as pd

    years = movies.drop_duplicates("movieId").set_index("movieId")["title"].str.extract(r"\((\d{4})\)\s*$")[0]
    counts = ratings["movieId"].map(ratings["movieId"].value_counts())
    columns = {
        "rating": ratings["rating"],
        "is_null": ratings["rating"].isna().astype(float),
        "hour": ratings["timestamp"] // 3600 % 24,
        "weekday": ratings["timestamp"] // 86400 % 7,
        "release_year": pd.to_numeric(years, errors="coerce").reindex(ratings["movieId"]),
        "popularity": counts,
    }
    return {name: pd.factorize(values.to_numpy(float), sort=True) for name, values in columns.items()}


def _rules(coded: Coded, is_current: Array) -> dict[str, bool]:
    """Whether each usual rule calls drift on any feature."""
    from drift.usual_rules import RULES

    reference, current = _counted(coded, ~is_current), _counted(coded, is_current)
    return {
        rule: any(is_drift(reference[name], current[name], coded[name][1]) for name in coded)
        for rule, is_drift in RULES.items()
    }


def _counted(coded: Coded, chosen: Array) -> dict[str, Array]:
    return {
        name: np.bincount(codes[chosen & (codes >= 0)], minlength=len(values)).astype(float)
        for name, (codes, values) in coded.items()
    }
