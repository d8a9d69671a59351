"""Every kind of chart is drawn, in the pages' colours, and what the data name stays text."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from checks.docs import drawing, figures, vega
from checks.docs.chart import Chart
from tests.conftest import ROOT
from tests.docs.tables import warehouse


def test_names_of_flagged_users_never_stand_on_one_another() -> None:
    alike = [{"ratings": 20, "mean": mean, "flagged": True, "label": f"user {mean}"} for mean in (0.5, 4.99, 5.0)]
    drawn = drawing.draw([Chart("users", "users", "", kind="users", values=alike).as_dict()])
    texts = re.findall(r'transform="translate\(([\d.]+),([\d.]+)\)"[^>]*>(user [\d.]+)<', drawn[0]["svg"])
    assert [name for *_, name in texts] == ["user 5.0", "user 4.99", "user 0.5"]
    assert len({x for x, *_ in texts}) == 1
    heights = [float(y) for _, y, _ in texts]
    assert all(lower - upper >= 10 for upper, lower in itertools.pairwise(heights))


@pytest.mark.parametrize(
    ("ratings", "around"),
    [([20, 500], (10, 1000)), ([1, 500], (0.8, 1000)), ([20, 1000], (10, 1250)), ([1, 1], (0.8, 1.25))],
)
def test_no_dot_lies_on_an_axis_of_powers(ratings: list[float], around: tuple[float, float]) -> None:
    assert vega._powers(ratings) == around


def test_few_dots_are_drawn_fuller_than_a_cloud_of_them() -> None:
    """Ninety at two fifths of their colour were hardly seen on a dark page."""

    def opacity(dots: int) -> float:
        alike = [{"ratings": 20 + n, "mean": 3.0, "flagged": False, "label": ""} for n in range(dots)]
        drawn = drawing.draw([Chart("users", "users", "", kind="users", values=alike).as_dict()])[0]["svg"]
        return float(re.findall(r'opacity="([\d.]+)"', drawn)[-1])

    assert opacity(90) > 0.7 > opacity(700)


def test_nothing_is_not_counted_in_thousands() -> None:
    levels = [{"level": "1.0", "ratings": 9_000, "odd": False}, {"level": "2.0", "ratings": 0, "odd": False}]
    drawn = drawing.draw([Chart("levels", "data", "", kind="levels", values=levels).as_dict()])[0]["svg"]
    assert {">0<", ">8k<"} <= set(re.findall(r">\w+<", drawn))
    assert ">0k<" not in drawn


@pytest.mark.parametrize(
    ("places", "apart"),
    [([], []), ([3.0, 1.0], [3.0, 1.0]), ([3.0, 3.0, 2.5], [3.0, 2.0, 1.0]), ([0.4, 0.2], [1.0, 0.0])],
)
def test_places_move_only_as_far_as_they_must(places: list[float], apart: list[float]) -> None:
    assert vega._apart(places, 1.0, 0.0) == apart


def test_colours_are_the_pages_and_labels_of_the_data_stay_text() -> None:
    values = [{"column": "<script>window.ran=1</script>", "missing": 1, "share": 0.5}]
    chart = Chart("missing-values", "data", "t", 'a "b" <c>', "missing", values)
    svg = drawing.draw([chart.as_dict()])[0]["svg"]
    assert 'fill="var(--vermilion, #D55E00)"' in svg
    assert "<script" not in svg
    placed = drawing.embedded(svg, chart.id, chart.alt)
    root = ET.fromstring(placed)
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "b" <c>')
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(str(one).startswith("missing-values-") for one in ids)


def test_a_process_of_its_own_draws_the_same(tmp_path: Path) -> None:
    wanted = [chart.as_dict() for chart in figures.charts(warehouse([(1, 1, 4.0, 0), (2, 1, 3.0, 86_400)]), [])]
    program = "import json, sys; from checks.docs.drawing import Drawings; wanted = json.load(sys.stdin)"
    program += "; assert 'vl_convert' not in sys.modules; print(json.dumps(Drawings(wanted).result()))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(wanted), capture_output=True, text=True, cwd=ROOT, check=True
    )
    numbered = re.compile(r"clip\d+|gradient_\d+")  # the engine counts on over all its drawings
    here, there = numbered.sub("", json.dumps(drawing.draw(wanted))), numbered.sub("", done.stdout.strip())
    assert there == here
