"""Work in threads: what comes back, and when nothing does."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

import pytest

from anomaly import threads
from anomaly.threads import in_threads, read_ahead


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


def test_jobs_that_are_not_worth_threads_are_done_by_the_caller() -> None:
    assert in_threads(lambda _: threading.current_thread(), [0, 1, 2], worth=False) == 3 * [threading.current_thread()]


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


def test_the_next_is_read_while_the_last_is_worked_on() -> None:
    begun = [threading.Event() for _ in range(3)]

    def read(job: int) -> int:
        begun[job].set()
        return 10 * job

    found = read_ahead(read, range(3))
    for job in range(3):
        assert next(found) == 10 * job
        assert all(one.wait(10) for one in begun[: job + 2])
    assert list(found) == []


def test_what_can_not_be_read_is_raised_in_its_turn() -> None:
    found = read_ahead(lambda job: 1 // job, [1, 0, 1])
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
