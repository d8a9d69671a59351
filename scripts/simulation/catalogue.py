"""A universe of films: what each is, how good, how popular, and since when it can be rated.

Popularity is log-normal with a ceiling (the head of MovieLens is known to half of its users, the
median film to a handful in a hundred thousand), so one universe serves a delivery of any size:
a small one meets few of its films, as ml-latest-small does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .calendar import FIRST_YEAR, YEARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILMS = 88_000  # about what the largest MovieLens editions hold
TASTES = 4  # latent dimensions; genres span them, so that neighbours in taste share genres

# Share of films that carry each genre, rounded; a film may carry several.
GENRE_SHARES = {
    "Action": 0.18, "Adventure": 0.12, "Animation": 0.06, "Children": 0.07, "Comedy": 0.38, "Crime": 0.12,
    "Documentary": 0.05, "Drama": 0.45, "Fantasy": 0.08, "Film-Noir": 0.01, "Horror": 0.10, "IMAX": 0.015,
    "Musical": 0.035, "Mystery": 0.06, "Romance": 0.16, "Sci-Fi": 0.10, "Thriller": 0.19, "War": 0.04,
    "Western": 0.02,
}  # fmt: skip
GENRES = tuple(GENRE_SHARES)
NO_GENRES = "(no genres listed)"
NO_GENRES_SHARE = 0.003  # of films, as in ml-latest-small
GENRE_WEIGHT = 0.75  # of a film's taste; the rest is the film's own

POPULARITY_SPREAD = 3.4  # standard deviation of log popularity
POPULARITY_CEILING = 80_000.0  # times the median film's; saturation keeps the head below "everyone"
QUALITY_SPREAD = 0.33  # in standard deviations of a rating
# How far films of a genre lie above or below others, in stars, as in published editions (between them 0.1 apart).
GENRE_QUALITY = {
    "Film-Noir": 0.42, "War": 0.30, "Documentary": 0.27, "Drama": 0.17, "Crime": 0.12, "Mystery": 0.10,
    "Animation": 0.10, "Western": 0.06, "Musical": 0.04, "Romance": 0.03, "Sci-Fi": -0.04, "Action": -0.06,
    "Comedy": -0.10, "Children": -0.12, "Fantasy": -0.12, "Horror": -0.30,
}  # fmt: skip
QUALITY_OF_POPULAR = 0.06  # known films are a little better liked
NEW_FILM_BOOST = 3.0  # a film of this year is rated so many times more often than an old one, beyond its due
NEW_FILM_YEARS = 8.0  # and this fades with the film's age


@dataclass(frozen=True)
class Catalogue:
    """Films in the order in which the site added them; arrays are of shape (FILMS,) unless stated."""

    movie_id: NDArray[np.int64]
    release: NDArray[np.int64]
    quality: NDArray[np.float64]
    genres: NDArray[np.bool_]  # (FILMS, len(GENRES))
    taste: NDArray[np.float32]  # (FILMS, TASTES), unit length on average
    available: NDArray[np.int64]  # (len(YEARS),): films that could be rated by the end of each year
    _starts: NDArray[np.int64]
    _cumulative: NDArray[np.float64]  # one distribution over films for each year, end to end, year i in [i, i + 1]

    def draw(self, rng: np.random.Generator, year: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw one film for each year given, by that year's popularity, among those available by then."""
        index = year - FIRST_YEAR
        found = np.searchsorted(self._cumulative, index + rng.random(len(index)), side="right")
        film: NDArray[np.int64] = np.minimum(found - self._starts[index], self.available[index] - 1)
        return film


def make_catalogue(rng: np.random.Generator) -> Catalogue:
    """Make the universe of films; the same for every delivery of a seed, whatever its size."""
    release = _release_years(rng)
    appeal = rng.normal(0, POPULARITY_SPREAD, FILMS) + _appeal_of_era(release)
    order, available = _order_of_arrival(rng, release, appeal)
    release, appeal = release[order], appeal[order]
    genres = _genres(rng)
    starts, cumulative = _yearly_distributions(release, appeal, available)
    weight = _mean_share(starts, cumulative)
    quality = rng.normal(0, QUALITY_SPREAD, FILMS) + QUALITY_OF_POPULAR * np.clip(appeal, -5, 8) + _of_genres(genres)
    taste = _tastes(rng, genres)
    return Catalogue(
        movie_id=_movie_ids(rng, available),
        release=release,
        quality=quality - weight @ quality,  # the usual rating is of a middling film, whatever the seed
        genres=genres,
        taste=taste - (weight @ taste).astype(np.float32),
        available=available,
        _starts=starts,
        _cumulative=cumulative,
    )


def _release_years(rng: np.random.Generator) -> NDArray[np.int64]:
    """Film output grows by some 3.5 % a year since 1903."""
    years = np.arange(1903, int(YEARS[-1]) + 1)
    share = np.exp((years - years[-1]) / 28.0)
    return rng.choice(years, FILMS, p=share / share.sum())


def _appeal_of_era(release: NDArray[np.int64]) -> NDArray[np.float64]:
    """Old films are on file only if somebody cares, and those of the last years are catalogued all."""
    return np.interp(release, [1903, 1980, 1994, 2005, 2025], [-1.6, 0.0, 1.3, 0.6, -0.8])


def _order_of_arrival(
    rng: np.random.Generator, release: NDArray[np.int64], appeal: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each year the site adds films that are out by then, the wanted ones first."""
    wanted = appeal + rng.normal(0, 1.0, FILMS)
    arrival = np.full(FILMS, len(YEARS), dtype=np.int64)
    goal = np.interp(YEARS, [1996, 2000, 2005, 2012, 2018, 2025], np.array([0.02, 0.05, 0.11, 0.25, 0.65, 1]) * FILMS)
    for index, year in enumerate(YEARS):
        waiting = np.flatnonzero((arrival == len(YEARS)) & (release <= year))
        room = int(goal[index]) - int((arrival < len(YEARS)).sum())
        chosen = waiting[np.argsort(-wanted[waiting], kind="stable")[: max(room, 0)]]
        arrival[chosen] = index
    order = np.argsort(arrival, kind="stable")
    return order, np.searchsorted(arrival[order], np.arange(len(YEARS)), side="right")


def _yearly_distributions(
    release: NDArray[np.int64], appeal: NDArray[np.float64], available: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    popularity = np.exp(appeal)
    popularity /= 1 + popularity / POPULARITY_CEILING
    pieces = []
    for index, count in enumerate(available):
        age = YEARS[index] - release[:count]
        share = np.cumsum(popularity[:count] * (1 + NEW_FILM_BOOST * np.exp(-age / NEW_FILM_YEARS)))
        pieces.append(index + share / share[-1])
    return np.concatenate([[0], np.cumsum(available)[:-1]]), np.concatenate(pieces)


def _mean_share(starts: NDArray[np.int64], cumulative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each film's share of the ratings, the years weighing the same."""
    share = np.diff(cumulative, prepend=0.0)
    film = np.arange(len(cumulative)) - np.repeat(starts, np.diff(starts, append=len(cumulative)))
    total: NDArray[np.float64] = np.bincount(film, share, FILMS) / len(starts)
    return total


def _genres(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw each genre by its share; who drew none gets one, but for the few that the site lists without."""
    shares = np.array(list(GENRE_SHARES.values()))
    genres = rng.random((FILMS, len(GENRES))) < shares
    bare = np.flatnonzero(~genres.any(axis=1))
    genres[bare, rng.choice(len(GENRES), len(bare), p=shares / shares.sum())] = True
    genres[rng.random(FILMS) < NO_GENRES_SHARE] = False
    return genres


def _of_genres(genres: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What its genres add to a film's quality together; shape (FILMS,)."""
    return np.asarray(genres @ np.array([GENRE_QUALITY.get(genre, 0.0) for genre in GENRES]))


def _tastes(rng: np.random.Generator, genres: NDArray[np.bool_]) -> NDArray[np.float32]:
    of_genre = rng.normal(0, 1, (len(GENRES), TASTES))
    mean = (genres @ of_genre) / np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
    own = rng.normal(0, 1, (FILMS, TASTES))
    taste = GENRE_WEIGHT * mean + np.sqrt(1 - GENRE_WEIGHT**2) * own
    return (taste / np.sqrt(TASTES)).astype(np.float32)


def _movie_ids(rng: np.random.Generator, available: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids rise as films arrive: nearly without gaps in the early years, with wide ones later."""
    progress = np.arange(FILMS) / FILMS
    widest = np.where(progress < available[9] / FILMS, 2, 7)
    return np.cumsum(1 + rng.integers(0, widest))
