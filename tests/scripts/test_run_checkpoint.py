"""The main job, as a user runs it: exit code, what is printed, what is written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from checks.gate.verdict import Verdict
from checks.reports.summary import summary
from checks.results import quarantine
from checks.run import Run
from scripts import run_checkpoint, simulate_data
from scripts.job.progress import silence
from scripts.simulation.folder import whole_folder
from tests import deliveries, verdicts


@pytest.fixture
def published(movielens_small: Path, tmp_path: Path) -> Path:
    """A copy of the published files that a test may break."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    for file in movielens_small.glob("*.csv"):
        shutil.copyfile(file, folder / file.name)
    return folder


def run(folder: Path, output: Path, *options: str) -> int:
    return run_checkpoint.main(["--data", str(folder), "--output", str(output), *options])


def edit(file: Path, line: int, old: str, new: str) -> None:
    lines = file.read_text(encoding="utf-8").split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    file.write_text("\n".join(lines), encoding="utf-8")


def test_published_data_pass_with_the_warnings_they_deserve(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(published, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    for warning in ("ends in its year", "begins or ends with a blank", "A title stands in movies once", "`tmdbId`"):
        assert warning in printed
    assert "movies.csv:6061  title 'Babylon 5'" in printed
    assert "Verdict: PASS" in printed


def test_of_two_runs_that_make_the_sample_at_once_the_loser_takes_the_winners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(folder: Path) -> None:
        with whole_folder(folder) as mine:
            deliveries.write(mine, {"ratings": ["the loser's"]})
            deliveries.write(folder, {"ratings": ["the winner's"]})  # the other run, which was a little faster

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(simulate_data, "simulate", lose)
    folder, simulated = run_checkpoint.delivery(None, tmp_path / "out", silence())
    assert (folder, simulated) == (tmp_path / "out" / "sample", True)
    assert (folder / "ratings.csv").read_text() == "the winner's\n"
    assert list((tmp_path / "out").iterdir()) == [folder]


def test_a_sample_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").touch()
    monkeypatch.chdir(tmp_path)
    assert run_checkpoint.main(["--output", "out", "--quiet"]) == 2
    assert capsys.readouterr().err == "out/sample: can't be made (Not a directory); choose another --output.\n"


def test_a_package_that_is_not_installed_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "checks.reports.console", None)  # as where `rich` is missing
    assert run_checkpoint.main([]) == 2
    assert "pip install -r requirements.txt" in capsys.readouterr().err


def test_bad_rating_and_missing_film_fail_with_file_and_line(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(published / "ratings.csv", 1000, "7,30812,3.5,", "7,30812,7.5,")
    edit(published / "movies.csv", 2, "1,Toy Story (1995)", "193611,Toy Story (1995)")
    assert run(published, tmp_path / "out") == 1
    printed = capsys.readouterr().out
    assert "ratings.csv:1000" in printed
    assert "rating 7.5" in printed
    assert "Every rated film is in movies" in printed
    assert "ratings.csv:2 " in printed
    assert "Verdict: FAIL" in printed


@pytest.mark.parametrize(("name", "line"), [("ratings.parquet", 2401), ("ratings.csv.gz", 2402)])
def test_findings_about_users_name_the_file_that_was_delivered(
    name: str, line: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, data, out = deliveries.whole(), tmp_path / "data", tmp_path / "out"
    files["ratings"] += [f"500,{line.partition(',')[0]},5.0,1100000000" for line in files["movies"][1:60]]  # a robot
    frame = pd.read_csv(deliveries.write(data, files) / "ratings.csv")
    (data / "ratings.csv").unlink()
    if name.endswith("parquet"):
        frame.to_parquet(data / name)
    else:
        frame.to_csv(data / name, index=False)
    assert run(data, out) == 0
    place = f"{name}:{line}"
    assert f"{place}  userId 500" in capsys.readouterr().out
    assert place in (out / "report.md").read_text()
    assert any(place in page.read_text() for page in (out / "data_docs").rglob("*.html"))
    artifact = json.dumps({"artifactLocation": {"uri": name, "uriBaseId": "DATA"}, "region": {"startLine": line}})
    assert artifact in json.dumps(json.loads((out / "results.sarif").read_text()))
    told = [path for path in out.rglob("*.*") if path.suffix in (".html", ".md", ".sarif", ".xml")]
    assert not [path for path in told if "ratings.csv:" in path.read_text()]


def test_a_memory_limit_holds_for_every_connection_and_changes_no_verdict(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []

    def part(
        verdict: Verdict, under_way: Run, execute: quarantine.Execute, compression: str
    ) -> list[quarantine.Counts]:
        limits.append(execute("select current_setting('memory_limit')")[0][0])
        return original(verdict, under_way, execute, compression)

    original = quarantine.part
    monkeypatch.setattr(quarantine, "part", part)
    assert run(published, tmp_path / "out", "--memory-limit", "2GB") == 0
    assert limits == ["476.8 MiB"]  # 500 MB, a quarter


def test_renamed_column_fails_and_is_named(published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(published / "ratings.csv", 1, "rating", "stars")
    assert run(published, tmp_path / "out") == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "Found: rating missing; stars not expected (it has userId, movieId, stars, timestamp)." in told
    assert "expectations of drift_findings, movies, ratings, user_anomalies could not be judged. It could" in told
    assert "not be judged: ratings.csv has no column rating." in told


def test_absent_ratings_are_undetermined_and_named(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (published / "ratings.csv").unlink()
    assert run(published, tmp_path / "out") == 2
    out = capsys.readouterr().out
    assert f"ratings.csv is not in {published}" in out
    suites = "drift_findings, movies, ratings, tags, user_anomalies"
    assert re.search(
        rf"[0-9]+ expectations of {suites} could not be judged. It could not be judged: ratings.csv is",
        " ".join(out.split()),
    )


def test_a_reference_that_lacks_a_column_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = deliveries.whole()
    folder = deliveries.write(tmp_path / "data", files)
    files["ratings"][0] = files["ratings"][0].replace("timestamp", "time")
    reference = deliveries.write(tmp_path / "reference", files)
    assert run(folder, tmp_path / "out", "--reference", str(reference)) == 2
    told = f"--reference {reference}: can't be compared with, as ratings.csv has no column timestamp."
    assert told in " ".join(capsys.readouterr().err.split())


def test_json_is_the_summary_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = deliveries.whole()
    files["ratings"][4] = deliveries.put(files["ratings"][4], 2, "9.0")
    folder = deliveries.write(tmp_path / "data", files)
    assert run(folder, tmp_path / "out", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert printed["verdict"] == "fail"
    assert {"load", "anomaly", "drift", "suites", "data_docs", "receipt"} < set(printed["phases"])
    failed = [one for one in printed["expectations"] if (one["suite"], one["status"]) == ("ratings", "failed")]
    assert [row["line"] for one in failed for row in one["rows"]] == [5]


def test_quiet_prints_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.whole())
    assert run(folder, tmp_path / "out", "--quiet") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("PASS: Nothing critical failed")
    assert captured.out.count("\n") == 1
    assert captured.err == ""


def test_quiet_tells_what_kept_a_delivery_from_being_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = deliveries.whole()
    del files["tags"]
    folder = deliveries.write(tmp_path / "data", files)
    assert run(folder, tmp_path / "out", "--quiet") == 2
    said = capsys.readouterr().out
    assert said.startswith(f"UNDETERMINED: tags.csv is not in {folder}. ")
    assert said.endswith(" expectations of tags could not be judged.\n")


def test_fail_on_warning_tightens_the_gate(tmp_path: Path) -> None:
    files = deliveries.whole()
    files["links"][1] = deliveries.put(files["links"][1], 2, "")
    folder = deliveries.write(tmp_path / "data", files)
    assert run(folder, tmp_path / "out", "--quiet") == 0
    assert run(folder, tmp_path / "out", "--quiet", "--fail-on", "warning") == 1


def test_summary_statistics_describe_every_column(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.whole())
    run(folder, tmp_path / "out", "--quiet")
    table = pd.read_csv(tmp_path / "out" / "summary_statistics.csv").set_index(["table", "column"])
    rating = table.loc[("ratings", "rating")]
    ratings = [float(line.split(",")[2]) for line in deliveries.whole()["ratings"][1:]]
    series = pd.Series(ratings)
    assert rating["rows"] == len(ratings)
    assert rating["nulls"] == 0
    assert rating["distinct"] == series.nunique()
    assert float(rating["mean"]) == pytest.approx(series.mean())
    assert float(rating["standard_deviation"]) == pytest.approx(series.std())
    assert float(rating["first_quartile"]) == pytest.approx(series.quantile(0.25))
    assert len(table) == 14


def test_mistakes_are_answered_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", tmp_path / "out") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{tmp_path / 'nowhere'}: is no folder")
    assert run_checkpoint.main(["--data", "s3://bucket/x", "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("s3://bucket/x: is an address, which only Spark reads;")
    (tmp_path / "file").write_text("")
    assert run(tmp_path, tmp_path / "file" / "out") == 2
    assert "choose another --output" in capsys.readouterr().err


def test_data_can_not_speak_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = deliveries.whole()
    files["movies"][5] = f"{files['movies'][5].split(',')[0]},\x1b[2J[bold]Film[/bold],Drama"
    run(deliveries.write(tmp_path / "data", files), tmp_path / "out")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[bold]Film[/bold]" in printed


def test_what_a_folder_is_called_moves_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "no\x1b[2Jwhere", tmp_path / "out") == 2
    folder = deliveries.write(tmp_path / "some\x1b[2Jwhere", deliveries.clean())
    assert run(folder, tmp_path / "out") == 2
    captured = capsys.readouterr()
    assert "no\N{REPLACEMENT CHARACTER}[2Jwhere" in captured.err
    assert "Judged" in captured.out
    assert "\x1b" not in captured.out + captured.err


def test_what_was_not_evaluated_is_not_counted_as_evaluated(tmp_path: Path) -> None:
    counts = summary(verdicts.every_kind(), verdicts.run(tmp_path))["suites"]["ratings"]
    assert (counts["declared"], counts["evaluated"], counts["undetermined"]) == (8, 6, 1)


def test_one_missing_file_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = deliveries.clean()
    run(deliveries.write(tmp_path / "whole", files), tmp_path / "out")
    capsys.readouterr()
    del files["tags"]
    assert run(deliveries.write(tmp_path / "data", files), tmp_path / "out") == 2
    printed = capsys.readouterr().out
    assert printed.count(f"tags.csv is not in {tmp_path / 'data'}") == 1
    new = [line for line in (tmp_path / "out" / "report.md").read_text().splitlines() if line.startswith("- New:")]
    assert [bool(re.search(r"tags: \d+ expectations of tags", line)) for line in new] == [True]
    told = r"NOT JUDGED  tags: \d+ expectations of tags could not be judged\.\n.+\n    What to do: Mend the cause"
    assert re.search(told, printed)


def test_users_and_drift_of_no_rating_at_all_are_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dates in words: no rating can be read, which says nothing of users, age or drift, and is told first."""
    files = deliveries.clean()
    files["ratings"] = [files["ratings"][0], *[deliveries.put(one, 3, "2004-11-09") for one in files["ratings"][1:]]]
    assert run(deliveries.write(tmp_path / "data", files), tmp_path / "out") == 1
    printed = capsys.readouterr().out
    critical = re.findall("CRITICAL  ([a-z_]+: .*)", printed)
    assert critical[0].startswith("rejected_rows: Every value")
    assert not any(one.startswith(("user_anomalies", "ratings: The newest rating")) for one in critical)
    assert printed.count("It could not be judged: no row of ratings.csv could be read.") == 1
    assert re.search("Are the users honest?.+undetermined", printed)


PUBLISHING, STAND = "Interrupted; new results were being put in place", "Interrupted; the new results stand.\n"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("checks.checkpoint.run_checkpoint", "Interrupted; the last results are as they were.\n"),
        ("checks.results.outputs._committed", PUBLISHING),
        ("checks.results.outputs._remove_outdated", PUBLISHING),
        ("checks.results.outputs._announce", STAND),
        ("scripts.run_checkpoint._report", STAND),
        ("checks.reports.console.print_verdict", STAND),
    ],
)
def test_an_interruption_says_how_results_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, said: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    assert run(folder, tmp_path / "out") == 130
    assert said in capsys.readouterr().err
    assert (tmp_path / "out" / "summary.json").is_file() is (said == STAND)
