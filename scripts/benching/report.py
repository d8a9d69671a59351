"""Tells results: a table, the goals, JSON, and a plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.results import outputs
from scripts.benching import figures
from scripts.benching.contest import CONTESTANTS, PEERS
from scripts.benching.figures import Results, short

if TYPE_CHECKING:
    import altair

LEAST_SHOWN = 0.02  # of the job's time; shorter phases are one, "other phases", in the plot
ABOUT = {one.name: one.about for one in (*CONTESTANTS, *PEERS)}


def as_json(results: Results, failures: Sequence[str]) -> dict[str, Any]:
    """All that was measured and what follows from it; the table, the goals and the plot are made of nothing else."""
    everything = [*results.by_ratings, *results.by_users]
    return {
        "machine": machine(),
        "failures": list(failures),
        "medians": list(figures.medians(everything)),
        "ratios": list(_ratios(results)),
        "goals": [goal.as_dict() for goal in figures.goals(results)],
        "growth": figures.growth(results),
        "measurements": [one.as_dict() for one in everything],
    }


def machine() -> dict[str, Any]:
    """Where it was measured: times of different machines, or of a busy one, do not compare; ratios may."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processors": _processors(),
        "memory_bytes": memory,
        "load_at_the_end": round(os.getloadavg()[2], 2),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def _processors() -> int:
    """Those that this process may use, where the system tells, as Linux does; else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ratios(results: Results) -> Iterator[dict[str, Any]]:
    """The job over each other contestant, by size."""
    others = dict.fromkeys(one.contestant for one in results.by_ratings if one.contestant != "job")
    for size in results.sizes():
        for other in others:
            told = {
                name: results.ratio(figure, "job", other, size)
                for name, figure in (("wall", figures.wall), ("cpu", figures.cpu), ("memory", figures.memory))
            }
            if any(ratio is not None for ratio in told.values()):
                yield {"ratings": size, "of": "job", "to": other, **told}


def write(results: Results, failures: Sequence[str], folder: Path) -> None:
    """Write bench.json and bench.png into `folder`, each whole or not at all."""
    outputs.write_text(folder / "bench.json", json.dumps(as_json(results, failures), indent=2) + "\n")
    if results.by_ratings or results.by_users:
        outputs.write_bytes(folder / "bench.png", plot(results))


def lines(results: Results) -> Iterator[str]:
    """The table, the job's phases, the goals, and what a billion ratings would cost."""
    rows = list(figures.medians([*results.by_ratings, *results.by_users]))
    yield f"{'ratings':>8} {'users':>9}  {'contestant':<16} {'wall s':>8} {'after import':>13} {'CPU s':>8} {'GB':>6}"
    for row in rows:
        yield (
            f"{short(row['ratings']):>8} {row['users']:>9,}  {row['contestant']:<16} {row['wall_seconds']:8.2f} "
            f"{row['seconds_after_import']:13.2f} {row['cpu_seconds']:8.2f} {row['peak_bytes'] / 1e9:6.2f}"
        )
    yield "Medians over the rounds; a contestant is " + "; ".join(
        f"{name}: {ABOUT.get(name, name)}" for name in dict.fromkeys(row["contestant"] for row in rows)
    )
    yield from _phases(rows)
    yield from _told_ratios(results)
    yield from _told_goals(results)
    yield from _told_growth(results)


def _phases(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["contestant"] == "job":
            told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in _largest_phases(row))
            yield f"The job's phases at {short(row['ratings'])} of {row['users']:,} users, seconds: {told}"


def _largest_phases(row: dict[str, Any]) -> list[tuple[str, float]]:
    """The phases worth showing, and the rest of the time, which is the process's start, its end and small phases."""
    shown = [(name, s) for name, s in row["phases"].items() if s >= LEAST_SHOWN * row["wall_seconds"]]
    return [*shown, ("the rest", max(0.0, row["wall_seconds"] - sum(seconds for _, seconds in shown)))]


def _told_ratios(results: Results) -> Iterator[str]:
    for one in _ratios(results):
        told = ", ".join(f"{name} {one[name]:.2f}" for name in ("wall", "cpu", "memory"))
        yield f"{short(one['ratings']):>8}  job / {one['to']}: {told}"


def _told_goals(results: Results) -> Iterator[str]:
    for goal in figures.goals(results):
        figure = "" if goal.figure is None else f"{goal.figure:.2f}"
        yield f"{goal.verdict:<13} {goal.text}: {figure} (at most {goal.limit:g})"


def _told_growth(results: Results) -> Iterator[str]:
    if (line := figures.growth(results)) is not None:
        time, memory = line["wall_seconds"], line["peak_bytes"]
        yield (
            f"A million ratings more cost {time['a_million_more']:.2f} s and {memory['a_million_more'] / 1e6:.0f} MB; "
            f"by that line a billion would take {time['at_a_billion'] / 60:.0f} minutes "
            f"and {memory['at_a_billion'] / 1e9:.0f} GB."
        )


def plot(results: Results) -> bytes:
    """Time and memory by ratings, the job's phases, and time and memory by users where these were varied; a PNG."""
    import altair as alt
    import vl_convert

    panels = []
    if results.by_ratings:
        rows = list(figures.medians(results.by_ratings))
        lines = _lines(rows, "ratings", "by ratings")
        jobs = [row for row in rows if row["contestant"] == "job"]  # the engine can't draw a panel of nothing
        panels.append((lines | _bars(jobs)).resolve_scale(color="independent") if jobs else lines)
    if results.by_users:
        panels.append(_lines(list(figures.medians(results.by_users)), "users", "by users"))
    chart = alt.vconcat(*panels).resolve_scale(color="independent")
    return vl_convert.vegalite_to_png(chart.to_json(), scale=2)


def _lines(rows: list[dict[str, Any]], over: str, title: str) -> altair.HConcatChart:
    import altair as alt
    import pandas as pd

    table = pd.DataFrame([{**row, "phases": None, "gigabytes": row["peak_bytes"] / 1e9} for row in rows])
    base = alt.Chart(table).mark_line(point=True).properties(width=260, height=220)
    shared = {
        "x": alt.X(f"{over}:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", tickCount=5)),
        "color": alt.Color("contestant:N", title=None),
    }
    measures = (("wall_seconds", "seconds"), ("gigabytes", "peak memory, GB"))
    return alt.hconcat(
        *(
            base.encode(y=alt.Y(f"{column}:Q", scale=alt.Scale(type="log"), title=axis), **shared).properties(
                title=f"{axis.capitalize() if axis == 'seconds' else 'Peak memory'} {title}"
            )
            for column, axis in measures
        )
    )


def _bars(jobs: list[dict[str, Any]]) -> altair.Chart:
    """The job's phases as shares of its time, so that small and large sizes can be read beside each other."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame(
        [
            {"ratings": short(row["ratings"]), "phase": name, "share": seconds / row["wall_seconds"]}
            for row in jobs
            for name, seconds in _largest_phases(row)
        ],
        columns=["ratings", "phase", "share"],
    )
    return (
        alt.Chart(table, title="Phases of the job")
        .mark_bar()
        .encode(
            x=alt.X("ratings:N", sort=None),
            y=alt.Y("share:Q", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]), title="share of its time"),
            color=alt.Color("phase:N", title=None, sort=None, scale=alt.Scale(scheme="tableau20")),
        )
        .properties(width=160, height=220)
    )
