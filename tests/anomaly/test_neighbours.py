from __future__ import annotations

import numpy as np

from anomaly.neighbours import Index
from anomaly.profiles import Profiles


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
