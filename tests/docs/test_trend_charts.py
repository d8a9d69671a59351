"""What the chart of trends says of a few windows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pandas as pd

from checks.docs import drawing
from checks.docs.trend_charts import trend_charts
from tests.docs.tables import trends, warehouse


def test_trends_say_since_when_the_strongest_have_drifted_and_leave_out_what_never_did() -> None:
    courses = {"levels": "odud", "genres": "oodo", "hours": "dodu", "tags": "oooo"}
    table = trends(courses, "quarter", ("2016-10-01", "2017-01-01", "2017-04-01", "2017-07-01"))
    [chart] = trend_charts(warehouse(None, drift_trends=table))
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
    [drawn] = drawing.draw([chart.as_dict() for chart in trend_charts(warehouse(None, drift_trends=table))])
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
    charted = trend_charts(warehouse(None, drift_trends=trends({"levels": "ouo", "hours": "uuo"})))
    [drawn] = drawing.Drawings([chart.as_dict() for chart in charted]).result()
    assert drawn["title"] == "When did it move? No feature drifted in any year that could be judged: 2 of 3."
    assert (drawn["problem"], "svg" in drawn) == ("", False)
    [unjudged] = trend_charts(warehouse(None, drift_trends=trends({"levels": "uu"})))
    assert unjudged.title == "When did it move? No year could be judged."


def test_trends_that_nobody_asked_for_or_of_other_columns_cost_nothing() -> None:
    assert trend_charts(warehouse(None)) == []
    [damaged] = trend_charts(warehouse(None, drift_trends=pd.DataFrame({"every": ["year"]})))
    assert damaged.problem.startswith("This chart could not be made:")
    assert damaged.group == "trends"
