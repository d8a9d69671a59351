"""Sentences made from the fields that decided, so that text and decision can't disagree."""

from __future__ import annotations

import json
from typing import Any, Final

import pandas as pd

LARGEST: Final = 3  # changes named of a feature that has no mean


def message(row: dict[str, Any]) -> str:
    """What a feature's row found, in plain words, with the numbers and the bounds that it was judged by."""
    parts = [_verdict(row), _change(row), _evidence(row), str(row.get("cause", "")), sample_drawn(row), _excluded(row)]
    return " ".join(part for part in parts if part)


def _verdict(row: dict[str, Any]) -> str:
    title = str(row["title"])
    title = title[:1].upper() + title[1:]
    if row["status"] == "undetermined":
        return f"{title}: could not be judged: {row['problem']}."
    if row["status"] == "drifted":
        return f"{title}: drifted{_where(row)}."
    if row["q_value"] <= row["false_alarm_rate"]:
        return f"{title}: moved, but by less than matters."
    if row.get("too_few"):
        return f"{title}: differs for a few users alone, and by less than matters."
    if not _known(row, "bound"):
        return f"{title}: the same for every user of both windows."
    return f"{title}: no more difference than chance gives."


def _where(row: dict[str, Any]) -> str:
    return f", most at '{row['strongest']}'" if row["strongest"] not in ("", "mean") else ""


def _change(row: dict[str, Any]) -> str:
    """The means, by rating too, since the two can disagree in sign; without a mean, what moved most."""
    if row["status"] == "undetermined" or not _known(row, "bound"):
        return ""
    if not _known(row, "mean_change"):
        return _largest_changes(row)
    by_user = f"mean {_number(row['reference_mean'])} -> {_number(row['current_mean'])} {row['unit']}"
    return (
        f"By user, {by_user} ({_change_and_interval(row, 'mean_change')}); "
        f"by rating {_change_and_interval(row, 'mean_change_by_rating')}."
    )


def _largest_changes(row: dict[str, Any]) -> str:
    """The parts of the histogram that differ most: shares in percent, or means."""
    drawn = json.loads(row["histogram"])
    bins = zip(drawn["labels"], drawn["reference"], drawn["current"], strict=True)
    known = [(label, before, after) for label, before, after in bins if before is not None and after is not None]
    largest = sorted(known, key=lambda item: -abs(item[2] - item[1]))[:LARGEST]
    written = _signed if row["kind"] == "genre_means" else "{:.1%}".format
    changes = ", ".join(f"{label} {written(before)} -> {written(after)}" for label, before, after in largest)
    return f"Largest changes, by user: {changes}." if changes else ""


def _change_and_interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{_signed(row[name])}, 95 % interval {_signed(low)} to {_signed(high)}"


def _evidence(row: dict[str, Any]) -> str:
    if row["status"] == "undetermined" or not _known(row, "bound"):
        return ""
    return (
        f"Statistic {row['statistic']:.2f} against {row['bound']:.2f}, p {row['p_value']:.3f}, corrected "
        f"{row['q_value']:.3f} against {row['false_alarm_rate']:g}; effect {_number(row['effect_size'])} "
        f"against {_number(row['minimum_effect'])} {row['unit']}; {row['reference_users']} and "
        f"{row['current_users']} users, {row['reference_n']} and {row['current_n']} values."
    )


def sample_drawn(row: dict[str, Any]) -> str:
    """Says so where not all users were compared."""
    share = row["compared_share"]
    written = f"{100 * share:.2g}" if share < 0.0995 else f"{100 * share:.0f}"
    return f"A sample of {written} % of the users was compared." if share < 1 else ""


def _excluded(row: dict[str, Any]) -> str:
    count = row["excluded_rows"]
    return f"{count} ratings without a user or a usable time were left out." if count else ""


def _known(row: dict[str, Any], name: str) -> bool:
    return name in row and not pd.isna(row[name])


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 100 else f"{value:+.1f}"
