"""Many runs in one process, as the monitor makes them: nothing may pile up, in memory or on disk."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.results import history
from checks.results.retention import HISTORY
from tests import deliveries
from tests.conftest import ROOT

WARM_UP = 4  # runs after which imports and caches of libraries are done
KEEP = 2
# A run makes some 300,000 objects; the few that stay are entries of libraries' bounded caches.
OBJECTS_A_RUN = 100
MEMORY = 100e6  # bytes; the allocator of a process at work moves by half of that, with nothing kept
DEADLINE = 4 * 3600


def judge_again_and_again(delivery: str, output: str, runs: int) -> None:
    """Runs in this process; prints what is kept after the warm-up and at the end."""
    from scripts import run_checkpoint
    from scripts.job.progress import silence

    settings = run_checkpoint.parser().parse_args(["--output", output, "--keep-runs", str(KEEP)])
    for number in range(WARM_UP + runs):
        settings.fresh = number % 3 > 0  # the others take over the last one's tables
        run_checkpoint.judge_delivery(settings, Path(delivery), False, silence())
        if number in (WARM_UP - 1, WARM_UP + runs - 1):
            print(json.dumps(_kept(Path(output))))


def _kept(output: Path) -> dict[str, int]:
    opened = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    results = sum(str(output) in name for name in opened)  # counted before the collector would close them
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "objects": len(gc.get_objects()),
        "files": len(opened),
        "results": results,
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
    }


def measured(tmp_path: Path, runs: int) -> tuple[dict[str, int], dict[str, int]]:
    """What is kept after the warm-up, and after so many more runs."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell what a process holds (/proc)")
    delivery, output = deliveries.write(tmp_path / "delivery", deliveries.clean()), tmp_path / "out"
    arguments = f"{str(delivery)!r}, {str(output)!r}, {runs}"
    code = f"from tests.results import test_long_life as t; t.judge_again_and_again({arguments})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    before, after = (json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"objects"'))
    return before, after


def assert_nothing_piles_up(tmp_path: Path, runs: int) -> None:
    before, after = measured(tmp_path, runs)
    assert after["objects"] - before["objects"] <= OBJECTS_A_RUN * runs
    assert after["results"] == 0
    assert after["files"] <= before["files"] + 2
    assert after["threads"] <= before["threads"] + 2
    assert after["memory"] - before["memory"] <= MEMORY
    assert_old_runs_are_pruned(tmp_path / "out", WARM_UP + runs)


def assert_old_runs_are_pruned(output: Path, runs: int) -> None:
    kept = history.runs(output / HISTORY)["run_id"]
    assert len(kept) == runs
    newest = set(kept.head(KEEP))
    assert {path.parent.name for path in (output / "validations").rglob("*.json")} == newest
    assert {path.name for path in (output / "data_docs" / "runs").iterdir()} == newest


@pytest.mark.slow
def test_many_runs_in_one_process_leave_nothing_behind(tmp_path: Path) -> None:
    assert_nothing_piles_up(tmp_path, runs=int(os.environ.get("LONG_LIFE_RUNS", "20")))
