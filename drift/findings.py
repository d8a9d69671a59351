"""One row for every monitored feature: what moved between the windows, and whether that can be chance.

`drifted` means both: significant after the correction over features, and larger than the feature's minimum
effect. `undetermined` means that it could not be judged; it is never taken for `ok`.
"""

from __future__ import annotations

import json
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from drift import effects
from drift.causes import with_causes
from drift.features import declared_features
from drift.impact import impact_row
from drift.messages import message
from drift.relabelling import FEWEST_DIFFERING, judge
from drift.units import APPEARANCES
from drift.users import bin_unit, collect
from drift.windows import CURRENT, REFERENCE, sampled, windows_of
from drift.words import bin_said, counted

if TYPE_CHECKING:
    from datetime import date

    from drift.features import Feature
    from drift.handle import Handle
    from drift.relabelling import Judgement
    from drift.units import Units, UserValues
    from drift.users import Collected
    from drift.windows import Windows

FEWEST_USERS: Final = 10  # a window: with fewer, relabellings repeat themselves
FIRST_LINE: Final = 2  # of the rows in a file with a header
COLUMNS: Final = (
    "source_line",
    "feature",
    "title",
    "reference_window",
    "current_window",
    "reference_n",
    "current_n",
    "reference_users",
    "current_users",
    "compared_share",
    "reference_mean",
    "current_mean",
    "mean_change",
    "mean_change_low",
    "mean_change_high",
    "expected_change",
    "reference_std",
    "current_std",
    "std_change",
    "mean_change_by_rating",
    "mean_change_by_rating_low",
    "mean_change_by_rating_high",
    "psi",
    "jensen_shannon",
    "wasserstein",
    "total_variation",
    "total_variation_by_rating",
    "statistic",
    "bound",
    "effect_size",
    "minimum_effect",
    "p_value",
    "q_value",
    "false_alarm_rate",
    "strongest",
    "status",
    "severity",
    "kind",
    "unit",
    "excluded_rows",
    "held_rows",
    "lost_share",
    "changed_share",
    "histogram",
    "message",
    "recommendation",
    "cause",
    "action",
    "why",
    "minimum_reason",
)

TEXT: Final = (
    "every",
    "window_start",
    "feature",
    "title",
    "reference_window",
    "current_window",
    "strongest",
    "status",
    "severity",
    "kind",
    "unit",
    "histogram",
    "message",
    "recommendation",
    "cause",
    "action",
    "why",
    "minimum_reason",
)


def find_drift(
    warehouse: Handle,
    *,
    reference: Handle | None = None,
    split: float = 0.8,
    since: str | date | int | None = None,
    false_alarm_rate: float = 0.05,
    relabellings: int = 999,
    seed: int = 20030218,
) -> pd.DataFrame:
    """Compare the current window with the reference; one row for each declared feature, then one for the cost.

    reference: a handle on training data; without it the windows are those before and from `since` (UTC), or
    from the time at which the share `split` of the ratings was given. false_alarm_rate: the chance that any
    feature is called drifted where nothing moved. relabellings: of users to random windows, against which a
    difference is held; 1 / false_alarm_rate at least, as no p-value is below 1 / (relabellings + 1). Raises ValueError
    on a parameter out of range.
    """
    check_rate(false_alarm_rate)
    if relabellings < 1 / false_alarm_rate:
        raise ValueError(f"relabellings is {relabellings}: must be at least {ceil(1 / false_alarm_rate)}")
    windows = sampled(windows_of(warehouse, reference, split, since))
    # What was collected, the largest that is held here, is not kept for what follows.
    rows = judged_rows(windows, collect(windows, declared_features()), false_alarm_rate, relabellings, seed)
    rows = with_causes(rows, windows, false_alarm_rate, relabellings, seed)
    rows = [row | {"message": message(row)} for row in rows]  # again, now with the causes
    rows.append(impact_row(windows, seed) | {"false_alarm_rate": false_alarm_rate})
    table = table_of(rows, list(COLUMNS))
    return table.assign(source_line=np.arange(FIRST_LINE, FIRST_LINE + len(table)))


def check_rate(false_alarm_rate: float) -> None:
    """Raise ValueError unless it can be a rate of false alarms."""
    if not 0 < false_alarm_rate < 1:
        raise ValueError(f"false_alarm_rate is {false_alarm_rate}: must lie between 0 and 1")


def table_of(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Rows as a frame of numbers and text, whatever is missing."""
    table = pd.DataFrame(rows).reindex(columns=columns)
    text = table.columns.intersection(list(TEXT))
    numbers = table.columns.difference(list(TEXT))
    return table.astype({**dict.fromkeys(numbers, "float64"), **dict.fromkeys(text, "str")})


def judged_rows(
    windows: Windows, collected: Collected, rate: float, relabellings: int, seed: int
) -> list[dict[str, Any]]:
    """A row for each declared feature, judged together; what could not be judged says why."""
    features, units = declared_features(), collected.units
    problems = {feature.name: _problem(feature, collected, windows) for feature in features}
    sound = [collected.values[feature.name] for feature in features if problems[feature.name] is None]
    judgements = judge(units, sound, rate, relabellings, seed)
    judged = {value.feature.name: judgement for value, judgement in zip(sound, judgements, strict=True)}
    rows = [
        {"problem": problems[feature.name], "periods": collected.periods}
        | _row(feature, windows, units, collected.values.get(feature.name), judged.get(feature.name), rate)
        for feature in features
    ]
    return [row | {"message": message(row)} for row in rows]


def _problem(feature: Feature, collected: Collected, windows: Windows) -> str | None:
    """Why the feature cannot be judged, or None."""
    if feature.name not in collected.values:
        return collected.missing[feature.name]
    value, units = collected.values[feature.name], collected.units
    present = value.counts.max(axis=1, initial=0) > 0
    for side, name in ((REFERENCE, "reference"), (CURRENT, "current")):
        users = units.users_among(present & (units.sides == side))
        if users < FEWEST_USERS:
            return f"the {name} window has {counted(users, 'user')} with a value, fewer than {FEWEST_USERS}"
    return _presence_problem(units, windows) if feature.source == APPEARANCES else None


def _presence_problem(units: Units, windows: Windows) -> str | None:
    """Why it cannot be told who is new, or None."""
    if not _share_users(units):
        return "the windows share no users, so every user would count as new"
    if not windows.follow:
        return "the windows overlap in time, so none of them comes after the other"
    return None


def _share_users(units: Units) -> bool:
    return units.paired_rows.size > 0


def _row(
    feature: Feature,
    windows: Windows,
    units: Units,
    value: UserValues | None,
    judgement: Judgement | None,
    rate: float,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "feature": feature.name,
        "title": feature.title,
        **windows.described(),
        "minimum_effect": feature.minimum,
        "false_alarm_rate": rate,
        "severity": feature.severity,
        "kind": feature.kind,
        "unit": feature.unit,
        "action": feature.action,
        "why": feature.why,
        "minimum_reason": feature.minimum_reason,
        "status": "undetermined",
    }
    if value is not None:
        row |= _described(value, units)
    if value is None or judgement is None:
        return row
    if problem := _unjudged(judgement, row["effect_size"], feature, units.nested and judgement.q_value > rate):
        return row | {"problem": problem}
    drifted = judgement.q_value <= rate and row["effect_size"] >= feature.minimum
    return row | vars(judgement) | {"status": "drifted" if drifted else "ok"}


def _unjudged(judgement: Judgement, effect: float, feature: Feature, unmoved: bool) -> str | None:
    """Why relabelling says nothing of the feature, or None; an effect too small to matter needs no test.

    unmoved: there are users who can't change places, and the others show nothing.
    """
    if np.isnan(effect):
        return "no genre was rated in both windows"
    if unmoved and effect >= feature.minimum:
        return "all users of one window are in the other, too, so that the rest have nobody to change places with"
    if judgement.too_few and effect >= feature.minimum:
        return f"in no part of it do {FEWEST_DIFFERING} users or more differ from the usual one"
    return None


def _described(value: UserValues, units: Units) -> dict[str, Any]:
    present = value.counts.max(axis=1, initial=0) > 0
    sides = [present & (units.sides == side) for side in (REFERENCE, CURRENT)]
    counted = value.values_behind()
    sizes = effects.effect_sizes(value, units)
    row: dict[str, Any] = {"effect_size": min(sizes), "observed_effect": sizes[0]}  # the message alone tells the latter
    for name, mine in zip(("reference", "current"), sides, strict=True):
        row[f"{name}_users"] = units.users_among(mine)
        row[f"{name}_n"] = int(mine.sum() if value.feature.per == "user" else counted[mine].sum(dtype=np.float64))
    return row | _means(value, units, present, counted) | _distances(value, units)


def _means(value: UserValues, units: Units, present: np.ndarray, counted: np.ndarray) -> dict[str, Any]:
    """Means and spreads weighted by user, and the change of the mean also by rating."""
    if not len(value.means) or value.feature.kind == "genre_means":
        return {}
    means, squares = np.nan_to_num(value.means), np.nan_to_num(value.squares)
    by_user = present.astype(np.float32)
    user, rating = (effects.mean_change(units, means, w) for w in (by_user, by_user * counted))
    deviations = [
        float(np.sqrt(max(0.0, float(effects.group_mean(units, side, squares, by_user)) - mean**2)))
        for side, mean in ((REFERENCE, user.reference), (CURRENT, user.current))
    ]
    return {
        "reference_mean": user.reference,
        "current_mean": user.current,
        "mean_change": user.change,
        "mean_change_low": user.low,
        "mean_change_high": user.high,
        "expected_change": float(effects.changes(value, units, means[:, None], by_user[:, None])[1][0]),
        "reference_std": deviations[0],
        "current_std": deviations[1],
        "std_change": deviations[1] - deviations[0],
        "mean_change_by_rating": rating.change,
        "mean_change_by_rating_low": rating.low,
        "mean_change_by_rating_high": rating.high,
    }


def _distances(value: UserValues, units: Units) -> dict[str, Any]:
    if not value.shares.shape[1]:
        return {"histogram": _genre_levels(value, units)}
    user, rating = (
        [effects.shares_of(value, units, side, by_rating=by_rating) for side in (REFERENCE, CURRENT)]
        for by_rating in (False, True)
    )
    row = {
        "psi": effects.population_stability_index(*user),
        "jensen_shannon": effects.jensen_shannon(*user),
        "total_variation": effects.total_variation(*user),
        "total_variation_by_rating": effects.total_variation(*rating),
        "histogram": _histogram(value.bins, bin_unit(value.feature), user, rating),
    }
    if value.feature.kind == "ordered":
        row["wasserstein"] = effects.wasserstein(user[0], user[1], value.feature.edges)
    return row


def _genre_levels(value: UserValues, units: Units) -> str:
    """For a feature of means: each genre's, in place of shares."""
    weight = np.minimum(value.counts, value.feature.cap)
    levels = [effects.group_mean(units, side, value.columns, weight) for side in (REFERENCE, CURRENT)]
    return _histogram(value.names, "", levels, None)


def _histogram(labels: tuple[str, ...], unit: str, user: list[np.ndarray], rating: list[np.ndarray] | None) -> str:
    said = [bin_said(str(label), unit) for label in labels]
    drawn: dict[str, Any] = {"labels": list(labels), "said": said, "unit": unit}
    drawn |= {"reference": _rounded(user[0]), "current": _rounded(user[1])}
    if rating is not None:
        drawn |= {"reference_by_rating": _rounded(rating[0]), "current_by_rating": _rounded(rating[1])}
    return json.dumps(drawn)


def _rounded(numbers: np.ndarray) -> list[float | None]:
    return [round(float(number), 6) if np.isfinite(number) else None for number in numbers]
