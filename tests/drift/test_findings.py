from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from checks.docs.drift_charts import drift_charts
from drift.features import declared_features
from drift.findings import COLUMNS, find_drift
from drift.messages import _excluded, _means, _where, message
from drift.shifts import plant
from drift.words import bin_said, percent, places
from tests.drift.deliveries import START, Handle, halves, movies, ratings

if TYPE_CHECKING:
    from collections.abc import Callable

DECLARED = [feature.name for feature in declared_features()]


def _compare(reference: pd.DataFrame, current: pd.DataFrame, **tables: pd.DataFrame) -> pd.DataFrame:
    with (
        Handle(ratings=reference, movies=movies()) as before,
        Handle(**{"ratings": current, "movies": movies()} | tables) as now,
    ):
        return find_drift(now, reference=before, relabellings=199, seed=1).set_index("feature")


def _planted(kind: str, size: float) -> pd.DataFrame:
    reference, current = halves(seed=4)
    current, _ = plant(current, movies(), kind, size, None, seed=2)
    return _compare(reference, current)


def test_every_declared_feature_has_a_row_and_the_cost_comes_last() -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse:
        found = find_drift(warehouse, relabellings=99)
    assert list(found.columns) == list(COLUMNS)
    assert found["feature"].tolist() == [*DECLARED, "impact"]
    assert found["source_line"].tolist() == list(range(2, len(DECLARED) + 3))
    judged = found[~found["feature"].isin(["new_users", "new_films"])]  # no user comes back, no year of history
    assert set(judged["status"]) <= {"ok", "drifted"}
    assert found["message"].str.len().min() > 20


def test_where_nothing_moved_nothing_is_found() -> None:
    found = _compare(*halves(seed=4))
    assert "drifted" not in set(found["status"])


PART_OF_THOSE_WHO_CAME_BACK = re.compile(
    r"effect ([\d.]+) % against 1 % \(([\d.]+) % with what is to be expected, as users seen in both windows "
    r"differ from others\)"
)


def test_large_changes_that_are_to_be_expected_are_told_as_such_where_there_is_no_mean() -> None:
    """A quarter of the users rates no comedy; of all others a handful comes back."""
    old = ratings(users=160, seed=4)
    comedies = old["movieId"].isin(movies().query("genres.str.contains('Comedy')")["movieId"])
    old = old[(old["userId"] > 40) | ~comedies]
    back = old[(old["userId"] <= 40) | old["userId"].between(101, 108)]
    now = back.assign(timestamp=back["timestamp"] + 31_536_000)
    others = ratings(users=8, seed=5, first_user=1_001).assign(timestamp=now["timestamp"].max())
    found = _compare(old, pd.concat([now, others])).loc["genre"]
    told = PART_OF_THOSE_WHO_CAME_BACK.search(found["message"])
    assert told, found["message"]
    assert float(told[1]) == pytest.approx(100 * found["effect_size"], rel=0.01)
    assert float(told[2]) > 2 * float(told[1])


@pytest.mark.parametrize(
    ("kind", "size", "feature"),
    [
        ("level", 0.9, "rating"),
        ("users", 0.4, "user_bias"),
        ("spread", 0.8, "user_spread"),
        ("scale", 0.4, "off_scale"),
        ("half_star", 0.9, "half_stars"),
        ("popularity", 0.7, "popularity"),
        ("genre", 0.7, "genre"),
        ("activity", 0.6, "activity"),
        ("subgroup", 0.9, "genre_level"),
        ("nulls", 0.1, "null_ratings"),
        ("order", 0.5, "agreement"),
    ],
)
def test_a_planted_shift_is_named(kind: str, size: float, feature: str) -> None:
    row = _planted(kind, size).loc[feature]
    assert row["status"] == "drifted", row["message"]
    assert row["q_value"] <= 0.05
    assert row["effect_size"] >= row["minimum_effect"]
    assert row["statistic"] > row["bound"]


def test_significant_but_small_is_ok_and_says_so() -> None:
    reference, current = halves(seed=4)
    nulled = current.assign(rating=current["rating"].mask(np.arange(len(current)) % 1100 == 0))
    row = _compare(reference, nulled).loc["null_ratings"]
    assert row["effect_size"] < 0.002
    many = pd.concat([nulled.assign(userId=nulled["userId"] + 1000 * copy) for copy in range(6)])
    still = pd.concat([reference.assign(userId=reference["userId"] + 1000 * copy) for copy in range(6)])
    row = _compare(still, many).loc["null_ratings"]
    assert row["q_value"] <= 0.05
    assert row["effect_size"] < row["minimum_effect"]
    assert row["status"] == "ok"
    assert "by less than matters" in row["message"]


def _small(seed: int, fallen: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten users and ten others, who rate so much lower."""
    reference, current = halves(seed=seed, users=20)
    return reference, current.assign(rating=(current["rating"] - fallen).clip(0.5))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_ten_users_who_all_rate_a_star_and_a_half_lower_it_is_found(seed: int) -> None:
    found = _compare(*_small(seed, fallen=1.5))
    assert found.loc["user_level", "status"] == "drifted", found.loc["user_level", "message"]
    assert "same for every user" not in found.loc["rating", "message"]


def _with_halves_by(users: int, reference: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """Whole stars, but for some of the current users, who give nothing else than half-stars."""
    whole, also = (frame.assign(rating=np.floor(frame["rating"]).clip(1)) for frame in (reference, current))
    chosen = current["userId"].isin(sorted(set(current["userId"]))[:users])
    return _compare(whole, also.assign(rating=also["rating"] - 0.5 * chosen))


def test_what_a_few_of_few_users_alone_did_is_undetermined_and_never_the_same_for_every_user() -> None:
    row = _with_halves_by(4, *_small(4)).loc["half_stars"]
    assert (row["status"], row["effect_size"] > 0.3) == ("undetermined", True)
    assert "could not be judged: in no part of it do 5 users or more differ from the usual one." in row["message"]
    row = _with_halves_by(0, *_small(4)).loc["half_stars"]
    assert (row["status"], "the same for every user" in row["message"]) == ("ok", True)


def test_what_a_few_of_many_users_alone_did_is_less_than_matters() -> None:
    row = _with_halves_by(1, *halves(seed=4)).loc["half_stars"]
    assert (row["status"], 0 < row["effect_size"] < row["minimum_effect"]) == ("ok", True)
    assert "differs for a few users alone, and by less than matters" in row["message"]


def test_genres_of_which_none_was_rated_in_both_windows_are_not_compared() -> None:
    reference, current = halves(seed=4)
    comedies = movies()["movieId"][movies()["genres"] == "Comedy"]
    is_horror = reference["movieId"].isin(movies()["movieId"][movies()["genres"] == "Drama|Horror"])
    row = _compare(reference[is_horror], current[current["movieId"].isin(comedies)]).loc["genre_level"]
    assert row["status"] == "undetermined"
    assert "no genre was rated in both windows" in row["message"]


def test_messages_are_made_of_the_fields_that_decided() -> None:
    row = _planted("level", 0.9).loc["rating"]
    for part in (
        f"{row['reference_mean']:.3f} → {row['current_mean']:.3f} stars ({row['mean_change']:+.3f}, 95 % interval",
        f"Statistic {row['statistic']:.2f} against {row['bound']:.2f}",
        f"corrected {row['q_value']:.3f} against 0.05",
        f"effect {row['effect_size']:.3g} against {row['minimum_effect']:.3g} stars",
        f"{row['reference_users']:.0f} and {row['current_users']:.0f} users",
    ):
        assert part in row["message"]


def test_of_what_has_no_mean_the_three_largest_changes_are_told() -> None:
    before, after = (
        {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4, "E": 0.0},
        {"A": 0.11, "B": 0.4, "C": 0.0, "D": 0.45, "E": 0.04},
    )
    row = dict.fromkeys(("statistic", "bound", "p_value", "effect_size", "minimum_effect", "compared_share"), 1.0)
    row |= dict.fromkeys(
        (
            "reference_users",
            "current_users",
            "reference_n",
            "current_n",
            "excluded_rows",
            "held_rows",
            "lost_share",
            "changed_share",
        ),
        0,
    )
    row |= {"title": "genres", "status": "drifted", "strongest": "B", "q_value": 0.01, "false_alarm_rate": 0.05}
    row |= {"kind": "genres", "unit": "share", "mean_change": np.nan}
    drawn = {"said": list(before), "reference": list(before.values()), "current": list(after.values())}
    said = message(row | {"histogram": json.dumps(drawn)})
    assert "Largest changes, by user: C 30.0 % → 0.0 %, B 20.0 % → 40.0 %, D 40.0 % → 45.0 %." in said
    drawn["current"] = [0.1, 0.4, 0.3, 0.2, 0.00001]  # A and C are as they were
    said = message(row | {"histogram": json.dumps(drawn)})
    assert "Largest changes, by user: B 20.0 % → 40.0 %, D 40.0 % → 20.0 %, E 0.0 % → 0.001 %." in said
    drawn["current"][4] = 0.0
    assert "D 40.0 % → 20.0 %." in message(row | {"histogram": json.dumps(drawn)})


@pytest.mark.parametrize(("kind", "size", "feature"), [("level", 0.9, "rating"), ("half_star", 0.9, "half_stars")])
def test_the_message_and_the_chart_name_the_same_bin(kind: str, size: float, feature: str) -> None:
    row = _planted(kind, size).reset_index().set_index("feature", drop=False).loc[feature].to_dict()
    [chart] = [chart for chart in drift_charts([row]) if chart.kind == "windows"]
    moved = re.search(r"most at (.+?: from .+? % to .+? %)", row["message"])
    assert moved is not None
    assert chart.title.endswith(f" moved most at {moved[1]}")


def test_the_bin_that_moved_is_said_with_its_unit_and_nothing_where_there_is_none() -> None:
    said = [bin_said(label, "stars") for label in ("1", "1.5 to 2", "2 and more")]
    held = {"said": said, "reference": [0.5, 0.3, 0.2], "current": [0.2, 0.4, 0.4]}
    row = {"kind": "ordered", "unit": "stars", "mean_change": 1.0, "histogram": json.dumps(held)}
    assert _where(row) == ", most at 1 star: from 50.0 % to 20.0 %"
    assert _where(row | {"kind": "share"}) == _where(row | {"histogram": ""}) == ""
    assert said == ["1 star", "1.5 to 2 stars", "2 stars and more"]


def test_small_changes_are_told_with_places_enough_and_none_is_minus_nothing() -> None:
    row = {"unit": "share", "reference_mean": 0.0001, "current_mean": 0.000112, "mean_change": 0.000012}
    row |= {"mean_change_low": -1e-9, "mean_change_high": 0.000024}
    assert _means(row) == (
        "mean 0.01000 % → 0.01120 % (+0.00120 percentage points, 95 % interval +0.00000 to +0.00240)"
    )
    assert places(0.0) == places(1e-9) == places(0.125) == 3
    assert (percent(0.0), percent(0.214), percent(0.0000123)) == ("0.0 %", "21.4 %", "0.001 %")


def test_one_rating_is_singular() -> None:
    assert _excluded({"excluded_rows": 1}) == "1 rating without a user or a usable time was left out."
    assert _excluded({"excluded_rows": 1200}) == "1,200 ratings without a user or a usable time were left out."


def test_declared_bins_have_a_label_each_of_its_own() -> None:
    for feature in declared_features():
        if feature.kind == "ordered" and feature.labels:
            assert len(set(feature.labels)) == len(feature.edges) - 1, feature.name


@pytest.mark.parametrize(
    ("name", "number", "label"),
    [
        ("activity", np.log2([7, 8, 45, 46]), ["1 to 7", "8 to 22", "32 to 45", "46 to 63"]),
        ("gap", np.log2([1, 2, 3, 63]), ["0 s", "1 to 2 s", "1 to 2 s", "31 to 62 s"]),
    ],
)
def test_labels_say_in_numbers_what_is_counted_in_doublings(name: str, number: np.ndarray, label: list[str]) -> None:
    [feature] = [one for one in declared_features() if one.name == name]
    bins = np.searchsorted(feature.edges, number, side="right") - 1
    assert [feature.labels[place] for place in bins] == label


def test_histograms_can_be_drawn() -> None:
    found = _planted("level", 0.9)
    drawn = json.loads(found.loc["rating", "histogram"])
    assert drawn["labels"][1:11] == ["0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "4.5", "5"]
    for side in ("reference", "current", "reference_by_rating", "current_by_rating"):
        assert sum(drawn[side]) == pytest.approx(1, abs=1e-4)
        assert len(drawn[side]) == len(drawn["labels"])
    counted = halves(seed=4)[0].groupby("userId")["rating"].apply(lambda stars: (stars == 3.0).mean()).mean()
    assert drawn["reference"][6] == pytest.approx(counted, abs=1e-5)


def test_means_are_those_of_users() -> None:
    reference, current = halves(seed=4)
    reference = reference[(reference["userId"] > 1) | (reference["movieId"] <= 30)]
    row = _compare(reference, current).loc["rating"]
    assert row["reference_mean"] == pytest.approx(reference.groupby("userId")["rating"].mean().mean(), abs=1e-5)
    assert row["mean_change_by_rating"] == pytest.approx(
        current["rating"].mean() - reference["rating"].mean(), abs=1e-5
    )
    assert row["reference_n"] == len(reference)


def test_who_is_new_cannot_be_told_where_folders_share_no_users() -> None:
    row = _compare(*halves(seed=4)).loc["new_users"]
    assert row["status"] == "undetermined"
    assert "share no users" in row["message"]


def test_a_delivery_compared_with_itself_has_not_moved() -> None:
    found = _compare(ratings(), ratings())
    assert "drifted" not in set(found["status"])
    assert "overlap in time" in found.loc["new_users", "message"]
    assert found["effect_size"].drop(["new_users", "new_films"]).abs().max() < 0.05


def test_a_rush_of_new_users_is_found() -> None:
    regulars = pd.concat(
        [
            ratings(users=60, seed=1).assign(timestamp=lambda r, d=d: r["timestamp"] + d)
            for d in (0, 90 * 86_400, 180 * 86_400)
        ]
    )
    newcomers = ratings(users=60, seed=2, first_user=500).assign(timestamp=lambda r: r["timestamp"] + 180 * 86_400)
    with Handle(ratings=pd.concat([regulars, newcomers]), movies=movies()) as warehouse:
        found = find_drift(warehouse, since=START + 170 * 86_400, relabellings=199).set_index("feature")
    assert found.loc["new_users", "status"] == "drifted"
    assert found.loc["new_users", "current_mean"] == pytest.approx(0.5, abs=0.02)


def test_shares_of_bad_levels_are_those_of_the_ratings() -> None:
    """Of ten ratings the first has no level, and the second one of 7.5."""
    reference, current = halves(seed=4)
    tenth = np.arange(len(current)) % 10
    levels = current["rating"].mask(tenth == 0).mask(tenth == 1, 7.5)
    found = _compare(reference, current.assign(rating=levels))
    for name, share in (("null_ratings", 1 / 10), ("off_scale", 1 / 9)):
        assert found.loc[name, ["reference_mean", "current_mean"]].tolist() == pytest.approx([0, share], abs=1e-5)
        assert (found.loc[name, "status"], found.loc[name, "severity"]) == ("drifted", "critical")


def test_rejected_rows_are_laid_to_the_user_of_the_line_before() -> None:
    reference, current = halves(seed=4)
    lines = current["source_line"].iloc[5:-1:25].to_numpy() + 1
    current = current[~current["source_line"].isin(lines)]
    rejects = pd.DataFrame({"source_line": lines, "table_name": "ratings"})
    row = _compare(reference, current, rejected_rows=rejects).loc["rejected_rows"]
    assert row["status"] == "drifted"
    assert row["current_mean"] == pytest.approx(1 / 25, abs=0.005)


def test_tags_that_stop_are_found() -> None:
    reference, current = halves(seed=4)
    tags = reference.drop_duplicates("userId").head(60)[["userId", "timestamp"]]
    tags = pd.concat([tags, tags])  # whoever tags twice is one user
    with (
        Handle(ratings=reference, movies=movies(), tags=tags) as before,
        Handle(ratings=current, movies=movies()) as now,
    ):
        found = find_drift(now, reference=before, relabellings=199).set_index("feature")
    assert found.loc["tagging", "status"] == "drifted"
    assert found.loc["tagging", "reference_mean"] == pytest.approx(60 / 80)


def test_a_source_that_is_missing_costs_its_own_features_alone() -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse:
        warehouse.sql("drop table tags")
        found = find_drift(warehouse, relabellings=99).set_index("feature")
    assert found.loc["tagging", "status"] == "undetermined"
    assert "tagging could not be read: Table with name tags does not exist" in found.loc["tagging", "message"]
    assert found.loc["rating", "status"] in ("ok", "drifted")


def _edge(name: str) -> pd.DataFrame:
    every = ratings(users=60)
    return {
        "empty": every.iloc[:0],
        "one row": every.iloc[:1],
        "constant": every.assign(rating=4.0, movieId=1, timestamp=START),
        "all null": every.assign(rating=np.nan),
        "no users": every.assign(userId=pd.array([None] * len(every), dtype="Int64")),
        "ties": every.assign(timestamp=START + (every["userId"] > 40)),
        "one user": every.assign(userId=1),
        "huge ids": every.assign(userId=every["userId"] + 2**62, movieId=-(2**62) + every["movieId"]),
        "milliseconds": every.assign(timestamp=every["timestamp"] * 1000),
    }[name]


@pytest.mark.parametrize(
    "name",
    ["empty", "one row", "constant", "all null", "no users", "ties", "one user", "huge ids", "milliseconds"],
)
def test_hostile_ratings_give_a_row_for_every_feature_and_never_a_false_ok(name: str) -> None:
    with Handle(ratings=_edge(name), movies=movies()) as warehouse:
        found = find_drift(warehouse, relabellings=99).set_index("feature")
    assert found.index.tolist() == [*DECLARED, "impact"]
    assert not found["message"].str.contains("nan").any()
    if name in ("empty", "one row", "no users", "one user", "milliseconds"):
        assert set(found["status"]) == {"undetermined"}
    if name == "all null":
        assert found.loc["rating", "status"] == found.loc["impact", "status"] == "undetermined"
        assert found.loc["null_ratings", "status"] == "ok"


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_levels_beyond_any_scale_are_off_it_and_overflow_nothing() -> None:
    reference, current = halves(seed=4)
    huge = np.where(np.arange(len(current)) % 100 == 0, 1e308, current["rating"])
    row = _compare(reference, current.assign(rating=huge)).loc["off_scale"]
    assert (row["status"], round(row["current_mean"], 3)) == ("drifted", 0.01)
    assert _compare(reference, current.assign(rating=-huge)).loc["off_scale", "status"] == "drifted"


def _with_genres(change: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    """Findings where nothing moved, but the delivery's catalogue lists other genres than the reference's."""
    catalogue = movies()
    return _compare(*halves(seed=4), movies=catalogue.assign(genres=change(catalogue["genres"])))


def test_all_genres_lost_by_the_delivery_are_undetermined_and_not_taken_from_the_reference() -> None:
    found = _with_genres(lambda genres: genres.mask(genres != "", "(no genres listed)"))
    assert set(found.loc[["genre", "genre_level"], "status"]) == {"undetermined"}
    assert "the current window has 0 users with a value" in found.loc["genre", "message"]


def test_a_genre_lost_by_the_delivery_is_named() -> None:
    """Comedies keep what else they are; where they were nothing else, no genre is listed."""
    row = _with_genres(lambda genres: genres.str.replace(r"^Comedy\|?", "", regex=True)).loc["genre"]
    assert (row["status"], row["strongest"]) == ("drifted", "Comedy")
    assert "Comedy 24.9 % → 0.0 %" in row["message"]


def test_an_edition_that_lists_other_genres_is_no_change_of_what_is_rated() -> None:
    """Comedies are dramas too, now, and half of the horror films no longer horror."""
    plain = _compare(*halves(seed=4))
    second = movies()["movieId"] % 10 >= 5
    other = _with_genres(lambda genres: genres.str.replace("Comedy", "Comedy|Drama").mask(second, genres + "|War"))
    revised = _with_genres(lambda genres: genres.str.replace("|Horror", "", regex=False).where(second, genres))
    for found in (other, revised):
        assert found.loc["genre", "effect_size"] == plain.loc["genre", "effect_size"]
        assert found.loc["genre", "status"] == "ok"


def test_the_same_seed_gives_the_same_table() -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse:
        first, again = (find_drift(warehouse, relabellings=99, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"false_alarm_rate": 0.0}, "false_alarm_rate is 0.0"),
        ({"relabellings": 10}, "relabellings is 10: must be at least 20"),
        ({"relabellings": 33, "false_alarm_rate": 0.03}, "relabellings is 33: must be at least 34"),
        ({"split": 0.0}, "split is 0.0"),
        ({"since": "soon"}, "since is 'soon'"),
    ],
)
def test_parameters_out_of_range_are_said(parameters: dict, message: str) -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse, pytest.raises(ValueError, match=message):
        find_drift(warehouse, **parameters)


def test_as_many_relabellings_as_the_rate_needs_are_enough() -> None:
    with Handle(ratings=ratings(), movies=movies()) as warehouse:
        assert find_drift(warehouse, relabellings=20)["p_value"].min() >= 1 / 21
