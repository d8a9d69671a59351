"""Draws by ids: the same ones in every run, on every engine and in every delivery."""

from __future__ import annotations

from typing import Final

DRAWS: Final = 1 << 31  # a draw is from 0 to one less
NUMBERED: Final = 1_000_003  # so many numbers are drawn by
APART: Final = 7_919  # by which numbers grow from one thing to the next, for another draw in each


def draw(number: str) -> str:
    """SQL of a draw by a whole number: its square times a constant, of which the remainder by a power of two is kept.

    Such remainders are spread evenly in whatever steps numbers go (Weyl: Über die Gleichverteilung von Zahlen mod.
    Eins, 1916; held by test). By another number than a power of two they take far longer. The constant is odd, and no
    product with it leaves 64 bits.
    """
    number = f"(({number}) % {NUMBERED})"
    return f"({number} * {number} * 5184405 & {DRAWS - 1})"


def pair(one: str, other: str) -> str:
    """SQL of a number for two whole numbers, to draw by: for each of the second another draw of the first."""
    return f"{one} % {NUMBERED} + {other} % {NUMBERED} * {APART}"


def is_drawn(number: str, share: float) -> str:
    """SQL of whether a whole number is among a share of all."""
    return f"{draw(number)} < {round(share * DRAWS)}"
