"""The suites as their JSON files declare them, read without Great Expectations (whose import takes seconds)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from checks.editions import EDITION, MEANT_FOR
from checks.errors import UserError

ROOT = Path(__file__).resolve().parents[2] / "gx"
CHECKPOINT = "movielens"
SEVERITIES = ("critical", "warning", "info")  # worst first; Great Expectations takes one without for critical


class ProjectError(UserError):
    """The GX project is broken."""


def declared_suites(root: Path = ROOT, checkpoint: str = CHECKPOINT) -> dict[str, list[dict[str, Any]]]:
    """The expectations of each of the checkpoint's suites, in the checkpoint's order.

    Raises ProjectError where a file is missing or is no JSON, or where one of them would be misread: a severity
    that there is not, an id that two share, so that a waiver of one would be a waiver of both, or a kind of delivery
    that there is not, or that a critical rule would not be asked of the others.
    """
    definitions = _read(root / "checkpoints" / f"{checkpoint}.json")["validation_definitions"]
    names = [_suite_name(root, definition["name"]) for definition in definitions]
    suites = {name: _read(suite_file(name, root))["expectations"] for name in names}
    _check(suites, root)
    return suites


def _check(suites: dict[str, list[dict[str, Any]]], root: Path) -> None:
    seen: set[str] = set()
    for name, suite in suites.items():
        for one in suite:
            identity, severity = one.get("id"), one.get("severity", SEVERITIES[0])
            if severity not in SEVERITIES:
                allowed = ", ".join(SEVERITIES)
                raise ProjectError(f"{suite_file(name, root)}: the severity '{severity}' is none of {allowed}.")
            if identity in seen:
                raise ProjectError(f"{suite_file(name, root)}: the id {identity} is given twice; leave it out of one.")
            seen |= {identity} if identity else set()
            _check_kind(one, severity, suite_file(name, root))


def _check_kind(declared: dict[str, Any], severity: str, file: Path) -> None:
    meta = declared.get("meta") or {}
    if MEANT_FOR not in meta:
        return
    which = f"{file}: the expectation {declared.get('id') or declared['type']}"
    if meta[MEANT_FOR] != EDITION:
        raise ProjectError(f"{which} has the `{MEANT_FOR}` {meta[MEANT_FOR]!r}; it may be '{EDITION}', or left out.")
    if severity == SEVERITIES[0] or "when_failed" in meta:
        raise ProjectError(f"{which} decides what passes, so it is asked of every delivery; take `{MEANT_FOR}` away.")


def suite_file(name: str, root: Path = ROOT) -> Path:
    """Where a suite stands."""
    return root / "expectations" / f"{name}.json"


def place(name: str, expectation_id: str | None, root: Path = ROOT) -> tuple[str, int]:
    """Where an expectation stands: its file, from the repository's root, and the line of its id (1 without one)."""
    file = suite_file(name, root)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    start = text.find(json.dumps(expectation_id)) if expectation_id else -1
    return file.relative_to(root.parent).as_posix(), text.count("\n", 0, max(start, 0)) + 1


def _suite_name(root: Path, definition: str) -> str:
    return str(_read(root / "validation_definitions" / f"{definition}.json")["suite"]["name"])


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProjectError(f"{path}: can't be read ({error.strerror}); restore it with git.") from error
    except json.JSONDecodeError as error:
        raise ProjectError(f"{path}:{error.lineno}: is no valid JSON ({error.msg}); mend that line.") from error
