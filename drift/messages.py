"""Sentences made from the fields that decided, so that text and decision can't disagree."""

from __future__ import annotations

import json
from typing import Any, Final

import pandas as pd

from drift.windows import REFERENCE
from drift.words import DOUBLINGS, SHARE, amount, counted, percent, places

TO_BE_EXPECTED: Final = "is to be expected, as users seen in both windows differ from others"
OF_NEWCOMERS: Final = "is to be expected, as newcomers, of whom there is another share, differ from others"
NOTEWORTHY: Final = 0.5  # of the minimum effect: a difference to be expected that is told
LARGEST: Final = 3  # changes named of a feature that has no mean


def message(row: dict[str, Any]) -> str:
    """What a feature's row found, in plain words, with the numbers and the bounds that it was judged by."""
    parts = (_verdict(row), _change(row), _evidence(row), str(row.get("cause", "")), what_was_compared(row))
    return " ".join(filter(None, parts))


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
    """The bin that changed most, which the chart names too, whatever cumulative share the statistic is of."""
    changes = [] if row["kind"] == "share" else largest_changes(row)
    if not changes:
        return ""
    label, before, after = changes[0]
    told = f": from {percent(before)} to {percent(after)}" if _known(row, "mean_change") else ""
    return f", most at {label}{told}"


def _change(row: dict[str, Any]) -> str:
    """The means, by rating too, since the two can disagree in sign; without a mean, what moved most."""
    if row["status"] == "undetermined" or not _known(row, "bound"):
        return ""
    if not _known(row, "mean_change"):
        return _largest_changes(row)
    return f"By user, {_means(row)}{_expected(row)}; by rating {_change_and_interval(row, 'mean_change_by_rating')}."


def _expected(row: dict[str, Any]) -> str:
    """How much of the change of the mean is to be expected though nothing moved, where it is a good part."""
    expected = row["expected_change"]
    if abs(expected) < NOTEWORTHY * row["minimum_effect"]:
        return ""
    scale, points = _points(row)
    return f", of which {scale * expected:+z.{_places(row, 'mean_change')}f}{points} {_why_expected(row)}"


def _why_expected(row: dict[str, Any]) -> str:
    return OF_NEWCOMERS if row.get("periods") else TO_BE_EXPECTED


def _means(row: dict[str, Any]) -> str:
    """Both means and their difference, with as many decimals as the difference asks for."""
    scale, unit = (100, "%") if row["unit"] == SHARE else (1, row["unit"])
    decimals = _places(row, "mean_change")
    before, after = (f"{scale * row[name]:z.{decimals}f}" for name in ("reference_mean", "current_mean"))
    times = f", {2 ** row['mean_change']:.2f} times as much" if unit == DOUBLINGS else ""
    before = f"{before} %" if unit == "%" else before
    return f"mean {before} → {after} {unit} ({_change_and_interval(row, 'mean_change')}{times})"


def largest_changes(row: dict[str, Any]) -> list[tuple[str, float, float]]:
    """The bins of the histogram in both windows, those first that differ most: as it is said, before, after."""
    drawn = json.loads(row.get("histogram") or "{}")
    bins = zip(*(drawn.get(name, ()) for name in ("said", "reference", "current")), strict=True)
    known = [one for one in bins if one[1] is not None and one[2] is not None]
    return sorted(known, key=lambda item: -abs(item[2] - item[1]))


def _largest_changes(row: dict[str, Any]) -> str:
    """The parts of the histogram that differ most: shares in per cent, or means."""
    written = "{:+z.3f}".format if row["kind"] == "genre_means" else percent
    pairs = [(label, written(before), written(after)) for label, before, after in largest_changes(row)[:LARGEST]]
    told = [f"{label} {before} → {after}" for label, before, after in pairs if before != after]
    unit = f" {row['unit']}" if row["kind"] == "genre_means" else ""
    return f"Largest changes, by user: {', '.join(told)}{unit}." if told else ""


def _change_and_interval(row: dict[str, Any], name: str) -> str:
    scale, points = _points(row)
    change, low, high = (scale * row[name + end] for end in ("", "_low", "_high"))
    decimals = _places(row, name)
    return f"{change:+z.{decimals}f}{points}, 95 % interval {low:+z.{decimals}f} to {high:+z.{decimals}f}"


def _points(row: dict[str, Any]) -> tuple[int, str]:
    """What a difference is written in: its factor and its unit, where it has one of its own."""
    return (100, " percentage points") if row["unit"] == SHARE else (1, "")


def _places(row: dict[str, Any], name: str) -> int:
    """Decimals for a change: of one that is small beside its interval, the interval's."""
    change, low, high = (row[name + end] for end in ("", "_low", "_high"))
    return places((100 if row["unit"] == SHARE else 1) * max(abs(change), (high - low) / 4))


def _evidence(row: dict[str, Any]) -> str:
    if row["status"] == "undetermined" or not _known(row, "bound"):
        return ""
    effect = amount(row["effect_size"], row["unit"]).removesuffix(f" {row['unit']}")
    minimum = amount(row["minimum_effect"], row["unit"])
    return (
        f"Statistic {row['statistic']:.2f} against {row['bound']:.2f}, p {row['p_value']:.3f}, corrected "
        f"{row['q_value']:.3f} against {row['false_alarm_rate']:g}; effect {effect} against {minimum}{_observed(row)}; "
        f"{row['reference_users']:,} and {counted(row['current_users'], 'user')}, "
        f"{row['reference_n']:,} and {counted(row['current_n'], 'value')}."
    )


def _observed(row: dict[str, Any]) -> str:
    """The effect with what is to be expected, where that is a good part of it; of a mean `_expected` tells it."""
    observed = row.get("observed_effect", row["effect_size"])
    if _known(row, "mean_change") or observed - row["effect_size"] < NOTEWORTHY * row["minimum_effect"]:
        return ""
    return f" ({amount(observed, row['unit'])} with what {_why_expected(row)})"


def what_was_compared(row: dict[str, Any]) -> str:
    """How the reference was looked at, and what was left out of the windows, if anything was."""
    return " ".join(filter(None, (_periods(row), sample_drawn(row), _held(row), _repeated(row), _excluded(row))))


def _periods(row: dict[str, Any]) -> str:
    """Says so where one window is longer than the other."""
    if not (periods := row.get("periods")):
        return ""
    drawn = f", in each of {percent(periods.share)} of its users" if periods.share < 1 else ""
    parted = counted(periods.n, "period")
    if periods.side == REFERENCE:
        return f"The reference was looked at in {parted} as long as the current window{drawn}."
    return f"The current window was looked at in {parted} about as long as the reference{drawn}."


def _held(row: dict[str, Any]) -> str:
    """Says so where the delivery repeats ratings of the reference."""
    count, verb = row["held_rows"], "was" if row["held_rows"] == 1 else "were"
    return f"{counted(count, 'rating')} that the reference holds, too, {verb} left out." if count else ""


def _repeated(row: dict[str, Any]) -> str:
    """Says so where the delivery does not truly repeat the reference's ratings, which it repeats otherwise."""
    shares = {"lacks": row["lost_share"], "has at another level": row["changed_share"]}
    told = [
        f"It {what} {percent(share)} of the ratings of the reference." for what, share in shares.items() if share > 0
    ]
    return " ".join(told)


def sample_drawn(row: dict[str, Any]) -> str:
    """Says so where not all users were compared."""
    share = row["compared_share"]
    written = f"{100 * share:.2g}" if share < 0.0995 else f"{100 * share:.0f}"
    return f"A sample of {written} % of the users was compared." if share < 1 else ""


def _excluded(row: dict[str, Any]) -> str:
    count = row["excluded_rows"]
    if not count:
        return ""
    return f"{counted(count, 'rating')} without a user or a usable time {'was' if count == 1 else 'were'} left out."


def _known(row: dict[str, Any], name: str) -> bool:
    return name in row and not pd.isna(row[name])
