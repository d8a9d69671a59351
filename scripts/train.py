"""Train a rating model on validated data, and on nothing else: without a valid receipt it refuses.

Exit code 0: trained; 1: refused, and one line says why; 2: used wrongly, or failed. With MOVIELENS_RECEIPT_KEY set in
the environment, the receipt must be signed with that key.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.results import receipt
from scripts.job.arguments import Parser, local, whole
from scripts.job.ending import answered, leaves, printing, say

if TYPE_CHECKING:
    from scripts.training.keeping import Training
    from scripts.training.study import Model

REFUSED = 1
RATINGS = "ratings.parquet"
LARGEST_RANK = 128  # the equations of a row grow with its square


@answered("the last model is as it was")
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    try:
        found = _receipt(arguments.run)
    except (receipt.ReceiptError, OSError) as error:
        say(f"Refused to train: {error}")
        return REFUSED
    return _train(arguments, found)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("train", __doc__)
    parser.add_argument(
        "--run",
        type=local,
        default=Path("outputs"),
        metavar="DIR",
        help="the output folder of a passed run, with receipt.json and validated/ (default: outputs)",
    )
    parser.add_argument("--model", type=local, metavar="DIR", help="where the model goes (default: model/ in --run)")
    parser.add_argument(
        "--hold-out",
        choices=("time", "user"),
        default="time",
        help="judge the model on the last fifth of all ratings, or of each user's (default: time)",
    )
    parser.add_argument("--rank", type=_rank, default=16, metavar="N", help="factors a user and a film (default: 16)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of the factors' start (default: 0)")
    return parser.parse_args(argv)


def _rank(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_RANK:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {LARGEST_RANK}")
    return int(text)


def _receipt(run: Path) -> dict[str, Any]:
    """The receipt of the run, checked together with the validated tables. Raises ReceiptError where either fails."""
    found = receipt.read(run / receipt.FILE_NAME, receipt.key_from_environment())
    receipt.check_validated(found, run / receipt.VALIDATED)
    if RATINGS not in found["validated"]:
        raise receipt.ReceiptError(f"{run / receipt.VALIDATED / RATINGS}: is not what the receipt was given for.")
    return found


def _train(arguments: argparse.Namespace, found: dict[str, Any]) -> int:
    from scripts.training.ratings import TrainingError

    try:
        training, model = _fit(arguments, found)
        folder = arguments.model or arguments.run / "model"
        _keep(folder, training, model)
    except (TrainingError, receipt.ReceiptError) as error:
        say(f"Refused to train: {error}")
        return REFUSED
    with printing():
        _report(training, folder)
    _log(training, arguments.run / receipt.VALIDATED / RATINGS, folder)
    return 0


def _fit(arguments: argparse.Namespace, found: dict[str, Any]) -> tuple[Training, Model]:
    """Judge on ratings held out, then fit the model that is kept to all of them."""
    from scripts.training import ratings, study
    from scripts.training.keeping import Training

    usable, left_out = ratings.read(arguments.run / receipt.VALIDATED / RATINGS)
    receipt.check_validated(found, arguments.run / receipt.VALIDATED)  # a later run may have replaced what was read
    studied = study.study(usable, ratings.HOLD_OUTS[arguments.hold_out], arguments.rank, arguments.seed)
    training = Training(found, usable, left_out, arguments.hold_out, studied)
    return training, study.train(usable, studied.settings)


def _keep(folder: Path, training: Training, model: Model) -> None:
    """Write model, card, figures and the receipt itself, whole or not at all."""
    from checks.results import outputs
    from scripts.training import keeping

    with outputs.staged(folder, option="--model", leaves=leaves) as staging:
        keeping.save(staging / keeping.MODEL, model, str(training.receipt["digest"]))
        sha256 = receipt.sha256(staging / keeping.MODEL)
        outputs.write_text(staging / keeping.CARD, keeping.card(training, model, sha256))
        outputs.write_json(staging / keeping.METRICS, keeping.metrics(training))
        outputs.write_text(staging / receipt.FILE_NAME, receipt.rendered(training.receipt))


def _report(training: Training, folder: Path) -> None:
    from scripts.training import keeping
    from scripts.training.ratings import HOLD_OUT_TEXTS

    digest = str(training.receipt["digest"])[:12]
    print(f"Trained on {len(training.ratings):,} validated ratings (receipt {digest}, {training.receipt['issued']}).")
    print(f"Held out: {HOLD_OUT_TEXTS[training.hold_out]}.\n")
    print(*keeping.table(training.study), sep="\n")
    print(f"\nModel card: {(folder / keeping.CARD).resolve()}")


def _log(training: Training, ratings: Path, folder: Path) -> None:
    from checks.reports import tracking
    from scripts.training import tracked

    if failure := tracking.log(lambda: tracked.record(training, ratings, folder)):
        say(failure)


if __name__ == "__main__":
    raise SystemExit(main())
