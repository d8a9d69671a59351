"""The verdict for a person at a terminal, or in a log: plain where the output is no terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks import times
from checks.engine import suites
from checks.gate.terms import Decision, Status
from checks.gate.verdict import FailingRow, Outcome, Verdict, questions
from checks.run import Run
from checks.texts import printable

LOG_WIDTH = 120  # where the output is no terminal that could tell
SHOWN_ROWS = 3  # a glance; Data Docs show more
SHOWN_VALUE = 60  # characters of one: a row with a long title still fits on a line or two

STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.UNDETERMINED: "magenta",
    Status.WAIVED: "cyan",
    Status.UNASKED: "blue",
}
DECISION_STYLES = {
    Decision.PASS: "bold green",
    Decision.FAIL: "bold red",
    Decision.UNDETERMINED: "bold magenta",
}


class _Console(Console):
    """One that leaves it to the command what it means that nobody reads any more: rich's ends it with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  rich calls this where it caught the error


def console(stderr: bool = False) -> Console:
    """A console that neither guesses links and numbers nor reads markup: data are printed as they are."""
    made = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    return (
        made
        if made.is_terminal
        else _Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=LOG_WIDTH, soft_wrap=True)
    )


def print_verdict(out: Console, verdict: Verdict, run: Run) -> None:
    """One table, suite by suite; every open outcome with its rows and what to do; what was not asked; the verdict."""
    out.print(_table(verdict, run))
    for outcome in verdict.to_mend():
        _print_outcome(out, outcome)
    _print_unasked(out, verdict)
    _print_decision(out, verdict)


def _table(verdict: Verdict, run: Run) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("suite")
    headings = ["rows", "expectations", "passed", "critical", "warning", "info", "waived", "not judged"]
    for heading in [*headings, *(["not asked"] if verdict.unasked else [])]:
        table.add_column(heading, justify="right")
    for name in run.suites:
        suite = verdict.of_suites([name])
        unasked = [_number(len(suite.unasked), "blue")] if verdict.unasked else []
        table.add_row(*_table_row(name, suite, run), *unasked)
    return table


def _table_row(name: str, suite: Verdict, run: Run) -> list[Text]:
    rows = run.row_counts.get(name)
    cells = [Text(name), Text("no table" if rows is None else f"{rows:,}"), Text(str(len(suite.outcomes)))]
    cells.append(_number(suite.count(Status.PASSED), "green"))
    styles = {"critical": "bold red", "warning": "yellow", "info": "blue"}
    cells += [_number(suite.count(Status.FAILED, one), styles[one]) for one in suites.SEVERITIES]
    cells.append(_number(suite.count(Status.WAIVED), "cyan"))
    return [*cells, _number(suite.count(Status.UNDETERMINED), "magenta")]


def _number(count: int, style: str) -> Text:
    return Text(str(count), style=style if count else "dim")


def _print_outcome(out: Console, outcome: Outcome) -> None:
    label = outcome.severity if outcome.status is Status.FAILED else _label(outcome.status)
    line = Text.assemble((label.upper(), STYLES[outcome.status]), f"  {outcome.suite}: ", outcome.sentence)
    out.print(line)
    for text in details(outcome):
        out.print(Text(f"    {text}"))
    out.print()


def _print_unasked(out: Console, verdict: Verdict) -> None:
    """What was not asked, in few lines: nobody has anything to do about it."""
    if verdict.unasked:
        out.print(Text.assemble(("NOT ASKED", STYLES[Status.UNASKED]), f"  {verdict.unasked[0].cause}:"))
        for outcome in verdict.unasked:
            out.print(Text(f"    {outcome.suite}: {outcome.sentence}"))
        out.print()


def _label(status: Status) -> str:
    return "not judged" if status is Status.UNDETERMINED else str(status)


def details(outcome: Outcome, shown_rows: int = SHOWN_ROWS) -> list[str]:
    """What is known of an outcome that did not pass, in lines of plain text: findings, rows, what to do."""
    action = [f"What to do: {outcome.remedy}"] if outcome.remedy else []
    if outcome.status is Status.UNDETERMINED:
        unwaived = ["A waiver covers failures alone."] if outcome.waiver else []
        return [f"It could not be judged: {printable(outcome.cause or '')}.", *unwaived, *action]
    waiver = [printable(outcome.waiver.sentence())] if outcome.waiver else []
    found = [f"Found: {printable(outcome.observed)}."] if outcome.observed else []
    rows = [row_text(row) for row in outcome.cases[:shown_rows]]
    more = (outcome.unexpected_count or 0) - len(rows)
    tail = [f"… and {more:,} more"] if rows and more > 0 else []
    return [*waiver, *found, *rows, *tail, *action]


def row_text(row: FailingRow) -> str:
    """A failing row on one line: its place and its values, which a header has not."""
    place = f"{row.file}:{row.line}" if row.line is not None else row.file or "row"
    values = ", ".join(
        f"{printable(name)} {shortened(value)}{_time(name, value)}" for name, value in row.values.items()
    )
    return f"{printable(place)}  {values}".rstrip()


def _time(column: str, value: Any) -> str:
    """The time that a delivered number means, in brackets behind it; of seconds nobody knows the day by heart."""
    said = times.meant(column, value)
    return f" ({said})" if said else ""


def _print_decision(out: Console, verdict: Verdict) -> None:
    for question in questions(verdict):
        if question.verdict.outcomes:
            style = DECISION_STYLES[question.decision]
            out.print(Text.assemble(f"{question.text:<24}", (str(question.answer), style)))
    decision = Text(str(verdict.decision).upper(), style=DECISION_STYLES[verdict.decision])
    out.print(Text.assemble("\nVerdict: ", decision, f"  {verdict.why()}"))


def shortened(value: Any, longest: int = SHOWN_VALUE) -> str:
    """A value from the data in at most `longest` printable characters; text in quotes, so blanks are seen."""
    if value is None:
        return "missing"
    text = printable(str(value))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text
