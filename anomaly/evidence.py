"""Evidence in words and numbers: what drove a user's score, beside what is usual among users."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.scoring import Scores
    from anomaly.types import Floats, Ints

MOST_SHOWN = 4
# Within two robust standard deviations of users of the same size, a number is no evidence.
TELLING = 2.0


@dataclass(frozen=True)
class Wording:
    """How to say a feature: a sentence with {} for the value, and how to show a value."""

    sentence: str
    show: Callable[[float], str]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:.2f}"


def _whole_of_log(value: float) -> str:
    return f"{np.exp(value):.0f}"


def _films_of_log(value: float) -> str:
    return f"{np.expm1(value):.0f}"


def _seconds_of_log(value: float) -> str:
    return f"{np.expm1(value):.0f} s"


def _hours_of_log(value: float) -> str:
    hours = float(np.expm1(value))
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"


WORDINGS: dict[str, Wording] = {
    "mean": Wording("mean rating {}", _number),
    "spread": Wording("standard deviation of ratings {}", _number),
    "share_top": Wording("{} of the ratings are 5.0", _percent),
    "share_bottom": Wording("{} of the ratings are at the lowest level", _percent),
    "share_one_level": Wording("{} of the ratings are at one level", _percent),
    "share_extreme": Wording("{} of the ratings are at the ends of the scale", _percent),
    "share_middle": Wording("{} of the ratings are 2.5 to 3.5", _percent),
    "levels_used": Wording("{} levels of the scale used", lambda value: f"{value:.0f}"),
    "half_star_share": Wording("{} of the ratings are half stars", _percent),
    "mean_deviation": Wording("on average {} stars from the films' means", lambda value: f"{value:+.2f}"),
    "mean_absolute_deviation": Wording("ratings {} stars away from the films' means", _number),
    "residual_spread": Wording("ratings scatter {} stars about the films' means", _number),
    "residual_tail": Wording("one rating {} stars from what the film and the user's habit suggest", _number),
    "share_far_off": Wording("{} of the ratings more than 2 stars off the film's mean", _percent),
    "correlation_with_means": Wording("correlation with the films' means {}", _number),
    "popularity": Wording("films rated by {} other users (geometric mean)", _films_of_log),
    "share_top_films": Wording("{} of the films among the most rated", _percent),
    "share_known_films": Wording("{} of the films among the most rated, which gather half of all ratings", _percent),
    "share_rare_films": Wording("{} of the films rarely rated by anyone", _percent),
    "most_same_second": Wording("rated {} films in one second", _whole_of_log),
    "most_in_10s": Wording("rated {} films in 10 s", _whole_of_log),
    "most_in_60s": Wording("rated {} films in 60 s", _whole_of_log),
    "most_in_10min": Wording("rated {} films in 10 min", _whole_of_log),
    "zero_gap_share": Wording("{} of the ratings in the same second as the one before", _percent),
    "short_gap_share": Wording("{} of the ratings within 2 s of the one before", _percent),
    "mean_log_gap": Wording("typical pause between ratings {}", _seconds_of_log),
    "sessions": Wording("{} sessions", _whole_of_log),
    "largest_session_share": Wording("{} of the ratings in one session", _percent),
    "span": Wording("first to last rating {}", _hours_of_log),
    "modal_gap_share": Wording("{} of the pauses between ratings are equal", _percent),
    "near_modal_gap_share": Wording("{} of the pauses are equal to within 1 s", _percent),
    "repeated_gap_share": Wording("{} of the pauses repeat the one before", _percent),
    "repeated_positive_gap_share": Wording("{} of the pauses repeat the one before to the second", _percent),
    "share_before_release": Wording("{} of the films rated before their year of release", _percent),
    "share_before_anyone": Wording("{} of the films rated a month or more before anybody else", _percent),
    "share_impossible_half_star": Wording("{} of the ratings are half stars from before half stars existed", _percent),
    "film_coherence": Wording("the films go together with {} of the usual bond (1: the same taste)", _number),
    "film_coherence_in_order": Wording("films rated in a row go together with {} of a perfect bond", _number),
    "taste_correlation": Wording("other users' tastes predict the likes with correlation {}", _number),
    "genre_entropy": Wording("spread over genres {} nats", _number),
    "top_genre_share": Wording("{} of the films of one genre", _percent),
    "extreme_burst_day": Wording("others gave a film the same extreme rating within a day (surprise {})", _number),
    "extreme_burst_month": Wording("others gave a film the same extreme rating within a month (surprise {})", _number),
    "share_out_of_fashion": Wording("{} of the films were hardly rated by others at the time", _percent),
    "shared_films": Wording("{} of the films of this and one other user are the same", _percent),
    "shared_ratings": Wording("{} of the ratings are identical to one other user's", _percent),
    "copied_films": Wording("{} of the films of this and one earlier user are the same", _percent),
    "copied_ratings": Wording("{} of the ratings are identical to an earlier user's", _percent),
}
"""Only what a person can follow: features without wording drive scores, but are never shown as evidence."""


class Witness:
    """Says, for any user, which numbers stand out, with the range of typical users and the quantile among users.

    size: ratings that each is judged by, (n_users,).
    """

    def __init__(self, features: dict[str, Floats], scores: Scores, size: Ints) -> None:
        names = list(features)
        self.features = features
        self.columns = [(place, name) for place, name in enumerate(names) if name in WORDINGS]
        self.deviations, self.contributions, self.size = scores.deviations, scores.contributions, size
        self.sorted = {name: np.sort(features[name]) for _, name in self.columns}
        self.typical = {name: np.quantile(known, (0.05, 0.95)) for name, known in self.sorted.items()}

    def telling(self, user: int) -> list[dict[str, object]]:
        """The user's telling numbers, the weightiest first: feature, value, low, high, quantile, text."""
        weight = {
            name: max(float(self.contributions[user, place]), 0.0) + 0.1 * abs(float(self.deviations[user, place]))
            for place, name in self.columns
            if abs(self.deviations[user, place]) >= TELLING
        }
        return [self._item(name, user) for name in sorted(weight, key=lambda name: -weight[name])[:MOST_SHOWN]]

    def _item(self, name: str, user: int) -> dict[str, object]:
        value, known = float(self.features[name][user]), self.sorted[name]
        low, high = map(float, self.typical[name])
        quantile = float(np.searchsorted(known, value, side="right")) / len(known)
        wording = WORDINGS[name]
        text = (
            f"{wording.sentence.format(wording.show(value))}; typical users: {wording.show(low)} to "
            f"{wording.show(high)} (quantile {quantile:.3f})"
        )
        return {
            "feature": name,
            "value": round(value, 6),
            "typical_low": round(low, 6),
            "typical_high": round(high, 6),
            "quantile": round(quantile, 6),
            "text": text,
        }


class Witnesses(NamedTuple):
    """Of whole profiles, and of new ratings: `by_new` (n_users,) has places among the latter, or -1 for the first."""

    whole: Witness
    since: Witness | None
    by_new: Ints

    def telling(self, user: int) -> list[dict[str, object]]:
        """The telling numbers of what the user is judged by."""
        place = int(self.by_new[user])
        return self.whole.telling(user) if self.since is None or place < 0 else self.since.telling(place)

    def judged_by(self, user: int, delivered: int) -> str:
        """Which ratings those are, where it is not all that was delivered."""
        place = int(self.by_new[user])
        if self.since is not None and place >= 0:
            return f"Judged by {self.since.size[place]} new ratings, which are unlike those before"
        if self.whole.size[user] > delivered:
            return f"Judged by {self.whole.size[user]} ratings, earlier ones of the reference included"
        return ""


def as_json(items: list[dict[str, object]]) -> str:
    """The items as one line of JSON."""
    return json.dumps(items, ensure_ascii=False)
