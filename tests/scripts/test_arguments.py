"""What commands take as arguments, and the sentence for what they don't."""

from __future__ import annotations

import importlib
import os
import re
from argparse import Action, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest

from anomaly.findings import DETECTORS, find_anomalies
from checks.files import Address
from drift import find_drift
from drift.trends import FREQUENCIES
from scripts import run_checkpoint
from scripts.job import arguments, settings
from scripts.job.arguments import SettingError
from scripts.job.settings import trusted_users
from tests.conftest import COMMANDS


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (arguments.local, ".", Path()),
        (arguments.place, "s3a://bucket/folder", Address("s3a://bucket/folder")),
        (arguments.positive, "1", 1),
        (arguments.whole, "0", 0),
        (arguments.port, "0", 0),
        (arguments.port, "65535", 65_535),
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
    + [(arguments.port, text) for text in ("-1", "65536", "http", "")]
    + [(arguments.share, text) for text in ("0", "1", "nan", "half")]
    + [(arguments.seconds, text) for text in ("-1", "inf", "nan", "soon")]
    + [(arguments.memory, text) for text in ("2", "x", "-1GB", "2GBB", "500MB", "٢GB")]
    + [(arguments.day, text) for text in ("31.12.2024", "2024-13-01", "")]
    + [(arguments.spark_setting, text) for text in ("spark.a", "fs.s3a.endpoint", "")],
)
def test_what_is_not_is_named(kind: Callable[[str], object], text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"'{text}' is no "):
        kind(text)


def parser(command: str, monkeypatch: pytest.MonkeyPatch) -> ArgumentParser:
    """What a command first takes its arguments with."""
    found: list[ArgumentParser] = []

    def keep(parser: ArgumentParser, *_: object) -> None:
        found.append(parser)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(ArgumentParser, "parse_known_args", keep)
        with pytest.raises(SystemExit):
            importlib.import_module(f"scripts.{command}").main([])
    return found[0]


def actions(command: str, monkeypatch: pytest.MonkeyPatch) -> list[Action]:
    """The arguments that a command declares."""
    return parser(command, monkeypatch)._actions


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_used_wrongly_is_one_sentence_that_says_where_to_look(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(f"scripts.{command}").main(["--nothing-of-this-name"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(r"; see python -m scripts\.\w+ --help$", said)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_may_be_cut_short(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = parser(command, monkeypatch)
    assert isinstance(taken, arguments.Parser)
    assert not taken.allow_abbrev


def test_an_option_cut_short_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_checkpoint.main(["--memory", "2GB"])
    assert capsys.readouterr().err.startswith("unrecognized arguments: --memory 2GB; see ")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_path_is_no_command_s_current_folder(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main, taken = importlib.import_module(f"scripts.{command}").main, actions(command, monkeypatch)
    assert [one.dest for one in taken if one.type is Path] == []
    for path in (one for one in taken if one.type in (arguments.local, arguments.place)):
        with pytest.raises(SystemExit, match="2"):
            main([*path.option_strings[:1], " " if path.option_strings else ""])
        assert "is empty, perhaps as a variable is not set" in capsys.readouterr().err
    if any(one.option_strings == ["--output"] for one in taken):
        with pytest.raises(SystemExit, match="2"):
            main(["--output="])


def test_a_name_that_is_no_text_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--data", "--output", "--reference", "--trusted-users"):
        with pytest.raises(SystemExit, match="2"):
            run_checkpoint.main([option, os.fsdecode(b"week-\xff")])
        said = capsys.readouterr().err
        assert said.startswith(
            f"{option}: 'week-\N{REPLACEMENT CHARACTER}' has a name that is no valid UTF-8; rename it"
        )


def test_trusted_users_are_ids_one_a_line_and_what_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "trusted.txt"
    file.write_text("7\n\n 12 \n7\n")
    assert trusted_users(file) == {7, 12}
    file.write_text("7\n12\n", encoding="utf-8-sig")
    assert trusted_users(file) == {7, 12}
    for text, line in (("7\nabc\n", 2), ("7\n8 9.5\n", 2), ("9" * 19, 1)):
        file.write_text(text)
        with pytest.raises(SettingError, match=rf"trusted\.txt: line {line} is no user id; write one a line"):
            trusted_users(file)
    file.write_bytes(b"\xff\xfe7")
    with pytest.raises(SettingError, match=r"trusted\.txt: is no text; write one user id a line"):
        trusted_users(file)


def test_choices_and_defaults_are_those_of_the_analyses() -> None:
    anomaly, drift = signature(find_anomalies).parameters, signature(find_drift).parameters
    default = run_checkpoint.parser().parse_args([])
    assert settings.DETECTORS == DETECTORS
    assert tuple(FREQUENCIES) == settings.PERIODS
    assert default.detector == anomaly["detector"].default
    assert default.false_discovery_rate == anomaly["false_discovery_rate"].default
    assert default.split == drift["split"].default
