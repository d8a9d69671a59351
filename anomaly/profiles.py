"""Who rated what and when, as flat arrays: the form in which every other module reads the ratings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomaly import packing
from anomaly.threads import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from anomaly.types import Bools, Floats, Ints, Warehouse

# MovieLens opened in 1995 and opened its scale to half stars on 2003-02-18; before, it was 1 to 5 by 1.
HALF_STARS_SINCE = 1_045_526_400
# Ratings worked on at a time: some 100 MB of intermediate arrays. Fetched at a time: a scan of the table each.
CHUNK = 500_000
FETCHED = 2_000_000
# Film ids up to here are looked up in a table of 40 MB, ten times as fast as by bisection; MovieLens's end at 300 000.
DENSE_IDS = 10_000_000


@dataclass(frozen=True)
class Profiles:
    """Ratings of n_users users, sorted by user, time and film; user u owns rows start[u] to start[u + 1].

    Films are numbered by their place in a list shared by all profiles of a run. Time is in seconds UTC. Stars and
    seconds may be stored in narrow types, as millions of rows are; to compute with, a stretch has `rating` and
    `timestamp`.
    """

    start: Ints
    film: Ints
    stars: Floats
    seconds: Ints

    @cached_property
    def rating(self) -> Floats:
        """The stars in single precision."""
        return self.stars.astype(np.float32, copy=False)

    @cached_property
    def timestamp(self) -> Ints:
        """The seconds in a type with room for what is added to them."""
        return self.seconds.astype(np.int64, copy=False)

    @property
    def first_times(self) -> Ints:
        """When each user, who all have rows, rated first."""
        return self.seconds[self.start[:-1]].astype(np.int64)

    @property
    def n_users(self) -> int:
        return len(self.start) - 1

    @property
    def are_many(self) -> bool:
        """Whether threads are worth it for what is done to all ratings at once: a chunk or more of them."""
        return len(self.film) >= CHUNK

    @cached_property
    def size(self) -> Ints:
        """Ratings of each user."""
        return np.diff(self.start)

    @cached_property
    def user(self) -> Ints:
        """The user's number of each row."""
        return np.repeat(np.arange(self.n_users), self.size)

    def rows(self, user: int) -> slice:
        """The rows of one user."""
        return slice(int(self.start[user]), int(self.start[user + 1]))

    def span(self, first: int, last: int) -> Profiles:
        """Users first to last - 1."""
        rows = slice(int(self.start[first]), int(self.start[last]))
        begin = self.start[first : last + 1] - self.start[first]
        return Profiles(begin, self.film[rows], self.stars[rows], self.seconds[rows])

    def take(self, users: Ints) -> Profiles:
        """The given users, in that order."""
        return self.part(self.start[users], self.size[users])

    def part(self, first: Ints, size: Ints) -> Profiles:
        """One user for each stretch of `size` rows from the row `first` on."""
        rows = ranges(first, size)
        return Profiles(np.append(0, np.cumsum(size)), self.film[rows], self.stars[rows], self.seconds[rows])

    def chunks(self, ratings: int = CHUNK) -> Iterator[tuple[int, Profiles]]:
        """First user and profiles of stretches of users with about `ratings` rows each."""
        for first, last in _stretches(self.start, ratings):
            yield first, self.span(first, last)


def by_user(values: Floats | Bools, profiles: Profiles) -> Floats:
    """Sums by user, who all have rows: twenty times as fast as np.bincount, which takes users in any order."""
    return np.add.reduceat(values, profiles.start[:-1], dtype=np.float64)


def ranges(begin: Ints, length: Ints) -> Ints:
    """The whole numbers of each range, one range after the other."""
    end = np.cumsum(length)
    return np.repeat(begin - (end - length), length) + np.arange(end[-1] if len(end) else 0)


def joined(parts: list[Profiles]) -> Profiles:
    """The users of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    size = np.concatenate([part.size for part in parts])
    return Profiles(
        np.concatenate([[0], np.cumsum(size)]),
        np.concatenate([part.film for part in parts]),
        np.concatenate([part.stars for part in parts]),
        np.concatenate([part.seconds for part in parts]),
    )


NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Films:
    """What is known of each film: arrays of shape (n_films,).

    `first` and `second` are the times of its first two ratings (`NEVER` if there are none), so that one user's own can
    be left out.
    """

    ids: Ints
    genre: Ints
    year: Floats  # of release; NaN when the title has none
    count: Ints
    total: Floats
    square: Floats
    first: Ints
    second: Ints

    @classmethod
    def of(cls, ids: Ints, genre: Ints, year: Floats, profiles: Profiles) -> Films:
        """The films as these profiles rate them."""
        none, never = np.zeros(len(ids)), np.full(len(ids), NEVER)
        films = cls(ids, genre, year, none.astype(np.int64), none, none, never, never)
        for _, part in profiles.chunks():
            films = films.with_ratings(part)
        return films

    @cached_property
    def log_count(self) -> Floats:
        """Popularity on a logarithmic scale."""
        return np.log1p(self.count.astype(float))

    @cached_property
    def log_others(self) -> Floats:
        """The same for one of the film's own raters, who is left out."""
        return np.log1p(np.maximum(self.count - 1, 0))

    @cached_property
    def log_id(self) -> Floats:
        """Ids on a logarithmic scale, in order; of negative ones, which the suites tell, as far below zero."""
        ids = self.ids.astype(float)
        return np.sign(ids) * np.log1p(np.abs(ids))

    @cached_property
    def popular_from(self) -> tuple[int, int, int]:
        """Ratings of the films down to which the most rated ones gather a fifth, half and nine tenths of all."""
        ranked = np.sort(self.count)[::-1]
        mass = np.cumsum(ranked)
        top, middle, rare = (int(ranked[np.searchsorted(mass, max(int(mass[-1]), 1) * q)]) for q in (0.2, 0.5, 0.9))
        return top, middle, rare

    def with_ratings(self, profiles: Profiles) -> Films:
        """The same films once these profiles are among the ratings."""
        n, rating = len(self.ids), profiles.rating.astype(float)
        earlier = np.flatnonzero(profiles.timestamp < self.second[profiles.film])  # few, once most ratings are in
        first, second = _first_two(profiles.film[earlier], profiles.timestamp[earlier], n)
        return replace(
            self,
            count=self.count + np.bincount(profiles.film, minlength=n),
            total=self.total + np.bincount(profiles.film, rating, n),
            square=self.square + np.bincount(profiles.film, rating**2, n),
            first=np.minimum(self.first, first),
            second=np.minimum(np.maximum(self.first, first), np.minimum(self.second, second)),
        )


def _first_two(film: Ints, time: Ints, n_films: int) -> tuple[Ints, Ints]:
    """The times of each film's first two ratings, `NEVER` where there are none."""
    film, time = packing.in_order(film, time)
    begin = np.flatnonzero(np.diff(film, prepend=-1))
    first, second = np.full(n_films, NEVER), np.full(n_films, NEVER)
    first[film[begin]] = time[begin]
    twice = begin[(begin + 1 < len(film)) & (film[np.minimum(begin + 1, len(film) - 1)] == film[begin])]
    second[film[twice]] = time[twice + 1]
    return first, second


def load(warehouse: Warehouse, film_ids: Ints, users: pd.DataFrame) -> Profiles:
    """The usable ratings of `users` (columns userId and n_usable, sorted by userId), fetched stretch by stretch."""
    text = (Path(__file__).parent / "profiles.sql").read_text(encoding="utf-8")
    ids, size = users["userId"].to_numpy(np.int64), users["n_usable"].to_numpy(np.int64)
    start = np.concatenate([[0], np.cumsum(size)])
    n = int(start[-1])
    film, stars, seconds = np.empty(n, np.int32), np.empty(n, np.float16), np.empty(n, np.uint32)  # until 2106

    def fetched(stretch: tuple[int, int]) -> pd.DataFrame:
        first, last = stretch
        frame = warehouse.sql(text.format(first_user=int(ids[first]), last_user=int(ids[last - 1])))
        if len(frame) > start[last] - start[first]:  # there are others between them, who rated too little
            frame = frame[frame["userId"].isin(ids[first:last])]
        return frame

    stretches = list(_stretches(start))
    for (first, last), frame in zip(stretches, read_ahead(fetched, stretches), strict=True):
        rows = slice(int(start[first]), int(start[last]))
        place = _place(film_ids, frame["movieId"].to_numpy())
        time = frame["timestamp"].to_numpy()
        # The order of rows in a file is an artefact of who wrote it.
        order = packing.order(frame["userId"].to_numpy(), time, place)
        rating = frame["rating"].to_numpy()[order]
        if (rating.astype(stars.dtype) != rating).any():  # off the scale, whose half stars two bytes hold exactly
            stars = stars.astype(np.float32)
        film[rows], stars[rows], seconds[rows] = place[order], rating, time[order]
    return Profiles(start, film, stars, seconds)


def _stretches(start: Ints, ratings: int = FETCHED) -> Iterator[tuple[int, int]]:
    """First user, and the one after the last, of stretches of users with about so many rows each."""
    first, n_users = 0, len(start) - 1
    while first < n_users:
        last = int(np.searchsorted(start, start[first] + ratings, side="right")) - 1
        last = min(max(last, first + 1), n_users)
        yield first, last
        first = last


def of_rows(frame: pd.DataFrame, film_ids: Ints) -> tuple[Ints, Profiles]:
    """Ids and profiles of the users whose usable ratings are the rows of `frame`, in any order."""
    user, time = frame["userId"].to_numpy(np.int64), frame["timestamp"].to_numpy(np.int64)
    place = _place(film_ids, frame["movieId"].to_numpy(np.int64))
    order = packing.order(user, time, place)
    ids, size = np.unique(user, return_counts=True)
    rating = frame["rating"].to_numpy(np.float32)[order]
    return ids, Profiles(np.append(0, np.cumsum(size)), place[order].astype(np.int32), rating, time[order])


def _place(known: Ints, ids: Ints) -> Ints:
    """Where each id stands among the known ones, which are sorted and hold all of them."""
    if not len(known) or known[0] < 0 or known[-1] > DENSE_IDS:
        return np.searchsorted(known, ids)
    places = np.zeros(int(known[-1]) + 1, np.int32)
    places[known] = np.arange(len(known))
    return places[ids]
