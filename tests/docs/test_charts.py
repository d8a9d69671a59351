"""What charts say of tiny tables, and that every kind is drawn, whatever the data are."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from checks.docs import charts, drawing, vega
from checks.warehouse import Warehouse, connect
from drift.features import declared_features
from tests.conftest import ROOT

Rows = list[tuple[Any, ...]]


def warehouse(ratings: Rows | None, **tables: pd.DataFrame) -> Warehouse:
    """A warehouse with these ratings (userId, movieId, rating, timestamp), if any, and other tables as they are."""
    made = Warehouse(connect(), Path("delivery"))
    if ratings is not None:
        made.sql(
            "create table ratings (source_line bigint, userId bigint, movieId bigint, rating double, timestamp bigint)"
        )
        for line, row in enumerate(ratings, start=2):
            made.connection.execute("insert into ratings values (?, ?, ?, ?, ?)", [line, *row])
    for name, frame in tables.items():
        made.write(name, frame)
    return made


def only(found: charts.Chart | None) -> charts.Chart:
    assert found is not None
    return found


def test_rating_levels_count_every_level_and_name_what_is_off_the_scale() -> None:
    chart = only(charts.rating_levels(warehouse([(1, 1, 4.0, 0), (1, 2, 4.0, 0), (1, 3, 7.3, 0), (2, 1, None, 0)])))
    assert {value["level"]: value["ratings"] for value in chart.values if value["ratings"]} == {
        "4.0": 2,
        "off scale": 1,
        "none": 1,
    }
    assert chart.title == "The commonest rating is 4.0, in 50 % of rows; 1 off the scale; 1 without a value"
    assert [value["level"] for value in chart.values if value["odd"]] == ["off scale", "none"]


def test_ratings_over_time_leave_out_and_mention_times_of_no_calendar() -> None:
    chart = only(charts.ratings_over_time(warehouse([(1, 1, 4.0, 0), (1, 2, 4.0, 86_400), (1, 3, 3.0, 10**13)])))
    assert [value["period"] for value in chart.values] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"]
    assert chart.note.startswith("1 rating without a time that a calendar knows is ")


@pytest.mark.parametrize(("days", "unit"), [(1, "day"), (200, "week"), (1_000, "month"), (9_000, "year")])
def test_ratings_over_time_choose_a_readable_step(days: int, unit: str) -> None:
    chart = only(charts.ratings_over_time(warehouse([(1, 1, 4.0, 0), (1, 2, 4.0, days * 86_400)])))
    assert chart.labels == {"unit": unit}


def test_long_tail_says_what_the_first_tenth_holds() -> None:
    ratings = [(user, 1, 3.0, 0) for user in range(1, 11)] + [(1, film, 3.0, 0) for film in range(2, 12)]
    chart = only(charts.long_tail_of_users(warehouse(ratings)))
    assert chart.title == "The most active tenth of users gives 55 % of the ratings"  # 11 of 20
    assert chart.values[0] == {"rank": 1, "ratings": 11}
    assert chart.values[-1] == {"rank": 10, "ratings": 1}


def test_missing_values_name_the_worst_column() -> None:
    links = pd.DataFrame({"source_line": [2, 3], "movieId": [1, 2], "tmdbId": pd.array([None, 5], "Int64")})
    chart = only(charts.missing_values(warehouse(None, links=links)))
    assert chart.title == "Values are missing in one column, links.tmdbId: 1"
    assert chart.values == [{"column": "links.tmdbId", "missing": 1, "share": 0.5}]
    assert "links.movieId: 0" in chart.alt


def test_where_no_value_is_missing_every_column_is_drawn() -> None:
    links = pd.DataFrame({"source_line": [2], "movieId": [1], "tmdbId": [5]})
    chart = only(charts.missing_values(warehouse(None, links=links)))
    assert [row["column"] for row in chart.values] == ["links.movieId", "links.tmdbId"]


def test_users_who_could_not_be_judged_are_not_called_unflagged() -> None:
    users = pd.DataFrame({"userId": [1, 2], "n_ratings": 20, "mean_rating": 3.5, "score": None, "trusted": False})
    users = users.assign(is_anomaly=False, status="undetermined")
    assert (
        only(charts.normal_and_flagged_users(warehouse(None, user_anomalies=users))).title == "No user could be judged"
    )


def test_flagged_users_are_told_from_others_and_named() -> None:
    users = pd.DataFrame(
        {"userId": [1, 2, 3], "n_ratings": [20, 30, 40], "mean_rating": [5.0, 3.5, None], "score": [9.0, 1.0, 0.0]}
    ).assign(is_anomaly=[True, False, False], status=["flagged", "ok", "ok"], trusted=[False, False, True])
    chart = only(charts.normal_and_flagged_users(warehouse(None, user_anomalies=users)))
    assert chart.title == "1 of 2 users is flagged", "as the verdict has it, of those who were judged"
    assert chart.note == "Of those who are not flagged 1 is trusted, and so not judged."
    assert [(dot["label"], dot["flagged"]) for dot in chart.values] == [("user 1", True), ("", False)]


def test_names_of_flagged_users_never_stand_on_one_another() -> None:
    alike = [{"ratings": 20, "mean": mean, "flagged": True, "label": f"user {mean}"} for mean in (0.5, 4.99, 5.0)]
    drawn = drawing.draw([charts.Chart("users", "users", "", kind="users", values=alike).as_dict()])
    texts = re.findall(r'transform="translate\(([\d.]+),([\d.]+)\)"[^>]*>(user [\d.]+)<', drawn[0]["svg"])
    assert [name for *_, name in texts] == ["user 5.0", "user 4.99", "user 0.5"]
    assert len({x for x, *_ in texts}) == 1
    heights = [float(y) for _, y, _ in texts]
    assert all(lower - upper >= 10 for upper, lower in itertools.pairwise(heights))


@pytest.mark.parametrize(
    ("places", "apart"),
    [([], []), ([3.0, 1.0], [3.0, 1.0]), ([3.0, 3.0, 2.5], [3.0, 2.0, 1.0]), ([0.4, 0.2], [1.0, 0.0])],
)
def test_places_move_only_as_far_as_they_must(places: list[float], apart: list[float]) -> None:
    assert vega._apart(places, 1.0, 0.0) == apart


def test_no_table_gives_no_chart() -> None:
    assert charts.charts(warehouse(None)) == []


@pytest.mark.parametrize(
    "ratings",
    [
        [],
        [(1, 1, 4.0, 0)],
        [(None, None, None, None)] * 3,
        [(1, 1, 4.0, 0)] * 30,
        [(1, 1, 1e308, -1), (2, 2, -5.0, 2**62)],
    ],
    ids=["empty", "one row", "all null", "ties", "absurd"],
)
def test_every_chart_of_odd_data_is_drawn(ratings: Rows) -> None:
    drawn = drawing.draw([chart.as_dict() for chart in charts.charts(warehouse(ratings))])
    assert [chart["problem"] for chart in drawn] == [""] * len(drawn)
    for chart in drawn:
        ET.fromstring(chart["svg"])


def test_a_table_of_other_columns_costs_a_chart_and_no_more() -> None:
    other = warehouse(None)
    other.write("ratings", pd.DataFrame({"stars": [1]}))
    found = charts.charts(other)
    levels = next(chart for chart in found if chart.id == "rating_levels")
    assert levels.problem.startswith("This chart could not be made:")
    assert drawing.draw([levels.as_dict()])[0]["problem"] == levels.problem


def feature(**changes: Any) -> dict[str, Any]:
    histogram = '{"labels": ["no", "yes"], "reference": [0.9, 0.1], "current": [0.7, 0.3]}'
    base = {"feature": "half_stars", "title": "half-stars", "status": "drifted", "kind": "share", "effect_size": 0.2}
    return base | {"minimum_effect": 0.02, "q_value": 0.001, "false_alarm_rate": 0.05, "histogram": histogram} | changes


def test_drift_shows_every_feature_and_both_windows_of_a_drifted_one() -> None:
    calm = feature(feature="hour", title="hours", status="ok", effect_size=0.01, q_value=0.8)
    unknown = feature(feature="tags", status="undetermined", effect_size=None, q_value=None, histogram=None)
    effects, p_values, windows = charts.drift_charts([feature(), calm, unknown])
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
    effects, *_ = charts.drift_charts([feature(), large, small])
    assert effects.note == "Triangles drifted. 1 dot lies beyond the dashed line, but chance alone may give as much."
    assert charts.drift_charts([feature(), small])[0].note == ""
    assert charts.drift_charts([large])[0].note.startswith("1 dot"), "there is no triangle"


@pytest.mark.parametrize(
    ("changes", "held", "title", "bins"),
    [
        ({"title": "ratings", "kind": "ordered"}, {"labels": ["1", "2"], "unit": "stars"},
         "Ratings moved most at 1 star: from 30.0 % to 10.0 %", "Ratings (stars)"),
        ({"title": "genres", "kind": "genres"}, {"labels": ["Drama", "War"], "unit": ""},
         "Genres moved most at Drama: from 30.0 % to 10.0 %", "Genres"),
        ({"title": "levels of genres", "kind": "genre_means"}, {"labels": ["Drama", "War"]},
         "Levels of genres moved most at Drama: from 0.30 to 0.10 stars", "Levels of genres"),
        ({"title": "cost", "kind": charts.COST}, {"labels": ["known users and films", "new users"]},
         "The error of a model moved most for known users and films: from 0.30 to 0.10 stars", ""),
    ],
)  # fmt: skip
def test_a_drifted_feature_says_at_which_bin_it_moved_most_and_what_its_bins_are(
    changes: dict[str, Any], held: dict[str, Any], title: str, bins: str
) -> None:
    histogram = json.dumps(held | {"reference": [0.3, 0.7], "current": [0.1, 0.8]})
    [windows] = [one for one in charts.drift_charts([feature(histogram=histogram, **changes)]) if one.kind == "windows"]
    assert (windows.title, windows.labels["bins"]) == (title, bins)
    svg = drawing.draw([windows.as_dict()])[0]["svg"]
    assert bins in svg
    assert (">80 %<" in svg) == (changes["kind"] in ("ordered", "genres"))


@pytest.mark.parametrize("kind", ["effects", "p_values"])
def test_names_of_features_are_whole_though_a_phone_is_narrow(kind: str) -> None:
    rows = [feature(feature=one.name, title=one.title) for one in declared_features()]
    [chart] = [one for one in charts.drift_charts(rows) if one.kind == kind]
    svg = drawing.draw([chart.as_dict()])[0]["svg"]
    shown = " ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", svg))
    for one in declared_features():
        assert one.title in shown, one.title
    assert "…" not in svg


def test_no_findings_give_no_drift_chart() -> None:
    assert charts.drift_charts([]) == []


STATUS = {"d": "drifted", "o": "ok", "u": "undetermined"}


def trends(courses: dict[str, str], every: str = "year", starts: tuple[str, ...] = ()) -> pd.DataFrame:
    """The table of trends: each feature's status in one window after the other, by its first letter."""
    starts = starts or tuple(f"{year}-01-01" for year in range(2016, 2026))
    effects = {"d": 0.4 / len(courses), "o": 0.05, "u": None}
    return pd.DataFrame(
        {
            "every": every,
            "window_start": start,
            "feature": f"feature {place}",
            "title": title,
            "status": STATUS[letter],
            "effect_size": None if effects[letter] is None else effects[letter] * (len(courses) - place),
            "minimum_effect": 0.1,
        }
        for place, (title, letters) in enumerate(courses.items())
        for start, letter in zip(starts, letters, strict=False)
    )


def test_trends_say_since_when_the_strongest_have_drifted_and_leave_out_what_never_did() -> None:
    courses = {"levels": "odud", "genres": "oodo", "hours": "dodu", "tags": "oooo"}
    table = trends(courses, "quarter", ("2016-10-01", "2017-01-01", "2017-04-01", "2017-07-01"))
    [chart] = charts.trend_charts(warehouse(None, drift_trends=table))
    assert chart.title == "When did it move? Levels: since 2017 Q1; genres: in 2017 Q2 alone, of 4 quarters"
    assert "hours: in 2 of 3 quarters, first in 2016 Q4, at most 2.0 times the smallest" in chart.alt
    assert "3 of 4 features are shown: those that drifted in at least one quarter." in chart.note
    assert chart.labels == {"every": "quarter", "windows": ["2016 Q4", "2017 Q1", "2017 Q2", "2017 Q3"]}
    levels = [value for value in chart.values if value["feature"] == "levels"]
    assert [value["state"] for value in levels] == ["not drifted", "drifted", "not judged", "drifted"]
    assert [value["opacity"] for value in levels] == [0.5, 0.75, 1.0, 0.75]  # 2, 4, none and 4 times what matters
    assert {value["feature"] for value in chart.values} == {"levels", "genres", "hours"}


def test_trends_are_drawn_a_cell_for_each_window_in_forms_that_need_no_colour() -> None:
    table = trends({"<b>": "oudd"}, "month", ("2016-01-01", "2016-02-01", "2016-03-01", "2016-04-01"))
    [drawn] = drawing.draw([chart.as_dict() for chart in charts.trend_charts(warehouse(None, drift_trends=table))])
    ET.fromstring(drawn["svg"])
    cells = re.findall(r'<path d="M(\d+),[\d.]+h45v([\d.]+)h-45Z" fill="var\(--(\w+), #\w+\)"', drawn["svg"])
    assert sorted(cells, key=lambda cell: int(cell[0])) == [
        ("0", "7.2", "blue"),
        ("45", "1.8", "grey"),
        ("90", "16.2", "vermilion"),
        ("135", "16.2", "vermilion"),
    ]
    assert "2016-04" in drawn["svg"]
    assert "<b>" not in drawn["svg"]


def test_trends_in_which_nothing_moved_are_a_sentence_without_a_drawing() -> None:
    charted = charts.trend_charts(warehouse(None, drift_trends=trends({"levels": "ouo", "hours": "uuo"})))
    [drawn] = drawing.Drawings([chart.as_dict() for chart in charted]).result()
    assert drawn["title"] == "When did it move? No feature drifted in any year that could be judged: 2 of 3."
    assert (drawn["problem"], "svg" in drawn) == ("", False)
    [unjudged] = charts.trend_charts(warehouse(None, drift_trends=trends({"levels": "uu"})))
    assert unjudged.title == "When did it move? No year could be judged."


def test_trends_that_nobody_asked_for_or_of_other_columns_cost_nothing() -> None:
    assert charts.trend_charts(warehouse(None)) == []
    [damaged] = charts.trend_charts(warehouse(None, drift_trends=pd.DataFrame({"every": ["year"]})))
    assert damaged.problem.startswith("This chart could not be made:")
    assert damaged.group == "trends"


def test_colours_are_the_pages_and_labels_of_the_data_stay_text() -> None:
    values = [{"column": "<script>window.ran=1</script>", "missing": 1, "share": 0.5}]
    chart = charts.Chart("missing-values", "data", "t", 'a "b" <c>', "missing", values)
    svg = drawing.draw([chart.as_dict()])[0]["svg"]
    assert 'fill="var(--vermilion, #D55E00)"' in svg
    assert "<script" not in svg
    placed = drawing.embedded(svg, chart.id, chart.alt)
    root = ET.fromstring(placed)
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "b" <c>')
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(str(one).startswith("missing-values-") for one in ids)


def test_a_process_of_its_own_draws_the_same(tmp_path: Path) -> None:
    wanted = [chart.as_dict() for chart in charts.charts(warehouse([(1, 1, 4.0, 0), (2, 1, 3.0, 86_400)]))]
    program = "import json, sys; from checks.docs.drawing import Drawings; wanted = json.load(sys.stdin)"
    program += "; assert 'vl_convert' not in sys.modules; print(json.dumps(Drawings(wanted).result()))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(wanted), capture_output=True, text=True, cwd=ROOT, check=True
    )
    numbered = re.compile(r"clip\d+|gradient_\d+")  # the engine counts on over all its drawings
    here, there = numbered.sub("", json.dumps(drawing.draw(wanted))), numbered.sub("", done.stdout.strip())
    assert there == here
