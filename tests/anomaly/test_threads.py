"""Work in threads: what comes back, and when nothing does."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

import pytest

from anomaly import threads
from anomaly.threads import in_threads


def test_results_come_in_the_order_of_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    done = threading.Event()

    def work(job: int) -> int:
        if job == 0 and not done.wait(10):  # the first job ends last
            raise TimeoutError
        if job == 1:
            done.set()
        return 10 * job

    assert in_threads(work, [0, 1]) == [0, 10]


def test_one_job_needs_no_thread() -> None:
    assert in_threads(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]
    assert in_threads(lambda _: 1, []) == []


def test_a_job_that_fails_fails_them_all() -> None:
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda job: 1 // job, [1, 0, 1])


class _Job:
    pass


def test_a_job_that_is_done_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    made: list[weakref.ref[_Job]] = []

    def jobs() -> Iterator[_Job]:
        for _ in range(4):
            job = _Job()
            made.append(weakref.ref(job))
            yield job

    def gone(job: _Job) -> list[bool]:
        return [one() is None for one in made[: made.index(weakref.ref(job))]]

    assert in_threads(gone, jobs())[-1] == [True, True, True]
