"""How a process that runs the job uses the machine; to be said before NumPy is imported (`ending.answered`)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

# Parameters of mallopt, by glibc's malloc.h, and what they are set to.
MALLOC = {"M_MMAP_THRESHOLD": (-3, 8 << 20), "M_TRIM_THRESHOLD": (-1, 64 << 20), "M_ARENA_MAX": (-8, 1)}


def settle() -> None:
    """Compute alone and keep memory at hand; who sets OPENBLAS_NUM_THREADS or MALLOC_... keeps what is set."""
    _compute_alone()
    _keep_memory()


def _compute_alone() -> None:
    """One thread for NumPy's linear algebra.

    The matrices here are small: threads would spend their time waiting for each other, and where other work keeps the
    cores busy that waiting burns twice the time that the whole analysis takes.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _keep_memory() -> None:
    """One heap for all threads, and what arrays of a few megabytes gave back to it stays there for the next ones.

    By default glibc has eight heaps a core, and takes most arrays' pages from the system and gives them back with them:
    measured at 32 million ratings, a third more of the system's time, and 0.1 GB. Where larger ones stay, too, half of
    that time is saved, but none of the memory.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    if mallopt := _of_libc("mallopt"):
        for parameter, value in MALLOC.values():
            mallopt(parameter, value)


def give_back() -> None:
    """Let the system have what is free in the heap, when what needed it is over."""
    if trim := _of_libc("malloc_trim"):
        trim(0)


def _of_libc(name: str) -> Callable[..., int] | None:
    """A function of glibc, or None where another library stands in its place."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return found
