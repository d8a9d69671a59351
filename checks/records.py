"""A CSV's header, and its records one by one, with exact line numbers: for what is too damaged for the fast reader."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

# A quoted field over more lines than this is taken for an unclosed quote: titles and tags have one line.
LONGEST_RECORD_LINES = 100
LONGEST_LINE_BYTES = 1 << 17  # the csv module's own limit for a field; no MovieLens line reaches a kilobyte
RAW_TEXT_CHARACTERS = 200  # enough to recognise a row by, short enough to print


class Record(NamedTuple):
    """One logical record of a CSV: its first line, its cells, or the reason why it has none."""

    line: int
    cells: list[str | None]
    reason: str | None
    raw_text: str


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzipped."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def header(path: Path) -> list[str]:
    """The column names on a CSV's first line as they stand there; empty for an empty file."""
    with open_bytes(path) as file:
        return column_names(file.read(LONGEST_LINE_BYTES))


def column_names(start: bytes) -> list[str]:
    """The column names on the first line of a CSV that begins with `start`."""
    first = re.split(rb"[\r\n]", start, maxsplit=1)[0]
    text = first.decode("utf-8-sig", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")  # SQL knows no NUL
    try:
        return next(csv.reader([text]), []) if text else []
    except csv.Error:  # no CSV at all: one column with a name that no table has
        return [text[:RAW_TEXT_CHARACTERS]]


def records(path: Path, width: int, line_end: bytes = b"\n") -> Iterator[Record]:
    """Every record below the header, parsed or with the reason why not; blank lines are no records.

    A quote that is not closed within LONGEST_RECORD_LINES costs its own line, never the lines below it.
    """
    with open_bytes(path) as file:
        lines = _Lines(_split(file, line_end))
        lines.take()
        yield from _records(lines, width)


def records_of_lines(first: int, lines: Iterable[bytes], width: int) -> Iterator[Record]:
    """The same for lines below a header, the first of which has the number `first`."""
    return _records(_Lines(iter(lines), first - 1), width)


def _records(lines: _Lines, width: int) -> Iterator[Record]:
    while (line := lines.take()) is not None:
        if line.strip(b"\r\n"):
            yield _quoted_record(lines, line, width) or record(lines.number, line, width)


class _Lines:
    """Physical lines with look-ahead, so that an unclosed quote can be given back."""

    def __init__(self, source: Iterator[bytes], number: int = 0) -> None:
        self.number = number
        self._source = source
        self._ahead: list[bytes] = []

    def take(self) -> bytes | None:
        line = self._ahead.pop(0) if self._ahead else next(self._source, None)
        self.number += line is not None
        return line

    def following(self, count: int) -> list[bytes]:
        self._look(count)
        return self._ahead[:count]

    def skip(self, count: int) -> None:
        del self._ahead[:count]
        self.number += count

    def _look(self, count: int) -> None:
        while len(self._ahead) < count and (line := next(self._source, None)) is not None:
            self._ahead.append(line)


def _quoted_record(lines: _Lines, first: bytes, width: int) -> Record | None:
    """The record that a quoted line break spreads over several lines, if closing the quote makes it whole."""
    if first.count(b'"') % 2 == 0:
        return None
    joined, number = first, lines.number
    for count, line in enumerate(lines.following(LONGEST_RECORD_LINES), start=1):
        joined += line
        if line.count(b'"') % 2:
            whole = record(number, joined, width)
            if whole.reason is None:
                lines.skip(count)
                return whole
            return None
    return None


def _split(file: IO[bytes], line_end: bytes) -> Iterator[bytes]:
    """Lines with their ends; of a line over LONGEST_LINE_BYTES the head alone, so memory stays bounded."""
    if line_end == b"\n":
        reader: IO[bytes] = file
    else:
        reader = io.BytesIO(file.read().replace(b"\r", b"\n"))
    while line := reader.readline(LONGEST_LINE_BYTES):
        rest = line
        while not rest.endswith(b"\n") and (rest := reader.readline(LONGEST_LINE_BYTES)):
            line = line[:LONGEST_LINE_BYTES] + b"\xff"  # never valid UTF-8: the record will be rejected
        yield line


def record(number: int, raw: bytes, width: int) -> Record:
    """One line as a record: its cells, or the reason why it has none."""
    raw = raw.rstrip(b"\r\n")
    shown = raw[: 4 * RAW_TEXT_CHARACTERS].decode("utf-8", errors="replace")[:RAW_TEXT_CHARACTERS]
    if len(raw) >= LONGEST_LINE_BYTES:
        return Record(number, [], f"the line is longer than {LONGEST_LINE_BYTES:,} bytes", shown)
    try:
        cells = next(csv.reader([raw.decode()], strict=True))
    except UnicodeDecodeError:
        return Record(number, [], "the line is not valid UTF-8", shown)
    except csv.Error as error:
        return Record(number, [], _why_no_csv(error), shown)
    if len(cells) != width:
        return Record(number, [], f"the row has {len(cells)} values where the header has {width}", shown)
    return Record(number, [cell or None for cell in cells], None, shown)


def _why_no_csv(error: csv.Error) -> str:
    if "new-line" in str(error):  # as the csv module calls it; the file's own line ends are gone by now
        return "a carriage return stands inside the line"
    return "a quote is not closed or stands inside a value"
