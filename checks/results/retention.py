"""Keep the results and pages of the newest runs, and prune older ones; the history keeps all in figures."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

HISTORY = "history.duckdb"
KEPT_RUNS = 30  # as many as a person compares; the site's size and the time to build it stay bounded
RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z")  # GX names the folders of a run's results and pages so
BY_RUN = ("validations", "data_docs")


def carry_over(output: Path, staging: Path, keep: int = KEPT_RUNS) -> None:
    """Bring into `staging` what a new run adds to: the history, and the newest `keep - 1` runs' results and pages.

    Files are hard links, not copies: replace such a file, never write into it.
    """
    if (output / HISTORY).exists():
        shutil.copyfile(output / HISTORY, staging / HISTORY)
    found = [(run_id, path) for folder in BY_RUN for run_id, path in _files_of_runs(output / folder)]
    kept = set(sorted({run_id for run_id, _ in found}, reverse=True)[: keep - 1])
    for run_id, path in found:
        if run_id in kept:
            _link(path, staging / path.relative_to(output))


def _files_of_runs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that belongs to one run, by the run's id somewhere in its path."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if found := RUN_ID.search(str(path.relative_to(folder))):
                yield found[0], path


def _link(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, place)
