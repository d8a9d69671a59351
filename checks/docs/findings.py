"""Flagged users and drift as people read them: the rows of the findings tables with what they are compared with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.docs.chart import capital
from checks.results.pseudonyms import PLAIN, UserNames
from checks.tables import COST, TRENDS
from checks.texts import printable
from checks.warehouse import Warehouse

SHOWN_USERS = 12  # cards; all are in user_statistics_with_anomalies.csv, and the flagged alone in another
COPIED = "copied_profile"  # a name in `rules_broken`
SHOWN_FILMS = 3  # films a user moves most
SENTENCES = re.compile(r"(?<=\.) (?=[A-Z0-9])")  # where one ends and the next begins; our own have no other full stops
MEASURES = {"n_ratings": "Ratings", "mean_rating": "Mean rating (stars)", "std_rating": "Spread (stars)"}


def users(warehouse: Warehouse, names: UserNames = PLAIN) -> dict[str, Any] | None:
    """As `user_counts`, coordinated `groups`, and `cards` for the worst users; None where users were not judged."""
    if not warehouse.has("user_anomalies"):
        return None
    return {
        **user_counts(warehouse),
        "groups": _groups(warehouse),
        "cards": [names.shown(card) for card in _cards(warehouse)],
    }


def user_counts(warehouse: Warehouse) -> dict[str, Any]:
    """`counts` by status; `trusted`: how many of those who are ok are so unjudged, because they are trusted."""
    counts = _rows(warehouse, "select status, count(*) as users from user_anomalies group by status")
    (trusted,) = warehouse.one("select count(*) from user_anomalies where trusted and status = 'ok'")
    return {"counts": {row["status"]: row["users"] for row in counts}, "trusted": trusted}


def n_judged(users: Mapping[str, Any]) -> int:
    """How many users were judged, of their `user_counts`: neither the trusted, nor who left too little to tell."""
    counts = users["counts"]
    return int(sum(counts.values()) - counts.get("undetermined", 0) - users["trusted"])


def _groups(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Users who acted together, with the films they aimed at and how far these films' means moved."""
    groups = _rows(
        warehouse,
        """select attack_group as name, count(*) as users, min(target_movies) as movies, min(target_shift) as shifts
           from user_anomalies where attack_group is not null group by attack_group order by users desc, name""",
    )
    aims = {group["name"]: [int(film) for film in (group["movies"] or "").split("|") if film] for group in groups}
    titles = _titles(warehouse, (film for films in aims.values() for film in films))
    for group in groups:
        shifts = (group["shifts"] or "").split("|")
        films = zip(aims[group["name"]], shifts, strict=False)
        group["films"] = [{"title": titles.get(film, f"film {film}"), "shift": shift} for film, shift in films]
    return groups


def _cards(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The worst users, flagged before those to review: evidence, numbers beside other users', the films they move."""
    cards = _rows(
        warehouse,
        f"""select * exclude (source_line) from user_anomalies where status in ('flagged', 'review')
            order by status, score desc nulls last, userId limit {SHOWN_USERS}""",
    )
    if not cards:
        return []
    typical = _typical(warehouse)
    effects = [_parsed(card.get("movie_effects"))[:SHOWN_FILMS] for card in cards]
    titles = _titles(warehouse, (film["movieId"] for films in effects for film in films))
    for card, films in zip(cards, effects, strict=True):
        card["compared"] = [{"measure": m, "user": card.get(name), **typical[name]} for name, m in MEASURES.items()]
        card["films"] = [film | {"title": titles.get(film["movieId"], f"film {film['movieId']}")} for film in films]
        card["said"] = _said(card)
        card["copied"] = COPIED in str(card.get("rules_broken") or "").split(", ")
    return cards


def _said(card: dict[str, Any]) -> list[str]:
    """The evidence, a sentence each: the rules broken, then the numbers that stand out."""
    texts = [str(item["text"]) for item in _parsed(card.get("evidence_json"))]
    evidence = str(card.get("evidence") or "")
    before = evidence.partition(texts[0])[0] if texts else evidence
    return [sentence for sentence in before.split(". ") if sentence.strip()] + texts


def _typical(warehouse: Warehouse) -> dict[str, dict[str, float]]:
    """The range of nine in ten users who are not flagged, and their median."""
    shares = {"low": 0.05, "median": 0.5, "high": 0.95}
    columns = [f"quantile_cont({name}, {s}) as {name}_{k}" for name in MEASURES for k, s in shares.items()]
    row = _rows(warehouse, f"select {', '.join(columns)} from user_anomalies where status <> 'flagged'")[0]
    return {name: {key: row[f"{name}_{key}"] for key in shares} for name in MEASURES}


def _titles(warehouse: Warehouse, films: Iterable[int]) -> dict[int, str]:
    wanted = ", ".join(str(int(film)) for film in set(films))
    if not wanted or not warehouse.has("movies"):
        return {}
    query = f"select movieId, min(title) as title from movies where movieId in ({wanted}) group by movieId"
    return {row["movieId"]: row["title"] for row in _rows(warehouse, query) if row["title"] is not None}


def drift(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The monitored features with their histograms: drifted ones first, the strongest first."""
    if not warehouse.has("drift_findings"):
        return []
    rows = _rows(warehouse, "select * exclude (source_line) from drift_findings")
    order = {"drifted": 0, "undetermined": 1}
    return sorted(rows, key=lambda row: (order.get(row["status"], 2), -(relative_effect(row) or 0.0)))


def is_cost(row: Mapping[str, Any]) -> bool:
    """Whether a row is no feature, but what all of the drift costs a model; pages tell it above the features."""
    return bool(row["feature"] == COST)


def advice(recommendation: str) -> str:
    """A recommendation in words."""
    return {"nothing": "nothing to do", "undetermined": "none yet"}.get(recommendation, recommendation)


def told_once(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, but the message without the cause, where that stands beside it."""
    cause, message = values.get("cause"), values.get("message")
    return {**values, **({"message": message.replace(f" {cause}", "")} if cause and message else {})}


def in_parts(row: Mapping[str, Any], elsewhere: Sequence[str] = ()) -> dict[str, str]:
    """What is told of a feature beside its title: what was `found`, and the `statistics`; nothing told elsewhere."""
    title = str(row.get("title") or "")
    message = printable(str(told_once(row)["message"] or "")).removeprefix(f"{printable(capital(title))}: ")
    found, mark, numbers = message.partition(" Statistic ")
    return {
        "found": _but(capital(found), elsewhere),
        "statistics": _but(f"Statistic {numbers}", elsewhere) if mark else "",
    }


def _but(text: str, elsewhere: Sequence[str]) -> str:
    return " ".join(sentence for sentence in SENTENCES.split(text) if sentence not in elsewhere)


def compared(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which windows the rows of `drift` compare, and how, in a sentence or two; nothing where none are known."""
    if not rows or not rows[0].get("reference_window"):
        return ""
    windows = f"Compared: {rows[0]['reference_window']}, the reference, with {rows[0]['current_window']}."
    told = cost(rows)
    return " ".join([windows, *(each for each in told_of_all(rows) if told is None or each not in told.points)])


def told_of_all(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The sentences that the messages of all features share, such as how the reference was looked at."""
    said = [SENTENCES.split(printable(str(row["message"] or ""))) for row in rows if row.get("feature") != COST]
    first, *others = said if len(said) > 1 else [[]]
    return tuple(sentence for sentence in first if all(sentence in other for other in others))


@dataclass(frozen=True)
class Cost:
    """What all of the drift costs a model: what to do, the reason, and what that was taken from, a sentence each."""

    advice: str
    reason: str
    points: tuple[str, ...]


def cost(rows: Iterable[Mapping[str, Any]]) -> Cost | None:
    """The recommendation among the rows of `drift` in parts that can be read at a glance; None where there is none."""
    for row in rows:
        if said := row.get("recommendation"):
            told = str(row["message"] or "").removeprefix(f"Recommendation: {said}: ")
            reason, *points = SENTENCES.split(printable(f"{told[:1].upper()}{told[1:]}"))
            return Cost(advice(said), reason, tuple(points))
    return None


def trends(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Each window and feature of the trends, in the order of time; empty where none were asked for."""
    if not warehouse.has(TRENDS):
        return []
    columns = "every, window_start, feature, title, status, effect_size, minimum_effect"
    return _rows(warehouse, f"select {columns} from {TRENDS} order by window_start, feature")


def relative_effect(row: dict[str, Any]) -> float | None:
    """Effect as a multiple of the feature's minimum, which makes features of different units comparable."""
    effect, minimum = row.get("effect_size"), row.get("minimum_effect")
    return abs(effect) / minimum if effect is not None and minimum else None


def histogram(row: dict[str, Any]) -> dict[str, list[Any]]:
    """`labels`, and the values of the `reference` and `current` window; empty where nothing was measured."""
    held = json.loads(row.get("histogram") or "{}")
    return held if {"labels", "reference", "current"} <= held.keys() else {}


def _parsed(text: str | None) -> list[dict[str, Any]]:
    return list(json.loads(text or "[]"))


def _rows(warehouse: Warehouse, query: str) -> list[dict[str, Any]]:
    """The rows of a query with nothing but JSON's own values."""
    return list(json.loads(warehouse.sql(query).to_json(orient="records", date_format="iso", double_precision=10)))
