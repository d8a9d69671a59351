"""The catalogue of faults: what reaches real deliveries, by family, and what must catch each.

`meant` names the expectation that is there for the fault: its suite, and how its sentence begins. `severity` is the
one that it must be caught at; a fault of severity None is one that no rule over this delivery can see, and says why.
Harmless changes are no faults: nothing may cry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from scripts.mutation import planting as to
from scripts.mutation.planting import Plant

if TYPE_CHECKING:
    import pandas as pd

CRITICAL, WARNING = "critical", "warning"
SHARES = {"1 row": None, "0.1 %": 0.001, "5 %": 0.05}  # one row is one in a hundred thousand of ml-latest-small
MS = 1000
READ, LINES = "Every value of ratings, movies and links", "Every line of ratings, movies and links"
EASTERN = 5 * 3600  # from UTC to the east of the United States, where MovieLens stands


@dataclass(frozen=True)
class Fault:
    """One fault: what it is, how it is planted, and what must catch it."""

    family: str
    name: str
    plant: Plant
    meant: tuple[str, str] | None = None
    severity: str | None = CRITICAL
    why_not: str = ""
    harmless: bool = False


def catalogue() -> list[Fault]:
    """Every fault, family by family."""
    return [*_form(), *_values(), *_rows(), *_meaning(), *_subtle(), *_harmless()]


def _rounded(times: pd.Series[int], seconds: int) -> pd.Series[int]:
    return times // seconds * seconds


def _form() -> Iterator[Fault]:
    """The file's form: schema, types, encodings, locale."""
    columns = "has exactly"
    for name, plant, table in (
        ("column missing", to.drop_column("ratings", "timestamp"), "ratings"),
        ("column renamed", to.rename("movies", genres="genre"), "movies"),
        ("column added", to.add_column("ratings", "weight", "1"), "ratings"),
        ("column delivered twice", to.add_column("ratings", "rating", "4.0"), "ratings"),
        ("header in lower case", to.rename("ratings", userId="userid", movieId="movieid"), "ratings"),
        ("header missing", to.recode("tags", lambda text: text.partition(b"\n")[2]), "tags"),
        ("semicolons for commas", to.recode("ratings", lambda text: text.replace(b",", b";")), "ratings"),
    ):
        yield Fault("schema", name, plant, (table, f"{table} {columns}"))
    yield Fault("schema", "file missing", to.lose("movies"), ("movies", "movies has exactly"), "undetermined")
    utf_16 = to.recode("movies", lambda text: text.decode().encode("utf-16"))
    yield Fault("schema", "UTF-16", utf_16, ("movies", "movies has exactly"), "undetermined")
    yield Fault("types", "text for a user id", to.put("ratings", userId="u17"), ("rejected_rows", READ))
    yield Fault("types", "fraction for a film id", to.put("ratings", movieId="12.5"), ("rejected_rows", READ))
    yield Fault(
        "types",
        "dates for timestamps",
        to.put("ratings", 1.0, timestamp="2018-09-24 14:27:30"),
        ("rejected_rows", READ),
    )
    yield Fault(
        "types",
        "leading zeros of IMDb ids lost",
        to.alter("links", "imdbId", lambda c: c.str.lstrip("0")),
        ("links", "`imdbId` has 7 or 8"),
    )
    yield Fault(
        "encodings",
        "Latin-1 for UTF-8",
        to.recode("movies", lambda t: t.decode().encode("latin-1", "replace")),
        ("rejected_rows", LINES),
    )
    yield Fault(
        "encodings",
        "one title in Latin-1",
        to.both(
            to.alter("movies", "title", to.accent, None),
            to.recode("movies", lambda t: t.replace("Amélie's".encode(), "Amélie's".encode("latin-1"))),
        ),
        ("rejected_rows", LINES),
    )
    yield Fault(
        "encodings",
        "UTF-8 read as Latin-1",
        to.both(to.alter("movies", "title", to.accent, None), to.alter("movies", "title", to.mojibake)),
        ("movies", "No title shows a wrong encoding"),
        WARNING,
    )
    yield Fault(
        "encodings",
        "letters replaced by question marks",
        to.alter("movies", "title", lambda c: c.str.replace("e", "?"), 0.05),
        ("movies", "Letters of titles"),
        WARNING,
    )
    yield Fault(
        "encodings",
        "escaped for HTML",
        to.put("movies", title="Tom &amp; Jerry (1992)"),
        ("movies", "No title shows a wrong encoding"),
        WARNING,
    )
    yield Fault(
        "encodings",
        "NUL in a title",
        to.put("movies", title="Toy\0Story (1995)"),
        ("movies", "No title shows a wrong encoding"),
        WARNING,
    )
    yield Fault(
        "locale",
        "decimal comma, quoted",
        to.alter("ratings", "rating", lambda c: c.str.replace(".", ",")),
        ("rejected_rows", READ),
    )
    yield Fault(
        "locale",
        "decimal comma, not quoted",
        to.recode("ratings", lambda t: t.replace(b".", b",")),
        ("rejected_rows", LINES),
    )
    yield Fault("locale", "thousands separated", to.put("ratings", timestamp="964,982,703"), ("rejected_rows", READ))


def _values() -> Iterator[Fault]:
    """Single columns: nulls, ranges, scale, units of time, time zone, defaults, advertisements."""
    ratings = "ratings"
    for column in ("userId", "movieId", "timestamp"):
        yield Fault(
            "nulls", f"one {column} missing", to.put(ratings, None, **{column: ""}), (ratings, f"`{column}` is given")
        )
    yield Fault("nulls", "NULL written out", to.put(ratings, rating="NULL"), ("rejected_rows", READ))
    yield Fault("nulls", "title missing", to.put("movies", title=""), ("movies", "`title` is given"))
    yield Fault("nulls", "genres missing", to.put("movies", genres=""), ("movies", "`genres` is given"))
    yield Fault("nulls", "word missing", to.put("tags", tag=""), ("tags", "`tag` is given"), WARNING)
    scale = ratings, "`rating` is on the half-star scale"
    for cell in ("0.0", "5.5", "-1.0", "3.25"):
        yield Fault("ranges", f"one rating of {cell}", to.put(ratings, rating=cell), scale)
    yield Fault(
        "ranges", "negative user id", to.put(ratings, userId="-7"), (ratings, "`userId` of ratings is a positive")
    )
    yield Fault(
        "ranges",
        "id overflows 32 bits",
        to.put(ratings, movieId="4294967297"),
        (ratings, "Every rated film is in movies"),
    )
    yield Fault(
        "ranges",
        "film of the year 2999",
        to.put("movies", title="Film (2999)"),
        ("movies", "Every film's year is from 1874"),
        WARNING,
    )
    yield Fault("ranges", "unknown genre", to.put("movies", genres="Telenovela"), ("movies", "Every genre is one of"))
    yield Fault("scale", "ten points", to.alter(ratings, "rating", to.scaled(2)), scale)
    yield Fault("scale", "per cent", to.alter(ratings, "rating", to.scaled(20)), scale)
    yield Fault("scale", "0 to 1", to.alter(ratings, "rating", to.scaled(0.2)), scale)
    yield Fault(
        "scale",
        "rounded to whole stars",
        to.alter(ratings, "rating", lambda c: c.astype(float).round().clip(1).astype(str)),
        (ratings, "Of the ratings since 2003-03"),
        WARNING,
    )
    yield Fault(
        "scale", "upside down", to.alter(ratings, "rating", to.scaled(-1, 5.5)), (ratings, "Of a thousand ratings")
    )
    clock = ratings, "`timestamp` of ratings is in seconds"
    for name, change in (
        ("milliseconds", lambda times: times * MS),
        ("microseconds", lambda times: times * MS * MS),
        ("minutes", lambda times: times // 60),
        ("days", lambda times: times // to.DAY),
    ):
        yield Fault("units of time", name, to.alter(ratings, "timestamp", to.timed(change)), clock)
    for name, seconds in (("rounded to minutes", 60), ("rounded to days", to.DAY)):
        rounded = to.timed(partial(_rounded, seconds=seconds))
        meant = ratings, "At most a fifth of the ratings are timed"
        yield Fault("units of time", name, to.alter(ratings, "timestamp", rounded), meant)
    through_float = to.timed(lambda times: times.astype("float32").astype("int64"))
    meant = ratings, "At least a quarter of the ratings are timed"
    yield Fault("units of time", "times through a 32-bit float", to.alter(ratings, "timestamp", through_float), meant)
    to_minutes = to.alter(ratings, "timestamp", to.timed(partial(_rounded, seconds=60)), 0.1)
    meant = ratings, "At most 6 % of a thousand ratings and more are timed"
    yield Fault("units of time", "a tenth of the times rounded to minutes", to_minutes, meant, WARNING)
    in_part = to.alter(ratings, "timestamp", through_float, 0.4)
    meant = ratings, "At least 42 % of a thousand ratings and more are timed"
    yield Fault("units of time", "two times in five through a 32-bit float", in_part, meant, WARNING)
    week_early = to.alter("tags", "timestamp", to.timed(lambda times: times - 7 * to.DAY))
    meant = "tags", "At least a fifth of the taggers"
    yield Fault("units of time", "tags a week early", week_early, meant, WARNING)
    yield Fault("units of time", "one rating in the future", to.put(ratings, timestamp="4102444800"), clock)
    yield Fault("units of time", "one rating of 1970", to.put(ratings, timestamp="0"), clock)
    east = to.timed(lambda times: times - EASTERN)
    yield Fault(
        "time zone",
        "ratings in local time, tags in UTC",
        to.alter(ratings, "timestamp", east),
        ("tags", "Tags and ratings were timed"),
        WARNING,
    )
    yield Fault(
        "time zone",
        "all files in local time",
        to.both(to.alter(ratings, "timestamp", east), to.alter("tags", "timestamp", east)),
        severity=None,
        why_not="nothing in the files says where the sun stood; the same hours apart in every file are consistent",
    )
    yield Fault(
        "silent defaulting",
        "5 % of the times set to the load's",
        to.put(ratings, 0.05, timestamp="1537799250"),
        (ratings, "No second is shared"),
        WARNING,
    )
    yield Fault(
        "silent defaulting",
        "all times set to the load's",
        to.put(ratings, 1.0, timestamp="1537799250"),
        (ratings, "At most half of the ratings are of one second"),
    )
    yield Fault(
        "silent defaulting",
        "half of the ratings set to 3.0",
        to.put(ratings, 0.5, rating="3.0"),
        (ratings, "No rating level holds more than 55 %"),
    )
    yield Fault(
        "silent defaulting",
        "5 % of the user ids set to 1",
        to.put(ratings, 0.05, userId="1"),
        (ratings, "A user rates a film once"),
    )
    yield Fault(
        "silent defaulting",
        "half of the genres lost",
        to.put("movies", 0.5, genres="(no genres listed)"),
        ("movies", "At most 40 % of the films"),
    )
    yield Fault(
        "silent defaulting",
        "a quarter of the genres lost",
        to.put("movies", 0.25, genres="(no genres listed)"),
        ("movies", "At most 20 % of the films"),
        WARNING,
    )
    yield Fault(
        "silent defaulting",
        "missing TMDB ids set to 0",
        to.put("links", 0.01, tmdbId="0"),
        ("links", "`tmdbId` of links is a positive"),
        WARNING,
    )
    for name, plant, meant, severity in (
        (
            "half of the titles set to one",
            to.put("movies", 0.5, title="Unknown (2000)"),
            ("movies", "At least 90 % of the titles"),
            CRITICAL,
        ),
        (
            "years of all films set to 1970",
            to.alter("movies", "title", lambda c: c.str.replace(r"\(\d{4}\)", "(1970)", regex=True)),
            ("movies", "No year of release is that"),
            WARNING,
        ),
        (
            "four in five genres set to Drama",
            to.put("movies", 0.8, genres="Drama"),
            ("movies", "No list of genres is that"),
            WARNING,
        ),
        (
            "half of the TMDB ids set to one",
            to.put("links", 0.5, tmdbId="862"),
            ("links", "At least 98 % of the `tmdbId`"),
            WARNING,
        ),
        (
            "all times of tags set to the load's",
            to.put("tags", 1.0, timestamp="1537799250"),
            ("tags", "At most half of the tags"),
            WARNING,
        ),
    ):
        yield Fault("silent defaulting", name, plant, meant, severity)
    yield Fault(
        "silent defaulting",
        "half of the words set to unknown",
        to.put("tags", 0.5, tag="unknown"),
        ("tags", "No word makes up"),
        WARNING,
    )
    yield Fault(
        "advertisements",
        "a web address for a tag",
        to.put("tags", tag="Watch it free at HTTPS://example.org"),
        ("tags", "No tag holds a web address"),
        WARNING,
    )


def _rows() -> Iterator[Fault]:
    """Rows: duplicates, orphans, truncation, partial load, repeated and stale delivery."""
    once = "ratings", "A user rates a film once"
    yield Fault("duplicates", "one film rated twice by a user", to.repeat("ratings", None, rating="1.5"), once)
    yield Fault("duplicates", "one film listed twice", to.repeat("movies", None), ("movies", "A `movieId` stands"))
    yield Fault(
        "duplicates",
        "one film under two ids",
        to.repeat("movies", None, movieId="999999"),
        ("movies", "A title stands in movies once"),
        WARNING,
    )
    yield Fault("duplicates", "one tag given twice", to.repeat("tags", None), ("tags", "A user gives a film"), WARNING)
    yield Fault("joined twice", "ratings joined with tags", to.joined_with_tags, once)
    yield Fault("joined twice", "movies joined with itself", to.repeat("movies", 1.0), ("movies", "A `movieId` stands"))
    yield Fault(
        "joined twice",
        "genres put together twice",
        to.alter("movies", "genres", lambda c: c + "|" + c, 0.05),
        ("movies", "A film's genres are each given once"),
        WARNING,
    )
    yield Fault("repeated delivery", "ratings appended to themselves", to.repeat("ratings", 1.0), once)
    yield Fault(
        "repeated delivery",
        "file appended with its header",
        to.recode("ratings", lambda text: text * 2),
        ("rejected_rows", READ),
    )
    rated = "ratings", "Every rated film is in movies"
    yield Fault("orphans", "a film taken out of movies", to.keep("movies", lambda rows: rows["movieId"] != "1"), rated)
    yield Fault("orphans", "a rating of an unknown film", to.put("ratings", movieId="99999999"), rated)
    yield Fault(
        "orphans",
        "a tag of an unknown film",
        to.put("tags", movieId="99999999"),
        ("tags", "Every tagged film is in movies"),
    )
    yield Fault(
        "orphans",
        "a tag by an unknown user",
        to.put("tags", userId="99999999"),
        ("tags", "Every user who tags has rated"),
        WARNING,
    )
    yield Fault(
        "orphans",
        "a link of an unknown film",
        to.put("links", movieId="99999999"),
        ("links", "Every linked film is in movies"),
        WARNING,
    )
    yield Fault(
        "truncation", "ratings cut in mid-line", to.recode("ratings", to.cut_mid_line), ("rejected_rows", LINES)
    )
    yield Fault(
        "truncation",
        "last tenth of the ratings cut at a line's end",
        to.head("ratings", 0.9),
        ("tags", "Every user who tags has rated"),
        WARNING,
    )
    yield Fault("truncation", "half of the films cut", to.head("movies", 0.5), rated)
    yield Fault(
        "truncation",
        "half of the links cut",
        to.head("links", 0.5),
        ("movies", "Every film has a row in links"),
        WARNING,
    )
    yield Fault(
        "truncation",
        "half of the tags cut",
        to.head("tags", 0.5),
        severity=None,
        why_not="tags are optional, and nothing else tells how many there should be",
    )
    yield Fault("truncation", "header alone", to.head("ratings", 0), ("ratings", "ratings has at least 20 rows"))
    yield Fault("truncation", "empty file", to.recode("ratings", lambda _: b""), ("ratings", "ratings has exactly"))
    yield Fault(
        "partial load",
        "a twentieth of the users lost",
        to.without_users(0.5, 0.55),
        ("ratings", "No block of user ids"),
        WARNING,
    )
    yield Fault(
        "partial load",
        "the first users lost",
        to.without_users(0.0, 0.05),
        ("ratings", "No block of user ids"),
        WARNING,
    )
    yield Fault(
        "partial load",
        "one of four user shards alone",
        to.sharded("userId", 4),
        ("ratings", "At least 90 % of the user ids"),
        WARNING,
    )
    yield Fault(
        "partial load",
        "one of four film shards alone",
        to.sharded("movieId", 4),
        ("movies", "At least 85 % of the films are rated"),
        WARNING,
    )
    yield Fault(
        "partial load",
        "a year of ratings lost",
        to.outside_days(0.5, 365),
        ("ratings", "No quarter of a year"),
        WARNING,
    )
    yield Fault(
        "partial load",
        "a day of ratings lost",
        to.outside_days(0.5, 1),
        severity=None,
        why_not="people rate in bursts: sample editions have weeks without a rating; compare counts with the sender",
    )
    yield Fault(
        "stale delivery",
        "the newest ratings missing",
        to.keep("ratings", to.after("timestamp", 0.98)),
        ("ratings", "The newest rating is no older"),
    )


def _meaning() -> Iterator[Fault]:
    """Values that are valid each, and wrong together: swapped, slid, reused, left in."""
    yield Fault(
        "swapped columns",
        "user and film",
        to.swap("ratings", "userId", "movieId"),
        ("ratings", "Every rated film is in movies"),
    )
    yield Fault(
        "swapped columns",
        "rating and time",
        to.swap("ratings", "rating", "timestamp"),
        ("ratings", "`rating` is on the half-star scale"),
    )
    yield Fault(
        "swapped columns", "title and genres", to.swap("movies", "title", "genres"), ("movies", "Every genre is one of")
    )
    yield Fault(
        "swapped columns", "IMDb and TMDB ids", to.swap("links", "imdbId", "tmdbId"), ("links", "`imdbId` has 7 or 8")
    )
    for name, plant in (("one row off", to.slide("movies", "genres")), ("shuffled", to.shuffle("movies", "genres"))):
        yield Fault("swapped columns", f"genres {name}", plant, ("movies", "Dramas are rated higher"), WARNING)
    yield Fault("swapped columns", "ratings one row off", to.slide("ratings", "rating"), ("ratings", "Films differ"))
    yield Fault("swapped columns", "ratings shuffled", to.shuffle("ratings", "rating"), ("ratings", "Films differ"))
    yield Fault(
        "swapped columns", "times shuffled", to.shuffle("ratings", "timestamp"), ("ratings", "Half stars appear only")
    )
    yield Fault(
        "swapped columns",
        "users shuffled within each film",
        to.shuffle_within("ratings", "userId", "movieId"),
        ("ratings", "Users rate in sittings"),
    )
    yield Fault(
        "scale",
        "0.5 raised to 1",
        to.alter("ratings", "rating", lambda cells: cells.replace("0.5", "1.0")),
        ("ratings", "Each half star is in use"),
        WARNING,
    )
    yield Fault(
        "types",
        "IMDb ids padded to eight digits",
        to.alter("links", "imdbId", lambda cells: cells.str.zfill(8)),
        ("links", "`imdbId` has 7 or 8 digits"),
    )
    yield Fault(
        "swapped columns",
        "film ids for TMDB ids",
        to.copy("links", "tmdbId", "movieId"),
        ("links", "No column of links is a copy"),
    )
    yield Fault(
        "swapped columns",
        "IMDb ids shuffled",
        to.shuffle("links", "imdbId"),
        ("links", "IMDb ids rise with the films' years"),
        WARNING,
    )
    yield Fault("id reuse", "two users share an id", to.merged_users, ("ratings", "A user rates a film once"))
    yield Fault(
        "id reuse",
        "film ids of another snapshot",
        to.shuffle("movies", "movieId"),
        ("ratings", "At most 5 % of the ratings are of films"),
    )
    yield Fault(
        "id reuse",
        "user ids of tags from another snapshot",
        to.strangers,
        ("tags", "At least half of the taggers"),
        WARNING,
    )
    yield Fault("test data left in", "a tester's account", to.test_user, ("ratings", "No block of user ids"), WARNING)
    yield Fault(
        "test data left in",
        "a test film",
        to.append("movies", ("999999", "Test movie (2015)", "Drama")),
        ("movies", "No title looks like test data"),
        WARNING,
    )
    yield Fault(
        "test data left in",
        "a test tag",
        to.put("tags", tag="test"),
        severity=None,
        why_not="people tag films `test` in earnest; one odd word among thousands is no sign",
    )


def _subtle() -> Iterator[Fault]:
    """The same fault in one row, in a thousandth and in a twentieth of the rows, each with its own answer."""
    valid = "a wrong rating that is a valid one looks like any other"
    for share, amount in SHARES.items():
        for name, plant, meant in (
            ("ratings missing", to.put("ratings", amount, rating=""), "`rating` is given"),
            ("ratings on ten points", to.put("ratings", amount, rating="8.0"), "`rating` is on the half-star scale"),
            (
                "times in milliseconds",
                to.put("ratings", amount, timestamp="1493846415000"),
                "`timestamp` of ratings is",
            ),
            ("rows delivered twice", to.repeat("ratings", amount), "A user rates a film once"),
            ("films unknown", to.put("ratings", amount, movieId="99999999"), "Every rated film is in movies"),
        ):
            yield Fault("subtle share", f"{name}: {share}", plant, ("ratings", meant))
        yield Fault(
            "subtle share",
            f"ratings set to 3.0: {share}",
            to.put("ratings", amount, rating="3.0"),
            severity=None,
            why_not=valid,
        )


def _harmless() -> Iterator[Fault]:
    """What other tools do to a sound file; none of it is a fault."""
    for name, plant in (
        ("columns in another order", lambda d: d.__setitem__("ratings", d["ratings"].iloc[:, ::-1])),
        ("rows in another order", lambda d: d.__setitem__("ratings", d["ratings"].iloc[::-1])),
        ("carriage returns", to.recode("ratings", lambda text: text.replace(b"\n", b"\r\n"))),
        ("byte-order mark", to.recode("movies", lambda text: b"\xef\xbb\xbf" + text)),
        ("last line without an end", to.recode("ratings", lambda text: text.rstrip(b"\n"))),
        ("whole stars written as integers", to.alter("ratings", "rating", lambda c: c.str.removesuffix(".0"))),
        ("ids written as floats", to.alter("ratings", "userId", lambda c: c + ".0")),
    ):
        yield Fault("harmless", name, plant, severity=None, harmless=True)
