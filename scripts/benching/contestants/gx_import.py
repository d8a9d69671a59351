"""The import of Great Expectations as the job makes it, with nothing else under way.

python -m scripts.benching.contestants.gx_import
"""

from __future__ import annotations

from scripts.benching.rules import IMPORT, Account


def main() -> None:
    account = Account()
    with account.phases.phase(IMPORT):
        from checks import context  # noqa: F401
    account.tell()


if __name__ == "__main__":
    main()
