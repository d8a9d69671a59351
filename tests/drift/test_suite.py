"""The suite of the findings: it knows every declared feature, and each rule fails on the fault that it is for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from drift.features import declared_features
from drift.findings import COLUMNS, find_drift
from drift.impact import BEYOND_TASTE, COSTLY
from tests.conftest import ROOT
from tests.drift.deliveries import Handle, movies, ratings

SUITE = json.loads((ROOT / "gx/expectations/drift_findings.json").read_text(encoding="utf-8"))
QUERIES = {
    expectation["description"]: expectation["kwargs"]["unexpected_rows_query"].replace("{batch}", "drift_findings")
    for expectation in SUITE["expectations"]
    if "unexpected_rows_query" in expectation["kwargs"]
}
FAULTS = {
    "Drifted means both: significant after correction, and larger than the minimum effect.": (
        "hour", {"status": "ok", "q_value": 0.001, "effect_size": 9.0}),
    "No critical feature has drifted.": ("null_ratings", {"status": "drifted"}),
    "Every critical feature could be judged.": ("off_scale", {"status": "undetermined"}),
    "No feature that bears on a model has drifted.": ("rating", {"status": "drifted"}),
    "No feature that explains others has drifted.": ("hour", {"status": "drifted"}),
    "Change costs a model no more than 0.02 stars.": ("impact", {"recommendation": "retrain"}),
    "Change costs a model no more than 0.2 stars.": ("impact", {"recommendation": "mend"}),
    "The cost of the drift could be judged.": ("impact", {"status": "undetermined"}),
    "A delivery that repeats its reference lacks at most 5 % of its ratings.": ("rating", {"lost_share": 0.06}),
    "A delivery that repeats its reference lacks hardly any of its ratings.": ("rating", {"lost_share": 0.002}),
    "At most 5 % of what a delivery repeats of its reference has another level.": ("rating", {"changed_share": 0.06}),
    "Hardly anything that a delivery repeats of its reference has another level.": ("rating", {"changed_share": 0.002}),
    "Every rating could be placed in a window.": ("rating", {"excluded_rows": 3.0}),
}  # fmt: skip


@pytest.fixture(scope="module")
def findings() -> pd.DataFrame:
    """What is found in a delivery in which nothing moved."""
    with Handle(ratings=ratings(users=200), movies=movies()) as warehouse:
        found = find_drift(warehouse, relabellings=99)
    return found.assign(status=found["status"].where(found["feature"] == "impact", "ok"), q_value=1.0)


def _unexpected(findings: pd.DataFrame, query: str) -> pd.DataFrame:
    with Handle(drift_findings=findings) as warehouse:
        return warehouse.sql(query)


def test_the_suite_knows_every_declared_feature_and_column() -> None:
    listed = re.findall(r"\('(\w+)'\)", QUERIES["Every declared feature is judged, and so is the cost."])
    assert listed == [*(feature.name for feature in declared_features()), "impact"]
    assert SUITE["expectations"][0]["kwargs"]["column_set"] == list(COLUMNS)


@pytest.mark.parametrize("description", sorted(QUERIES))
def test_where_nothing_moved_no_rule_fails(description: str, findings: pd.DataFrame) -> None:
    assert _unexpected(findings, QUERIES[description]).empty


@pytest.mark.parametrize("description", sorted(FAULTS))
def test_each_rule_names_the_row_of_its_fault(description: str, findings: pd.DataFrame) -> None:
    feature, fault = FAULTS[description]
    at = findings["feature"] == feature
    faulty = findings.copy()
    for column, value in fault.items():
        faulty.loc[at, column] = value
    assert _unexpected(faulty, QUERIES[description])["source_line"].tolist() == findings.loc[at, "source_line"].tolist()


def test_what_explains_others_is_advised_by_its_own_action() -> None:
    """Of a clock that is wrong a check of it, not 'nothing by itself'."""
    (advice,) = [
        e["notes"][1] for e in SUITE["expectations"] if e["description"].startswith("No feature that explains")
    ]
    assert "`action`" in advice
    actions = {one.name: one.action for one in declared_features() if one.severity == "info"}
    assert "clock" in actions["hour"]
    assert [name for name, action in actions.items() if action.startswith("Nothing")] == ["film_age", "release_year"]


def test_the_limits_of_the_cost_are_those_that_the_recommendation_has() -> None:
    for limit in (COSTLY, BEYOND_TASTE):
        assert f"Change costs a model no more than {limit:g} stars." in QUERIES


def test_rules_over_all_features_count_them(findings: pd.DataFrame) -> None:
    missing = _unexpected(findings[findings["feature"] != "genre"], QUERIES[
        "Every declared feature is judged, and so is the cost."])  # fmt: skip
    assert missing["feature"].tolist() == ["genre"]
    even = findings["source_line"] % 2 == 0  # eleven features and the cost, which is none
    drifted = findings.assign(status=findings["status"].mask(even, "drifted"))
    (row,) = _unexpected(drifted, QUERIES["At most 30 % of the features have drifted."]).to_dict("records")
    assert (row["drifted"], row["judged"]) == (11, 22)
    unknown = findings.assign(status=findings["status"].mask(even, "undetermined"))
    (row,) = _unexpected(unknown, QUERIES["At most 20 % of the features are undetermined."]).to_dict("records")
    assert (row["undetermined"], row["features"]) == (11, 22)


def test_a_published_delivery_raises_no_critical_alarm(movielens_small: Path) -> None:
    """And says of it what moved: the levels, for half-stars came in 2003, and not the hour of day."""
    from checks.loader import load

    with load(movielens_small) as warehouse:
        found = find_drift(warehouse).set_index("feature", drop=False)
    for expectation in SUITE["expectations"]:
        if expectation["severity"] == "critical" and (query := QUERIES.get(expectation["description"])):
            assert _unexpected(found, query).empty, expectation["description"]
    assert set(found.loc[["half_stars", "release_year", "genre", "film_age"], "status"]) == {"drifted"}
    assert found.loc["hour", "status"] == "ok"
    assert found.loc["rating", "mean_change"] == pytest.approx(0.148, abs=0.001)
    assert found.loc["rating", "mean_change_by_rating"] == pytest.approx(-0.035, abs=0.001)
    assert found.loc["rating", "cause"].startswith("A change of scale does not explain all of it: ")
    assert found.loc["impact", "recommendation"] == "watch"


def test_a_critical_feature_that_could_not_be_judged_says_why(findings: pd.DataFrame) -> None:
    told = "Ratings off the scale: could not be judged: the current window has 3 users with a value, fewer than 10."
    faulty = findings.copy()
    faulty.loc[faulty["feature"] == "off_scale", ["status", "message"]] = ["undetermined", told]
    found = _unexpected(faulty, QUERIES["Every critical feature could be judged."])
    assert found["reason"].tolist() == ["the current window has 3 users with a value, fewer than 10."]
