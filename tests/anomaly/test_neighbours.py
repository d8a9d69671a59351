from __future__ import annotations

import numpy as np
import pytest

from anomaly.neighbours import Index
from anomaly.profiles import Profiles
from anomaly.sketches import LARGEST_BUCKET


def profiles(*users: list[tuple[int, float]], first: tuple[int, ...] | None = None) -> Profiles:
    """Users as lists of (film, rating), a second apart."""
    rows = [
        (film, rating, (first[u] if first else u * 100) + i)
        for u, user in enumerate(users)
        for i, (film, rating) in enumerate(user)
    ]
    film, rating, time = zip(*rows, strict=True)
    start = np.concatenate([[0], np.cumsum([len(user) for user in users])])
    return Profiles(start, np.array(film, np.int32), np.array(rating, np.float32), np.array(time, np.int64))


ORIGINAL = [(film, 1.0 + film % 4) for film in range(10)]
COPY = [*ORIGINAL[:8], (20, 3.0), (21, 3.0)]
STRANGER = [(film, 2.0) for film in range(30, 40)]


def test_a_copy_is_found_and_only_the_later_one_is_the_copy() -> None:
    users = profiles(ORIGINAL, COPY, STRANGER)
    found = Index.of(users, 50).nearest(users, same=True)
    np.testing.assert_allclose(found["shared_ratings"], [0.8, 0.8, 0.0])
    np.testing.assert_allclose(found["shared_films"], [8 / 12, 8 / 12, 0.0])
    np.testing.assert_allclose(found["copied_ratings"], [0.0, 0.8, 0.0])
    np.testing.assert_allclose(found["copied_films"], [0.0, 8 / 12, 0.0])
    assert found["most_like"].tolist() == [1, 0, -1]


def among_others(crowd: list[list[tuple[int, float]]], first: list[int]) -> tuple[Profiles, int]:
    """30 honest users who rated earlier, then the crowd with its first times; and how many are honest."""
    rng = np.random.default_rng(4)
    honest = [[(int(f), float(rng.integers(1, 6))) for f in rng.choice(900, 25, replace=False)] for _ in range(30)]
    return profiles(*honest, *crowd, first=(*range(0, 3000, 100), *first)), len(honest)


@pytest.mark.parametrize("size", [LARGEST_BUCKET // 2, LARGEST_BUCKET + 2, 5 * LARGEST_BUCKET])
@pytest.mark.parametrize("order", [1, -1])
def test_a_crowd_of_copies_hides_none_of_them(size: int, order: int) -> None:
    users, n = among_others([ORIGINAL] * size, [10_000 + 1_000 * i for i in range(size)][::order])
    found = Index.of(users, 900).nearest(users, same=True)
    first = n if order == 1 else n + size - 1
    assert np.flatnonzero(found["copied_ratings"] == 1.0).tolist() == sorted({*range(n, n + size)} - {first})
    assert (found["shared_ratings"][n:] == 1.0).sum() >= size - 1
    assert (found["copied_ratings"][:n] < 0.3).all()


def test_copies_that_begin_in_one_second_are_copies_of_the_first_of_them() -> None:
    users, n = among_others([ORIGINAL] * 3 * LARGEST_BUCKET, [10_000] * 3 * LARGEST_BUCKET)
    found = Index.of(users, 900).nearest(users, same=True)
    assert found["copied_ratings"][n] < 1.0
    assert (found["copied_ratings"][n + 1 :] == 1.0).all()


def test_a_guest_is_met_as_a_copy_of_a_crowd_and_the_crowd_not_of_a_later_guest() -> None:
    users, n = among_others([ORIGINAL] * 3 * LARGEST_BUCKET, [10_000] * 3 * LARGEST_BUCKET)
    later, earlier = (profiles(ORIGINAL, first=(time,)) for time in (20_000, 5_000))
    index = Index.of(users, 900)
    assert index.nearest(later, same=False)["copied_ratings"].tolist() == [1.0]
    assert index.nearest(later, same=False)["most_like"][0] >= n
    assert index.nearest(earlier, same=False)["copied_ratings"][0] < 1.0


def test_changed_copies_in_a_crowd_are_traced_to_the_original() -> None:
    """Four fifths of a profile of 60 kept: what two copies have in common is less than either has with the original."""
    rng = np.random.default_rng(6)
    original = [(int(film), float(rng.integers(1, 6))) for film in rng.choice(900, 60, replace=False)]
    kept = [[original[i] for i in sorted(rng.choice(60, 48, replace=False))] for _ in range(200)]
    changed = [[*some, *[(int(f), 3.0) for f in rng.choice(range(900, 2000), 12, replace=False)]] for some in kept]
    users, n = among_others([original, *changed], [10_000 * (i + 1) for i in range(201)])
    found = Index.of(users, 2000).nearest(users, same=True)
    assert (found["copied_ratings"][n + 1 :] >= 0.75).mean() > 0.95


def test_the_same_films_rated_otherwise_share_films_alone() -> None:
    users = profiles(ORIGINAL, [(film, 0.5) for film, _ in ORIGINAL])
    found = Index.of(users, 50).nearest(users, same=True)
    np.testing.assert_allclose(found["shared_films"], [1.0, 1.0])
    np.testing.assert_allclose(found["shared_ratings"], [0.0, 0.0])


def test_a_user_is_never_its_own_neighbour() -> None:
    alone = profiles(ORIGINAL)
    assert Index.of(alone, 50).nearest(alone, same=True)["shared_films"].tolist() == [0.0]
    assert Index.of(alone, 50).nearest(alone, same=False)["shared_films"].tolist() == [1.0]


def test_a_piece_cut_out_of_a_long_profile_is_found() -> None:
    rng = np.random.default_rng(0)
    users = [[(int(f), float(rng.integers(1, 6))) for f in rng.choice(3000, 200, replace=False)] for _ in range(40)]
    users.append(users[7][:30])
    found = Index.of(profiles(*users), 3000).nearest(profiles(*users), same=True)
    assert found["most_like"][40] == 7
    assert found["copied_ratings"][40] == 1.0


def test_a_lent_list_of_films_is_told_from_a_popular_one() -> None:
    rng = np.random.default_rng(0)
    appeal = 1 / (np.arange(600) + 3.0)
    lists = [rng.choice(600, 150, replace=False, p=appeal / appeal.sum()) for _ in range(60)]
    lists.append(rng.permutation(lists[7])[:40])
    users = profiles(*[[(int(film), float(rng.integers(1, 6))) for film in films] for films in lists])
    found = Index.of(users, 600).nearest(users, same=True)
    for name in ("lent_films", "lent_rarity"):
        assert found[name][60] > found[name][:60].max()
    assert found["lent_rarity"][60] == 1.0
