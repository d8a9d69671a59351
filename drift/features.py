"""The monitored features, as declared in features.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

DECLARED: Final = Path(__file__).with_name("features.toml")


@dataclass(frozen=True)
class Feature:
    """One monitored feature; features.toml says what each field means."""

    name: str
    title: str
    per: str
    source: str
    kind: str
    value: str
    unit: str
    minimum: float
    minimum_reason: str
    severity: str
    why: str
    action: str
    statistic: str = "values"
    cap: float = 1.0
    reads_scale: bool = False
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    bins: str | None = None


@cache
def declared_features() -> tuple[Feature, ...]:
    """All monitored features, in the order of the report."""
    entries = tomllib.loads(DECLARED.read_text(encoding="utf-8"))["feature"]
    return tuple(Feature(**{key: _frozen(value) for key, value in entry.items()}) for entry in entries)


def n_cells(feature: Feature) -> int:
    """Number of cells of the histogram that is counted for each user."""
    return {"ordered": len(feature.edges) - 1, "category": len(feature.labels)}.get(feature.kind, 0)


def has_mean(feature: Feature) -> bool:
    """Whether the mean of the feature's values means anything: not for hours, genres and the like."""
    return feature.kind in ("ordered", "share", "genre_means")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
