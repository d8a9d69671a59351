"""Tell whether a receipt is whole and was given for the data in a folder.

Exit code 0: it is; 1: it is not, and one line says why; 2: used wrongly, or failed. With MOVIELENS_RECEIPT_KEY set in
the environment, the receipt must be signed with that key.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from checks.results import receipt
from checks.texts import printable
from scripts.job.arguments import Parser, local, place, spark_setting
from scripts.job.ending import answered, printing, say


@answered("nothing was verified")
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    try:
        valid = _verify(arguments)
    except (receipt.ReceiptError, OSError) as error:
        say(str(error))
        return 1
    with printing():
        print(printable(valid))
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("verify_receipt", __doc__)
    parser.add_argument("receipt", type=local, metavar="RECEIPT", help="the receipt.json of a passed run")
    parser.add_argument(
        "--data",
        type=place,
        required=True,
        metavar="DIR",
        help="the folder of data that is to be used; of a run on Spark also a pattern or address, as it was judged",
    )
    parser.add_argument(
        "--rules",
        type=local,
        metavar="DIR",
        help="also demand that suites, checkpoint and waivers in this folder are those that were judged by (gx)",
    )
    parser.add_argument(
        "--spark-conf",
        type=spark_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of Spark's, where it must read the data, as for scripts.run_checkpoint",
    )
    return parser.parse_args(argv)


def _verify(arguments: argparse.Namespace) -> str:
    """One line on a receipt that holds. Raises ReceiptError where it does not."""
    key = receipt.key_from_environment()
    found = receipt.read(arguments.receipt, key)
    receipt.check_data(found, arguments.data, dict(arguments.spark_conf))
    if arguments.rules is not None:
        receipt.check_rules(found, arguments.rules)
    return f"{arguments.data}: passed on {found.get('issued')} ({_signed(found, key)}, digest {found['digest']})."


def _signed(found: dict[str, object], key: bytes | None) -> str:
    if key is not None:
        return "signature valid"
    return f"signature not checked: {receipt.KEY_VARIABLE} is not set" if "signature" in found else "not signed"


if __name__ == "__main__":
    raise SystemExit(main())
