"""Every limit of the suite over `user_anomalies` catches the fault that it is there for, and passes a clean table."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pandas as pd
import pytest

from tests.conftest import ROOT

SUITE = json.loads((ROOT / "gx" / "expectations" / "user_anomalies.json").read_text(encoding="utf-8"))
EXPECTATIONS: dict[str, dict[str, Any]] = {each["description"]: each for each in SUITE["expectations"]}
QUERIES = {text: each for text, each in EXPECTATIONS.items() if "unexpected_rows_query" in each["kwargs"]}


def table() -> pd.DataFrame:
    """A hundred honest users of twenty ratings each."""
    users = pd.DataFrame({"userId": range(1, 101)})
    users["source_line"] = 2 + 20 * (users["userId"] - 1)
    users["n_ratings"], users["score"], users["p_value"], users["q_value"] = 20, 0.5, 0.5, 1.0
    users["status"], users["is_anomaly"], users["rules_broken"], users["evidence"] = "ok", False, "", ""
    users["reason"], users["trusted"] = "", False
    for name in ("attack_group", "target_movies", "target_shift"):
        users[name] = pd.Series([None] * 100, dtype="string")
    return users


def flag(users: pd.DataFrame, n: int) -> pd.DataFrame:
    return users.assign(
        status=["flagged"] * n + list(users["status"][n:]), is_anomaly=[True] * n + list(users["is_anomaly"][n:])
    )


def unexpected(description: str, users: pd.DataFrame) -> pd.DataFrame:
    """The rows that the expectation objects to, by its own query."""
    connection = duckdb.connect()
    ratings = pd.DataFrame({"userId": [u for u in range(1, 101) for _ in range(20)]})
    ratings["source_line"] = range(2, len(ratings) + 2)
    connection.register("ratings", ratings)
    connection.register("judged_users", users)
    connection.execute("create table movies as select 7 as movieId, 'Seven (1995)' as title")
    query = QUERIES[description]["kwargs"]["unexpected_rows_query"].format(batch="judged_users")
    return connection.execute(query).df()


MANY_USERS = "At most 5 % of the users are flagged, or at most two."
MANY_RATINGS = (
    "At most 5 % of the ratings are by flagged users, or by two who rated at most three times as much as others."
)
FAULTS: dict[str, tuple[pd.DataFrame, int]] = {
    "Exactly the users of ratings are judged.": (table().drop(index=4), 82),
    "`is_anomaly` says the same as `status`.": (table().assign(is_anomaly=[True] + [False] * 99), 2),
    "No users attack together.": (
        table().assign(attack_group=pd.Series([None] * 3 + ["attack-1"] + [None] * 96, dtype="string")),
        62,
    ),
    "At most 2 % of the users are flagged.": (flag(table(), 3), 2),
    MANY_USERS: (flag(table(), 6), 2),
    "At most 2 % of the ratings are by flagged users.": (flag(table().assign(n_ratings=[60] + [20] * 99), 1), 2),
    MANY_RATINGS: (flag(table().assign(n_ratings=[200] + [20] * 99), 1), 2),
    "No user is flagged.": (flag(table(), 1), 2),
    "No user is up for review.": (table().assign(status=["ok", "review"] + ["ok"] * 98), 22),
    "At most 5 % of the users are undetermined.": (table().assign(status=["undetermined"] * 6 + ["ok"] * 94), 2),
    "At least half of the users could be judged.": (table().assign(status=["undetermined"] * 51 + ["ok"] * 49), 2),
    "Somebody is judged where users are trusted.": (
        table().assign(status=["undetermined"] * 2 + ["ok"] * 97 + ["review"], trusted=[False] * 2 + [True] * 98),
        2,
    ),
    "At most half of the users are trusted.": (table().assign(trusted=[False] + [True] * 51 + [False] * 48), 22),
}


def test_every_query_of_the_suite_has_its_fault() -> None:
    assert set(FAULTS) == set(QUERIES)


@pytest.mark.parametrize("description", FAULTS)
def test_a_fault_is_caught_at_its_line(description: str) -> None:
    users, line = FAULTS[description]
    found = unexpected(description, users)
    assert found["source_line"].iloc[0] == line


@pytest.mark.parametrize("description", FAULTS)
def test_a_clean_table_passes(description: str) -> None:
    assert unexpected(description, table()).empty


def test_an_attack_is_one_row_that_names_its_first_target() -> None:
    users = table()
    for name, value in (("attack_group", "attack-1"), ("target_movies", "7|9"), ("target_shift", "+0.50|-0.25")):
        users[name] = pd.Series([None] * 4 + [value] * 3 + [None] * 93, dtype="string")
    (row,) = unexpected("No users attack together.", users).to_dict("records")
    assert (row["source_line"], row["users"], row["ratings"]) == (82, 3, 60)
    assert (row["first_target"], row["target_movies"], row["target_shift"]) == ("Seven (1995)", "7|9", "+0.50|-0.25")


def test_where_most_users_could_not_be_judged_the_commonest_reason_is_told() -> None:
    reasons = ["fewer than 5 usable ratings"] * 51 + ["another"] * 2 + [""] * 47
    users = table().assign(status=["undetermined"] * 53 + ["ok"] * 47, reason=reasons)
    (row,) = unexpected("At least half of the users could be judged.", users).to_dict("records")
    assert row["reason"] == "fewer than 5 usable ratings"


@pytest.mark.parametrize(
    ("description", "users"),
    [
        ("At most 2 % of the users are flagged.", flag(table(), 2)),
        (MANY_USERS, flag(table(), 5)),
        ("At most 5 % of the users are undetermined.", table().assign(status=["undetermined"] * 5 + ["ok"] * 95)),
        ("Somebody is judged where users are trusted.", table().assign(trusted=[False] + [True] * 99)),
        ("Somebody is judged where users are trusted.", table().assign(status="undetermined")),
        ("Somebody is judged where users are trusted.", table().iloc[:0]),
    ],
)
def test_a_limit_itself_is_within(description: str, users: pd.DataFrame) -> None:
    assert unexpected(description, users).empty


@pytest.mark.parametrize(
    ("flagged", "busiest", "failing"),
    [
        (2, 20, []),
        (2, 70, []),  # of 290: the two have 31 % of the ratings, and are 17 % of the users
        (1, 90, [MANY_RATINGS]),  # of 310: 29 %, and 8 % of the users
        (3, 20, [MANY_RATINGS, MANY_USERS]),
    ],
)
def test_one_or_two_of_a_dozen_users_stop_nothing_unless_most_ratings_are_theirs(
    flagged: int, busiest: int, failing: list[str]
) -> None:
    users = flag(table().iloc[:12].assign(n_ratings=[busiest] + [20] * 11), flagged)
    assert [rule for rule in (MANY_RATINGS, MANY_USERS) if not unexpected(rule, users).empty] == failing


def test_where_nobody_is_judged_the_users_are_not_called_honest() -> None:
    rule = EXPECTATIONS["Somebody is judged where users are trusted."]
    assert (rule["severity"], rule["meta"]["when_failed"]) == ("critical", "undetermined")


def test_an_empty_table_does_not_pass() -> None:
    counted = EXPECTATIONS["user_anomalies has at least one row."]
    assert counted["type"] == "expect_table_row_count_to_be_between"
    assert (counted["kwargs"], counted["severity"]) == ({"min_value": 1}, "critical")


def test_the_columns_are_those_that_the_detector_writes() -> None:
    from anomaly.table import COLUMNS

    declared = EXPECTATIONS["user_anomalies has exactly the columns that the detector writes."]["kwargs"]
    assert declared == {"column_set": list(COLUMNS), "exact_match": True}


def test_every_expectation_has_an_id_a_severity_and_notes() -> None:
    ids = [each["id"] for each in SUITE["expectations"]]
    assert len(set(ids)) == len(ids)
    for each in SUITE["expectations"]:
        assert each["severity"] in ("critical", "warning", "info")
        assert len(each["notes"]) >= 2
