"""Measure the drift report: how often it errs where nothing moved, and what it finds of planted shifts.

    python -m scripts.evaluate_drift --data data/ml-latest-small
    python -m scripts.evaluate_drift --splits 200 --power-splits 20 --kinds level users

False alarms: users are split at random into halves, so that nothing differs by construction. Power: a shift is
planted into one half. The usual rules judge the same halves. Coming back: the third who rate highest are in both
windows, and nobody, or everybody, rates lower in the smaller one. Steady: the last part of a simulated service in
which nothing moves is held against all before. Writes drift_evaluation.json and .png to --output.

    python -m scripts.evaluate_drift --by-another

By another hand: changes that the report was not tuned with, of scripts/evaluation/changes/, at three strengths each,
and the same halves without them. Writes drift_by_another.json instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scripts.evaluation import changes_judged, coming_back, random_halves, steady
from scripts.evaluation.changes.frames import Frames
from scripts.job.arguments import Parser, local, positive, whole
from scripts.job.delivered import REAL_DATA, sound_data
from scripts.job.ending import answered, leaves, printing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


SPLITS: Final = 1_000  # a rate of 5 % is then known to 0.7 %
POWER_SPLITS: Final = 100  # for each shift: a power of one half is then known to 5 %
RELABELLINGS: Final = 499  # half the report's: the rate is as true, the power a little less
PAIRS: Final = 4  # a kind and strength of another hand: twenty minutes on ml-latest-small
SEED: Final = 20_030_218
RATE: Final = 0.05  # of false alarms that is asked for, the report's default
KINDS: Final = sorted(random_halves.SIZES)


@answered("the last results are as they were", analyses=True)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exit code 0 when the figures were written, 2 when they could not be."""
    options = _options(argv)
    options.data = sound_data(options.data, options.output)
    if options.by_another:
        return _by_another(options)
    results = evaluate(options)
    _write(results, options.output)
    with printing():
        _print(results)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("evaluate_drift", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data",
        type=local,
        metavar="DIR",
        help=f"MovieLens folder (default: {REAL_DATA} if it is there, else a simulated sample)",
    )
    parser.add_argument("--splits", type=positive, default=SPLITS, help="random halves without a shift (%(default)s)")
    parser.add_argument("--power-splits", type=positive, default=POWER_SPLITS, help="halves a shift (%(default)s)")
    parser.add_argument("--relabellings", type=positive, default=RELABELLINGS, help="in each judgement (%(default)s)")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS, help="shifts to plant")
    parser.add_argument(
        "--by-another",
        type=positive,
        nargs="?",
        const=PAIRS,
        metavar="N",
        help=f"judge another hand's changes instead, N pairs of halves a kind and strength ({PAIRS})",
    )
    parser.add_argument("--seed", type=whole, default=SEED)
    parser.add_argument("--output", type=local, default=Path("outputs"), help="folder for the results (%(default)s)")
    return parser.parse_args(argv)


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """False-alarm rates and power of the report and of the usual rules, as written to the JSON file."""
    delivery = Frames.read(options.data)
    return _about(delivery, options) | {
        "splits": options.splits,
        "power_splits": options.power_splits,
        "false_alarms": random_halves.together(_splits(delivery, options)),
        "power": [row for kind in options.kinds for row in _power(delivery, kind, options)],
        "coming_back": list(_coming_back(delivery, options)),
        "steady": list(_steady(options)),
    }


def _splits(delivery: Frames, options: argparse.Namespace) -> Iterator[random_halves.Alarms]:
    alarms = random_halves.each_split(delivery, options.splits, RATE, options.relabellings, options.seed)
    for number, split in enumerate(alarms, start=1):
        yield split
        _progress(f"random halves {number} of {options.splits}")


def _power(delivery: Frames, kind: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    return random_halves.power(
        delivery, kind, options.power_splits, RATE, options.relabellings, options.seed, _progress
    )


def _coming_back(delivery: Frames, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for row in coming_back.each_fall(delivery, options.power_splits, RATE, options.relabellings, options.seed):
        yield row
        _progress(f"users who came back: {row['fall']:g}")


def _steady(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for row in steady.each_part(options.power_splits, RATE, options.relabellings, options.seed):
        yield row
        _progress(f"the last part of a steady service: {row['part']:g}")


def _about(delivery: Frames, options: argparse.Namespace) -> dict[str, Any]:
    """What was measured on, and how."""
    return {
        "data": options.data.name,
        "users": len(delivery.users),
        "ratings": len(delivery.ratings),
        "relabellings": options.relabellings,
        "nominal_rate": RATE,
        "seed": options.seed,
    }


def _by_another(options: argparse.Namespace) -> int:
    """Judge another hand's changes, write what was found, and print it."""
    from checks.results import outputs

    delivery = Frames.read(options.data)
    rows = []
    for row in changes_judged.each_strength(delivery, options.by_another, RATE, options.relabellings, options.seed):
        rows.append(row)
        _progress(f"{row['kind']} {row['strength']:g}")
    results = _about(delivery, options) | {"pairs": options.by_another} | changes_judged.together(rows)
    outputs.write_text(options.output / "drift_by_another.json", json.dumps(results, indent=2) + "\n")
    leaves(outputs.PUBLISHED)
    with printing():
        print("\n".join(changes_judged.said(results)))
    return 0


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


def _write(results: dict[str, Any], folder: Path) -> None:
    from checks.results import outputs

    plot = _plot(results)  # takes a while, in which the last results are as they were
    outputs.write_text(folder / "drift_evaluation.json", json.dumps(results, indent=2) + "\n")
    outputs.write_bytes(folder / "drift_evaluation.png", plot)
    leaves(outputs.PUBLISHED)


def _plot(results: dict[str, Any]) -> bytes:
    """False-alarm rates as bars beside power by size, one panel a kind of shift; a PNG file's bytes."""
    import altair as alt
    import pandas as pd
    import vl_convert

    alarms = pd.DataFrame(results["false_alarms"]["any_feature"].items(), columns=["rule", "share"])
    bars = (
        alt.Chart(alarms, title="Alarms where nothing moved")
        .mark_bar()
        .encode(
            x=alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), title="share of random halves"),
            y=alt.Y("rule:N", sort=None, title=None),
            color=alt.Color("rule:N", legend=None),
        )
    )
    nominal = (
        alt.Chart(pd.DataFrame({"share": [results["nominal_rate"]]})).mark_rule(strokeDash=[4, 4]).encode(x="share:Q")
    )
    found = pd.DataFrame(
        [
            {"kind": row["kind"], "size": row["size"], "rule": rule, "share": share}
            for row in results["power"]
            for rule, share in row["found"].items()
            if rule != random_halves.NAMED
        ]
    )
    lines = (
        alt.Chart(found)
        .mark_line(point=True)
        .encode(
            x=alt.X("size:Q", title="size planted"),
            y=alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), title="share found"),
            color=alt.Color("rule:N", title=None),
        )
    )
    panels = lines.properties(width=170, height=120).facet(facet=alt.Facet("kind:N", title=None), columns=4)
    chart = (bars + nominal) & panels.resolve_scale(x="independent")
    return vl_convert.vegalite_to_png(chart.to_json(), scale=2)


def _print(results: dict[str, Any]) -> None:
    print(f"Alarms where nothing moved, {results['splits']} random halves of {results['users']} users:")
    for rule, share in results["false_alarms"]["any_feature"].items():
        print(f"  {rule:<20} {100 * share:5.1f} %")
    print(f"Shifts found, {results['power_splits']} halves each:")
    for row in results["power"]:
        shares = "  ".join(f"{rule} {share:.2f}" for rule, share in row["found"].items())
        print(f"  {row['kind']} {row['size']:g}: {shares}")
    print(f"Users who rate highest in both windows, {results['power_splits']} pairs each:")
    for row in results["coming_back"]:
        print(f"  {100 * row['fall']:g} % half a star down: any feature {row['any']:.2f}  levels {row['levels']:.2f}")
    print(f"The last part of a simulated service whose users come back, {results['power_splits']} services each:")
    for row in results["steady"]:
        fallen = f"levels with {100 * steady.FALL:g} % half a star down {row['levels']:.2f}"
        steadily = f"any feature {row['any']:.2f} ({row['without_popularity']:.2f} without popularity)"
        print(f"  {100 * row['part']:g} %: {steadily}  {fallen}")


if __name__ == "__main__":
    raise SystemExit(main())
