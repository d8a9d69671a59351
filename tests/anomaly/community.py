"""A small made-up community of honest raters: tastes, popularity, sessions; and the warehouse that holds it."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

N_FILMS = 400
START = 1_100_000_000  # 2004-11: half stars are allowed, all films are out


class Tables:
    """A handle with `sql` over two frames."""

    def __init__(self, ratings: pd.DataFrame, movies: pd.DataFrame) -> None:
        self.connection = duckdb.connect()
        ratings = ratings.copy()
        if "source_line" not in ratings:
            ratings["source_line"] = np.arange(2, len(ratings) + 2)
        types = {"userId": "Int64", "movieId": "Int64", "rating": "float64", "timestamp": "Int64"}
        self.connection.register("frame", ratings.astype(types))
        self.connection.execute("create table ratings as select * from frame")
        self.connection.register("movies", movies)

    def sql(self, text: str) -> pd.DataFrame:
        return self.connection.execute(text).df()


def movies() -> pd.DataFrame:
    """Films 1 to 400 in two genres."""
    ids = np.arange(1, N_FILMS + 1)
    return pd.DataFrame(
        {
            "movieId": ids,
            "title": [f"Film {film} ({1960 + film % 40})" for film in ids],
            "genres": np.where(ids % 2, "Drama|War", "Comedy"),
        }
    )


def honest(n_users: int = 120, seed: int = 3) -> pd.DataFrame:
    """Users 1 to n_users, 20 to 120 ratings each: they mostly watch their own genre and like it better."""
    rng = np.random.default_rng(seed)
    appeal = 1 / (np.arange(N_FILMS) + 8.0)
    quality = rng.normal(3.4, 0.5, N_FILMS)
    parts = []
    for user in range(1, n_users + 1):
        liked = np.arange(N_FILMS) % 2 == user % 2
        chance = appeal * np.where(liked, 5.0, 1.0)
        films = rng.choice(N_FILMS, size=int(rng.integers(20, 120)), replace=False, p=chance / chance.sum())
        wanted = quality[films] + 0.7 * liked[films] + rng.normal(0, 0.3) + rng.normal(0, 0.6, len(films))
        gaps = np.where(rng.random(len(films)) < 0.05, rng.integers(3600, 900_000, len(films)), rng.integers(2, 60))
        gaps = gaps + rng.integers(0, 25, len(films))
        begin = START + int(rng.integers(0, 200_000_000))
        parts.append(
            pd.DataFrame(
                {
                    "userId": user,
                    "movieId": films + 1,
                    "rating": np.clip(np.round(wanted * 2) / 2, 0.5, 5.0),
                    "timestamp": begin + np.cumsum(gaps),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def bots(first_user: int, n_users: int = 4, size: int = 60, seed: int = 9) -> pd.DataFrame:
    """Users who give 5.0 to everything, forty films a second."""
    rng = np.random.default_rng(seed)
    parts = []
    for user in range(first_user, first_user + n_users):
        films = rng.choice(N_FILMS, size=size, replace=False) + 1
        seconds = START + user * 1000 + np.arange(size) // 40
        parts.append(pd.DataFrame({"userId": user, "movieId": films, "rating": 5.0, "timestamp": seconds}))
    return pd.concat(parts, ignore_index=True)
