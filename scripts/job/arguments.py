"""What commands take as arguments, with one sentence for what they don't: types for argparse."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from checks import files
from checks.errors import UserError
from checks.texts import printable

LAST_PORT = 65_535  # TCP's
LEAST_MEMORY = 1_000  # megabytes: the libraries alone, Great Expectations and what the analyses need, take 350


class SettingError(UserError):
    """A setting of the analyses can't be used."""


class Parser(ArgumentParser):
    """The arguments of a command. No option may be cut short: what it stands for would change with the next option."""

    def __init__(self, command: str, description: str | None, **more: Any) -> None:
        super().__init__(f"python -m scripts.{command}", description=description, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        """End the command with one sentence, without the page of usage that would push it out of sight."""
        self.exit(2, f"{message.removeprefix('argument ')}; see {self.prog} --help\n")


def local(text: str) -> Path:
    """A folder or file on this machine: what is empty would be the current folder, which nobody meant."""
    return Path(_given(text))


def place(text: str) -> Path:
    """A folder here, or the address of one elsewhere."""
    return files.place(_given(text))


def _given(text: str) -> str:
    if not text.strip():
        raise ArgumentTypeError("is empty, perhaps as a variable is not set; give a path (. is the current folder)")
    if any("\ud800" <= c <= "\udfff" for c in text):  # as Python reads bytes that are no text; no database takes it
        raise ArgumentTypeError(f"'{printable(text)}' has a name that is no valid UTF-8; rename it")
    return text


def filled(text: str) -> str:
    """Words, such as a reason, which blanks are none."""
    if not text.strip():
        raise ArgumentTypeError("is empty; say it in a few words")
    return text


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)


def whole(text: str) -> int:
    """A whole number from 0 on, such as a seed."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"'{text}' is no whole number from 0 on")
    return int(text)


def port(text: str) -> int:
    """A number of a port, 0 for any that is free."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise ArgumentTypeError(f"'{text}' is no number of a port, 0 to {LAST_PORT}")
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


def memory(text: str) -> int:
    """A size such as 2GB or 1500MB, in megabytes."""
    given = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([MGT]B)", text, re.ASCII | re.IGNORECASE)
    if given is None:
        raise ArgumentTypeError(f"'{text}' is no size like 2GB or 1500MB")
    megabytes = int(float(given[1]) * {"M": 1, "G": 1_000, "T": 1_000_000}[given[2][0].upper()])
    if megabytes < LEAST_MEMORY:
        raise ArgumentTypeError(f"'{text}' is no size to work in: it must be {LEAST_MEMORY // 1_000}GB or more")
    return megabytes


def spark_setting(text: str) -> tuple[str, str]:
    """A setting of Spark's, such as spark.driver.memory=8g."""
    name, equals, value = text.partition("=")
    if not equals or not name.startswith("spark."):
        # Its value is not shown, as that may be a key.
        raise ArgumentTypeError(f"'{name}' is no setting like spark.driver.memory=8g")
    return name, value


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
