"""What evidence says: of attacks by the films' titles, which are hostile data, and of numbers beside other users'."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from anomaly.evidence import WIDER, WORDINGS, Witness, _rank, attacks, counted
from anomaly.findings import movie_effects
from anomaly.groups import Group
from anomaly.profiles import Films as FilmTable
from anomaly.scoring import Scores
from anomaly.titles import LONGEST, Titles, tidy
from tests.anomaly.test_groups import profiles_of


class Films:
    """A handle with `sql` over a table of films."""

    def __init__(self, titles: dict[int, str | None]) -> None:
        import duckdb

        movies = pd.DataFrame({"movieId": list(titles), "title": pd.Series(list(titles.values()), dtype="string")})
        self.connection = duckdb.connect()
        self.connection.register("movies", movies)

    def sql(self, text: str) -> pd.DataFrame:
        return self.connection.execute(text).df()


FILMS = Films({10: "Terri (2011)", 20: "Heat (1995)", 30: "E.T. (1982)", 40: None})


def said(targets: tuple[int, ...], shifts: tuple[float, ...], push: bool = True, n_users: int = 15) -> str:
    ids = np.array([10, 20, 30, 40, 50])
    group = Group("attack-2", tuple(range(n_users)), tuple(np.searchsorted(ids, targets).tolist()), shifts, push)
    told = attacks([group], ids, Titles([FILMS]))
    assert set(told) == set(range(n_users))
    return told[0]


@pytest.mark.parametrize(
    ("targets", "shifts", "push", "told"),
    [
        ((10,), (1.32,), True, "raised Terri (2011) by 1.32 stars"),
        ((10, 20), (-1.32, -0.5), False, "lowered Terri (2011) by 1.32 and Heat (1995) by 0.50 stars"),
        ((10, 20), (1.32, -0.5), True, "raised Terri (2011) by 1.32 stars and lowered Heat (1995) by 0.50 stars"),
        ((10,), (0.0,), True, "rated Terri (2011) high"),
        ((10,), (0.0,), False, "rated Terri (2011) low"),
        ((40,), (0.7,), True, "raised film 40 by 0.70 stars"),
        (
            (50, 10, 20, 30, 40),
            (1.0, 0.9, 0.8, 0.7, 0.6),
            True,
            "raised film 50 by 1.00, Terri (2011) by 0.90 and Heat (1995) by 0.80 stars, and 2 more films",
        ),
        (
            (50, 10, 20, 30),
            (1.0, 0.9, 0.8, 0.7),
            True,
            "raised film 50 by 1.00, Terri (2011) by 0.90 and Heat (1995) by 0.80 stars, and 1 more film",
        ),
    ],
)
def test_an_attack_is_told_by_titles(
    targets: tuple[int, ...], shifts: tuple[float, ...], push: bool, told: str
) -> None:
    assert said(targets, shifts, push) == f"attack-2: one of 15 users who together {told}"


def test_the_delivery_names_a_film_before_the_reference() -> None:
    other = Films({10: "Another (2011)", 40: "Known there (1990)"})
    assert Titles([FILMS, other]).of([10, 40]) == {10: "Terri (2011)", 40: "Known there (1990)"}
    assert Titles([FILMS]).of([]) == {}


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Dr. No (1962)", "Dr.\u00a0No (1962)"),  # evidence is parted at '. '
        ("two\nlines\r\n\u2028 and\ttabs ", "two lines and tabs"),
        ("\x1b[31mred\x00", "\ufffd[31mred\ufffd"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("<b>bold</b>", "<b>bold</b>"),  # escaped where it is shown
        ("x" * 300, "x" * (LONGEST - 1) + "…"),
        (" \n ", ""),
    ],
)
def test_hostile_titles_stay_on_one_line_of_bounded_length(title: str, told: str) -> None:
    assert tidy(title) == told
    assert len(told) <= LONGEST


def test_a_title_of_blanks_is_none() -> None:
    assert Titles([Films({7: " \n "})]).of([7]) == {7: "film 7"}


def test_counts_are_singular_where_they_are_one() -> None:
    assert (counted(1, "user"), counted(1200, "user")) == ("1 user", "1,200 users")
    assert WORDINGS["most_in_10s"].said(0.0) == "Rated up to 1 film within 10 s"
    assert WORDINGS["most_in_10s"].said(np.log(64)) == "Rated up to 64 films within 10 s"
    assert WORDINGS["levels_used"].said(1.0) == "1 level of the scale used"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1, "1 s"), (119, "119 s"), (121, "2 min"), (7_100, "118 min"), (33_013, "9.2 h"), (200_000, "2 days")],
)
def test_a_length_of_time_is_told_in_its_unit(seconds: float, told: str) -> None:
    assert WORDINGS["mean_log_gap"].said(np.log1p(seconds)) == f"Typical pause between ratings {told}"
    assert WORDINGS["span"].said(np.log1p(seconds / 3_600)) == f"First to last rating {told}"


def test_no_sentence_speaks_like_a_statistician() -> None:
    everything = " ".join(wording.said(1.5) for wording in WORDINGS.values())
    assert not [word for word in ("quantile", "nats", "surprise", "geometric", "entropy") if word in everything]
    assert WORDINGS["genre_entropy"].said(np.log(4)) == "Films spread as if over 4.0 equally frequent genres"
    burst = "Others gave a film the same extreme rating within a day: so many as chance brings once in "
    assert WORDINGS["extreme_burst_day"].said(2.0) == f"{burst}10,000 times"
    assert WORDINGS["extreme_burst_day"].said(5.9) == f"{burst}10^35 times"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (9.0, ", more than 900 of 1,000 users"),
        (0.0, ", less than 900 of 1,000 users"),
        (7.0, ", more than 700 of 1,000 users"),
    ],
)
def test_a_number_is_ranked_among_a_thousand_users(value: float, told: str) -> None:
    assert _rank(np.arange(10.0), value) == told


def test_a_number_that_all_share_has_no_rank() -> None:
    assert _rank(np.ones(10), 1.0) == ""


NAMES = ("mean", "spread", "share_top", "share_bottom", "levels_used", "half_star_share")


def told(deviations: list[float], contributions: list[float]) -> list[object]:
    """The features told of a user, of those of `NAMES` and one that has no wording."""
    features = {name: np.zeros(9) for name in (*NAMES, "rdma")}
    row = [np.tile([*numbers, 30.0], (9, 1)) for numbers in (deviations, contributions)]
    witness = Witness(features, Scores(np.zeros(9), np.zeros(9), row[1], row[0]), np.full(9, 20))
    return [item["feature"] for item in witness.telling(0)]


def test_what_is_within_two_deviations_of_users_of_the_same_size_is_no_evidence() -> None:
    assert told([1.9, 2.1, -1.9, -2.1, 0.0, 0.0], [9.0] * 6) == ["spread", "share_bottom"]


def test_the_four_weightiest_are_told_in_their_order() -> None:
    assert told([3.0] * 6, [1.0, 6.0, 2.0, 5.0, 3.0, 4.0]) == [
        "spread", "share_bottom", "half_star_share", "levels_used",
    ]  # fmt: skip
    assert told([3.0, 9.0, 4.0, 0.0, 0.0, 0.0], [-1.0] * 6) == ["spread", "share_top", "mean"]


@pytest.mark.parametrize(
    ("in_60s", "deviation", "shown"),
    [
        (4.0, 3.0, ["most_in_10s", "mean"]),  # as many within 10 s: the minute says nothing more
        (5.0, 3.0, ["most_in_60s", "most_in_10s", "mean"]),
        (4.0, 0.0, ["most_in_60s", "mean"]),  # where the narrower is usual, the wider is all that there is to say
    ],
)
def test_what_a_narrower_number_says_is_not_said_again(in_60s: float, deviation: float, shown: list[str]) -> None:
    features = {
        name: np.full(9, value) for name, value in (("most_in_60s", in_60s), ("most_in_10s", 4.0), ("mean", 4.0))
    }
    deviations, contributions = np.tile([3.0, deviation, 3.0], (9, 1)), np.tile([3.0, 2.0, 1.0], (9, 1))
    witness = Witness(features, Scores(np.zeros(9), np.zeros(9), contributions, deviations), np.full(9, 20))
    assert [item["feature"] for item in witness.telling(0)] == shown


def test_only_features_that_are_told_are_named_as_wider_or_narrower() -> None:
    assert {name for wide, narrow in WIDER.items() for name in (wide, *narrow)} <= set(WORDINGS)


def test_the_films_that_a_user_moves_most_come_first_and_those_of_few_others_last() -> None:
    """Films 1 to 3 have four others of 3.0; film 4 has two, which says nothing, and film 5 none."""
    others = [(user, film, 3.0, user) for user in range(1, 5) for film in (1, 2, 3)]
    others += [(user, 4, 3.0, user) for user in (1, 2)]
    mine = [(0, 1, 3.5, 10), (0, 2, 5.0, 11), (0, 3, 1.5, 12), (0, 4, 0.5, 13), (0, 5, 0.5, 14)]
    profiles = profiles_of(others + mine)
    films = FilmTable.of(np.arange(100, 106), np.zeros(6, np.int64), np.full(6, np.nan), profiles)
    found = movie_effects(SimpleNamespace(place=SimpleNamespace(films=films), profiles=profiles), 0)
    assert [film["movieId"] for film in found] == [102, 103, 101, 104, 105]
    assert found[0] == {"movieId": 102, "mean": 3.4, "mean_without": 3.0, "n_others": 4}
    assert (found[4]["mean_without"], found[4]["n_others"]) == (None, 0)


@pytest.mark.parametrize("feature", ["mean_deviation", "mean"])
def test_nothing_is_never_told_as_less_than_nothing(feature: str) -> None:
    assert "-0.00" not in WORDINGS[feature].said(-0.001)
