"""What all ratings say of each film, asked of the warehouse where they lie: bounded by films, never by ratings.

Where a model is learned from a sample of the users, a film is still what everybody makes of it: its popularity and
mean, when it was in fashion, and when it was rated at the ends of the scale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly.ends import BOTTOM, TOP
from anomaly.fashion import Eras
from anomaly.features import KEY_BITS, Extremes
from anomaly.profiles import NEVER, Films

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.profiles import Profiles
    from anomaly.types import Floats, Ints, Warehouse

# Of a film that was rated at one end of the scale more often, times are left out; between those that are kept, ratings
# are taken to come evenly. Measured: ten times as many change no user's score.
EXTREMES_A_FILM = 1_000


@dataclass(frozen=True)
class RunningExtremes(Extremes):
    """Extremes of which some are left out: `count` says how many there are up to and with each key, over all films.

    The first and the last of each film and end are there, so that no other film's are counted with them.
    """

    count: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @cached_property
    def all_time(self) -> Ints:
        """How many ratings each film and end have: shape (highest film * 2 + 2,)."""
        film_end = self.key >> KEY_BITS
        last = np.flatnonzero(np.diff(film_end, append=-1))
        found = np.zeros(int(film_end.max(initial=-1)) + 1, np.int64)
        found[film_end[last]] = np.diff(self.count[last], prepend=0)
        return found

    def indexed(self, low: Ints, high: Ints) -> Ints:
        """How many indexed ratings lie in each closed range of keys."""
        return self._until(high) - self._until(low - 1) if len(self.key) else np.zeros(len(low), np.int64)

    def _until(self, key: Ints) -> Ints:
        """How many indexed ratings there are up to and with each key."""
        after = np.searchsorted(self.key, key, side="right")
        begin, end = np.maximum(after - 1, 0), np.minimum(after, len(self.key) - 1)
        step, length = self.count[end] - self.count[begin], np.maximum(self.key[end] - self.key[begin], 1)
        return np.where(after > 0, self.count[begin], 0) + (key - self.key[begin]) * step // length


@dataclass(frozen=True)
class Facts:
    """What profiles are measured against besides other users' tastes, by the ratings of all users."""

    films: Films
    extremes: Extremes
    eras: Eras


def load(warehouse: Warehouse, films: tuple[Ints, Ints, Floats], users: pd.DataFrame, sample: Profiles) -> Facts:
    """The facts of `films` (ids, genres, years: see load_films) by the usable ratings of `users` (column userId).

    Eras are those of the sample: they only have to hold about equally many users.
    """
    ids = films[0]
    ratings = _text("profiles").format(first_user=users["userId"].min(), last_user=users["userId"].max())

    def rows(name: str, **more: object) -> tuple[Ints, pd.DataFrame]:
        found = warehouse.sql(_text(name).format(ratings=ratings, **more))
        return np.searchsorted(ids, found["movieId"].to_numpy(np.int64)), found

    border = Eras.of(sample, len(ids)).border
    return Facts(
        _films(films, *rows("film_counts")),
        _extremes(*rows("film_extremes", most=EXTREMES_A_FILM, top=TOP, bottom=BOTTOM)),
        _eras(border, len(ids), *rows("film_eras", era=_era(border))),
    )


def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")


def _films(films: tuple[Ints, Ints, Floats], film: Ints, found: pd.DataFrame) -> Films:
    def column(name: str, otherwise: Any) -> Any:
        values = np.full(len(films[0]), otherwise)
        known = found[name].notna().to_numpy()
        values[film[known]] = found[name].to_numpy()[known]
        return values

    ids, genre, year = films
    sums = (column("count", 0), column("total", 0.0), column("square", 0.0))
    return Films(ids, genre, year, *sums, column("first", NEVER), column("second", NEVER))


def _extremes(film: Ints, found: pd.DataFrame) -> RunningExtremes:
    film_end = film.astype(np.int64) * 2 + found["top"].to_numpy(np.int64)
    place, key = found["place"].to_numpy(np.int64), (film_end << KEY_BITS) + found["timestamp"].to_numpy(np.int64)
    order = np.lexsort((place, key))
    place, film_end = place[order], film_end[order]
    of_film = np.where(np.diff(film_end, append=-1) != 0, place, 0)  # how many there are, at the last one
    before = np.cumsum(of_film) - of_film
    return RunningExtremes(key[order], count=place + before)


def _eras(border: Ints, n_films: int, film: Ints, found: pd.DataFrame) -> Eras:
    counted = np.zeros((n_films, len(border) + 1), np.float32)
    counted[film, found["era"].to_numpy(np.int64)] = found["ratings"].to_numpy()
    return Eras.counted(border, counted)


def _era(border: Ints) -> str:
    """The number of a time's era, as `Eras.era` tells it, in SQL."""
    cases = "".join(f'when "timestamp" <= {time} then {number} ' for number, time in enumerate(border.tolist()))
    return f"case {cases}else {len(border)} end"
