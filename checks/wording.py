"""How numbers are put into words: with their noun in the right number."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, of which there may be one."""
    return f"{count:,} {in_number(count, noun)}"


def in_number(count: int, noun: str) -> str:
    """The noun alone, as one says it of so many."""
    return noun if count == 1 else f"{noun}s"
