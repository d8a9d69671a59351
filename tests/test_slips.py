"""A slip in what is edited by hand is told with its file, expectation and argument, and what to do about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.checkpoint import run_checkpoint
from checks.engine import suites
from checks.engine.suites import ProjectError, declared_suites
from tests import verdicts
from tests.conftest import ROOT

Change = Callable[[dict[str, Any]], None]

NOT_NULL = 3  # the first rule on a column of the tags
RANGE = 7
QUERY = "expect_query_to_return_no_rows"


@pytest.fixture
def gx(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "gx", tmp_path / "gx")


def edit(file: Path, change: Change) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def rule(place: int, **fields: Any) -> Change:
    return lambda suite: suite["expectations"][place].update(fields)


def arguments(place: int, **kwargs: Any) -> Change:
    return lambda suite: suite["expectations"][place].update(kwargs=kwargs)


def without(place: int, field: str) -> Change:
    return lambda suite: suite["expectations"][place].pop(field)


def action(kind: str, **fields: Any) -> Change:
    return lambda checkpoint: next(a for a in checkpoint["actions"] if a["type"] == kind).update(fields)


LIGHT: list[tuple[str, Change, str]] = [
    ("expectations/tags", without(NOT_NULL, "kwargs"), r"tags.json: expectation 4 \(.*\) lacks `kwargs`, an object; a"),
    ("expectations/tags", without(NOT_NULL, "type"), r"tags.json: expectation 4 \(.*\) lacks `type`, a text; add it"),
    ("expectations/tags", rule(NOT_NULL, kwargs=None), r"expectation 4 \(.*\): `kwargs` must be an object; mend it"),
    ("expectations/tags", rule(NOT_NULL, notes=[1]), r"expectation 4 \(.*\): `notes` must be a text or a list of text"),
    ("expectations/tags", rule(NOT_NULL, sevrity="info"), r"expectation 4 \(.*\) has no field `sevrity`; .* may have "),
    ("expectations/tags", rule(NOT_NULL, id="one"), r"expectation 4 \(one\): its `id` is no UUID; make one: python"),
    (
        "expectations/tags",
        lambda s: s.update(expectations={}),
        r"tags.json: must hold an object with `expectations`, a",
    ),
    ("expectations/tags", lambda s: s["expectations"].insert(1, "x"), r"expectation 2 must be an object with `type`"),
    ("expectations/tags", lambda s: s.update(name="tagz"), r"tags.json: its `name` is 'tagz', and must be 'tags' as "),
    ("checkpoints/movielens", lambda c: c.pop("validation_definitions"), r"must hold an object with `validation_defi"),
    ("checkpoints/movielens", lambda c: c.update(actions={}), r"movielens.json: must hold an object with `actions`, a"),
    ("checkpoints/movielens", lambda c: c["actions"][1].pop("type"), r"action 2 must be an object with a `type`, a te"),
    ("validation_definitions/tags", lambda d: d.pop("suite"), r"definitions/tags.json: must hold an object with `suit"),
]
HEAVY: list[tuple[str, Change, str]] = [
    (
        "expectations/tags",
        arguments(NOT_NULL, colum="tag"),
        r"tags.json: the expectation \S+ has no argument `colum`; did you mean `column`\?",
    ),
    (
        "expectations/tags",
        arguments(NOT_NULL, column="tag", shade=1),
        r"has no argument `shade`; it may be .*, mostly, ",
    ),
    ("expectations/tags", arguments(NOT_NULL), r"the expectation \S+ lacks the argument `column`; add it\."),
    (
        "expectations/tags",
        arguments(RANGE, column="userId", min_value="one"),
        r'has the argument `min_value` "one", which can\'t be used \(.*\); change it',
    ),
    (
        "expectations/tags",
        arguments(RANGE, column="timestamp", max_value={"$PARAMETER": "nov"}),
        r"\S+ has the argument `max_value` of the \$PARAMETER `nov`, which there is not; did you mean `now`\?",
    ),
    (
        "expectations/tags",
        rule(NOT_NULL, type=f"{QUERY}s", kwargs={}),
        rf"is of the type `{QUERY}s`, which there is not; did you mean `{QUERY}`\?",
    ),
    (
        "checkpoints/movielens",
        action("junit", type="junitt"),
        r"movielens.json: the action junit is of the type `junitt`, which there is not; did you mean `junit`\?",
    ),
    (
        "checkpoints/movielens",
        action("quarantine", compression="zip"),
        r'the action quarantine has the setting `compression` "zip", which can\'t be used \(.*zstd.*\); change',
    ),
    (
        "checkpoints/movielens",
        action("junit", file="ratings.csv"),
        r"movielens.json: the action junit has no setting `file`; take it away\.",
    ),
    (
        "checkpoints/movielens",
        action("alert", notify="never"),
        r"the action alert has no setting `notify`; take it away\.",
    ),
    (
        "validation_definitions/tags",
        lambda d: d["data"]["asset"].update(name="tagz"),
        r"gx: Great Expectations can't load the checkpoint \(.*tagz.*\); see with git diff",
    ),
]
SETTINGS: list[tuple[str, str, str]] = [
    ("fluent_datasources:", "fluent_datasources: [", r"great_expectations.yml:\d+: is no valid YAML \(.*\); mend"),
    ("type: duckdb", "type: dukdb", r"yml: Great Expectations can't work by it \(type dukdb was not"),
    ("RunsSiteBuilder", "RunsSiteBuildr", r"yml: Great Expectations can't work by it \(.*RunsSiteBuildr"),
]


@pytest.mark.parametrize(("file", "change", "said"), LIGHT, ids=[said for *_, said in LIGHT])
def test_the_form_of_a_file_is_told_before_anything_is_loaded(gx: Path, file: str, change: Change, said: str) -> None:
    edit(gx / f"{file}.json", change)
    with pytest.raises(ProjectError, match=said):
        declared_suites(gx)


def test_a_suite_that_is_a_list_or_no_text_is_told(gx: Path) -> None:
    file = gx / "expectations" / "tags.json"
    for content in (b"[]", "é".encode("latin-1")):
        file.write_bytes(content)
        with pytest.raises(ProjectError, match=r"tags\.json: (must hold an object with `name`|is no UTF-8 text)"):
            declared_suites(gx)


@pytest.mark.parametrize(("file", "change", "said"), HEAVY, ids=[said for *_, said in HEAVY])
def test_what_great_expectations_refuses_is_told_as_ours(gx: Path, file: str, change: Change, said: str) -> None:
    edit(gx / f"{file}.json", change)
    with pytest.raises(ProjectError, match=said):
        run_checkpoint(verdicts.run(gx.parent, root=gx, suites=declared_suites(gx)), act=False)


@pytest.mark.parametrize(("old", "new", "said"), SETTINGS)
def test_settings_that_can_not_be_worked_by_are_named(gx: Path, old: str, new: str, said: str) -> None:
    file = gx / "great_expectations.yml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProjectError, match=said):
        run_checkpoint(verdicts.run(gx.parent, root=gx))


@pytest.mark.parametrize("content", [None, ""])
def test_a_project_without_settings_is_refused_and_no_other_made_in_its_place(gx: Path, content: str | None) -> None:
    file = gx / "great_expectations.yml"
    file.unlink() if content is None else file.write_text(content)
    before = sorted(gx.rglob("*"))
    with pytest.raises(ProjectError, match=r"great_expectations.yml: .*; restore it with git\."):
        run_checkpoint(verdicts.run(gx.parent, root=gx), act=False)
    assert sorted(gx.rglob("*")) == before


def test_what_is_no_project_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ProjectError, match=f"{folder}: is no project of these suites, as .*; name one as gx is"):
            declared_suites(folder)


def test_the_words_of_meta_are_those_that_are_read_and_documented() -> None:
    section = (ROOT / "gx" / "README.md").read_text(encoding="utf-8").partition("\n## Increments")[0]
    assert [word for key, words in suites.META.items() for word in (key, *words) if f"`{word}`" not in section] == []
