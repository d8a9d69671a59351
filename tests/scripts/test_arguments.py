"""What commands take as arguments, and the sentence for what they don't."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from scripts.job import arguments


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (arguments.positive, "1", 1),
        (arguments.whole, "0", 0),
        (arguments.share, "0.2", 0.2),
        (arguments.seconds, "0", 0.0),
        (arguments.memory, "2GB", 2_000),
        (arguments.memory, "1500 mb", 1_500),
        (arguments.day, "2024-12-31", "2024-12-31"),
        (arguments.spark_setting, "spark.a.b=c=d", ("spark.a.b", "c=d")),
    ],
)
def test_what_is_meant_is_taken(kind: Callable[[str], object], text: str, value: object) -> None:
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(arguments.positive, text) for text in ("0", "-1", "1.5", "many", "")]
    + [(arguments.whole, text) for text in ("-1", "1.5", "many", "")]
    + [(arguments.share, text) for text in ("0", "1", "nan", "half")]
    + [(arguments.seconds, text) for text in ("-1", "inf", "nan", "soon")]
    + [(arguments.memory, text) for text in ("2", "x", "-1GB", "2GBB", "500MB", "٢GB")]
    + [(arguments.day, text) for text in ("31.12.2024", "2024-13-01", "")]
    + [(arguments.spark_setting, text) for text in ("spark.a", "fs.s3a.endpoint", "")],
)
def test_what_is_not_is_named(kind: Callable[[str], object], text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"'{text}' is no "):
        kind(text)
