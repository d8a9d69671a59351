from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from anomaly.ends import EXTREMES
from anomaly.groups import MOST_TARGETS, Crew, _group, _log_chance, _merged, _scatter, find_groups
from anomaly.profiles import Films, Profiles

DAY = 86_400


def profiles_of(rows: list[tuple[int, int, float, int]]) -> Profiles:
    """Profiles of rows of user, film, rating and second, in any order."""
    user, film, rating, time = (np.array(column) for column in zip(*sorted(rows), strict=True))
    start = np.concatenate([[0], np.cumsum(np.bincount(user))])
    return Profiles(start, film.astype(np.int32), rating.astype(np.float32), time.astype(np.int64))


def crowd() -> list[tuple[int, int, float, int]]:
    """Two hundred users of twenty films each, rated 1.0 to 5.0, a day apart from one another."""
    rng = np.random.default_rng(2)
    return [
        (user, int(film), float(rng.integers(1, 6)), user * DAY + second)
        for user in range(200)
        for second, film in enumerate(rng.choice(90, 20, replace=False))
    ]


def community(target_days: list[int]) -> Profiles:
    """The crowd, whose first users also give film 99 a 5.0 on the days given."""
    return profiles_of(crowd() + [(user, 99, 5.0, day * DAY) for user, day in enumerate(target_days)])


def films_of(profiles: Profiles) -> Films:
    return Films.of(np.arange(1000, 1100), np.zeros(100, np.int64), np.full(100, np.nan), profiles)


def test_suspects_who_push_one_film_together_are_one_attack() -> None:
    profiles = community([10, 11, 12, 13, 14])
    (group,) = find_groups(profiles, films_of(profiles), np.arange(200) < 8)
    assert group.users == (0, 1, 2, 3, 4)
    assert group.targets == (99,)
    assert group.push
    assert group.shifts == (0.0,)  # nobody else rated it: nothing to compare with


def test_far_apart_in_time_is_not_together() -> None:
    profiles = community([10, 210, 410, 610, 810])
    assert find_groups(profiles, films_of(profiles), np.arange(200) < 8) == []


def test_what_everybody_does_is_no_attack() -> None:
    profiles = community([10] * 200)
    assert find_groups(profiles, films_of(profiles), np.arange(200) < 8) == []


def test_two_or_none_are_no_group() -> None:
    profiles = community([10, 11])
    assert find_groups(profiles, films_of(profiles), np.arange(200) < 2) == []
    assert find_groups(profiles, films_of(profiles), np.zeros(200, bool)) == []


def test_busy_users_who_meet_at_the_same_films_are_no_attack() -> None:
    """Ten suspects rate everything there is at the top, as forty other busy users do, all in a month."""
    busy = [(200 + user, film, 5.0, 300 * DAY + user * DAY // 2) for user in range(50) for film in range(90)]
    profiles = profiles_of(crowd() + busy)
    assert find_groups(profiles, films_of(profiles), (np.arange(250) >= 200) & (np.arange(250) % 5 == 0)) == []


def test_a_tenth_of_the_fans_of_a_new_film_are_no_attack_but_most_of_them_are() -> None:
    """Sixty users give a new film 5.0 within ten days; suspects are among them as among all, or nearly all of them."""
    fans = profiles_of(crowd() + [(user, 99, 5.0, 250 * DAY + user * DAY // 6) for user in range(60)])
    assert find_groups(fans, films_of(fans), np.arange(200) % 10 == 0) == []
    (group,) = find_groups(fans, films_of(fans), (np.arange(200) < 60) & (np.arange(200) % 4 != 0))
    assert (len(group.users), group.targets, group.push) == (45, (99,), True)


def test_a_raid_within_years_of_ratings_is_found_by_its_window() -> None:
    """A film loved for years is nuked by eight users within an hour, among whose company it is hardly ever disliked."""
    known = [(user, 99, 1.0 if user % 40 == 0 else 4.0, user * DAY + 30) for user in range(8, 200)]
    raid = [(user, 99, 0.5, 100 * DAY + user * 60) for user in range(8)]
    profiles = profiles_of(crowd() + known + raid)
    (group,) = find_groups(profiles, films_of(profiles), np.arange(200) < 8)
    assert (group.users, group.targets, group.push) == (tuple(range(8)), (99,), False)
    assert group.shifts[0] < -0.1


def test_two_targets_of_one_crew_are_one_attack() -> None:
    both = [(user, film, 5.0, (100 + user) * DAY) for user in range(6) for film in (98, 99)]
    profiles = profiles_of(crowd() + both)
    (group,) = find_groups(profiles, films_of(profiles), np.arange(200) < 6)
    assert set(group.targets) == {98, 99}


@pytest.mark.parametrize("together", [2, 3])
def test_three_of_a_thousand_are_an_attack_and_two_are_none(together: int) -> None:
    """Each user has rated a film of 1.0 and one of 5.0; the only suspects are the first, who share one more."""
    usual = [(user, user % 7 + 7 * end, (1.0, 5.0)[end], user * DAY) for user in range(1000) for end in (0, 1)]
    profiles = profiles_of(usual + [(user, 99, 5.0, (300 + user) * DAY) for user in range(together)])
    found = find_groups(profiles, films_of(profiles), np.arange(1000) < together)
    assert [group.users for group in found] == ([(0, 1, 2)] if together == 3 else [])


@pytest.mark.parametrize(("apart", "found"), [(0, True), (50, True), (70, False)])
def test_an_attack_may_drip_but_never_pauses_for_two_months(apart: int, found: bool) -> None:
    profiles = community([10 + apart * number for number in range(6)])
    groups = find_groups(profiles, films_of(profiles), np.arange(200) < 8)
    assert [group.users for group in groups] == ([(0, 1, 2, 3, 4, 5)] if found else [])


@pytest.mark.parametrize("apart", [60, DAY + 60])
def test_a_raid_and_weeks_of_work_are_found_among_years_of_others_who_do_the_same(apart: int) -> None:
    """Fourteen one after the other; every fourth day one more, of whom every tenth is a suspect, too."""
    work = [(user, 99, 5.0, 200 * DAY + apart * user) for user in range(14)]
    others = [(user, 99, 5.0, (4 * user + 7) * DAY) for user in range(14, 200)]
    profiles = profiles_of(crowd() + work + others)
    suspects = (np.arange(200) < 14) | (np.arange(200) % 10 == 0)
    (group,) = find_groups(profiles, films_of(profiles), suspects)
    assert set(range(14)) <= set(group.users) <= {*range(14), 40, 50}


def test_a_leaning_of_very_many_is_no_attack_though_it_is_beyond_chance() -> None:
    """Four thousand users give two films a 5.0 each; of a thousand of them one is film 99, and suspects are 15 % of
    these and 10 % of the others."""
    user, any_film = np.arange(4000), np.random.default_rng(1).integers([0, 45], [45, 90], (4000, 2))
    any_film[:1000, 0] = 99
    rows = [(u, film, 5.0, u % 1000 * 600) for u, films in enumerate(any_film.tolist()) for film in films]
    profiles = profiles_of(rows)
    suspects = np.where(user < 1000, user % 20 < 3, user % 10 == 0)
    assert find_groups(profiles, films_of(profiles), suspects) == []


def test_users_are_compared_with_those_who_came_when_they_did() -> None:
    """Of three thousand users the last eighth look suspicious, 40 % of them and of the sixty who like a new film."""
    films = np.random.default_rng(1).integers([0, 45], [45, 90], (3000, 2))
    films[2700:2760, 0] = 99
    rows = [(user, film, 5.0, user * 1_000) for user, both in enumerate(films.tolist()) for film in both]
    profiles = profiles_of(rows)
    user = np.arange(3000)
    suspects = np.where(user < 2625, user % 100 == 0, user % 5 < 2)
    assert find_groups(profiles, films_of(profiles), suspects) == []


def test_users_are_compared_with_those_who_rate_as_much() -> None:
    """Every tenth of three thousand users gives twelve films a 5.0, the others two; of the busy ones 40 % look
    suspicious, and of the sixty of them who like one film."""
    rng, user = np.random.default_rng(1), np.arange(3000)
    films = [rng.choice(90, 12 if one % 10 == 0 else 2, replace=False).tolist() for one in range(3000)]
    for one in range(0, 600, 10):
        films[one][0] = 99
    profiles = profiles_of([(one, film, 5.0, one % 100 * 7_000) for one in range(3000) for film in films[one]])
    suspects = np.where(user % 10 == 0, user // 10 % 5 < 2, user % 100 == 1)
    assert find_groups(profiles, films_of(profiles), suspects) == []


def test_how_far_counts_of_suspects_scatter_is_told_by_the_films_where_some_are_to_be_expected() -> None:
    rng = np.random.default_rng(4)
    expected = np.full((300, 24), 6.0)
    assert _scatter(rng.poisson(expected), expected) < 0.1
    tastes = rng.gamma(2.0, 0.5, expected.shape)  # of mean 1 and variance 0.5
    assert _scatter(rng.poisson(expected * tastes), expected) == pytest.approx(0.5, abs=0.25)
    assert _scatter(rng.poisson(expected * tastes)[:8], expected[:8]) == 0.0, "too few to tell"


@pytest.mark.parametrize(("n_suspects", "found"), [(4, False), (20, True)])
def test_suspects_among_many_are_an_attack_if_they_are_several_times_as_many_as_usual(
    n_suspects: int, found: bool
) -> None:
    """Forty give the film a 5.0 within days; every tenth of all others is a suspect, and so many of these forty."""
    fans = profiles_of(crowd() + [(user, 99, 5.0, 250 * DAY + user * 3_600) for user in range(40)])
    suspects = (np.arange(200) >= 40) & (np.arange(200) % 10 == 0) | (np.arange(200) < n_suspects)
    assert bool(find_groups(fans, films_of(fans), suspects)) == found


def test_the_chance_of_so_many_is_poissons_and_larger_where_counts_scatter() -> None:
    assert _log_chance(1, 2.0, 0.0) == pytest.approx(np.log(1 - np.exp(-2)))
    assert _log_chance(2, 1.0, 0.0) == pytest.approx(np.log(1 - 2 * np.exp(-1)))
    assert _log_chance(20, 4.0, 0.5) > _log_chance(20, 4.0, 0.0) + 5


def crew(users: Iterable[int], film: int) -> Crew:
    return Crew(frozenset(users), film, EXTREMES[1], -90.0 + film)


@pytest.mark.parametrize(("second", "attacks"), [(range(5, 15), 1), (range(6, 16), 2), (range(6, 14), 1)])
def test_crews_that_share_half_of_the_smaller_one_are_one_attack(second: range, attacks: int) -> None:
    """Of ten users each five are half, and four are of eight."""
    assert len(_merged([crew(range(10), 1), crew(second, 2)])) == attacks


def test_nobody_is_in_two_attacks() -> None:
    """Two crews of ten; a third of six shares two users with the first, four with the second."""
    attacks = _merged([crew(range(1, 11), 1), crew(range(11, 21), 2), crew(range(9, 15), 3)])
    assert [{user for one in crews for user in one.users} for crews in attacks] == [{*range(1, 11)}, {*range(11, 21)}]


def test_two_who_are_left_of_a_crew_are_no_attack_and_may_yet_belong_to_one() -> None:
    """Of six users two each are in attacks of ten; one of the others is in a crew with five of the first, too."""
    scattered, late = (frozenset(users) for users in ([1, 2, 11, 12, 30, 31], [1, 2, 3, 4, 5, 30]))
    attacks = _merged([crew(range(1, 11), 1), crew(range(11, 21), 2), crew(scattered, 3), crew(late, 4)])
    users = [{user for one in crews for user in one.users} for crews in attacks]
    assert users == [{*range(1, 11), 30}, {*range(11, 21)}]


@pytest.mark.parametrize(("n_films", "inside"), [(1, False), (2, False), (3, True)])
def test_who_meets_an_attack_at_a_film_of_many_is_a_bystander(n_films: int, inside: bool) -> None:
    """Eight attackers push five films; one more user does so at some, but not at the least likely one."""
    crews = [crew([*range(8), *[9] * (number > 4 - n_films)], 90 + number) for number in range(5)]
    profiles = profiles_of(crowd())
    (group,) = find_groups(profiles, films_of(profiles), np.zeros(200, bool), known=crews)
    assert (9 in group.users) == inside
    assert set(range(8)) <= set(group.users)


def test_who_is_in_the_least_likely_crew_is_no_bystander() -> None:
    crews = [crew(range(9 if number == 0 else 8), 90 + number) for number in range(5)]
    profiles = profiles_of(crowd())
    (group,) = find_groups(profiles, films_of(profiles), np.zeros(200, bool), known=crews)
    assert group.users == tuple(range(9))


def test_an_attack_names_no_more_films_than_can_be_read() -> None:
    """Twelve users push seven films."""
    pushed = [(user, film, 5.0, (100 + user) * DAY + film) for user in range(12) for film in range(91, 98)]
    profiles = profiles_of(crowd() + pushed)
    (group,) = find_groups(profiles, films_of(profiles), np.arange(200) < 12)
    assert len(group.targets) == MOST_TARGETS == 5
    assert set(group.targets) <= set(range(91, 98))


@pytest.mark.parametrize(("supporters", "targets"), [(4, (91,)), (5, (98, 91))])
def test_what_half_of_an_attack_pushes_it_is_after(supporters: int, targets: tuple[int, ...]) -> None:
    """Ten users push film 91, and so many of them film 98, which is moved more."""
    pushed = [(user, 91, 5.0, user) for user in range(10)] + [(user, 98, 5.0, user) for user in range(supporters)]
    others = [(user, 91, 3.0, user) for user in range(10, 90)] + [(user, 98, 1.5, user) for user in range(10, 12)]
    profiles = profiles_of(pushed + others)
    crews = [crew(range(10), 91), crew(range(supporters), 98)]
    assert _group(1, crews, profiles, films_of(profiles)).targets == targets


@pytest.mark.parametrize(("n_suspects", "attacks"), [(3, 0), (20, 1)])
def test_three_of_a_hundred_fans_are_no_attack_where_all_suspects_are_in_the_crowd(
    n_suspects: int, attacks: int
) -> None:
    fans = profiles_of(crowd() + [(user, 99, 5.0, (50 + user % 30) * DAY) for user in range(100)])
    suspects, in_crowd = np.arange(200) < n_suspects, np.arange(200) < 100
    assert len(find_groups(fans, films_of(fans), suspects, in_crowd)) == attacks


def test_who_joined_in_from_a_crowd_belongs_to_the_attack() -> None:
    """Eight suspects and twelve of a crowd, who are no suspects, give the film a 5.0 on the same days."""
    profiles, user = community([10 + user % 4 for user in range(20)]), np.arange(200)
    in_crowd = (user >= 8) & (user < 20)
    (group,) = find_groups(profiles, films_of(profiles), user < 8, in_crowd, in_crowd & (user % 5 == 0))
    assert group.users == (*range(8), 10, 15)
