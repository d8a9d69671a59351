"""What one pass over a file's bytes tells: its hash, its lines, and whether the fast reader can be trusted with it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.records import open_bytes

BLOCK = 1 << 20  # bytes read at a time: files of any size are looked at in little memory


@dataclass(frozen=True)
class Survey:
    """What one pass over a file's bytes tells: SHA-256 as delivered, line count, and signs of trouble."""

    sha256: str
    size: int
    lines: int
    line_end: bytes
    plain: bool = False  # every line below the header holds numbers as `survey` was asked to look for
    ended: bool = True  # whether the last line has its end, as that of a file that was cut off mostly has not


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
