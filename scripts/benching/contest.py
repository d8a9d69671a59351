"""Who is measured, how each is started, and what each must have judged for its time to count."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from checks.engine.suites import ROOT
from checks.errors import UserError
from scripts.benching.process import Usage, measure
from scripts.benching.rules import CHECKS, IDS

JOB_IMPORT = "import of Great Expectations"
# What would send something away, or write where it should not, when the job runs on somebody's machine; and what has
# the sources of this project, but not those of libraries, compiled each time.
WITHHELD = ("MOVIELENS_", "MLFLOW_", "GITHUB_", "SODA_", "PYTHONDONTWRITEBYTECODE")


class ContestError(UserError):
    """A contestant did not do its work, so that its time means nothing."""


@dataclass(frozen=True)
class Contestant:
    """One way to judge ratings. `program` is a module; DATA and WORK among its arguments are folders."""

    name: str
    program: str
    arguments: tuple[str, ...]
    about: str
    checks: int = len(CHECKS)
    needs: str | None = None  # the package that a peer is
    finds: tuple[str, ...] = ()  # the checks that fail, of data that are broken so that these do
    again: bool = False  # it is the second run into WORK that is measured

    def command(self, python: str, data: Path, work: Path) -> list[str]:
        places = {"DATA": str(data), "WORK": str(work)}
        return [python, "-m", self.program, *(places.get(one, one) for one in self.arguments)]


def _program(name: str) -> str:
    return f"scripts.benching.contestants.{name}"


QUIETLY = ("--quiet", "--data", "DATA", "--output", "WORK")
JOB = Contestant("job", "scripts.run_checkpoint", QUIETLY, "the whole job")
CONTESTANTS = (
    JOB,
    Contestant("job-again", JOB.program, QUIETLY, "its second run over the same files", again=True),
    Contestant("job-2gb", JOB.program, (*QUIETLY, "--memory-limit", "2GB"), "the same with --memory-limit 2GB"),
    Contestant("plain", _program("plain_job"), ("DATA", "WORK"), "the whole job, built plainly"),
    Contestant(
        "job-broken",
        JOB.program,
        QUIETLY,
        "the whole job where every rating is off the scale",
        finds=("rating on the scale",),
    ),
    Contestant("gx-import", _program("gx_import"), (), "the import of Great Expectations as the job makes it", 0),
    Contestant("gx-import-bare", _program("gx_import"), ("--bare",), "`import great_expectations` alone", 0),
    Contestant("gx-pandas", _program("stock_gx"), ("DATA",), "stock GX on pandas, thirteen checks"),
    Contestant("checks", _program("checks"), ("DATA", "WORK"), "this load and thirteen checks"),
    Contestant(
        "ratings-suite", _program("checks"), ("DATA", "WORK", "--whole-suite"), "this load and the suite of ratings"
    ),
    Contestant("query", _program("query"), ("DATA",), "one DuckDB query by hand, thirteen checks"),
    Contestant(
        "query-no-unique", _program("query"), ("DATA", "--without-uniqueness"), "the same without uniqueness", 12
    ),
)
PEERS = (
    Contestant("pandera-pandas", _program("pandera_on"), ("DATA", "pandas"), "pandera on pandas", needs="pandera"),
    Contestant("pandera-polars", _program("pandera_on"), ("DATA", "polars"), "pandera on Polars", needs="pandera"),
    Contestant("pointblank", _program("pointblank_on_polars"), ("DATA",), "pointblank on Polars", needs="pointblank"),
    Contestant("soda", _program("soda_on_duckdb"), ("DATA", "WORK"), "Soda 4 on DuckDB", needs="soda_duckdb"),
    Contestant(
        "evidently", _program("evidently_on_pandas"), ("DATA",), "Evidently on pandas, ten checks", 10, "evidently"
    ),
)


@dataclass(frozen=True)
class Measurement:
    """One contestant's run over one delivery. `phases` are seconds."""

    contestant: str
    ratings: int
    users: int
    round: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    failed: tuple[str, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds_after_import(self) -> float:
        """Of the programs that say so: the phases but the imports. Of the job: all but its waiting for GX's import."""
        if JOB_IMPORT in self.phases:
            return self.wall_seconds - self.phases.get(JOB_IMPORT, 0.0)
        return sum(seconds for phase, seconds in self.phases.items() if phase not in ("import", "between phases"))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def hold(contestant: Contestant, data: Path, python: str = sys.executable, patience: float = 3_600) -> Measurement:
    """Run a contestant over `data` in a fresh process; `ratings`, `users` and `round` are for the caller to say.

    Raises ContestError where it crashed, took longer than `patience` seconds, or did not make all of its checks.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        command = contestant.command(python, data, Path(work))
        for _ in range(2 if contestant.again else 1):
            usage = measure(command, ROOT.parent, environment(), patience)
        account = (
            _job_account(contestant, Path(work), usage)
            if contestant.program == JOB.program
            else _account(contestant, usage)
        )
    if account["evaluated"] != contestant.checks:
        raise ContestError(f"{contestant.name} made {account['evaluated']} of its {contestant.checks} checks.")
    return Measurement(
        contestant.name,
        ratings=0,
        users=0,
        round=0,
        wall_seconds=usage.wall_seconds,
        cpu_seconds=usage.cpu_seconds,
        peak_bytes=usage.peak_bytes,
        failed=tuple(account["failed"]),
        phases=account["phases"],
    )


def environment() -> dict[str, str]:
    """What contestants see: nothing that makes one of them speak to anybody, or compile what users have compiled."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(WITHHELD)}
    quiet = {"GX_ANALYTICS_ENABLED": "false", "SODA_CORE_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1"}
    return kept | quiet


def _account(contestant: Contestant, usage: Usage) -> dict[str, Any]:
    if usage.exit_code:
        raise ContestError(f"{contestant.name} {_end(usage)}")
    try:
        return dict(json.loads(usage.stdout.strip().rpartition("\n")[2]))
    except ValueError as error:
        raise ContestError(f"{contestant.name} ended without saying what it found.") from error


def _end(usage: Usage) -> str:
    how = f"was ended by signal {-usage.exit_code}" if usage.exit_code < 0 else f"ended with {usage.exit_code}"
    said = usage.stderr.strip() or usage.stdout.strip()
    return f"{how}: {said.rpartition(chr(10))[2] or 'it said nothing'}"


def _job_account(contestant: Contestant, work: Path, usage: Usage) -> dict[str, Any]:
    """The job's account is what it writes for everybody; its exit code 1 says that it judged, and found something."""
    if usage.exit_code not in (0, 1):
        raise ContestError(f"{contestant.name} {_end(usage)}")
    summary = json.loads((work / "summary.json").read_text(encoding="utf-8"))
    status = {one["id"]: one["status"] for one in summary["expectations"]}
    judged = {name: status.get(identity) for name, identity in IDS.items()}
    return {
        "evaluated": sum(one in ("passed", "failed") for one in judged.values()),
        "failed": [name for name, one in judged.items() if one == "failed"],
        "phases": summary["phases"],
    }


def ready(peers: Sequence[Contestant], python: str) -> Iterator[tuple[Contestant, bool]]:
    """Each peer, and whether the interpreter has it."""
    for peer in peers:
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({peer.needs!r}) is None)"
        yield peer, subprocess.run([python, "-c", code], check=False).returncode == 0  # noqa: S603  as the user names it


def interpreter(path: str) -> str:
    """Where the interpreter is. Raises ContestError where there is none."""
    if found := shutil.which(path):
        return str(Path(found).absolute())
    raise ContestError(f"--peer-python {path}: is no program; name a Python interpreter.")
