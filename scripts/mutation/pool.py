"""Judge faults side by side: processes that import Great Expectations and read the clean data once each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.mutation.faults import Fault, catalogue

if TYPE_CHECKING:
    from checks.gate.verdict import Outcome, Verdict
    from scripts.mutation.score import Score, Scored, Scorer

FEWEST_FAULTS = 16  # for fewer, starting a process takes longer than it saves

_scorer: Scorer
_clean: Verdict
_faults: dict[tuple[str, str], Fault]


def _jobs_for(count: int) -> int:
    """How many processes `count` faults are worth."""
    return min(os.cpu_count() or 1, max(count // FEWEST_FAULTS, 1))


def score(folder: Path, gx: Path, faults: Sequence[Fault]) -> Iterator[Score | Scored]:
    """First the clean data's score, then each fault, in order. Raises DeliveryError and ProjectError."""
    from scripts.mutation.delivery import Clean
    from scripts.mutation.score import Score, Scorer, scored

    scorer = Scorer(Clean.read(folder), gx)
    clean = scorer.baseline()
    yield Score(clean)
    jobs = _jobs_for(len(faults))
    found = (scorer.worse(f, clean) for f in faults) if jobs == 1 else _side_by_side(folder, gx, faults, jobs, clean)
    yield from (scored(fault, worse) for fault, worse in zip(faults, found, strict=True))


def _side_by_side(
    folder: Path, gx: Path, faults: Sequence[Fault], jobs: int, clean: Verdict
) -> Iterator[list[Outcome]]:
    # Spawned: a fork of a process that holds threads of DuckDB may hang.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, initializer=_begin, initargs=(folder, gx, clean)) as pool:
        try:
            yield from pool.map(_judge, [(fault.family, fault.name) for fault in faults])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin(folder: Path, gx: Path, clean: Verdict) -> None:
    from scripts.mutation.delivery import Clean
    from scripts.mutation.score import Scorer

    global _scorer, _clean, _faults  # noqa: PLW0603  what a worker holds from fault to fault
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command itself answers it, once
    _scorer, _clean = Scorer(Clean.read(folder), gx), clean
    _faults = {(fault.family, fault.name): fault for fault in catalogue()}


def _judge(key: tuple[str, str]) -> list[Outcome]:
    """The outcomes that a fault changed for the worse; the fault itself, a function, can't be sent."""
    return _scorer.worse(_faults[key], _clean)
