"""Evidence in words and numbers: what drove a user's score, beside what is usual among users."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from anomaly.groups import Group
    from anomaly.scoring import Scores
    from anomaly.titles import Titles
    from anomaly.types import Floats, Ints

MOST_SHOWN, FILMS_SHOWN = 4, 3
# Within two robust standard deviations of users of the same size, a number is no evidence.
TELLING = 2.0


@dataclass(frozen=True)
class Wording:
    """How to say a feature: a sentence with {} for the value, how to show a value, and what it counts, if anything."""

    sentence: str
    show: Callable[[float], str]
    noun: str = ""

    def said(self, value: float) -> str:
        """The sentence, of a number in words that anyone can follow."""
        shown = self.show(value)
        plural = "" if shown == "1" else "s"
        sentence = self.sentence.format(f"{shown} {self.noun}{plural}" if self.noun else shown)
        return sentence[:1].upper() + sentence[1:]


def counted(count: float, noun: str) -> str:
    """A number with its noun, of which there may be one."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:z.2f}"


def _whole_of_log(value: float) -> str:
    return f"{np.exp(value):.0f}"


def _users_of_log(value: float) -> str:
    return f"{np.expm1(value):.0f}"


def _genres_of_entropy(value: float) -> str:
    """As many equally frequent genres have this entropy."""
    return f"{np.exp(value):.1f}"


def _times_of_root(value: float) -> str:
    """One in how many times chance does this, of the root of a surprise (features._extreme_bursts)."""
    surprise = value**2
    return f"{10**surprise:,.0f}" if surprise < 6 else f"10^{surprise:.0f}"


def _seconds_of_log(value: float) -> str:
    return _lasting(float(np.expm1(value)))


def _hours_of_log(value: float) -> str:
    return _lasting(3_600 * float(np.expm1(value)))


def _lasting(seconds: float) -> str:
    """A length of time in the unit that one would say it in."""
    minutes, hours = seconds / 60, seconds / 3_600
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"


WORDINGS: dict[str, Wording] = {
    "mean": Wording("mean rating {} stars", _number),
    "spread": Wording("ratings spread {} stars about their mean (standard deviation)", _number),
    "share_top": Wording("{} of the ratings are 5.0 stars", _percent),
    "share_bottom": Wording("{} of the ratings are at the lowest level", _percent),
    "share_one_level": Wording("{} of the ratings are at one level", _percent),
    "share_extreme": Wording("{} of the ratings are at the ends of the scale", _percent),
    "share_middle": Wording("{} of the ratings are 2.5 to 3.5 stars", _percent),
    "levels_used": Wording("{} of the scale used", lambda value: f"{value:.0f}", "level"),
    "half_star_share": Wording("{} of the ratings are half stars", _percent),
    "mean_deviation": Wording("on average {} stars from the films' means", lambda value: f"{value:+z.2f}"),
    "mean_absolute_deviation": Wording("ratings {} stars away from the films' means", _number),
    "residual_spread": Wording("ratings scatter {} stars about the films' means", _number),
    "residual_tail": Wording("one rating {} stars from what the film and the user's habit suggest", _number),
    "share_far_off": Wording("{} of the ratings more than 2 stars off the film's mean", _percent),
    "correlation_with_means": Wording(
        "how far the ratings follow the films' means: {} (1: fully, 0: not at all, -1: the reverse)", _number
    ),
    "popularity": Wording("a typical film of this user is rated by {}", _users_of_log, "other user"),
    "share_top_films": Wording("{} of the films among the most rated", _percent),
    "share_known_films": Wording("{} of the films among the most rated, which gather half of all ratings", _percent),
    "share_rare_films": Wording("{} of the films rarely rated by anyone", _percent),
    "most_same_second": Wording("rated up to {} in one second", _whole_of_log, "film"),
    "most_in_10s": Wording("rated up to {} within 10 s", _whole_of_log, "film"),
    "most_in_60s": Wording("rated up to {} within 60 s", _whole_of_log, "film"),
    "most_in_10min": Wording("rated up to {} within 10 min", _whole_of_log, "film"),
    "zero_gap_share": Wording("{} of the ratings in the same second as the one before", _percent),
    "short_gap_share": Wording("{} of the ratings within 2 s of the one before", _percent),
    "mean_log_gap": Wording("typical pause between ratings {}", _seconds_of_log),
    "sessions": Wording("rated in {}, parted by breaks", _whole_of_log, "session"),
    "largest_session_share": Wording("{} of the ratings in one session", _percent),
    "span": Wording("first to last rating {}", _hours_of_log),
    "modal_gap_share": Wording("{} of the pauses between ratings are equal", _percent),
    "near_modal_gap_share": Wording("{} of the pauses are equal to within 1 s", _percent),
    "repeated_gap_share": Wording("{} of the pauses repeat the one before", _percent),
    "repeated_positive_gap_share": Wording("{} of the pauses repeat the one before to the second", _percent),
    "share_before_release": Wording("{} of the films rated before their year of release", _percent),
    "share_before_anyone": Wording("{} of the films rated a month or more before anybody else", _percent),
    "share_impossible_half_star": Wording("{} of the ratings are half stars from before half stars existed", _percent),
    "film_coherence": Wording(
        "how often the same people rate these films: {} (1: always, 0: no more than chance)", _number
    ),
    "film_coherence_in_order": Wording(
        "how often the same people rate films that follow each other here: {} (1: always, 0: no more than chance)",
        _number,
    ),
    "taste_correlation": Wording(
        "how far others' tastes foretell these ratings: {} (1: fully, 0: not at all)", _number
    ),
    "genre_entropy": Wording("films spread as if over {} equally frequent genres", _genres_of_entropy),
    "top_genre_share": Wording("{} of the films of one genre", _percent),
    "extreme_burst_day": Wording(
        "others gave a film the same extreme rating within a day: so many as chance brings once in {}",
        _times_of_root,
        "time",
    ),
    "extreme_burst_month": Wording(
        "others gave a film the same extreme rating within a month: so many as chance brings once in {}",
        _times_of_root,
        "time",
    ),
    "share_out_of_fashion": Wording("{} of the films were hardly rated by others at the time", _percent),
    "shared_films": Wording("{} of the films of this and one other user are the same", _percent),
    "shared_ratings": Wording("{} of the ratings are identical to one other user's", _percent),
    "copied_films": Wording("{} of the films of this and one earlier user are the same", _percent),
    "copied_ratings": Wording("{} of the ratings are identical to an earlier user's", _percent),
}
"""Only what a person can follow: features without wording drive scores, but are never shown as evidence."""

WIDER = {
    "shared_films": ("copied_films",),
    "shared_ratings": ("copied_ratings",),
    "most_in_10s": ("most_same_second",),
    "most_in_60s": ("most_same_second", "most_in_10s"),
    "most_in_10min": ("most_same_second", "most_in_10s", "most_in_60s"),
    "short_gap_share": ("zero_gap_share",),
    "near_modal_gap_share": ("modal_gap_share",),
    "repeated_gap_share": ("repeated_positive_gap_share",),
}
"""Features that count what others do and more. Where one of these others is telling and has the same value, the wider
feature says nothing new."""


class Witness:
    """Says, for any user, which numbers stand out, with the range of typical users and the rank among users.

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
        new = [name for name in sorted(weight, key=lambda name: -weight[name]) if not self._said(name, user, weight)]
        return [self._item(name, user) for name in new[:MOST_SHOWN]]

    def _said(self, name: str, user: int, telling: Collection[str]) -> bool:
        """Whether the number is that of a narrower one that is telling, too."""
        value = self.features[name][user]
        return any(self.features[one][user] == value for one in WIDER.get(name, ()) if one in telling)

    def _item(self, name: str, user: int) -> dict[str, object]:
        value, known = float(self.features[name][user]), self.sorted[name]
        low, high = map(float, self.typical[name])
        quantile = float(np.searchsorted(known, value, side="right")) / len(known)
        wording = WORDINGS[name]
        text = f"{wording.said(value)}{_rank(known, value)}; typical: {wording.show(low)} to {wording.show(high)}"
        return {
            "feature": name,
            "value": round(value, 6),
            "typical_low": round(low, 6),
            "typical_high": round(high, 6),
            "quantile": round(quantile, 6),
            "text": text,
        }


def _rank(known: Floats, value: float) -> str:
    """Than how many users of a thousand the value is more, or less; `known` are those of all users, sorted."""
    fewer = float(np.searchsorted(known, value, side="left")) / len(known)
    more = 1 - float(np.searchsorted(known, value, side="right")) / len(known)
    of_users = int(1000 * max(fewer, more) + 1e-6)  # rounded down: it is never more than was found
    return f", {'more' if fewer >= more else 'less'} than {of_users} of 1,000 users" if of_users else ""


class Witnesses(NamedTuple):
    """Of whole profiles, and of new ratings: `by_new` (n_users,) has places among the latter, or -1 for the first.

    attacks: of each user who belongs to one, what it did.
    """

    whole: Witness
    since: Witness | None
    by_new: Ints
    attacks: dict[int, str]

    def telling(self, user: int) -> list[dict[str, object]]:
        """The telling numbers of what the user is judged by."""
        place = int(self.by_new[user])
        return self.whole.telling(user) if self.since is None or place < 0 else self.since.telling(place)

    def judged_by(self, user: int, delivered: int) -> str:
        """Which ratings those are, where it is not all that was delivered."""
        place = int(self.by_new[user])
        if self.since is not None and place >= 0:
            return f"Judged by {counted(self.since.size[place], 'new rating')}, which are unlike those before"
        if self.whole.size[user] > delivered:
            return f"Judged by {counted(self.whole.size[user], 'rating')}, earlier ones of the reference included"
        return ""


def attacks(found: list[Group], film_ids: Ints, titles: Titles) -> dict[int, str]:
    """What the attack of each user did, in words that call films by their titles."""
    known = titles.of(int(film_ids[film]) for group in found for film in group.targets)
    said = {group.name: _attack(group, [known[int(film_ids[film])] for film in group.targets]) for group in found}
    return {user: said[group.name] for group in found for user in group.users}


def _attack(group: Group, titles: list[str]) -> str:
    films = list(zip(titles, group.shifts, strict=True))
    moved = groupby(films[:FILMS_SHOWN], key=lambda film: _verb(film[1]))
    told = " and ".join(_moved(verb, list(some), group.push) for verb, some in moved)
    hidden = len(films) - FILMS_SHOWN
    more = f", and {counted(hidden, 'more film')}" if hidden > 0 else ""
    return f"{group.name}: one of {counted(len(group.users), 'user')} who together {told}{more}"


def _verb(shift: float) -> str:
    return "" if abs(shift) < 0.005 else "raised" if shift > 0 else "lowered"


def _moved(verb: str, films: list[tuple[str, float]], push: bool) -> str:
    """What was done to some films; where nothing is known of what others gave them, that they were rated alike."""
    if not verb:
        return f"rated {_listed([title for title, _ in films])} {'high' if push else 'low'}"
    return f"{verb} {_listed([f'{title} by {abs(shift):.2f}' for title, shift in films])} stars"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def as_json(items: list[dict[str, object]]) -> str:
    """The items as one line of JSON."""
    return json.dumps(items, ensure_ascii=False)
