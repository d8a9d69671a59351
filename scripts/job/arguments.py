"""What commands take as arguments, with one sentence for what they don't: types for argparse."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)


def share(text: str) -> float:
    """A number between 0 and 1, both excluded."""
    value = _number(text)
    if not 0 < value < 1:
        raise ArgumentTypeError(f"'{text}' is no share between 0 and 1")
    return value


def seconds(text: str) -> float:
    """A length of time, from 0 on."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise ArgumentTypeError(f"'{text}' is no number of seconds")
    return value


def day(text: str) -> str:
    """A date as in ISO 8601."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ArgumentTypeError(f"'{text}' is no date like 2024-12-31") from error


def _number(text: str) -> float:
    """NaN, which lies in no range, where `text` is no number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
