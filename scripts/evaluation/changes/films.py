"""The catalogue of films, and which of them are rated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .frames import NEW, Frames, add, chosen, keep, lowest, mix, put, rows_of_some_users, some_rows

if TYPE_CHECKING:
    from numpy.random import Generator

NO_GENRES = "(no genres listed)"
YEAR = r"\s*\((\d{4})\)\s*$"  # at the title's end
NEWEST = 0.05  # of the films


def popular_films_only(frames: Frames, share: float, rng: Generator) -> Frames:  # noqa: ARG001  nothing is random
    """Ratings of the share of the films that has the fewest are missing."""
    rare = lowest(frames.ratings.groupby("movieId").size(), share)
    return frames.having(ratings=keep(frames.ratings, ~frames.ratings["movieId"].isin(rare).to_numpy()))


def newest_films_take_over(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings go to one of the newest films instead; who has rated it already does not do so again."""
    years = frames.movies.set_index("movieId")["title"].str.extract(YEAR, expand=False).astype(float).fillna(0)
    newest = lowest(-years, NEWEST)
    rows = some_rows(frames.ratings, share, rng)
    ratings = put(frames.ratings, "movieId", rows, rng.choice(newest, len(frames.ratings)))
    return frames.having(ratings=ratings.drop_duplicates(["userId", "movieId"], ignore_index=True))


def genre_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """The commonest genre is missing from a share of the films that have it."""
    genres = frames.movies["genres"].str.split("|")
    commonest = genres.explode().mode()[0]
    left = genres.map(lambda names: "|".join(n for n in names if n != commonest) or NO_GENRES, na_action="ignore")
    return frames.having(movies=put(frames.movies, "genres", some_rows(frames.movies, share, rng), left))


def genres_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films have no genres listed."""
    return frames.having(movies=put(frames.movies, "genres", some_rows(frames.movies, share, rng), NO_GENRES))


def genre_renamed(frames: Frames, share: float, rng: Generator) -> Frames:
    """Sci-Fi is called Science Fiction, in a share of the films."""
    renamed = frames.movies["genres"].str.replace("Sci-Fi", "Science Fiction", regex=False)
    return frames.having(movies=put(frames.movies, "genres", some_rows(frames.movies, share, rng), renamed))


def genres_mixed_up(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films have each other's genres."""
    return frames.having(movies=mix(frames.movies, "genres", some_rows(frames.movies, share, rng), rng))


def years_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the titles come without their year."""
    without = frames.movies["title"].str.replace(YEAR, "", regex=True)
    return frames.having(movies=put(frames.movies, "title", some_rows(frames.movies, share, rng), without))


def titles_in_capitals(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the titles come in capitals."""
    capitals = frames.movies["title"].str.upper()
    return frames.having(movies=put(frames.movies, "title", some_rows(frames.movies, share, rng), capitals))


def films_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films are missing from the catalogue; their ratings are there."""
    return frames.having(movies=keep(frames.movies, ~some_rows(frames.movies, share, rng)))


def films_under_two_ids(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the films have a second id, which half of their ratings stand under."""
    twice = frames.movies[some_rows(frames.movies, share, rng)]
    moved = frames.ratings["movieId"].isin(twice["movieId"]).to_numpy() & chosen(len(frames.ratings), 0.5, rng)
    links = frames.links[frames.links["movieId"].isin(twice["movieId"])]
    return frames.having(
        ratings=put(frames.ratings, "movieId", moved, frames.ratings["movieId"] + NEW),
        movies=add(frames.movies, twice.assign(movieId=twice["movieId"] + NEW)),
        links=add(frames.links, links.assign(movieId=links["movieId"] + NEW)),
    )


def ids_of_another_catalogue(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users send TMDb's ids for films, where there is one."""
    known = frames.links.dropna(subset="tmdbId").drop_duplicates("movieId")
    theirs = known.set_index("movieId")["tmdbId"].astype(np.int64)
    films = frames.ratings["movieId"]
    sent = films.map(theirs).fillna(films).astype(films.dtype)
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=put(frames.ratings, "movieId", rows, sent))
