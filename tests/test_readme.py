"""What the README says is so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from checks.gate import Decision, Status
from checks.reports import summary
from tests import deliveries, verdicts
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def example() -> dict[str, object]:
    """The expectation that the README adds by hand."""
    block = re.search(r"```json\n(\{.*?\n\})\n```", README, re.DOTALL)
    assert block
    return json.loads(block[1])


def test_worked_example_is_judged_from_the_next_run_on(tmp_path: Path) -> None:
    house = tmp_path / "house"
    shutil.copytree(ROOT, house, ignore=shutil.ignore_patterns(".git", "outputs", "data", "node_modules", ".*_cache"))
    suite = house / "gx" / "expectations" / "ratings.json"
    declared = json.loads(suite.read_text())
    declared["expectations"].append(example())
    suite.write_text(json.dumps(declared, indent=2))
    files = deliveries.clean()
    files["movies"] += [f"{film},Film {film} (1980),Drama" for film in range(100, 700)]
    files["links"] += [f"{film},{film:07d},{film}" for film in range(100, 700)]
    files["ratings"] += [f"5,{film},4.0,{deliveries.START + film}" for film in range(100, 700)]
    data = deliveries.write(tmp_path / "data", files)
    command = [sys.executable, "-m", "scripts.run_checkpoint", "--data", str(data), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)
    assert "WARNING  ratings: Nobody rates more than 500 films in a day." in done.stdout, done.stderr
    assert "ratings.csv:102  userId 5, ratings 600" in done.stdout


def test_every_command_and_dependency_is_named() -> None:
    commands = {path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "__init__"}
    assert set(re.findall(r"^\| `scripts\.(\w+)` \|", README, re.MULTILINE)) == commands
    required = "".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-extras.txt"))
    pinned = re.findall(r"^([A-Za-z0-9_-]+)==", required, re.MULTILINE)
    assert [name for name in pinned if name not in README] == []


def test_pictures_and_links_lead_to_what_is_there() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    links = re.findall(r"\]\((?!https://)([^)]+)\)", README)
    assert "checks/docs/landing.png" in links
    assert [link for link in links if link[0] == "#" and link[1:] not in headings] == []
    assert [link for link in links if link[0] != "#" and not (ROOT / link).is_file()] == []


def keys(value: object) -> set[str]:
    """Every key of a JSON-ready value, but for those that name a suite, a file, a setting or the like."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if not isinstance(value, dict):
        return set()
    named = ("settings", "phases", "questions", "arguments", "values", "waiver")
    inner = {name: list(one.values()) if name == "suites" else one for name, one in value.items()}
    return set(value).union(*(keys(one) for name, one in inner.items() if name not in named))


def test_keys_of_the_summary_are_those_that_are_listed(tmp_path: Path) -> None:
    written = re.search(r"^`summary\.json` — (.*?)\n\n", README, re.DOTALL | re.MULTILINE)
    assert written
    listed = set(re.findall(r"`([a-z_0-9]+)`", written[1]))
    run = verdicts.run(tmp_path)
    found = keys(json.loads(json.dumps(summary.summary(verdicts.every_kind(), run), default=str)))
    words = {str(decision) for decision in Decision} | {str(status) for status in Status}
    assert found - listed - words == set()
    assert listed - found - words == set()


def test_table_of_expectations_is_that_of_the_suites() -> None:
    from scripts.list_expectations import expectations_table, with_table

    assert with_table(README, expectations_table()) == README, "run python -m scripts.list_expectations --write"
    assert expectations_table() in README
