"""What the charts of drift say of single findings."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from checks.docs import drawing
from checks.docs.drift_charts import drift_charts
from checks.tables import COST
from drift.features import declared_features
from tests.docs.tables import feature


def test_drift_shows_every_feature_and_both_windows_of_a_drifted_one() -> None:
    calm = feature(feature="hour", title="hours", status="ok", effect_size=0.01, q_value=0.8)
    unknown = feature(feature="tags", status="undetermined", effect_size=None, q_value=None, histogram=None)
    effects, p_values, windows = drift_charts([feature(), calm, unknown])
    assert effects.title == "1 of 2 monitored features drifted"
    assert [value["effect"] for value in effects.values] == pytest.approx([10.0, 0.5])
    assert p_values.title == "For 1 of 2 features the change is more than chance gives"
    assert windows.title == "Half-stars went from 10.0 % to 30.0 %"
    assert [value["value"] for value in windows.values] == [0.9, 0.7, 0.1, 0.3]
    for chart in drawing.draw([one.as_dict() for one in (effects, p_values, windows)]):
        ET.fromstring(chart["svg"])


def test_a_large_effect_that_chance_may_give_is_said_to_be_none() -> None:
    large = feature(feature="hour", title="hours", status="ok", effect_size=0.05, q_value=0.8)
    small = feature(feature="day", title="days", status="ok", effect_size=0.01, q_value=0.8)
    effects, *_ = drift_charts([feature(), large, small])
    assert effects.note == "Triangles drifted. 1 dot lies beyond the dashed line, but chance alone may give as much."
    assert drift_charts([feature(), small])[0].note == ""
    assert drift_charts([large])[0].note.startswith("1 dot"), "there is no triangle"


@pytest.mark.parametrize(
    ("changes", "held", "title", "bins"),
    [
        ({"title": "ratings", "kind": "ordered"},
         {"labels": ["1", "2"], "said": ["1 star", "2 stars"], "unit": "stars"},
         "Ratings moved most at 1 star: from 30.0 % to 10.0 %", "Ratings (stars)"),
        ({"title": "genres", "kind": "genres"}, {"labels": ["Drama", "War"], "unit": ""},
         "Genres moved most at Drama: from 30.0 % to 10.0 %", "Genres"),
        ({"title": "levels of genres", "kind": "genre_means"}, {"labels": ["Drama", "War"]},
         "Levels of genres moved most at Drama: from 0.30 to 0.10 stars", "Levels of genres"),
        ({"title": "cost", "feature": COST, "kind": "cost"}, {"labels": ["known users and films", "new users"]},
         "The error of a model moved most for known users and films: from 0.30 to 0.10 stars", ""),
    ],
)  # fmt: skip
def test_a_drifted_feature_says_at_which_bin_it_moved_most_and_what_its_bins_are(
    changes: dict[str, Any], held: dict[str, Any], title: str, bins: str
) -> None:
    histogram = json.dumps(held | {"reference": [0.3, 0.7], "current": [0.1, 0.8]})
    [windows] = [one for one in drift_charts([feature(histogram=histogram, **changes)]) if one.kind == "windows"]
    assert (windows.title, windows.labels["bins"]) == (title, bins)
    svg = drawing.draw([windows.as_dict()])[0]["svg"]
    assert bins in svg
    assert (">80 %<" in svg) == (changes["kind"] in ("ordered", "genres"))


@pytest.mark.parametrize("kind", ["effects", "p_values"])
def test_names_of_features_are_whole_though_a_phone_is_narrow(kind: str) -> None:
    rows = [feature(feature=one.name, title=one.title) for one in declared_features()]
    [chart] = [one for one in drift_charts(rows) if one.kind == kind]
    svg = drawing.draw([chart.as_dict()])[0]["svg"]
    shown = " ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", svg))
    for one in declared_features():
        assert one.title in shown, one.title
    assert "…" not in svg


def test_no_findings_give_no_drift_chart() -> None:
    assert drift_charts([]) == []
