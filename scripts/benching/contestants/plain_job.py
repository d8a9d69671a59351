"""The whole job as one would first build it, for comparison: the same findings without the tuning.

    python -m scripts.benching.contestants.plain_job FOLDER OUTPUT

Great Expectations is imported first, with the garbage collector on; suites are the project's, with GX's own
`expect_compound_columns_to_be_unique` and `unexpected_rows_expectation` in place of our queries; GX's own Data Docs,
built by its own action; DuckDB with its own memory limit (80 % of the machine's); one analysis after the other, and in
each one stretch of users after the other. Loader, what the analyses compute, reports and history are the job's, so what
makes these faster makes both faster, and the comparison with the job is that of the rest. (The DuckDB backend is also
the job's: GX has none.)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from scripts.benching.rules import CHECKS, IDS, IMPORT, Account

DUCKDB_SHARE = 0.8  # of the machine's memory: DuckDB's default limit
STOCK_DOCS = {
    "local_site": {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": "${OUTPUT}/data_docs/",
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
}


def main(folder: Path, output: Path) -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        import great_expectations  # noqa: F401  with the collector on

        from checks.engine import context  # noqa: F401
    _one_at_a_time()
    root = project(output / "gx")
    status = {outcome.expectation_id: str(outcome.status) for outcome in _judge(folder, output, root, account).outcomes}
    if undetermined := [one for one, is_ in status.items() if is_ == "undetermined"]:
        raise RuntimeError(f"{undetermined} could not be judged")
    for name in CHECKS:
        account.judge(name, status[IDS[name]] == "passed")
    account.tell()


def _one_at_a_time() -> None:
    """Take from the analyses the threads that work side by side."""
    from anomaly import threads
    from drift import users

    threads.THREADS, users.AHEAD = 1, 0


def project(root: Path) -> Path:
    """A copy of the GX project with GX's own classes where it has any."""
    from checks.engine.suites import ROOT, checkpoint_file

    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("uncommitted"))
    for suite in (root / "expectations").glob("*.json"):
        _rewrite(suite, lambda content: content | {"expectations": [_stock(one) for one in content["expectations"]]})
    _rewrite(checkpoint_file(root), _with_stock_docs)
    settings = yaml.safe_load((root / "great_expectations.yml").read_text(encoding="utf-8"))
    settings["data_docs_sites"] = STOCK_DOCS
    settings["stores"]["validation_results_store"].pop("module_name", None)
    (root / "great_expectations.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return root


def _rewrite(file: Path, change: Any) -> None:
    file.write_text(json.dumps(change(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")


def _stock(expectation: Mapping[str, Any]) -> dict[str, Any]:
    if expectation.get("id") == IDS["rated once"]:
        arguments = {"column_list": ["userId", "movieId"]}
        return dict(expectation) | {"type": "expect_compound_columns_to_be_unique", "kwargs": arguments}
    if "unexpected_rows_query" in expectation["kwargs"]:
        query = {"unexpected_rows_query": expectation["kwargs"]["unexpected_rows_query"]}
        return dict(expectation) | {"type": "unexpected_rows_expectation", "kwargs": query}
    return dict(expectation)


def _with_stock_docs(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    docs = {"type": "update_data_docs", "name": "data_docs", "site_names": []}
    actions = [docs if one["name"] == "data_docs" else one for one in checkpoint["actions"]]
    # Asked for the query that gives a stock check's rows, GX writes one with open parameters, which nobody can run.
    form = checkpoint["result_format"] | {"return_unexpected_index_query": False}
    return dict(checkpoint) | {"actions": actions, "result_format": form}


def _judge(folder: Path, output: Path, root: Path, account: Account) -> Any:
    from checks import loader
    from checks.engine import suites
    from checks.reports import columns, summary
    from checks.results import outputs
    from checks.run import Run
    from scripts.job import findings

    declared, database = suites.declared_suites(root), output / "warehouse.duckdb"
    with account.phases.phase("load"):
        loaded = loader.load(folder, database, _duckdb_default())
    with loaded:
        if problems := findings.write_findings(loaded, _settings(), account.phases):
            raise RuntimeError(str(problems))
        with account.phases.phase("statistics and tables of findings"):
            outputs.write_csv(output / "summary_statistics.csv", columns.statistics(loaded))
            findings.write_files(loaded, output)
        counts = {name: loaded.count(name) for name in declared}
    run = Run(
        folder,
        loaded.sources,
        counts,
        declared,
        output,
        database,
        datetime.now(UTC),
        root=root,
        memory_limit=_duckdb_default(),
        phases=account.phases,
    )
    verdict = _checkpoint(run)
    outputs.write_json(output / "summary.json", summary.summary(verdict, run))
    return verdict


def _duckdb_default() -> str:
    return f"{DUCKDB_SHARE * _machines_memory() / 1e9:.1f}GB"


def _machines_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _settings() -> argparse.Namespace:
    """The job's own, with a memory limit that binds nobody, as that makes one analysis come after the other."""
    from scripts.run_checkpoint import parser

    return parser().parse_args(["--memory-limit", f"{_machines_memory() // 10**9}GB"])


def _checkpoint(run: Any) -> Any:
    from checks.engine.context import close, open_project
    from checks.engine.suites import CHECKPOINT
    from checks.run import under_way

    context = open_project(run.warehouse, run.output, run.root, run.memory_limit)
    parameters = {"now": int(time.time()) + 60, "fresh_since": 0}
    try:
        with run.phases.phase("suites"), under_way(run):
            return run.judge(context.checkpoints.get(CHECKPOINT).run(expectation_parameters=parameters))
    finally:
        close(context)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
