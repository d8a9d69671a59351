"""The bench: its arithmetic, that whoever is timed really judges, and that a crash is no time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import bench
from scripts.benching import contest, figures, process, report, rules
from scripts.benching.contest import CONTESTANTS, Contestant, ContestError, Measurement, hold
from scripts.benching.figures import Results
from tests import deliveries
from tests.conftest import ROOT

QUERY = next(one for one in CONTESTANTS if one.name == "query")
CRASHES = Contestant("crashes", "scripts.benching.there_is_no_such_module", (), "ends with 1")
BOUGHT_BYTES = 60_000_000


def measured(contestant: str, ratings: int, wall: float, gigabytes: float = 1.0, **rest: object) -> Measurement:
    return replace(Measurement(contestant, ratings, 10, 1, wall, wall, int(gigabytes * 1e9)), **rest)


def test_processors_are_counted_where_the_system_does_not_tell_which_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5})
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert report.machine()["processors"] == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert report.machine()["processors"] == 8


def test_ratio_is_the_median_of_the_rounds_of_both() -> None:
    job = [measured("job", 100, wall, round=n) for n, wall in enumerate([10.0, 30.0, 8.0], start=1)]
    plain = [measured("plain", 100, wall, round=n) for n, wall in enumerate([20.0, 60.0, 10.0, 1.0], start=1)]
    results = Results([*job, *plain, measured("plain", 999, 1.0)])
    assert results.ratio(figures.wall, "job", "plain", 100) == 0.5
    assert results.ratio(figures.wall, "job", "plain", 999) is None
    assert [(row["contestant"], row["rounds"], row["wall_seconds"]) for row in figures.medians(job + plain)] == [
        ("job", 3, 10.0),
        ("plain", 4, 15.0),
    ]


def test_goals_are_reached_missed_or_not_measured() -> None:
    large = 32_000_000
    found = figures.goals(
        Results(
            [
                measured("job", large, 20.0, 2.0),
                measured("gx-pandas", large, 20.0, 1.0),
                measured("checks", 10_000_000, 9.0, phases={"import": 3.0, "load": 4.0, "checks": 1.0}),
                measured("query", 10_000_000, 2.5, phases={"import": 0.1, "load and checks": 2.5}),
                measured("job", 100_000, 4.0, 0.5, phases={"import of Great Expectations": 0.25, "load": 0.5}),
                measured("gx-import", 100_000, 3.0, phases={"import": 2.75}),
            ]
        )
    )
    told = {goal.text: (goal.figure, goal.verdict) for goal in found}
    assert told["job / gx-pandas, time, at 32m"] == (1.0, "reached")
    assert told["job / gx-pandas, memory, at 32m"] == (2.0, "missed")
    assert told["job / plain, time, at 32m"] == (None, "not measured")
    assert told["checks, load included, / query by hand, after imports, at 10m"] == (2.0, "missed")
    assert told["job but for GX's import, seconds, at 100k"] == (1.25, "reached")
    assert told["growth of the job's memory / growth of the data, from the smallest size"][0] == (2.0 / 0.5) / 320
    assert len(found) == len(told) == 15


@pytest.mark.parametrize("names", [("job", "gx-pandas"), ("gx-import",)], ids=["with the job", "without it"])
def test_whoever_took_part_is_plotted(names: tuple[str, ...]) -> None:
    found = [measured(name, n, 2.0, phases={"load": 0.5}) for name in names for n in (100, 1_000)]
    assert report.plot(Results(found)).startswith(b"\x89PNG")


def test_cost_of_a_further_rating_leaves_fixed_costs_out() -> None:
    straight = [measured("job", n * 1_000_000, 5.0 + n, 0.5 + n / 10) for n in (1, 11, 31)]
    bent = [*straight[:2], measured("job", 31_000_000, 76.0)]
    name = "cost of a further rating, the last two sizes / the two before"
    told = [{goal.text: goal for goal in figures.goals(Results(of))}[name] for of in (straight, bent)]
    assert [(goal.figure, goal.verdict) for goal in told] == [(1.0, "reached"), (3.0, "missed")]
    line = figures.growth(Results(straight))
    assert line is not None
    assert line["wall_seconds"] == pytest.approx({"at_none": 5.0, "a_million_more": 1.0, "at_a_billion": 1005.0})
    assert line["peak_bytes"]["at_a_billion"] == pytest.approx(100.5e9)
    assert figures.growth(Results(straight[:1])) is None


def test_memory_is_that_of_all_processes_together() -> None:
    child = f"held = bytearray({BOUGHT_BYTES}); print('held', flush=True); input()"
    parent = f"""import subprocess, sys, time
held = bytearray({BOUGHT_BYTES})
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdin=-1, stdout=-1)
child.stdout.readline()
time.sleep(0.5)  # both hold their memory for many samples
child.communicate(b"\\n")"""
    usage = process.measure([sys.executable, "-c", parent], ROOT, dict(os.environ), patience=60)
    assert usage.exit_code == 0, usage.stderr
    assert usage.peak_bytes > 2 * BOUGHT_BYTES
    assert usage.cpu_seconds > 0
    assert usage.wall_seconds >= 0.5


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell what is shared")
def test_memory_that_processes_share_counts_once() -> None:
    parent = f"""import os, time
held = bytearray({5 * BOUGHT_BYTES})
child = os.fork()
time.sleep(0.5)
if child:
    os.wait()"""
    # Measured from a small process: what the kernel counts for a command begins with what its parent held.
    code = f"""import os, sys
from pathlib import Path
from scripts.benching.process import measure
usage = measure([sys.executable, "-c", {parent!r}], Path(), dict(os.environ), patience=60)
print(usage.exit_code, usage.peak_bytes)"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    exit_code, peak_bytes = map(int, done.stdout.split())
    assert exit_code == 0
    assert 5 * BOUGHT_BYTES < peak_bytes < 8 * BOUGHT_BYTES


def test_who_takes_too_long_is_ended() -> None:
    usage = process.measure([sys.executable, "-c", "import time; time.sleep(60)"], ROOT, {}, patience=0.2)
    assert usage.exit_code == -9


def test_limits_are_those_of_the_suite() -> None:
    limits = rules.limits()
    assert set(limits.columns) == {"userId", "movieId", "rating", "timestamp"}
    assert limits.levels == tuple(level / 2 for level in range(1, 11))
    assert limits.half_levels == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert (limits.least_rows, limits.earliest, limits.half_stars_since) == (20, 789_609_600, 1_044_057_600)
    with pytest.raises(ValueError, match="none of the thirteen"):
        rules.Account().judge("spelling", True)


def planted(folder: Path) -> Path:
    """A delivery with four faults of ratings: off the scale, no user, an id below one, and a doubled row."""
    files = deliveries.whole()
    files["ratings"][2] = deliveries.put(files["ratings"][2], 2, "7.0")
    files["ratings"][3] = deliveries.put(files["ratings"][3], 2, "")
    files["ratings"][4] = deliveries.put(files["ratings"][4], 1, "0")
    files["ratings"].append(files["ratings"][-1])
    return deliveries.write(folder, files)


FAULTS = {"rating on the scale", "rating given", "movieId positive", "rated once"}


def test_query_finds_each_planted_fault(tmp_path: Path) -> None:
    assert set(hold(QUERY, planted(tmp_path)).failed) == FAULTS


def named(name: str) -> Contestant:
    (contestant,) = (one for one in CONTESTANTS if one.name == name)
    return contestant


@pytest.mark.slow
@pytest.mark.parametrize("contestant", [one for one in CONTESTANTS if one.checks], ids=lambda one: one.name)
def test_every_contestant_finds_each_planted_fault(contestant: Contestant, tmp_path: Path) -> None:
    unseen = {"rated once"} if contestant.name == "query-no-unique" else set()
    assert set(hold(contestant, planted(tmp_path)).failed) == FAULTS - unseen


@pytest.mark.slow
def test_the_second_run_is_measured_without_what_it_takes_over(tmp_path: Path) -> None:
    data = planted(tmp_path)
    first, second = (hold(named(name), data) for name in ("job", "job-again"))
    assert {"anomaly", "suites"} <= first.phases.keys()
    assert "suites" in second.phases
    assert "anomaly" not in second.phases


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gx-import", "gx-import-bare"])
def test_an_import_alone_is_timed_and_judges_nothing(name: str, tmp_path: Path) -> None:
    alone = named(name)
    measured = hold(alone, tmp_path)
    assert (alone.checks, measured.failed) == (0, ())
    assert 0 < measured.phases["import"] < measured.wall_seconds


@pytest.mark.slow
@pytest.mark.parametrize("peer", contest.PEERS, ids=lambda one: one.name)
def test_every_peer_finds_each_planted_fault(peer: Contestant, tmp_path: Path) -> None:
    """With MOVIELENS_PEERS naming an interpreter that has requirements-bench.txt."""
    python = os.environ.get("MOVIELENS_PEERS", sys.executable)
    if not next(there for _, there in contest.ready([peer], python)):
        pytest.skip(f"{python} has no {peer.needs} (requirements-bench.txt)")
    unseen = {"rated once"} if peer.name == "evidently" else set()
    assert set(hold(peer, planted(tmp_path / "bad"), python).failed) == FAULTS - unseen
    assert hold(peer, deliveries.write(tmp_path / "good", deliveries.whole()), python).failed == ()


def test_fewer_checks_than_all_are_no_time(tmp_path: Path) -> None:
    unjust = replace(QUERY, arguments=("DATA", "--without-uniqueness"))
    with pytest.raises(ContestError, match="query made 12 of its 13 checks"):
        hold(unjust, deliveries.write(tmp_path, deliveries.whole()))


def test_crash_is_said_and_is_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contest, "CONTESTANTS", (CRASHES, QUERY))
    settings = ["--ratings", "--users", "60", "--users-at", "2400", "--rounds", "2", "--output", str(tmp_path)]
    assert bench.main(settings) == 1
    captured = capsys.readouterr()
    assert "crashes ended with 1" in captured.err
    assert "there_is_no_such_module" in captured.err
    written = json.loads((tmp_path / "bench.json").read_text())
    assert len(written["failures"]) == 1
    assert [(one["contestant"], one["round"]) for one in written["measurements"]] == [("query", 1), ("query", 2)]


def test_fault_found_in_sound_data_is_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "CONTESTANTS", (QUERY,))
    planted(tmp_path / "data" / "2400-ratings-60-users")
    settings = ["--ratings", "--users", "60", "--users-at", "2400", "--rounds", "1", "--output", str(tmp_path)]
    assert bench.main(settings) == 1
    written = json.loads((tmp_path / "bench.json").read_text())
    assert re.search("query finds .*rated once.* where it ought to find no fault", written["failures"][0])
    assert written["measurements"] == []


@pytest.mark.slow
def test_small_bench_measures_everybody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--ratings", "--users", "60", "--users-at", "2400", "--rounds", "1", "--output", str(tmp_path)]
    assert bench.main(settings) == 0
    written = json.loads((tmp_path / "bench.json").read_text())
    names = [one.name for one in CONTESTANTS]
    assert [(row["contestant"], row["users"]) for row in written["medians"]] == [(name, 60) for name in names]
    assert all(row["wall_seconds"] > 0 < row["peak_bytes"] for row in written["medians"])
    assert {"load", "anomaly", "drift", "suites"} < set(written["medians"][0]["phases"])
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert "not measured  job / gx-pandas, time, at 32m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["--only", "pandas"], "there is none of this name; choose from job, job-again, job-2gb, plain"),
        (["--ratings", "--rounds", "1"], "must say what to measure"),
        (["--only", "soda", "--peer-python", "/no/python"], "is no program"),
    ],
)
def test_mistakes_are_answered_with_one_sentence(
    settings: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([*settings, "--output", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_peer_that_is_not_installed_is_left_out_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    absent = replace(CRASHES, needs="no_such_package_at_all")
    assert [there for _, there in contest.ready([absent], sys.executable)] == [False]
    options = bench._options(["--only", "soda"])
    with pytest.raises(ContestError, match="nobody is left"):
        bench._contestants(options)
    assert "soda is left out" in capsys.readouterr().err
