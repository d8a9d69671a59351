"""Text from data as people may be shown it. Importing this module imports nothing that must be installed."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"  # zero width: Persian and Indian words are written with them, and emoji are put together


def printable(text: str) -> str:
    """Text without control characters: data must not move a cursor, nor turn the direction of a page's text."""
    before = ("", *text)
    return "".join(
        c if _is_harmless(c, previous) else "\N{REPLACEMENT CHARACTER}"
        for c, previous in zip(text, before, strict=False)
    )


def _is_harmless(c: str, previous: str) -> bool:
    """Whether a character is seen, or joins the one before it; among Latin letters a joiner could only hide."""
    joins = c in JOINERS and previous > "\u036f" and unicodedata.category(previous) != "Cf"
    return joins or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
