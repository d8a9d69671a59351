"""Work on stretches of users side by side: NumPy and databases let go of the interpreter's lock in nearly all that is
slow here."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Job = TypeVar("Job")
Result = TypeVar("Result")

THREADS = 2  # more would each hold a stretch's arrays, and wait for memory


def in_threads(work: Callable[[Job], Result], jobs: Iterable[Job], worth: bool = True) -> list[Result]:
    """The result of each job, in their order. A job that is done is let go, with what it has come to hold.

    worth: False for jobs so small that threads would wait for the interpreter's lock, and for each other.
    """
    waiting = iter(jobs)
    some = list(islice(waiting, 2 if worth else None))
    if len(some) < 2 or not worth:
        return list(map(work, some))
    waiting = chain(some, waiting)
    del some
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, waiting))


def read_ahead(read: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """What is read for each job, in their order; the next is read while the caller works on the last."""
    with ThreadPoolExecutor(1) as pool:
        ahead: deque[Future[Result]] = deque()
        for job in jobs:
            ahead.append(pool.submit(read, job))
            if len(ahead) > 1:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
