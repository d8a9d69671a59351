"""Draws charts as SVG, by vl-convert.

Each colour is written as a CSS variable, so that one drawing serves light and dark.

Run as a program it reads charts (JSON) from standard input and writes drawings to standard output: the engine
takes a second to start and does not let go of Python's lock, so a process of its own draws while GX works.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import IO, Any

from checks.complaints import one_line
from checks.docs.vega import BLUE, GREY, GRID, INK, THEME, VERMILION, specification
from checks.engine.suites import ROOT

# What XML has no place for; the engine ends the whole process over one, and a column's name may hold any.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PATIENCE = 120  # seconds for a process that takes one or two

# The variable that replaces each colour in the page.
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

    spec = specification(chart["kind"], _legible(chart["values"]), _legible(chart["labels"]))
    return themed(vl_convert.vegalite_to_svg(spec, config=THEME))


def _legible(value: Any) -> Any:
    """The same value with a replacement character for what can't be drawn."""
    if isinstance(value, str):
        return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {key: _legible(one) for key, one in value.items()}
    return [_legible(one) for one in value] if isinstance(value, list) else value


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
