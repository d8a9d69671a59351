"""The checkpoint's action that logs the run to MLflow. Importing this module imports GX, not MLflow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from checks.actions import RunAction
from checks.gate.terms import Status
from checks.gate.verdict import Verdict, questions
from checks.reports import tracking
from checks.results import receipt
from checks.run import Run

REPORTS = (".csv", ".json", ".md", ".sarif", ".xml")
Execute = Callable[[str], Sequence[Sequence[Any]]]


class LogToMlflow(RunAction):
    """Logs verdict, figures and published reports to MLflow, if it is installed and an address is set."""

    type: Literal["log_to_mlflow"] = "log_to_mlflow"

    def act(self, verdict: Verdict, under_way: Run) -> None:
        under_way.announce(lambda: _log(verdict, under_way))


def _log(verdict: Verdict, run: Run) -> None:
    if failure := tracking.log(lambda: _published(verdict, run)):
        print(failure, file=sys.stderr)


def _published(verdict: Verdict, run: Run) -> tracking.Record:
    """What is logged, read where it stands for good."""
    from checks.warehouse import connect

    output = run.published or run.output
    with connect(output / run.warehouse.name, read_only=True) as connection:
        return record(verdict, replace(run, output=output), lambda text: connection.execute(text).fetchall())


def record(verdict: Verdict, run: Run, execute: Execute) -> tracking.Record:
    """What is logged of a run of the checkpoint; `execute` answers a query on its warehouse with rows."""
    return tracking.Record(
        name=f"{run.folder.name} {run.started:%Y-%m-%d %H:%M:%S}",
        tags=_tags(verdict, run),
        metrics=dict(_counts(verdict, run)) | dict(_anomalies(execute)) | dict(_drift(execute)),
        parameters={"folder": run.folder, "fail_on": verdict.fail_on},
        datasets=list(_datasets(run)),
        artifacts=tracking.small(sorted(path for path in run.output.iterdir() if path.suffix in REPORTS)),
    )


def _tags(verdict: Verdict, run: Run) -> dict[str, str]:
    tags = {"kind": "checkpoint", "verdict": str(verdict.decision), "why": verdict.why()}
    answers = {question.text.rstrip("?"): str(question.decision) for question in questions(verdict)}
    return tags | answers | {"simulated": str(run.simulated).lower()} | _receipt(run.output / receipt.FILE_NAME)


def _receipt(path: Path) -> dict[str, str]:
    return {"receipt_digest": json.loads(path.read_text(encoding="utf-8"))["digest"]} if path.exists() else {}


def _counts(verdict: Verdict, run: Run) -> Iterator[tuple[str, float]]:
    yield "exit_code", verdict.exit_code
    for status in Status:
        yield f"expectations/{status}", verdict.count(status)
        for suite in run.suites:
            yield f"{suite}/{status}", verdict.of_suites([suite]).count(status)
    for table, source in run.sources.items():
        yield f"{table}/rows", source.loaded_rows
        yield f"{table}/rejected_rows", source.rejected_rows


def _anomalies(execute: Execute) -> Iterator[tuple[str, float]]:
    if _has(execute, "user_anomalies"):
        for status, count in execute("select status, count(*) from user_anomalies group by status"):
            yield f"user_anomalies/users/{status}", count
        ((groups,),) = execute("select count(distinct attack_group) from user_anomalies")
        yield "user_anomalies/attack_groups", groups


def _drift(execute: Execute) -> Iterator[tuple[str, float | None]]:
    if _has(execute, "drift_findings"):
        for status, count in execute("select status, count(*) from drift_findings group by status"):
            yield f"drift_findings/features/{status}", count
        for feature, effect, p_value in execute("select feature, effect_size, p_value from drift_findings"):
            yield f"drift_findings/effect_size/{feature}", effect
            yield f"drift_findings/p_value/{feature}", p_value


def _has(execute: Execute, table: str) -> bool:
    return bool(execute(f"select 1 from information_schema.tables where table_name = '{table}'"))


def _datasets(run: Run) -> Iterator[tracking.Dataset]:
    for table, source in run.sources.items():
        if source.path is not None and source.sha256 is not None:
            yield tracking.Dataset(table, source.path, source.sha256, source.loaded_rows, source.columns)
