"""What the README and the pages beside the code say is so."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from checks.gate.terms import Decision, Status
from checks.reports import columns, summary
from checks.results import outputs
from tests import deliveries, verdicts
from tests.conftest import COMMANDS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HOUSE = ("anomaly", "checks", "drift", "gx", "notebooks", "scripts", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for part in HOUSE for page in (ROOT / part).rglob("*.md"))])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def tokens(page: Path) -> Iterator[Token]:
    """All of a page, what is inside of lines, too."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def links(page: Path) -> list[str]:
    """What a page shows or leads to of this project: paths, with or without an anchor."""
    found = [str(token.attrs.get("href") or token.attrs.get("src") or "") for token in tokens(page)]
    return [link for link in found if link and not re.match(r"https?://|mailto:", link)]


@cache
def sections(page: Path) -> dict[str, str]:
    """The text of each section by its anchor, as GitHub makes it of the heading."""
    text = page.read_text(encoding="utf-8")
    parsed, lines = MarkdownIt("commonmark").parse(text), text.splitlines()
    heads = [(one.map[0], one.tag, parsed[i + 1].content) for i, one in enumerate(parsed) if one.type == "heading_open"]
    found = {}
    for number, (line, tag, title) in enumerate(heads):
        ends = (begin for begin, other, _ in heads[number + 1 :] if other <= tag)
        anchor = re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        assert anchor not in found, f"{page}: two headings {title!r}, of which no link reaches the second"
        found[anchor] = "\n".join(lines[line + 1 : next(ends, len(lines))])
    return found


def target(page: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return (page.parent / path).resolve() if path else page, anchor


def code(page: Path) -> Iterator[str]:
    """Every line of code of a page, in blocks and within sentences."""
    for token in tokens(page):
        if token.type in ("fence", "code_block", "code_inline"):
            yield from token.content.splitlines()


def blocks(language: str) -> list[str]:
    """The README's blocks of code in a language; what is printed has none."""
    return [one.content for one in tokens(ROOT / "README.md") if one.type == "fence" and one.info == language]


def example() -> dict[str, object]:
    """The expectation that the README adds by hand."""
    (block,) = blocks("json")
    return json.loads(block)


def copied_house(place: Path) -> Path:
    ignored = shutil.ignore_patterns(".git", "outputs", "data", "node_modules", ".*_cache")
    return shutil.copytree(ROOT, place, ignore=ignored)


def judged(house: Path, *options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.run_checkpoint", *map(str, options)]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)


def test_worked_example_is_judged_from_the_next_run_on(tmp_path: Path) -> None:
    house = copied_house(tmp_path / "house")
    suite = house / "gx" / "expectations" / "ratings.json"
    declared = json.loads(suite.read_text())
    declared["expectations"].append(example())
    suite.write_text(json.dumps(declared, indent=2))
    files = deliveries.clean()
    files["movies"] += [f"{film},Film {film} (1980),Drama" for film in range(100, 700)]
    files["links"] += [f"{film},{film:07d},{film}" for film in range(100, 700)]
    files["ratings"] += [f"5,{film},4.0,{deliveries.START + film}" for film in range(100, 700)]
    data = deliveries.write(tmp_path / "data", files)
    done = judged(house, "--data", data, "--output", tmp_path / "out")
    assert "WARNING  ratings: Nobody rates more than 500 films in a day." in done.stdout, done.stderr
    assert "ratings.csv:102  userId 5, ratings 600" in done.stdout


def printed(beginning: str) -> str:
    """The block of the README that begins so."""
    return next(block for block in blocks("") if block.startswith(beginning))


def assert_shown(block: str, output: str) -> None:
    """Every line of the block stands in the output, in this order; … is anything, and a line that begins so nothing."""
    lines = [line.strip() for line in output.splitlines()]
    for line in (one.strip() for one in block.splitlines()):
        if line and not line.startswith("…"):
            pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
            place = next((number for number, one in enumerate(lines) if pattern.fullmatch(one)), None)
            assert place is not None, f"not printed, or not here: {line}"
            lines = lines[place + 1 :]


@pytest.mark.slow
def test_pass_failure_and_waiver_are_shown_as_they_are_printed(tmp_path: Path) -> None:
    house = copied_house(tmp_path / "house")
    done = judged(house)
    assert_shown(printed("Judged a simulated sample"), done.stdout)
    assert done.returncode == 0, done.stderr
    broken = house / "outputs" / "sample" / "ratings.csv"
    lines = broken.read_text().splitlines(keepends=True)
    lines[199] = re.sub(r"[0-9.]*(,[0-9]*)$", r"7.5\1", lines[199])
    broken.write_text("".join(lines))
    done = judged(house)
    assert_shown(printed("CRITICAL"), done.stdout)
    assert done.returncode == 1, done.stderr
    (day,) = re.findall(r"expires: (\S+)", README)
    later = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    (waiver,) = [block for block in blocks("yaml") if block.startswith("waivers:")]
    known = house / "gx" / "waivers.yml"
    known.write_text(known.read_text().replace("waivers: []", waiver.replace(day, later)))
    done = judged(house)
    assert_shown(printed("WAIVED").replace(day, later), done.stdout)
    assert done.returncode == 0, done.stderr


def test_gate_in_ci_is_that_of_the_workflow_at_work() -> None:
    (shown,) = [block["jobs"]["gate"] for block in map(yaml.safe_load, blocks("yaml")) if "jobs" in block]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "data-quality.yml").read_text(encoding="utf-8"))
    fetched, gate = shown["steps"]
    checkout, *_, at_work = workflow["jobs"]["gate"]["steps"]
    assert fetched == checkout
    place = gate["uses"].partition("/.github/")[2].partition("@")[0]
    assert at_work["uses"] == f"./.github/{place}"
    action = yaml.safe_load((ROOT / ".github" / place / "action.yml").read_text(encoding="utf-8"))
    assert set(gate["with"]) <= set(action["inputs"])
    assert set(at_work["with"]) <= set(action["inputs"])
    assert shown["permissions"] == workflow["permissions"]


def test_every_command_and_dependency_is_named() -> None:
    assert re.findall(r"^\| `scripts\.(\w+)` \|", README, re.MULTILINE)
    assert set(re.findall(r"^\| `scripts\.(\w+)` \|", README, re.MULTILINE)) == set(COMMANDS)
    required = "".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-extras.txt"))
    required += (ROOT / "requirements-spark.txt").read_text()
    pinned = re.findall(r"^([A-Za-z0-9_-]+)==", required, re.MULTILINE)
    why = sections(ROOT / "README.md")["dependencies-and-why-each"]
    assert [name for name in pinned if name not in why] == []


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_links_lead_to_what_is_there(name: str) -> None:
    page = ROOT / name
    for link in links(page):
        path, anchor = target(page, link)
        assert path.is_file(), f"{name}: {link}"
        assert not anchor or anchor in sections(path), f"{name}: {link}"


def test_the_picture_is_shown_and_every_page_is_reached() -> None:
    assert "checks/docs/landing.png" in links(ROOT / "README.md")
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead += [
            path for path, _ in (target(page, link) for link in links(page)) if path in PAGES if path not in reached
        ]
    assert reached == set(PAGES)


def test_the_front_page_stays_short() -> None:
    """What a user meets first; depth stands beside the code."""
    assert len(README.splitlines()) <= 420


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_are_there(name: str) -> None:
    named = re.compile(r"(?:anomaly|checks|drift|gx|scripts|tests|notebooks)/[\w/.-]+\.\w+")
    assert [path for path in code(ROOT / name) if named.fullmatch(path) and not (ROOT / path).is_file()] == []


@cache
def options(command: str) -> frozenset[str]:
    """What a command's --help lists."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
        importlib.import_module(f"scripts.{command}").main(["--help"])
    listed = frozenset(re.findall(r"--[a-z][a-z-]*", shown.getvalue()))
    return listed | (options("run_checkpoint") if command == "monitor" else frozenset())


@pytest.mark.parametrize("name", NAMES)
def test_commands_and_options_are_those_that_there_are(name: str) -> None:
    for line in code(ROOT / name):
        assert set(re.findall(r"\bscripts\.([a-z_]+)", line)) <= set(COMMANDS), line
        for command, rest in re.findall(r"python -m scripts\.([a-z_]+)([^#&]*)", line):
            assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= options(command), line
        if line.startswith("--"):
            assert {line.split()[0]} <= frozenset().union(*map(options, COMMANDS)), line


NUMBER = re.compile(r"(?<![\w.])\d[\d,.]*\d|(?<![\w.])\d")
REPEATED = ("can-i-trust-a-verdict", "speed")


def figures(text: str) -> set[str]:
    """Its numbers, and each pair of `3 of 4` as one; what links lead to and code apart."""
    plain = re.sub(r"\]\([^)]*\)|(?<!`)`[^`\n]+`(?!`)", "", text)
    return set(NUMBER.findall(plain)) | set(re.findall(r"\b\d+ of \d+\b", plain))


def repeating() -> list[str]:
    """Rows and paragraphs of the README that say what was measured, and link to where it stands."""
    text = "\n\n".join(sections(ROOT / "README.md")[name].split("\n### ")[0] for name in REPEATED)
    blocks = re.split(r"\n\n|\n(?=\|)", text)
    return [block for block in blocks if figures(block)]


@pytest.mark.parametrize("block", repeating())
def test_a_figure_of_the_readme_is_that_of_the_page_that_it_links_to(block: str) -> None:
    homes = [target(ROOT / "README.md", link) for link in re.findall(r"\]\(([^)]+#[^)]+)\)", block)]
    assert homes, "a figure without a home"
    measured = set().union(*(figures(sections(path)[anchor]) for path, anchor in homes))
    assert figures(block) - measured == set()


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
    listed = set(re.findall(r"`([a-z_0-9]+)`", sections(ROOT / "checks" / "README.md")["summaryjson"]))
    run = verdicts.run(tmp_path)
    found = keys(json.loads(json.dumps(summary.summary(verdicts.every_kind(), run), default=str)))
    words = {str(decision) for decision in Decision} | {str(status) for status in Status}
    assert found - listed - words == set()
    assert listed - found - words == set()


def listed_columns(anchor: str) -> list[str]:
    """Names in the first cells of a section's table; `_low` goes on from the name before it."""
    cells = re.findall(r"^\| (`.*?) \|", sections(ROOT / "checks" / "README.md")[anchor], re.MULTILINE)
    found: list[str] = []
    for name in re.findall(r"`(\w+)`", " ".join(cells)):
        whole = next(one for one in reversed(found) if not one.endswith("_low")) + name if name[0] == "_" else name
        found.append(whole)
    return found


def test_columns_of_the_csv_files_are_those_that_are_listed() -> None:
    from anomaly.table import COLUMNS as OF_USERS
    from drift.findings import COLUMNS as OF_DRIFT
    from drift.trends import OMITTED

    assert sorted(listed_columns("user_statistics_with_anomaliescsv-anomalous_userscsv")) == sorted(OF_USERS)
    assert sorted(listed_columns("drift_analysiscsv")) == sorted(OF_DRIFT)
    trends = sections(ROOT / "checks" / "README.md")["drift_trendscsv"]
    assert set(re.findall(r"`(\w+)`", trends.split("but for")[1])) == set(OMITTED)
    (said,) = re.findall(r"Columns: (.*?) \(numbers", columns.statistics.__doc__ or "", re.DOTALL)
    assert listed_columns("summary_statisticscsv") == [*re.split(r",\s+", said), "approximate"]


def test_tables_of_expectations_are_those_of_the_suites() -> None:
    from scripts.list_expectations import README as PAGE
    from scripts.list_expectations import expectations_tables, with_tables

    text = PAGE.read_text(encoding="utf-8")
    assert PAGE == ROOT / "gx" / "README.md"
    assert with_tables(text, expectations_tables()) == text, "run python -m scripts.list_expectations --write"
    assert expectations_tables() in text


def test_every_report_stands_in_the_tables_of_results() -> None:
    tables = (("README.md", "what-a-run-leaves", ""), ("checks/README.md", "reports-for-ci", "report.md"))
    for page, section, elsewhere in tables:
        named = sections(ROOT / page)[section]
        assert [name for name in outputs.REPORTS.values() if f"`{name}`" not in named and name != elsewhere] == []
