"""Parts of the report for a notebook: its charts, its cards of users and its findings, between other text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.docs import drawing
from checks.docs.chart import Chart
from checks.docs.renderers import with_expected
from checks.docs.view import PageView
from checks.gate.verdict import Verdict
from checks.reports import summary


@dataclass(frozen=True)
class Excerpt:
    """A piece of HTML, escaped as the report's pages are, that needs neither their stylesheet nor the network."""

    html: str

    def _repr_html_(self) -> str:
        """What IPython shows of this object."""
        return self.html


def charts(*asked: Chart | None) -> Excerpt:
    """The charts side by side; None is a chart that the data did not allow."""
    drawn = drawing.draw([chart.as_dict() for chart in asked if chart is not None])
    return _excerpt(charts=drawn)


def users(cards: Sequence[Mapping[str, Any]]) -> Excerpt:
    """The cards of users, as `checks.docs.findings.users` gives them: evidence, and measures beside other users'."""
    return _excerpt(users=cards)


def findings(verdict: Verdict) -> Excerpt:
    """What did not hold, worst first: what was found, where first, and what to do."""
    return _excerpt(findings=[with_expected(summary.expectation(outcome)) for outcome in verdict.to_mend()])


def _excerpt(**shown: Sequence[Mapping[str, Any]]) -> Excerpt:
    parts: dict[str, Any] = {"charts": [], "users": [], "findings": []}
    return Excerpt(PageView().render({"template": "excerpt.html"} | parts | shown))
