"""Plant simulated attackers among real users and measure which detectors find them.

Ranking: each kind alone at each share of users, by ROC-AUC and average precision, also by profile size; `--held-out`
takes the kind's whole family out of what the two-channel detector learns from; and who is flagged then, without trusted
users. Decisions: kinds mixed, 80 % of the real users trusted, by false discovery proportion and power at the nominal
rate, power also by kind and by profile size, and the users flagged in a clean batch. In time, with `--every`: each
year's, quarter's or month's ratings as a delivery, with all before as its reference. By groups, with `--groups`: how
many users of planted campaigns, crews and review bombs are reported as one attack. By another generator, with
`--by-another`, and that alone: accounts of kinds that the detectors were not made with, among them honest but odd ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.evaluation import lone
from scripts.evaluation.delivery import EvaluationError, load
from scripts.evaluation.groups import group_rows
from scripts.evaluation.in_time import each_period
from scripts.evaluation.strangers_judged import ACCOUNTS, print_strangers, stranger_rows
from scripts.job import arguments
from scripts.job.delivered import REAL_DATA, sound_data
from scripts.job.ending import answered, leaves, printing
from scripts.job.settings import PERIODS

if TYPE_CHECKING:
    import pandas as pd


BY_ANOTHER = "anomaly_by_another.csv"
MANY = 0.05  # of the users flagged fail a delivery, as the suite has it


@answered("the last results are as they were", analyses=True)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exit 0 when the results are written, 2 when there is nothing to evaluate on."""
    options = _options(argv)
    options.data = sound_data(options.data, options.output)
    if options.by_another:
        _by_another(options)
        return 0
    report = evaluate(options)
    _write(report, options.output)
    with printing():
        _print(report)
        print(f"{options.output / 'anomaly_evaluation.json'} and {options.output / 'anomaly_evaluation.svg'} written")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.by_another and (options.every or options.groups or options.held_out):
        parser.error("--by-another goes with none of --every, --groups and --held-out: it is an evaluation of its own")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = arguments.Parser("evaluate_anomaly", __doc__)
    parser.add_argument(
        "--data",
        type=arguments.local,
        metavar="DIR",
        help=f"MovieLens-format files (default: {REAL_DATA} if it is there, else a simulated sample)",
    )
    parser.add_argument(
        "--output", type=arguments.local, default=Path("outputs"), metavar="DIR", help="where results go"
    )
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="kinds of attack (default: all)")
    parser.add_argument(
        "--shares",
        nargs="+",
        type=arguments.share,
        default=[0.01, 0.03, 0.05],
        help="planted users a real user (default: 0.01 0.03 0.05)",
    )
    parser.add_argument("--seeds", type=arguments.positive, default=1, help="repetitions of each kind (default: 1)")
    parser.add_argument("--mixtures", type=arguments.positive, default=3, help="repetitions of mixtures (default: 3)")
    parser.add_argument("--seed", type=arguments.whole, default=1, help="where the random numbers start (default: 1)")
    parser.add_argument("--rate", type=arguments.share, default=0.10, help="false discovery rate asked for (0.10)")
    parser.add_argument("--every", choices=PERIODS, help="also judge each such period against all before it")
    parser.add_argument("--groups", action="store_true", help="also plant campaigns, crews and review bombs")
    parser.add_argument("--held-out", action="store_true", help="also with the kind's family never simulated")
    parser.add_argument(
        "--by-another",
        action="store_true",
        help=f"instead plant {ACCOUNTS} accounts of each kind by another generator, and write {BY_ANOTHER}",
    )
    return parser


def _by_another(options: argparse.Namespace) -> None:
    """Judge the other generator's users, write a row for each delivery, and print what follows."""
    from checks.results import outputs

    rows = stranger_rows(load(options.data), options.kinds, options)
    outputs.write_text(options.output / BY_ANOTHER, rows.to_csv(index=False))
    leaves(outputs.PUBLISHED)
    with printing():
        print_strangers(rows, options.rate)
        print(f"{options.output / BY_ANOTHER} written")


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """All figures as one JSON-ready object: settings, ranking, mixture, clean and rules."""
    from anomaly.attack_kinds import KINDS

    kinds = options.kinds or list(KINDS)
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise EvaluationError(f"--kinds: unknown {', '.join(unknown)}; known are {', '.join(KINDS)}")
    delivery = load(options.data)
    ranking = [row for kind in kinds for row in lone.ranking_rows(delivery, kind, options)]
    mixture, mixture_users = lone.mixtures(delivery, kinds, options)
    return {
        "data": str(options.data),
        "n_users": delivery.n_users,
        "seed": options.seed,
        "nominal_rate": options.rate,
        "ranking": ranking,
        "mixture": mixture,
        "mixture_users": mixture_users,
        "clean": list(lone.clean_rows(delivery, options)),
        "rules": lone.rules(delivery, options),
        "in_time": list(each_period(delivery, kinds, options)) if options.every else [],
        "groups": list(group_rows(delivery, kinds, options)) if options.groups else [],
    }


def _print(report: dict[str, Any]) -> None:
    import pandas as pd

    _print_ranking(pd.DataFrame(report["ranking"]))
    nominal = f"{100 * report['nominal_rate']:.0f} %"
    _print_mixture(nominal, pd.DataFrame(report["mixture"]), pd.DataFrame(report["mixture_users"]))
    clean = pd.DataFrame(report["clean"])["flagged"]
    print(f"\nClean batch: {clean.mean():.3f} users flagged a batch, any in {(clean > 0).sum()} of {len(clean)}")
    print(f"Plain rules: {report['rules']}")
    if report["in_time"]:
        print("\nEach period against all before it: users in all periods, and periods with many honest ones flagged")
        print(_of_periods(pd.DataFrame(report["in_time"])).to_string())
    if report["groups"]:
        _print_groups(pd.DataFrame(report["groups"]))


def _print_ranking(ranking: pd.DataFrame) -> None:
    """How well planted users are told from others, and what is flagged where nobody is trusted."""
    figures = ["auc", "average_precision"]
    for share, rows in ranking.groupby("share", sort=False):
        print(f"\n{100 * float(str(share)):.0f} % planted, each kind alone")
        print(rows.pivot_table(index="kind", columns="detector", values=figures, sort=False).round(3).to_string())
    print("\nMean over kinds")
    print(ranking.groupby(["share", "detector"], sort=False)[figures].mean().round(4).to_string())
    print("\nWithout trusted users: share of the planted users that is flagged, and the most others")
    ours = ranking[ranking["detector"] == "two-channel"]
    flags = ours.groupby(["share", "kind"], sort=False).agg({"flagged": "mean", "others_flagged": "max"})
    print(flags.unstack("share").round(2).to_string())
    print("\nMean ROC-AUC over kinds by profile size")
    print(_mean_by_size(ranking).round(3).to_string())


def _print_mixture(nominal: str, mixture: pd.DataFrame, users: pd.DataFrame) -> None:
    """How often flags are wrong, beside the rate asked for, and who is found."""
    print(f"\nKinds mixed, with a trusted reference, nominal rate {nominal}: mean, standard error")
    decided = mixture.groupby("share")[["false_discovery_proportion", "power"]].agg(["mean", "sem"])
    print(decided.round(3).to_string())
    for part in ("kind", "size"):
        print(f"\nThe same, power by {part}")
        print(users.pivot_table(index=part, columns="share", values="found", aggfunc="mean").round(2).to_string())


def _print_groups(groups: pd.DataFrame) -> None:
    """Groups are found where more than half of their users are in one attack; others are in any that is reported."""
    groups = groups.assign(planted=(groups["users"] > 0).astype(int))
    print("\nAttacks by groups: planted, found, users in them, of these in one attack, and others in any attack")
    counts = ["planted", "found", "users", "together", "others"]
    print(groups.groupby("group", sort=False)[counts].sum().to_string())
    print("\nThe same, share found by kind")
    print(groups.pivot_table(index="kind", columns="group", values="found", sort=False).round(2).to_string(na_rep=""))


def _of_periods(in_time: pd.DataFrame) -> pd.DataFrame:
    in_time = in_time.assign(periods=1, many_others_flagged=in_time["others_flagged"] > MANY * in_time["users"])
    by_attack = in_time.groupby(["share", "accounts"], sort=False)
    sums = by_attack[["periods", "users", "others_flagged", "many_others_flagged", "planted", "found"]].sum()
    rate = by_attack["false_discovery_proportion"].mean()  # which is what a false discovery rate holds
    return sums.assign(power=(sums["found"] / sums["planted"]).round(3), false_discovery_rate=rate.round(3))


def _mean_by_size(ranking: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    by_size = pd.DataFrame(ranking["auc_by_size"].tolist(), index=ranking.index)
    return ranking[["share", "detector"]].join(by_size).groupby(["share", "detector"], sort=False).mean()


def _write(report: dict[str, Any], folder: Path) -> None:
    from checks.results import outputs

    plot = _plot(report)  # takes a while, in which the last results are as they were
    outputs.write_text(folder / "anomaly_evaluation.json", json.dumps(report, indent=1))
    outputs.write_text(folder / "anomaly_evaluation.svg", plot)
    leaves(outputs.PUBLISHED)


def _plot(report: dict[str, Any]) -> str:
    """ROC-AUC by kind, one mark a detector, as SVG."""
    import altair
    import pandas as pd
    import vl_convert

    ranking = (
        pd.DataFrame(report["ranking"]).groupby(["share", "kind", "detector"], sort=False)["auc"].mean().reset_index()
    )
    ranking["share"] = (100 * ranking["share"]).map("{:g} % planted".format)
    chart = (
        altair.Chart(ranking, title="Planted attackers found, by kind")
        .mark_point(filled=True, size=70)
        .encode(
            x=altair.X("auc:Q", title="ROC-AUC (0.5: chance)", scale=altair.Scale(domain=[0, 1])),
            y=altair.Y("kind:N", title=None, sort=None),
            color=altair.Color("detector:N", title=None),
            shape=altair.Shape("detector:N", title=None),
            column=altair.Column("share:N", title=None, sort=None),
        )
        .properties(width=300)
    )
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


if __name__ == "__main__":
    raise SystemExit(main())
