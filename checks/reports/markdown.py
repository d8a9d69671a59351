"""`report.md`: the run for people who did not run it. Data are escaped: they can't form markup, links or HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checks import times
from checks.docs import findings
from checks.engine import suites
from checks.gate.terms import Status
from checks.gate.verdict import FailingRow, Outcome, Verdict, questions
from checks.reports.console import shortened
from checks.results.changes import Changes, since_last_run
from checks.results.quarantine import STAYS, read_counts
from checks.run import Run
from checks.tables import FINDINGS
from checks.texts import printable

SHOWN_ROWS = 5  # a report is read; Data Docs and the quarantine hold the rest
SHOWN_VALUE = 700  # what is told of a feature that drifted has some five sentences
SHORT_TEXT = 60  # characters of a finding's cell; a longer one is a sentence
# What Markdown would make a link of itself, list or heading; the rest of the signs reads better bare.
ACTIVE = re.compile(r"([\\`*\[\]|~$@#])|((?<![^\W_])_|_(?![^\W_]))|(?<=\w)(:)(?=//)|(?<=www)(\.)")
STATUSES = {Status.UNASKED: "not asked"}  # where a status is no word of a report's
LABELS = {Status.UNDETERMINED: "NOT JUDGED", Status.WAIVED: "WAIVED"}

# Of files that the last run judged, too; whether rules, settings and waivers are as they were.
REPEATED = {
    True: "The files are the same, byte for byte, and so are rules, settings and waivers: if a new delivery was "
    "meant to come, the old one was sent again.",
    False: "The files are the same, byte for byte; rules, settings or waivers are not.",
}


def report(verdict: Verdict, run: Run) -> str:
    """The run as GitHub-flavoured Markdown: verdict, questions, changes, what to do, waivers, data, suites."""
    sections = [
        _head(verdict, run),
        _questions(verdict),
        _changes(since_last_run(verdict, run), run),
        _recommendations(verdict, run),
        _unasked(verdict),
        _drift(run),
        _waivers(verdict),
        _data(run),
        _settings(run),
        _quarantine(run),
        _suites(verdict, run),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _head(verdict: Verdict, run: Run) -> Iterator[str]:
    yield f"# Data quality: {str(verdict.decision).upper()}"
    yield ""
    yield f"{prose(verdict.reason())}"
    yield ""
    what = "a simulated sample, not real data" if run.simulated else code(str(run.folder))
    span = ""
    if run.first_rating and run.last_rating:
        span = f", ratings of {run.first_rating:%Y-%m-%d} to {run.last_rating:%Y-%m-%d}"
    against = f", held against {code(str(run.reference))}" if run.reference else ""
    yield f"Judged {what}{span}{against}, on {run.started:%Y-%m-%d %H:%M} UTC; fails on `{verdict.fail_on}`."
    if run.kind.remark:
        yield ""
        yield f"**{prose(run.kind.remark)}**"


def _questions(verdict: Verdict) -> Iterator[str]:
    yield from _table_head("Question", "Answer", "Why")
    for question in questions(verdict):
        if question.verdict.outcomes:
            yield _table_row(question.text, f"**{question.answer}**", prose(question.verdict.why()))
        else:
            yield _table_row(question.text, "not asked", "the checkpoint holds no suite that answers it")


def _changes(changes: Changes | None, run: Run) -> Iterator[str]:
    yield "## What changed since the last run"
    yield ""
    if run.tables_of is not None:
        yield f"The tables are of {run.tables_of:%Y-%m-%d %H:%M} UTC, and judged anew."
        yield ""
    if changes is None:
        yield "There is no earlier run in this folder to compare with."
        return
    where = f" over another folder, {code(changes.folder_before)}," if changes.folder_before else ""
    yield f"The last run, of {changes.since:%Y-%m-%d %H:%M} UTC,{where} said **{prose(changes.verdict_before)}**."
    if run.repeats is not None:
        yield REPEATED[changes.judged_alike]
    yield ""
    yield from [f"- **{prose(sentence)}**" for sentence in run.row_changes]
    yield from [f"- New: {_headline(outcome)}" for outcome in changes.new]
    yield from [f"- Waived since then: {_named(outcome)}" for outcome in changes.waived]
    yield from [f"- Mended: {_headline(outcome)}" for outcome in changes.gone]
    if not changes.new and not changes.waived and not changes.gone:
        yield ""
        yield "Nothing fails that did not fail then, and nothing is mended."


def _headline(outcome: Outcome) -> str:
    label = LABELS.get(outcome.status, outcome.severity.upper())
    label = "" if outcome.status is Status.PASSED else f"**{label}** "
    return f"{label}{_named(outcome)}"


def _named(outcome: Outcome) -> str:
    return f"{prose(outcome.suite)}: {prose(outcome.sentence)}"


def _recommendations(verdict: Verdict, run: Run) -> Iterator[str]:
    yield "## What to do, worst first"
    open_outcomes = verdict.to_mend()
    if not open_outcomes:
        yield ""
        yield f"Nothing: every expectation {'that was asked ' if verdict.unasked else ''}holds."
    for number, outcome in enumerate(open_outcomes, start=1):
        yield ""
        yield f"### {number}. {_headline(outcome)}"
        yield ""
        yield from _recommendation(outcome, run)


def _recommendation(outcome: Outcome, run: Run) -> Iterator[str]:
    if outcome.waiver:
        yield f"- **{prose(outcome.waiver.sentence())}**"
    if outcome.status is Status.UNDETERMINED:
        yield f"- It could not be judged: {prose(outcome.cause or 'unknown')}."
    if outcome.observed:
        yield f"- Found: {prose(outcome.observed)}."
    if outcome.remedy:
        yield f"- **What to do: {prose(outcome.remedy)}**"
    if outcome.meaning and outcome.has_result:
        yield f"- What it means: {prose(outcome.meaning)}"
    file, line = suites.place(outcome.suite, outcome.expectation_id, run.root)
    yield f"- Where the rule stands: `{file}:{line}`"
    if outcome.cases:
        yield from _rows(outcome)


def _rows(outcome: Outcome) -> Iterator[str]:
    shown = outcome.cases[:SHOWN_ROWS]
    names = list(dict.fromkeys(name for row in shown for name in row.values))
    if not names:  # a header, of which all is said by now
        yield from (f"- Where the data show it: {code(_place(row))}" for row in shown)
        return
    yield ""
    yield from _as_list(shown) if outcome.suite in FINDINGS and any(map(_is_wordy, shown)) else _as_table(shown, names)
    more = (outcome.unexpected_count or 0) - len(shown)
    if more > 0:
        yield ""
        yield f"… and {more:,} more."


def _as_table(rows: Sequence[FailingRow], names: Sequence[str]) -> Iterator[str]:
    yield from _table_head("Row", *[prose(name) for name in names])
    for row in rows:
        cells = {name: _cell(name, value) for name, value in row.values.items()}
        yield _table_row(code(_place(row)), *[cells.get(name, "") for name in names])


def _as_list(rows: Sequence[FailingRow]) -> Iterator[str]:
    """A line a finding, and its sentences below it: side by side in a table none of them could be read."""
    for row in rows:
        told = findings.told_once({name: value for name, value in row.values.items() if value is not None})
        short = (f"{prose(name)} {_cell(name, value)}" for name, value in told.items() if not _is_sentence(value))
        yield f"* {', '.join((code(_place(row)), *short))}"  # not `-`, which would go on with the list above
        sentences = {name: shortened(value, SHOWN_VALUE)[1:-1] for name, value in told.items() if _is_sentence(value)}
        yield from (f"  - {prose(name)}: {prose(text)}" for name, text in sentences.items())


def _is_wordy(row: FailingRow) -> bool:
    return any(map(_is_sentence, row.values.values()))


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and len(value) > SHORT_TEXT


def _place(row: FailingRow) -> str:
    return f"{row.file}:{row.line}" if row.line is not None else row.file or ""


def _cell(column: str, value: Any) -> str:
    """A value from the data, and the time that it means where it is one."""
    return f"{code(shortened(value, SHOWN_VALUE))} {times.meant(column, value)}".rstrip()


def _unasked(verdict: Verdict) -> list[str]:
    if not verdict.unasked:
        return []
    rules = [f"- {_named(outcome)}" for outcome in verdict.unasked]
    return ["## What was not asked", "", f"These rules are {prose(verdict.unasked[0].cause or '')}.", "", *rules]


def _drift(run: Run) -> Iterator[str]:
    """What was compared, and what to do about all that moved: rules tell of features, and none of it on a pass."""
    rows = run.figures.found["drift"] if run.figures is not None else []
    cost = findings.cost(rows)
    if cost is None:
        return
    yield "## What the drift costs a model"
    yield ""
    yield prose(findings.compared(rows))
    yield ""
    yield f"**Recommendation: {prose(cost.advice)}.** {prose(cost.reason)}"
    yield ""
    yield from (f"- {prose(point)}" for point in cost.points)


def _waivers(verdict: Verdict) -> list[str]:
    waived = [outcome for outcome in verdict.outcomes if outcome.waiver]
    if not waived:
        return []
    return ["## Waivers", "", *_table_head("Expectation", "Owner", "Until", "Reason", "State"), *map(_waiver, waived)]


def _waiver(outcome: Outcome) -> str:
    waiver = outcome.waiver
    assert waiver is not None
    if outcome.status is Status.WAIVED:
        state = "waives a failure"
    elif outcome.status is Status.PASSED:
        state = "not needed: the expectation holds"
    elif outcome.status is Status.UNASKED:
        state = "not needed: it was not asked"
    elif waiver.expired or waiver.exceeded:
        state = f"**{'expired' if waiver.expired else 'exceeded'}: it gates again**"
    else:
        state = "does not apply: it could not be judged"
    what = f"{prose(outcome.suite)}: {prose(outcome.sentence)}"
    return _table_row(what, prose(waiver.owner), str(waiver.expires), prose(waiver.reason), state)


def _data(run: Run) -> Iterator[str]:
    yield "## The data"
    yield ""
    yield from _table_head("File", "Rows", "Not readable", "SHA-256")
    for source in run.sources.values():
        name = source.path.name if source.path else f"{source.table}.csv"
        if source.problem:
            yield _table_row(code(name), prose(source.problem), "", "")
        else:
            digest = code(source.sha256 or "")
            yield _table_row(code(name), f"{source.loaded_rows:,}", f"{source.rejected_rows:,}", digest)


def _settings(run: Run) -> list[str]:
    """All that decided besides the data and the rules, so that a verdict can be had again."""
    if not run.settings:
        return []
    rows = [
        _table_row(prose(name.replace("_", " ")), "" if value is None else code(_written(value)))
        for name, value in run.settings.items()
    ]
    return ["## The settings", "", *_table_head("Setting", "Value"), *rows]


def _written(value: object) -> str:
    """A setting as one reads it; the files that it names by their SHA-256."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return str(value)


def _quarantine(run: Run) -> list[str]:
    counts = read_counts(run.output)
    if not any(one.quarantined for one in counts):
        return []
    rows = [_table_row(prose(o.table), *(f"{n:,}" for n in (o.rows_in, o.quarantined, o.validated))) for o in counts]
    where = f"Rows that break a critical rule are in `quarantine/`, the rest in `validated/`. {STAYS}"
    return ["## Quarantine", "", where, "", *_table_head("Table", "Rows", "Quarantined", "Validated"), *rows]


def _suites(verdict: Verdict, run: Run) -> Iterator[str]:
    yield "## The suites"
    yield ""
    yield from _table_head("Suite", "Rows", "Expectations", *(STATUSES.get(one, str(one)) for one in Status))
    for name in run.suites:
        of_suite = verdict.of_suites([name])
        rows = run.row_counts.get(name)
        counts = [str(of_suite.count(status)) for status in Status]
        row_count = "no table" if rows is None else f"{rows:,}"
        yield _table_row(prose(name), row_count, str(len(of_suite.outcomes)), *counts)


def _table_head(*titles: str) -> Sequence[str]:
    return _table_row(*titles), _table_row(*["---"] * len(titles))


def _table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def prose(text: str) -> str:
    """Text as it reads, its `code` kept as code, everything else that Markdown or HTML would act on escaped."""
    parts = printable(" ".join(text.split())).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner
        return _escaped("`".join(parts))
    return "".join(code(part) if i % 2 else _escaped(part) for i, part in enumerate(parts))


def _escaped(text: str) -> str:
    active = ACTIVE.sub(lambda found: f"\\{found.group()}", text)
    return active.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A code span that holds any text, also inside a table's cell."""
    flat = printable(" ".join(text.splitlines())).replace("|", "\\|")
    if not flat.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    pad = " " if flat[0] in "` " or flat[-1] in "` " else ""
    return f"{fence}{pad}{flat}{pad}{fence}"
