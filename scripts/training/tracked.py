"""What is logged of a training to MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from checks.reports.tracking import Dataset, Record, small
from scripts.training.keeping import Training
from scripts.training.ratings import COLUMNS
from scripts.training.study import Study


def record(training: Training, ratings: Path, model: Path) -> Record:
    """Settings, errors beside the baselines', the validated ratings as the data set, and the files in `model`."""
    receipt = training.receipt
    sha256 = str(receipt["validated"][ratings.name]["sha256"])
    return Record(
        name=f"train {str(receipt['digest'])[:12]}",
        tags={"kind": "training", "receipt_digest": str(receipt["digest"]), "model": training.study.results[-1].name},
        metrics=dict(_errors(training.study)),
        parameters=asdict(training.study.settings) | {"hold_out": training.hold_out},
        datasets=[Dataset("validated ratings", ratings, sha256, len(training.ratings), list(COLUMNS), "training")],
        artifacts=small(sorted(path for path in model.iterdir() if not path.name.startswith("."))),
    )


def _errors(study: Study) -> Iterator[tuple[str, float | None]]:
    for name, result in zip(("global_mean", "bias", "model"), study.results, strict=True):
        for part, errors in (("all", result.all), ("known", result.known), ("cold", result.cold)):
            yield f"{name}/rmse/{part}", errors.rmse
            yield f"{name}/mae/{part}", errors.mae
    yield "held_out/ratings", study.held_out
    yield "held_out/share_by_new_users", study.new_users
    yield "held_out/share_of_new_films", study.new_films
