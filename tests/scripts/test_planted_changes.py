"""The second catalogue of changes: each kind changes what it says, and nothing else."""

from __future__ import annotations

import inspect
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

from scripts.evaluation.changes import catalogue as listed
from scripts.evaluation.changes import films, harmless, people, rows, tags, times, values
from scripts.evaluation.changes.catalogue import BOTH, Change, catalogue
from scripts.evaluation.changes.frames import NEW, Frames, Plant, halved, halves

USERS, EACH, FILMS = 40, 12, 45
DAY, HOUR = 86_400, 3600
START = 1_100_044_800  # 2004-11-10, a Wednesday, at midnight
CHANGES = catalogue()
TABLES = ("ratings", "movies", "tags", "links")
UNIQUE = {"ratings": "timestamp", "movies": "title", "tags": "timestamp", "links": "imdbId"}  # a row is known by it
by_name = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)


def delivery(seed: int = 0) -> Frames:
    """Users of several sizes and levels, whose ratings each have a second of their own."""
    rng = np.random.default_rng(seed)
    sizes = [EACH + user % 9 if user % 10 else 40 for user in range(USERS)]
    user = np.repeat(np.arange(1, USERS + 1), sizes)
    film = np.concatenate([rng.choice(FILMS, size, replace=False) + 1 for size in sizes])
    moment = START + user * 2 * DAY + np.arange(len(user)) * 1801
    stars = rng.integers(1, 11, len(user)) / 2
    ratings = pd.DataFrame({"userId": user, "movieId": film, "rating": stars, "timestamp": moment})
    genres = ["Drama", "Drama|Sci-Fi", "Comedy|Drama|Romance", "Comedy"]
    numbers = np.arange(1, FILMS + 1)
    movies = pd.DataFrame(
        {
            "movieId": numbers,
            "title": [f"Film {n:02} ({1970 + n})" for n in numbers],
            "genres": [genres[n % 4] for n in numbers],
        }
    )
    links = pd.DataFrame({"movieId": numbers, "imdbId": numbers + 100, "tmdbId": [None, *(numbers[1:] + 500.0)]})
    written = ratings[::3].drop(columns="rating").assign(tag="slow plot").reset_index(drop=True)
    return Frames(ratings, movies, written[["userId", "movieId", "tag", "timestamp"]], links)


def planted(plant: Plant, strength: float = 1.0, frames: Frames | None = None, seed: int = 0) -> Frames:
    return plant(frames or delivery(), strength, np.random.default_rng(seed))


def of_stars(*stars: float) -> Frames:
    """One user's ratings of as many films."""
    numbers = np.arange(1, len(stars) + 1)
    moment = START + numbers * 7
    return delivery().having(
        ratings=pd.DataFrame({"userId": 1, "movieId": numbers, "rating": stars, "timestamp": moment})
    )


def touched(before: Frames, after: Frames) -> set[str]:
    """The columns whose values changed, and the tables whose rows went (-) or came (+)."""
    return {name for table in TABLES for name in _touched(table, getattr(before, table), getattr(after, table))}


def _touched(name: str, before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    assert list(before.columns) == list(after.columns)
    pd.testing.assert_series_equal(before.dtypes, after.dtypes)
    sign = {-1: {f"{name}-"}, 0: set(), 1: {f"{name}+"}}[int(np.sign(len(after) - len(before)))]
    if len(after) < len(before):
        before = before[before[UNIQUE[name]].isin(after[UNIQUE[name]])].reset_index(drop=True)
    pd.testing.assert_index_equal(before.index, after.index[: len(before)])
    return sign | {f"{name}.{column}" for column in before if not before[column].equals(after[column][: len(before)])}


def amount(before: Frames, after: Frames) -> float:
    """How much changed: rows that came or went and cells of those that stayed; of a clock, by how much, too."""
    total = 0.0
    for name in TABLES:
        old, new = getattr(before, name), getattr(after, name)
        total += abs(len(old) - len(new))
        if len(new) < len(old):
            old = old[old[UNIQUE[name]].isin(new[UNIQUE[name]])].reset_index(drop=True)
        new = new[: len(old)]
        total += sum(float((~(old[c].eq(new[c]) | (old[c].isna() & new[c].isna()))).sum()) for c in old)
    return total + abs(float(after.ratings["timestamp"].iloc[0] - before.ratings["timestamp"].iloc[0])) / DAY


@by_name
def test_a_kind_changes_what_it_says_and_nothing_else(change: Change) -> None:
    before = delivery()
    *weaker, strongest = (_in_order(change, planted(change.plant, strength)) for strength in change.strengths)
    assert all(touched(before, after) <= set(change.touches) for after in weaker)
    assert touched(before, strongest) == set(change.touches)


def _in_order(change: Change, after: Frames) -> Frames:
    """Rows that were only moved are put back."""
    if change.plant is not harmless.rows_in_another_order:
        return after
    return after.having(**{n: getattr(after, n).sort_values(UNIQUE[n], ignore_index=True) for n in TABLES})


@by_name
def test_a_stronger_change_changes_more_and_leaves_what_it_was_given(change: Change) -> None:
    before = delivery()
    kept = deepcopy(before)
    amounts = [amount(before, planted(change.plant, strength, before)) for strength in change.strengths]
    assert amounts == sorted(amounts)
    assert amounts[0] < amounts[-1] or change.plant is harmless.nothing
    assert all(getattr(before, name).equals(getattr(kept, name)) for name in TABLES)


@by_name
def test_halves_and_plants_hang_on_the_seed(change: Change) -> None:
    once, again, other = (change.pair(delivery(), 2, seed) for seed in (1, 1, 2))
    for one, two in zip(once, again, strict=True):
        assert all(getattr(one, name).equals(getattr(two, name)) for name in TABLES)
    assert not once[1].ratings.equals(other[1].ratings)


def test_every_kind_and_strength_splits_the_users_anew() -> None:
    nothing = next(change for change in CHANGES if change.plant is harmless.nothing)
    named = Change(nothing.family, "another", nothing.plant, nothing.strengths, ())
    pairs = [nothing.pair(delivery(), 0, 1), nothing.pair(delivery(), 1, 1), named.pair(delivery(), 0, 1)]
    assert len({tuple(current.users) for _, current in pairs}) == 3


@by_name
def test_the_half_that_is_meant_is_planted_alone(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    split: list[Frames] = []

    def seen(frames: Frames, rng: np.random.Generator) -> tuple[Frames, Frames]:
        split[:] = halves(frames, rng)
        return split[0], split[1]

    monkeypatch.setattr(listed, "halves", seen)
    pair = change.pair(delivery(), 2, 1)
    changed = {
        side
        for side, old, new in zip(("reference", "current"), split, pair, strict=True)
        if any(not getattr(old, name).equals(getattr(new, name)) for name in TABLES)
    }
    meant = {"reference", "current"} if change.on == BOTH else {change.on}
    assert changed == (set() if change.plant is harmless.nothing else meant)


def test_halves_part_the_users_and_share_the_catalogue() -> None:
    whole = delivery()
    one, other = halves(whole, np.random.default_rng(0))
    assert sorted([*one.users, *other.users]) == list(range(1, USERS + 1))
    assert len(one.users) == len(other.users)
    assert len(one.tags) + len(other.tags) == len(whole.tags)
    assert set(one.tags["userId"]) <= set(one.users)
    assert one.movies.equals(whole.movies)
    assert other.links.equals(whole.links)
    first, second = halved(np.arange(5), np.random.default_rng(0))
    assert sorted([*first, *second]) == [0, 1, 2, 3, 4]


def test_every_plant_is_in_the_catalogue_under_a_name_of_its_own() -> None:
    modules = (values, people, films, times, rows, tags, harmless)
    plants = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert {change.plant for change in CHANGES} == plants
    assert len({change.name for change in CHANGES}) == len(CHANGES)
    assert sum(change.harmless for change in CHANGES) >= 10


@pytest.mark.parametrize(
    ("plant", "stars", "after"),
    [
        (values.half_stars_lost, (0.5, 1.0, 2.5, 3.5, 5.0), (1.0, 1.0, 3.0, 4.0, 5.0)),
        (values.fives_inflated, (0.5, 3.5, 4.0, 4.5, 5.0), (0.5, 3.5, 5.0, 5.0, 5.0)),
        (values.half_a_star_kinder, (0.5, 3.0, 4.5, 5.0), (1.0, 3.5, 5.0, 5.0)),
        (values.out_of_ten, (0.5, 3.5, 5.0), (1.0, 7.0, 10.0)),
        (values.thumbs, (0.5, 3.0, 3.5, 5.0), (1.0, 1.0, 5.0, 5.0)),
        (values.default_rating, (0.5, 3.0, 5.0), (3.0, 3.0, 3.0)),
        (values.scale_reversed, (0.5, 3.0, 5.0), (5.0, 2.5, 0.5)),
        (values.bad_ratings_hidden, (0.5, 2.0, 2.5, 5.0), (2.5, 5.0)),
        (values.lukewarm_not_given, (2.0, 2.5, 3.0, 3.5, 4.0), (2.0, 4.0)),
    ],
)
def test_stars_become_what_is_said(plant: Plant, stars: tuple[float, ...], after: tuple[float, ...]) -> None:
    assert tuple(planted(plant, 1.0, of_stars(*stars)).ratings["rating"]) == after


def test_stars_are_lost_preset_and_dealt_anew() -> None:
    before = delivery()
    assert planted(values.ratings_null).ratings["rating"].isna().all()
    one_film = before.having(ratings=before.ratings[:4].assign(movieId=7, rating=[1.0, 2.0, 2.0, 4.0]))
    assert planted(values.preset_to_mean, 1.0, one_film).ratings["rating"].tolist() == [2.0] * 4  # 2.25: to the even
    mixed = planted(values.ratings_mixed_up).ratings
    assert sorted(mixed["rating"]) == sorted(before.ratings["rating"])
    within = planted(values.ratings_mixed_up_within_users).ratings
    assert not within.equals(before.ratings)
    assert _by_user(within, "rating") == _by_user(before.ratings, "rating")
    assert _by_user(mixed, "rating") != _by_user(before.ratings, "rating")


def _by_user(table: pd.DataFrame, column: str) -> dict[int, list[float]]:
    return {int(str(user)): sorted(rows[column]) for user, rows in table.groupby("userId")}


def test_who_is_lost_is_who_rates_least_most_or_longest_ago() -> None:
    before = delivery()
    sizes = before.ratings.groupby("userId").size()
    casual = planted(people.casual_users_lost, 0.3)
    assert casual.ratings.groupby("userId").size().min() >= sizes.sort_values().iloc[12]
    assert len(casual.users) == 28
    heavy = planted(people.heavy_users_lost, 0.3)
    assert heavy.ratings.groupby("userId").size().max() <= sizes.sort_values().iloc[27]
    assert sorted(planted(people.old_users_purged, 0.3).users) == list(range(13, 41))
    assert set(casual.tags["userId"]) <= set(casual.users)
    returned = before.ratings["timestamp"].where(
        before.ratings["userId"] != 1, before.ratings["timestamp"] + 10_000_000
    )
    returned[0] = START  # who came first, and is still here
    purged = planted(people.old_users_purged, 0.3, before.having(ratings=before.ratings.assign(timestamp=returned)))
    assert sorted(purged.users) == [1, *range(14, 41)]


def test_first_ratings_are_the_earliest_of_each_user() -> None:
    backwards = delivery().having(ratings=delivery().ratings[::-1].reset_index(drop=True))
    kept = planted(people.first_ratings_only, 5, backwards).ratings
    expected = backwards.ratings.groupby("userId")["timestamp"].nsmallest(5)
    assert sorted(kept["timestamp"]) == sorted(expected)
    assert kept["timestamp"].is_monotonic_decreasing


def test_accounts_are_mixed_doubled_merged_and_shared() -> None:
    before = delivery()
    mixed = planted(people.user_ids_mixed_up, 0.5).ratings["userId"]
    assert sorted(mixed) == sorted(before.ratings["userId"])
    doubled = planted(people.users_doubled)
    assert set(doubled.users) == {*range(1, USERS + 1), *range(NEW + 1, NEW + USERS + 1)}
    switch = doubled.ratings.groupby("userId")["timestamp"].agg(["min", "max"])
    assert all(switch.loc[user, "max"] < switch.loc[user + NEW, "min"] for user in range(1, USERS + 1))
    three = before.having(ratings=before.ratings[:3].assign(timestamp=[1, 2, 3]))
    assert planted(people.users_doubled, 1.0, three).ratings["userId"].tolist() == [1, 1, NEW + 1]
    assert (doubled.tags.merge(doubled.ratings, on="timestamp").eval("userId_x == userId_y")).all()
    merged = planted(people.accounts_merged)
    assert len(merged.users) == USERS // 2
    assert not merged.ratings.duplicated(["userId", "movieId"]).any()
    assert set(merged.tags["userId"]) <= set(merged.users)
    assert set(planted(people.guests).ratings["userId"]) == {people.GUEST}


def test_bots_rate_different_films_at_random_in_the_last_month() -> None:
    before = delivery()
    new = planted(people.bots, 0.25).ratings[len(before.ratings) :]
    assert new["userId"].nunique() == USERS // 4
    assert (new.groupby("userId")["movieId"].nunique() == FILMS).all()
    assert set(new["rating"]) == set(np.arange(1, 11) / 2)
    last = before.ratings["timestamp"].max()
    assert new["timestamp"].between(last - 30 * DAY, last).all()


def test_a_campaign_gives_one_film_five_stars_once_a_user() -> None:
    before = delivery()
    after = planted(people.campaign).ratings
    new = after[len(before.ratings) :]
    assert new["movieId"].nunique() == 1
    assert (new["rating"] == 5).all()
    assert not after.duplicated(["userId", "movieId"]).any()
    assert set(after.loc[after["movieId"] == new["movieId"].iloc[0], "userId"]) == set(before.users)
    assert new["timestamp"].min() > before.ratings["timestamp"].max() - 7 * DAY


def test_newcomers_are_stricter_and_elsewhere_or_imported_at_once() -> None:
    before = delivery().ratings
    joined = planted(people.country_joins).ratings[len(before) :].reset_index(drop=True)
    assert joined["userId"].tolist() == (before["userId"] + NEW).tolist()
    assert joined["timestamp"].tolist() == (before["timestamp"] + 8 * HOUR).tolist()
    assert joined["rating"].tolist() == np.maximum(before["rating"] - 0.5, 0.5).tolist()
    imported = planted(people.imported).ratings[len(before) :]
    assert (imported["rating"] % 1 == 0).all()
    assert set(imported["timestamp"]) == {before["timestamp"].max()}


def test_popular_films_remain_and_the_newest_take_over() -> None:
    before = delivery()
    counts = before.ratings["movieId"].value_counts()
    kept = planted(films.popular_films_only, 0.6).ratings["movieId"]
    assert kept.nunique() == 18
    assert kept.value_counts().min() >= counts.iloc[18]
    newest = planted(films.newest_films_take_over, 1.0)
    assert set(newest.ratings["movieId"]) == {44, 45}  # a twentieth of the films
    assert not newest.ratings.duplicated(["userId", "movieId"]).any()


@pytest.mark.parametrize(
    ("plant", "column", "after"),
    [
        (films.genre_lost, "genres", ["Sci-Fi", "Comedy|Romance", "Comedy", "(no genres listed)"]),
        (films.genres_lost, "genres", ["(no genres listed)"] * 4),
        (films.genre_renamed, "genres", ["Drama|Science Fiction", "Comedy|Drama|Romance", "Comedy", "Drama"]),
        (films.years_lost, "title", ["Film 01", "Film 02", "Film 03", "Film 04"]),
        (films.titles_in_capitals, "title", ["FILM 01 (1971)", "FILM 02 (1972)", "FILM 03 (1973)", "FILM 04 (1974)"]),
        (harmless.genres_in_another_order, "genres", ["Sci-Fi|Drama", "Romance|Drama|Comedy", "Comedy", "Drama"]),
    ],
)
def test_films_are_called_what_is_said(plant: Plant, column: str, after: list[str]) -> None:
    assert planted(plant).movies[column].tolist()[:4] == after


def test_films_change_genres_ids_and_places() -> None:
    before = delivery()
    assert sorted(planted(films.genres_mixed_up).movies["genres"]) == sorted(before.movies["genres"])
    assert planted(films.films_lost).movies.empty
    theirs = planted(films.ids_of_another_catalogue).ratings["movieId"]
    ours = before.ratings["movieId"]
    assert theirs.tolist() == [film if film == 1 else film + 500 for film in ours]  # the first has no such id
    twice = planted(films.films_under_two_ids)
    assert sorted(twice.movies["movieId"]) == [*range(1, FILMS + 1), *range(NEW + 1, NEW + FILMS + 1)]
    assert (twice.ratings["movieId"] % NEW).tolist() == ours.tolist()
    assert 0.4 < (twice.ratings["movieId"] > NEW).mean() < 0.6
    assert set(twice.links["movieId"]) == set(twice.movies["movieId"])


def test_times_become_what_is_said() -> None:
    before = delivery().ratings["timestamp"]
    assert planted(times.another_zone, 5).ratings["timestamp"].tolist() == (before + 5 * HOUR).tolist()
    assert planted(times.milliseconds).ratings["timestamp"].tolist() == (before * 1000).tolist()
    days = planted(times.dates_alone).ratings["timestamp"]
    assert (days % DAY == 0).all()
    assert (before - days).between(0, DAY - 1).all()
    assert set(planted(times.stamped_at_load).ratings["timestamp"]) == {before.max() + DAY}
    for plant, moments in ((times.christmas, _at_christmas), (times.at_the_weekend, _at_the_weekend)):
        after = planted(plant).ratings["timestamp"]
        assert moments(pd.to_datetime(after, unit="s")).all(), plant
        assert (after % DAY == before % DAY).all()
    assert set(pd.to_datetime(planted(times.christmas).ratings["timestamp"], unit="s").dt.year) == {2004, 2005}


def _at_christmas(moments: pd.Series) -> pd.Series:
    return (moments.dt.month == 12) & (moments.dt.day >= 20)


def _at_the_weekend(moments: pd.Series) -> pd.Series:
    return (moments.dt.day_of_week >= 5) & (moments.dt.to_period("W") == _weeks())


def _weeks() -> pd.Series:
    return pd.to_datetime(delivery().ratings["timestamp"], unit="s").dt.to_period("W")


def test_a_day_s_ratings_and_their_order_change_within_users_alone() -> None:
    before = delivery().ratings
    sent = planted(times.days_sent_at_once).ratings
    a_day = [sent["userId"], sent["timestamp"] // DAY]
    assert (sent.groupby(a_day)["timestamp"].nunique() == 1).all()
    assert sent["timestamp"].tolist() == before.groupby(a_day)["timestamp"].transform("min").tolist()
    mixed = planted(times.order_mixed_up).ratings
    assert _by_user(mixed, "timestamp") == _by_user(before, "timestamp")


def test_rows_go_or_come_twice() -> None:
    before = delivery()
    twice = planted(rows.ratings_delivered_twice).ratings
    assert twice.equals(pd.concat([before.ratings, before.ratings], ignore_index=True))
    assert len(planted(rows.ratings_lost, 0.3).ratings) == pytest.approx(0.7 * len(before.ratings), rel=0.1)
    left = planted(rows.shard_of_films_lost, 0.3).ratings["movieId"]
    counts = before.ratings["movieId"].value_counts()
    assert left.value_counts().to_dict() == {film: counts[film] for film in left.unique()}
    cut = planted(rows.late_data_cut_off, 0.3)
    ordered = before.ratings["timestamp"].sort_values().tolist()
    assert sorted(cut.ratings["timestamp"]) == ordered[: len(cut.ratings)]
    assert len(cut.ratings) == pytest.approx(0.7 * len(ordered), abs=1)
    assert cut.tags["timestamp"].max() <= cut.ratings["timestamp"].max()
    hours = before.ratings["timestamp"] % DAY // HOUR
    assert planted(rows.nights_lost, 4).ratings.equals(before.ratings[hours >= 4].reset_index(drop=True))
    at_four = before.having(ratings=before.ratings[:2].assign(timestamp=[4 * HOUR - 1, 4 * HOUR]))
    assert planted(rows.nights_lost, 4, at_four).ratings["timestamp"].tolist() == [4 * HOUR]


def test_tags_are_translated_advertised_and_preset() -> None:
    before = delivery()
    assert set(planted(tags.tags_in_another_language).tags["tag"]) == {"слош плот"}
    assert planted(tags.tags_lost).tags.empty
    spam = planted(tags.tag_spam, 2).tags[len(before.tags) :]
    assert len(spam) == 2 * len(before.tags)
    assert set(spam["tag"]) == {tags.SPAM}
    assert spam["userId"].nunique() <= 3
    preset = planted(tags.tags_preset).tags[len(before.tags) :]
    first = before.ratings["movieId"].map(
        {n: ["Drama", "Drama", "Comedy", "Comedy"][n % 4] for n in range(1, FILMS + 1)}
    )
    assert preset["tag"].tolist() == first.tolist()
    assert preset["timestamp"].tolist() == before.ratings["timestamp"].tolist()


def test_a_delivery_without_tags_and_links_is_changed_too() -> None:
    whole = delivery()
    bare = whole.having(tags=whole.tags[:0], links=whole.links[:0])
    for change in CHANGES:
        for frames in change.pair(bare, 2, 1):
            assert list(frames.tags.columns) == list(whole.tags.columns)


@pytest.mark.parametrize("seed", [1, 2])
def test_harmless_changes_keep_what_users_did(seed: int) -> None:
    before = delivery()
    moved = planted(harmless.rows_in_another_order, 1.0, before, seed)
    for name in TABLES:
        old, new = getattr(before, name), getattr(moved, name)
        assert not old.equals(new)
        assert new.sort_values(UNIQUE[name], ignore_index=True).equals(old.sort_values(UNIQUE[name], ignore_index=True))
    renumbered = planted(harmless.users_renumbered, 0.5, before, seed)
    both = pd.concat([before.ratings["userId"], renumbered.ratings["userId"]], axis=1, keys=["old", "new"])
    tagged = pd.concat([before.tags["userId"], renumbered.tags["userId"]], axis=1, keys=["old", "new"])
    pairs = pd.concat([both, tagged]).drop_duplicates()
    assert len(pairs) == pairs["old"].nunique() == pairs["new"].nunique() == USERS
    fewer = planted(harmless.fewer_users, 0.5, before, seed)
    assert fewer.ratings.equals(before.of(fewer.users).ratings)
    assert fewer.tags.equals(before.of(fewer.users).tags)
    assert 0 < len(fewer.users) < USERS


def test_films_are_renumbered_alike_in_every_file_of_both_halves() -> None:
    change = next(one for one in CHANGES if one.plant is harmless.films_renumbered)
    reference, current = change.pair(delivery(), 1, 1)
    assert reference.movies.equals(current.movies)
    assert set(reference.movies["movieId"]) != set(range(1, FILMS + 1))
    for half in (reference, current):
        known = set(half.movies["movieId"])
        assert known == set(half.links["movieId"])
        assert {*half.ratings["movieId"], *half.tags["movieId"]} <= known
