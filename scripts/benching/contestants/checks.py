"""This project's load and checks of one ratings table, without analyses and reports.

    python -m scripts.benching.contestants.checks FOLDER WORK [--whole-suite]

The thirteen checks need ratings.csv alone, which is what is loaded, as the others load it; the whole suite of ratings
needs all files of the delivery.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks import loader
from checks.checkpoint import run_checkpoint
from checks.engine import suites
from checks.engine.suites import ROOT, checkpoint_file
from checks.run import Run
from scripts.benching.rules import CHECKS, IDS, IMPORT, Account, expectations


def main(folder: Path, work: Path, whole_suite: bool) -> None:
    account = Account()
    root = project(work / "gx", None if whole_suite else expectations())
    with account.phases.phase(IMPORT):
        from checks.engine import context  # noqa: F401  Great Expectations, and what registers with it
    run = _load(folder if whole_suite else _ratings_alone(folder, work / "data"), work, root, account)
    with account.phases.phase("checks"):
        verdict = run_checkpoint(run, act=False)
    status = {outcome.expectation_id: outcome.status for outcome in verdict.of_suites(["ratings"]).outcomes}
    if undetermined := [one for one, is_ in status.items() if is_ == "undetermined"]:
        raise RuntimeError(f"{undetermined} could not be judged")
    for name in CHECKS:
        account.judge(name, status[IDS[name]] == "passed")
    account.tell()


def _ratings_alone(folder: Path, alone: Path) -> Path:
    alone.mkdir()
    (alone / "ratings.csv").symlink_to((folder / "ratings.csv").resolve())
    return alone


def project(root: Path, ratings: list[dict[str, Any]] | None) -> Path:
    """A copy of the GX project whose checkpoint has the suite of ratings alone, of these expectations if given."""
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("uncommitted"))
    checkpoint = json.loads(checkpoint_file(root).read_text(encoding="utf-8"))
    kept = [one for one in checkpoint["validation_definitions"] if one["name"] == "ratings"]
    _write(checkpoint_file(root), checkpoint | {"validation_definitions": kept, "actions": []})
    suite = root / "expectations" / "ratings.json"
    if ratings is not None:
        _write(suite, json.loads(suite.read_text(encoding="utf-8")) | {"expectations": ratings})
    return root


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _load(folder: Path, work: Path, root: Path, account: Account) -> Run:
    declared, database = suites.declared_suites(root), work / "warehouse.duckdb"
    with account.phases.phase("load"), loader.load(folder, database) as loaded:
        counts = {name: loaded.count(name) for name in declared if loaded.has(name)}
        return Run(folder, loaded.sources, counts, declared, work, database, datetime.now(UTC), root=root)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--whole-suite" in sys.argv)
