"""Run the checkpoint over a warehouse and give its verdict. Imports Great Expectations when called."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.docs import figures
from checks.gate.declared import FRESH_SINCE
from checks.gate.verdict import Verdict
from checks.run import Run, under_way


def run_checkpoint(run: Run, act: bool = True) -> Verdict:
    """Evaluate the suites of `run` over the tables of `run.warehouse`.

    The checkpoint's actions write reports to `run.output`; without `act` the verdict is all there is.
    Raises ProjectError where Great Expectations can't use the project.
    """
    if act:
        with run.phases.phase("figures"):
            run = replace(run, figures=figures.begin(run))  # drawn while GX works
    with run.phases.phase("import of Great Expectations"):
        from checks.engine.context import close
        from checks.engine.slips import loaded, using

    with _project(run) as context, using(run.root):
        try:
            with run.phases.phase("suites"):
                return _judge(run, loaded(context, run.suites, run.root), act)
        finally:
            close(context)


@contextmanager
def _project(run: Run) -> Iterator[Any]:
    from checks.engine.context import open_on_spark, open_project
    from checks.engine.slips import opening

    with tempfile.TemporaryDirectory() as place:
        with opening(run.root):
            if run.spark is None:
                context = open_project(run.warehouse, run.output, run.root, run.memory_limit)
            else:
                context = open_on_spark(run.spark.spark, run.output, Path(place) / "gx", run.root)
        yield context


def _judge(run: Run, checkpoint: Any, act: bool) -> Verdict:
    from checks.engine.slips import check_parameters

    parameters = _parameters(run, int(time.time()))
    check_parameters(run.suites, run.root, parameters)
    if not act:
        return run.judge_suites(_evaluate(run, checkpoint, parameters))
    with under_way(run):
        return run.judge(checkpoint.run(expectation_parameters=parameters))


def _parameters(run: Run, now: int) -> dict[str, int]:
    """What expectations may name as `{"$PARAMETER": ...}`, in seconds since 1970."""
    fresh_since = 0 if run.max_age is None else now - run.max_age * 86_400
    # A minute's grace: the clock of the machine that wrote the newest rating may be ahead.
    return {"now": now + 60, FRESH_SINCE: fresh_since}


def _evaluate(run: Run, checkpoint: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the checkpoint does before its actions; GX refuses to run one whose list of actions was changed."""
    return {
        definition.suite.name: definition.run(expectation_parameters=parameters, result_format=checkpoint.result_format)
        for definition in checkpoint.validation_definitions
        if definition.suite.name in run.suites
    }
