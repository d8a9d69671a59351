"""What is wrong in the Great Expectations project where GX can't load it: which file, expectation and argument.

GX's own errors name none of them. So what it could not load is loaded again, piece by piece, which costs a good run
nothing. What can be told without GX is refused before, by `checks.engine.suites`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from great_expectations.checkpoint.actions import ValidationAction
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.core.suite_parameters import parse_suite_parameter
from great_expectations.exceptions import DataContextError, GreatExpectationsError, SuiteParameterError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from checks.engine.suites import CHECKPOINT, ProjectError, called, checkpoint_file, declared_actions, suite_file

Suites = Mapping[str, Sequence[Mapping[str, Any]]]

SETTINGS = "great_expectations.yml"
SUPERFLUOUS, MISSING = "value_error.extra", "value_error.missing"  # as pydantic calls them
PARAMETER = "$PARAMETER"  # how a rule names what is known only when it is judged
SHOWN_CHARACTERS = 200  # of a reason that GX gives


@contextmanager
def opening(root: Path) -> Iterator[None]:
    """Tell what keeps GX from opening the project. Raises ProjectError."""
    _check_settings(root / SETTINGS)
    try:
        yield
    except (GreatExpectationsError, LookupError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ProjectError(_unusable(root / SETTINGS, error)) from error


@contextmanager
def using(root: Path) -> Iterator[None]:
    """Tell what is wrong with settings that GX reads when it uses them, as those of pages. Raises ProjectError."""
    try:
        yield
    except DataContextError as error:
        raise ProjectError(_unusable(root / SETTINGS, error)) from error


def loaded(context: Any, declared: Suites, root: Path) -> Any:
    """The project's checkpoint. Raises ProjectError where it, or one of the suites as declared, can't be used."""
    try:
        checkpoint = context.checkpoints.get(CHECKPOINT)
    except Exception as error:
        raise ProjectError(next(_slips(declared, root), None) or _unexplained(root, error)) from error
    for slip in _unknown_types(declared, root):  # which GX loads, as rules that can't be judged
        raise ProjectError(slip)
    return checkpoint


def check_parameters(declared: Suites, root: Path, parameters: Mapping[str, Any]) -> None:
    """Raise ProjectError where a rule names a parameter that there is not: GX's own error tells no rule."""
    for which, one in _expectations(declared, root):
        for name, value in one["kwargs"].items():
            if not (isinstance(value, Mapping) and PARAMETER in value):
                continue
            try:
                parse_suite_parameter(str(value[PARAMETER]), dict(parameters))
            except SuiteParameterError as error:
                raise ProjectError(_no_parameter(which, name, str(value[PARAMETER]), parameters)) from error


def _no_parameter(which: str, argument: str, text: str, known: Collection[str]) -> str:
    told = _instead(text, (), known)
    return f"{which} has the argument `{argument}` of the {PARAMETER} `{text}`, which there is not; {told}"


def _check_settings(file: Path) -> None:
    """Refuse what GX would make a project of its own in place of, or print lines about."""
    try:
        is_empty = not file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ProjectError(f"{file}: can't be read ({error.strerror}); restore it with git.") from error
    if is_empty:
        raise ProjectError(f"{file}: holds no settings; restore it with git.")


def _unusable(settings: Path, error: Exception) -> str:
    try:
        yaml.safe_load(settings.read_text(encoding="utf-8"))  # GX does not say where
    except yaml.MarkedYAMLError as broken:
        line = "" if broken.problem_mark is None else f":{broken.problem_mark.line + 1}"
        return f"{settings}{line}: is no valid YAML ({broken.problem}); mend it there."
    return f"{settings}: Great Expectations can't work by it ({_reason(error)}); mend it, or restore it with git."


def _unexplained(root: Path, error: Exception) -> str:
    reason = f"Great Expectations can't load the checkpoint ({_reason(error)})"
    return f"{root}: {reason}; see with git diff what was changed there, and mend it."


def _reason(error: Exception) -> str:
    """What an error says, in one line; of pydantic's, which say several things, the first."""
    if isinstance(error, ValidationError):
        wrong = error.errors()[0]
        text = ": ".join([*(str(part) for part in wrong["loc"] if part != "__root__"), wrong["msg"]])
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".:")[:SHOWN_CHARACTERS]


def _slips(declared: Suites, root: Path) -> Iterator[str]:
    """What is wrong in suites and actions, a sentence each."""
    yield from _unknown_types(declared, root)
    for which, one in _expectations(declared, root):
        kind = get_expectation_impl(one["type"])
        yield from _refused(which, kind, one["kwargs"], "argument", set(kind.__fields__) - set(Expectation.__fields__))
    kinds = {kind.__fields__["type"].default: kind for kind in _below(ValidationAction)}
    kinds.pop(None)  # what several derive from
    for action in declared_actions(root):
        which, kind = f"{checkpoint_file(root)}: the action {called(action)}", kinds.get(action["type"])
        if kind is None:
            yield _no_such(which, action["type"], kinds)
        else:
            yield from _refused(which, kind, action, "setting", set(kind.__fields__) - {"id"})


def _unknown_types(declared: Suites, root: Path) -> Iterator[str]:
    known = list_registered_expectation_implementations()
    for which, one in _expectations(declared, root):
        if one["type"] not in known:
            yield _no_such(which, one["type"], known)


def _no_such(which: str, kind: str, known: Collection[str]) -> str:
    return f"{which} is of the type `{kind}`, which there is not; {_instead(kind, (), known)}"


def _expectations(declared: Suites, root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All expectations, each with the words that say which it is."""
    for name, suite in declared.items():
        for one in suite:
            yield f"{suite_file(name, root)}: the expectation {called(one)}", one


def _below(kind: Any) -> Iterator[Any]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _refused(which: str, kind: Any, given: Mapping[str, Any], word: str, known: Collection[str]) -> Iterator[str]:
    """The sentence on what `kind` does not take of what it is given, if there is such."""
    try:
        kind(**given)
    except ValidationError as error:
        yield f"{which} {_fault(error.errors(), given, word, known)}"
    except (GreatExpectationsError, ValueError, TypeError) as error:
        yield f"{which} can't be used ({_reason(error)}); change it."


def _fault(errors: Sequence[Any], given: Mapping[str, Any], word: str, known: Collection[str]) -> str:
    lacking = [str(one["loc"][0]) for one in errors if one["type"] == MISSING]
    surplus = [str(one["loc"][0]) for one in errors if one["type"] == SUPERFLUOUS]
    if surplus:  # first, as what is spelt wrongly is lacking, too
        return f"has no {word} `{surplus[0]}`; {_instead(surplus[0], lacking, set(known) - set(given))}"
    if lacking:
        return f"lacks the {word} `{lacking[0]}`; add it."
    name, message = str(errors[0]["loc"][0]), errors[0]["msg"]
    if name not in given:
        return f"can't be used ({message}); change it."
    value = json.dumps(given[name], ensure_ascii=False)
    return f"has the {word} `{name}` {value}, which can't be used ({message}); change it."


def _instead(name: str, lacking: Sequence[str], known: Collection[str]) -> str:
    """What may be meant by a name that there is not."""
    if near := lacking or get_close_matches(name, list(known), n=1):
        return f"did you mean `{near[0]}`?"
    return f"it may be {', '.join(sorted(known))}." if known else "take it away."
