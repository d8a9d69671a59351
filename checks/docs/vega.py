"""What each kind of chart looks like, in Vega-Lite's own language (https://vega.github.io/vega-lite/docs): plain
dictionaries, as a library that builds them takes longer than the drawing.

Colours are Okabe and Ito's (2008), which the colour-blind tell apart. A chart is as wide as a phone, so that its text
can be read there too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any, TypeAlias

Spec: TypeAlias = dict[str, Any]
Values: TypeAlias = list[dict[str, Any]]

WIDTH, HEIGHT = 290, 190  # of the plot; with its axes a chart fits 368 pixels, a phone's width less the margins
# Okabe-Ito, and greys for text and grid.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#8c8c8c"
INK, GRID = "#2b2b29", "#dedbd2"

COUNTS = {"tickCount": 5, "format": "~s", "labelExpr": "datum.value ? datum.label : '0'"}  # else "0k" beside "10k"
# The ticks of a logarithmic axis: powers of ten alone, without the crowd of lines between them.
POWERS = {"values": [10**power for power in range(9)], "format": "~s"}
LOG = {"type": "log"}
PERCENT = {"labelExpr": "format(100 * datum.value, '~g') + ' %'"}
TRIANGLE = {"type": "point", "color": VERMILION, "shape": "triangle-up", "filled": True}  # what stands out
LETTER, LINE = 6, 12  # pixels that a label's letter takes in width, and a label in height
LONGEST = 150  # pixels of a feature's name; a longer one takes two lines, or a phone would show no plot beside it
LINES = {"labelExpr": "split(datum.label, '\\n')"}  # Vega-Lite's way to a label of several lines
# The tick lies between two lines, or at the middle of one.
BETWEEN = {"condition": {"test": "indexof(datum.label, '\\n') > 0", "value": "bottom"}, "value": "middle"}
IN_LINES = LINES | {"labelLimit": LONGEST, "labelBaseline": BETWEEN, "domain": False, "ticks": False}
SPARSE = 200  # dots that hardly lie on one another, and must be seen one by one
FEW = 5  # bins whose names have room below them
# How a cell of a trend is drawn: colour, and share of the row's height, so that it is told by form too.
CELLS = {"drifted": (VERMILION, 0.9), "not drifted": (BLUE, 0.4), "not judged": (GREY, 0.1)}


def specification(kind: str, values: Values, labels: Mapping[str, Any]) -> Spec:
    """The chart of a kind. Raises KeyError where there is no such kind, TypeError on labels that it does not have."""
    return {"width": WIDTH, "height": HEIGHT} | KINDS[kind](values, **labels)


def _mark(values: Values, mark: Spec, **encoding: Spec) -> Spec:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _having(values: Values, name: str, wanted: str | bool) -> Values:
    """Those that are drawn in one form."""
    return [value for value in values if value[name] == wanted]


def _number(field: str, title: str | None, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", "title": title, **more}


def _name(field: str, **more: Any) -> Spec:
    """Names in the order in which they come, without a title."""
    return {"field": field, "type": "nominal", "sort": None, "title": None, **more}


def _levels(values: Values) -> Spec:
    """A bar a level; what is off the scale has its number above it, as a single row among many gives no height."""
    short = "replace(replace(datum.label, '.0', ''), ' ', '')"  # up to 14 names, and none turned
    names = {"labelAngle": 0, "labelExpr": short, "labelFontSize": 11 if len(values) <= 12 else 10}
    order = {"domain": [value["level"] for value in values]}
    x = _name("level", axis=names | {"labelOverlap": False}, scale=order) | {"title": "Stars"}
    y = _number("ratings", "Ratings", axis=COUNTS)
    color = {"condition": {"test": "datum.odd", "value": VERMILION}, "value": BLUE}
    number = {"field": "ratings", "type": "quantitative", "format": ".2~s"}
    text = {"type": "text", "dy": -6, "color": INK, "fontSize": 10}
    bars = _mark(values, {"type": "bar", "cornerRadiusEnd": 1.5}, x=x, y=y, color=color)
    return {"layer": [bars, _mark(_having(values, "odd", True), text, x=x, y=y, text=number)]}


def _over_time(values: Values, unit: str) -> Spec:
    axis = {"tickCount": 5, "labelOverlap": True, "labelSeparation": 8}  # the months of a year are long names
    x = {"field": "period", "type": "temporal", "title": f"{unit.capitalize()} (UTC)", "scale": {"type": "utc"}}
    x["axis"] = axis
    y = _number("ratings", f"Ratings a {unit}", axis=COUNTS)
    if len(values) < 3:  # a line of two points is no picture
        return _mark(values, {"type": "bar", "color": BLUE, "size": 18}, x=x, y=y)
    line = {"color": BLUE, "strokeWidth": 1.75}
    mark = {"type": "area", "color": BLUE, "opacity": 0.22, "line": line, "interpolate": "linear"}
    return _mark(values, mark, x=x, y=y)


def _rank_curve(values: Values, noun: str) -> Spec:
    return _mark(
        values,
        {"type": "line", "color": BLUE, "strokeWidth": 2, "point": len(values) < 3},
        x=_number("rank", f"Rank of the {noun} (log scale)", scale={"type": "log", "nice": False}, axis=POWERS),
        y=_number("ratings", "Ratings (log scale)", scale=LOG, axis=POWERS),
    )


def _missing(values: Values) -> Spec:
    top = max(*(value["share"] for value in values), 0.001)
    scale, axis = {"domain": [0, top * 1.2]}, PERCENT | {"tickCount": 4}
    place = {"x": _number("share", "Share of rows", axis=axis, scale=scale), "y": _name("column")}
    bars = _mark(values, {"type": "bar", "color": VERMILION}, **place)
    number = {"field": "missing", "type": "quantitative", "format": ","}
    texts = _mark(values, {"type": "text", "align": "left", "dx": 4, "color": INK}, **place, text=number)
    return {"layer": [bars, texts], "width": WIDTH - 60, "height": {"step": 15}}


def _users(values: Values) -> Spec:
    named = sorted((value for value in values if value["label"]), key=lambda value: -value["mean"])
    low, high = _half_steps([value["mean"] for value in values])
    width, height = WIDTH - LETTER * max((len(value["label"]) for value in named), default=0), HEIGHT + 30
    places = _apart([value["mean"] for value in named], LINE * (high - low) / height, low)
    named = [value | {"place": place} for value, place in zip(named, places, strict=True)]
    title, scale = "Mean rating (stars)", {"domain": [low, high], "nice": False}
    across = LOG | {"domain": _powers([value["ratings"] for value in values]), "nice": False}
    x = _number("ratings", "Ratings of the user (log scale)", scale=across, axis=POWERS)
    y = _number("mean", title, scale=scale)
    text = {"type": "text", "align": "left", "baseline": "middle", "color": INK, "fontSize": 10}
    size, opacity = (14, 0.5) if len(values) > SPARSE else (22, 0.85)
    circle = {"type": "circle", "color": BLUE, "size": size, "opacity": opacity}
    end, beside, label = {"value": width + 3}, {"value": width + 5}, {"field": "label", "type": "nominal"}
    layers = [
        _mark(named, {"type": "rule", "color": GREY, "strokeWidth": 0.75}, x=x, y=y, x2=end, y2={"field": "place"}),
        _mark(_having(values, "flagged", False), circle, x=x, y=y),
        _mark(_having(values, "flagged", True), TRIANGLE | {"size": 60, "opacity": 0.95}, x=x, y=y),
        _mark(named, text, x=beside, y=_number("place", title, scale=scale), text=label),
    ]
    return {"layer": layers, "width": width, "height": height}


def _powers(values: Sequence[float]) -> tuple[float, float]:
    """The powers of ten around the values, and a little more where a dot would lie on the axis and its labels."""
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    return (0.8 * low if min(values) < 1.2 * low else low), (1.25 * high if max(values) > 0.8 * high else high)


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


def _effects(values: Values) -> Spec:
    axis, scale = {"values": [0, 1, 3, 10, 30, 100], "format": "~g"}, {"type": "symlog", "padding": 6}
    x = _number("effect", "Effect (1: the smallest that matters)", scale=scale, axis=axis)
    return _dots_by_feature(values, x, 1.0)


def _p_values(values: Values, rate: float) -> Spec:
    scale = {"type": "log", "domain": [min(value["p"] for value in values), 1.0], "padding": 6}
    axis = {"values": [0.0001, 0.001, 0.01, 0.1, 1], "format": "~g"}
    return _dots_by_feature(values, _number("p", "p-value, corrected (log scale)", scale=scale, axis=axis), rate)


def _dots_by_feature(values: Values, x: Spec, line: float) -> Spec:
    """One dot a feature: drifted ones by colour and form; the line is the bound."""
    values, step = _in_lines(values, 16)
    y = _name("feature", scale={"domain": [value["feature"] for value in values]}, axis=IN_LINES | {"grid": True})
    bound = {"field": "line", "type": "quantitative"}
    layers = [
        _mark(_having(values, "drifted", False), {"type": "circle", "color": BLUE, "size": 45, "opacity": 1}, x=x, y=y),
        _mark(_having(values, "drifted", True), TRIANGLE | {"size": 75, "opacity": 1}, x=x, y=y),
        _mark([{"line": line}], {"type": "rule", "color": INK, "strokeDash": [3, 3]}, x=bound),
    ]
    return {"layer": layers, "width": WIDTH - 110, "height": {"step": step}}


def _in_lines(values: Values, step: int) -> tuple[Values, int]:
    """The values with their features' names broken into lines that fit, and the height of a row that holds these."""
    names = {value["feature"]: wrap(value["feature"], LONGEST // LETTER, max_lines=2) for value in values}
    lines = max(map(len, names.values()), default=1)
    broken = [value | {"feature": "\n".join(names[value["feature"]])} for value in values]
    return broken, step + LINE * (lines - 1)


def _windows(values: Values, unit: str, bins: str) -> Spec:
    windows = ["reference", "current"]
    values, names = _with_names_below(values, len(values) // len(windows))
    colours = {"domain": windows, "range": [BLUE, VERMILION]}
    window = {"field": "window", "type": "nominal", "sort": windows}
    axis = {"tickCount": 5} | (PERCENT if unit.startswith("Share") else {"format": "~g"})
    return _mark(
        values,
        {"type": "bar"},
        x=_name("label", axis=names | {"titlePadding": 9}) | {"title": wrap(bins, WIDTH // LETTER) or None},
        xOffset=window,
        y=_number("value", unit, axis=axis),
        color=window | {"scale": colours},
    )


def _with_names_below(values: Values, count: int) -> tuple[Values, Spec]:
    """The values and the axis of their names: few are broken into lines, as they find no room when turned."""
    if count > FEW:
        return values, {"labelAngle": -50, "labelFontSize": 10, "labelOverlap": count > 24}
    broken = [
        value | {"label": "\n".join(wrap(value["label"], WIDTH // count // LETTER, max_lines=3))} for value in values
    ]
    return broken, LINES | {"labelAngle": 0}


def _trends(values: Values, every: str, windows: list[str]) -> Spec:
    """A cell a feature and window: the stronger, the fuller its colour; a drifted one also fills its row's height."""
    axis = {"labelAngle": -50 if len(windows) > 3 else 0, "labelOverlap": "greedy"}
    values, step = _in_lines(values, 18)
    features = list(dict.fromkeys(value["feature"] for value in values))
    states = {"domain": list(CELLS), "range": [colour for colour, _ in CELLS.values()]}
    above = {"orient": "none", "direction": "horizontal", "legendX": -110, "legendY": -20}  # over the names as well
    encoding = {
        "x": _name("window", scale={"domain": windows}, axis=axis) | {"title": f"{every.capitalize()} (UTC)"},
        "y": _name("feature", scale={"domain": features}, axis=IN_LINES | {"grid": False}),
        "color": {"field": "state", "type": "nominal", "scale": states, "legend": above},
        "opacity": {"field": "opacity", "type": "quantitative", "scale": None, "legend": None},
    }
    layers = [
        _mark(_having(values, "state", state), {"type": "rect", "height": {"band": band}}, **encoding)
        for state, (_, band) in CELLS.items()
    ]
    return {"layer": layers, "width": WIDTH - 110, "height": {"step": step}}


KINDS: Mapping[str, Callable[..., Spec]] = {
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

THEME: Spec = {
    "background": "transparent",
    # The reader's font may be wider than the one that the engine measured with.
    "padding": {"left": 20, "right": 8, "top": 5, "bottom": 5},
    "font": "system-ui, sans-serif",
    "aria": False,  # the figure has one text; hundreds of labelled marks are noise to a screen reader
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GREY,
        "tickColor": GREY,
        "labelLimit": 150,
    },
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False, "titlePadding": 8},
    "legend": {"labelColor": INK, "titleColor": INK, "orient": "top", "title": None},
}
