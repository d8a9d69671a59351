"""How numbers are put into words: a count with its noun, a share in per cent."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, of which there may be one."""
    return f"{count:,} {in_number(count, noun)}"


def in_number(count: int, noun: str) -> str:
    """The noun alone, as one says it of so many."""
    return noun if count == 1 else f"{noun}s"


def format_share(share: float) -> str:
    """A share as per cent with two significant places, never rounding something to nothing."""
    return f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %"


def percent(share: float) -> str:
    """A share to a tenth of a per cent, never rounded to nothing. drift.words writes it alike, and may not ask here."""
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else f"{100 * share:.1g} %"
