"""Ids and times that mean others in the reference than in the delivery are told, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from checks.loader import load
from checks.phases import Phases
from checks.warehouse import Warehouse
from scripts import run_checkpoint
from scripts.job import findings, identities
from scripts.job.identities import at_odds
from tests import deliveries


def ratings(users: range, rated: Callable[[int, int], str]) -> dict[str, list[str]]:
    """Ten ratings by each user, as `rated` writes that of a user and the film with a number."""
    files = deliveries.clean()
    return files | {"ratings": [files["ratings"][0], *(rated(user, film) for user in users for film in range(1, 11))]}


def rating(user: int, film: int, called: int | None = None, later: int = 0) -> str:
    """A rating by `user`, who is `called` otherwise, so many seconds `later`."""
    return f"{called or user},{film},4.0,{deliveries.START + user * 1000 + film * 40 + later}"


BEFORE = ratings(range(1, 31), rating)
NOW = {
    "renumbered": (ratings(range(1, 31), lambda user, film: rating(user, film, 31 - user)), "100% of the ratings"),
    "in local time": (ratings(range(1, 31), lambda u, f: rating(u, f, later=-5 * 3600)), "timed 5 hours earlier than"),
    "a third of it rated anew": (ratings(range(1, 31), lambda u, f: rating(u, f, later=(u < 11) * 86_400)), None),
    "the same and a few more": (ratings(range(1, 33), rating), None),
    "new ones alone": (ratings(range(31, 61), rating), None),
    "a third of it copied with its times": (
        ratings(range(1, 31), lambda user, film: rating(user, film, 99 if user < 11 else user)),
        None,
    ),
}


@pytest.mark.parametrize(("files", "said"), NOW.values(), ids=NOW)
def test_ids_and_times_that_mean_others_than_in_the_reference_are_told(
    tmp_path: Path, files: dict[str, list[str]], said: str | None
) -> None:
    with (
        load(deliveries.write(tmp_path / "now", files)) as delivery,
        load(deliveries.write(tmp_path / "before", BEFORE)) as reference,
    ):
        told = at_odds(delivery, reference)
    assert told is None if said is None else said in (told or "")


def test_each_side_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(one: Warehouse, text: str) -> pd.DataFrame:
        asked.append(f"{one.folder.name}: {text.partition(' from ')[2].split()[0]}")
        return one.connection.execute(text).df()

    with (
        load(deliveries.write(tmp_path / "now", NOW["in local time"][0])) as delivery,
        load(deliveries.write(tmp_path / "before", BEFORE)) as reference,
    ):
        monkeypatch.setattr(Warehouse, "sql", counted)
        assert at_odds(delivery, reference)
    assert sorted(asked) == ["before: movies", "before: ratings", "now: movies", "now: ratings"]


TITLES = ("Heat", "Toy Story", "Casino", "Fargo", "Alien", "Jaws", "Vertigo", "Psycho", "Rocky", "Network")


def films(n: int, swapped: int = 0, called: str = "{} (1980)") -> dict[str, list[str]]:
    """So many films, each with a word of its own; titles of the first `swapped` are moved on by one."""
    names = [f"The {TITLES[film % 10]}{'abcdefghij'[film // 10 % 10] * 3}" for film in range(n)]
    names = [*names[1:swapped], *names[:1], *names[swapped:]] if swapped else names
    rows = [f'{film},"{called.format(name)}",Drama' for film, name in enumerate(names, start=1)]
    return deliveries.clean() | {"movies": ["movieId,title,genres", *rows]}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (films(90, swapped=90), "the titles of 90 of the 90 films that are in both, such as 1, have no word in common"),
        (films(90, swapped=10), "the titles of 10 of the 90 films"),
        (films(90, swapped=9), None),  # too few to tell it from corrections
        (films(90, called="{}, The: the Movie (a.k.a. Something) (1981)"), None),
        (films(90, called="(1980)"), None),  # a title without a word may be any film's
    ],
    ids=["all", "some", "few", "written otherwise", "no words"],
)
def test_film_ids_that_mean_other_films_are_told(tmp_path: Path, now: dict[str, list[str]], said: str | None) -> None:
    """Each movieId names another film, and genres and tastes would be laid on the wrong ratings."""
    with (
        load(deliveries.write(tmp_path / "now", now)) as delivery,
        load(deliveries.write(tmp_path / "before", films(90))) as reference,
    ):
        told = at_odds(delivery, reference)
    assert told is None if said is None else said in (told or "")


def test_of_many_films_more_must_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "RENAMED", 0.2)
    with (
        load(deliveries.write(tmp_path / "now", films(90, swapped=17))) as delivery,
        load(deliveries.write(tmp_path / "before", films(90))) as reference,
    ):
        assert at_odds(delivery, reference) is None


@pytest.mark.parametrize("name", NOW)
def test_a_part_of_the_ratings_tells_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One in three, chosen alike on both sides, as of a large delivery one in many."""
    monkeypatch.setattr(identities, "COMPARED", 100)
    monkeypatch.setattr(identities, "FEWEST", 30)
    files, said = NOW[name]
    with (
        load(deliveries.write(tmp_path / "now", files)) as delivery,
        load(deliveries.write(tmp_path / "before", BEFORE)) as reference,
    ):
        told = at_odds(delivery, reference)
    assert told is None if said is None else said in (told or "")


def test_ratings_that_lack_an_id_or_a_time_are_passed_over(tmp_path: Path) -> None:
    files = {name: list(lines) for name, lines in NOW["in local time"][0].items()}
    files["ratings"] += [",7,4.0,5", "7,,4.0,5", "7,7,4.0,"]
    with (
        load(deliveries.write(tmp_path / "now", files)) as delivery,
        load(deliveries.write(tmp_path / "before", BEFORE)) as reference,
    ):
        assert "timed 5 hours earlier than" in (at_odds(delivery, reference) or "")


def test_where_it_can_not_be_told_neither_users_nor_drift_are_judged_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(identities, "at_odds", fails)
    folder = deliveries.write(tmp_path / "now", BEFORE)
    settings = run_checkpoint.parser().parse_args(["--reference", str(folder)])
    with load(folder) as delivery:
        problems = findings.write_findings(delivery, settings, Phases())
    said = "whether --reference means the same users and times could not be told (MemoryError)"
    assert problems == dict.fromkeys(("user_anomalies", "drift_findings"), said)


def test_neither_users_nor_drift_are_judged_by_ids_of_others(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "now", NOW["renumbered"][0])
    before = deliveries.write(tmp_path / "before", BEFORE)
    settings = run_checkpoint.parser().parse_args(["--reference", str(before)])
    with load(folder) as delivery:
        problems = findings.write_findings(delivery, settings, Phases())
    assert problems.keys() == {"user_anomalies", "drift_findings"}
    assert all("mean different users" in problem for problem in problems.values())
