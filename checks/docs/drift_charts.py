"""What the charts of drift show: every feature's effect and p-value, and both windows of each that drifted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from checks.docs import findings
from checks.docs.chart import Chart, capital
from checks.wording import counted, percent


def drift_charts(rows: Sequence[dict[str, Any]]) -> list[Chart]:
    """Effect and p-value of every feature, the two windows of each drifted one, and what the drift costs."""
    judged = [
        _judged(row) for row in rows if findings.relative_effect(row) is not None and row.get("q_value") is not None
    ]
    overview = [_effects(judged), _p_values(judged, rows[0])] if judged else []
    shown = [row for row in rows if row["status"] == "drifted" or findings.is_cost(row)]
    return overview + [_windows(row) for row in shown if findings.histogram(row)]


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": row.get("title") or row["feature"],
        "effect": findings.relative_effect(row),
        "p": max(row["q_value"], SMALLEST_P),
        "drifted": row["status"] == "drifted",
    }


SMALLEST_P = 1e-4  # drawn; no test here relabels often enough to tell smaller ones


def _effects(judged: list[dict[str, Any]]) -> Chart:
    drifted = [one["feature"] for one in judged if one["drifted"]]
    title = (
        f"{len(drifted)} of {counted(len(judged), 'monitored feature')} drifted"
        if drifted
        else "No monitored feature drifted"
    )
    alt = "Effect as a multiple of the smallest that matters: " + ", ".join(
        f"{one['feature']} {one['effect']:.1f}{' (drifted)' if one['drifted'] else ''}" for one in judged
    )
    return Chart("drift-effects", "drift", title, alt, "effects", judged, note=_beyond(judged))


def _beyond(judged: list[dict[str, Any]]) -> str:
    """What keeps a dot beyond the line from being a drift, which the other chart shows."""
    large = sum(one["effect"] >= 1 and not one["drifted"] for one in judged)
    verb = "lies" if large == 1 else "lie"
    told = f"{counted(large, 'dot')} {verb} beyond the dashed line, but chance alone may give as much."
    triangles = "Triangles drifted. " if any(one["drifted"] for one in judged) else ""
    return triangles + told if large else ""


def _p_values(judged: list[dict[str, Any]], row: dict[str, Any]) -> Chart:
    rate = float(row.get("false_alarm_rate") or 0.05)
    rare = sum(one["p"] <= rate for one in judged)
    title = f"For {rare} of {counted(len(judged), 'feature')} the change is more than chance gives"
    alt = "p-value, corrected over all features: " + ", ".join(f"{one['feature']} {one['p']:.3g}" for one in judged)
    return Chart("drift-p-values", "drift", title, alt, "p_values", judged, {"rate": rate})


def _windows(row: dict[str, Any]) -> Chart:
    """The reference and the current window of one feature; the title names where they differ most."""
    held = findings.histogram(row)
    pairs = list(zip(held["labels"], held["reference"], held["current"], strict=True))
    known = [pair for pair in pairs if pair[1] is not None and pair[2] is not None]
    name, written = capital(row.get("title") or row["feature"]), _written(row)
    alt = f"{name}, reference and current: " + "; ".join(
        f"{label} {written(before)}, {written(now)}" for label, before, now in known
    )
    values = [
        {"label": str(label), "window": window, "value": value}
        for label, *both in pairs
        for window, value in zip(("reference", "current"), both, strict=True)
    ]
    counts = f"{name} ({held['unit']})" if held.get("unit") else name
    labels = {"unit": _unit(row), "bins": "" if findings.is_cost(row) else counts}
    title = _moved(name, row, held, known)
    return Chart(f"drift-{row['feature']}", "windows", title, alt, "windows", values, labels)


def _moved(name: str, row: dict[str, Any], held: dict[str, Any], known: Sequence[tuple[Any, float, float]]) -> str:
    """Where the windows differ most, and by how much: the bin that the finding's message names, too."""
    written = _written(row)
    label, before, now = max(known, key=lambda pair: abs(pair[2] - pair[1]), default=("", 0.0, 0.0))
    if held["labels"] == ["no", "yes"]:  # the share of yes says it all
        _, before, now = known[-1]
        return f"{name} went from {written(before)} to {written(now)}"
    if findings.is_cost(row):
        return f"The error of a model moved most for {label}: from {written(before)} to {written(now)} stars"
    unit = " stars" if _is_in_stars(row) else ""
    return f"{name} moved most at {_said(held, label)}: from {written(before)} to {written(now)}{unit}"


def _said(held: dict[str, Any], label: Any) -> str:
    """A bin as the finding's message says it, with its unit."""
    return str(dict(zip(held["labels"], held.get("said", ()), strict=False)).get(label, label))


def _written(row: dict[str, Any]) -> Callable[[float], str]:
    """How a bin's value is written: stars, or per cent."""
    return "{:z.2f}".format if _is_in_stars(row) else percent


def _unit(row: dict[str, Any]) -> str:
    if findings.is_cost(row):
        return "Error of a model (RMSE, stars)"
    return "Stars, net of film and user" if _is_in_stars(row) else "Share, by user"


def _is_in_stars(row: dict[str, Any]) -> bool:
    """Whether its bins hold stars, where those of others hold shares."""
    return findings.is_cost(row) or row.get("kind") == "genre_means"
