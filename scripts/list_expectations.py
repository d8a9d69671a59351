"""Print what each expectation means, as the Markdown tables that gx/README.md holds.

With --write the tables there are replaced, to be run after a suite was edited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from checks.editions import is_for_editions
from checks.engine.suites import declared_suites
from scripts.job.arguments import Parser
from scripts.job.ending import answered, printing

README = Path(__file__).resolve().parent.parent / "gx" / "README.md"
BEGIN, END = "<!-- expectations -->", "<!-- end of expectations -->"


@answered("gx/README.md is as it was")
def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser("list_expectations", __doc__)
    parser.add_argument("--write", action="store_true", help="replace the tables in gx/README.md")
    arguments = parser.parse_args(argv)
    tables = expectations_tables()
    if arguments.write:
        README.write_text(with_tables(README.read_text(encoding="utf-8"), tables), encoding="utf-8")
        return 0
    with printing():
        print(tables)
    return 0


def expectations_tables() -> str:
    """A heading and a table for each suite of the checkpoint, in its order."""
    return "\n\n".join(_suite_table(name, suite) for name, suite in declared_suites().items())


def with_tables(readme: str, tables: str) -> str:
    """The text of gx/README.md with `tables` between the marks that hold its place."""
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return marked.sub(lambda _: f"{BEGIN}\n\n{tables}\n\n{END}", readme)


def _suite_table(name: str, suite: Sequence[dict[str, object]]) -> str:
    head = [f"### {name}", "", "| expectation | severity | what a failure means |", "|---|---|---|"]
    return "\n".join([*head, *_rows(suite)])


def _rows(suite: Sequence[dict[str, object]]) -> Iterator[str]:
    for one in suite:
        notes = one.get("notes") or [""]
        meaning = notes[0] if isinstance(notes, list) else notes
        severity = f"{one['severity']}{', editions' if is_for_editions(one) else ''}"
        yield f"| {_cell(one['description'])} | {severity} | {_cell(meaning)} |"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    raise SystemExit(main())
