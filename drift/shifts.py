"""Known shifts planted into ratings, to measure what the drift report finds and how often it errs.

Each kind is one way in which the world, or a pipeline, moves. `size` is a share or a step from 0 to 1, in the
meaning that the kind's own function states, so that power can be drawn against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

LOWEST, HIGHEST, STEP = 0.5, 5.0, 0.5  # the MovieLens scale, in stars
GENRE_FLOOR: Final = 0.05  # a genre with a smaller share of the ratings is too rare to count as a shift
POPULAR: Final = 0.5  # popular films: the most rated ones that together hold this share of the ratings


def plant(
    ratings: pd.DataFrame, movies: pd.DataFrame | None, kind: str, size: float, since: int | None, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a copy of `ratings` with one shift planted, and the rows that it touched.

    ratings: columns userId, movieId, rating, timestamp and a unique index; other columns are kept.
    movies: columns movieId, genres; the kinds `genre` and `subgroup` need it, the others take None.
    since: only ratings at or after this time (seconds, UTC) may change; None lets all change.

    The labels have a row for each rating touched, under its index in `ratings`: userId, movieId, kind, size
    and `change`, 'changed' or 'dropped'. Raises ValueError on an unknown kind, a size out of range, or
    movies that are needed and missing.
    """
    if kind not in _SHIFTS:
        raise ValueError(f"kind is {kind!r}: must be one of {', '.join(KINDS)}")
    if not 0 <= size <= 1:
        raise ValueError(f"size is {size}: must lie from 0 to 1")
    eligible = ratings if since is None else ratings[ratings["timestamp"] >= since]
    after = _SHIFTS[kind](eligible, movies, size, np.random.default_rng(seed))
    dropped = eligible.index.difference(after.index, sort=False)
    planted = ratings.drop(dropped)
    planted["rating"] = planted["rating"].astype(float)
    planted.loc[after.index, "rating"] = after
    return planted, _labels(eligible, after, kind, size)


def _labels(eligible: pd.DataFrame, after: pd.Series, kind: str, size: float) -> pd.DataFrame:
    before = eligible["rating"]
    left = after.reindex(before.index)
    dropped = ~before.index.isin(after.index)
    same = (left == before) | (left.isna() & before.isna())
    touched = dropped | ~same.to_numpy()
    change = np.where(dropped, "dropped", "changed")[touched]
    return eligible.loc[touched, ["userId", "movieId"]].assign(kind=kind, size=size, change=change)


def _level(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings goes half a star down: the mean falls by about size / 2 stars."""
    chosen = rng.random(len(ratings)) < size
    return _on_scale(ratings["rating"] - STEP * chosen)


def _users(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the users rates a whole star lower."""
    return _on_scale(ratings["rating"] - 1.0 * _of_users(ratings, size, rng))


def _spread(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """Each rating lies 1 + `size` times as far from its user's mean, put on the grid at random."""
    mean = ratings.groupby("userId")["rating"].transform("mean")
    stretched = mean + (1 + size) * (ratings["rating"] - mean)
    return _on_scale(_round_at_random(stretched, rng))


def _scale(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the users rates from 1 to 10 instead of 0.5 to 5."""
    return ratings["rating"] * np.where(_of_users(ratings, size, rng), 2, 1)


def _half_star(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the half-star ratings becomes whole, up or down: a client lost half-stars."""
    halves = ratings["rating"] % 1 == STEP
    chosen = halves & (rng.random(len(ratings)) < size)
    step = np.where(rng.random(len(ratings)) < 0.5, -STEP, STEP)
    moved = (ratings["rating"] + step).clip(lower=1.0)  # half a star has no whole star below it
    return ratings["rating"].mask(chosen, moved)


def _popularity(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings of less popular films is dropped: a recommender that favours hits."""
    counts = ratings["movieId"].value_counts()
    popular = counts.index[counts.cumsum() <= POPULAR * len(ratings)]
    return _without(ratings, ~ratings["movieId"].isin(popular), size, rng)


def _genre(ratings: pd.DataFrame, movies: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings of one genre, drawn by the seed, is dropped."""
    return _without(ratings, _of_one_genre(ratings, movies, rng), size, rng)


def _activity(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings is dropped, whoever gave them: each user rates less."""
    return _without(ratings, np.ones(len(ratings), dtype=bool), size, rng)


def _subgroup(ratings: pd.DataFrame, movies: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings of one genre, drawn by the seed, goes a whole star down."""
    chosen = _of_one_genre(ratings, movies, rng) & (rng.random(len(ratings)) < size)
    return _on_scale(ratings["rating"] - 1.0 * chosen)


def _nulls(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of the ratings loses its value."""
    return ratings["rating"].mask(rng.random(len(ratings)) < size)


def _order(ratings: pd.DataFrame, _: pd.DataFrame | None, size: float, rng: np.random.Generator) -> pd.Series:
    """A share `size` of each user's ratings changes places: levels stay, but say nothing of the films any more."""
    chosen = ratings[rng.random(len(ratings)) < size]
    drawn = chosen.sample(frac=1, random_state=rng).sort_values("userId", kind="stable")["rating"]
    by_user = chosen.sort_values("userId", kind="stable").index
    after = ratings["rating"].copy()
    after.loc[by_user] = drawn.to_numpy()
    return after


def _without(
    ratings: pd.DataFrame, candidates: np.ndarray | pd.Series, size: float, rng: np.random.Generator
) -> pd.Series:
    dropped = np.asarray(candidates) & (rng.random(len(ratings)) < size)
    return ratings.loc[~dropped, "rating"]


def _of_users(ratings: pd.DataFrame, size: float, rng: np.random.Generator) -> np.ndarray:
    """Whether each rating is by one of a share `size` of the users, drawn without replacement."""
    users = ratings["userId"].unique()
    chosen = rng.choice(users, round(size * len(users)), replace=False)
    return ratings["userId"].isin(chosen).to_numpy()


def _of_one_genre(ratings: pd.DataFrame, movies: pd.DataFrame | None, rng: np.random.Generator) -> np.ndarray:
    """Whether each rating is of a film of one genre, drawn among those with `GENRE_FLOOR` of the ratings."""
    if movies is None:
        raise ValueError("movies is None: the kinds genre and subgroup need each film's genres")
    genres = movies.drop_duplicates("movieId").set_index("movieId")["genres"].str.get_dummies("|")
    has_genre = genres.reindex(ratings["movieId"]).fillna(0).to_numpy(dtype=bool)
    if not has_genre.size:
        return np.zeros(len(ratings), dtype=bool)
    common = np.flatnonzero(has_genre.mean(axis=0) >= GENRE_FLOOR)
    return has_genre[:, rng.choice(common)] if common.size else np.zeros(len(ratings), dtype=bool)


def _round_at_random(stars: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Round to the half-star grid, up as often as the rest demands, so that means do not move."""
    steps = stars / STEP
    low = np.floor(steps)
    return (low + (rng.random(len(stars)) < steps - low)) * STEP


def _on_scale(stars: pd.Series) -> pd.Series:
    return stars.clip(LOWEST, HIGHEST)


_SHIFTS: Final[dict[str, Callable[[pd.DataFrame, pd.DataFrame | None, float, np.random.Generator], pd.Series]]] = {
    "level": _level,
    "users": _users,
    "spread": _spread,
    "scale": _scale,
    "half_star": _half_star,
    "popularity": _popularity,
    "genre": _genre,
    "activity": _activity,
    "subgroup": _subgroup,
    "nulls": _nulls,
    "order": _order,
}
KINDS: Final = tuple(_SHIFTS)
