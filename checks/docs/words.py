"""How values are written on a page: expected values in words, cells, numbers, times, Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from checks.docs.chart import capital
from checks.gate.declared import FRESH_SINCE
from checks.gate.terms import OF_MANY_ROWS, QUESTIONS, Decision, Status
from checks.gate.verdict import after_causes
from checks.tables import LOCATOR
from checks.texts import printable

LONGEST_CELL = 160  # characters of a value; a longer one is damage, and its start tells as much
PARTS_OF_PATHS = re.compile(r"[^/\\]+[/\\]*|[/\\]+")
SHORT_CELL = 40  # a longer text is a sentence, which needs some width to be read


# Of which the bounds are values of the column, and no counts or shares.
OF_VALUES = tuple(f"expect_column_{one}_to_be_between" for one in ("values", "max", "min"))


def expected(kind: str, arguments: Mapping[str, Any]) -> str:
    """What an expectation demands, from its type and arguments."""
    share = arguments.get("mostly")
    within = f", in at least {100 * share:g} % of rows" if share not in (None, 1) else ""
    return _demand(kind, arguments) + within


def _demand(kind: str, arguments: Mapping[str, Any]) -> str:
    if "unexpected_rows_query" in arguments:
        return ""  # that there be no such row goes without saying
    if "regex" in arguments:
        return f"{'no match' if '_not_' in kind else 'a match'} of {arguments['regex']}"
    for name in ("value_set", "column_set", "type_list"):
        if name in arguments:
            return _listed([value for value in arguments[name] or () if value != LOCATOR])
    if "type_" in arguments:
        return str(arguments["type_"])
    if "not_be_null" in kind:
        return "a value in every row"
    if "unique" in kind:
        return "each value once"
    bound = _time_bound if arguments.get("column") == "timestamp" and kind in OF_VALUES else _bound
    low, high = (None if one is None else bound(one) for one in map(arguments.get, ("min_value", "max_value")))
    return _range(low, high, "or later" if bound is _time_bound else "or more")


def _listed(values: Sequence[Any], shown: int = 12) -> str:
    more = len(values) - shown
    return ", ".join(str(value) for value in values[:shown]) + (f" and {more} more" if more > 0 else "")


def _range(low: str | None, high: str | None, beyond: str) -> str:
    if low is None:
        return "" if high is None else f"at most {high}"
    return f"{low} {beyond}" if high is None else f"{low} to {high}"


def _time_bound(value: Any) -> str:
    """A time as a day, or as what the run makes it."""
    if isinstance(value, Mapping):
        name = str(value.get("$PARAMETER", ""))
        return "the oldest day that --max-age allows" if name == FRESH_SINCE else name
    try:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):  # no time of a calendar
        return _bound(value)


def _bound(value: Any) -> str:
    if isinstance(value, Mapping):  # a parameter that the run fills in
        return str(value.get("$PARAMETER", ""))
    return f"{value:,}" if isinstance(value, int) else str(value)


# The column that names what a rule counts, where a name tells more than a place in a table of findings.
NAMED_BY = {"users": "userId", "features": "feature"}
NAMES_SHOWN = 3  # as many as a sentence bears; the page lists the rest
LONGEST_NAME = 80  # characters of one, of which titles have fifty at most


def names(one: Mapping[str, Any]) -> str:
    """Which users or features an expectation found, the first ones by name; nothing where it counts something else."""
    column = NAMED_BY.get(one.get("counted", ""))
    found = [_name(row["values"], column) for row in one["rows"] if column and row["values"].get(column) is not None]
    more = (one["unexpected_count"] or 0) - len(found[:NAMES_SHOWN])
    return ", ".join(found[:NAMES_SHOWN]) + (f" and {more:,} more" if found and more > 0 else "")


def _name(values: Mapping[str, Any], column: str) -> str:
    """A feature by its title, with which its message begins."""
    title, told, _ = str(values.get("message") or "").partition(": ")
    return printable(title if column == "feature" and told else str(values[column]))[:LONGEST_NAME]


# Rows of findings are in no quarantine, which holds rows of the delivery.
FILES_OF_FINDINGS = {"user_anomalies": "user_statistics_with_anomalies.csv", "drift_findings": "drift_analysis.csv"}


def elsewhere(one: Mapping[str, Any]) -> str:
    """Where those rows of an expectation are to be found that a page has no room for."""
    if file := FILES_OF_FINDINGS.get(one["suite"]):
        return file
    parted = one["severity"] == "critical" and one.get("counted") not in OF_MANY_ROWS
    return "the quarantine and the warehouse" if parted else "the warehouse"


CAUSES_TOLD = 2  # beside a verdict; its page tells all


def reason(facts: Mapping[str, Any], told: int = CAUSES_TOLD) -> str:
    """Why a run has its verdict, by its record."""
    return sentence(after_causes(facts["why"], facts["verdict"], _causes(facts), told))


def answered(answer: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Why a question has its answer: after the cause where it could not be judged, unless `reason` tells that."""
    if answer["decision"] == Decision.PASS:
        return str(answer["why"].partition("failed; ")[2] or answer["why"])
    told = _causes(facts)[:CAUSES_TOLD] if facts["verdict"] == Decision.UNDETERMINED else ()
    causes = [cause for cause in _causes(facts, QUESTIONS.get(answer["question"], ())) if cause not in told]
    return sentence(after_causes(answer["why"], answer["decision"], causes, 1))


def _causes(facts: Mapping[str, Any], suites: Sequence[str] | None = None) -> list[str]:
    """What kept expectations of these suites, or of all, from being judged: each cause once."""
    lost = (one for one in facts["expectations"] if one["status"] == Status.UNDETERMINED)
    asked = (one["cause"] for one in lost if suites is None or one["suite"] in suites)
    return list(dict.fromkeys(filter(None, asked)))


def sentence(text: str) -> str:
    """A cause with its full stop, and with a capital unless it begins with the name of a file or table."""
    name = set("./\\_") & set(text.partition(" ")[0])
    return printable((text if name else capital(text)) + ("" if text.endswith(".") else "."))


def cell(value: Any) -> Markup:
    """A value from the data; text is marked as such, so that blanks at its ends are seen."""
    if value is None:
        return Markup('<span class="missing">missing</span>')
    text = _short(value)
    kind = ("text long" if len(text) > SHORT_CELL else "text") if isinstance(value, str) else "number"
    return Markup('<span class="{}">{}</span>').format(kind, text)


def _short(value: Any) -> str:
    text = printable(str(value))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def folder(value: Any) -> Markup:
    """A path, which may be broken behind each slash: no name in it is torn where there is room for it."""
    parts = Markup("<wbr>").join(PARTS_OF_PATHS.findall(_short(value)))
    return Markup('<span class="text">{}</span>').format(parts)


def moment(value: str | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time of a record (ISO 8601, UTC) for a person."""
    return datetime.fromisoformat(value).strftime(form) if value else ""


def number(value: float | None, digits: int = 3) -> str:
    """A number with thousands set apart, short where it is a fraction."""
    if value is None:
        return "–"
    whole = float(value).is_integer() or abs(value) >= 10**digits - 0.5  # else `g` writes 1.23e+03
    return f"{value:,.0f}" if whole else f"{value:,.{digits}g}"


def amount(value: float | None, unit: str | None) -> str:
    """A number in its unit: a share in per cent."""
    if value is None or not unit:
        return number(value)
    return f"{number(100 * value)} %" if unit == "share" else f"{number(value)} {unit}"


def size(count: int) -> str:
    """A file's size."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def markdown(text: str | None) -> Markup:
    """Notes as HTML: tags in them are shown as text, and links lead to the web or nowhere."""
    return Markup(_markdown()(text or ""))  # noqa: S704  the renderer escapes


# Dates, options of the command line and shares, which browsers break after any hyphen and before the sign.
WHOLE = re.compile(r"(?<![\w.,-])(\d{4}-\d\d(?:-\d\d)?|--[a-z][a-z-]{1,30}|[+-]?\d[\d.,]{0,12} %)(?!\w)")


def whole(text: str | None) -> Markup:
    """Text of which no line begins within a date, an option or a share."""
    pieces = WHOLE.split(str(text or ""))
    return Markup("").join(
        Markup('<span class="whole">{}</span>').format(one) if i % 2 else escape(one) for i, one in enumerate(pieces)
    )


def inline(text: str | None) -> Markup:
    """One sentence, of whose Markdown code in backticks alone is meant."""
    pieces = str(text or "").split("`")
    if len(pieces) % 2 == 0:  # a backtick without its fellow
        return whole(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(one) if i % 2 else whole(one) for i, one in enumerate(pieces)
    )


@cache
def _markdown() -> Any:
    import mistune

    return mistune.create_markdown(escape=True)


def sparkline(values: Sequence[float | None], width: int = 120, height: int = 28) -> str:
    """The `d` of an SVG path through the values, oldest first; a gap where there is none.

    `h0` after a move makes a value without neighbours a dot.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    step = width / max(len(values) - 1, 1)
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        share = (value - low) / (high - low) if high > low else 0.5
        path.append(f"{pen}{place * step:.1f},{height - 2 - share * (height - 4):.1f}{'h0' if pen == 'M' else ''}")
        pen = "L"
    return " ".join(path)


def alone(path: str) -> str:
    """Of a sparkline's path the values without neighbours, to be drawn larger than the line is thick."""
    return " ".join(re.findall(r"M[\d.,]+h0(?! L)", path))
