"""What the terminal and every report let through of texts from the data."""

from __future__ import annotations

import json

import pytest

from checks.gate.verdict import FailingRow
from checks.reports.console import row_text
from checks.texts import printable, printable_json

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
HEART_ON_FIRE = "\u2764\ufe0f\u200d\U0001f525"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # "I want": without its joiner it is misspelt


@pytest.mark.parametrize("text", [FAMILY, HEART_ON_FIRE, PERSIAN, "E\u0301te\u0301", "\u0915\u094d\u200d\u0937"])
def test_characters_that_join_others_are_no_damage(text: str) -> None:
    assert printable(text) == text
    assert row_text(FailingRow("tags.csv", 7, {"tag": text})) == f"tags.csv:7  tag '{text}'"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202egnp", "a\ufffdgnp"),  # turns the text around
        ("\u2066\u05d0\u2069", "\ufffd\u05d0\ufffd"),
        ("ad\u200dmin", "ad\ufffdmin"),  # joins nothing, and would hide
        ("\u200d", "\ufffd"),
        (f"{PERSIAN}\u200c\u200c", f"{PERSIAN}\u200c\ufffd"),
        ("soft\u00adhyphen\ufeff", "soft\ufffdhyphen\ufffd"),
        ("\x1b[31mred\n", "\ufffd[31mred\ufffd"),
        ("\ud800", "\ufffd"),
        ("two\u2028lines\u2029", "two\ufffdlines\ufffd"),
    ],
)
def test_what_can_deceive_is_shown_as_damage(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_json_says_the_same_without_what_steers_a_terminal() -> None:
    value = {"title": f"\x9b31m \u202e \u2028 \x85 \U000e0041 \x1b {FAMILY} {PERSIAN} é", "rows": [1]}
    text = printable_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(text) == value
    assert [printable(line) for line in text.split("\n")] == text.split("\n")
    assert FAMILY in text
    assert PERSIAN in text
