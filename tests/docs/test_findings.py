"""Flagged users and drift as the pages get them, from literal findings tables."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly import rules
from anomaly.titles import tidy
from checks.docs import findings
from drift.impact import Impact, _message, recommendation
from tests.docs.tables import warehouse

TEXTS = [{"text": "Rated 64 films in 10 s, more than 998 of 1,000 users; typical: 2 to 9"}]
EFFECTS = [{"movieId": 7, "mean": 3.0, "mean_without": 4.0, "n_others": 3}, {"movieId": 8, "mean": 1.0}]


def user(number: int, status: str, score: float | None, **changes: Any) -> dict[str, Any]:
    base = {"source_line": 2, "userId": number, "n_ratings": 20 * number, "mean_rating": 3.5, "std_rating": 1.0}
    base |= {"score": score, "status": status, "is_anomaly": status == "flagged", "attack_group": None}
    base |= {"trusted": False}
    base |= {"target_movies": None, "target_shift": None, "evidence": "", "evidence_json": "[]", "movie_effects": "[]"}
    return base | changes


def judged(*users: dict[str, Any]) -> dict[str, Any]:
    movies = pd.DataFrame({"movieId": [7], "title": ["<b>Heat</b> (1995)"]})
    found = findings.users(warehouse(None, user_anomalies=pd.DataFrame(users), movies=movies))
    assert found is not None
    return found


def test_users_come_flagged_first_and_worst_first() -> None:
    found = judged(user(1, "ok", 0.1), user(2, "review", 9.0), user(3, "flagged", 2.0), user(4, "flagged", 5.0))
    assert [card["userId"] for card in found["cards"]] == [4, 3, 2]
    assert found["counts"] == {"ok": 1, "review": 1, "flagged": 2}


def test_who_is_ok_for_being_trusted_is_told_from_who_was_judged() -> None:
    found = judged(user(1, "ok", 0.1), user(2, "ok", 0.1, trusted=True), user(3, "review", 1.0, trusted=True))
    assert (found["counts"]["ok"], found["trusted"]) == (2, 1)
    assert findings.n_judged(found) == 2


def test_a_card_says_what_was_seen_beside_what_is_usual() -> None:
    told = {"evidence": f"30 or more ratings within 10 s. {TEXTS[0]['text']}", "evidence_json": json.dumps(TEXTS)}
    found = judged(user(1, "ok", 0.1), user(5, "flagged", 2.0, movie_effects=json.dumps(EFFECTS[:1]), **told))
    card = found["cards"][0]
    assert card["said"] == ["30 or more ratings within 10 s", TEXTS[0]["text"]]
    assert card["compared"][0] == {"measure": "Ratings", "user": 100, "low": 20.0, "median": 20.0, "high": 20.0}
    assert card["films"] == [EFFECTS[0] | {"title": "<b>Heat</b> (1995)"}]


@pytest.mark.parametrize(
    ("rules", "copied"), [("copied_profile", True), ("one_level, copied_profile", True), ("", False)]
)
def test_a_card_of_a_copy_can_say_whose_ratings_it_is_like(rules: str, copied: bool) -> None:
    (card,) = judged(user(5, "flagged", 2.0, rules_broken=rules, most_like_user=17))["cards"]
    assert (card["copied"], card["most_like_user"]) == (copied, 17)


def test_the_rule_on_copies_is_known_by_the_name_that_users_are_scored_by() -> None:
    assert findings.COPIED == rules.COPIED


def test_a_title_with_a_full_stop_does_not_part_a_sentence_of_the_evidence() -> None:
    attack = f"attack-1: one of 8 users who together raised {tidy('Dr. No (1962)')} by 1.00 stars"
    told = {"evidence": f"{attack}. {TEXTS[0]['text']}", "evidence_json": json.dumps(TEXTS)}
    assert judged(user(5, "flagged", 2.0, **told))["cards"][0]["said"] == [attack, TEXTS[0]["text"]]


def test_films_that_movies_does_not_hold_are_named_by_their_id() -> None:
    found = judged(user(5, "flagged", 2.0, movie_effects=json.dumps(EFFECTS[1:])))
    assert found["cards"][0]["films"][0]["title"] == "film 8"


def test_users_who_acted_together_are_one_group() -> None:
    together = {"attack_group": "attack 1", "target_movies": "7|8", "target_shift": "+0.50|-0.25"}
    found = judged(user(1, "flagged", 3.0, **together), user(2, "flagged", 2.0, **together), user(3, "ok", 0.0))
    [group] = found["groups"]
    assert (group["name"], group["users"]) == ("attack 1", 2)
    assert group["films"] == [
        {"title": "<b>Heat</b> (1995)", "shift": "+0.50"},
        {"title": "film 8", "shift": "-0.25"},
    ]


def test_no_table_says_that_users_were_not_judged() -> None:
    assert findings.users(warehouse(None)) is None
    assert findings.drift(warehouse(None)) == []


def test_undetermined_users_alone_make_no_card() -> None:
    found = judged(user(1, "undetermined", None))
    assert found == {"counts": {"undetermined": 1}, "trusted": 0, "groups": [], "cards": []}


def test_drift_comes_strongest_first_and_unjudged_before_ok() -> None:
    rows = pd.DataFrame(
        {
            "source_line": [2, 3, 4, 5],
            "feature": ["calm", "weak", "unknown", "strong"],
            "status": ["ok", "drifted", "undetermined", "drifted"],
            "effect_size": [0.9, 0.2, None, -0.3],
            "minimum_effect": [0.1, 0.1, 0.1, 0.1],
        }
    )
    found = findings.drift(warehouse(None, drift_findings=rows))
    assert [row["feature"] for row in found] == ["strong", "weak", "unknown", "calm"]
    assert findings.relative_effect(found[0]) == pytest.approx(3.0)
    assert findings.relative_effect(found[2]) is None


@pytest.mark.parametrize("held", [None, "{}", '{"labels": [], "share": []}'])
def test_a_feature_without_both_windows_has_no_histogram(held: str | None) -> None:
    assert findings.histogram({"histogram": held}) == {}


MESSAGE = (
    "Recommendation: watch: new films cost enough. A model errs by 0.88 stars there, and by 1.04 now. Of the current "
    "ratings 92 % are by users that it has never seen. 40 ratings without a user were left out."
)


def test_what_drift_costs_is_a_reason_and_what_it_was_taken_from() -> None:
    assert findings.cost([{"recommendation": None}, {"recommendation": "watch", "message": MESSAGE}]) == findings.Cost(
        "watch",
        "New films cost enough.",
        (
            "A model errs by 0.88 stars there, and by 1.04 now.",
            "Of the current ratings 92 % are by users that it has never seen.",
            "40 ratings without a user were left out.",
        ),
    )
    unjudged = {"recommendation": "undetermined", "message": "Cost of the drift: could not be judged: 3 users."}
    assert findings.cost([unjudged]) == findings.Cost("none yet", unjudged["message"], ())
    assert findings.cost([]) is None


def test_our_own_recommendations_come_apart_sentence_by_sentence() -> None:
    shares, errors = np.array([0.5, 0.5, 0.0, 0.0]), np.ones(4)
    for low, high, cold in ((0.3, 0.4, 0.0), (0.03, 0.4, 0.0), (-0.4, -0.3, 0.0), (-0.1, 0.1, 0.1), (0.0, 0.0, 0.0)):
        impact = Impact((50, 50), (900, 900), 0.9, 0.9 + cold, 1.0, low, high, shares, errors, errors)
        advice, _ = recommendation(impact)
        told = findings.cost([{"recommendation": advice, "message": _message(impact)}])
        assert told is not None
        assert len(told.points) >= 3
        assert all(point.endswith(".") for point in (told.reason, *told.points))
        assert told.points[-2].startswith("Of the difference of ")


def test_what_all_features_share_is_told_once_beside_the_windows() -> None:
    """But what the cost tells already, or what one feature alone says."""
    shared, dropped = "The reference was looked at in 3 periods.", "A sample of 5 % of the users was compared."
    about = {"reference_window": "1996", "current_window": "1997"}
    rows = [
        about | {"feature": "hour", "message": f"Hours: the same for every user. {shared} {dropped}"},
        about | {"feature": "gap", "message": f"Gaps: drifted. Statistic 3.00 against 2.00. {shared} {dropped}"},
        about | {"feature": "impact", "recommendation": "watch", "message": f"Recommendation: watch: why. {dropped}"},
    ]
    assert findings.told_of_all(rows) == (shared, dropped)
    assert findings.compared(rows) == f"Compared: 1996, the reference, with 1997. {shared}"
    assert findings.told_of_all(rows[:1]) == ()
    told = findings.in_parts(rows[1] | {"title": "gaps"}, findings.told_of_all(rows))
    assert told == {"found": "Drifted.", "statistics": "Statistic 3.00 against 2.00."}
