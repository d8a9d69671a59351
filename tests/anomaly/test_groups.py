from __future__ import annotations

import numpy as np

from anomaly.groups import find_groups
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
