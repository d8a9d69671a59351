"""What the chart of users says of tiny tables."""

from __future__ import annotations

import pandas as pd

from checks.docs.user_charts import normal_and_flagged_users
from tests.docs.tables import only, warehouse


def test_users_who_could_not_be_judged_are_not_called_unflagged() -> None:
    users = pd.DataFrame({"userId": [1, 2], "n_ratings": 20, "mean_rating": 3.5, "score": None, "trusted": False})
    users = users.assign(is_anomaly=False, status="undetermined")
    assert only(normal_and_flagged_users(warehouse(None, user_anomalies=users))).title == "No user could be judged"


def test_flagged_users_are_told_from_others_and_named() -> None:
    users = pd.DataFrame(
        {"userId": [1, 2, 3], "n_ratings": [20, 30, 40], "mean_rating": [5.0, 3.5, None], "score": [9.0, 1.0, 0.0]}
    ).assign(is_anomaly=[True, False, False], status=["flagged", "ok", "ok"], trusted=[False, False, True])
    chart = only(normal_and_flagged_users(warehouse(None, user_anomalies=users)))
    assert chart.title == "1 of 2 users is flagged", "as the verdict has it, of those who were judged"
    assert chart.note == "Of those who are not flagged 1 is trusted, and so not judged."
    assert [(dot["label"], dot["flagged"]) for dot in chart.values] == [("user 1", True), ("", False)]
