"""A service that goes on as it did: films come out, users come and come back, at any time and as ever.

Its last part, of whatever length, is held against all before, as a delivery of a week is against years. Nothing moved
then but the calendar; and where its users rate lower, something did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scripts.evaluation.changes.frames import COLUMNS, Frames
from scripts.evaluation.changes.times import DAY
from scripts.evaluation.drifted import drifted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

BEGINS: Final = 1_100_000_000  # 2004-11, after half-stars came
YEARS: Final = 6.0
BEFORE: Final = 8.0  # years of the service that the data don't show: users who came then still come back
USERS: Final = 2_000  # who come in all these years
SITTINGS: Final = 5.0  # of a user, on average
AWAY: Final = 200.0  # days between two of them, on average
FIRST, LATER = 25, 8  # ratings of a user's first sitting and of later ones, about
FILMS_A_DAY: Final = 0.5
FILMS_AGE: Final = 3.0  # years that a film is out when it is rated, on average
PARTS: Final = (0.95, 0.8, 0.5, 0.2, 0.05, 0.01)  # of the time, held against all before
FALL: Final = 0.2  # the share of a part's ratings that go half a star down, where something moved
LEVELS: Final = ("rating", "user_level", "user_bias")


def each_part(services: int, rate: float, relabellings: int, seed: int) -> Iterator[dict[str, Any]]:
    """For each part, in what share of so many services any feature drifted; and one of levels where these fell."""
    for part in PARTS:
        steady, fallen = (
            [told(part, fall, rate, relabellings, seed + number) for number in range(services)] for fall in (0.0, FALL)
        )
        found = {"any": float(np.mean(list(map(bool, steady))))}
        found |= {"without_popularity": float(np.mean([bool(one - {"popularity"}) for one in steady]))}
        yield {"part": part} | found | {"levels": float(np.mean([bool(one.intersection(LEVELS)) for one in fallen]))}


def told(part: float, fall: float, rate: float, relabellings: int, seed: int) -> set[str]:
    """The features that drifted between a service's last part, levels fallen, and all before.

    The share of films that are rated first is left out: where the data begin, old ones are, too.
    """
    from drift.shifts import plant

    before, last = parted(service(np.random.default_rng(seed)), part)
    if fall:
        last = last.having(ratings=plant(last.ratings, None, "level", fall, None, seed)[0])
    return drifted(before, last, rate, relabellings, seed) - {"new_films"}


def parted(delivery: Frames, part: float) -> tuple[Frames, Frames]:
    """What was rated before the last part of the time, and in it."""
    late = delivery.ratings["timestamp"] >= BEGINS + (1 - part) * YEARS * 365 * DAY
    return delivery.having(ratings=delivery.ratings[~late]), delivery.having(ratings=delivery.ratings[late])


def service(rng: Generator) -> Frames:
    """The service's ratings in its `YEARS`; its films' titles don't say when they came out."""
    import pandas as pd

    ratings = _rated(rng)
    films = ratings["movieId"].unique()
    movies = pd.DataFrame({"movieId": films, "title": "A film", "genres": np.where(films % 3, "Drama", "Comedy|War")})
    nothing = {name: pd.DataFrame(columns=list(COLUMNS[name])).astype("int64") for name in ("tags", "links")}
    return Frames(ratings, movies, **nothing)


def _rated(rng: Generator) -> pd.DataFrame:
    """Ratings of all sittings, each user's films once."""
    import pandas as pd

    user, day, ratings = _sittings(rng)
    sitting = np.repeat(np.arange(len(user)), ratings)
    place = np.arange(len(sitting)) - np.repeat(np.cumsum(ratings) - ratings, ratings)
    owner, time = user[sitting], (day[sitting] * DAY).astype(np.int64) + 40 * place
    film = _films(rng, time)
    level, care = rng.normal(3.5, 0.4, USERS)[owner], rng.uniform(0.5, 1.0, USERS)[owner]
    stars = np.round(2 * (level + np.sin(film) / 2 + rng.normal(0, care))) / 2
    frame = pd.DataFrame({"userId": owner + 1, "movieId": film, "rating": np.clip(stars, 0.5, 5.0)})
    return frame.assign(timestamp=BEGINS + time).drop_duplicates(["userId", "movieId"], ignore_index=True)


def _sittings(rng: Generator) -> tuple[Ints, Floats, Ints]:
    """Of each sitting the user, the day and the number of ratings, shape (n_sittings,)."""
    n = rng.geometric(1 / SITTINGS, USERS)
    user = np.repeat(np.arange(USERS), n)
    first = np.append(True, np.diff(user) > 0)
    waited = np.cumsum(np.where(first, 0, rng.exponential(AWAY, len(user))))
    day = 365 * rng.uniform(-BEFORE, YEARS, USERS)[user] + waited - waited[first][user]
    eager = np.exp(rng.normal(0, 0.5, USERS))[user]
    ratings = 1 + rng.poisson(np.where(first, FIRST, LATER) * eager)
    shown = (day >= 0) & (day < 365 * YEARS)
    return user[shown], day[shown], ratings[shown]


def _films(rng: Generator, time: Ints) -> Ints:
    """A film for each time, some liked by many: numbered as they came out, above any that is older than the data."""
    out = time / DAY - rng.exponential(365 * FILMS_AGE, len(time))
    number = np.floor(out * FILMS_A_DAY).astype(np.int64)
    known = 16  # of so many that came out one after the other, the first ones are rated most
    return 100_000 + number // known * known + np.floor(known * rng.random(len(time)) ** 3).astype(np.int64)
