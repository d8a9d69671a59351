"""Find a delivery's files, and say what is wrong with a place or a file before anything is read of it."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PosixPath

from checks.errors import UserError
from checks.records import header

SUFFIXES = (".csv", ".csv.gz", ".parquet")
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


class DeliveryError(UserError):
    """The delivery can't be judged at all."""


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
