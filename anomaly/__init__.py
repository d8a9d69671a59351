"""Honest or not: score users, calibrate the flags, say why in words."""

from __future__ import annotations

from typing import Any

__all__ = ["find_anomalies"]


def __getattr__(name: str) -> Any:
    # NumPy and pandas load only when users are judged, not when a command answers --help.
    if name == "find_anomalies":
        from anomaly.findings import find_anomalies

        return find_anomalies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
