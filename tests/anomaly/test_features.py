from __future__ import annotations

import numpy as np
import pytest

from anomaly import features as module
from anomaly.fashion import Eras
from anomaly.profiles import Films, Profiles, joined
from anomaly.rules import broken
from anomaly.scoring import Norms
from anomaly.tastes import Tastes, left_out_means


def profile(*users: list[tuple[int, float, int]]) -> Profiles:
    """Users as lists of (film, rating, time), in order of time."""
    film, rating, time = zip(*(row for user in users for row in user), strict=True)
    start = np.concatenate([[0], np.cumsum([len(user) for user in users])])
    return Profiles(start, np.array(film, np.int32), np.array(rating, np.float32), np.array(time, np.int64))


def films_of(profiles: Profiles, n: int = 40) -> Films:
    return Films.of(np.arange(n), np.zeros(n, np.int64), np.full(n, np.nan), profiles)


def measured(profiles: Profiles) -> dict[str, np.ndarray]:
    flat = Tastes(np.zeros((1, 40, 16), np.float32), np.zeros((1, 40, 8), np.float32))
    place = module.Place(films_of(profiles), flat, module.Extremes.of(profiles), Eras.of(profiles, 40))
    return module.measure(profiles, place, np.zeros(profiles.n_users, np.int64))


def test_a_films_mean_never_holds_the_user_itself() -> None:
    others = [[(film, 3.0, film) for film in range(5)] for _ in range(3)]
    for own in (0.5, 5.0):
        users = profile(*others, [(0, own, 1)])
        assert left_out_means(users, films_of(users))[-1] == pytest.approx(3.0, abs=0.2)


def test_norms_do_not_hold_whom_they_judge() -> None:
    rng = np.random.default_rng(0)
    values, size = rng.normal(size=(100, 2)), np.full(100, 50)
    norms = Norms.fit(values, size)
    deviation = norms.deviations(np.array([[0.0, 4.0]]), np.array([50]))
    assert abs(deviation[0, 0]) < 0.5
    assert 3.0 < deviation[0, 1] < 5.0


def test_a_spread_of_nothing_gives_no_infinite_deviation() -> None:
    norms = Norms.fit(np.zeros((40, 1)), np.full(40, 20))
    assert np.isfinite(norms.deviations(np.array([[3.0]]), np.array([20]))).all()


def test_shape_and_cadence_of_a_known_profile() -> None:
    rows = [(film, 5.0 if film < 8 else 0.5, 1000 + 10 * film) for film in range(10)]
    found = measured(profile(rows))
    assert found["mean"][0] == pytest.approx(4.1)
    assert found["share_top"][0] == pytest.approx(0.8)
    assert found["levels_used"][0] == 2
    assert np.exp(found["most_same_second"][0]) == pytest.approx(1)
    assert np.exp(found["most_in_10s"][0]) == pytest.approx(2)
    assert np.exp(found["most_in_60s"][0]) == pytest.approx(7)
    assert found["modal_gap_share"][0] == pytest.approx(1.0)
    assert found["repeated_positive_gap_share"][0] == pytest.approx(8 / 9)
    assert found["sessions"][0] == 0.0


def test_levels_and_pauses_are_counted_by_their_bounds() -> None:
    """Ten ratings of nine levels, after pauses of 2, 3, 20, 21, 10, 10, 11, 9 and 12 s."""
    levels = [0.5, 1.0, 1.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 2.0]
    times = np.cumsum([0, 2, 3, 20, 21, 10, 10, 11, 9, 12]).tolist()
    found = {
        name: values[0] for name, values in measured(profile(list(zip(range(10), levels, times, strict=True)))).items()
    }
    expected = {
        "share_top": 0.1,
        "share_one_level": 0.2,
        "share_extreme": 0.4,
        "share_middle": 0.3,
        "levels_used": 9,
        "half_star_share": 0.4,
        "short_gap_share": 1 / 9,
        "medium_gap_share": 7 / 9,
        "modal_gap_share": 2 / 9,
        "near_modal_gap_share": 4 / 9,
        "repeated_positive_gap_share": 1 / 9,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_lowest_level_of_whoever_gives_no_half_star_is_one() -> None:
    found = measured(profile([(film, level, film) for film, level in enumerate([1.0, 1.0, 1.0, 4.0])]))
    assert found["share_bottom"][0] == 0.75


def test_genres_are_counted_by_the_films_rated() -> None:
    users = profile([(film, 3.0, film) for film in range(4)])
    films = Films.of(np.arange(4), np.array([0, 0, 0, 1]), np.full(4, np.nan), users)
    found = module._order(users, films)
    assert found["top_genre_share"][0] == 0.75
    assert found["genre_entropy"][0] == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))


def test_a_film_that_hardly_anybody_rates_is_out_of_fashion_at_no_time() -> None:
    """Beside what a hundred users rate at two times, one film was rated twice before."""
    crowd = [[(film, 3.0, 1000 * late + user) for film in range(5)] for late in (0, 1) for user in range(50)]
    found = measured(profile(*crowd, [(6, 3.0, 3)], [(6, 3.0, 4)], [(6, 3.0, 1049)]))
    assert found["share_out_of_fashion"][-1] == 0.0


def test_a_pause_starts_a_session() -> None:
    found = measured(profile([(0, 3.0, 0), (1, 4.0, 60), (2, 4.0, 9_000), (3, 4.0, 9_030), (4, 3.0, 9_060)]))
    assert np.exp(found["sessions"][0]) == pytest.approx(2)
    assert found["largest_session_share"][0] == pytest.approx(3 / 5)


def test_windows_do_not_reach_into_the_next_user() -> None:
    found = measured(profile([(0, 3.0, 100), (1, 3.0, 100)], [(0, 3.0, 100), (1, 3.0, 100), (2, 3.0, 100)]))
    assert np.exp(found["most_same_second"]).round().tolist() == [2, 3]


def test_half_stars_before_they_existed_are_impossible() -> None:
    found = measured(profile([(0, 3.5, 900_000_000), (1, 3.0, 900_000_001), (2, 3.5, 1_100_000_000)]))
    assert found["share_impossible_half_star"][0] == pytest.approx(1 / 3)


def test_films_that_nobody_rates_at_the_time_are_out_of_fashion() -> None:
    crowd = [
        [(film + 10 * decade, 3.0, 1000 * decade + user) for film in range(5)]
        for decade in (0, 1, 2)
        for user in range(30)
    ]
    late = [(film, 3.0, 2015) for film in range(5)]
    users = profile(*crowd, late)
    found = measured(users)
    assert found["share_out_of_fashion"][-1] == 1.0
    assert (found["share_out_of_fashion"][:-1] == 0.0).all()
    assert found["in_fashion"][-1] < found["in_fashion"][:-1].min()


def test_eras_count_each_film_in_the_era_and_its_neighbours() -> None:
    first = profile(*[[(user % 4, 3.0, 100 * user), (5, 3.0, 100 * user + 9)] for user in range(30)])
    more = profile([(1, 3.0, 5), (2, 3.0, 1500)], [(7, 3.0, 99_999)])
    eras, both = Eras.of(first, 8).with_ratings(more), joined([first, more])
    era = eras.era(both.timestamp)
    for film in range(8):
        near = [np.sum((both.film == film) & (np.abs(era - each) <= 1)) for each in range(len(eras.near_any))]
        assert eras.near[film].tolist() == near
    np.testing.assert_allclose(eras.near_any, eras.near.sum(axis=0))


DAY = 86_400


@pytest.mark.parametrize(("raters", "others_from", "share"), [(5, 31, 1.0), (5, 29, 0.0), (4, 31, 0.0)])
def test_who_rates_a_film_a_month_before_anybody_else_is_before_everyone(
    raters: int, others_from: int, share: float
) -> None:
    """Of a film that four or fewer rated nothing is told."""
    others = [[(0, 3.0, (others_from + user) * DAY)] for user in range(raters - 1)]
    found = measured(profile([(0, 3.0, 0)], *others))
    assert found["share_before_anyone"].tolist() == [share] + [0.0] * (raters - 1)


def test_films_rated_before_their_year_of_release_are_told() -> None:
    users = profile([(film, 3.0, 1_103_500_800 + film) for film in range(5)])  # 2004-12-20
    films = Films.of(np.arange(5), np.zeros(5, np.int64), np.array([2006.0, 2004.0, 1990.0, 2004.0, np.nan]), users)
    assert module._history(users, films)["share_before_release"][0] == pytest.approx(1 / 5)


def test_popular_films_are_those_that_gather_a_fifth_and_half_of_all_ratings_and_the_rare_ones_the_last_tenth() -> None:
    users = profile(*[[(film, 3.0, film) for film in range(4 - user)] for user in range(4)])  # of 4, 3, 2 and 1
    assert films_of(users).popular_from == (4, 3, 2)
    found = measured(users)
    shares = [found[name][0] for name in ("share_top_films", "share_known_films", "share_rare_films")]
    assert shares == [0.25, 0.5, 0.5]
    assert found["rarest_film"][0] == 0.0
    assert found["rarest_film"][3] == pytest.approx(-np.log1p(3))


def test_a_film_of_few_ratings_is_expected_at_the_usual_level_and_one_of_many_at_its_own() -> None:
    """Two ratings' worth of the overall mean, 3.0, beside one other rating of 5.0 and beside ten."""
    users = profile([(0, 1.0, 1), (1, 1.0, 2)], [(0, 5.0, 1)], *[[(1, 5.0, user)] for user in range(10)], [(2, 1.0, 1)])
    films = films_of(users)
    overall = users.rating.mean()
    assert left_out_means(users, films)[:2] == pytest.approx([(5 + 2 * overall) / 3, (50 + 2 * overall) / 12])


@pytest.mark.parametrize(("level", "far"), [(2.0, 0.0), (1.0, 1.0)])
def test_more_than_two_stars_from_a_films_mean_is_far_off(level: float, far: float) -> None:
    found = measured(profile(*[[(0, 3.5, user)] for user in range(60)], [(0, level, 99)]))
    assert found["share_far_off"][-1] == far


@pytest.mark.parametrize(("level", "usual"), [(5.0, 0.21), (0.5, 0.07)])
def test_ten_who_give_a_film_one_extreme_on_one_day_surprise_by_their_number(level: float, usual: float) -> None:
    """Nine others, where nine spread over three thousand days would be so near once in 170 days, or 5.6 months."""
    found = measured(profile(*[[(0, level, 1_000 * DAY + 60 * user)] for user in range(10)], [(0, 3.0, 0)]))
    for name, expected in (("day", 9 * 2 / 3_000), ("month", 9 * 60 / 3_000)):
        surprise = 9 * np.log10(9 / expected) - (9 - expected) / np.log(10)
        assert found[f"extreme_burst_{name}"][:10] == pytest.approx(np.full(10, np.sqrt(surprise)))
        assert found[f"extreme_burst_{name}"][10] == 0.0
    excess = (9 - 10 * usual) / np.sqrt(10 * usual * (1 - usual) + 1)
    assert found["extreme_agreement"][0] == pytest.approx(np.sqrt(excess / np.log(13)))


HONEST_NUMBERS = {
    "copied_ratings": 0.3,
    "n_ratings": 80.0,
    "share_one_level": 0.4,
    "modal_gap_share": 0.2,
    "repeated_positive_gap_share": 0.1,
    "most_in_10s": np.log(9),
    "share_extreme": 0.3,
    "share_top": 0.2,
    "even_gap_share": 0.3,
    "awake_hours": 5.0,
    "catalogue_order_share": 0.05,
}
BREAKS = {
    "copied_profile": {"copied_ratings": 0.60},
    "one_level": {"share_one_level": 0.98},
    "machine_cadence": {"modal_gap_share": 0.70, "repeated_positive_gap_share": 0.50},
    "even_pace": {"even_gap_share": 0.70},
    "no_sleep": {"awake_hours": 48.0},
    "catalogue_order": {"catalogue_order_share": 0.60},
    "burst": {"most_in_10s": np.log(30)},
    "all_lowest": {"share_extreme": 1.0},
}


@pytest.mark.parametrize("rule", BREAKS)
def test_each_rule_breaks_at_its_bound_alone(rule: str) -> None:
    at = {name: np.array([value]) for name, value in (HONEST_NUMBERS | BREAKS[rule]).items()}
    assert [name for name, users in broken(at).items() if users[0]] == [rule]
    assert rules_of(**{name: value - 0.04 for name, value in BREAKS[rule].items()}) == []


def test_half_of_a_small_profile_at_once_is_a_burst() -> None:
    numbers = HONEST_NUMBERS | {"most_in_10s": np.log(16), "n_ratings": 30.0}
    assert broken({name: np.array([value]) for name, value in numbers.items()})["burst"][0]


def test_a_small_coincidence_is_no_copy() -> None:
    numbers = HONEST_NUMBERS | {"copied_ratings": 0.7, "n_ratings": 20.0}
    assert not broken({name: np.array([value]) for name, value in numbers.items()})["copied_profile"][0]


def rules_of(**numbers: float) -> list[str]:
    """The rules that an honest user breaks who has these numbers instead."""
    at = {name: np.array([value]) for name, value in (HONEST_NUMBERS | numbers).items()}
    return [name for name, users in broken(at).items() if users[0]]


@pytest.mark.parametrize(("common", "copies"), [(15, []), (16, ["copied_profile"])])
def test_sixteen_ratings_in_common_are_a_copy_and_fifteen_may_coincide(common: int, copies: list[str]) -> None:
    assert rules_of(copied_ratings=common / 20, n_ratings=20.0) == copies


def test_a_machine_keeps_one_pause_and_keeps_it_in_a_row() -> None:
    assert rules_of(modal_gap_share=0.95) == []
    assert rules_of(repeated_positive_gap_share=0.95) == []
    assert rules_of(modal_gap_share=0.95, repeated_positive_gap_share=0.95) == ["machine_cadence"]


@pytest.mark.parametrize(("at_half", "at_one", "breaks"), [(0, 36, True), (1, 35, True), (8, 32, True), (8, 23, False)])
def test_a_single_lower_rating_does_not_undo_all_at_the_lowest(at_half: int, at_one: int, breaks: bool) -> None:
    """Of forty ratings, whose others are 3.0."""
    levels = [0.5] * at_half + [1.0] * at_one + [3.0] * (40 - at_half - at_one)
    user = measured(profile([(film, level, 1_000 + 7 * film**2) for film, level in enumerate(levels)]))
    numbers = {name: float(user[name][0]) for name in HONEST_NUMBERS if name in user}
    assert rules_of(**numbers) == ["all_lowest"] * breaks


def test_four_fifths_are_four_fifths_in_floating_point() -> None:
    assert 0.95 - 0.15 < 0.80
    assert rules_of(share_extreme=0.95, share_top=0.15) == ["all_lowest"]


@pytest.mark.parametrize(("ratings", "breaks"), [(11.0, False), (12.0, True)])
def test_a_few_ratings_may_be_of_one_level_or_at_one_pause(ratings: float, breaks: bool) -> None:
    """As the first ten are of every hundredth published user."""
    assert rules_of(share_one_level=1.0, n_ratings=ratings) == ["one_level"] * breaks
    paced = rules_of(modal_gap_share=1.0, repeated_positive_gap_share=1.0, n_ratings=ratings)
    assert paced == ["machine_cadence"] * breaks
    clock = rules_of(even_gap_share=1.0, awake_hours=60.0, catalogue_order_share=1.0, n_ratings=ratings)
    assert clock == ["even_pace", "no_sleep", "catalogue_order"] * breaks


@pytest.mark.parametrize(
    ("most", "of", "bursts"), [(14, 16, []), (15, 16, ["burst"]), (15, 31, []), (29, 500, []), (30, 500, ["burst"])]
)
def test_a_burst_is_thirty_at_once_or_fifteen_that_are_half_of_all(most: int, of: int, bursts: list[str]) -> None:
    assert rules_of(most_in_10s=np.log(most), n_ratings=float(of)) == bursts
