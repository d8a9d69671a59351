"""Log a run to MLflow, where it is installed and MLFLOW_TRACKING_URI says where to. A failure is told, never raised.

MLflow is an optional extra (requirements-extras.txt) and slow to import, so nothing here imports it before it is
needed; its own telemetry stays off.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ADDRESS = "MLFLOW_TRACKING_URI"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"
EXPERIMENT = "movielens"
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME")
# MLflow's own defaults try for minutes; a verdict does not wait that long for a record of it.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
SILENCE = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
LARGEST_ARTIFACT_BYTES = 20_000_000  # larger files stay where they are: the run waits for what is sent
DIGEST_CHARACTERS = 36  # MLflow's limit; the whole SHA-256 is in a tag
BATCH = 500  # MLflow takes 1000 metrics at once, 100 tags and 100 parameters
REASON_CHARACTERS = 200  # of why a run was not logged: the libraries' names for it are told one in another
TEXT_CHARACTERS = 500  # MLflow's limit for a tag's or parameter's value in older servers


@dataclass(frozen=True)
class Dataset:
    """A file that a run read: an MLflow input."""

    name: str
    path: Path
    sha256: str
    rows: int
    columns: Sequence[str] = ()
    context: str = "validation"


@dataclass(frozen=True)
class Record:
    """What is logged of a run."""

    name: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float | int | None]
    parameters: Mapping[str, object] = field(default_factory=dict)
    datasets: Sequence[Dataset] = ()
    artifacts: Sequence[Path] = ()


def wanted() -> bool:
    """Whether an address is set and MLflow is installed."""
    return bool(os.environ.get(ADDRESS)) and find_spec("mlflow") is not None


def log(record: Callable[[], Record]) -> str | None:
    """Log what `record` gives; None where that went well or is not wanted, else one line that says why it failed.

    The experiment is the one that MLFLOW_EXPERIMENT_NAME names, or `movielens`.
    """
    if not wanted():
        return None
    try:
        _log(record())
    except Exception as error:  # whatever MLflow or its server raises: a record of a verdict does not change it
        reason = f"{type(error).__name__}: {_without_secrets(str(error))}"
        return f"MLflow: the run was not logged ({reason}); see whether {ADDRESS} is right and its server answers."
    return None


def _log(record: Record) -> None:
    for variable, value in (PATIENCE | SILENCE).items():
        os.environ.setdefault(variable, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    client = MlflowClient(os.environ[ADDRESS])
    run = client.create_run(_experiment(client), run_name=record.name)
    status = "FAILED"
    try:
        _fill(client, run.info.run_id, record)
        status = "FINISHED"
    finally:
        client.set_terminated(run.info.run_id, status)


def _experiment(client: Any) -> str:
    name = os.environ.get(EXPERIMENT_VARIABLE) or EXPERIMENT
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _fill(client: Any, run: str, record: Record) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    metrics = [Metric(key(name), value, now, 0) for name, value in _finite(record.metrics)]
    parameters = [Param(key(name), _short(value)) for name, value in record.parameters.items()]
    tags = [RunTag(key(name), _short(value)) for name, value in record.tags.items()]
    client.log_batch(run, params=parameters, tags=tags)
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run, metrics=metrics[start : start + BATCH])
    client.log_inputs(run, list(_inputs(record.datasets)))
    for path in record.artifacts:
        client.log_artifact(run, str(path))


def _inputs(datasets: Iterable[Dataset]) -> Iterator[Any]:
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    for dataset in datasets:
        entity = Entity(
            name=dataset.name,
            digest=dataset.sha256[:DIGEST_CHARACTERS],
            source_type="local",
            source=json.dumps({"uri": dataset.path.resolve().as_uri()}),
            schema=json.dumps({"columns": list(dataset.columns)}),
            profile=json.dumps({"num_rows": dataset.rows}),
        )
        context = InputTag("mlflow.data.context", dataset.context)
        yield DatasetInput(entity, [context, InputTag("sha256", dataset.sha256)])


def _finite(metrics: Mapping[str, float | int | None]) -> Iterator[tuple[str, float]]:
    """A figure that could not be measured is left out: a server stores no NaN alike."""
    for name, value in metrics.items():
        if value is not None and math.isfinite(value):
            yield name, float(value)


def key(name: str) -> str:
    """A name as MLflow allows it: letters, digits, `_`, `-`, `.`, blank and `/`."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _short(value: object) -> str:
    return str(value)[:TEXT_CHARACTERS]


def _without_secrets(message: str) -> str:
    """The first line of a message, without the credentials that an address or the environment holds."""
    shown = re.sub(r"//[^/\s]*@", "//", message.strip().partition("\n")[0])
    for secret in filter(None, map(os.environ.get, SECRETS)):
        shown = shown.replace(secret, "***")
    return shown.rstrip(".") if len(shown) <= REASON_CHARACTERS else _cut(shown)


def _cut(text: str) -> str:
    """The beginning of a text, without what is in brackets that would stay open."""
    shown = text[:REASON_CHARACTERS]
    while shown.count("(") > shown.count(")"):
        shown = shown[: shown.rindex("(")]
    return f"{shown.rstrip()}…"


def small(paths: Iterable[Path]) -> list[Path]:
    """The files that are there and not too large to be sent along."""
    return [path for path in paths if path.is_file() and path.stat().st_size <= LARGEST_ARTIFACT_BYTES]
