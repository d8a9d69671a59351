"""Text from data as people may be shown it. Importing this module imports nothing that must be installed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

JOINERS = "\u200c\u200d"  # zero width: Persian and Indian words are written with them, and emoji are put together


def printable(text: str) -> str:
    """Text without control characters: data must not move a cursor, break a line, nor turn the direction of a text."""
    return "".join(c if harmless else "\N{REPLACEMENT CHARACTER}" for c, harmless in _told_apart(text))


def printable_json(text: str) -> str:
    """JSON that says the same, with whatever is not printable written as JSON's own escapes; lines stay lines."""
    return "".join(c if harmless or c == "\n" else json.dumps(c)[1:-1] for c, harmless in _told_apart(text))


def _told_apart(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it is harmless where it stands."""
    return ((c, _is_harmless(c, previous)) for c, previous in zip(text, ("", *text), strict=False))


def _is_harmless(c: str, previous: str) -> bool:
    """Whether a character is seen, or joins the one before it; among Latin letters a joiner could only hide."""
    joins = c in JOINERS and previous > "\u036f" and unicodedata.category(previous) != "Cf"
    return joins or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
