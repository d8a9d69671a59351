from __future__ import annotations

import numpy as np

from anomaly.groups import find_groups
from anomaly.profiles import Films, Profiles

DAY = 86_400


def community(target_days: list[int]) -> Profiles:
    """Forty users of twenty films each at 3.0; the first users also give film 99 a 5.0, on the days given."""
    rng = np.random.default_rng(2)
    size, film, rating, time = [], [], [], []
    for user in range(40):
        films = rng.choice(90, 20, replace=False)
        extra = user < len(target_days)
        size.append(20 + extra)
        film += [*films, *([99] * extra)]
        rating += [3.0] * 20 + [5.0] * extra
        time += [*range(user * 50, user * 50 + 20), *([target_days[user] * DAY] if extra else [])]
    start = np.concatenate([[0], np.cumsum(size)])
    return Profiles(start, np.array(film, np.int32), np.array(rating, np.float32), np.array(time, np.int64))


def films_of(profiles: Profiles) -> Films:
    return Films.of(np.arange(1000, 1100), np.zeros(100, np.int64), np.full(100, np.nan), profiles)


def test_suspects_who_push_one_film_together_are_one_attack() -> None:
    profiles = community([10, 11, 12, 13])
    (group,) = find_groups(profiles, films_of(profiles), np.arange(40) < 6)
    assert group.users == (0, 1, 2, 3)
    assert group.targets == (99,)
    assert group.push
    assert group.shifts == (0.0,)  # nobody else rated it: nothing to compare with


def test_far_apart_in_time_is_not_together() -> None:
    profiles = community([10, 210, 410, 610])
    assert find_groups(profiles, films_of(profiles), np.arange(40) < 6) == []


def test_what_everybody_does_is_no_attack() -> None:
    profiles = community([10] * 40)
    assert find_groups(profiles, films_of(profiles), np.arange(40) < 6) == []


def test_two_or_none_are_no_group() -> None:
    profiles = community([10, 11])
    assert find_groups(profiles, films_of(profiles), np.arange(40) < 2) == []
    assert find_groups(profiles, films_of(profiles), np.zeros(40, bool)) == []
