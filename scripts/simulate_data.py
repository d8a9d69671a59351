"""Simulate a MovieLens delivery, honest or with labelled attacks and shifts planted.

    python -m scripts.simulate_data FOLDER --users 2000
    python -m scripts.simulate_data FOLDER --ratings 32000000 --attack bandwagon-push:0.02 --drift level:0.2
    python -m scripts.simulate_data FOLDER --into data/ml-latest-small --attack all:44

Ground truth of what was planted is in FOLDER/labels/.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.job.arguments import Parser, local, positive, whole
from scripts.job.ending import answered, leaves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.simulation.planting import Plans

USERS = 2_000  # with some 330,000 ratings, three times those of ml-latest-small
SEED = 20_030_218  # any number would do; this one is the day of the first half-star
RATINGS_A_USER = 165  # the mean in published editions, to size a delivery by its ratings alone


@answered("nothing was kept")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exit code 0 when the folder was written, 2 when it could not be, 130 if interrupted."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.into and (options.users or options.ratings):
        parser.error("--into takes the users and ratings of its folder: leave --users and --ratings out")
    if options.into and not (options.attack or options.drift):
        parser.error("--into needs something to plant: add --attack or --drift")
    _make(options)
    leaves(f"{options.folder} is ready")
    truth = f"; what was planted: {options.folder / 'labels'}" if options.attack or options.drift else ""
    print(f"{options.folder}: ready (seed {options.seed}{truth})")
    return 0


def simulate(
    folder: Path,
    *,
    users: int = USERS,
    ratings: int | None = None,
    seed: int = SEED,
    attacks: Sequence[str] = (),
    drifts: Sequence[str] = (),
) -> None:
    """Write a simulated delivery in MovieLens's format into `folder`, whole or not at all.

    The same arguments give the same bytes. Without `ratings`, activity is as long-tailed as in
    MovieLens (some 165 ratings a user on average); with it, there are exactly so many (before
    planting). `attacks` and `drifts` are plans such as 'random-push:0.02' and 'level:0.3'.

    Raises:
        SimulationError: so few or so many ratings cannot come from so many users, or a plan is malformed,
            or `folder` already holds something.
    """
    from scripts.simulation.errors import SimulationError
    from scripts.simulation.folder import whole_folder, write_delivery

    if users < 1:
        raise SimulationError(f"a delivery needs at least 1 user, not {users}")
    if seed < 0:
        raise SimulationError(f"a seed is 0 or more, not {seed}")
    plans = _plans(attacks, drifts)
    with whole_folder(Path(folder)) as partial:
        write_delivery(partial, users=users, ratings=ratings, seed=seed)
        _plant(partial, plans, seed)


def plant_into(
    folder: Path, source: Path, *, attacks: Sequence[str] = (), drifts: Sequence[str] = (), seed: int = SEED
) -> None:
    """Write a copy of the delivery in `source` into `folder` with attacks and shifts planted.

    Raises:
        SimulationError: `source` is no clean delivery of plain CSV files, or a plan is malformed,
            or `folder` already holds something.
    """
    from scripts.simulation.folder import copy_delivery, whole_folder

    plans = _plans(attacks, drifts)
    with whole_folder(Path(folder)) as partial:
        copy_delivery(Path(source), partial)
        _plant(partial, plans, seed)


def _make(options: argparse.Namespace) -> None:
    planned = {"attacks": options.attack, "drifts": options.drift, "seed": options.seed}
    if options.into:
        plant_into(options.folder, options.into, **planned)
        return
    by_ratings = max(1, options.ratings // RATINGS_A_USER) if options.ratings else USERS
    users = by_ratings if options.users is None else options.users
    simulate(options.folder, users=users, ratings=options.ratings, **planned)


def _plans(attacks: Sequence[str], drifts: Sequence[str]) -> Plans | None:
    """Read the plans before anything is made, so that a mistake costs no time; None: nothing to plant."""
    if not attacks and not drifts:
        return None
    from scripts.simulation.planting import read_plans

    return read_plans(attacks, drifts)


def _plant(folder: Path, plans: Plans | None, seed: int) -> None:
    if plans is not None:
        from scripts.simulation.planting import plant

        plant(folder, plans, seed)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("simulate_data", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=local, help="where to write; must not exist, or be empty")
    parser.add_argument("--users", type=positive, help=f"number of users (default {USERS})")
    parser.add_argument("--ratings", type=positive, help="number of ratings in all, at least 20 a user")
    parser.add_argument("--seed", type=whole, default=SEED, help="the same seed gives the same bytes")
    parser.add_argument(
        "--attack",
        action="append",
        default=[],
        metavar="KIND[:USERS[:FILLERS]]",
        help="plant bad users, a share or a count of them, each with so many fillers beside the targets; "
        "KIND may be a family or "
        "'all', a wrong one lists them; may be repeated",
    )
    parser.add_argument(
        "--drift",
        action="append",
        default=[],
        metavar="KIND[:SIZE[:SINCE]]",
        help="plant a shift of size 0 to 1 since a date (default: the newest fifth of the ratings); may be repeated",
    )
    parser.add_argument("--into", type=local, metavar="DIR", help="plant into a copy of this delivery")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
