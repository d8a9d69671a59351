"""Find a delivery's files, and read a damaged CSV record by record when the fast reader cannot be trusted."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import hashlib
import io
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import IO, NamedTuple, cast

from checks.errors import UserError

SUFFIXES = (".csv", ".csv.gz", ".parquet")
BLOCK = 1 << 20  # bytes read at a time: files of any size are looked at in little memory
# A quoted field over more lines than this is taken for an unclosed quote: titles and tags have one line.
LONGEST_RECORD_LINES = 100
LONGEST_LINE_BYTES = 1 << 17  # the csv module's own limit for a field; no MovieLens line reaches a kilobyte
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as some spreadsheets save; no byte of it is the format's
GZIP = b"\x1f\x8b"
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z")
# What a .csv turns out to be, by its first bytes, and what to do about it.
DISGUISES = {
    GZIP: "is gzipped: it must be named {name}.gz",
    b"PK\x03\x04": "is a zip archive or a workbook: unpack it, or save it as CSV",
    b"PAR1": "is in Parquet: it must be named {stem}.parquet",
}
SIGNATURE_BYTES = max(map(len, DISGUISES))
RAW_TEXT_CHARACTERS = 200  # enough to recognise a row by, short enough to print


class DeliveryError(UserError):
    """The delivery can't be judged at all."""


@dataclass(frozen=True)
class Survey:
    """What one pass over a file's bytes tells: SHA-256 as delivered, line count, and signs of trouble."""

    sha256: str
    size: int
    lines: int
    line_end: bytes
    plain: bool = False  # every line below the header holds numbers as `survey` was asked to look for
    ended: bool = True  # whether the last line has its end, as that of a file that was cut off mostly has not


class Record(NamedTuple):
    """One logical record of a CSV: its first line, its cells, or the reason why it has none."""

    line: int
    cells: list[str | None]
    reason: str | None
    raw_text: str


def find(folder: Path, table: str) -> Path | None:
    """The one file of `folder` that holds `table`, or None where there is none.

    Raises DeliveryError where the folder can't be looked into, or two files claim the same table, be it one by its
    columns and a name such as ratings-2.csv: choosing one would be a guess.
    """
    candidates = [folder / f"{table}{suffix}" for suffix in SUFFIXES]
    with entering(folder):
        found = [path for path in candidates if path.is_symlink() or path.exists()]
    if len(found) == 1:
        found += itertools.islice(_more_of(found[0], table), 1)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DeliveryError(f"{folder}: holds both {names}; keep the one that is to be judged.")
    return found[0] if found else None


def _more_of(path: Path, table: str) -> Iterator[Path]:
    """Files beside `path` that are named like the table and have its columns: more of it, which nobody would judge."""
    try:
        alike = [one for one in sorted(path.parent.iterdir()) if _alike(table).fullmatch(one.name)]
    except OSError:  # a folder that may be entered, and not listed
        return
    # Where names are told without their case, one of them is the file itself; so is a link to it.
    others = [one for one in alike if one.exists() and path.exists() and not one.samefile(path)]
    if others and (columns := _columns_of(path)):
        yield from (one for one in others if _columns_of(one) == columns)


def _columns_of(path: Path) -> frozenset[str]:
    """A file's columns; none where they can't be read."""
    try:
        if problem(path):
            return frozenset()
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq  # most deliveries do without, and a receipt is verified in no time

            return frozenset(pq.read_schema(path).names)
        return frozenset(header(path))
    except (OSError, EOFError, ValueError, zlib.error):  # ValueError: PyArrow's, of what is no Parquet
        return frozenset()


def missing(folder: Path, table: str) -> str:
    """That `folder` holds no file for `table`, in a sentence, with what there is that may be it."""
    may_be = mistaken(folder, [table]).get(table)
    return f"{table}.csv is not in {folder}" + (f"; there is {may_be}" if may_be else "")


def mistaken(folder: Path, tables: Iterable[str], alone: bool = False) -> dict[str, str]:
    """What of a folder may hold a table, by table, and what to do with it: under another name, packed, or deeper.

    alone: deeper only where there is one folder; several are a store of deliveries.
    """
    try:
        entries = sorted(folder.iterdir())
        folders = [one for one in entries if one.is_dir() and not one.name.startswith((".", "__MACOSX"))]
    except OSError:  # a hint is no work of its own
        return {}
    inner = folders if not alone or len(folders) == 1 else []
    hints = {table: _hint(table, entries, inner) for table in tables}
    return {table: hint for table, hint in hints.items() if hint is not None}


def _hint(table: str, entries: Sequence[Path], inner: Sequence[Path]) -> str | None:
    renamed = (
        f"{one.name}: name it {table}.csv, .csv.gz or .parquet" for one in entries if _alike(table).fullmatch(one.name)
    )
    packed = (f"{one.name}: unpack it" for one in entries if one.name.lower().endswith(ARCHIVES))
    deeper = (f"{one.name}/ with it: give that folder" for one in inner if find(one, table) is not None)
    try:
        return next(itertools.chain(renamed, packed, deeper), None)
    except DeliveryError:  # of a folder that is closed, or holds two of them
        return None


def _alike(table: str) -> re.Pattern[str]:
    """Names that are nearly a table's, such as Ratings.csv, ratings-2.csv.gz or "ratings (1).csv"."""
    return re.compile(rf"{table}([^a-z].*)?\.(csv|csv\.gz|parquet)", re.IGNORECASE)


class Address(PosixPath):
    """An address such as s3a://bucket/folder where a path is asked for; shown as it was given."""

    def __str__(self) -> str:
        return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*):/+", r"\1://", super().__str__())


def place(text: str) -> Path:
    """What --data names: a folder here, or the address of one elsewhere."""
    if text.startswith("file:/"):
        return Path(re.sub("^file:/+", "/", text))
    return Address(text) if "://" in text else Path(text)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder here.

    Raises DeliveryError where nobody can tell, as a folder above it is closed, and for an address elsewhere.
    """
    if isinstance(path, Address):
        raise DeliveryError(f"{path}: is an address, which only Spark reads; add --engine spark, or give a folder.")
    with entering(path):
        return path.is_dir()


@contextlib.contextmanager
def entering(folder: Path) -> Iterator[None]:
    """Raise DeliveryError where the system does not let this process look into `folder`."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise DeliveryError(
            f"{folder}: can't be looked into ({why}); give the user who runs this the right to read and enter it."
        ) from error


def problem(path: Path) -> str | None:
    """Why `path` can't be read, in a sentence; None where it can."""
    try:
        if not path.is_file():  # a pipe would hang the reader, a directory would crash it
            return f"{path.name} is not a regular file"
        with path.open("rb") as file:
            start = file.read(SIGNATURE_BYTES)
    except OSError as error:
        return f"{path.name} can't be read ({(error.strerror or 'unknown error').lower()})"
    return disguised(path.name, start)


def disguised(name: str, start: bytes) -> str | None:
    """Why a file that begins with `start`, SIGNATURE_BYTES, is not what its name says, in a sentence; None if it is."""
    for signature, fault in DISGUISES.items() if name.endswith(".csv") else ():
        if start.startswith(signature):
            return f"{name} {fault.format(name=name, stem=name.removesuffix('.csv'))}"
    return f"{name} is in UTF-16, not in UTF-8" if start.startswith(UTF_16) else None


def identity(path: Path) -> tuple[int, int, int]:
    """What changes where the file is written to or replaced, so that it need not be read to see it."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzipped."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def survey(path: Path, pointed: Sequence[bool] = ()) -> Survey:
    """Hash a file and count its lines in one pass.

    With `pointed`, it also finds out whether every cell below the header is made of digits alone, or nothing, in as
    many columns; where an entry is True, with at most one point among them. Raises OSError or EOFError for a damaged
    gzip.
    """
    if path.suffix != ".csv":
        return _survey_packed(path)
    digest, counter, numbers = hashlib.sha256(), _LineCounter(), _PlainNumbers(pointed)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            left = block.translate(None, b"0123456789") if numbers.plain else block
            counter.add(left, block[-1:])
            numbers.add(left)
    size, plain = path.stat().st_size, numbers.found()
    return Survey(digest.hexdigest(), size, counter.lines, counter.line_end, plain, counter.ended)


def _survey_packed(path: Path) -> Survey:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    counter = _LineCounter()
    if path.suffix == ".gz":
        with open_bytes(path) as unpacked:
            while block := unpacked.read(BLOCK):
                counter.add(block, block[-1:])
    size = path.stat().st_size
    return Survey(digest.hexdigest(), size, counter.lines, counter.line_end, ended=counter.ended)


class _LineCounter:
    """Counts lines as an editor does: the last one needs no line end."""

    def __init__(self) -> None:
        self.feeds = self.returns = 0
        self.last = b"\n"

    def add(self, block: bytes, last: bytes) -> None:
        """Count those of a block that ends with `last`; what is no line end may be left out of it."""
        self.feeds += block.count(b"\n")
        if not self.feeds:  # only a file without any line feed can be one with bare carriage returns
            self.returns += block.count(b"\r")
        self.last = last

    @property
    def line_end(self) -> bytes:
        return b"\r" if self.returns and not self.feeds else b"\n"

    @property
    def lines(self) -> int:
        whole = self.returns if self.line_end == b"\r" else self.feeds
        return whole + (not self.ended)

    @property
    def ended(self) -> bool:
        return self.last in (b"\n", self.line_end)


class _PlainNumbers:
    """Tells by what is left of lines without their digits whether they hold nothing but numbers, each in its column."""

    def __init__(self, pointed: Sequence[bool]) -> None:
        marks = itertools.product(*((b".", b"") if point else (b"",) for point in pointed))
        self.forms = [b",".join(form) + b"\n" for form in marks]
        self.plain, self.in_header, self.carried = bool(pointed), True, b""

    def add(self, left: bytes) -> None:
        if self.in_header:
            self.in_header, left = b"\n" not in left, left.partition(b"\n")[2]
        if self.plain:
            whole, end, self.carried = (self.carried + left).rpartition(b"\n")
            self.plain = self._is_made_of_forms(whole + end)

    def _is_made_of_forms(self, left: bytes) -> bool:
        """Forms end with their only line feed, so those that are found don't overlap, and cover all or leave a rest."""
        left = left.replace(b"\r\n", b"\n")
        covered = 0
        for form in self.forms:
            covered += 0 if covered == len(left) else left.count(form) * len(form)
        return covered == len(left)

    def found(self) -> bool:
        whole = not self.carried or self._is_made_of_forms(self.carried + b"\n")
        return self.plain and whole and not self.in_header


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
