"""The simulator: MovieLens's format to the byte, the same bytes for a seed, and its distributions."""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly.attack_kinds import KINDS
from anomaly.profiles import HALF_STARS_SINCE
from scripts.simulate_data import main, plant_into, simulate
from scripts.simulation.calendar import CLOSING, OPENING, YEARS
from scripts.simulation.catalogue import GENRES, NO_GENRES, make_catalogue

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("ratings.csv", "movies.csv", "tags.csv", "links.csv")


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), users=st.integers(1, 60))
def test_every_delivery_has_the_published_format(
    seed: int, users: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("simulated") / "ml"
    simulate(folder, users=users, seed=seed)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    raters = check_format(folder)
    assert raters == set(range(1, users + 1))


def check_format(folder: Path) -> set[int]:
    """Hold the four files against MovieLens's README; return the raters."""
    release = check_movies(folder)
    check_links(folder, set(release))
    raters = check_ratings(folder, release)
    check_tags(folder, raters, release)
    return raters


def check_movies(folder: Path) -> dict[int, int]:
    text = (folder / "movies.csv").read_text(encoding="utf-8")
    assert text.startswith("movieId,title,genres\n")
    assert text.endswith("\n")
    assert "\r" not in text
    movies = rows(folder / "movies.csv")
    ids = [int(movie) for movie, _, _ in movies]
    assert ids == sorted(set(ids))
    titles = [title for _, title, _ in movies]
    assert len(set(titles)) == len(titles)
    for line, (_, title, genres) in zip(text.splitlines()[1:], movies, strict=True):
        assert title == title.strip()
        assert re.search(r"\S \(\d{4}\)$", title)
        assert genres == NO_GENRES or genres.split("|") == sorted(set(genres.split("|")) & set(GENRES))
        assert ('"' in line) == ("," in title or '"' in title)  # quoted where needed, and only there
    return {int(movie): int(title[-5:-1]) for movie, title, _ in movies}


def check_links(folder: Path, movies: set[int]) -> None:
    links = rows(folder / "links.csv")
    assert {int(movie) for movie, _, _ in links} == movies
    assert all(re.fullmatch(r"\d{7,8}", imdb) for _, imdb, _ in links)
    assert len({imdb for _, imdb, _ in links}) == len(links)
    assert all(re.fullmatch(r"[1-9]\d*|", tmdb) for _, _, tmdb in links)


def check_ratings(folder: Path, release: dict[int, int]) -> set[int]:
    lines = (folder / "ratings.csv").read_text().split("\n")
    assert lines[0] == "userId,movieId,rating,timestamp"
    assert lines[-1] == ""
    assert all(re.fullmatch(r"\d+,\d+,(0\.5|[1-4]\.[05]|5\.0),\d{9,10}", line) for line in lines[1:-1])
    ratings = [(int(user), int(film), float(rating), int(when)) for user, film, rating, when in
               (line.split(",") for line in lines[1:-1])]  # fmt: skip
    keys = [(user, film) for user, film, _, _ in ratings]
    assert keys == sorted(set(keys))
    activity = Counter(user for user, _ in keys)
    assert min(activity.values()) >= 20
    for _, film, rating, when in ratings:
        assert OPENING <= when <= CLOSING
        assert rating.is_integer() or when >= HALF_STARS_SINCE
        assert release[film] <= dt.datetime.fromtimestamp(when, dt.UTC).year
    assert {film for _, film in keys} <= set(release)
    return set(activity)


def check_tags(folder: Path, raters: set[int], release: dict[int, int]) -> None:
    assert (folder / "tags.csv").read_text().startswith("userId,movieId,tag,timestamp\n")
    tags = rows(folder / "tags.csv")
    keys = [(int(user), int(film), tag.lower()) for user, film, tag, _ in tags]
    assert keys == sorted(set(keys))
    assert {user for user, _, _ in keys} <= raters
    assert {film for _, film, _ in keys} <= set(release)
    assert all(tag == tag.strip() and tag for _, _, tag, _ in tags)
    assert all(OPENING <= int(when) <= CLOSING for _, _, _, when in tags)


def test_a_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        simulate(tmp_path / name, users=30, seed=seed)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    assert (tmp_path / "one/ratings.csv").read_bytes() != (tmp_path / "other/ratings.csv").read_bytes()


def test_stretches_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.simulation.folder.USERS_A_STRETCH", 4)
    simulate(tmp_path / "ml", users=10, ratings=900)
    assert check_format(tmp_path / "ml") == set(range(1, 11))
    assert len(rows(tmp_path / "ml/ratings.csv")) == 900


def test_planting_reads_stretches_as_one(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = {"attacks": ["average:3"], "drifts": ["level:0.4", "activity:0.3"]}
    whole = planted(honest, tmp_path / "whole", **plans)
    monkeypatch.setattr("scripts.simulation.ratings_file.STRETCH", 10_000)
    pieces = planted(honest, tmp_path / "pieces", **plans)
    for file in ("ratings.csv", "labels/users.csv", "labels/shifted_ratings.csv"):
        assert (whole / file).read_bytes() == (pieces / file).read_bytes()


@pytest.mark.parametrize(("users", "ratings"), [(10, 200), (10, 201), (7, 1_999), (300, 20_000)])
def test_the_number_of_ratings_is_met_exactly(users: int, ratings: int, tmp_path: Path) -> None:
    simulate(tmp_path / "ml", users=users, ratings=ratings)
    written = rows(tmp_path / "ml/ratings.csv")
    assert len(written) == ratings
    assert len({user for user, *_ in written}) == users


@pytest.mark.parametrize("ratings", [19, 10_000_000])
def test_impossible_numbers_are_refused_in_one_sentence(
    ratings: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "ml"), "--users", "1", "--ratings", str(ratings)]) == 2
    said = rf"1 users give 20 to [\d,]+ ratings, not {ratings:,}; change --users or --ratings\.\n"
    assert re.fullmatch(said, capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ratings.csv").write_text("mine")
    assert main([str(tmp_path), "--users", "1"]) == 2
    assert "already there" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"]


def test_a_film_can_be_rated_from_the_year_of_its_release_on() -> None:
    catalogue = make_catalogue(np.random.default_rng(1))
    newest = [int(catalogue.release[:count].max()) for count in catalogue.available]
    assert newest == YEARS.tolist()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    assert main([str(tmp_path / "ml"), "--users", "2"]) == 0
    assert (tmp_path / "ml/ratings.csv").is_file()


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scripts.simulation.folder._write_links", full_disk)
    assert main([str(tmp_path / "ml"), "--users", "2"]) == 2
    assert list(tmp_path.iterdir()) == []


# --- planted attacks and shifts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "ml"
    simulate(folder, users=250, seed=3)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def planted(honest: Path, folder: Path, **plans: list[str]) -> Path:
    plant_into(folder, honest, **plans)
    return folder


def test_every_kind_of_attack_keeps_the_format_and_is_labelled(honest: Path, tmp_path: Path) -> None:
    folder = planted(honest, tmp_path / "ml", attacks=["all:44"])
    raters = check_format(folder)
    labels = table(folder / "labels/users.csv")
    bad = {int(row["userId"]) for row in labels}
    assert bad == raters - set(range(1, 251))
    assert len(labels) == len(bad) == 44
    assert {row["kind"] for row in labels} == set(KINDS)
    assert {row["group"] for row in labels} == {str(group + 1) for group in range(len(KINDS))}


def test_an_attack_leaves_honest_rows_as_they_were(honest: Path, tmp_path: Path) -> None:
    folder = planted(honest, tmp_path / "ml", attacks=["random-push:3:40"])
    before, after = ((place / "ratings.csv").read_bytes() for place in (honest, folder))
    assert after.startswith(before)
    attackers = rows(folder / "ratings.csv")[len(rows(honest / "ratings.csv")) :]
    labels = table(folder / "labels/users.csv")
    n_targets = len(labels[0]["targets"].split("|"))
    assert Counter(row[0] for row in attackers) == dict.fromkeys(("251", "252", "253"), 40 + n_targets)
    for name in ("movies.csv", "tags.csv", "links.csv"):
        assert (folder / name).read_bytes() == (honest / name).read_bytes()
    for label in labels:
        stars = {movie: rating for user, movie, rating, _ in attackers if user == label["userId"]}
        assert all(stars[target] == "5.0" for target in label["targets"].split("|"))


@pytest.mark.parametrize(("plan", "users"), [("constant:0.1", 25), ("constant:60", 60), ("bandwagon:5", 5)])
def test_an_attack_has_the_size_asked_for(plan: str, users: int, honest: Path, tmp_path: Path) -> None:
    labels = table(planted(honest, tmp_path / "ml", attacks=[plan]) / "labels/users.csv")
    assert len(labels) == users
    assert {row["family"] for row in labels} == {plan.split(":")[0]}


@pytest.mark.parametrize("kind", ["level", "users", "spread", "scale", "half_star", "subgroup", "nulls"])
def test_a_shift_changes_its_labelled_rows_and_no_others(kind: str, honest: Path, tmp_path: Path) -> None:
    folder = planted(honest, tmp_path / "ml", drifts=[f"{kind}:0.3"])
    before, after = (rows(place / "ratings.csv") for place in (honest, folder))
    differing = [(old[0], old[1]) for old, new in zip(before, after, strict=True) if old != new]
    touched = [(row["userId"], row["movieId"]) for row in table(folder / "labels/shifted_ratings.csv")]
    assert differing == touched != []
    (shift,) = table(folder / "labels/shifts.csv")
    assert shift["changed"] == str(len(touched))
    moved = set(differing)
    assert min(int(row[3]) for row in before if (row[0], row[1]) in moved) >= int(shift["since"])
    assert all(re.fullmatch(r"\d+\.[05]|", new[2]) for new in after)


@pytest.mark.parametrize("kind", ["popularity", "genre", "activity"])
def test_a_shift_that_drops_ratings_withdraws_whom_it_leaves_too_few(kind: str, honest: Path, tmp_path: Path) -> None:
    folder = planted(honest, tmp_path / "ml", drifts=[f"{kind}:0.9"])
    raters = check_format(folder)
    (shift,) = table(folder / "labels/shifts.csv")
    assert len(raters) == 250 - int(shift["withdrawn_users"])
    dropped = {(row["userId"], row["movieId"]) for row in table(folder / "labels/shifted_ratings.csv")}
    before = {(row[0], row[1]) for row in rows(honest / "ratings.csv") if int(row[0]) in raters}
    after = {(row[0], row[1]) for row in rows(folder / "ratings.csv")}
    assert before - after == {row for row in dropped if int(row[0]) in raters} != set()
    assert len(dropped) == int(shift["dropped"])


def test_a_shift_begins_when_asked(honest: Path, tmp_path: Path) -> None:
    folder = planted(honest, tmp_path / "ml", drifts=["level:1:2015-06-01"])
    moment = int(dt.datetime(2015, 6, 1, tzinfo=dt.UTC).timestamp())
    before, after = (rows(place / "ratings.csv") for place in (honest, folder))
    for old, new in zip(before, after, strict=True):
        fallen = int(old[3]) >= moment and old[2] != "0.5"
        assert float(new[2]) == float(old[2]) - 0.5 * fallen


def test_planting_is_the_same_for_a_seed_and_keeps_its_source(honest: Path, tmp_path: Path) -> None:
    kept = {path.name: path.read_bytes() for path in honest.iterdir()}
    plans = {"attacks": ["segment:4"], "drifts": ["activity:0.2"]}
    one, again = (planted(honest, tmp_path / name, **plans) for name in ("one", "again"))
    for file in (*FILES, "labels/users.csv", "labels/shifts.csv", "labels/shifted_ratings.csv"):
        assert (one / file).read_bytes() == (again / file).read_bytes()
    assert {path.name: path.read_bytes() for path in honest.iterdir()} == kept


def test_a_simulated_delivery_may_have_both(tmp_path: Path) -> None:
    arguments = ["--users", "60", "--attack", "love-hate:0.05", "--drift", "level:0.5"]
    assert main([str(tmp_path / "ml"), *arguments]) == 0
    check_format(tmp_path / "ml")
    assert len(table(tmp_path / "ml/labels/users.csv")) == 3
    assert len(table(tmp_path / "ml/labels/shifts.csv")) == 1


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    left = tmp_path / f".ml.{os.getpid()}.partial"
    left.mkdir()
    (left / "ratings.csv").write_text("half")
    assert main([str(tmp_path / "ml"), "--users", "2"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ml"]
    check_format(tmp_path / "ml")


@pytest.mark.parametrize("option", ["--users", "--ratings"])
def test_a_real_folder_has_its_own_size(option: str, honest: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "ml"), "--into", str(honest), "--attack", "constant", option, "50"])


def test_planting_nothing_is_a_mistake(honest: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "ml"), "--into", str(honest)])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--attack", "nope"],
        ["--attack", "constant:0"],
        ["--attack", "constant:-1"],
        ["--attack", "constant:nan"],
        ["--attack", "constant:inf"],
        ["--attack", "constant:1.5"],
        ["--attack", "constant:3:0"],
        ["--attack", "constant:3:20:4"],
        ["--drift", "nope"],
        ["--drift", "level:0"],
        ["--drift", "level:2"],
        ["--drift", "level:nan"],
        ["--drift", "level:0.1:yesterday"],
        ["--drift", "level:0.1:2015-01-01:2016-01-01"],
        ["--into", "/no/such/folder", "--attack", "constant"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "ml"), *arguments]) == 2
    assert re.fullmatch(r".+\n", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--users", "--ratings", "--seed"])
def test_numbers_that_are_none_are_told_by_their_option(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ml", option, "-3"])
    assert capsys.readouterr().err.startswith(f"{option}: '-3' is no whole number from ")


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        (None, "holds no ratings.csv"),
        ("", "not in MovieLens's format"),
        ("userId,movieId,rating,timestamp\n", "holds no ratings"),
        ("userId,movieId,stars,timestamp\n1,1,4.0,1\n", "not in MovieLens's format"),
        ("userId,movieId,rating,timestamp\n1,1,4.0\n", "not in MovieLens's format"),
        ("userId,movieId,rating,timestamp\none,1,4.0,1\n", "not in MovieLens's format"),
        ("userId,movieId,rating,timestamp\n1,1,4.0,\n", "has timestamp missing"),
        ("userId,movieId,rating,timestamp\n1,1,4.0,1\n", "at least one user and two films"),
    ],
)
def test_what_is_no_clean_delivery_is_refused(
    ratings: str | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "movies.csv").write_text("movieId,title,genres\n1,Zoo (1901),Drama\n")
    if ratings is not None:
        (source / "ratings.csv").write_text(ratings)
    assert main([str(tmp_path / "ml"), "--into", str(source), "--attack", "constant:1"]) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]
