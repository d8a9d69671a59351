"""What an attack is made of: the data that it hides among, what its users have in common, and the model it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.types import Floats, Ints

HALF_STARS = np.arange(1, 11) / 2.0
WHOLE_STARS = np.arange(1.0, 6.0)


@dataclass(frozen=True)
class Background:
    """The data an attack is planted in: who rated what, and what each film is like.

    Films are numbered 0 to n_films - 1; `film`, `rating` and `timestamp` (seconds) are rows sorted by user, time and
    film, and user u owns the rows start[u] to start[u + 1].
    """

    start: Ints
    film: Ints
    rating: Floats
    timestamp: Ints
    film_ids: Ints
    genre: Ints
    count: Ints = field(init=False)
    mean: Floats = field(init=False)
    spread: Floats = field(init=False)

    def __post_init__(self) -> None:
        n_films = len(self.film_ids)
        count = np.bincount(self.film, minlength=n_films)
        safe = np.maximum(count, 1)
        overall = float(self.rating.mean()) if len(self.rating) else 3.5
        mean = np.where(count > 0, np.bincount(self.film, self.rating, n_films) / safe, overall)
        square = np.bincount(self.film, self.rating.astype(float) ** 2, n_films) / safe
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "mean", mean)
        # A film with one rating has no spread of its own: one star is the usual spread within a film.
        object.__setattr__(self, "spread", np.where(count > 2, np.sqrt(np.maximum(square - mean**2, 0.05)), 1.0))

    @property
    def n_users(self) -> int:
        return len(self.start) - 1

    @cached_property
    def by_popularity(self) -> Ints:
        """The films, the most rated first."""
        return np.argsort(-self.count, kind="stable")

    @cached_property
    def overall(self) -> tuple[float, float]:
        """Mean and standard deviation of all ratings."""
        return float(self.rating.mean()), float(self.rating.std())

    def user(self, number: int) -> slice:
        return slice(int(self.start[number]), int(self.start[number + 1]))


def background(ratings: pd.DataFrame, movies: pd.DataFrame | None = None) -> Background:
    """The background of a ratings frame (userId, movieId, rating, timestamp); rows with a null are left out."""
    usable = ratings[["userId", "movieId", "rating", "timestamp"]].dropna()
    usable = usable.sort_values(["userId", "timestamp", "movieId"], kind="stable")
    film_ids, film = np.unique(usable["movieId"].to_numpy(np.int64), return_inverse=True)
    _, start = np.unique(usable["userId"].to_numpy(np.int64), return_index=True)
    return Background(
        start=np.append(start, len(usable)).astype(np.int64),
        film=film.astype(np.int64),
        rating=usable["rating"].to_numpy(float),
        timestamp=usable["timestamp"].to_numpy(np.int64),
        film_ids=film_ids,
        genre=first_genres(film_ids, movies),
    )


def first_genres(film_ids: Ints, movies: pd.DataFrame | None) -> Ints:
    """A number for each film's first listed genre; 0 for all films when there is no catalogue."""
    if movies is None or movies.empty:
        return np.zeros(len(film_ids), dtype=np.int64)
    first = movies.drop_duplicates("movieId").set_index("movieId")["genres"].fillna("").astype(str)
    listed = first.str.split("|").str[0].reindex(film_ids).fillna("")
    return np.unique(listed.to_numpy(str), return_inverse=True)[1].astype(np.int64)


@dataclass
class Campaign:
    """One attack under way: what its users have in common."""

    data: Background
    rng: np.random.Generator
    targets: Ints
    push: bool
    sizes: tuple[int, int]
    timing: str
    opens: int
    lasts: int
    selected: Ints
    half_stars: bool
    not_before: int = 0  # a copy comes after its original

    @property
    def grid(self) -> Floats:
        return HALF_STARS if self.half_stars else WHOLE_STARS

    @property
    def aim(self) -> float:
        return float(self.grid[-1] if self.push else self.grid[0])

    def size(self) -> int:
        """A profile size, log-uniform so that small and large profiles are equally often seen."""
        low, high = self.sizes
        high = max(low, min(high, len(self.data.film_ids) - len(self.targets)))
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def round(self, wanted: Floats) -> Floats:
        """The nearest level on the campaign's grid."""
        step = 0.5 if self.half_stars else 1.0
        return np.clip(np.round(np.asarray(wanted) / step) * step, self.grid[0], self.grid[-1])


Profile = tuple["Ints", "Floats"]
Maker = Callable[[Campaign], Profile]


@dataclass(frozen=True)
class Kind:
    """An attack model: how a user's films and ratings are made, and what its campaigns are like."""

    family: str
    make: Maker
    push: bool | None = None  # None: either
    timing: str | None = None  # None: any
    targeted: bool = True
    sizes: tuple[int, int] | None = None
