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

from scripts.evaluation import changes_judged, coming_back, steady
from scripts.evaluation.changes.frames import Frames, halved
from scripts.evaluation.drifted import drifted
from scripts.job.arguments import Parser, local, positive, whole
from scripts.job.delivered import REAL_DATA, sound_data
from scripts.job.ending import answered, leaves, printing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd

SPLITS: Final = 1_000  # a rate of 5 % is then known to 0.7 %
POWER_SPLITS: Final = 100  # for each shift: a power of one half is then known to 5 %
RELABELLINGS: Final = 499  # half the report's: the rate is as true, the power a little less
PAIRS: Final = 4  # a kind and strength of another hand: twenty minutes on ml-latest-small
SEED: Final = 20_030_218
RATE: Final = 0.05  # of false alarms that is asked for, the report's default
NULLS_BEFORE: Final = 0.01  # share of null ratings in both halves before more are planted
EVERYTHING_BEFORE: Final = 4_000_000_000  # seconds: a window that holds all ratings

# The sizes of each kind, small to large; the kinds' units are in drift/shifts.py.
SIZES: Final[dict[str, tuple[float, ...]]] = {
    "level": (0.05, 0.1, 0.2, 0.6),
    "users": (0.05, 0.1, 0.2),
    "spread": (0.1, 0.2, 0.4),
    "scale": (0.01, 0.05),
    "half_star": (0.1, 0.3, 0.6),
    "popularity": (0.1, 0.3, 0.5),
    "genre": (0.15, 0.3, 0.5),
    "activity": (0.2, 0.4, 0.6),
    "subgroup": (0.1, 0.3, 0.5),
    "nulls": (0.0025, 0.005, 0.01),
    "order": (0.1, 0.3, 0.6),
}

# Which features should name each kind; another feature's alarm counts as found, but not as named.
NAMED_BY: Final[dict[str, tuple[str, ...]]] = {
    "level": ("rating", "user_level", "user_bias", "half_stars"),
    "users": ("rating", "user_level", "user_bias"),
    "spread": ("rating", "user_spread"),
    "scale": ("rating", "off_scale", "user_level", "user_bias", "user_spread"),
    "half_star": ("half_stars", "rating"),
    "popularity": ("popularity",),
    "genre": ("genre",),
    "activity": ("activity", "session_size"),
    "subgroup": ("genre_level", "rating", "user_level", "user_bias"),
    "nulls": ("null_ratings",),
    "order": ("agreement",),
}


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
    parser.add_argument("--kinds", nargs="*", choices=sorted(SIZES), default=sorted(SIZES), help="shifts to plant")
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
        "false_alarms": _false_alarms(delivery, options),
        "power": [row for kind in options.kinds for row in _power(delivery, kind, options)],
        "coming_back": list(_coming_back(delivery, options)),
        "steady": list(_steady(options)),
    }


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


def _false_alarms(delivery: Frames, options: argparse.Namespace) -> dict[str, Any]:
    """Share of random halves with any alarm. Users' values do not hang on the split: collected once."""
    import numpy as np

    from drift.features import declared_features
    from drift.findings import judged_rows
    from drift.units import Units
    from drift.users import Collected, collect
    from drift.windows import windows_in_time

    with delivery.of(delivery.users).warehouse() as warehouse:
        windows = windows_in_time(warehouse, 0.5, EVERYTHING_BEFORE)
        collected = collect(windows, declared_features())
    coded = _coded(delivery.ratings, delivery.movies)
    rng = np.random.default_rng(options.seed)
    alarms: dict[str, list[int]] = {}
    features: dict[str, int] = {}
    for split in range(options.splits):
        current, _ = halved(delivery.users, rng)
        units = Units(collected.units.users, np.isin(collected.units.users, current).astype(np.int8))
        parted = Collected(units, collected.values, collected.missing)
        rows = judged_rows(windows, parted, RATE, options.relabellings, options.seed + split)
        told = [row["feature"] for row in rows if row["status"] == "drifted"]
        features |= {name: features.get(name, 0) + 1 for name in told}
        alarms.setdefault("this report", []).append(int(bool(told)))
        in_current = np.isin(delivery.ratings["userId"].to_numpy(), current)
        for rule, called in _rules(_counted(coded, ~in_current), _counted(coded, in_current), coded):
            alarms.setdefault(rule, []).append(int(called))
        _progress(f"random halves {split + 1} of {options.splits}")
    rates = {name: float(np.mean(hits)) for name, hits in alarms.items()}
    by_feature = {name: count / options.splits for name, count in sorted(features.items())}
    return {"any_feature": rates, "this_report_by_feature": by_feature}


def _power(delivery: Frames, kind: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Share of planted shifts found, one row for each size."""
    import numpy as np

    for size in SIZES[kind]:
        rng = np.random.default_rng([options.seed, *kind.encode(), round(size * 10_000)])
        hits: dict[str, list[int]] = {}
        for split in range(options.power_splits):
            for name, hit in _planted(delivery, kind, size, options, rng):
                hits.setdefault(name, []).append(int(hit))
            _progress(f"{kind} {size:g}: {split + 1} of {options.power_splits}")
        yield {"kind": kind, "size": size, "found": {name: float(np.mean(found)) for name, found in hits.items()}}


def _planted(
    delivery: Frames, kind: str, size: float, options: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[str, bool]]:
    """What the report and the rules say of one pair of halves, the second with a shift planted."""
    import numpy as np

    from drift.shifts import plant

    current_users, reference_users = halved(delivery.users, rng)
    seeds = rng.integers(1 << 31, size=3)
    ratings = delivery.ratings
    if kind == "nulls":
        ratings, _ = plant(ratings, None, kind, NULLS_BEFORE, None, int(seeds[0]))
    is_current = np.isin(ratings["userId"], current_users)
    current, _ = plant(ratings[is_current], delivery.movies, kind, size, None, int(seeds[1]))
    reference = ratings[~is_current]
    old, new = (
        delivery.having(ratings=reference).of(reference_users),
        delivery.having(ratings=current).of(current_users),
    )
    told = drifted(old, new, RATE, options.relabellings, int(seeds[2]))
    yield "this report", bool(told)
    yield "this report, named", bool(told.intersection(NAMED_BY[kind]))
    both = _coded(
        ratings.loc[reference.index.append(current.index)].assign(rating=[*reference["rating"], *current["rating"]]),
        delivery.movies,
    )
    is_late = np.arange(len(reference) + len(current)) >= len(reference)
    yield from _rules(_counted(both, ~is_late), _counted(both, is_late), both)


Coded = dict[str, tuple["np.ndarray", "np.ndarray"]]


def _coded(ratings: pd.DataFrame, movies: pd.DataFrame) -> Coded:
    """Each feature that the usual rules are given: a code for each rating (-1: null), and the codes' values."""
    import pandas as pd

    years = movies.drop_duplicates("movieId").set_index("movieId")["title"].str.extract(r"\((\d{4})\)\s*$")[0]
    counts = ratings["movieId"].map(ratings["movieId"].value_counts())
    columns = {
        "rating": ratings["rating"],
        "is_null": ratings["rating"].isna().astype(float),
        "hour": ratings["timestamp"] // 3600 % 24,
        "weekday": ratings["timestamp"] // 86400 % 7,
        "release_year": pd.to_numeric(years, errors="coerce").reindex(ratings["movieId"]),
        "popularity": counts,
    }
    return {name: pd.factorize(values.to_numpy(float), sort=True) for name, values in columns.items()}


def _counted(coded: Coded, chosen: np.ndarray) -> dict[str, np.ndarray]:
    import numpy as np

    return {
        name: np.bincount(codes[chosen & (codes >= 0)], minlength=len(values)).astype(float)
        for name, (codes, values) in coded.items()
    }


def _rules(
    reference: dict[str, np.ndarray], current: dict[str, np.ndarray], coded: Coded
) -> Iterator[tuple[str, bool]]:
    """Whether each usual rule calls drift on any feature."""
    from drift.usual_rules import RULES

    for rule, is_drift in RULES.items():
        yield rule, any(is_drift(reference[name], current[name], coded[name][1]) for name in coded)


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
            if rule != "this report, named"
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
