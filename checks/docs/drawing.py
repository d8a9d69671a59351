"""Draws charts as SVG, by Vega-Altair and vl-convert.

Colours are Okabe and Ito's (2008), which the colour-blind tell apart; each is written as a CSS variable, so that
one drawing serves light and dark. A chart is as wide as a phone, so that its text can be read there too.

Run as a program it reads charts (JSON) from standard input and writes drawings to standard output: the engine
takes a second to start and does not let go of Python's lock, so a process of its own draws while GX works.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import IO, Any

from checks.gate import one_line
from checks.suites import ROOT

WIDTH, HEIGHT = 290, 190  # of the plot; with its axes a chart fits 368 pixels, a phone's width less the margins
# What XML has no place for; the engine ends the whole process over one, and a column's name may hold any.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PATIENCE = 120  # seconds for a process that takes one or two

# Okabe-Ito, and greys for text and grid: the colour as drawn, and the variable that replaces it in the page.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#8c8c8c"
INK, GRID = "#2b2b29", "#dedbd2"
VARIABLES = {BLUE: "--blue", VERMILION: "--vermilion", GREY: "--grey", INK: "--ink", GRID: "--line"}


class Drawings:
    """Charts being drawn: in a process of their own where the drawing library is not loaded yet, else when asked."""

    def __init__(self, charts: Sequence[Mapping[str, Any]]) -> None:
        self._charts = charts
        self._process: subprocess.Popen[bytes] | None = None
        self._drawn: IO[bytes] | None = None
        if "vl_convert" not in sys.modules:
            self._start()

    def _start(self) -> None:
        self._drawn = tempfile.TemporaryFile()  # noqa: SIM115  closed when the drawings have been read
        with tempfile.TemporaryFile() as ordered:
            ordered.write(json.dumps(list(self._charts)).encode())
            ordered.seek(0)
            command = [sys.executable, "-m", "checks.docs.drawing"]
            self._process = subprocess.Popen(  # noqa: S603  our own module
                command, stdin=ordered, stdout=self._drawn, stderr=subprocess.DEVNULL, cwd=ROOT.parent
            )

    def result(self) -> list[dict[str, Any]]:
        """The charts, each with its `svg`, or with the `problem` that kept it from being drawn."""
        if self._process is None or self._drawn is None:
            return draw(self._charts)
        with self._drawn as drawn:
            self._drawn = None
            return self._read(self._process, drawn)

    def _read(self, process: subprocess.Popen[bytes], drawn: IO[bytes]) -> list[dict[str, Any]]:
        try:
            if process.wait(PATIENCE) == 0:
                drawn.seek(0)
                return list(json.loads(drawn.read()))
        except subprocess.TimeoutExpired:
            process.kill()
        failed = {"problem": "The drawing library failed."}
        return [{**chart} | (failed if _is_drawable(chart) else {}) for chart in self._charts]


def draw(charts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each chart with its drawing in place of its values, or with what kept it from being drawn."""
    return [{**chart, "values": []} | (_attempt(chart) if _is_drawable(chart) else {}) for chart in charts]


def _is_drawable(chart: Mapping[str, Any]) -> bool:
    """Whether there is more to show than a title or a problem."""
    return bool(chart["kind"]) and not chart["problem"]


def _attempt(chart: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {"svg": _drawn(chart)}
    except Exception as error:  # whatever the library makes of odd data, it must not cost the run its verdict
        return {"problem": f"This chart could not be drawn: {one_line(str(error))}."}


def _drawn(chart: Mapping[str, Any]) -> str:
    import vl_convert

    made = KINDS[chart["kind"]](_legible(chart["values"]), **_legible(chart["labels"]))
    return themed(vl_convert.vegalite_to_svg(made.to_dict(validate=False), config=_theme()))


def _legible(value: Any) -> Any:
    """The same value with a replacement character for what can't be drawn."""
    if isinstance(value, str):
        return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {key: _legible(one) for key, one in value.items()}
    return [_legible(one) for one in value] if isinstance(value, list) else value


def _levels(values: list[dict[str, Any]]) -> Any:
    import altair as alt

    odd = any(value["odd"] for value in values)
    chart = _chart(values).mark_bar(cornerRadiusEnd=1.5)
    return chart.encode(
        x=alt.X("level:N", sort=None, title="Stars", axis=alt.Axis(labelAngle=-40 if odd else 0)),
        y=alt.Y("ratings:Q", title="Ratings", axis=_counts()),
        color=alt.condition("datum.odd", alt.value(VERMILION), alt.value(BLUE)),
    )


def _over_time(values: list[dict[str, Any]], unit: str) -> Any:
    import altair as alt

    x = alt.X("period:T", title=f"{unit.capitalize()} (UTC)", scale=alt.Scale(type="utc"))
    y = alt.Y("ratings:Q", title=f"Ratings a {unit}", axis=_counts())
    if len(values) < 3:  # a line of two points is no picture
        return _chart(values).mark_bar(color=BLUE, size=18).encode(x=x, y=y)
    line = {"color": BLUE, "strokeWidth": 1.75}
    return _chart(values).mark_area(color=BLUE, opacity=0.22, line=line, interpolate="linear").encode(x=x, y=y)


def _rank_curve(values: list[dict[str, Any]], noun: str) -> Any:
    import altair as alt

    log = alt.Scale(type="log", nice=False)
    return (
        _chart(values)
        .mark_line(color=BLUE, strokeWidth=2, point=len(values) < 3)
        .encode(
            x=alt.X("rank:Q", scale=log, title=f"Rank of the {noun} (log scale)", axis=_powers()),
            y=alt.Y("ratings:Q", scale=alt.Scale(type="log"), title="Ratings (log scale)", axis=_powers()),
        )
    )


def _missing(values: list[dict[str, Any]]) -> Any:
    import altair as alt

    top = max(*(value["share"] for value in values), 0.001)
    axis = alt.Axis(format="~%", tickCount=4)
    x = alt.X("share:Q", title="Share of rows", axis=axis, scale=alt.Scale(domain=[0, top * 1.2]))
    y = alt.Y("column:N", sort=None, title=None)
    bars = _chart(values).mark_bar(color=VERMILION).encode(x=x, y=y)
    numbers = alt.Text("missing:Q", format=",")
    texts = _chart(values).mark_text(align="left", dx=4, color=INK).encode(x=x, y=y, text=numbers)
    return (bars + texts).properties(width=WIDTH - 60, height={"step": 15})


def _users(values: list[dict[str, Any]]) -> Any:
    import altair as alt

    named = sorted((value for value in values if value["label"]), key=lambda value: -value["mean"])
    low, high = _half_steps([value["mean"] for value in values])
    width, height = WIDTH - LETTER * max((len(value["label"]) for value in named), default=0), HEIGHT + 30
    places = _apart([value["mean"] for value in named], LINE * (high - low) / height, low)
    named = [value | {"place": place} for value, place in zip(named, places, strict=True)]
    log = alt.Scale(type="log")
    x = alt.X("ratings:Q", title="Ratings of the user (log scale)", scale=log, axis=_powers())
    title, scale = "Mean rating (stars)", alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("mean:Q", title=title, scale=scale)
    normal = _chart([value for value in values if not value["flagged"]])
    flagged = _chart([value for value in values if value["flagged"]])
    marks = flagged.mark_point(color=VERMILION, filled=True, shape="triangle-up", size=60, opacity=0.95)
    leaders = _chart(named).mark_rule(color=GREY, strokeWidth=0.75).encode(x2=alt.value(width + 3), y2="place:Q")
    names = _chart(named).mark_text(align="left", baseline="middle", color=INK, fontSize=10)
    dots = [layer.encode(x=x, y=y) for layer in (leaders, normal.mark_circle(color=BLUE, size=14, opacity=0.4), marks)]
    words = names.encode(x=alt.value(width + 5), y=alt.Y("place:Q", title=title, scale=scale), text="label:N")
    return alt.layer(*dots, words).properties(width=width, height=height)


LETTER, LINE = 6, 12  # pixels that a label's letter takes in width, and a label in height


def _half_steps(values: Sequence[float]) -> tuple[float, float]:
    """The half steps around the values, at least one apart."""
    low, high = math.floor(2 * min(values)) / 2, math.ceil(2 * max(values)) / 2
    return (low, high) if high - low >= 1 else (low - 0.5, high + 0.5)


def _apart(places: Sequence[float], gap: float, low: float) -> list[float]:
    """The places, highest first, moved down as far as keeps them `gap` apart, and up as far as `low` asks."""
    moved: list[float] = []
    for place in places:
        moved.append(min(place, moved[-1] - gap) if moved else place)
    for i in reversed(range(len(moved))):
        moved[i] = max(moved[i], moved[i + 1] + gap if i + 1 < len(moved) else low)
    return moved


def _effects(values: list[dict[str, Any]]) -> Any:
    import altair as alt

    x = alt.X(
        "effect:Q",
        title="Effect (1: the smallest that matters)",
        scale=alt.Scale(type="symlog", padding=6),
        axis=_multiples(),
    )
    return _dots_by_feature(values, x, 1.0)


def _p_values(values: list[dict[str, Any]], rate: float) -> Any:
    import altair as alt

    scale = alt.Scale(type="log", domain=[min(value["p"] for value in values), 1.0], padding=6)
    axis = alt.Axis(values=[0.0001, 0.001, 0.01, 0.1, 1], format="~g")
    return _dots_by_feature(values, alt.X("p:Q", title="p-value, corrected (log scale)", scale=scale, axis=axis), rate)


def _dots_by_feature(values: list[dict[str, Any]], x: Any, line: float) -> Any:
    """One dot a feature: drifted ones by colour and form; the line is the bound."""
    import altair as alt

    axis = alt.Axis(labelLimit=150, grid=True, domain=False, ticks=False)
    order = alt.Scale(domain=[value["feature"] for value in values])
    y = alt.Y("feature:N", sort=None, scale=order, title=None, axis=axis)
    bound = _chart([{"line": line}]).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=alt.X("line:Q"))
    others = _chart([value for value in values if not value["drifted"]]).mark_circle(color=BLUE, size=45, opacity=1)
    drifted = _chart([value for value in values if value["drifted"]]).mark_point(
        color=VERMILION, shape="triangle-up", filled=True, size=75, opacity=1
    )
    layers = [mark.encode(x=x, y=y) for mark in (others, drifted)]
    return alt.layer(*layers, bound).properties(width=WIDTH - 110, height={"step": 16})


def _multiples() -> Any:
    import altair as alt

    return alt.Axis(values=[0, 1, 3, 10, 30, 100], format="~g")


def _windows(values: list[dict[str, Any]], unit: str) -> Any:
    import altair as alt

    windows = ["reference", "current"]
    shape = {"width": WIDTH, "height": HEIGHT}
    colour = alt.Color("window:N", scale=alt.Scale(domain=windows, range=[BLUE, VERMILION]), sort=windows)
    labels = len(values) // len(windows)
    crowded = alt.Axis(labelAngle=-50, labelFontSize=10, labelOverlap=labels > 13)
    form = ".0%" if unit.startswith("Share") else "~g"
    chart = (
        _chart(values)
        .mark_bar()
        .encode(
            x=alt.X("label:N", sort=None, title=None, axis=crowded),
            xOffset=alt.XOffset("window:N", sort=windows),
            y=alt.Y("value:Q", title=unit, axis=alt.Axis(tickCount=5, format=form)),
            color=colour,
        )
    )
    return chart.properties(**shape)


def _trends(values: list[dict[str, Any]], every: str, windows: list[str]) -> Any:
    """A cell a feature and window: the stronger, the fuller its colour; a drifted one also fills its row's height."""
    import altair as alt

    crowded = len(windows) > 3
    axis = alt.Axis(labelAngle=-50 if crowded else 0, labelOverlap="greedy")
    x = alt.X("window:N", scale=alt.Scale(domain=windows), sort=None, title=f"{every.capitalize()} (UTC)", axis=axis)
    order = alt.Scale(domain=list(dict.fromkeys(value["feature"] for value in values)))
    plain = alt.Axis(labelLimit=150, grid=False, domain=False, ticks=False)
    y = alt.Y("feature:N", sort=None, scale=order, title=None, axis=plain)
    states = alt.Scale(domain=list(CELLS), range=[colour for colour, _ in CELLS.values()])
    beside = alt.Legend(orient="none", direction="horizontal", legendX=-110, legendY=-20)  # over the names as well
    colour = alt.Color("state:N", scale=states, legend=beside)
    opacity = alt.Opacity("opacity:Q", scale=None, legend=None)
    layers = [
        _chart([value for value in values if value["state"] == state])
        .mark_rect(height={"band": band})
        .encode(x=x, y=y, color=colour, opacity=opacity)
        for state, (_, band) in CELLS.items()
    ]
    return alt.layer(*layers).properties(width=WIDTH - 110, height={"step": 18})


# How a cell of a trend is drawn: colour, and share of the row's height, so that it is told by form too.
CELLS = {"drifted": (VERMILION, 0.9), "not drifted": (BLUE, 0.4), "not judged": (GREY, 0.1)}

KINDS: dict[str, Callable[..., Any]] = {
    "levels": _levels,
    "over_time": _over_time,
    "rank_curve": _rank_curve,
    "missing": _missing,
    "users": _users,
    "effects": _effects,
    "p_values": _p_values,
    "windows": _windows,
    "trends": _trends,
}


def _chart(values: list[dict[str, Any]]) -> Any:
    import altair as alt

    return alt.Chart(alt.Data(values=values)).properties(width=WIDTH, height=HEIGHT)


def _counts() -> Any:
    import altair as alt

    return alt.Axis(tickCount=5, format="~s")


def _powers() -> Any:
    """The ticks of a logarithmic axis: powers of ten alone, without the crowd of lines between them."""
    import altair as alt

    return alt.Axis(values=[10**power for power in range(9)], format="~s")


def _theme() -> dict[str, Any]:
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
    return {
        "background": "transparent",
        "padding": {
            "left": 20,
            "right": 8,
            "top": 5,
            "bottom": 5,
        },  # the reader's font may be wider than the one that the engine measured with
        "font": "system-ui, sans-serif",
        "aria": False,  # the figure has one text; hundreds of labelled marks are noise to a screen reader
        "view": {"stroke": None},
        "axis": {**text, "gridColor": GRID, "domainColor": GREY, "tickColor": GREY, "labelLimit": 150},
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False, "titlePadding": 8},
        "legend": {"labelColor": INK, "titleColor": INK, "orient": "top", "title": None},
    }


def themed(drawing: str) -> str:
    """Fixed colours replaced by the page's variables, with the colour itself where there is no such page."""
    for colour, variable in VARIABLES.items():
        drawing = drawing.replace(f'"{colour}"', f'"var({variable}, {colour})"')
    # Fonts are the page's; parts of an image have no role of their own.
    drawing = re.sub(r' (?:font-family|role|aria-[a-z]+)="[^"]*"', "", drawing)
    return re.sub(r' (?:d|transform)="[^"]*"', _rounded, drawing)


def _rounded(attribute: re.Match[str]) -> str:
    """Coordinates to a tenth of a pixel: the drawing is a fifth smaller, and looks the same."""
    return re.sub(r"(\d\.\d)\d+", r"\1", attribute[0])


def embedded(drawing: str, name: str, alternative: str) -> str:
    """SVG for a page that holds several: ids of its own, and one text in place of its parts."""
    drawing = re.sub(r'\bid="([\w-]+)"', rf'id="{name}-\1"', drawing)
    drawing = re.sub(r"url\(#([\w-]+)\)", rf"url(#{name}-\1)", drawing)
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{escape(alternative)}" ', 1)


if __name__ == "__main__":
    json.dump(draw(json.load(sys.stdin)), sys.stdout)
