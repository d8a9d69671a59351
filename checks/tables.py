"""The tables of a delivery: their columns, types and keys, each with its reason.

What a value must look like to be *loaded* is said here; what it must look like to be *right* is said in
the suites (`gx/expectations/*.json`) and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_NUMBER = "a 64-bit whole number"
NUMBER = "a finite number"
TEXT = "text"


@dataclass(frozen=True)
class Column:
    """One column: its name in the file, its DuckDB type, and what a cell must be to be parsed."""

    name: str
    type: str
    kind: str


@dataclass(frozen=True)
class Table:
    """One table of a delivery, its columns in the file's order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _whole(name: str) -> Column:
    # BIGINT although MovieLens's ids fit 32 bits: an id out of range must be seen as it is, not overflow.
    return Column(name, "BIGINT", WHOLE_NUMBER)


RATINGS = Table(
    "ratings",
    (
        _whole("userId"),
        _whole("movieId"),
        Column("rating", "DOUBLE", NUMBER),  # half stars are exact in binary
        _whole("timestamp"),  # seconds since 1970 in UTC, as MovieLens writes them
    ),
)
MOVIES = Table("movies", (_whole("movieId"), Column("title", "VARCHAR", TEXT), Column("genres", "VARCHAR", TEXT)))
TAGS = Table("tags", (_whole("userId"), _whole("movieId"), Column("tag", "VARCHAR", TEXT), _whole("timestamp")))
LINKS = Table(
    "links",
    (
        _whole("movieId"),
        Column("imdbId", "VARCHAR", TEXT),  # text, because its leading zeros are part of it
        _whole("tmdbId"),
    ),
)

DELIVERED = (RATINGS, MOVIES, TAGS, LINKS)
REJECTED_ROWS = "rejected_rows"
FINDINGS = ("user_anomalies", "drift_findings")
COST = "impact"  # the row of drift_findings that is no feature, but what all of the drift costs a model
TRENDS = "drift_trends"  # of no suite: it shows when something moved, and decides nothing
LOCATOR = "source_line"  # GX takes one list of locator columns for a whole checkpoint, so every table has it
