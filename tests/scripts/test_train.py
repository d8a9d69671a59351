"""Training takes nothing without a valid receipt, finds planted tastes, and keeps a model whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from checks.results import receipt
from scripts import train
from scripts.training import keeping, ratings, study
from scripts.training.factors import Fit, Settings, Side, fit
from tests.conftest import ROOT

SECONDS = 1_000_000_000


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv(receipt.KEY_VARIABLE, raising=False)


def planted(users: int = 60, films: int = 40, share: float = 0.7, seed: int = 3) -> pd.DataFrame:
    """Ratings with user and film biases and two tastes: odd users like odd films better, even users even ones."""
    draw = np.random.default_rng(seed)
    user, film = np.nonzero(draw.random((users, films)) < share)
    level = 3 + draw.normal(0, 0.4, users)[user] + draw.normal(0, 0.4, films)[film]
    taste = np.where(user % 2 == film % 2, 0.7, -0.7)
    rating = np.clip(np.round(2 * (level + taste + draw.normal(0, 0.2, len(user)))) / 2, 0.5, 5.0)
    frame = pd.DataFrame({"userId": user + 1, "movieId": film * 10 + 1, "rating": rating})
    return frame.assign(timestamp=SECONDS + draw.permutation(len(frame)))


def passed_run(folder: Path, frame: pd.DataFrame) -> Path:
    """The output folder of a run that passed, with these validated ratings."""
    validated = folder / receipt.VALIDATED
    validated.mkdir(parents=True)
    frame.to_parquet(validated / "ratings.parquet", index=False)
    fingerprint = {"sha256": receipt.sha256(validated / "ratings.parquet"), "bytes": 1}
    seal(folder, {"ratings.parquet": fingerprint})
    return folder


def seal(folder: Path, validated: dict[str, object], key: bytes | None = None, **more: object) -> None:
    content = {
        "schema_version": receipt.SCHEMA_VERSION,
        "verdict": "pass",
        "issued": "2026-01-02T00:00:00+00:00",
        "simulated": False,
        "expectations": {"passed": 60, "failed": 4, "waived": 1, "undetermined": 0},
        "data": {"ratings.csv": {"sha256": "ab" * 32, "bytes": 1}},
        "validated": validated,
    }
    (folder / receipt.FILE_NAME).write_text(receipt.rendered(receipt.sealed(content | more, key)))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return passed_run(tmp_path_factory.mktemp("run"), planted())


@pytest.fixture(scope="module")
def trained(run_folder, tmp_path_factory):
    """The folder of a model that was trained once, for the tests that only read."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    assert train.main(["--run", str(run_folder), "--model", str(folder), "--rank", "4"]) == 0
    return folder


def refusal(capsys, run: Path, model: Path) -> str:
    """The one line with which training is refused; nothing may be left behind."""
    assert train.main(["--run", str(run), "--model", str(model)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert not (model / keeping.MODEL).exists()
    return captured.err


def test_data_without_a_receipt_are_refused(tmp_path, capsys):
    run = passed_run(tmp_path / "run", planted())
    (run / receipt.FILE_NAME).unlink()
    assert "receipt.json" in refusal(capsys, run, tmp_path / "model")


def test_a_changed_receipt_is_refused(tmp_path, capsys):
    run = passed_run(tmp_path / "run", planted())
    text = (run / receipt.FILE_NAME).read_text()
    (run / receipt.FILE_NAME).write_text(text.replace('"passed": 60', '"passed": 61'))
    assert "has been changed" in refusal(capsys, run, tmp_path / "model")


def test_ratings_that_the_receipt_was_not_given_for_are_refused(tmp_path, capsys):
    run = passed_run(tmp_path / "run", planted())
    planted(seed=4).to_parquet(run / receipt.VALIDATED / "ratings.parquet", index=False)
    assert "is not the file that the receipt was given for" in refusal(capsys, run, tmp_path / "model")


def test_a_receipt_without_validated_ratings_is_refused(tmp_path, capsys):
    run = passed_run(tmp_path / "run", planted())
    (run / receipt.VALIDATED / "ratings.parquet").unlink()
    seal(run, {})
    assert "ratings.parquet" in refusal(capsys, run, tmp_path / "model")


def test_an_unsigned_receipt_is_refused_where_a_key_is_set(tmp_path, capsys, monkeypatch):
    run = passed_run(tmp_path / "run", planted())
    monkeypatch.setenv(receipt.KEY_VARIABLE, "a key")
    assert "is not signed" in refusal(capsys, run, tmp_path / "model")


def test_ratings_replaced_while_they_are_read_are_refused(tmp_path, capsys, monkeypatch):
    run = passed_run(tmp_path / "run", planted())
    read = ratings.read

    def replaced_meanwhile(path: Path) -> tuple[ratings.Ratings, int]:
        planted(seed=4).to_parquet(path, index=False)
        return read(path)

    monkeypatch.setattr(ratings, "read", replaced_meanwhile)
    assert "is not the file" in refusal(capsys, run, tmp_path / "model")


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (planted().drop(columns="rating"), "is no table of ratings"),
        (planted().assign(rating="five"), "is no table of ratings"),
        (planted().head(0), "holds 0 usable ratings"),
        (planted().head(1), "holds 1 usable ratings"),
        (planted().assign(rating=None), "usable ratings"),
        (planted().assign(timestamp=SECONDS), "have the same time"),
        (planted().assign(userId=range(len(planted()))), "No user has five ratings"),
    ],
)
def test_ratings_that_cannot_be_trained_on_are_refused(tmp_path, capsys, frame, says):
    run = passed_run(tmp_path / "run", frame)
    assert says in refusal(capsys, run, tmp_path / "model")


def test_ratings_without_all_four_values_are_left_out_and_counted(tmp_path):
    frame = planted().astype({"userId": "Int64", "rating": "Float64"})
    frame.loc[3, "userId"] = frame.loc[5, "rating"] = frame.loc[6, "rating"] = pd.NA
    frame.to_parquet(tmp_path / "ratings.parquet", index=False)
    known, left_out = ratings.read(tmp_path / "ratings.parquet")
    assert (len(known), left_out) == (len(frame) - 3, 3)
    assert np.isfinite(known.rating).all()


def test_the_model_beats_both_baselines_on_planted_tastes(trained):
    """The error cannot be less than the rounding's and the noise's; biases alone miss the taste of 0.7 stars."""
    mean, bias, model = (
        result["all"]["rmse"] for result in json.loads((trained / keeping.METRICS).read_text())["results"]
    )
    assert bias < mean - 0.1
    assert model < bias - 0.25
    assert model < 0.45


def test_without_tastes_the_factors_do_no_harm():
    draw = np.random.default_rng(5)
    user, film = np.nonzero(draw.random((80, 60)) < 0.5)
    level = 3 + draw.normal(0, 0.5, 80)[user] + draw.normal(0, 0.5, 60)[film] + draw.normal(0, 0.7, len(user))
    time = SECONDS + draw.permutation(len(user))
    table = ratings._in_time(user, film, np.round(2 * level).astype(np.float32) / 2, time)
    _, bias, model = study.study(table, ratings.last_of_all, rank=4, seed=0).results
    assert model.all.rmse < bias.all.rmse + 0.005


def test_the_card_names_the_receipt_the_model_and_the_errors(trained, run_folder):
    text = (trained / keeping.CARD).read_text()
    digest = json.loads((run_folder / receipt.FILE_NAME).read_text())["digest"]
    assert digest in text
    assert receipt.sha256(trained / keeping.MODEL) in text
    tables = [token for token in MarkdownIt().enable("table").parse(text) if token.type == "table_open"]
    assert len(tables) == 3
    errors = json.loads((trained / keeping.METRICS).read_text())["results"][2]["all"]
    assert f"| biases and 4 factors | {errors['rmse']:.3f} | {errors['mae']:.3f} |" in text
    assert (trained / receipt.FILE_NAME).read_text() == (run_folder / receipt.FILE_NAME).read_text()


def test_the_same_seed_gives_the_same_bytes(trained, run_folder, tmp_path):
    for seed, alike in ((0, True), (1, False)):
        folder = tmp_path / str(seed)
        assert train.main(["--run", str(run_folder), "--model", str(folder), "--rank", "4", "--seed", str(seed)]) == 0
        assert (receipt.sha256(folder / keeping.MODEL) == receipt.sha256(trained / keeping.MODEL)) is alike


def test_a_training_that_breaks_off_leaves_the_earlier_model(run_folder, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    assert train.main(["--run", str(run_folder), "--model", str(folder), "--rank", "2"]) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(keeping, "card", lambda *arguments: 1 / 0)
    assert train.main(["--run", str(run_folder), "--model", str(folder), "--rank", "3"]) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_report_that_can_not_be_printed_is_no_failure(run_folder, tmp_path):
    command = [sys.executable, "-m", "scripts.train", "--run", str(run_folder), "--model", str(tmp_path / "model")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert done.stderr.startswith("The report could not be printed (No space left on device)")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "model" / keeping.MODEL).is_file()


def test_a_model_that_can_not_be_written_is_no_refusal(run_folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert train.main(["--run", str(run_folder), "--model", str(tmp_path / "file" / "model"), "--rank", "2"]) == 2
    said = capsys.readouterr().err
    assert said == f"{tmp_path / 'file' / 'model'}: can't be written (Not a directory); choose another --model.\n"


def test_a_model_read_back_predicts_alike_and_needs_no_pickle(trained, run_folder):
    model, digest = keeping.load(trained / keeping.MODEL)
    assert digest == json.loads((run_folder / receipt.FILE_NAME).read_text())["digest"]
    known = ratings.read(run_folder / receipt.VALIDATED / "ratings.parquet")[0]
    miss = model.predict(known.user, known.film) - known.rating
    assert np.sqrt(np.mean(miss**2)) < 0.4
    average = model.predict(np.array([-5]), np.array([10**12]))
    assert average == pytest.approx([known.rating.mean()], abs=1e-6)


def test_predictions_stay_on_the_scale(trained):
    model, _ = keeping.load(trained / keeping.MODEL)
    extreme = replace(model, fit=replace(model.fit, mean=99.0))
    assert extreme.predict(np.array([1]), np.array([1])).tolist() == [5.0]


def test_biases_solve_the_ridge_regression_that_they_stand_for():
    """Against the same objective solved at once by least squares, an independent way; one rating comes twice."""
    users, films = np.array([2, 0, 1, 1, 2, 0]), np.array([2, 1, 0, 2, 2, 0])
    stars = np.array([2, 3, 4, 1, 3, 5], np.float32)
    fitted = fit(users, films, stars, (3, 3), Settings(rank=0, bias_penalty=2.0, sweeps=200))
    design = np.zeros((6, 6))
    design[np.arange(6), users] = design[np.arange(6), 3 + films] = 1
    system = np.vstack([design, np.sqrt(2.0) * np.eye(6)])
    expected = np.linalg.lstsq(system, np.concatenate([stars - 3.0, np.zeros(6)]), rcond=None)[0]
    assert np.concatenate([fitted.users.bias, fitted.films.bias]) == pytest.approx(expected, abs=1e-9)


def objective(fitted: Fit, users, films, stars, how: Settings) -> float:
    sides = (fitted.users, fitted.films)
    penalty = sum(
        how.bias_penalty * (side.bias**2).sum() + how.factor_penalty * (side.factors**2).sum() for side in sides
    )
    return float(((fitted.predict(users, films) - stars) ** 2).sum() + penalty)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rank=st.integers(0, 3), penalty=st.sampled_from([0.5, 4.0]))
def test_every_sweep_lowers_the_objective(seed, rank, penalty):
    draw = np.random.default_rng(seed)
    users, films = np.nonzero(draw.random((6, 5)) < 0.6)
    stars = draw.integers(1, 11, len(users)).astype(np.float32) / 2
    how = Settings(rank, penalty, penalty, seed=seed)
    runs = [replace(how, sweeps=sweeps) for sweeps in range(1, 6)]
    if len(users):
        values = [objective(fit(users, films, stars, (6, 5), run), users, films, stars, run) for run in runs]
        assert all(later <= earlier + 1e-6 for earlier, later in pairwise(values))


def test_rows_in_blocks_solve_as_they_do_at_once(monkeypatch):
    frame = planted(users=20, films=15)
    users, films = frame.userId.to_numpy() - 1, frame.movieId.to_numpy() // 10
    stars = frame.rating.to_numpy(np.float32)
    how = Settings(rank=2, bias_penalty=2.0, factor_penalty=2.0, sweeps=3)
    at_once = fit(users, films, stars, (20, 15), how)
    monkeypatch.setattr("scripts.training.factors.ROWS_A_BLOCK", 3)
    in_blocks = fit(users, films, stars, (20, 15), how)
    assert in_blocks.predict(users, films) == pytest.approx(at_once.predict(users, films))


def test_an_unknown_user_or_film_counts_as_an_average_one():
    fitted = Fit(3.0, Side(np.array([1.0]), np.array([[2.0]])), Side(np.array([0.5]), np.array([[0.25]])))
    predicted = fitted.predict(np.array([0, -1, 0, -1]), np.array([0, 0, -1, -1]))
    assert predicted.tolist() == [5.0, 3.5, 4.0, 3.0]


def sorted_ratings(rows: list[tuple[int, int, float, int]]) -> ratings.Ratings:
    user, film, stars, time = (np.array(column) for column in zip(*rows, strict=True))
    order = np.lexsort((film, user, time))
    return ratings.Ratings(user, film, stars.astype(np.float32), time).where(order)


ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.sampled_from([0.5, 5.0]), st.integers(0, 20)),
    min_size=5,
    max_size=60,
)


@given(ROWS)
def test_what_is_held_out_is_later_than_what_is_not(rows):
    table = sorted_ratings(rows)
    try:
        held_out = ratings.last_of_all(table)
    except ratings.TrainingError:
        assert len(set(table.time)) == 1
        return
    assert table.time[~held_out].max() < table.time[held_out].min()
    assert 0 < held_out.sum() < len(table)


@given(ROWS)
def test_of_each_user_the_last_fifth_is_held_out(rows):
    table = sorted_ratings(rows)
    counts = {user: int((table.user == user).sum()) for user in set(table.user.tolist())}
    if max(counts.values()) < 5:
        with pytest.raises(ratings.TrainingError):
            ratings.last_of_each_user(table)
        return
    held_out = ratings.last_of_each_user(table)
    for user, count in counts.items():
        own = table.user == user
        assert (held_out & own).sum() == count // 5
        if count >= 5:
            assert table.time[own & ~held_out].max() <= table.time[own & held_out].min()


def test_penalties_are_chosen_before_the_held_out_ratings(monkeypatch):
    """Nothing of the hold-out may be seen while choosing."""
    table = ratings._in_time(*(planted()[name].to_numpy() for name in ("userId", "movieId", "rating", "timestamp")))
    seen = []
    choose = study.choose

    def watched(earlier: ratings.Ratings, rank: int, seed: int) -> Settings:
        seen.append(earlier.time.max())
        return choose(earlier, rank, seed)

    monkeypatch.setattr(study, "choose", watched)
    studied = study.study(table, ratings.last_of_all, rank=2, seed=0)
    assert seen[0] < studied.held_out_from
    assert studied.trained + studied.held_out == len(table)


def test_choosing_takes_whole_users(monkeypatch):
    table = ratings._in_time(*(planted()[name].to_numpy() for name in ("userId", "movieId", "rating", "timestamp")))
    monkeypatch.setattr(study, "RATINGS_TO_CHOOSE_BY", len(table) // 2)
    sample = study._whole_users(table, seed=0)
    assert 0 < len(sample) < len(table)
    assert all((sample.user == user).sum() == (table.user == user).sum() for user in set(sample.user.tolist()))


@pytest.mark.parametrize("wrong", [["--rank", "0"], ["--rank", "many"], ["--hold-out", "random"], ["--seed", "x"]])
def test_usage_errors_are_told_from_refusals(wrong):
    with pytest.raises(SystemExit) as stop:
        train.main(wrong)
    assert stop.value.code == 2


def test_a_refusal_answers_before_anything_slow_is_imported(tmp_path):
    run = passed_run(tmp_path / "run", planted())
    (run / receipt.VALIDATED / "ratings.parquet").write_bytes(b"other ratings")
    code = (
        "import sys; from scripts.train import main\n"
        f"assert main(['--run', {str(run)!r}]) == 1\n"
        "assert not {'great_expectations', 'scipy', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_on_real_ratings_the_model_beats_its_baselines(movielens_small, tmp_path, capsys):
    run = passed_run(tmp_path / "run", pd.read_csv(movielens_small / "ratings.csv"))
    assert train.main(["--run", str(run), "--hold-out", "user", "--rank", "8"]) == 0
    assert "the last 20 % of each user's ratings" in capsys.readouterr().out
    results = json.loads((run / "model" / keeping.METRICS).read_text())["results"]
    mean, bias, model = (result["all"]["rmse"] for result in results)
    assert model < bias - 0.005
    assert bias < mean - 0.1
    assert model < 0.89
