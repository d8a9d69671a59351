"""Every expectation catches the fault that it is there for, at its line, and no other critical one cries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import duckdb
import pytest

from checks.engine.suites import declared_suites
from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.loader import load
from checks.tables import DELIVERED
from checks.warehouse import Warehouse
from tests import deliveries

Files = dict[str, list[str]]


@dataclass(frozen=True)
class Fault:
    """A fault, the start of the sentence of the expectation that must catch it, and the line that it must name."""

    suite: str
    sentence: str
    plant: Callable[[Files], object] = lambda _: None
    line: int | None = None
    change: Callable[[Warehouse], object] = lambda _: None
    max_age: int | None = None  # in days
    also: tuple[str, ...] = ()  # sentences of critical expectations that the same fault breaks by its nature


def cell(table: str, line: int, column: int, value: str) -> Callable[[Files], None]:
    """Put `value` into a cell: `line` as in the file, `column` from 0."""

    def plant(files: Files) -> None:
        cells = files[table][line - 1].split(",")
        cells[column] = value
        files[table][line - 1] = ",".join(cells)

    return plant


def add(table: str, row: str) -> Callable[[Files], None]:
    """Append a row."""
    return lambda files: files[table].append(row)


def drop(table: str, line: int) -> Callable[[Files], None]:
    """Remove a line."""
    return lambda files: files[table].pop(line - 1)


def keep(table: str, lines: int) -> Callable[[Files], None]:
    """Keep the first lines alone."""
    return lambda files: files[table].__delitem__(slice(lines, None))


def every(table: str, column: int, value: Callable[[str], str]) -> Callable[[Files], None]:
    """Change a column in every row."""

    def plant(files: Files) -> None:
        for line in range(2, len(files[table]) + 1):
            cell(table, line, column, value(files[table][line - 1].split(",")[column]))(files)

    return plant


def retype(table: str, column: str, type_: str) -> Callable[[Warehouse], object]:
    """Give a loaded column another type, as a table made elsewhere would have."""

    def change(warehouse: Warehouse) -> None:
        warehouse.sql(f"create table other as select * replace ({column}::{type_} as {column}) from {table}")
        warehouse.sql(f"drop view {table}")
        warehouse.sql(f"alter table other rename to {table}")

    return change


def renamed(table: str, column: str) -> Callable[[Files], None]:
    """Rename a column in the header."""
    return lambda files: files[table].__setitem__(0, files[table][0].replace(column, f"{column}_new"))


def crowd(*row_of: Callable[[int, int], str]) -> Callable[[Files], None]:
    """Add 400 users, 5 to 404, who rate every film: the cells of a user and film, in the file's order."""

    def plant(files: Files) -> None:
        for user in range(5, 405):
            for film in range(1, deliveries.FILMS + 1):
                files["ratings"].append(",".join(cell(user, film) for cell in row_of))

    return plant


def user_id(user: int, film: int) -> str:
    return str(user)


def film_id(user: int, film: int) -> str:
    return str(film)


def any_level(user: int, film: int) -> str:
    """A level that has nothing to do with the film."""
    return str(Random(user * 1000 + film).choice(deliveries.LEVELS))


def level_of_film(user: int, film: int) -> str:
    return str(max(0.5, min(5.0, deliveries.LEVELS[film - 1] + (user % 3 - 1) / 2)))


def own_time(user: int, film: int) -> str:
    return str(deliveries.START + user * 3600 + film * 41)


def rounded_of_every(nth: int, seconds: int) -> Callable[[int, int], str]:
    """Own times, those of one user in so many rounded to so many seconds."""

    def time(user: int, film: int) -> str:
        own = int(own_time(user, film))
        return str(own if user % nth else own // seconds * seconds)

    return time


def after_a_pause(user: int, film: int) -> str:
    return str(deliveries.START + 93 * 86_400 + user * 3600 + film * 41)


def tags_of(
    time: Callable[[int], int], film: Callable[[int], int] = lambda user: user % 25 + 1
) -> Callable[[Files], None]:
    """Let 30 of the crowd's users tag a film each."""

    def plant(files: Files) -> None:
        crowd(user_id, film_id, level_of_film, own_time)(files)
        files["tags"] += [f"{user},{film(user)},word {user},{time(user)}" for user in range(5, 35)]

    return plant


def dramas_and_horror(lower: float) -> Callable[[Files], None]:
    """A hundred films more, every other one of horror, which twenty users more rate lower by so much."""

    def plant(files: Files) -> None:
        for film in range(26, 126):
            files["movies"].append(f"{film},Film {film} (1990),{('Drama', 'Horror')[film % 2]}")
            files["links"].append(f"{film},{film + 7:07d},{film + 100}")
        for user in range(5, 25):
            for film in range(26, 126):
                level = max(0.5, deliveries.LEVELS[film // 2 % 25] - lower * (film % 2))
                files["ratings"].append(f"{user},{film},{level},{own_time(user, film)}")

    return plant


def more_films(
    title: str = "Film {} (1990)",
    elsewhere: Callable[[int], tuple[int, int]] = lambda film: (film + 7, film + 100),
) -> Callable[[Files], None]:
    """A hundred films more, each with its title and its ids at IMDb and TMDB."""

    def plant(files: Files) -> None:
        for film in range(26, 126):
            imdb, tmdb = elsewhere(film)
            files["movies"].append(f"{film},{title.format(film)},War")
            files["links"].append(f"{film},{imdb:07d},{tmdb}")

    return plant


def a_thousand_films(imdb: Callable[[int], int]) -> Callable[[Files], None]:
    """Of a hundred years, ten of each, with their ids at IMDb."""

    def plant(files: Files) -> None:
        for film in range(1000, 2000):
            files["movies"].append(f"{film},Film {film} ({1900 + film // 10 - 100}),War")
            files["links"].append(f"{film},{imdb(film):07d},{film + 100}")

    return plant


LAST_RATING = 1 + deliveries.USERS * deliveries.FILMS  # user 4, film 25
NEXT = LAST_RATING + 1
ROW_RULES = "ratings has at least 20 rows", "Every user has"

FAULTS = [
    Fault("ratings", "ratings has exactly", lambda f: every("ratings", 3, lambda v: f"{v},x")(f) or
          f["ratings"].__setitem__(0, f["ratings"][0] + ",extra")),
    Fault("ratings", "ratings has at least 20 rows", keep("ratings", 20)),
    Fault("ratings", "`rating` of ratings is of type", change=retype("ratings", "rating", "decimal(3,1)")),
    Fault("ratings", "`userId` is given", cell("ratings", 7, 0, ""), 7),
    Fault("ratings", "`movieId` is given", cell("ratings", 8, 1, ""), 8),
    Fault("ratings", "`rating` is given", cell("ratings", 9, 2, ""), 9),
    Fault("ratings", "`timestamp` is given", cell("ratings", 10, 3, ""), 10),
    Fault("ratings", "`userId` of ratings is a positive", cell("ratings", 3, 0, "0"), 3),
    Fault("ratings", "`movieId` of ratings is a positive", cell("ratings", 3, 1, "-5"), 3, also=("Every rated film",)),
    Fault("ratings", "`rating` is on the half-star scale", cell("ratings", 40, 2, "7.5"), 40),
    Fault("ratings", "`rating` is on the half-star scale", cell("ratings", 41, 2, "3.7"), 41),
    Fault("ratings", "`rating` is on the half-star scale", cell("ratings", 42, 2, "0.0"), 42),
    Fault("ratings", "Half stars appear only", lambda f: (cell("ratings", 5, 2, "3.5")(f),
                                                            cell("ratings", 5, 3, "1044057599")(f)), 5),
    Fault("ratings", "`timestamp` of ratings is in seconds", cell("ratings", 6, 3, "1100000000000"), 6),
    Fault("ratings", "`timestamp` of ratings is in seconds", cell("ratings", 6, 3, "789609599"), 6,
          also=("Half stars appear only",)),
    Fault("ratings", "A user rates a film once", add("ratings", f"1,1,4.0,{deliveries.START + 5}"), NEXT),
    Fault("ratings", "Every rated film is in movies", cell("ratings", 12, 1, "999"), 12),
    Fault("ratings", "Every user has at least 20", add("ratings", f"9,1,4.0,{deliveries.START + 5}"), NEXT),
    Fault("ratings", "No film is rated more than a year", cell("movies", 26, 1, "Film 25 (2006)"), 26),
    Fault("ratings", "At most 5 % of the ratings are of films", lambda f: [
        cell("movies", line, 1, f"Film {line - 1} (2006)")(f) for line in (2, 3)], also=("No film is rated more",)),
    Fault("ratings", "The mean rating is between", every("ratings", 2, lambda v: str(max(0.5, float(v) - 1)))),
    Fault("ratings", "The standard deviation", every("ratings", 2, lambda v: "3.5")),
    Fault("ratings", "No rating level holds more than 45", every("ratings", 2, lambda v: "4.0" if v > "3.0" else v)),
    Fault("ratings", "Of the ratings since 2003-03", every("ratings", 2, lambda v: str(float(round(float(v)))))),
    Fault("ratings", "Each half star is in use", crowd(
        user_id, film_id, lambda u, f: str(max(1.0, float(level_of_film(u, f)))), own_time)),
    Fault("ratings", "Films differ in how", crowd(user_id, film_id, any_level, own_time)),
    Fault("ratings", "Users rate in sittings", crowd(
        user_id, film_id, level_of_film, lambda u, f: str(deliveries.START + u * 61 + f * 7 * 86_400))),
    Fault("ratings", "At most half of the ratings are of one second", crowd(
        user_id, film_id, level_of_film, lambda u, f: str(deliveries.START + 1)), also=("No second is shared",)),
    Fault("ratings", "At most a fifth of the ratings are timed", crowd(
        user_id, film_id, level_of_film, lambda u, f: str((deliveries.START + u * 3600 + f * 41) // 60 * 60)),
          also=("At least a quarter of the ratings",)),
    Fault("ratings", "At least a quarter of the ratings are timed", crowd(
        user_id, film_id, level_of_film, lambda u, f: str((deliveries.START + u * 3600 + f * 41) // 64 * 64))),
    Fault("ratings", "At most 6 % of a thousand ratings", crowd(
        user_id, film_id, level_of_film, rounded_of_every(10, 60))),
    Fault("ratings", "At least 42 % of a thousand ratings", crowd(
        user_id, film_id, level_of_film, rounded_of_every(3, 64))),
    Fault("ratings", "Of a thousand ratings and more, the mean", crowd(
        user_id, film_id, lambda u, f: str(5.5 - float(level_of_film(u, f))), own_time)),
    Fault("ratings", "No rating level holds more than 55", crowd(
        user_id, film_id, lambda u, f: "3.0" if u % 3 else level_of_film(u, f), own_time)),
    Fault("ratings", "No second is shared", crowd(
        user_id, film_id, level_of_film, lambda u, f: own_time(u, f) if u % 5 else str(deliveries.START))),
    Fault("ratings", "No block of user ids", add("ratings", f"99,1,4.0,{deliveries.START}"), NEXT),
    Fault("ratings", "At least 90 % of the user ids", add("ratings", f"99,1,4.0,{deliveries.START}")),
    Fault("ratings", "No quarter of a year", crowd(user_id, film_id, level_of_film, after_a_pause)),
    Fault("ratings", "The newest rating is no older", max_age=1),
    Fault("movies", "movies has exactly", renamed("movies", "genres")),
    Fault("movies", "movies has at least", keep("movies", 1), also=("Every rated film", "Every tagged film")),
    Fault("movies", "`movieId` of movies is of type", change=retype("movies", "movieId", "int")),
    Fault("movies", "`movieId` is given", add("movies", ",Film (1990),Drama"), 27),
    Fault("movies", "`title` is given", cell("movies", 4, 1, ""), 4),
    Fault("movies", "`genres` is given", cell("movies", 5, 2, ""), 5),
    Fault("movies", "`movieId` of movies is a positive", add("movies", "0,Film (1990),Drama"), 27),
    Fault("movies", "A `movieId` stands in movies once", add("movies", "25,Other film (1990),Drama"), 27),
    Fault("movies", "Every title ends in its year", cell("movies", 6, 1, "Film 5"), 6),
    Fault("movies", "No title begins or ends with a blank", cell("movies", 7, 1, " Film 6 (1976)"), 7),
    Fault("movies", "No title begins or ends with a blank", cell("movies", 7, 1, "\xa0Film 6 (1976)"), 7),
    Fault("movies", "No title is blank", cell("movies", 8, 1, '"  "'), 8),
    Fault("movies", "No title is blank", cell("movies", 8, 1, "\xa0\u3000"), 8),
    Fault("movies", "A title stands in movies once", cell("movies", 9, 1, "Film 1 (1971)"), 9),
    Fault("movies", "Every genre is one of", cell("movies", 10, 2, "Drama|Telenovela"), 10),
    Fault("movies", "Every film has a row in links", drop("links", 11), 11),
    Fault("movies", "At least 85 % of the films", lambda f: [add("movies", f"{film},New {film} (2000),Drama")(f)
                                                             for film in range(26, 36)], 27),
    Fault("movies", "Dramas are rated higher", dramas_and_horror(0.0), 2),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "AmÃ©lie (2001)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "AmÃ‰lie (2001)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Tom &amp; Jerry (1992)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "<script>alert(1)</script> (1992)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Toy\0Story (1995)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Toy\x9fStory (1995)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Toy\u200bStory (1995)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Toy \u202eyrotS (1995)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "\ufeffToy Story (1995)"), 3),
    Fault("movies", "No title shows a wrong encoding", cell("movies", 3, 1, "Toy\uffffStory (1995)"), 3),
    Fault("movies", "Letters of titles were not", cell("movies", 3, 1, "Am?lie (1973)"), 3),
    Fault("movies", "No title looks like test data", cell("movies", 3, 1, "Test movie 2 (1973)"), 3),
    Fault("movies", "No title looks like test data", cell("movies", 3, 1, "TBD (1973)"), 3),
    Fault("movies", "Every film's year is from 1874", cell("movies", 3, 1, "Film (2011)"), 3),
    Fault("movies", "Every film's year is from 1874", cell("movies", 3, 1, "Film (0000)"), 3),
    Fault("movies", "At most 20 % of the films", lambda f: [cell("movies", line, 2, "(no genres listed)")(f)
                                                           for line in range(2, 8)], 2),
    Fault("movies", "At most 40 % of the films", lambda f: [cell("movies", line, 2, "(no genres listed)")(f)
                                                           for line in range(2, 13)], 2),
    Fault("movies", "At least 90 % of the titles", more_films("Unknown (1990)"), also=("A title stands",)),
    Fault("movies", "A film's genres are each given once", cell("movies", 4, 2, "Drama|Comedy|Drama"), 4),
    Fault("movies", "A film's genres are each given once", cell("movies", 5, 2, "(no genres listed)|Drama"), 5),
    Fault("movies", "No list of genres is that", more_films()),
    Fault("movies", "No year of release is that", more_films()),
    Fault("tags", "At most half of the tags", lambda f: [add("tags", f"1,{n % 25 + 1},word {n},{deliveries.START}")(f)
                                                         for n in range(100)], 6),
    Fault("tags", "Tags and ratings were timed", tags_of(lambda user: int(own_time(user, user % 25 + 1)) + 4 * 3600)),
    Fault("tags", "At least a fifth of the taggers", tags_of(
        lambda user: int(own_time(user, user % 25 + 1)) + 7 * 86_400)),
    Fault("tags", "At least half of the taggers", tags_of(lambda user: deliveries.START, lambda user: 26 + user % 2),
          also=("Every tagged film",)),
    Fault("tags", "No word makes up", lambda f: [add("tags", f"1,{film},word,{deliveries.START}")(f)
                                                 for film in range(1, 26)]),
    Fault("tags", "Hardly any tag shows", cell("tags", 2, 2, "cafÃ©"), 2),
    Fault("tags", "Hardly any tag shows", cell("tags", 2, 2, "ca\u200bfé"), 2),
    Fault("tags", "tags has exactly", lambda f: f["tags"].__setitem__(0, "userId,movieId,Tag,timestamp")),
    Fault("tags", "tags has at least", keep("tags", 1)),
    Fault("tags", "`timestamp` of tags is of type", change=retype("tags", "timestamp", "double")),
    Fault("tags", "`userId` is given", cell("tags", 2, 0, ""), 2),
    Fault("tags", "`movieId` is given", cell("tags", 3, 1, ""), 3),
    Fault("tags", "`timestamp` is given", cell("tags", 4, 3, ""), 4),
    Fault("tags", "`tag` is given", cell("tags", 5, 2, ""), 5),
    Fault("tags", "`userId` of tags is a positive", cell("tags", 2, 0, "-1"), 2),
    Fault("tags", "`movieId` of tags is a positive", cell("tags", 2, 1, "0"), 2, also=("Every tagged film",)),
    Fault("tags", "`timestamp` of tags is in seconds", cell("tags", 3, 3, "4102444800"), 3),
    Fault("tags", "Every tagged film is in movies", cell("tags", 3, 1, "999"), 3),
    Fault("tags", "Every user who tags has rated", cell("tags", 4, 0, "99"), 4),
    Fault("tags", "At least half of the users who tag", lambda f: [add("tags", f"{user},1,word,{deliveries.START}")(f)
                                                                  for user in range(90, 96)]),
    Fault("tags", "No tag is blank", cell("tags", 2, 2, '"   "'), 2),
    Fault("tags", "No tag is blank", cell("tags", 2, 2, "\xa0"), 2),
    Fault("tags", "No tag is longer than 255", cell("tags", 2, 2, "x" * 256), 2),
    Fault("tags", "No tag holds a web address", cell("tags", 2, 2, "see HTTPS://example.org"), 2),
    Fault("tags", "No tag holds a web address", cell("tags", 3, 2, "www.example.org"), 3),
    Fault("tags", "A user gives a film the same tag once", add("tags", f"1,1,Tag 1 ,{deliveries.START}"), 6),
    Fault("links", "links has exactly", renamed("links", "tmdbId")),
    Fault("links", "links has at least", keep("links", 1)),
    Fault("links", "`imdbId` of links is of type", change=retype("links", "imdbId", "bigint"),
          also=("`imdbId` has 7 or 8",)),
    Fault("links", "`movieId` is given", cell("links", 3, 0, ""), 3),
    Fault("links", "`imdbId` is given", cell("links", 4, 1, ""), 4),
    Fault("links", "`tmdbId` is given", cell("links", 5, 2, ""), 5),
    Fault("links", "`movieId` of links is a positive", cell("links", 6, 0, "-6"), 6),
    Fault("links", "A `movieId` stands in links once", cell("links", 7, 0, "1"), 7),
    Fault("links", "An `imdbId` stands in links once", cell("links", 8, 1, "0000001"), 8),
    Fault("links", "`imdbId` has 7 or 8 digits", cell("links", 9, 1, "8"), 9),
    Fault("links", "`imdbId` has 7 or 8 digits", cell("links", 9, 1, "00000008"), 9),
    Fault("links", "IMDb ids rise with", a_thousand_films(lambda film: film * 7919 % 10_007 + 5_000)),
    Fault("links", "No column of links", more_films(elsewhere=lambda film: (film + 7, film))),
    Fault("links", "No column of links", more_films(elsewhere=lambda film: (film, film + 100))),
    Fault("links", "No column of links", more_films(elsewhere=lambda film: (film + 100, film + 100))),
    Fault("links", "At least 98 % of the `tmdbId`", more_films(elsewhere=lambda film: (film + 7, film % 90 + 500))),
    Fault("links", "Every linked film is in movies", add("links", "77,0000077,77"), 27),
    Fault("links", "`tmdbId` of links is a positive", cell("links", 5, 2, "0"), 5),
    Fault("rejected_rows", "rejected_rows has its columns",
          change=lambda w: w.sql("alter table rejected_rows drop column raw_text"),
          also=("Every value of ratings", "Every line of ratings")),
    Fault("rejected_rows", "Every value of ratings, movies and links", cell("ratings", 13, 2, '"4,5"'), 13),
    Fault("rejected_rows", "Every line of ratings, movies and links", cell("ratings", 14, 2, "4.0,9"), 14),
    Fault("rejected_rows", "Every row of tags", cell("tags", 5, 3, "yesterday"), 5),
]  # fmt: skip


def caught(verdict: Verdict, fault: Fault) -> Outcome:
    return next(o for o in verdict.outcomes if o.suite == fault.suite and o.sentence.startswith(fault.sentence))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.suite}: {fault.sentence}")
def test_fault_is_caught_at_its_line_and_by_no_other_critical(fault: Fault, tmp_path: Path) -> None:
    files = deliveries.clean()
    fault.plant(files)
    verdict = deliveries.judge(
        deliveries.write(tmp_path / "data", files), tmp_path / "work", fault.change, fault.max_age
    )
    outcome = caught(verdict, fault)
    assert outcome.status is Status.FAILED
    if fault.line is not None:
        assert fault.line in [row.line for row in outcome.rows]
    others = [o.sentence for o in verdict.gating if o is not outcome]
    assert [s for s in others if not s.startswith(fault.also or ("\0",))] == []


def test_the_first_rows_that_break_a_rule_are_shown_first(warehouse: Warehouse) -> None:
    """Of rules whose rows are those of a file; with a title, all that have it stand together."""
    for suite in ("ratings", "movies", "tags", "links"):
        for rule in declared_suites()[suite]:
            if (rule["meta"] or {}).get("counts") == "rows":
                assert "source_line" in rule["kwargs"]["unexpected_rows_query"].partition(" order by ")[2], rule
    titles = next(r for r in declared_suites()["movies"] if r["description"] == "A title stands in movies once.")
    doubled = (
        "(select * from (values (2, 1, 'Z', ''), (3, 2, 'A', ''), (4, 3, 'B', ''), (5, 4, 'A', ''), (6, 5, 'Z', ''))"
    )
    doubled += " as t(source_line, movieId, title, genres))"
    found = warehouse.sql(titles["kwargs"]["unexpected_rows_query"].format(batch=doubled))
    assert found["source_line"].tolist() == [2, 6, 3, 5]


def test_every_expectation_of_the_delivered_tables_has_a_fault() -> None:
    tables = ("ratings", "movies", "tags", "links", "rejected_rows")
    suites = declared_suites()
    unproved = [
        f"{table}: {one['description']}"
        for table in tables
        for one in suites[table]
        if not any(f.suite == table and one["description"].startswith(f.sentence) for f in FAULTS)
    ]
    assert unproved == []


def test_ratings_out_of_all_range_leave_every_critical_rule_judged(tmp_path: Path) -> None:
    """Else all rows go to the quarantine for two of them."""
    files = deliveries.clean()
    files["ratings"] += [f"1,{film},1e308,{deliveries.START}" for film in (1, 2)]
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", files), tmp_path / "work")
    assert [one.sentence for one in verdict.undetermined if one.severity == "critical"] == []


def test_times_further_apart_than_any_number_are_judged(tmp_path: Path) -> None:
    """A rating and a tag of one film, each at an end of what a column holds."""
    files = deliveries.clean()
    files["ratings"].append(f"1,1,4.0,{-(2**63)}")
    files["tags"].append(f"1,1,word,{2**63 - 1}")
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", files), tmp_path / "work")
    assert [one.cause for one in verdict.undetermined] == []


def test_horror_films_that_are_rated_lower_are_as_ever(tmp_path: Path) -> None:
    files = deliveries.clean()
    dramas_and_horror(0.5)(files)
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", files), tmp_path / "work")
    (outcome,) = (one for one in verdict.outcomes if one.sentence.startswith("Dramas are rated higher"))
    assert outcome.status is Status.PASSED


@pytest.mark.parametrize(("late", "status"), [(0, Status.PASSED), (4, Status.PASSED), (1, Status.FAILED)])
def test_ids_at_imdb_may_come_late_for_some_films(late: int, status: Status, tmp_path: Path) -> None:
    """late: one film in so many has an id that says nothing of its year."""
    files = deliveries.clean()
    a_thousand_films(lambda n: n * 7919 % 10_007 + 5_000 if late and n % late == 0 else n * 10)(files)
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", files), tmp_path / "work")
    (outcome,) = (one for one in verdict.outcomes if one.sentence.startswith("IMDb ids rise"))
    assert outcome.status is status


def test_clean_delivery_fails_nothing(tmp_path: Path) -> None:
    verdict = deliveries.judge(deliveries.write(tmp_path / "data", deliveries.clean()), tmp_path / "work")
    assert [o.sentence for o in verdict.outcomes if o.status is not Status.PASSED] == []


# A column that a rule names is another table's, too, and is rightly read from that one.
READ_ELSEWHERE = {
    ("Every film's year is from 1874 on, and at most three years after the newest rating.", "ratings", "movieId"),
    ("Every user who tags has rated.", "ratings", "movieId"),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = deliveries.write(tmp_path_factory.mktemp("clean"), deliveries.clean())
    with load(folder) as loaded:
        yield loaded


@pytest.mark.parametrize("column", [(t.name, name) for t in DELIVERED for name in t.column_names], ids=".".join)
def test_no_query_reads_another_tables_column_in_place_of_a_missing_one(
    warehouse: Warehouse, column: tuple[str, str]
) -> None:
    """DuckDB lets a joined subquery see the tables before it, so that a bare name finds a column of theirs."""
    table, name = column
    assert all(can_be_asked(warehouse, query) for _, query in queries_on(table, name))
    warehouse.sql(f'create temp table "{table}" as select * exclude ("{name}") from main."{table}"')  # comes first
    answered = {(rule, *column) for rule, query in queries_on(table, name) if can_be_asked(warehouse, query)}
    warehouse.sql(f'drop table temp."{table}"')
    assert answered <= READ_ELSEWHERE


def queries_on(table: str, column: str) -> Iterator[tuple[str, str]]:
    """Rules that ask for a table and name one of its columns, and their queries."""
    for suite in deliveries.DELIVERED_SUITES:
        for rule in declared_suites()[suite]:
            for kind in ("unexpected_rows_query", "proof_query"):
                query = rule["kwargs"].get(kind, "").format(batch=f'(select * from "{suite}")')
                if re.search(rf'\b(from|join) "?{table}\b', query) and re.search(rf"\b{column}\b", query):
                    yield rule["description"], query


def can_be_asked(warehouse: Warehouse, query: str) -> bool:
    try:
        warehouse.sql(f"explain {query}")
    except duckdb.BinderException:
        return False
    return True


@pytest.mark.parametrize("one", [e for s in declared_suites().values() for e in s], ids=lambda e: e["description"])
def test_expectation_says_how_bad_what_it_means_and_what_to_do(one: dict[str, object]) -> None:
    assert one["severity"] in ("critical", "warning", "info")
    assert one["id"]
    assert isinstance(one["notes"], list)
    assert len(one["notes"]) == 2
    assert all(str(note).rstrip(")").endswith(".") for note in one["notes"])
