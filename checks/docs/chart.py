"""What a chart is before it is drawn, and how one is asked for that the data may not allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from checks.complaints import one_line
from checks.warehouse import Warehouse


@dataclass(frozen=True)
class Chart:
    """A chart to draw: `title` says what is seen, `alt` says it in numbers, `note` what is left out.

    `kind` names the drawing, `values` are its rows and `labels` its words. `problem` says why there are none; without
    a kind the title says all.
    """

    id: str
    group: str
    title: str
    alt: str = ""
    kind: str = ""
    values: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def asked(ask: Callable[[Warehouse], Chart | None], warehouse: Warehouse, group: str = "data") -> Chart | None:
    """Damaged data (a renamed column, say) may defeat a chart; that must not cost the run its verdict."""
    try:
        return ask(warehouse)
    except Exception as error:
        name = ask.__name__.replace("_", " ").capitalize()
        problem = f"This chart could not be made: {warehouse.lacking(error) or one_line(str(error))}."
        return Chart(ask.__name__, group, name, problem=problem)


def capital(text: str) -> str:
    """The same with a capital first, whatever the rest is."""
    return text[:1].upper() + text[1:]
