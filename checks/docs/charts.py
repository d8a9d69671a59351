"""What the charts of a run show: aggregates from the warehouse, with a title that says what is seen.

`drawing` draws them. Every chart is aggregated by DuckDB to at most some thousand values, whatever the data's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from checks.complaints import one_line
from checks.docs import findings
from checks.results.pseudonyms import PLAIN, UserNames
from checks.tables import DELIVERED, LOCATOR
from checks.warehouse import Warehouse, quoted
from checks.wording import counted, format_share

LEVELS = [level / 2 for level in range(1, 11)]  # the half-star scale
LATEST = 4_102_444_800  # 2100-01-01: a later time is milliseconds or damage, and would flatten the axis
DOTS = 700  # normal users drawn; more can't be told apart
LABELLED = 5  # flagged users named in the chart


@dataclass(frozen=True)
class Chart:
    """A chart to draw: `title` says what is seen, `alt` says it in numbers, `note` what is left out.

    `kind` names the drawing, `values` are its rows and `labels` its words. `problem` says why there are none; without
    a kind the title says all.
    """

    id: str
    group: str
    title: str
    alt: str = ""
    kind: str = ""
    values: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def charts(warehouse: Warehouse, names: UserNames = PLAIN) -> list[Chart]:
    """All charts that the tables of the warehouse allow."""

    def users(warehouse: Warehouse) -> Chart | None:
        return normal_and_flagged_users(warehouse, names)

    return [chart for ask in (*ASKED, users) if (chart := _asked(ask, warehouse)) is not None]


def trend_charts(warehouse: Warehouse) -> list[Chart]:
    """When which feature moved, where that was asked for."""
    chart = _asked(when_it_moved, warehouse, "trends")
    return [] if chart is None else [chart]


def _asked(ask: Callable[[Warehouse], Chart | None], warehouse: Warehouse, group: str = "data") -> Chart | None:
    """Damaged data (a renamed column, say) may defeat a chart; that must not cost the run its verdict."""
    try:
        return ask(warehouse)
    except Exception as error:
        name = ask.__name__.replace("_", " ").capitalize()
        problem = f"This chart could not be made: {warehouse.lacking(error) or one_line(str(error))}."
        return Chart(ask.__name__, group, name, problem=problem)


def rating_levels(warehouse: Warehouse) -> Chart | None:
    """How many ratings each level has; what is off the scale is one bar of its own."""
    if not warehouse.has("ratings"):
        return None
    listed = ", ".join(map(str, LEVELS))
    frame = warehouse.sql(
        f"""select case when rating is null then 'none' when rating in ({listed}) then format('{{:.1f}}', rating)
            else 'off scale' end as level, sum(ratings) as ratings
            from (select rating, count(*) as ratings from ratings group by rating) group by level"""
    )
    counts = dict(zip(frame["level"], frame["ratings"].astype(int), strict=True))
    if not counts:
        return None
    shown = [f"{level:.1f}" for level in LEVELS] + [extra for extra in ("off scale", "none") if extra in counts]
    values = [{"level": level, "ratings": counts.get(level, 0), "odd": level in ODD_LEVELS} for level in shown]
    top = max(values, key=lambda value: value["ratings"])
    share = format_share(top["ratings"] / sum(counts.values()))
    odd = "".join(f"; {counts[extra]:,} {ODD_LEVELS[extra]}" for extra in shown[len(LEVELS) :])
    title = f"The commonest rating is {top['level']}, in {share} of rows{odd}"
    alt = "Ratings by level: " + ", ".join(f"{value['level']}: {value['ratings']:,}" for value in values)
    return Chart("rating-levels", "data", title, alt, "levels", values)


ODD_LEVELS = {"off scale": "off the scale", "none": "without a value"}


def ratings_over_time(warehouse: Warehouse) -> Chart | None:
    """Ratings a day, week, month or year, whichever gives the delivery's span a readable number of steps."""
    if not warehouse.has("ratings"):
        return None
    usable = f"timestamp between 0 and {LATEST}"
    span = warehouse.sql(
        f"""select min(timestamp) as first, max(timestamp) as last, count(*) as usable,
            (select count(*) from ratings) as total from ratings where {usable}"""
    ).iloc[0]
    if not span["usable"]:
        return None
    unit = _time_unit(span["last"] - span["first"])
    frame = warehouse.sql(
        f"""select date_trunc('{unit}', make_timestamp(day * 86400000000)) as period, sum(ratings) as ratings
            from (select timestamp // 86400 as day, count(*) as ratings from ratings where {usable} group by 1) as days
            group by period order by period"""
    )
    periods = list(zip(frame["period"], frame["ratings"].astype(int), strict=True))
    peak, most = max(periods, key=lambda one: one[1])
    busiest = peak.strftime({"year": "%Y", "month": "%Y-%m"}.get(unit, "%Y-%m-%d"))
    first, last = (pd.Timestamp(span[name], unit="s") for name in ("first", "last"))
    title = f"Ratings run from {first:%Y-%m-%d} to {last:%Y-%m-%d}; the busiest {unit} is {busiest}"
    alt = f"Ratings by {unit} in {counted(len(frame), unit)}; at most {most:,}, in {busiest}"
    left_out = int(span["total"] - span["usable"])
    verb = "is" if left_out == 1 else "are"
    note = f"{counted(left_out, 'rating')} without a time that a calendar knows {verb} not shown." if left_out else ""
    values = [{"period": f"{period:%Y-%m-%dT%H:%M:%SZ}", "ratings": ratings} for period, ratings in periods]
    return Chart("ratings-over-time", "data", title, alt, "over_time", values, {"unit": unit}, note)


def _time_unit(seconds: float) -> str:
    days = seconds / 86_400
    return "day" if days < 100 else "week" if days < 730 else "month" if days < 3_650 else "year"


def long_tail_of_films(warehouse: Warehouse) -> Chart | None:
    """How unevenly ratings are spread over films."""
    return _long_tail(warehouse, "movieId", "film", "The most rated tenth of films gets {share} of the ratings")


def long_tail_of_users(warehouse: Warehouse) -> Chart | None:
    """How unevenly ratings are spread over users."""
    return _long_tail(warehouse, "userId", "user", "The most active tenth of users gives {share} of the ratings")


def _long_tail(warehouse: Warehouse, key: str, noun: str, title: str) -> Chart | None:
    if not warehouse.has("ratings"):
        return None
    # One rank in each tenth of an e-fold draws the same line as all ranks, whatever their number.
    frame = warehouse.sql(
        f"""with counted as (select count(*) as ratings from ratings where {key} is not null group by {key}),
            ranked as (select ratings, row_number() over (order by ratings desc) as rank,
                sum(ratings) over (order by ratings desc rows unbounded preceding) as running,
                count(*) over () as total, sum(ratings) over () as everything from counted)
            select rank, ratings, running, total, everything from ranked
            where rank <= 10 or rank = total or rank = greatest(1, total // 10)
                or floor(ln(rank) / 0.1) <> floor(ln(rank - 1) / 0.1) order by rank"""
    )
    if frame.empty:
        return None
    total, everything = int(frame["total"].iloc[0]), float(frame["everything"].iloc[0])
    tenth = frame[frame["rank"] <= max(1, total // 10)].iloc[-1]
    said = title.format(share=format_share(tenth["running"] / everything))
    most, least = int(frame["ratings"].iloc[0]), int(frame["ratings"].iloc[-1])
    alt = f"Ratings of {counted(total, noun)} by rank: the first has {most:,}, the last {least:,}"
    values = [{"rank": int(row["rank"]), "ratings": int(row["ratings"])} for _, row in frame.iterrows()]
    return Chart(f"long-tail-{noun}s", "data", said, alt, "rank_curve", values, {"noun": noun})


def missing_values(warehouse: Warehouse) -> Chart | None:
    """The share of empty cells in each column of the delivered tables."""
    tables = [table.name for table in DELIVERED if warehouse.has(table.name)]
    values = [row for table in tables for row in _missing(warehouse, table)]
    if not values:
        return None
    lacking = sorted((row for row in values if row["missing"]), key=lambda row: -row["share"])
    title, drawn = "No value is missing in any column", lacking or values
    if lacking:
        columns = "one column" if len(lacking) == 1 else counted(len(lacking), "column")
        worst = f"{lacking[0]['column']}: {lacking[0]['missing']:,}"
        title = f"Values are missing in {columns}, {'' if len(lacking) == 1 else 'most in '}{worst}"
    alt = "Missing values by column: " + ", ".join(f"{row['column']}: {row['missing']:,}" for row in values)
    return Chart("missing-values", "data", title, alt, "missing", drawn)


def _missing(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    columns = [name for name in warehouse.sql(f"describe {quoted(table)}")["column_name"] if name != LOCATOR]
    if not columns:
        return []
    given = ", ".join(f"count({quoted(name)})" for name in columns)
    total, *filled = warehouse.one(f"select count(*), {given} from {quoted(table)}")
    return [
        {"column": f"{table}.{name[:40]}", "missing": total - there, "share": (total - there) / total if total else 0.0}
        for name, there in zip(columns, filled, strict=True)
    ]


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
    judged, trusted, flagged = map(int, warehouse.one(COUNTED))
    verb = "is" if trusted == 1 else "are"
    note = f"Of those who are not flagged {trusted:,} {verb} trusted, and so not judged." if trusted else ""
    if not judged:
        return "No user could be judged", note
    if not flagged:
        return f"None of {counted(judged, 'user')} is flagged", note
    return f"{flagged:,} of {counted(judged, 'user')} {'is' if flagged == 1 else 'are'} flagged", note


# Users as the verdict counts them: those who are ok because they are trusted were not judged.
COUNTED = """select count(*) filter (status <> 'undetermined' and not (trusted and status = 'ok')),
    count(*) filter (trusted and status = 'ok'), count(*) filter (is_anomaly) from user_anomalies"""


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


def drift_charts(rows: Sequence[dict[str, Any]]) -> list[Chart]:
    """Effect and p-value of every feature, the two windows of each drifted one, and what the drift costs."""
    judged = [
        _judged(row) for row in rows if findings.relative_effect(row) is not None and row.get("q_value") is not None
    ]
    overview = [_effects(judged), _p_values(judged, rows[0])] if judged else []
    shown = [row for row in rows if row["status"] == "drifted" or row.get("kind") == COST]
    return overview + [_windows(row) for row in shown if findings.histogram(row)]


COST = "cost"  # the row that says what the drift costs a model; it has errors where others have shares


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": row.get("title") or row["feature"],
        "effect": findings.relative_effect(row),
        "p": max(row["q_value"], SMALLEST_P),
        "drifted": row["status"] == "drifted",
    }


SMALLEST_P = 1e-4  # drawn; no test here relabels often enough to tell smaller ones


def _effects(judged: list[dict[str, Any]]) -> Chart:
    drifted = [one["feature"] for one in judged if one["drifted"]]
    title = (
        f"{len(drifted)} of {counted(len(judged), 'monitored feature')} drifted"
        if drifted
        else "No monitored feature drifted"
    )
    alt = "Effect as a multiple of the smallest that matters: " + ", ".join(
        f"{one['feature']} {one['effect']:.1f}{' (drifted)' if one['drifted'] else ''}" for one in judged
    )
    return Chart("drift-effects", "drift", title, alt, "effects", judged, note=_beyond(judged))


def _beyond(judged: list[dict[str, Any]]) -> str:
    """What keeps a dot beyond the line from being a drift, which the other chart shows."""
    large = sum(one["effect"] >= 1 and not one["drifted"] for one in judged)
    verb = "lies" if large == 1 else "lie"
    told = f"{counted(large, 'dot')} {verb} beyond the dashed line, but chance alone may give as much."
    triangles = "Triangles drifted. " if any(one["drifted"] for one in judged) else ""
    return triangles + told if large else ""


def _p_values(judged: list[dict[str, Any]], row: dict[str, Any]) -> Chart:
    rate = float(row.get("false_alarm_rate") or 0.05)
    rare = sum(one["p"] <= rate for one in judged)
    title = f"For {rare} of {counted(len(judged), 'feature')} the change is more than chance gives"
    alt = "p-value, corrected over all features: " + ", ".join(f"{one['feature']} {one['p']:.3g}" for one in judged)
    return Chart("drift-p-values", "drift", title, alt, "p_values", judged, {"rate": rate})


def _windows(row: dict[str, Any]) -> Chart:
    """The reference and the current window of one feature; the title names where they differ most."""
    held = findings.histogram(row)
    pairs = list(zip(held["labels"], held["reference"], held["current"], strict=True))
    known = [pair for pair in pairs if pair[1] is not None and pair[2] is not None]
    name, written = _capital(row.get("title") or row["feature"]), _written(row.get("kind"))
    alt = f"{name}, reference and current: " + "; ".join(
        f"{label} {written(before)}, {written(now)}" for label, before, now in known
    )
    values = [
        {"label": str(label), "window": window, "value": value}
        for label, *both in pairs
        for window, value in zip(("reference", "current"), both, strict=True)
    ]
    counts = f"{name} ({held['unit']})" if held.get("unit") else name
    labels = {
        "unit": UNITS.get(row.get("kind", ""), "Share, by user"),
        "bins": "" if row.get("kind") == COST else counts,
    }
    title = _moved(name, row.get("kind"), held, known)
    return Chart(f"drift-{row['feature']}", "windows", title, alt, "windows", values, labels)


def _moved(name: str, kind: str | None, held: dict[str, Any], known: Sequence[tuple[Any, float, float]]) -> str:
    """Where the windows differ most, and by how much: the bin that the finding's message names, too."""
    written = _written(kind)
    label, before, now = max(known, key=lambda pair: abs(pair[2] - pair[1]), default=("", 0.0, 0.0))
    if held["labels"] == ["no", "yes"]:  # the share of yes says it all
        _, before, now = known[-1]
        return f"{name} went from {written(before)} to {written(now)}"
    if kind == COST:
        return f"The error of a model moved most for {label}: from {written(before)} to {written(now)} stars"
    unit = " stars" if kind in UNITS else ""
    return f"{name} moved most at {_bin(str(label), held.get('unit'))}: from {written(before)} to {written(now)}{unit}"


def _bin(label: str, unit: str | None) -> str:
    """A bin's label with its unit, as `drift.words` says it: 1 star, 3 to 3.5 stars, 4.75 stars and more."""
    if not unit:
        return label
    first, more, _ = label.partition(" and more")
    return f"{first} {unit.removesuffix('s') if first in ('1', 'under 1') and not more else unit}{more}"


def _written(kind: str | None) -> Callable[[float], str]:
    """How a bin's value is written: stars, or per cent."""
    return "{:z.2f}".format if kind in UNITS else _percent


def _percent(share: float) -> str:
    """A share to a tenth of a per cent, but never rounded to nothing, as `drift.words` writes it."""
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else f"{100 * share:.1g} %"


UNITS = {"genre_means": "Stars, net of film and user", COST: "Error of a model (RMSE, stars)"}


def when_it_moved(warehouse: Warehouse) -> Chart | None:
    """The effect in each window of each feature that drifted in any; the title says since when the strongest did."""
    rows = findings.trends(warehouse)
    if not rows:
        return None
    courses = sorted(_courses(rows), key=lambda course: -course.strongest)
    moved = [course for course in courses if course.drifted]
    every, windows = str(rows[0]["every"]), list(dict.fromkeys(map(_window, rows)))
    if not moved:
        return Chart("trends", "trends", f"{WHEN} {_nothing_moved(courses, every, windows)}")
    told = [course.told(every) for course in moved]
    title = f"{WHEN} {_capital('; '.join(told[:TOLD]))}"
    alt = f"Drifted, by {every} from {windows[0]} to {windows[-1]}: " + "; ".join(
        f"{said}, at most {course.strongest:.1f} times the smallest effect that matters"
        for said, course in zip(told, moved, strict=True)
    )
    values = [cell for course in moved for cell in course.cells()]
    note = _reading(every, len(moved), len(courses))
    return Chart("trends", "trends", title, alt, "trends", values, {"every": every, "windows": windows}, note)


def _capital(text: str) -> str:
    """The same with a capital first, whatever the rest is."""
    return text[:1].upper() + text[1:]


WHEN = "When did it move?"
TOLD = 2  # of the features that moved, how many the title names
STATES = {"drifted": "drifted", "ok": "not drifted"}
# Effects below each, in the smallest that matter, and how opaque they are drawn: the ticks of the chart of effects.
STEPS = {1: 0.3, 3: 0.5, 10: 0.75, math.inf: 1.0}


def _window(row: dict[str, Any]) -> str:
    """What people call a window: 2016, 2016 Q2 or 2016-04."""
    year, month, _ = str(row["window_start"]).split("-")
    quarter = f"{year} Q{(int(month) + 2) // 3}"
    return {"year": year, "quarter": quarter}.get(str(row["every"]), f"{year}-{month}")


def _nothing_moved(courses: Sequence[_Course], every: str, windows: Sequence[str]) -> str:
    judged = {_window(row) for course in courses for row in course.judged}
    if not judged:
        return f"No {every} could be judged."
    return f"No feature drifted in any {every} that could be judged: {len(judged)} of {len(windows)}."


def _reading(every: str, shown: int, features: int) -> str:
    """How to read the chart, and what it leaves out."""
    reading = (
        f"Each {every} against the whole reference. The fuller the colour, the larger the effect: below 1, 3 and 10 "
        "times the smallest that matters, and above."
    )
    left_out = f"{shown} of {features} features are shown: those that drifted in at least one {every}."
    return reading if shown == features else f"{reading} {left_out}"


@dataclass(frozen=True)
class _Course:
    """One feature over all windows, in the order of time."""

    feature: str
    rows: list[dict[str, Any]]

    @property
    def drifted(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] == "drifted"]

    @property
    def judged(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] in STATES]

    @property
    def strongest(self) -> float:
        """The largest effect of the windows in which it drifted, as a multiple of the smallest that matters."""
        return max((findings.relative_effect(row) or 0.0 for row in self.drifted), default=0.0)

    def told(self, every: str) -> str:
        """Since which window it has drifted; or in how many it did, where it did not stay so."""
        drifted, judged = self.drifted, self.judged
        first = _window(drifted[0])
        if judged[-len(drifted) :] == drifted:
            return f"{self.feature}: since {first}"
        if len(drifted) == 1:
            return f"{self.feature}: in {first} alone, of {len(judged)} {every}s"
        return f"{self.feature}: in {len(drifted)} of {len(judged)} {every}s, first in {first}"

    def cells(self) -> list[dict[str, Any]]:
        return [
            {
                "feature": self.feature,
                "window": _window(row),
                "state": STATES.get(row["status"], "not judged"),
                "opacity": _opacity(row),
            }
            for row in self.rows
        ]


def _courses(rows: Sequence[dict[str, Any]]) -> list[_Course]:
    by_feature: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_feature.setdefault(row["title"] or row["feature"], []).append(row)
    return [_Course(name, its) for name, its in by_feature.items()]


def _opacity(row: dict[str, Any]) -> float:
    """How full the colour of an effect is; what was not judged is a line, and as dark as a line must be."""
    if row["status"] not in STATES:
        return 1.0
    effect = findings.relative_effect(row) or 0.0
    return next(opacity for bound, opacity in STEPS.items() if effect < bound)


ASKED: tuple[Callable[[Warehouse], Chart | None], ...] = (
    rating_levels,
    ratings_over_time,
    long_tail_of_films,
    long_tail_of_users,
    missing_values,
)
