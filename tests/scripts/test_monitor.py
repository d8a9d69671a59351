"""The monitor: what it takes for a complete delivery, that it judges each once, and that it stops cleanly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from checks.editions import Kind
from checks.gate.terms import Decision, Status
from checks.gate.verdict import Verdict
from checks.results import history
from checks.results.pseudonyms import SALT
from checks.results.retention import HISTORY
from checks.run import Run
from scripts import monitor, run_checkpoint
from scripts.job import reuse, settings
from tests import deliveries, verdicts
from tests.conftest import ROOT

DEADLINE = 240  # seconds, for a machine with much else to do; reached by no test that passes
SETTLE = 5.0


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture
def arrivals(incoming: Path) -> monitor.Arrivals:
    return monitor.Arrivals(incoming, incoming / "outputs", SETTLE)


def deliver(folder: Path, rating: str = "4.0") -> Path:
    """A clean delivery, unlike those with another first rating."""
    files = deliveries.whole()
    files["ratings"][1] = deliveries.put(files["ratings"][1], 2, rating)
    return deliveries.write(folder, files)


def grow(file: Path) -> None:
    with file.open("a") as opened:
        opened.write("4,4,4.0,1100000000\n")


def test_a_delivery_is_complete_when_it_has_not_changed_for_a_while(arrivals: monitor.Arrivals, incoming: Path) -> None:
    folder = deliver(incoming / "monday")
    assert arrivals.complete(now=0.0) == []
    grow(folder / "ratings.csv")
    assert arrivals.complete(now=SETTLE) == []
    assert arrivals.complete(now=2 * SETTLE - 0.1) == []
    assert arrivals.complete(now=2 * SETTLE) == [folder]


def test_a_file_that_joins_starts_the_wait_anew(arrivals: monitor.Arrivals, incoming: Path) -> None:
    folder = deliver(incoming / "monday")
    arrivals.complete(now=0.0)
    (folder / "links.csv.part").write_text("movieId")
    assert arrivals.complete(now=SETTLE) == []
    assert arrivals.complete(now=2 * SETTLE) == [folder]


def test_what_was_taken_is_offered_again_only_when_it_changed(arrivals: monitor.Arrivals, incoming: Path) -> None:
    folder = deliver(incoming / "monday")
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == [folder]
    arrivals.take(folder)
    assert arrivals.complete(now=10 * SETTLE) == []
    grow(folder / "ratings.csv")
    assert arrivals.complete(now=11 * SETTLE) == []
    assert arrivals.complete(now=12 * SETTLE) == [folder]


def test_what_was_put_off_comes_again_later(arrivals: monitor.Arrivals, incoming: Path) -> None:
    folder = deliver(incoming / "monday")
    arrivals.complete(now=0.0)
    arrivals.complete(now=SETTLE)
    arrivals.take(folder)
    arrivals.put_off(folder, now=SETTLE)
    assert arrivals.complete(now=SETTLE + monitor.RETRY_SECONDS) == []
    assert arrivals.complete(now=2 * SETTLE + monitor.RETRY_SECONDS) == [folder]


def test_a_marker_makes_a_delivery_complete_at_once(incoming: Path) -> None:
    arrivals = monitor.Arrivals(incoming, incoming / "outputs", SETTLE, marker="_SUCCESS")
    folder = deliver(incoming / "monday")
    assert arrivals.complete(now=10 * SETTLE) == []
    (folder / "_SUCCESS").touch()
    assert arrivals.complete(now=10 * SETTLE) == [folder]


def test_deliveries_come_in_the_order_in_which_they_arrived(arrivals: monitor.Arrivals, incoming: Path) -> None:
    for name, moment in (("b", 100), ("a", 200), ("c", 300)):
        for file in deliver(incoming / name).iterdir():
            os.utime(file, (moment, moment))
    arrivals.complete(now=0.0)
    assert [folder.name for folder in arrivals.complete(now=SETTLE)] == ["b", "a", "c"]


def test_files_in_the_watched_folder_itself_are_a_delivery(arrivals: monitor.Arrivals, incoming: Path) -> None:
    deliver(incoming)
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == [incoming]


def test_what_is_no_delivery_is_let_be(arrivals: monitor.Arrivals, incoming: Path) -> None:
    deliver(incoming / ".hidden")
    deliver(incoming / "outputs")
    (incoming / "empty").mkdir()
    (incoming / "other").mkdir()
    (incoming / "other" / "readme.txt").touch()
    (incoming / "loop").symlink_to(incoming / "loop")
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == []


@pytest.mark.parametrize("there", ["ml-latest-small.zip", "RATINGS.CSV", "movies_2026-w26.csv", "small/ratings.csv"])
def test_a_delivery_that_is_packed_or_misnamed_is_not_passed_over(
    arrivals: monitor.Arrivals, incoming: Path, there: str
) -> None:
    file = incoming / "monday" / there
    file.parent.mkdir(parents=True)
    file.touch()
    (incoming / "monday" / "__MACOSX").mkdir()
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == [incoming / "monday"]


def test_archives_beside_deliveries_and_a_store_of_old_ones_are_none(
    arrivals: monitor.Arrivals, incoming: Path
) -> None:
    folder = deliver(incoming / "monday")
    (incoming / "monday.zip").touch()
    for day in ("friday", "sunday"):
        deliver(incoming / "done" / day)
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == [folder]


def test_links_that_lead_nowhere_are_files_too(arrivals: monitor.Arrivals, incoming: Path) -> None:
    folder = deliver(incoming / "monday")
    (folder / "tags.csv").unlink()
    (folder / "tags.csv").symlink_to(folder / "tags.csv")
    arrivals.complete(now=0.0)
    assert arrivals.complete(now=SETTLE) == [folder]


def test_a_watched_folder_that_is_gone_for_a_while_holds_nothing(arrivals: monitor.Arrivals, incoming: Path) -> None:
    incoming.rmdir()
    assert arrivals.complete(now=0.0) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--watch", "/nowhere/at/all"], "is no folder"),
        (["--watch", ".", "--settle", "nan"], "is no number of seconds"),
        (["--watch", ".", "--settle", "-1"], "is no number of seconds"),
        (["--watch", ".", "--data", "x"], "are for one run"),
        (["--watch", ".", "--json"], "are for one run"),
        (["--watch", ".", "--unknown"], "unrecognized arguments"),
        ([], "--watch"),
    ],
)
def test_usage_errors_are_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = monitor.main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_help_needs_no_heavy_import() -> None:
    code = "import sys, scripts.monitor; print({'pandas', 'duckdb', 'great_expectations'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


class Watching:
    """A monitor in a process of its own, whose log is read line by line."""

    def __init__(self, incoming: Path, output: Path) -> None:
        command = [sys.executable, "-m", "scripts.monitor", "--watch", str(incoming), "--output", str(output)]
        self.process = subprocess.Popen(
            [*command, "--settle", "0.3"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.watchdog = threading.Timer(DEADLINE, self.process.kill)
        self.watchdog.start()
        self.line_with("Watching")

    def line_with(self, words: str) -> str:
        """The next line that holds `words`; the log ends with the process, at the deadline at the latest."""
        for line in self.process.stdout:
            if words in line:
                return line
        raise AssertionError(f"no line with {words!r}: {self.process.stderr.read()}")

    def stop(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out, error


@pytest.fixture
def watch(incoming: Path, tmp_path: Path) -> Iterator[Callable[[], Watching]]:
    started: list[Watching] = []

    def start() -> Watching:
        started.append(Watching(incoming, tmp_path / "out"))
        return started[-1]

    yield start
    for one in started:
        one.watchdog.cancel()
        one.process.kill()
        one.process.communicate()


@pytest.mark.slow
def test_deliveries_are_judged_as_they_arrive_and_each_once(
    watch: Callable[[], Watching], incoming: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    monday = deliver(incoming / "monday", "4.0")
    first = watch()
    verdict = first.line_with("monday: ")
    assert "judged before" not in verdict

    bad = incoming / "tuesday"  # two files claim one table: no run can judge it
    shutil.copytree(monday, incoming / ".coming")
    (incoming / ".coming" / "ratings.parquet").write_text("PAR1")
    (incoming / ".coming").rename(bad)
    assert "keep the one that is to be judged" in first.line_with("tuesday: ")

    shutil.copytree(monday, incoming / "monday again")
    assert "judged before" in first.line_with("monday again: ")

    deliver(incoming / "wednesday", "3.0")
    first.line_with("wednesday: ")
    kept = history.runs(output / HISTORY)
    assert [Path(folder).name for folder in kept["folder"]] == ["wednesday", "monday"]
    assert kept["run_id"].iloc[0] in (output / "data_docs" / "index.html").read_text()
    assert json.loads((output / "summary.json").read_text())["data"]["folder"].endswith("wednesday")

    code, _, error = first.stop(signal.SIGTERM)
    assert (code, error) == (0, "")

    second = watch()
    for name in ("monday", "wednesday"):
        assert "judged before" in second.line_with(f"{name}: ")
    code, out, error = second.stop(signal.SIGINT)
    assert code == 130
    assert "Traceback" not in out + error
    assert len(history.runs(output / HISTORY)) == 2


@pytest.mark.slow
def test_a_delivery_under_way_is_finished_before_it_stops(
    watch: Callable[[], Watching], incoming: Path, tmp_path: Path
) -> None:
    watching = watch()
    deliver(incoming / "monday")
    _until(lambda: any((tmp_path / "out").glob(".staging-*")))
    code, out, error = watching.stop(signal.SIGTERM)
    assert (code, error) == (0, "")
    assert "monday: " in out
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 1
    assert not list((tmp_path / "out").glob(".staging-*"))


@pytest.mark.slow
def test_once_judges_what_is_there_and_ends_with_the_worst_code(
    incoming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    deliver(incoming / "good")
    bad = deliver(incoming / "bad", "9.5")  # off the scale: a critical failure
    arguments = ["--watch", str(incoming), "--output", str(tmp_path / "out"), "--once", "--settle", "0"]
    assert monitor.main(arguments) == 1
    assert f"{bad}: FAIL" in capsys.readouterr().out
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 2
    assert monitor.main(arguments) == 1
    again = capsys.readouterr().out
    assert f"{bad}: was judged before: FAIL" in again
    assert "good: was judged before: PASS" in again
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 2
    shutil.rmtree(bad)
    assert monitor.main(arguments) == 0


@pytest.fixture
def once(incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of a monitor that judges what is there and ends, in this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return ["--watch", str(incoming), "--output", str(tmp_path / "out"), "--once", "--settle", "0"]


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--trusted-users", "missing.txt"], "--trusted-users missing.txt: can't be read"), (["--hash-users"], SALT)],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_is_judged(
    once: list[str],
    incoming: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    words: str,
) -> None:
    monkeypatch.delenv(SALT, raising=False)
    deliver(incoming / "monday")
    assert monitor.main([*once, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_log_that_nobody_reads_changes_no_exit_code(incoming: Path, tmp_path: Path) -> None:
    deliver(incoming / "monday")
    command = [sys.executable, "-m", "scripts.monitor", "--watch", str(incoming), "--output", str(tmp_path / "out")]
    with Path("/dev/full").open("w") as full:
        options = ["--once", "--settle", "0"]
        done = subprocess.run([*command, *options], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.stderr.startswith("The report could not be printed (No space left on device)")
    assert done.stderr.count("\n") == 1
    assert done.returncode == json.loads((tmp_path / "out" / "summary.json").read_text())["exit_code"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("incoming", "is the watched folder"),
        ("link", "is the watched folder"),
        (".", "where this run puts its results"),
    ],
)
def test_results_are_not_watched_for(
    once: list[str], incoming: Path, tmp_path: Path, output: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(incoming / "monday")
    watched = tmp_path / "validated"
    incoming.rename(watched)
    (tmp_path / "incoming").symlink_to(watched)
    (tmp_path / "link").symlink_to(watched)
    assert monitor.main([*once, "--watch", str(watched), "--output", str(tmp_path / output)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert [path.name for path in watched.iterdir()] == ["monday"]


@pytest.fixture
def watching(incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> monitor.Monitor:
    """A monitor of one delivery, monday, that is ready to be judged; the job is `judge_delivery`, to be replaced."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    deliver(incoming / "monday")
    settings = run_checkpoint.parser().parse_args(
        ["--output", str(tmp_path / "out"), "--trusted-users", str(tmp_path / "trusted.txt")]
    )
    (tmp_path / "trusted.txt").write_text("1")
    return monitor.Monitor(monitor.Arrivals(incoming, tmp_path / "out", 0.0), settings, monitor.Stop())


def judged_at(watching: monitor.Monitor, monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Let the monitor look at what is there at a moment of its clock."""
    with monkeypatch.context() as patch:
        patch.setattr(monitor.time, "monotonic", lambda: now)
        watching._judge_complete()


def passes(_: Namespace, folder: Path, *_rest: object) -> tuple[Run, Verdict]:
    run = verdicts.run(folder.parent, kind=Kind(True, "Judged as an increment."))
    return run, Verdict((verdicts.outcome(status=Status.PASSED, rows=()),))


def test_a_delivery_is_judged_once_a_file_that_a_setting_names_is_back(
    watching: monitor.Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_checkpoint, "judge_delivery", passes)
    (tmp_path / "trusted.txt").unlink()
    judged_at(watching, monkeypatch, 0.0)
    assert f"--trusted-users {tmp_path / 'trusted.txt'}: can't be read" in capsys.readouterr().out
    assert (watching.judged, watching.exit_codes) == (0, [2])
    (tmp_path / "trusted.txt").write_text("1")
    judged_at(watching, monkeypatch, monitor.RETRY_SECONDS)
    assert "monday: PASS  Every expectation holds. Judged as an increment." in capsys.readouterr().out
    assert (watching.judged, watching.exit_codes) == (1, [2, 0])


@pytest.mark.parametrize(
    ("file", "again"), [("monday/ratings.csv", False), ("monday", False), ("monday/deeper/x", True), ("out/x", True)]
)
def test_a_fault_of_the_system_is_tried_again_unless_it_is_of_the_delivery(
    watching: monitor.Monitor,
    incoming: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    again: bool,
) -> None:
    def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(incoming / file))

    monkeypatch.setattr(run_checkpoint, "judge_delivery", fails)
    judged_at(watching, monkeypatch, 0.0)
    assert f"{incoming / file}: Permission denied; " in capsys.readouterr().out
    monkeypatch.setattr(run_checkpoint, "judge_delivery", passes)
    judged_at(watching, monkeypatch, monitor.RETRY_SECONDS)
    assert watching.judged == again


def test_what_nobody_names_is_tried_again(watching: monitor.Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(run_checkpoint, "judge_delivery", fails)
    judged_at(watching, monkeypatch, 0.0)
    monkeypatch.setattr(run_checkpoint, "judge_delivery", passes)
    judged_at(watching, monkeypatch, monitor.RETRY_SECONDS)
    assert watching.exit_codes == [2, 0]


@pytest.mark.parametrize(("place", "said"), [("_committed", "the last ones are"), ("_announce", "new results stand.")])
def test_a_second_signal_says_how_results_are_left(
    once: list[str],
    incoming: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    said: str,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    deliver(incoming / "monday")
    monkeypatch.setattr(f"checks.results.outputs.{place}", interrupted)
    assert monitor.main(once) == 130
    assert said in capsys.readouterr().out


def test_once_with_nothing_to_judge_is_no_success(once: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor.main(once) == 2
    assert "nothing was judged" in capsys.readouterr().out


@pytest.mark.slow
def test_what_could_not_be_judged_is_judged_again(
    once: list[str], incoming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deliveries.write(incoming / "tiny", deliveries.clean())  # too few users to judge: undetermined
    for runs in (1, 2):
        assert monitor.main(once) == 2
        assert len(history.runs(tmp_path / "out" / HISTORY)) == runs
    assert "judged before" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_verdict_is_not_taken_over_once_the_newest_rating_is_too_old(
    once: list[str], incoming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, now = deliveries.whole(), int(time.time())
    newest = max(int(line.split(",")[3]) for line in files["ratings"][1:])
    age, limit = now - newest, (now - newest) // 86_400 + 1  # young enough, for less than a day
    deliveries.write(incoming / "monday", files)
    arguments = [*once, "--max-age", str(limit)]
    assert monitor.main(arguments) == 0
    assert monitor.main(arguments) == 0
    assert "monday: was judged before: PASS" in capsys.readouterr().out
    kept = history.runs(tmp_path / "out" / HISTORY).iloc[0]
    stands = partial(history.decision, tmp_path / "out" / HISTORY, kept["fingerprint"], kept["judged_by"], limit)
    last_moment = datetime.fromtimestamp(newest, UTC) + timedelta(days=limit)
    assert (stands(last_moment), stands(last_moment + timedelta(seconds=1))) == (Decision.PASS, None)
    assert age < limit * 86_400
    monkeypatch.setattr(history, "fresh_until", lambda *_: datetime.now(UTC) - timedelta(seconds=1))
    assert monitor.main(arguments) == 0  # judged anew, and still young enough today
    assert "judged before" not in capsys.readouterr().out
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 2


@pytest.mark.slow
def test_a_verdict_of_another_program_is_not_taken_over(
    once: list[str], incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(incoming / "monday")
    assert monitor.main(once) == 0
    mine = reuse.program("duckdb")
    monkeypatch.setattr(reuse, "program", lambda _engine: mine | {"versions": {"duckdb": "0.1"}})
    assert monitor.main(once) == 0
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 2
    assert monitor.main(once) == 0
    assert len(history.runs(tmp_path / "out" / HISTORY)) == 2


def test_what_counts_as_judged_before_is_data_rules_settings_program_and_expired_waivers(tmp_path: Path) -> None:
    (tmp_path / "expectations").mkdir()
    rule = tmp_path / "expectations" / "ratings.json"
    rule.write_text("{}")
    critical, program = {"fail_on": "critical"}, {"program": "ab", "versions": {"duckdb": "1"}}
    plain = history.judged_by(critical, [], program, tmp_path)
    assert history.judged_by(critical, [verdicts.waiver()], program, tmp_path) == plain
    assert history.judged_by({"fail_on": "warning"}, [], program, tmp_path) != plain
    assert history.judged_by(critical, [verdicts.waiver(expired=True)], program, tmp_path) != plain
    assert history.judged_by(critical, [], program | {"versions": {"duckdb": "2"}}, tmp_path) != plain
    rule.write_text("{ }")
    assert history.judged_by(critical, [], program, tmp_path) != plain


def test_settings_are_recorded_with_the_content_of_the_files_they_name(tmp_path: Path) -> None:
    reference = deliveries.write(tmp_path / "reference", deliveries.clean())
    trusted = tmp_path / "trusted.txt"
    trusted.write_text("1")

    def recorded() -> dict[str, object]:
        options = ["--reference", str(reference), "--trusted-users", str(trusted), "--fail-on", "info"]
        return settings.recorded(run_checkpoint.parser().parse_args(options))

    before = recorded()
    assert before["fail_on"] == "info"
    assert set(before["reference"]) == {"ratings.csv", "movies.csv", "tags.csv", "links.csv"}
    trusted.write_text("2")
    grow(reference / "ratings.csv")
    after = recorded()
    assert [name for name in after if after[name] != before[name]] == ["reference", "trusted_users"]


def test_of_the_settings_that_part_time_only_what_decided_is_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = deliveries.write(tmp_path / "reference", deliveries.clean())

    def recorded(*options: str) -> tuple[object, object]:
        found = settings.recorded(run_checkpoint.parser().parse_args(options))
        return found["split"], found["since"]

    assert recorded() == (0.8, None)
    assert recorded("--split", "0.5") == (0.5, None)
    assert recorded("--since", "2018-01-01") == (None, "2018-01-01")
    assert recorded("--reference", str(reference)) == (None, None)
    with pytest.raises(SystemExit, match="2"):
        recorded("--split", "0.8", "--since", "2018-01-01")
    assert "not allowed with argument --split" in capsys.readouterr().err


def _until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, asking again and again until the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
