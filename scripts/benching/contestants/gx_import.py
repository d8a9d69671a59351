"""The import of Great Expectations with nothing else under way: as the job makes it, or bare, as others do.

python -m scripts.benching.contestants.gx_import [--bare]
"""

from __future__ import annotations

import sys

from scripts.benching.rules import IMPORT, Account


def main() -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        if "--bare" in sys.argv:
            import great_expectations  # noqa: F401
        else:
            from checks.engine import context  # noqa: F401
    account.tell()


if __name__ == "__main__":
    main()
