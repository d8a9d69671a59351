"""The kinds of change, three strengths each, and what each of them touches."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import films, harmless, people, rows, tags, times, values
from .frames import Frames, Plant, halves

HARMLESS = "harmless"  # the family in which nothing moves
CURRENT, REFERENCE, BOTH = "current", "reference", "both"  # the halves that are planted
Strengths = tuple[float, float, float]
USERS: Strengths = (0.05, 0.2, 0.5)  # of the users or ratings, where a client or a newcomer is at work
ROWS: Strengths = (0.02, 0.1, 0.3)  # of the ratings, where rows are hurt
ROLL_OUT: Strengths = (0.1, 0.4, 1.0)  # up to all, where a version reaches everybody in the end
LOSS: Strengths = (0.1, 0.3, 0.6)  # of what is dropped, and of all else that is neither of these


@dataclass(frozen=True)
class Change:
    """One kind: `touches` names a column whose values change, or a table whose rows go (-) or come (+)."""

    family: str
    name: str
    plant: Plant
    strengths: Strengths
    touches: tuple[str, ...]
    on: str = CURRENT

    @property
    def harmless(self) -> bool:
        return self.family == HARMLESS

    def split(self, frames: Frames, level: int, seed: int) -> tuple[Frames, Frames]:
        """The halves before anything is planted. Each kind and level splits users anew."""
        return halves(frames, np.random.default_rng(self._key(level, seed)))

    def pair(self, frames: Frames, level: int, seed: int) -> tuple[Frames, Frames]:
        """Reference and current half, planted with one of the strengths."""
        sides = dict(zip((REFERENCE, CURRENT), self.split(frames, level, seed), strict=True))
        for name in sides:
            if self.on in (name, BOTH):  # both draw the same, that a film chosen in one is chosen in the other
                rng = np.random.default_rng([*self._key(level, seed), 1])
                sides[name] = self.plant(sides[name], self.strengths[level], rng)
        return sides[REFERENCE], sides[CURRENT]

    def _key(self, level: int, seed: int) -> list[int]:
        return [seed, zlib.crc32(self.name.encode()), level]


def catalogue() -> list[Change]:
    """Every kind, family by family; the harmless ones last."""
    return [*_values(), *_people(), *_films(), *_times(), *_rows(), *_tags(), *_harmless()]


def _values() -> Iterator[Change]:
    stars = ("ratings.rating",)
    for name, plant, strengths, touches in (
        ("half stars lost", values.half_stars_lost, ROLL_OUT, stars),
        ("fives inflated", values.fives_inflated, LOSS, stars),
        ("half a star kinder", values.half_a_star_kinder, LOSS, stars),
        ("client rates out of ten", values.out_of_ten, USERS, stars),
        ("client knows thumbs alone", values.thumbs, USERS, stars),
        ("default rating", values.default_rating, ROWS, stars),
        ("ratings preset to the film's mean", values.preset_to_mean, USERS, stars),
        ("scale reversed", values.scale_reversed, USERS, stars),
        ("ratings null", values.ratings_null, ROWS, stars),
        ("bad ratings hidden", values.bad_ratings_hidden, LOSS, ("ratings-",)),
        ("lukewarm ratings not given", values.lukewarm_not_given, LOSS, ("ratings-",)),
        ("ratings mixed up", values.ratings_mixed_up, ROLL_OUT, stars),
        ("ratings mixed up within users", values.ratings_mixed_up_within_users, ROLL_OUT, stars),
    ):
        yield Change("stars", name, plant, strengths, touches)


def _people() -> Iterator[Change]:
    gone, more, ids = ("ratings-", "tags-"), ("ratings+",), ("ratings.userId", "tags.userId")
    for name, plant, strengths, touches in (
        ("casual users lost", people.casual_users_lost, LOSS, gone),
        ("heavy users lost", people.heavy_users_lost, ROWS, gone),
        ("old users purged", people.old_users_purged, LOSS, gone),
        ("first ratings of a user only", people.first_ratings_only, (500.0, 100.0, 30.0), ("ratings-",)),
        ("user ids mixed up", people.user_ids_mixed_up, USERS, ids[:1]),
        ("users doubled by a login change", people.users_doubled, LOSS, ids),
        ("accounts merged", people.accounts_merged, LOSS, (*ids, "ratings-")),
        ("bots arrive", people.bots, ROWS, more),
        ("campaign for a film", people.campaign, USERS, more),
        ("country joins", people.country_joins, USERS, more),
        ("import from another service", people.imported, USERS, more),
        ("guests share an id", people.guests, ROWS, ids[:1]),
    ):
        yield Change("users", name, plant, strengths, touches)


def _films() -> Iterator[Change]:
    genres, title, film = ("movies.genres",), ("movies.title",), ("ratings.movieId",)
    for name, plant, strengths, touches in (
        ("popular films only", films.popular_films_only, (0.3, 0.6, 0.9), ("ratings-",)),
        ("newest films take over", films.newest_films_take_over, USERS, (*film, "ratings-")),
        ("genre lost", films.genre_lost, ROLL_OUT, genres),
        ("genres lost", films.genres_lost, USERS, genres),
        ("genre renamed", films.genre_renamed, ROLL_OUT, genres),
        ("genres mixed up among films", films.genres_mixed_up, ROLL_OUT, genres),
        ("years of titles lost", films.years_lost, ROLL_OUT, title),
        ("titles in capitals", films.titles_in_capitals, ROLL_OUT, title),
        ("films lost from the catalogue", films.films_lost, ROWS, ("movies-",)),
        ("films under two ids", films.films_under_two_ids, USERS, (*film, "movies+", "links+")),
        ("ids of another catalogue", films.ids_of_another_catalogue, USERS, film),
    ):
        yield Change("films", name, plant, strengths, touches)


def _times() -> Iterator[Change]:
    time = ("ratings.timestamp",)
    for name, plant, strengths, touches in (
        ("another time zone", times.another_zone, (1.0, 5.0, 12.0), (*time, "tags.timestamp")),
        ("milliseconds", times.milliseconds, USERS, time),
        ("dates alone", times.dates_alone, ROLL_OUT, time),
        ("stamped at the load", times.stamped_at_load, ROWS, time),
        ("Christmas", times.christmas, USERS, time),
        ("rated at the weekend", times.at_the_weekend, LOSS, time),
        ("days sent at once", times.days_sent_at_once, ROLL_OUT, time),
        ("order mixed up within users", times.order_mixed_up, ROLL_OUT, time),
    ):
        yield Change("times", name, plant, strengths, touches)


def _rows() -> Iterator[Change]:
    for name, plant, strengths, touches in (
        ("ratings lost", rows.ratings_lost, LOSS, ("ratings-",)),
        ("ratings delivered twice", rows.ratings_delivered_twice, ROWS, ("ratings+",)),
        ("shard of films lost", rows.shard_of_films_lost, LOSS, ("ratings-",)),
        ("late data cut off", rows.late_data_cut_off, ROWS, ("ratings-", "tags-")),
        ("nights lost", rows.nights_lost, (1.0, 4.0, 10.0), ("ratings-",)),
    ):
        yield Change("rows", name, plant, strengths, touches)


def _tags() -> Iterator[Change]:
    for name, plant, strengths, touches in (
        ("tags in another language", tags.tags_in_another_language, ROLL_OUT, ("tags.tag",)),
        ("tags lost", tags.tags_lost, (0.1, 0.4, 0.9), ("tags-",)),
        ("tag spam", tags.tag_spam, (0.05, 0.3, 2.0), ("tags+",)),
        ("tags preset", tags.tags_preset, ROWS, ("tags+",)),
    ):
        yield Change("tags", name, plant, strengths, touches)


def _harmless() -> Iterator[Change]:
    """By construction no drift: what both halves have alike is none, either."""
    ids, gone = ("ratings.userId", "tags.userId"), ("ratings-", "tags-")
    film = tuple(f"{table}.movieId" for table in ("ratings", "movies", "tags", "links"))
    for name, plant, strengths, touches, on in (
        ("users split at random", harmless.nothing, (0.0, 0.0, 0.0), (), CURRENT),
        ("rows in another order", harmless.rows_in_another_order, ROLL_OUT, (), CURRENT),
        ("users renumbered", harmless.users_renumbered, ROLL_OUT, ids, CURRENT),
        ("fewer users", harmless.fewer_users, LOSS, gone, CURRENT),
        ("fewer users before", harmless.fewer_users, LOSS, gone, REFERENCE),
        ("genres in another order", harmless.genres_in_another_order, ROLL_OUT, ("movies.genres",), CURRENT),
        ("films renumbered in both", harmless.films_renumbered, ROLL_OUT, film, BOTH),
        ("half stars lost in both", values.half_stars_lost, ROLL_OUT, ("ratings.rating",), BOTH),
        (
            "another time zone in both",
            times.another_zone,
            (1.0, 5.0, 12.0),
            ("ratings.timestamp", "tags.timestamp"),
            BOTH,
        ),
        ("genres lost in both", films.genres_lost, USERS, ("movies.genres",), BOTH),
        ("tags in another language in both", tags.tags_in_another_language, ROLL_OUT, ("tags.tag",), BOTH),
    ):
        yield Change(HARMLESS, name, plant, strengths, touches, on)
