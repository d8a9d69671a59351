"""A header's fault is told by its name, and once."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import headers
from checks.loader import load
from tests import deliveries

WANTED = ("userId", "movieId", "rating", "timestamp")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("userId;movieId;rating;timestamp", "its columns look separated by ';', not by ','"),
        ("userId\tmovieId\trating\ttimestamp", "its columns look separated by a tab, not by ','"),
        ("userId, movieId, rating, timestamp", "blanks stand before or after the names in its header"),
        ("1,31,2.5,1260759144", "its first line looks like data, not like a header"),
        ("USERID,movieid,rating,TimeStamp", "the names in its header are in the wrong case"),
        ("sep=,", "a line for spreadsheets stands before the header"),
        ("sep=;", "a line for spreadsheets stands before the header"),
        (
            ",userId,movieId,rating,timestamp",
            "a column has no name, as the row numbers that pandas writes",
        ),
        (",movieId,rating,timestamp", None),
        ("user,movieId,rating,timestamp", None),
        ("2,movieId,rating,timestamp", None),
        ("userId,movieId,rating,timestamp", None),
        ("userId", None),
        ("", None),
    ],
)
def test_the_fault_of_a_header_is_recognised(line: str, said: str | None) -> None:
    assert headers.fault(line.split(",") if line else [], WANTED) == said


def test_columns_that_are_lacking_are_named_in_one_sentence() -> None:
    assert headers.lacking("r.csv", ["movieId", "rating", "timestamp"], WANTED) == "r.csv has no column userId"
    assert headers.lacking("r.csv", ["userId;movieId"], WANTED[:2]) == (
        "r.csv has no columns userId, movieId: its columns look separated by ';', not by ','"
    )


def test_a_name_in_the_wrong_case_is_told_once_and_in_the_files_order() -> None:
    columns = ("userId", "stars", "MovieID (wrong case)", "Rating (wrong case)")
    apart = {
        "missing": ["movieId", "rating", "timestamp"],
        "unexpected": ["MovieID (wrong case)", "Rating (wrong case)", "stars"],
    }
    assert headers.difference(apart, columns) == (
        "timestamp missing; stars not expected; MovieID, Rating in the wrong case"
    )


@pytest.mark.parametrize(
    ("header", "observed", "cause"),
    [
        (
            "USERID,movieId,Rating,timestamp",
            "the names in its header are in the wrong case (it has USERID, movieId, Rating, timestamp)",
            "ratings.csv has no columns userId, rating: the names in its header are in the wrong case",
        ),
        (
            "timestamp,rating,stars,movieId",
            "userId missing; stars not expected (it has timestamp, rating, stars, movieId)",
            "ratings.csv has no column userId",
        ),
    ],
)
def test_a_run_tells_the_fault_once_and_the_columns_in_the_files_order(
    tmp_path: Path, header: str, observed: str, cause: str
) -> None:
    files = deliveries.clean()
    files["ratings"][0] = header
    folder = deliveries.write(tmp_path / "data", files)
    with load(folder) as warehouse:
        assert set(warehouse.sources["ratings"].lacks.values()) == {cause}
    verdict = deliveries.judge(folder, tmp_path / "work")
    broken = next(o for o in verdict.gating if "exactly the columns" in o.sentence)
    assert broken.observed == observed
    assert broken.example == ", at ratings.csv:1"
    assert {o.cause for o in verdict.undetermined} == {cause}
