"""Another hand's changes judged by the drift report: which are told, by what, and what is advised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.changes.catalogue import HARMLESS, Change, catalogue

if TYPE_CHECKING:
    import pandas as pd

    from scripts.evaluation.changes.frames import Frames

IMPACT = "impact"  # the row of the cost: no feature
COSTLY = ("mend", "retrain")


def each_strength(delivery: Frames, pairs: int, rate: float, relabellings: int, seed: int) -> Iterator[dict[str, Any]]:
    """What was found of each kind at each strength, in so many pairs of halves."""
    from drift import find_drift

    for change in catalogue():
        for level in range(len(change.strengths)):
            found = []
            for number in range(seed, seed + pairs):
                reference, current = change.pair(delivery, level, number)
                with reference.warehouse() as before, current.warehouse() as now:
                    findings = find_drift(
                        now, reference=before, false_alarm_rate=rate, relabellings=relabellings, seed=number
                    )
                found.append(findings)
            yield _row(change, level, found)


def _row(change: Change, level: int, found: Sequence[pd.DataFrame]) -> dict[str, Any]:
    drifted = [_drifted(findings) for findings in found]
    features = Counter(name for names in drifted for name in names)
    return {
        "family": change.family,
        "kind": change.name,
        "strength": change.strengths[level],
        "runs": len(found),
        "drifted": sum(map(bool, drifted)),
        "features": dict(features.most_common()),
        "costly": sum(_advice(findings) in COSTLY for findings in found),
    }


def _drifted(findings: pd.DataFrame) -> list[str]:
    """The features that drifted; the cost, which is told apart, is none."""
    told = findings[(findings["status"] == "drifted") & (findings["feature"] != IMPACT)]
    return [str(name) for name in told["feature"]]


def _advice(findings: pd.DataFrame) -> str:
    return str(findings.loc[findings["feature"] == IMPACT, "recommendation"].item())


def together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The harmless rows as one, and every row."""
    harmless = [row for row in rows if row["family"] == HARMLESS]
    features = sum((Counter(row["features"]) for row in harmless), Counter[str]())
    counts = {name: sum(row[name] for row in harmless) for name in ("runs", "drifted", "costly")}
    return {"harmless": counts | {"features": dict(features.most_common())}, "changes": list(rows)}


def said(results: dict[str, Any]) -> Iterator[str]:
    """The results as lines for the console."""
    harmless = results["harmless"]
    yield f"Harmless changes, {harmless['runs']} pairs of halves of {results['users']} users: {_told(harmless)}"
    yield f"Changes by another hand, {results['pairs']} pairs of halves each:"
    for row in results["changes"]:
        if row["family"] != HARMLESS:
            yield f"  {row['kind']} {row['strength']:g}: {_told(row)}"


def _told(row: dict[str, Any]) -> str:
    """The shares of a row's runs, and the feature that tells most often."""
    drifted, costly = (row[name] / max(row["runs"], 1) for name in ("drifted", "costly"))
    most = f" (most often {next(iter(row['features']))})" if row["features"] else ""
    return f"drifted {drifted:.2f}{most}, mend or retrain {costly:.2f}"
