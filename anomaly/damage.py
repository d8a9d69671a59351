"""Damage to a whole column, of which users must not be accused: what it leaves is no behaviour of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

MOST: Final = 0.5  # of the ratings: fewer are errors among the rest, or some users' own doing


def damage(users: pd.DataFrame, of: str = "delivery") -> str | None:
    """Why no user can be judged, or judged by these, or None. users: as users.sql gives them; of: whose they are."""
    most = MOST * users["n_ratings"].sum()
    if users["n_off_scale"].sum() > most:
        return f"most of the {of}'s ratings are off the half-star scale, 0.5 to 5.0, by which users are judged"
    if users["n_full_minutes"].sum() > most:  # of times told to the second a sixtieth
        return f"most of the {of}'s ratings are timed to the minute or worse, and users are judged by seconds"
    if _in_one_second(users) > most:
        return f"most of the {of}'s ratings have one and the same time, and users are judged by theirs"
    return None


def _in_one_second(users: pd.DataFrame) -> int:
    """The most ratings, of users who have no other, in one second."""
    at_once = users[users["first_rated"] == users["last_rated"]]
    return int(at_once.groupby("first_rated")["n_ratings"].sum().max()) if len(at_once) else 0
