"""A run never replaces what it reads, nor what this program did not write; what an earlier run left it may."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pytest

from checks.results import outputs
from checks.results.outputs import OutputError
from checks.results.retention import HISTORY
from scripts import demo_failure, run_checkpoint
from scripts.job import places
from tests import deliveries

SUMMARY = '{"schema_version": 1, "verdict": "pass"}'  # as of the first release on


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with what an earlier run left."""
    folder = tmp_path / "out"
    for name in ("quarantine", "validated"):
        deliveries.write(folder / name, deliveries.whole())
    (folder / places.SUMMARY).write_text(SUMMARY)
    return folder


def settings(out: Path, *options: str) -> argparse.Namespace:
    return run_checkpoint.parser().parse_args(["--output", str(out), *options])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def answer(data: Path, out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The sentence with which a run is refused; nothing may have been changed."""
    before = content(out)
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert content(out) | {outputs.LOCK: b""} == before | {outputs.LOCK: b""}
    return captured.err


@pytest.mark.parametrize("name", ["quarantine", "validated"])
def test_a_delivery_in_the_results_place_is_not_replaced(
    out: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer(out / name, out, capsys)
    assert said.startswith(f"--data {out / name}: is read from {out / name}, where this run puts its results; choose")


def test_a_reference_and_trusted_users_among_the_results_are_not_replaced(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = deliveries.write(tmp_path / "data", deliveries.whole())
    (out / "quarantine" / "trusted.txt").write_text("1\n")
    assert "--reference" in answer(data, out, capsys, "--reference", str(out / "validated"))
    assert "--trusted-users" in answer(data, out, capsys, "--trusted-users", str(out / "quarantine" / "trusted.txt"))


def test_links_do_not_hide_where_a_delivery_is(out: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(out / "validated")
    (tmp_path / "other").symlink_to(out)
    deliveries.write(tmp_path / "data", deliveries.clean())
    (tmp_path / "data" / "ratings.csv").unlink()
    (tmp_path / "data" / "ratings.csv").symlink_to(out / "validated" / "ratings.csv")
    for given in (tmp_path / "link", tmp_path / "other" / "validated", tmp_path / "data"):
        with pytest.raises(OutputError, match="where this run puts its results"):
            places.check_inputs(settings(out), given)
    with pytest.raises(OutputError):
        places.check_inputs(settings(tmp_path / "other"), out / "validated" / ".." / "validated")


def test_a_delivery_beside_the_results_is_judged(out: Path, tmp_path: Path) -> None:
    deliveries.write(out, deliveries.whole())
    before = content(out)
    assert run_checkpoint.main(["--data", str(out), "--output", str(out), "--quiet"]) == 0
    assert run_checkpoint.main(["--data", str(out), "--output", str(out), "--quiet"]) == 0
    after = content(out)
    assert {name: after[name] for name in before if name.endswith(".csv") and "/" not in name} == {
        name: text for name, text in before.items() if name.endswith(".csv") and "/" not in name
    }
    for elsewhere in (out / "sample", tmp_path / "validated", out / "validated_by_hand"):
        elsewhere.mkdir()
        places.check_inputs(settings(out, "--reference", str(elsewhere)), elsewhere)
    places.check_inputs(settings(out / "ratings"), out)  # DuckDB takes a file of this name, not what is in a folder


SPARK = ("--engine", "spark")


@pytest.mark.parametrize("pattern", ["*", "valid*", "{day,quarantine}", "validated/2024-*", "[^a]alidated", "*/*"])
def test_a_pattern_that_may_match_results_is_refused_even_before_there_are_any(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(OutputError, match="where this run puts its results"):
        places.check_inputs(settings(tmp_path / "out", *SPARK), tmp_path / "out" / pattern)


@pytest.mark.parametrize("pattern", ["day-*", "{day,week}/*", "[^v]*ed/x"])
def test_other_patterns_and_addresses_elsewhere_are_taken(tmp_path: Path, pattern: str) -> None:
    places.check_inputs(settings(tmp_path / "out", *SPARK), tmp_path / "out" / pattern)
    there = settings(Path("out"), *SPARK, "--data", "s3a://bucket/out/validated", "--reference", "hdfs://host/out")
    places.check_inputs(there, there.data)


def test_a_folder_of_parts_that_results_would_lie_in_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings").mkdir()
    with pytest.raises(OutputError, match="ratings"):
        places.check_inputs(settings(tmp_path / "ratings" / "out", *SPARK), tmp_path)
    places.check_inputs(settings(tmp_path, *SPARK), tmp_path)


def test_the_demonstration_does_not_replace_what_it_breaks_copies_of(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(out)
    assert demo_failure.main(["--data", str(out / "quarantine"), "--output", str(out)]) == 2
    assert "where this run puts its results" in capsys.readouterr().err
    assert content(out) == before


@pytest.mark.parametrize("name", ["validated/mine.parquet", "data_docs/index.html", "report.md", "junit.xml"])
def test_what_others_wrote_is_not_replaced(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = deliveries.write(tmp_path / "data", deliveries.whole()), tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text('{"verdict": "guilty"}')
    for _ in range(2):  # what the first attempt leaves, its lock, makes nothing ours
        said = answer(data, out, capsys)
        assert f"out/{name.partition('/')[0]}: was not written by this program" in said


@pytest.mark.parametrize(("name", "is_folder"), [("report.md", True), (HISTORY, True), ("validated", False)])
def test_what_no_run_makes_is_not_replaced_beside_an_earlier_runs_results_either(
    out: Path, name: str, is_folder: bool
) -> None:
    shutil.rmtree(out / "validated")
    mine = out / name / "mine" if is_folder else out / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(OutputError, match=name):
        places.check_ours(out)


def test_an_earlier_runs_results_are_replaced_and_empty_places_taken(out: Path, tmp_path: Path) -> None:
    places.check_ours(out)  # by its summary
    (out / places.SUMMARY).replace(out / HISTORY)
    places.check_ours(out)  # a CI job may keep the history alone, or the user throw the summary away
    (tmp_path / "new" / "validated").mkdir(parents=True)
    (tmp_path / "new" / "report.md").touch()
    places.check_ours(tmp_path / "new")


def test_pages_of_earlier_runs_are_ours_where_nothing_else_was_kept(out: Path, tmp_path: Path) -> None:
    for place in out.iterdir():
        if place.name != "data_docs":
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    places.check_ours(out)


def test_a_first_run_that_was_killed_while_it_published_locks_nobody_out(tmp_path: Path) -> None:
    data, out = deliveries.write(tmp_path / "data", deliveries.whole()), tmp_path / "out"
    half = out / f"{outputs.READY}killed"
    deliveries.write(half, {})
    (half / places.SUMMARY).write_text(SUMMARY)
    (out / "data_docs" / "runs").mkdir(parents=True)  # which was in its place already
    (out / "data_docs" / "index.html").write_text("half")
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet"]) == 0


def test_a_lock_of_somebody_elses_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / outputs.LOCK).write_text("theirs")
    with outputs.staged(tmp_path):
        pass
    assert (tmp_path / outputs.LOCK).read_text() == "theirs"


def test_every_result_that_a_run_writes_is_known(tmp_path: Path) -> None:
    data, out = deliveries.write(tmp_path / "data", deliveries.whole()), tmp_path / "out"
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet", "--trends", "year"]) == 0
    written = {path.name for path in out.iterdir()} - {outputs.LOCK}
    assert written == set(places.REPLACED)
    assert {path.name for path in out.iterdir() if path.is_dir()} == set(places.FOLDERS)


def test_every_report_of_the_checkpoint_has_a_name_that_is_guarded() -> None:
    from checks import actions

    reports = {kind.__fields__["type"].default for kind in actions.ReportAction.__subclasses__()}
    assert reports | {"markdown_report"} == set(outputs.REPORTS)
    assert set(outputs.REPORTS.values()) <= set(places.RESULTS)
