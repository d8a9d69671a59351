"""The suites as their JSON files declare them, read without Great Expectations (whose import takes seconds)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from checks.editions import EDITION, MEANT_FOR
from checks.errors import UserError
from checks.gate.terms import COUNTED, MEASURE, Status

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2] / "gx"
CHECKPOINT = "movielens"
# What an expectation may say, as the suites of Great Expectations hold it.
NEEDED = {"type": str, "kwargs": dict}
OPTIONAL = {"id": str, "severity": str, "description": str, "notes": (str, list), "meta": dict}
FIELDS: dict[str, Any] = NEEDED | OPTIONAL
KINDS = {str: "a text", dict: "an object", list: "a list", (str, list): "a text or a list of texts"}  # as people say it
WHEN_FAILED = "when_failed"
META = {"counts": (*COUNTED, MEASURE), MEANT_FOR: (EDITION,), WHEN_FAILED: (Status.UNDETERMINED.value,)}
SEVERITIES = ("critical", "warning", "info")  # worst first; Great Expectations takes one without for critical


class ProjectError(UserError):
    """The GX project is broken."""


def declared_suites(root: Path = ROOT) -> dict[str, list[dict[str, Any]]]:
    """The expectations of each of the checkpoint's suites, in the checkpoint's order.

    Raises ProjectError where a file is missing, is no JSON or holds something else, or where an expectation would be
    misread: a field or severity that there is not, an id that two share, so that a waiver of one would be a waiver of
    both, or a word in its `meta` that there is not, or that would leave a critical rule unasked.
    """
    if not checkpoint_file(root).exists():
        what = f"is no project of these suites, as it holds no checkpoints/{CHECKPOINT}.json"
        raise ProjectError(f"{root}: {what}; name one as gx is, or restore that file with git.")
    suites = {name: _expectations(name, root) for name in _suite_names(root)}
    _check(suites, root)
    declared_actions(root)
    return suites


def declared_actions(root: Path = ROOT) -> list[dict[str, Any]]:
    """What the checkpoint does with its results. Raises ProjectError where an action has no type."""
    file = checkpoint_file(root)
    actions = _part(_read(file), file, "actions", list)
    for number, one in enumerate(actions, 1):
        if not (isinstance(one, dict) and isinstance(one.get("type"), str)):
            raise ProjectError(f"{file}: action {number} must be an object with a `type`, a text; mend it.")
    return actions


def _check(suites: Mapping[str, list[dict[str, Any]]], root: Path) -> None:
    seen: set[str] = set()
    for name, suite in suites.items():
        file = suite_file(name, root)
        for number, one in enumerate(suite, 1):
            _check_form(one, f"{file}: expectation {number}")
            identity, severity = one.get("id"), one.get("severity", SEVERITIES[0])
            if severity not in SEVERITIES:
                allowed = ", ".join(SEVERITIES)
                raise ProjectError(f"{file}: the severity '{severity}' is none of {allowed}.")
            if identity in seen:
                raise ProjectError(f"{file}: the id {identity} is given twice; leave it out of one.")
            seen |= {identity} if identity else set()
            _check_meta(one, severity, file)


def _check_form(declared: Any, which: str) -> None:
    """Refuse what Great Expectations would not read, which names no file then."""
    if not isinstance(declared, dict):
        raise ProjectError(f"{which} must be an object with `type` and `kwargs`; mend it.")
    which += f" ({declared.get('id') or declared.get('description') or declared.get('type') or 'without an id'})"
    for name in (one for one in NEEDED if one not in declared):
        raise ProjectError(f"{which} lacks `{name}`, {KINDS[FIELDS[name]]}; add it.")
    for name in (one for one in declared if one not in FIELDS):
        raise ProjectError(f"{which} has no field `{name}`; an expectation may have {', '.join(FIELDS)}.")
    for name, value in declared.items():
        if not _is_of(name, value):
            raise ProjectError(f"{which}: `{name}` must be {KINDS[FIELDS[name]]}; mend it.")
    if declared.get("id") and not _is_uuid(declared["id"]):
        raise ProjectError(f"{which}: its `id` is no UUID; make one: python -c 'import uuid; print(uuid.uuid4())'")


def _is_of(field: str, value: Any) -> bool:
    if value is None:
        return field in OPTIONAL
    return isinstance(value, FIELDS[field]) and (field != "notes" or all(isinstance(note, str) for note in value))


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _check_meta(declared: Mapping[str, Any], severity: str, file: Path) -> None:
    """Refuse what nobody would read: a rule would count something else than it says, or gate where it must not."""
    meta, which = declared.get("meta") or {}, f"{file}: the expectation {called(declared)}"
    for name, word in meta.items():
        if name not in META:
            raise ProjectError(f"{which} has a `meta` with `{name}`; it may hold {', '.join(META)}.")
        if word not in META[name]:
            raise ProjectError(f"{which} has the `{name}` {word!r}; it may be {', '.join(META[name])}, or left out.")
    if MEANT_FOR in meta and (severity == SEVERITIES[0] or WHEN_FAILED in meta):
        raise ProjectError(f"{which} decides what passes, so it is asked of every delivery; take `{MEANT_FOR}` away.")


def called(declared: Mapping[str, Any]) -> str:
    """The words by which an expectation, or an action, is found in its file."""
    return str(declared.get("id") or declared.get("name") or declared["type"])


def checkpoint_file(root: Path = ROOT) -> Path:
    """Where the checkpoint stands."""
    return root / "checkpoints" / f"{CHECKPOINT}.json"


def suite_file(name: str, root: Path = ROOT) -> Path:
    """Where a suite stands."""
    return root / "expectations" / f"{name}.json"


def place(name: str, expectation_id: str | None, root: Path = ROOT) -> tuple[str, int]:
    """Where an expectation stands: its file, from the repository's root, and the line of its id (1 without one)."""
    file = suite_file(name, root)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    start = text.find(json.dumps(expectation_id)) if expectation_id else -1
    return file.relative_to(root.parent).as_posix(), text.count("\n", 0, max(start, 0)) + 1


def _expectations(name: str, root: Path) -> list[Any]:
    file = suite_file(name, root)
    content = _read(file)
    if (stated := _part(content, file, "name", str)) != name:
        raise ProjectError(f"{file}: its `name` is '{stated}', and must be '{name}' as the file's; change it.")
    return _part(content, file, "expectations", list)


def _suite_names(root: Path) -> list[str]:
    file = checkpoint_file(root)
    definitions = [_name(file, one) for one in _part(_read(file), file, "validation_definitions", list)]
    files = [root / "validation_definitions" / f"{name}.json" for name in definitions]
    return [_name(file, _part(_read(file), file, "suite", dict)) for file in files]


def _name(file: Path, reference: Any) -> str:
    name = reference.get("name") if isinstance(reference, dict) else None
    if not isinstance(name, str):
        raise ProjectError(f"{file}: refers to something without a `name`; mend it, or restore it with git.")
    return name


def _part(content: Any, file: Path, key: str, kind: type[T]) -> T:
    """What the content of a file holds under a key."""
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, kind):
        raise ProjectError(f"{file}: must hold an object with `{key}`, {KINDS[kind]}; mend it, or restore it with git.")
    return found


def _read(path: Path) -> Any:
    """What a JSON file holds. A name given twice, as a merge may leave it, would silence what stood under it first."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := sorted(name for name, count in Counter(name for name, _ in pairs).items() if count > 1):
            raise ProjectError(f"{path}: `{twice[0]}` is given twice in one object; leave one of the two out.")
        return dict(pairs)

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except OSError as error:
        raise ProjectError(f"{path}: can't be read ({error.strerror}); restore it with git.") from error
    except json.JSONDecodeError as error:
        raise ProjectError(f"{path}:{error.lineno}: is no valid JSON ({error.msg}); mend that line.") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: is no UTF-8 text; save it as such, or restore it with git.") from error
