"""Small deliveries in which nothing moves, and a handle over them."""

from __future__ import annotations

from typing import Self

import duckdb
import numpy as np
import pandas as pd

GENRES = ("Drama", "Comedy|Action", "Comedy", "Action|Horror", "Drama|Horror")
START = 1_100_000_000  # 2004-11, after half-stars came


class Handle:
    """DuckDB in memory, with the tables given."""

    def __init__(self, **tables: pd.DataFrame) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("set threads = 1")
        for name, table in ({"tags": no_tags(), "rejected_rows": no_rejects()} | tables).items():
            self.connection.register("frame", table)
            self.connection.execute(f"create table {name} as select * from frame")

    def sql(self, text: str) -> pd.DataFrame:
        return self.connection.execute(text).df()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def no_tags() -> pd.DataFrame:
    return pd.DataFrame({"userId": [], "timestamp": []}, dtype="int64")


def no_rejects() -> pd.DataFrame:
    return pd.DataFrame({"source_line": pd.Series([], dtype="int64"), "table_name": pd.Series([], dtype="str")})


def movies(films: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "movieId": range(1, films + 1),
            "title": [f"Film {film} ({1960 + film % 40})" for film in range(1, films + 1)],
            "genres": [GENRES[film % len(GENRES)] for film in range(1, films + 1)],
        }
    )


def ratings(users: int = 80, each: int = 40, films: int = 60, seed: int = 0, first_user: int = 1) -> pd.DataFrame:
    """Users with a level of their own, who rate random films in one sitting each, one sitting a day."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(3.5, 0.4, users), each)
    film = np.concatenate([rng.choice(films, each, replace=False) + 1 for _ in range(users)])
    stars = np.clip(np.round(2 * (level + np.sin(film) / 2 + rng.normal(0, 0.8, users * each))) / 2, 0.5, 5.0)
    day = np.repeat(rng.permutation(users), each)
    return pd.DataFrame(
        {
            "source_line": np.arange(2, users * each + 2),
            "userId": np.repeat(np.arange(first_user, first_user + users), each),
            "movieId": film,
            "rating": stars,
            "timestamp": START + 86_400 * day + np.tile(np.arange(each) * 60, users),
        }
    )


def halves(seed: int = 0, users: int = 160) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of the first and of the second half of the users."""
    every = ratings(users=users, seed=seed)
    return every[every["userId"] <= users // 2], every[every["userId"] > users // 2]
