"""What the chart of users shows: the flagged ones among the others, by how much they rate and how high."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from checks.docs import findings
from checks.docs.chart import Chart, asked
from checks.results.pseudonyms import PLAIN, UserNames
from checks.warehouse import Warehouse
from checks.wording import counted

DOTS = 700  # normal users drawn; more can't be told apart
LABELLED = 5  # flagged users named in the chart


def user_charts(warehouse: Warehouse, names: UserNames = PLAIN) -> list[Chart]:
    """The flagged users among the others, where users were judged."""

    def users(warehouse: Warehouse) -> Chart | None:
        return normal_and_flagged_users(warehouse, names)

    chart = asked(users, warehouse)
    return [] if chart is None else [chart]


def normal_and_flagged_users(warehouse: Warehouse, names: UserNames = PLAIN) -> Chart | None:
    """Activity against mean rating of every user, the flagged ones coloured and the worst named."""
    if not warehouse.has("user_anomalies"):
        return None
    usable = "n_ratings > 0 and mean_rating is not null"
    frame = warehouse.sql(
        f"""(select userId, n_ratings, mean_rating, true as flagged from user_anomalies
              where is_anomaly and {usable} order by score desc nulls last limit {DOTS})
            union all
            (select userId, n_ratings, mean_rating, false from user_anomalies
              where is_anomaly is not true and {usable} order by hash(userId) limit {DOTS})"""
    )
    if frame.empty:
        return None
    title, note = _flagged_of(warehouse)
    if len(frame) - int(frame["flagged"].sum()) == DOTS:
        note = f"{note} {DOTS:,} of the users who are not flagged are drawn.".strip()
    return Chart("users", "users", title, _users_in_words(title, frame), "users", _dots(frame, names), note=note)


def _flagged_of(warehouse: Warehouse) -> tuple[str, str]:
    """How many are flagged, and what to know of the others."""
    users = findings.user_counts(warehouse)
    judged, trusted, flagged = findings.n_judged(users), users["trusted"], users["counts"].get("flagged", 0)
    verb = "is" if trusted == 1 else "are"
    note = f"Of those who are not flagged {trusted:,} {verb} trusted, and so not judged." if trusted else ""
    if not judged:
        return "No user could be judged", note
    if not flagged:
        return f"None of {counted(judged, 'user')} is flagged", note
    return f"{flagged:,} of {counted(judged, 'user')} {'is' if flagged == 1 else 'are'} flagged", note


def _users_in_words(title: str, frame: pd.DataFrame) -> str:
    typical = frame.loc[~frame["flagged"], ["n_ratings", "mean_rating"]].median()
    if math.isnan(typical["n_ratings"]):
        return title
    ratings = counted(round(typical["n_ratings"]), "rating")
    return f"{title}; the median of the others has {ratings}, mean {typical['mean_rating']:.1f}"


def _dots(frame: pd.DataFrame, names: UserNames) -> list[dict[str, Any]]:
    """Dots for the drawing; the worst flagged users come first in `frame`, and the first are named."""
    return [
        {
            "ratings": int(row["n_ratings"]),
            "mean": float(row["mean_rating"]),
            "flagged": bool(row["flagged"]),
            "label": f"user {names.of(row['userId'])}" if row["flagged"] and place < LABELLED else "",
        }
        for place, (_, row) in enumerate(frame.iterrows())
    ]
