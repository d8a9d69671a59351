"""Another hand's changes judged by the drift report: which are told, by what, and what is advised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scripts.evaluation.changes.catalogue import HARMLESS, catalogue

if TYPE_CHECKING:
    import pandas as pd

    from scripts.evaluation.changes.frames import Frames

IMPACT = "impact"  # the row of the cost: no feature
COSTLY = ("mend", "retrain")


def each_strength(delivery: Frames, pairs: int, rate: float, relabellings: int, seed: int) -> Iterator[dict[str, Any]]:
    """What was found of each kind at each strength, in so many pairs of halves; and of the same pairs unplanted."""
    from drift import find_drift

    def judged(halves: tuple[Frames, Frames], seed: int) -> pd.DataFrame:
        with halves[0].warehouse() as before, halves[1].warehouse() as now:
            return find_drift(now, reference=before, false_alarm_rate=rate, relabellings=relabellings, seed=seed)

    for change in catalogue():
        for level, strength in enumerate(change.strengths):
            seeds = range(seed, seed + pairs)
            planted = [judged(change.pair(delivery, level, number), number) for number in seeds]
            unplanted = [judged(change.split(delivery, level, number), number) for number in seeds]
            about = {"family": change.family, "kind": change.name, "strength": strength}
            yield about | _counted(planted) | {"unplanted": _counted(unplanted)}


def _counted(found: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Runs, in how many of them any feature drifted or the cost calls for an act, and which features drifted."""
    drifted = [_drifted(findings) for findings in found]
    features = Counter(name for names in drifted for name in names)
    return {
        "runs": len(found),
        "drifted": sum(map(bool, drifted)),
        "costly": sum(_advice(findings) in COSTLY for findings in found),
        "features": dict(features.most_common()),
    }


def _drifted(findings: pd.DataFrame) -> list[str]:
    """The features that drifted; the cost, which is told apart, is none."""
    told = findings[(findings["status"] == "drifted") & (findings["feature"] != IMPACT)]
    return [str(name) for name in told["feature"]]


def _advice(findings: pd.DataFrame) -> str:
    return str(findings.loc[findings["feature"] == IMPACT, "recommendation"].item())


def together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All pairs unplanted as one, the harmless rows as one, and every row."""
    harmless = [row for row in rows if row["family"] == HARMLESS]
    unplanted = _summed([row["unplanted"] for row in rows])
    return {"unplanted": unplanted, "harmless": _summed(harmless), "changes": list(rows)}


def _summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    features = sum((Counter(row["features"]) for row in rows), Counter[str]())
    counts = {name: sum(row[name] for row in rows) for name in ("runs", "drifted", "costly")}
    return counts | {"features": dict(features.most_common())}


def said(results: dict[str, Any]) -> Iterator[str]:
    """The results as lines for the console."""
    unplanted, harmless = results["unplanted"], results["harmless"]
    yield f"Nothing planted, {unplanted['runs']} pairs of halves of {results['users']} users: {_told(unplanted)}"
    yield f"Harmless changes, {harmless['runs']} of the pairs: {_told(harmless)}"
    yield f"Changes by another hand, {results['pairs']} pairs each (with nothing planted):"
    for row in results["changes"]:
        if row["family"] != HARMLESS:
            before = row["unplanted"]["drifted"] / max(row["unplanted"]["runs"], 1)
            yield f"  {row['kind']} {row['strength']:g}: {_told(row)} ({before:.2f})"


def _told(row: dict[str, Any]) -> str:
    """The shares of a row's runs, and the feature that tells most often."""
    drifted, costly = (row[name] / max(row["runs"], 1) for name in ("drifted", "costly"))
    most = f", most often {next(iter(row['features']))}" if row["features"] else ""
    return f"mend or retrain {costly:.2f}, drifted {drifted:.2f}{most}"
