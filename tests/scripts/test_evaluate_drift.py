from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.usual_rules import RULES
from scripts import evaluate_drift
from scripts.evaluation import changes_judged, coming_back, random_halves, steady
from scripts.evaluation.changes import harmless
from scripts.evaluation.changes.catalogue import Change, catalogue
from scripts.evaluation.changes.frames import Frames
from tests.drift.deliveries import movies, ratings


def test_a_folder_that_lacks_a_table_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_drift.main(["--data", str(tmp_path)]) == 2
    assert f"{tmp_path}: can't be analysed, as ratings.csv is not" in capsys.readouterr().err
    ratings(users=4, each=3).drop(columns="source_line").to_csv(tmp_path / "ratings.csv", index=False)
    assert evaluate_drift.main(["--data", str(tmp_path)]) == 2
    assert f"{tmp_path}: can't be analysed, as movies.csv is not" in capsys.readouterr().err


def test_a_small_evaluation_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    ratings(users=40, each=30).drop(columns="source_line").to_csv(data / "ratings.csv", index=False)
    movies().to_csv(data / "movies.csv", index=False)
    output = tmp_path / "output"
    options = ["--splits", "3", "--power-splits", "1", "--relabellings", "39", "--kinds", "scale"]
    assert evaluate_drift.main(["--data", str(data), "--output", str(output), *options]) == 0
    written = json.loads((output / "drift_evaluation.json").read_text(encoding="utf-8"))
    assert set(written["false_alarms"]["any_feature"]) == {"this report", *RULES}
    assert [(row["kind"], row["size"]) for row in written["power"]] == [("scale", 0.01), ("scale", 0.05)]
    assert (output / "drift_evaluation.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in output.iterdir()) == ["drift_evaluation.json", "drift_evaluation.png"]
    assert [row["fall"] for row in written["coming_back"]] == [0, 0.3, 0.6]
    printed = capsys.readouterr().out
    assert "Alarms where nothing moved, 3 random halves of 40 users" in printed
    assert "Users who rate highest in both windows, 1 pairs each:" in printed
    assert [row["part"] for row in written["steady"]] == list(steady.PARTS)
    assert "The last part of a simulated service whose users come back, 1 services each:\n  95 %: any" in printed


def test_alarms_of_random_halves_are_shares_of_them() -> None:
    alarms = [(["rating", "hour"], {"KS": True}), ([], {"KS": True}), (["hour"], {"KS": False}), ([], {"KS": True})]
    assert random_halves.together(alarms) == {
        "any_feature": {"this report": 0.5, "KS": 0.75},
        "this_report_by_feature": {"hour": 0.5, "rating": 0.25},
    }


def _bare(frame: pd.DataFrame) -> Frames:
    nothing = pd.DataFrame({"userId": [], "movieId": [], "tag": [], "timestamp": []}).astype("int64")
    return Frames(frame.drop(columns="source_line"), movies(), nothing, nothing)


def test_who_rates_highest_comes_back_and_the_others_are_in_one_window() -> None:
    delivery = _bare(ratings(users=60, each=30))
    reference, current = coming_back.parted(delivery, np.random.default_rng(1))
    both = pd.concat([reference.ratings, current.ratings]).sort_index()
    pd.testing.assert_frame_equal(both, delivery.ratings)
    level = both.groupby("userId")["rating"].mean()
    assert set(reference.users) & set(current.users) == set(level.nlargest(20).index)
    assert 5 <= len(set(current.users) - set(reference.users)) <= 15


def test_a_fall_of_levels_is_found_though_those_who_rate_highest_are_more_of_the_current_window() -> None:
    delivery = _bare(ratings(users=200, each=30))
    rows = list(coming_back.each_fall(delivery, 4, 0.05, 99, 1))
    assert [row["levels"] for row in rows][1:] == [1, 1]
    assert rows[0]["any"] <= 0.25


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_calls_a_gross_shift_and_not_equal_counts(rule: str) -> None:
    values = np.arange(1.0, 11.0)
    same, other = np.full(10, 500.0), np.arange(10.0) * 100
    assert not RULES[rule](same, same, values)
    assert RULES[rule](same, other, values)


def findings(advice: str, **status: str) -> pd.DataFrame:
    """What find_drift says of some features, and of the cost."""
    cost = {"feature": "impact", "status": "drifted" if advice in ("mend", "retrain") else "ok"}
    rows = [{"feature": name, "status": said} for name, said in status.items()]
    return pd.DataFrame([*rows, cost | {"recommendation": advice}])


@pytest.fixture
def two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [change for change in catalogue() if change.name in ("client rates out of ten", "fewer users before")]
    monkeypatch.setattr(changes_judged, "catalogue", lambda: kinds)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    ratings(users=60, each=30).drop(columns="source_line").to_csv(folder / "ratings.csv", index=False)
    movies().to_csv(folder / "movies.csv", index=False)
    return folder


@pytest.mark.usefixtures("two_kinds")
def test_another_hand_s_changes_are_judged_and_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    options = ["--data", str(data), "--output", str(output), "--relabellings", "99", "--by-another", "2"]
    assert evaluate_drift.main(options) == 0
    assert [path.name for path in output.iterdir()] == ["drift_by_another.json"]
    written = json.loads((output / "drift_by_another.json").read_text(encoding="utf-8"))
    assert (written["users"], written["ratings"], written["pairs"], written["relabellings"]) == (60, 1800, 2, 99)
    rows = [(row["kind"], row["strength"], row["runs"]) for row in written["changes"]]
    assert rows == [
        *(("client rates out of ten", strength, 2) for strength in (0.05, 0.2, 0.5)),
        *(("fewer users before", strength, 2) for strength in (0.1, 0.3, 0.6)),
    ]
    strongest = written["changes"][2]
    assert strongest["drifted"] == 2
    assert strongest["features"]["off_scale"] == 2
    assert written["unplanted"]["runs"] == 12
    assert written["harmless"]["runs"] == 6
    assert written["harmless"]["drifted"] == sum(row["drifted"] for row in written["changes"][3:])
    printed = capsys.readouterr().out
    assert "Nothing planted, 12 pairs of halves of 60 users: mend or retrain " in printed
    assert "Harmless changes, 6 of the pairs: mend or retrain " in printed
    assert "  client rates out of ten 0.5: mend or retrain 1.00, drifted 1.00, most often " in printed
    assert "fewer users before" not in printed


@pytest.mark.usefixtures("two_kinds")
def test_the_planted_half_is_judged_against_the_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float, int, int, dict[str, object]]] = []
    split: list[tuple[int, ...]] = []

    def seen(current: Any, *, reference: Any, **how: object) -> pd.DataFrame:
        told = [one.sql("select max(rating) as highest, count(*) as n from ratings") for one in (reference, current)]
        split.append(tuple(current.sql("select distinct userId from ratings order by userId")["userId"]))
        asked.append((*(float(one["highest"][0]) for one in told), *(int(one["n"][0]) for one in told), how))
        return findings("nothing")

    monkeypatch.setattr("drift.find_drift", seen)
    rows = list(changes_judged.each_strength(Frames.read(data), 2, 0.05, 99, 7))
    assert len(asked) == 4 * len(rows) == 24
    assert all(before == 5 for before, *_ in asked)
    assert [now for _, now, *_ in asked[8:12]] == [10, 10, 5, 5], "planted, then the same pairs unplanted"
    assert split[8:10] == split[10:12]
    assert split[8] != split[9], "each pair is parted anew"
    planted, unplanted = asked[20:22], asked[22:]
    assert all(n_before < n_now for _, _, n_before, n_now, _ in planted)
    assert all(n_before == n_now for _, _, n_before, n_now, _ in unplanted)
    assert [how for *_, how in asked[:4]] == [
        {"false_alarm_rate": 0.05, "relabellings": 99, "seed": seed} for seed in (7, 8, 7, 8)
    ]


def test_alarms_are_counted_by_run_and_by_feature_and_the_cost_apart(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    told = iter(
        [
            findings("mend", rating="ok", hour="drifted"),
            findings("watch", rating="drifted", hour="drifted"),
            findings("retrain", rating="undetermined", hour="ok"),
            findings("undetermined", rating="ok", hour="ok"),
            findings("watch", rating="ok", hour="ok"),
            *[findings("nothing", rating="ok", gap="drifted")] * 2,
            *[findings("nothing", rating="ok", gap="ok")] * 3,
        ]
    )
    monkeypatch.setattr("drift.find_drift", lambda *_, **__: next(told))
    kind = Change("harmless", "one", harmless.nothing, (1.0,), ())  # type: ignore[arg-type]
    monkeypatch.setattr(changes_judged, "catalogue", lambda: [kind])
    (row,) = changes_judged.each_strength(Frames.read(data), 5, 0.05, 99, 1)
    found = {"runs": 5, "drifted": 2, "costly": 2, "features": {"hour": 2, "rating": 1}}
    chance = {"runs": 5, "drifted": 2, "costly": 0, "features": {"gap": 2}}
    assert row == found | {"family": "harmless", "kind": "one", "strength": 1.0, "unplanted": chance}
    quiet = {"features": {}, "drifted": 0, "costly": 1}
    other = row | quiet | {"family": "stars", "kind": "other", "strength": 0.5, "unplanted": chance | quiet}
    results = changes_judged.together([row, other])
    both = {"runs": 10, "drifted": 2, "costly": 1, "features": {"gap": 2}}
    assert results == {"unplanted": both, "harmless": found, "changes": [row, other]}
    assert list(changes_judged.said(results | {"users": 60, "pairs": 5})) == [
        "Nothing planted, 10 pairs of halves of 60 users: mend or retrain 0.10, drifted 0.20, most often gap",
        "Harmless changes, 5 of the pairs: mend or retrain 0.40, drifted 0.40, most often hour",
        "Changes by another hand, 5 pairs each (with nothing planted):",
        "  other 0.5: mend or retrain 0.20, drifted 0.00 (0.00)",
    ]


def test_rows_without_user_film_or_time_are_left_out_and_files_that_lack_are_empty(data: Path) -> None:
    with (data / "ratings.csv").open("a", encoding="utf-8") as file:
        file.write("1,,3.0,1100000000\n,7,3.0,1100000000\n")
    frames = Frames.read(data)
    assert len(frames.ratings) == 1800
    assert list(frames.ratings.columns) == ["userId", "movieId", "rating", "timestamp"]
    assert (len(frames.users), len(frames.movies), len(frames.tags), len(frames.links)) == (60, 60, 0, 0)
    with frames.warehouse() as warehouse:
        lines = warehouse.sql("select source_line from ratings")["source_line"]
    assert lines.tolist() == list(range(2, 1802))
