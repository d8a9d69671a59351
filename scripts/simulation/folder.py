"""Write a simulated delivery as MovieLens publishes it: four files, byte for byte in its format."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from scripts.simulation.errors import SimulationError

from . import people, words
from .catalogue import GENRES, NO_GENRES, Catalogue, make_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

USERS_A_STRETCH = 4_096  # some 650 000 ratings at once: bounds the memory, and is part of what a seed means
NO_TMDB_SHARE = 0.0008  # of films, as in ml-latest-small
WriteRows = Callable[[Iterable[Iterable[object]]], None]
LEVELS = pa.array([f"{half_stars / 2}" for half_stars in range(11)])
RATINGS_SCHEMA = pa.schema(
    [("userId", pa.int64()), ("movieId", pa.int64()), ("rating", pa.string()), ("timestamp", pa.int64())]
)


@dataclass(frozen=True)
class Stretch:
    """A run of users with what they rated and tagged."""

    ratings: people.Ratings
    tags: people.Tags


def write_delivery(folder: Path, *, users: int, ratings: int | None, seed: int) -> None:
    """Simulate and write ratings.csv, tags.csv, movies.csv and links.csv into an existing folder."""
    of_films, of_users, of_stretches, of_links = np.random.SeedSequence(seed).spawn(4)
    catalogue = make_catalogue(np.random.default_rng(of_films))
    everyone = people.draw_users(np.random.default_rng(of_users), catalogue, users, ratings)
    tags = words.vocabulary()
    used = np.zeros(len(catalogue.movie_id), dtype=bool)
    with _ratings_file(folder / "ratings.csv") as ratings_file, _tags_file(folder / "tags.csv") as write_tags:
        for stretch in _stretches(catalogue, everyone, of_stretches, len(tags)):
            ratings_file.write_table(_ratings_table(catalogue, stretch.ratings))
            write_tags(_tag_rows(catalogue, stretch.tags, tags))
            used[stretch.ratings.film] = True
    films = np.flatnonzero(used)  # MovieLens lists the films that somebody rated or tagged
    _write_movies(folder / "movies.csv", catalogue, films)
    _write_links(folder / "links.csv", catalogue, films, np.random.default_rng(of_links))


def _stretches(
    catalogue: Catalogue, everyone: people.Users, seeds: np.random.SeedSequence, vocabulary: int
) -> Iterator[Stretch]:
    for start in range(0, len(everyone), USERS_A_STRETCH):
        part = slice(start, start + USERS_A_STRETCH)
        users = people.Users(everyone.first_id + start, everyone.activity[part], everyone.arrival[part])
        rng = np.random.default_rng(seeds.spawn(1)[0])
        ratings = people.rate(rng, catalogue, users)
        yield Stretch(ratings, people.tag(rng, users, ratings, vocabulary))


@contextmanager
def _ratings_file(path: Path) -> Iterator[arrow_csv.CSVWriter]:
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        with arrow_csv.CSVWriter(file, RATINGS_SCHEMA, write_options=options) as writer:
            yield writer


def _ratings_table(catalogue: Catalogue, ratings: people.Ratings) -> pa.Table:
    columns = [
        ratings.user,
        catalogue.movie_id[ratings.film],
        LEVELS.take(pa.array(ratings.level)),
        ratings.seconds,
    ]
    return pa.table(columns, schema=RATINGS_SCHEMA)


@contextmanager
def _tags_file(path: Path) -> Iterator[WriteRows]:
    with _rows_file(path, ("userId", "movieId", "tag", "timestamp")) as write_rows:
        yield write_rows


def _tag_rows(catalogue: Catalogue, tags: people.Tags, vocabulary: list[str]) -> list[tuple[int, int, str, int]]:
    """Order rows by user, film and tag as MovieLens does, capitals among the small letters."""
    rows = zip(
        tags.user.tolist(),
        catalogue.movie_id[tags.film].tolist(),
        [vocabulary[place] for place in tags.tag.tolist()],
        tags.seconds.tolist(),
        strict=True,
    )
    return sorted(rows, key=lambda row: (row[0], row[1], row[2].lower()))


def _write_movies(path: Path, catalogue: Catalogue, films: NDArray[np.int64]) -> None:
    titles = words.titles(films.tolist(), catalogue.release[films].tolist())
    sets, of_film = np.unique(catalogue.genres[films] @ (1 << np.arange(len(GENRES))), return_inverse=True)
    texts = [_genres_text(genres) for genres in sets.tolist()]
    genres = [texts[place] for place in of_film.tolist()]
    with _rows_file(path, ("movieId", "title", "genres")) as write_rows:
        write_rows(zip(catalogue.movie_id[films].tolist(), titles, genres, strict=True))


def _genres_text(genres: int) -> str:
    """Name the genres of a set that is packed into bits."""
    return "|".join(name for place, name in enumerate(GENRES) if genres >> place & 1) or NO_GENRES


def _write_links(path: Path, catalogue: Catalogue, films: NDArray[np.int64], rng: np.random.Generator) -> None:
    """IMDb's ids have seven digits at least and rise with the years; TMDB's are unordered, a few missing."""
    count = len(catalogue.movie_id)
    imdb = 1_000 + 80 * np.argsort(np.argsort(catalogue.release, kind="stable")) + rng.integers(0, 80, count)
    tmdb = 1 + rng.permutation(count) * 9 + rng.integers(0, 9, count)
    missing = rng.random(count) < NO_TMDB_SHARE
    with _rows_file(path, ("movieId", "imdbId", "tmdbId")) as write_rows:
        write_rows(
            (int(catalogue.movie_id[film]), f"{imdb[film]:07d}", "" if missing[film] else int(tmdb[film]))
            for film in films
        )


@contextmanager
def _rows_file(path: Path, header: tuple[str, ...]) -> Iterator[WriteRows]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        yield writer.writerows


def copy_delivery(source: Path, folder: Path) -> None:
    """Copy the files of a delivery into an existing folder; subfolders are left."""
    if not source.is_dir():
        raise SimulationError(f"{source} is no folder: name one with MovieLens's files")
    for path in sorted(source.iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside `folder` that takes its name when all went well, and is removed when not.

    Raises SimulationError when `folder` already holds something: nothing is written over.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SimulationError(f"{folder} is already there: name another folder or remove it first")
    partial = folder.parent / f".{folder.name}.{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed and had this number
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
