"""The contract of every detector, the edge set, planted bots at known users, and the calibrated decision."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly import find_anomalies
from anomaly.attacks import plant
from anomaly.findings import DETECTORS, _renamed
from anomaly.table import COLUMNS
from checks.loader import load
from scripts.simulate_data import simulate
from tests.anomaly.community import START, Tables, bots, honest, movies

HONEST, MOVIES = honest(), movies()
STATUSES = {"ok", "flagged", "review", "undetermined"}


def find(ratings: pd.DataFrame, **options: object) -> pd.DataFrame:
    return find_anomalies(Tables(ratings, MOVIES), **options)


@pytest.fixture(scope="module")
def with_bots() -> pd.DataFrame:
    return find(pd.concat([HONEST, bots(901)]))


EDGES = {
    "empty": HONEST.iloc[:0],
    "one row": HONEST.iloc[:1],
    "constant": HONEST.assign(rating=3.0, timestamp=START),
    "all null": HONEST.iloc[:40].assign(movieId=None, rating=None, timestamp=None),
    "null users": HONEST.iloc[:40].assign(userId=None),
    "ties": pd.concat([HONEST[HONEST["userId"] == 1].assign(userId=user) for user in range(1, 41)]),
    "doubled rows": pd.concat([HONEST, HONEST]),
    "off the scale": HONEST.assign(rating=HONEST["rating"] * 100),
    "milliseconds": HONEST.assign(timestamp=HONEST["timestamp"] * 1000),
}


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("edge", EDGES)
def test_every_user_gets_one_row_and_a_status_whatever_the_data(detector: str, edge: str) -> None:
    ratings = EDGES[edge]
    table = find(ratings, detector=detector)
    assert tuple(table.columns) == COLUMNS
    assert table["userId"].tolist() == sorted(ratings["userId"].dropna().unique())
    assert set(table["status"]) <= STATUSES
    assert (table["is_anomaly"] == (table["status"] == "flagged")).all()
    assert table.loc[table["status"] == "undetermined", "score"].isna().all()
    assert table.loc[table["status"] != "undetermined", "score"].notna().all()
    assert (table.loc[table["status"] == "undetermined", "reason"] != "").all()


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("levels", [[1e308], [1e308, -1e308], [1e200, 4.0], [1e39, -1e39]])
def test_levels_whose_squares_no_number_holds_keep_nobody_from_being_judged(detector: str, levels: list[float]) -> None:
    ratings = HONEST.copy()
    ratings.loc[ratings.index[: len(levels)], "rating"] = levels
    table = find(ratings, detector=detector)
    assert (table["status"] != "undetermined").all()
    assert table[["mean_rating", "std_rating"]].abs().max(axis=None) < 10


@pytest.mark.parametrize("detector", DETECTORS)
def test_higher_is_more_anomalous_and_a_seed_repeats(detector: str) -> None:
    ratings = pd.concat([HONEST, bots(901)])
    table = find(ratings, detector=detector, seed=5)
    bad = table["userId"] > 900
    assert table.loc[bad, "score"].min() > table.loc[~bad, "score"].median()
    pd.testing.assert_frame_equal(table, find(ratings, detector=detector, seed=5))


def test_planted_bots_are_flagged_with_their_rules_and_their_numbers(with_bots: pd.DataFrame) -> None:
    flagged = with_bots[with_bots["is_anomaly"]]
    assert flagged["userId"].tolist() == [901, 902, 903, 904]
    assert flagged["source_line"].tolist() == [len(HONEST) + 2 + 60 * place for place in range(4)]
    assert (flagged["rules_broken"] == "one_level, burst").all()
    assert flagged["evidence"].str.contains("98 % or more of the ratings are at one level").all()
    telling = json.loads(flagged["evidence_json"].iloc[0])
    assert {"feature", "value", "typical_low", "typical_high", "quantile", "text"} == set(telling[0])
    assert all(not item["typical_low"] <= item["value"] <= item["typical_high"] for item in telling)
    assert with_bots["p_value"].isna().all()


def test_movie_effects_are_the_means_without_the_user(with_bots: pd.DataFrame) -> None:
    ratings = pd.concat([HONEST, bots(901)])
    effect = json.loads(with_bots.loc[with_bots["userId"] == 901, "movie_effects"].iloc[0])[0]
    film = ratings[ratings["movieId"] == effect["movieId"]]
    assert effect["mean"] == pytest.approx(film["rating"].mean(), abs=0.001)
    assert effect["mean_without"] == pytest.approx(film.loc[film["userId"] != 901, "rating"].mean(), abs=0.001)
    assert effect["n_others"] == len(film) - 1


DAMAGED = {
    "scale of 1": (HONEST.assign(rating=(HONEST["rating"] / 5).round(1)), "off the half-star scale"),
    "scale of 10": (HONEST.assign(rating=HONEST["rating"] * 2), "off the half-star scale"),
    "days for times": (HONEST.assign(timestamp=HONEST["timestamp"] // 86_400 * 86_400), "timed to the minute"),
    "minutes for times": (HONEST.assign(timestamp=HONEST["timestamp"] // 60 * 60), "timed to the minute"),
    "the load's time": (HONEST.assign(timestamp=START + 1), "one and the same time"),
}


@pytest.mark.parametrize("damaged", DAMAGED)
def test_damage_to_a_whole_column_accuses_nobody(damaged: str) -> None:
    ratings, reason = DAMAGED[damaged]
    table = find(ratings)
    assert set(table["status"]) == {"undetermined"}
    assert table["reason"].str.contains(reason).all()


@pytest.mark.parametrize("damaged", DAMAGED)
def test_nobody_is_held_against_a_damaged_reference(damaged: str) -> None:
    ratings, reason = DAMAGED[damaged]
    table = find(HONEST, reference=Tables(ratings.assign(userId=ratings["userId"] + 1000), MOVIES))
    assert set(table["status"]) == {"undetermined"}
    assert table["reason"].str.fullmatch(f"most of the reference's ratings .*{reason}.*").all()


@pytest.mark.parametrize("column", ["rating", "timestamp"])
def test_what_less_than_half_of_the_ratings_have_damages_nobody_else(column: str) -> None:
    damaged = {"rating": HONEST["rating"] + 0.2, "timestamp": HONEST["timestamp"] * 0 + START}[column]
    table = find(HONEST.assign(**{column: HONEST[column].where(HONEST["userId"] % 5 < 3, damaged)}))
    assert "ok" in set(table.loc[table["userId"] % 5 < 3, "status"])


@pytest.mark.parametrize("reference", [None, HONEST], ids=["alone", "with a reference"])
@pytest.mark.parametrize("short", [[950], [1], [2, 3, 20], [1, 40]], ids=str)
def test_a_few_ratings_are_undetermined_not_honest(short: list[int], reference: pd.DataFrame | None) -> None:
    """Whoever gave them stands first, last or among the others; so it is with each delivery of a month."""
    mine = HONEST["userId"].isin(short)
    few = pd.concat([HONEST[HONEST["userId"] == 1].head(3).assign(userId=user) for user in short])
    known = None if reference is None else Tables(reference.assign(userId=reference["userId"] + 1000), MOVIES)
    table = find(pd.concat([HONEST[~mine], few]), reference=known).set_index("userId")
    assert set(table.loc[short, "status"]) == {"undetermined"}
    assert set(table.loc[short, "reason"]) == {"fewer than 5 usable ratings"}
    assert "undetermined" not in set(table.drop(index=short)["status"])


def test_a_reference_may_hold_users_of_few_ratings() -> None:
    reference = HONEST[(HONEST["userId"] % 4 > 0) | (HONEST.groupby("userId").cumcount() < 3)]
    known = Tables(reference.assign(userId=reference["userId"] + 1000), MOVIES)
    assert set(find(HONEST, reference=known)["status"]) <= {"ok", "review", "flagged"}


def test_a_coordinated_push_is_one_attack_with_its_target_and_shift() -> None:
    attack, labels = plant(HONEST, MOVIES, "average-push", 8, 40, seed=2, n_targets=1, timing="paced")
    table = find(pd.concat([HONEST, attack]))
    members = table[table["attack_group"].notna()]
    assert set(members["userId"]) <= set(labels["userId"])
    assert len(members) >= 6
    target = labels["targets"].iloc[0][0]
    assert str(target) in members["target_movies"].iloc[0].split("|")
    shift = float(members["target_shift"].iloc[0].split("|")[0])
    assert shift > 0
    title = MOVIES.set_index("movieId").loc[int(members["target_movies"].iloc[0].split("|")[0]), "title"]
    told = f"attack-1: one of {len(members)} users who together raised {title} by {shift:.2f}"
    assert members["evidence"].str.startswith(told).all()


@pytest.mark.parametrize(("trusted_who_join", "status"), [(0, "flagged"), (6, "review")])
def test_a_bomb_is_flagged_unless_trusted_users_throw_it_too(trusted_who_join: int, status: str) -> None:
    """Fifteen established users, of whom nothing else is odd, give a film that is liked a 0.5 within a day."""
    ratings = honest(400, seed=28)
    throwing = [*range(1, trusted_who_join + 1), *range(301, 316)]
    thrown = pd.DataFrame({"userId": throwing, "movieId": 9, "rating": 0.5})
    thrown["timestamp"] = START + 150_000_000 + 3_000 * np.arange(len(throwing))
    ratings = ratings[~(ratings["userId"].isin(throwing) & (ratings["movieId"] == 9))]
    table = find(pd.concat([ratings, thrown]), trusted_users=range(1, 301)).set_index("userId")
    assert table.loc[301:315, "attack_group"].eq("attack-1").all()
    assert table.loc[301:315, "status"].eq(status).all()
    assert table.drop(index=range(301, 316))["attack_group"].isna().all()


def test_trusted_users_give_p_values_and_flags_at_the_rate() -> None:
    many = honest(260, seed=28)
    attack, _ = plant(many, MOVIES, "average-push", 8, 60, seed=2, timing="paced")
    table = find(pd.concat([many, attack]), trusted_users=range(1, 201))
    trusted = table["userId"] <= 200
    assert table.loc[trusted, "p_value"].isna().all()
    assert table.loc[trusted, "status"].eq("ok").all()
    assert table.loc[~trusted, "p_value"].between(0, 1).all()
    flagged = set(table.loc[table["is_anomaly"], "userId"])
    assert len(flagged & set(range(261, 269))) >= 6
    assert len(flagged - set(range(261, 269))) <= 1
    assert (table.loc[table["is_anomaly"], "q_value"] <= 0.10).all()


def test_a_reference_of_the_same_users_is_those_users_trusted() -> None:
    reference = Tables(HONEST[HONEST["userId"] <= 90], MOVIES)
    table = find(pd.concat([HONEST, bots(901)]), reference=reference)
    assert table["trusted"].tolist() == [user <= 90 for user in table["userId"]]
    assert table.loc[~table["trusted"], "p_value"].notna().all()
    assert table["rules_broken"].str.contains("copied_profile").sum() == 0


def test_a_delivery_held_against_itself_is_not_judged_and_says_so() -> None:
    ratings = pd.concat([HONEST, bots(901)])
    table = find(ratings, reference=Tables(ratings, MOVIES)).set_index("userId")
    assert table["trusted"].all()
    assert set(table["reason"]) == {"trusted, and so not judged"}
    assert table.index[table["status"] == "review"].tolist() == [901, 902, 903, 904], "who break a plain rule"
    assert table.loc[901, "evidence"].startswith("98 % or more of the ratings are at one level")
    assert not table["is_anomaly"].any()


def test_a_namesake_in_the_reference_is_somebody_else() -> None:
    other = honest(60, seed=77)
    table = find(HONEST, reference=Tables(other, MOVIES))
    assert not table["trusted"].any()
    assert len(table) == 120
    assert table["p_value"].notna().all()


def in_time(ratings: pd.DataFrame, last: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each user's ratings but the last so many, and these: as an increment delivers them."""
    late = ratings.sort_values("timestamp").groupby("userId").cumcount(ascending=False).reindex(ratings.index) < last
    return ratings[~late], ratings[late]


MANY = honest(260, seed=28)
BOTS = bots(901, 20)  # as many as 130 trusted users let be told from chance


@pytest.mark.parametrize("who", [range(1, n + 1) for n in (60, 200, 229, 260)], ids=lambda who: f"{len(who)} of 260")
def test_who_comes_back_with_a_few_ratings_is_judged_by_all_of_them(who: range) -> None:
    """A few ratings by themselves are no profile, and would make nearly everybody suspicious.

    Where most come back, each half is held against what is known of the other.
    """
    earlier, late = in_time(MANY, 8)
    delivered = pd.concat([late[late["userId"].isin(who)], BOTS])
    table = find(delivered, reference=Tables(earlier, MOVIES)).set_index("userId")
    bad = table.index > 900
    assert table.index.tolist() == sorted(delivered["userId"].unique())
    assert table.loc[bad, "is_anomaly"].all()
    assert table.loc[~bad, "is_anomaly"].sum() <= 2
    assert table.loc[~bad, "p_value"].median() > 0.3
    assert (table.loc[~bad, "n_ratings"] == 8).all()  # the delivery's own


def test_evidence_says_that_earlier_ratings_are_in_it() -> None:
    many = pd.concat([MANY, bots(261, 20)], ignore_index=True)
    earlier, late = in_time(many, 8)
    late = late[late["userId"].isin([*range(1, 41), *range(261, 281)])]
    table = find(late, reference=Tables(earlier, MOVIES)).set_index("userId")
    shown = table.loc[table["evidence"] != "", "evidence"]
    assert len(shown)
    assert shown.str.contains(r"Judged by \d+ ratings, earlier ones of the reference included").all()
    assert table.loc[261, "evidence"].endswith("Judged by 60 ratings, earlier ones of the reference included")


def taken_over(kind: str, first: int, start: int) -> pd.DataFrame:
    """The ratings of twenty attackers, by users of these ids, from a moment on."""
    attack, _ = plant(MANY, MOVIES, kind, 20, 40, seed=2, timing="paced")
    user, timestamp = attack["userId"].rank(method="dense").astype(int) + first - 1, attack["timestamp"]
    return attack.assign(userId=user, timestamp=timestamp - timestamp.min() + start)


@pytest.mark.parametrize("kind", ["average-push", "machine-paced"])
def test_an_account_that_turns_is_flagged_by_its_new_ratings(kind: str) -> None:
    earlier, late = in_time(MANY, 20)
    bad = taken_over(kind, 61, int(MANY["timestamp"].max()))
    delivered = pd.concat([late[late["userId"] <= 60], bad])
    table = find(delivered, reference=Tables(earlier, MOVIES)).set_index("userId")
    turned = table.loc[61:]
    assert turned["is_anomaly"].all()
    new = turned["evidence"].str.extract(r"Judged by (\d+) new ratings, which are unlike those before$")[0]
    rated = MANY[["userId", "movieId"]].merge(bad[["userId", "movieId"]]).groupby("userId").size()
    n_new = bad.groupby("userId").size() - rated.reindex(turned.index, fill_value=0)
    assert new.notna().sum() >= 10  # the others stand out as a whole
    assert (new.dropna().astype(int) >= n_new[new.dropna().index]).all()
    assert table.loc[:60, "is_anomaly"].sum() <= 5


@pytest.mark.parametrize("trusted", [range(1, 201), None], ids=["calibrated", "by rules"])
def test_who_was_copied_is_not_to_blame(trusted: range | None) -> None:
    copy = MANY[MANY["userId"] == 230].assign(userId=901, timestamp=lambda rows: rows["timestamp"] + 86_400)
    alone, table = (
        find(ratings, trusted_users=trusted).set_index("userId") for ratings in (MANY, pd.concat([MANY, copy]))
    )
    assert table.loc[901, "status"] == ("review" if trusted else "flagged")  # one in 61 may be chance, by 200 trusted
    assert "copied_profile" in table.loc[901, "rules_broken"]
    assert table.loc[230, "status"] == alone.loc[230, "status"] == "ok"
    assert table.loc[230, "score"] < table.loc[901, "score"] / 2


def test_who_all_copy_one_user_are_an_attack_though_they_meet_on_every_film(movielens_small: Path) -> None:
    """Fifteen, two days apart, each leave out a fifth of the ratings, move them in time and push one film."""
    ratings, catalogue = (pd.read_csv(movielens_small / f"{table}.csv") for table in ("ratings", "movies"))
    copied, rng, parts = ratings[ratings["userId"] == 76], np.random.default_rng(1), []
    for number in range(15):
        kept = copied[rng.random(len(copied)) < 0.8]
        pushed = pd.DataFrame({"movieId": [2053], "rating": [5.0], "timestamp": [int(kept["timestamp"].iloc[-1]) + 9]})
        parts.append(pd.concat([kept, pushed]).assign(userId=9001 + number))
        parts[-1]["timestamp"] += 400 * 86_400 + number * 2 * 86_400 + rng.integers(0, 90, len(parts[-1]))
    table = find_anomalies(Tables(pd.concat([ratings, *parts]), catalogue)).set_index("userId")
    attack = table["attack_group"].dropna()
    assert attack.nunique() == 1
    assert set(attack.index) == set(range(9001, 9016))


def test_trusted_users_are_trusted_beside_a_reference_too() -> None:
    known = Tables(MANY[MANY["userId"] > 60].assign(userId=lambda rows: rows["userId"] + 1000), MOVIES)
    table = find(MANY[MANY["userId"] <= 60], reference=known, trusted_users=range(1, 31)).set_index("userId")
    assert table["trusted"].tolist() == [user <= 30 for user in table.index]
    assert table["p_value"].isna().tolist() == table["trusted"].tolist()


def test_a_few_ratings_here_and_a_few_there_are_enough_together() -> None:
    once = HONEST[HONEST["userId"] == 1].head(7).assign(userId=700)
    known = Tables(pd.concat([HONEST, once.head(4)], ignore_index=True), MOVIES)
    table = find(pd.concat([MANY.assign(userId=MANY["userId"] + 1000), once.tail(3)]), reference=known)
    assert table.set_index("userId").loc[700, "status"] != "undetermined"


def test_a_user_of_few_new_ratings_is_judged_if_the_reference_knows_more() -> None:
    earlier, delivered = in_time(HONEST, 2)
    stranger = delivered[delivered["userId"] == 1].assign(userId=500)
    table = find(pd.concat([delivered, stranger]), reference=Tables(earlier, MOVIES)).set_index("userId")
    assert table.loc[500, "status"] == "undetermined"
    assert "undetermined" not in set(table.drop(index=500)["status"])


def test_a_reference_lets_a_small_delivery_be_judged() -> None:
    few = HONEST[HONEST["userId"] <= 4].assign(userId=lambda rows: rows["userId"] + 900)
    table = find(few, reference=Tables(HONEST[HONEST["userId"] > 4], MOVIES))
    assert table["p_value"].notna().all()
    assert table["is_anomaly"].sum() <= 1  # of four, at one false flag in ten


def test_a_delivery_without_usable_ratings_is_undetermined_whatever_the_reference() -> None:
    table = find(HONEST.assign(rating=np.nan), reference=Tables(HONEST.assign(userId=HONEST["userId"] + 500), MOVIES))
    assert set(table["status"]) == {"undetermined"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"detector": "oracle"}, "detector must be one of two-channel"),
        ({"false_discovery_rate": 1.5}, "between 0 and 1"),
        ({"detector": "isolation-forest", "trusted_users": range(1, 60)}, "makes no use of trusted users"),
    ],
)
def test_wrong_options_say_what_must_hold(option: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(HONEST, **option)


@pytest.mark.slow
def test_clean_real_data_has_no_attack_and_hardly_a_flag(movielens_small: object) -> None:
    ratings = pd.read_csv(f"{movielens_small}/ratings.csv")
    table = find_anomalies(Tables(ratings, pd.read_csv(f"{movielens_small}/movies.csv")))
    assert table["attack_group"].isna().all()
    assert table["is_anomaly"].sum() <= 5
    assert np.isfinite(table["score"]).all()


@pytest.mark.slow
def test_a_large_honest_delivery_has_no_attack_and_hardly_a_flag(tmp_path: Path) -> None:
    """Where users abound any leaning of theirs is beyond chance: fans of a new film, the busiest, those of one year."""
    simulate(tmp_path / "large", users=62_500, ratings=10_000_000)
    with load(tmp_path / "large") as warehouse:
        table = find_anomalies(warehouse)
    assert table["attack_group"].isna().all()
    assert table["is_anomaly"].mean() < 0.001


@pytest.mark.parametrize("few", [range(1, 30), range(5000, 5100), ()])
def test_trusted_users_too_few_to_calibrate_are_told(few: Collection[int]) -> None:
    with pytest.raises(ValueError, match="but a false discovery rate needs 30"):
        find(HONEST, trusted_users=few)


def test_a_reference_too_small_to_calibrate_is_told() -> None:
    with pytest.raises(ValueError, match="but a false discovery rate needs 30"):
        find(HONEST, reference=Tables(honest(20, seed=77), MOVIES))


@pytest.mark.parametrize("users", [19, 20, 110, 120])
def test_the_recipe_never_flags_more_than_its_share(users: int) -> None:
    table = find(HONEST[HONEST["userId"] <= users], detector="isolation-forest")
    assert table["is_anomaly"].sum() == users * 5 // 100
    lowest_flagged = table.loc[table["is_anomaly"], "score"].min() if table["is_anomaly"].any() else float("inf")
    assert lowest_flagged >= table.loc[~table["is_anomaly"], "score"].max()


def test_the_recipe_flags_its_share_of_users_that_are_all_alike() -> None:
    table = find(EDGES["ties"], detector="isolation-forest")
    assert table["is_anomaly"].sum() == 2


def test_attacks_of_another_part_have_names_of_their_own() -> None:
    said = "attack-1: one of 8 users who together raised attack-1 (1999) by 1.00 stars"
    table = pd.DataFrame({"attack_group": ["attack-1", None], "evidence": [said, "Rated attack-1"]})
    named = _renamed(table.astype("string"))
    assert named["attack_group"].tolist() == ["attack-b1", pd.NA]
    assert named["evidence"].tolist() == [said.replace("attack-1:", "attack-b1:"), "Rated attack-1"]
