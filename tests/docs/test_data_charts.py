"""What charts say of tiny tables, and that every kind is drawn, whatever the data are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from checks.docs import data_charts, drawing, figures
from tests.docs.tables import Rows, only, warehouse


def test_rating_levels_count_every_level_and_name_what_is_off_the_scale() -> None:
    found = [4.0, 4.0, 4.0, 7.3, 80.0, 0.0, 3.7, None]
    chart = only(data_charts.rating_levels(warehouse([(1, film, one, 0) for film, one in enumerate(found)])))
    counts = {value["level"]: value["ratings"] for value in chart.values}
    assert {level: count for level, count in counts.items() if count} == {
        "< 0.5": 1,
        "4.0": 3,
        "other": 1,
        "> 5": 2,
        "none": 1,
    }
    assert list(counts)[:2] == ["< 0.5", "0.5"], "in the order of the scale"
    assert list(counts)[-4:] == ["5.0", "other", "> 5", "none"]
    assert chart.title == "The commonest rating is 4.0, in 38 % of rows; 4 off the scale; 1 without a value"
    assert [value["level"] for value in chart.values if value["odd"]] == ["< 0.5", "other", "> 5", "none"]


def test_names_of_levels_are_never_turned_and_what_is_odd_has_its_number() -> None:
    ratings: Rows = [(1, film, one, 0) for film, one in enumerate([4.0] * 40 + [7.5, 0.0, 3.7, None] * 7)]
    svg = drawing.draw([only(data_charts.rating_levels(warehouse(ratings))).as_dict()])[0]["svg"]
    texts = [(one.get("transform", ""), one.text) for one in ET.fromstring(svg).iter() if one.tag.endswith("text")]
    names = [(place, text) for place, text in texts if text in ("<0.5", "0.5", "5", "other", ">5", "none")]
    assert [text for _, text in names] == ["<0.5", "0.5", "5", "other", ">5", "none"]
    assert not [place for place, _ in names if "rotate" in place]
    assert [text for _, text in texts].count("7") == 4


def test_ratings_over_time_leave_out_and_mention_times_of_no_calendar() -> None:
    chart = only(data_charts.ratings_over_time(warehouse([(1, 1, 4.0, 0), (1, 2, 4.0, 86_400), (1, 3, 3.0, 10**13)])))
    assert [value["period"] for value in chart.values] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"]
    assert chart.note.startswith("1 rating without a time that a calendar knows is ")


@pytest.mark.parametrize(("days", "unit"), [(1, "day"), (200, "week"), (1_000, "month"), (9_000, "year")])
def test_ratings_over_time_choose_a_readable_step(days: int, unit: str) -> None:
    chart = only(data_charts.ratings_over_time(warehouse([(1, 1, 4.0, 0), (1, 2, 4.0, days * 86_400)])))
    assert chart.labels == {"unit": unit}


def test_long_tail_says_what_the_first_tenth_holds() -> None:
    ratings = [(user, 1, 3.0, 0) for user in range(1, 11)] + [(1, film, 3.0, 0) for film in range(2, 12)]
    chart = only(data_charts.long_tail_of_users(warehouse(ratings)))
    assert chart.title == "The most active tenth of users gives 55 % of the ratings"  # 11 of 20
    assert chart.values[0] == {"rank": 1, "ratings": 11}
    assert chart.values[-1] == {"rank": 10, "ratings": 1}


def test_missing_values_name_the_worst_column() -> None:
    links = pd.DataFrame({"source_line": [2, 3], "movieId": [1, 2], "tmdbId": pd.array([None, 5], "Int64")})
    chart = only(data_charts.missing_values(warehouse(None, links=links)))
    assert chart.title == "Values are missing in one column, links.tmdbId: 1"
    assert chart.values == [{"column": "links.tmdbId", "missing": 1, "share": 0.5}]
    assert "links.movieId: 0" in chart.alt


def test_where_no_value_is_missing_every_column_is_drawn() -> None:
    links = pd.DataFrame({"source_line": [2], "movieId": [1], "tmdbId": [5]})
    chart = only(data_charts.missing_values(warehouse(None, links=links)))
    assert [row["column"] for row in chart.values] == ["links.movieId", "links.tmdbId"]


def test_no_table_gives_no_chart() -> None:
    assert figures.charts(warehouse(None), []) == []


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
    drawn = drawing.draw([chart.as_dict() for chart in figures.charts(warehouse(ratings), [])])
    assert [chart["problem"] for chart in drawn] == [""] * len(drawn)
    for chart in drawn:
        ET.fromstring(chart["svg"])


def test_a_table_of_other_columns_costs_a_chart_and_no_more() -> None:
    other = warehouse(None)
    other.write("ratings", pd.DataFrame({"stars": [1]}))
    found = figures.charts(other, [])
    levels = next(chart for chart in found if chart.id == "rating_levels")
    assert levels.problem.startswith("This chart could not be made:")
    assert drawing.draw([levels.as_dict()])[0]["problem"] == levels.problem
