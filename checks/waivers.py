"""Waivers: failures that somebody answers for, for a time, so that a strict gate can be taken up on dirty data."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from textwrap import indent
from typing import Any

from checks.engine.suites import ROOT, ProjectError

FILE = "waivers.yml"
LONGEST = 366  # days; `max_days` can be set lower, not higher: who waives for longer should change the suite
FIELDS = ("suite", "expectation", "owner", "reason", "expires")
AT_MOST = "at_most"  # may be left out
EMPTY = re.compile(r"^waivers: *\[\] *(#.*)?\n\Z", re.MULTILINE)
ITEM = re.compile(r"^waivers:.*\n(?: *#.*\n|\s*\n)*( *)- ", re.MULTILINE)


@dataclass(frozen=True)
class Waiver:
    """One failure waived: `expectation` is its id in the suite's file, `expires` the last day that it holds (UTC).

    at_most: how many rows, or whatever the expectation counts, may break it; None: any number. exceeded: more do.
    """

    suite: str
    expectation: str
    owner: str
    reason: str
    expires: date
    expired: bool = False
    at_most: int | None = None
    exceeded: bool = False

    def covers(self, count: int | None) -> bool:
        """Whether so many are what was waived: a known fault of three rows is not the same one in all of them."""
        return self.at_most is None or (count is not None and count <= self.at_most)

    def sentence(self) -> str:
        """Who waived it, until when and why."""
        if self.expired:
            return f"The waiver of {self.owner} expired on {self.expires}; it gates again. It said: {self.reason}"
        if self.exceeded:
            return f"The waiver of {self.owner} covers {self.at_most:,} at most; it gates again. It said: {self.reason}"
        return f"Waived by {self.owner} until {self.expires}: {self.reason}"


def load_waivers(
    suites: Mapping[str, Sequence[Mapping[str, Any]]], today: date, root: Path = ROOT
) -> tuple[Waiver, ...]:
    """The waivers of `gx/waivers.yml`; none where there is no such file. An expired one is marked so.

    Raises ProjectError for a file that can't be read, and for a waiver that lacks a field, matches no
    expectation of `suites`, repeats another, or reaches further ahead than the file's `max_days`.
    """
    path = root / FILE
    return _checked(_read(path), path, suites, today) if path.exists() else ()


def last_day(today: date, root: Path = ROOT) -> date:
    """The last day that a waiver may reach by `gx/waivers.yml`. Raises ProjectError where that can't be read."""
    path = root / FILE
    return today + timedelta(days=_max_days(_parsed(_read(path), path), path))


def with_entries(
    entries: str, suites: Mapping[str, Sequence[Mapping[str, Any]]], today: date, root: Path = ROOT
) -> str:
    """The text of `gx/waivers.yml`, its comments kept, with these entries (YAML, from `- ` on) after its own.

    Raises ProjectError where the file, or one of its waivers, would not be valid then.
    """
    path = root / FILE
    before = EMPTY.sub("waivers:\n", _read(path).rstrip() + "\n")
    first = ITEM.search(before)
    text = before + indent(entries, first[1] if first else "  ")
    try:
        _checked(text, path, suites, today)
    except ProjectError as error:
        raise ProjectError(f"{error} It is as it was: nothing could be added after its last line.") from error
    return text


def _checked(
    text: str, path: Path, suites: Mapping[str, Sequence[Mapping[str, Any]]], today: date
) -> tuple[Waiver, ...]:
    content = _parsed(text, path)
    latest = today + timedelta(days=_max_days(content, path))
    waivers = [_waiver(entry, f"{path}: waiver {i}", today) for i, entry in enumerate(_entries(content, path), 1)]
    for number, waiver in enumerate(waivers, start=1):
        _check(waiver, suites, waivers[: number - 1], latest, f"{path}: waiver {number}")
    return tuple(waivers)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{path}: can't be read ({error.strerror}); restore it with git.") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: is no valid YAML ({_one_line(error)}); mend it there.") from error


def _parsed(text: str, path: Path) -> Mapping[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses a key given twice, where YAML would let the last one win in silence."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            keys = [key.value for key, _ in node.value]
            if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
                raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is given twice", node.start_mark)
            return super().construct_mapping(node, deep)

    try:
        content = yaml.load(text, Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise ProjectError(f"{path}: is no valid YAML ({_one_line(error)}); mend it there.") from error
    if not isinstance(content, Mapping) or set(content) - {"max_days", "waivers"}:
        raise ProjectError(f"{path}: must hold `max_days` and `waivers` and nothing else; see its comment.")
    return content


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)


def _max_days(content: Mapping[str, Any], path: Path) -> int:
    days = content.get("max_days")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= LONGEST:
        raise ProjectError(f"{path}: `max_days` must be a whole number from 1 to {LONGEST}, not {days!r}.")
    return days


def _entries(content: Mapping[str, Any], path: Path) -> Sequence[Any]:
    entries = content.get("waivers")
    if not isinstance(entries, list):
        raise ProjectError(f"{path}: `waivers` must be a list; write `waivers: []` where there are none.")
    return entries


def _waiver(entry: Any, place: str, today: date) -> Waiver:
    if not isinstance(entry, Mapping) or set(entry) - {AT_MOST} != set(FIELDS):
        given = set(entry) if isinstance(entry, Mapping) else set()
        lacking, unknown = sorted(set(FIELDS) - given), sorted(map(str, given - {AT_MOST, *FIELDS}))
        wrong = f"lacks {', '.join(lacking)}" if lacking else f"has the unknown field {', '.join(unknown)}"
        raise ProjectError(f"{place}: {wrong}; a waiver has {', '.join(FIELDS)}, and may have {AT_MOST}.")
    texts = {name: entry[name] for name in FIELDS if name != "expires"}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ProjectError(f"{place}: `{name}` must be a text that is not empty.")
    expires = entry["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise ProjectError(f"{place}: `expires` must be a day such as 2026-12-31, not {expires!r}.")
    most = entry.get(AT_MOST)
    if AT_MOST in entry and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise ProjectError(f"{place}: `{AT_MOST}` must be a whole number from 1 on, not {most!r}.")
    # A waiver is shown on one line of a console, a table or an annotation.
    flat = {name: " ".join(text.split()) for name, text in texts.items()}
    return Waiver(**flat, expires=expires, expired=expires < today, at_most=most, exceeded=False)


def _check(
    waiver: Waiver,
    suites: Mapping[str, Sequence[Mapping[str, Any]]],
    earlier: Sequence[Waiver],
    latest: date,
    place: str,
) -> None:
    if waiver.suite not in suites:
        raise ProjectError(f"{place}: the checkpoint has no suite {waiver.suite}; name one of {', '.join(suites)}.")
    if waiver.expectation not in [declared.get("id") for declared in suites[waiver.suite]]:
        file = f"gx/expectations/{waiver.suite}.json"
        raise ProjectError(f"{place}: matches nothing; no expectation of {file} has the id {waiver.expectation}.")
    if waiver.expectation in [other.expectation for other in earlier]:
        raise ProjectError(f"{place}: waives {waiver.expectation} a second time; remove one of the two.")
    if waiver.expires > latest:
        raise ProjectError(f"{place}: expires on {waiver.expires}, further ahead than `max_days` allows ({latest}).")
