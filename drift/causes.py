"""Why something drifted, where the data can tell: levels of the scale that did not exist before some day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from drift.effects import effect_size
from drift.features import declared_features
from drift.handle import statement
from drift.relabelling import judge
from drift.times import DAY
from drift.users import collect
from drift.windows import CURRENT, REFERENCE, since_start

if TYPE_CHECKING:
    from drift.relabelling import Judgement
    from drift.units import Units, UserValues
    from drift.windows import Windows

STRAY: Final = 0.001  # share of a level's ratings that may precede the day on which it came: clocks and imports err
APART: Final = 90  # days without the level that make earlier ones stray, and that levels that came together differ by
MARGIN: Final = 1.28  # standard deviations by which a statistic falls short of what is expected once in ten times
# The current window is of the same scales as the reference where its share of ratings from before the change is so much
# of the reference's, or more.
ALIKE: Final = 0.5
EXPECTED: Final = 50  # ratings of a level that should have been given before, at its later share: absence is no chance


@dataclass(frozen=True)
class NewLevels:
    """Levels of the scale first given on `start` (seconds, UTC, midnight)."""

    start: int
    levels: tuple[float, ...]

    def __str__(self) -> str:
        given = ", ".join(f"{level:g}" for level in self.levels)
        return f"ratings of {given} are first given on {datetime.fromtimestamp(self.start, UTC):%Y-%m-%d}"


def new_levels(windows: Windows) -> NewLevels | None:
    """The latest day inside the reference on which levels of the scale came into use, or None.

    Where the current window holds as much from before that day, it is of the same scales, and no cause is found.
    Needs the view drift_placed of the windows' collection.
    """
    counts = pd.concat([part.handle.sql(statement("levels")) for part in windows.parts])
    if counts.empty or windows.reference is None:
        return None
    daily = counts.pivot_table(index="day", columns="level", values="n", aggfunc="sum", fill_value=0).sort_index()
    starts = {float(str(level)): _start(daily, level) for level in daily}
    found = {level: start for level, start in starts.items() if start is not None and start < windows.reference.end}
    if not found:
        return None
    together = sorted(level for level, start in found.items() if max(found.values()) - start <= APART * DAY)
    start = min(found[level] for level in together)
    return NewLevels(start, tuple(together)) if _parts(counts, start) else None


def _parts(counts: pd.DataFrame, moment: int) -> bool:
    """Whether a moment lies between the windows rather than alike in both; counts: of each side and day."""
    before = counts["n"].where(counts["day"] < moment // DAY, 0)
    share = before.groupby(counts["side"]).sum() / counts.groupby("side")["n"].sum()
    share = share.reindex([REFERENCE, CURRENT], fill_value=0)
    return bool(share[CURRENT] < ALIKE * share[REFERENCE])


def _start(daily: pd.DataFrame, level: Any) -> int | None:
    """When a level came into use, if its absence before is no chance."""
    given = daily[level]
    before = given.cumsum() <= STRAY * given.sum()
    rest = daily[~before]
    share = rest[level].sum() / max(1, rest.to_numpy().sum())
    expected = share * daily[before].to_numpy().sum()
    return _first_of_run(daily.index[given > 0], rest.index[0]) * DAY if expected >= EXPECTED else None


def _first_of_run(days: pd.Index, day: float) -> int:
    """The first of the days that lead up to `day` without a long break."""
    for earlier in reversed(days[days < day]):
        if day - earlier > APART:
            break
        day = earlier
    return int(day)


def with_causes(
    rows: list[dict[str, Any]], windows: Windows, rate: float, relabellings: int, seed: int
) -> list[dict[str, Any]]:
    """Add `cause` to drifted features that read the scale: do they drift on ratings since its last change?

    That they do not explains something only where it would be seen if they did.
    Films are then known by these ratings alone, too: their means by all would carry the old scale in.
    """
    drifted = {row["feature"]: row["effect_size"] for row in rows if row["status"] == "drifted"}
    in_question = tuple(one for one in declared_features() if one.reads_scale and one.name in drifted)
    change = new_levels(windows) if in_question else None
    if change is None:
        return rows
    collected = collect(since_start(windows, change.start), in_question)
    units, values = collected.units, collected.values
    judged = dict(zip(values, judge(units, list(values.values()), rate, relabellings, seed), strict=True))
    shown = {name: _would_show(drifted[name], values[name], units, judged[name]) for name in values}
    causes = {name: _sentence(change, judged[name].q_value, rate, shown[name]) for name in values}
    return [row | {"cause": causes[row["feature"]]} if row["feature"] in causes else row for row in rows]


def _would_show(effect: float, value: UserValues, units: Units, judgement: Judgement) -> bool:
    """Whether an effect as large as that on all ratings would be significant on these, too, nine times in ten.

    What the statistic is to their own effect tells what it would be of the other.
    """
    own = effect_size(value, units)
    return own > 0 and judgement.statistic * effect / own >= judgement.bound + MARGIN


def _sentence(change: NewLevels, q_value: float, rate: float, would_show: bool) -> str:
    """What is made of it comes first: a console shows some sixty characters of a cause."""
    verdict = "not significant" if q_value > rate else "still significant"
    if q_value <= rate:
        reading = "A change of scale does not explain all of it"
    elif would_show:
        reading = "A change of scale can explain it"
    else:
        reading = "It cannot be told whether a change of scale explains it"
    missed = "" if q_value <= rate or would_show else ", where one as large could be missed"
    return (
        f"{reading}: {change}, inside the reference window; on the reference since then the difference is {verdict} "
        f"(corrected p {q_value:.3f}){missed}."
    )
