"""Judge the rows of a folder on Spark and print the outcomes as JSON: `python -m tests.spark.judge MASTER FOLDER`."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.checkpoint import run_checkpoint
from checks.gate.verdict import Verdict
from checks.spark import session as spark_session
from checks.spark import warehouse as spark_warehouse
from tests import deliveries


def judge(session: Any, folder: Path, work: Path) -> Verdict:
    """As deliveries.judge does on DuckDB."""
    work.mkdir(parents=True, exist_ok=True)
    with spark_warehouse.load(session, folder, work / "findings.duckdb") as warehouse:
        run = replace(deliveries.run_over(warehouse, work), spark=warehouse)
        return run_checkpoint(run, act=False).of_suites(deliveries.DELIVERED_SUITES)


def outcomes(verdict: Verdict) -> list[list[Any]]:
    """Each expectation's suite, sentence, status and count of unexpected rows."""
    return [[o.suite, o.sentence, str(o.status), o.unexpected_count] for o in verdict.outcomes]


if __name__ == "__main__":
    spark = spark_session.start(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(outcomes(judge(spark, Path(sys.argv[2]), Path(place)))))
