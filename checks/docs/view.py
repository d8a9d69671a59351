"""Turns what a renderer gives into a page. Needs no GX, and escapes everything that is not markup of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks import times
from checks.docs import drawing, findings, words
from checks.texts import printable
from checks.wording import counted

HERE = Path(__file__).parent
STYLE, SCRIPT = HERE / "static" / "style.css", HERE / "static" / "script.js"
# Nothing is loaded but our own stylesheet and script; nothing is sent anywhere.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'"
)


class PageView:
    """The view class of every page: `render` takes a dictionary that names its template."""

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        """GX offers two folders for styles and views of one's own; ours stand in this package."""

    def render(self, document: Mapping[str, Any], **_: Any) -> str:
        """The page's HTML. `document` holds `template`, `root` (the way to the site's top) and what it shows."""
        return _environment().get_template(document["template"]).render(document)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        policy=POLICY, stylesheet=_stylesheet(), severities=("critical", "warning", "info"), time_meant=times.meant
    )
    environment.tests["cost"] = findings.is_cost
    environment.filters.update(
        compared=findings.compared,
        told_of_all=findings.told_of_all,
        in_parts=findings.in_parts,
        alone=words.alone,
        amount=words.amount,
        answered=words.answered,
        cost=findings.cost,
        cell=words.cell,
        counted=counted,
        plain=printable,
        moment=words.moment,
        names=words.names,
        number=words.number,
        reason=words.reason,
        sentence=words.sentence,
        size=words.size,
        whole=words.whole,
        markdown=words.markdown,
        inline=words.inline,
        sparkline=words.sparkline,
        drawing=_drawing,
        elsewhere=words.elsewhere,
        folder=words.folder,
    )
    return environment


def _stylesheet() -> Markup:
    """Our stylesheet, put into each page: a single page sent by e-mail still looks as it should."""
    return Markup(STYLE.read_text(encoding="utf-8"))  # noqa: S704  a file of ours


def _drawing(chart: Mapping[str, str]) -> Markup:
    return Markup(drawing.embedded(chart["svg"], chart["id"], chart["alt"]))  # noqa: S704  drawn by drawing.py
