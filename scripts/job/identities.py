"""Whether ids and times mean the same in a reference and a delivery: what compares both takes it for granted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from checks.warehouse import Warehouse

COMPARED = 20_000  # ratings of the larger side, about: a share is known to half a per cent by so many
FEWEST = 100  # ratings found in both: fewer may be somebody's who copied another's
# Films of both whose titles have no word in common, as a share and at least: of those that MovieLens 1M and
# ml-latest-small share, one in a thousand was renamed altogether.
RENAMED, FEWEST_FILMS = 0.02, 10
WORD = re.compile(r"[^\W\d_]+")
COMMON = frozenset((
    "a", "an", "and", "at", "by", "de", "der", "die", "du", "el", "et", "for", "from", "il", "in", "la", "le", "les",
    "of", "on", "or", "the", "to", "un", "une", "und", "with",
))  # fmt: skip


def at_odds(warehouse: Warehouse, reference: Warehouse) -> str | None:
    """In words, that film ids mean other films than in the reference, or that most ratings of the delivery are the
    reference's by other user ids or at other times, if so.

    A film is known by the words of its title. A rating is known by its film and second, which hardly any two users
    share, or by its user and film. A delivery of new ratings alone shares none with its reference, and nothing is said
    of it.
    """
    if films := _other_films(_titles(warehouse), _titles(reference)):
        return films
    largest = max(one.sources["ratings"].loaded_rows for one in (warehouse, reference))
    step = max(1, largest // COMPARED)
    new, old = (_ratings(one, step) for one in (warehouse, reference))
    return _renumbered(new, old, step) or _shifted(new, old, step)


def _other_films(new: pd.Series, old: pd.Series) -> str | None:
    both = new.index.intersection(old.index)
    others = [film for film, now, before in zip(both, new[both], old[both], strict=True) if _differ(now, before)]
    if len(others) < max(FEWEST_FILMS, RENAMED * len(both)):
        return None
    return (
        f"film ids of --reference and of the delivery mean different films: the titles of {len(others):,} of the "
        f"{len(both):,} films that are in both, such as {others[0]}, have no word in common; deliver both with the "
        "same ids, or judge without --reference"
    )


def _differ(one: str, other: str) -> bool:
    """Whether two titles have no word in common that tells films apart; one without any may be any film's."""
    words, others = (set(WORD.findall(title.casefold())) - COMMON for title in (one, other))
    return bool(words and others) and words.isdisjoint(others)


def _titles(one: Warehouse) -> pd.Series:
    """The title of each film, of those with one, by movieId."""
    films = one.sql("select movieId, title from movies where movieId is not null and title is not null")
    return films.drop_duplicates("movieId").set_index("movieId")["title"].astype(str)


def _renumbered(new: pd.DataFrame, old: pd.DataFrame, step: int) -> str | None:
    both, all_new = _in_both(new, old, step, "timestamp", "userId")
    others = int((both["userId"] != both["userId_before"]).sum())
    if others < FEWEST or others <= all_new / 2:
        return None
    return (
        f"user ids of --reference and of the delivery mean different users: {others / len(both):.0%} of the ratings "
        "that are in both are by another user; deliver both with the same ids, or judge without --reference"
    )


def _shifted(new: pd.DataFrame, old: pd.DataFrame, step: int) -> str | None:
    both, all_new = _in_both(new, old, step, "userId", "timestamp")
    apart = (both["timestamp"] - both["timestamp_before"]).value_counts()
    apart = apart[apart.index != 0]
    if apart.empty or apart.iloc[0] < FEWEST or apart.iloc[0] <= all_new / 2:
        return None
    hours = int(apart.index[0]) / 3600
    return (
        f"ratings are timed {abs(hours):,.4g} hours {'later' if hours > 0 else 'earlier'} than the very same "
        "ones in --reference: one of both is not in UTC; deliver both by one clock, or judge without --reference"
    )


def _in_both(new: pd.DataFrame, old: pd.DataFrame, step: int, by: str, compared: str) -> tuple[pd.DataFrame, int]:
    """Ratings of both, known by their film and one thing more, and how many of the delivery's were looked up."""
    new, old = (_told_apart(ratings, step, by) for ratings in (new, old))
    return new.merge(old[["movieId", by, compared]], on=["movieId", by], suffixes=("", "_before")), len(new)


def _told_apart(ratings: pd.DataFrame, step: int, by: str) -> pd.DataFrame:
    """Those that were chosen by their film and one thing more, and share both with no other."""
    chosen = ratings[(ratings[by] % step + ratings["movieId"] % step) % step == 0]
    return chosen.drop_duplicates(["movieId", by], keep=False)


def _ratings(one: Warehouse, step: int) -> pd.DataFrame:
    """Of every so many ratings one by film and second, and one by film and user: the same ones on both sides."""
    # Of remainders, as a sum of ids may be beyond an integer.
    chosen = " or ".join(f'("{by}" % {step} + movieId % {step}) % {step} = 0' for by in ("timestamp", "userId"))
    whole = 'userId is not null and movieId is not null and "timestamp" is not null'
    return one.sql(f'select userId, movieId, "timestamp" from ratings where {whole} and ({chosen})')
