"""Download a MovieLens edition from GroupLens: `python -m scripts.download_data ml-latest-small`."""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import stat
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO

from checks.errors import UserError
from scripts.job.arguments import Parser, local
from scripts.job.ending import answered, leaves

BASE_URL = "https://files.grouplens.org/datasets/movielens"
EDITION = "ml-latest-small"
LARGEST_UNPACKED = 8 << 30  # bytes; the largest edition with these four files unpacks to some 1.5 GB
LARGEST_ARCHIVE = 4 << 30  # bytes; the largest edition packs to some 350 MB: a server that never ends fills no disk
LARGEST_RATIO = 200  # ratings pack some 4 to 1; a member that claims far more is a bomb
CHUNK = 1 << 18  # bytes read at once
PATIENCE = 30.0  # seconds without a byte until the connection counts as lost

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


class DownloadError(UserError):
    """A download that cannot be had or trusted."""


@answered("nothing was kept")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exit 0 when the folder is there, 2 when it could not be had, 130 if interrupted."""
    options = _parser().parse_args(argv)
    folder = download(options.edition, options.to, base_url=options.base_url)
    leaves(f"{folder} is ready")
    print(f"{folder}: ready (its README.txt holds the licence)")
    return 0


def download(edition: str, to: Path, *, base_url: str = BASE_URL) -> Path:
    """Fetch, verify and unpack `edition` into `to / edition`, whole or not at all; return that folder.

    Raises:
        DownloadError: no network, no such edition, a broken or forged archive, no room, or the folder exists.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", edition):
        raise DownloadError(f"{edition!r} is no name of an edition: say for example {EDITION} or ml-32m")
    if not base_url.startswith(("https://", "http://")):
        raise DownloadError(f"{base_url} is no address of a web server: it must begin with https://")
    folder = to / edition
    if folder.exists():
        raise DownloadError(f"{folder} is already there: remove it to download it again")
    url = f"{base_url.rstrip('/')}/{edition}.zip"
    try:
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{edition}.", dir=to) as scratch:
            archive = Path(scratch) / "archive.zip"
            _fetch_verified(url, archive)
            _unpack(archive, edition, Path(scratch), url)
            (Path(scratch) / edition).rename(folder)
    except OSError as error:
        raise DownloadError(f"cannot write {folder}: {error.strerror or error}") from error
    return folder


def _fetch_verified(url: str, archive: Path) -> None:
    """Fetch the archive and hold it against GroupLens's md5, where one is published."""
    with _progress_bar(url) as progress:
        digest = _fetch(url, archive, progress)
    expected = _published_md5(f"{url}.md5")
    if expected is not None and digest != expected:
        raise DownloadError(f"{url}: md5 is {digest}, GroupLens publishes {expected}: the file is damaged, try again")


def _fetch(url: str, archive: Path, progress: Progress) -> str:
    """Write the body to `archive`, reporting progress; return its md5."""
    digest = hashlib.md5(usedforsecurity=False)
    with _open(url) as response, archive.open("wb") as file:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        done = 0
        while chunk := _read(response, url):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done > LARGEST_ARCHIVE:
                raise DownloadError(f"{url}: sends more than the {LARGEST_ARCHIVE:,} bytes allowed: refused")
            progress(done, total)
    if total is not None and done != total:
        raise DownloadError(f"{url}: the connection ended after {done:,} of {total:,} bytes: try again")
    return digest.hexdigest()


@contextmanager
def _open(url: str) -> Iterator[urllib.response.addinfourl]:
    """Open a URL, turning each way to fail into one sentence."""
    request = urllib.request.Request(url, headers={"User-Agent": "movie-ratings-data-quality"})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310 - http or https, checked at the entry
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise MissingError(f"{url}: no such edition (404): see https://grouplens.org/datasets/movielens/") from None
        raise DownloadError(f"{url}: the server answered {error.code} {error.reason}: try again later") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url}: cannot be reached ({reason}): check the network and try again") from None
    with response:
        yield response


class MissingError(DownloadError):
    """The server has no such file."""


def _read(response: IO[bytes], url: str) -> bytes:
    try:
        return response.read(CHUNK)
    except (OSError, HTTPException) as error:
        raise DownloadError(f"{url}: the connection was lost ({error}): try again") from None


def _published_md5(url: str) -> str | None:
    """Read the checksum beside an archive; None where GroupLens publishes none (404)."""
    try:
        with _open(url) as response:
            text = _read(response, url).decode("ascii", "replace")
    except MissingError:
        return None
    found = re.search(r"\b[0-9a-fA-F]{32}\b", text)
    if found is None:
        raise DownloadError(f"{url}: holds no md5, so the archive cannot be checked: try again later")
    return found.group().lower()


def _unpack(archive: Path, edition: str, scratch: Path, url: str) -> None:
    """Unpack `edition/...` into `scratch`, after every member has been found harmless."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _refuse_evil(members, edition, url)
            for member in members:
                _unpack_member(opened, member, scratch)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DownloadError(f"{url}: not a sound zip archive ({error}): try again") from None
    if not (scratch / edition).is_dir():
        raise DownloadError(f"{url}: holds no folder {edition}: is it a MovieLens edition?")


def _refuse_evil(members: Sequence[zipfile.ZipInfo], edition: str, url: str) -> None:
    for member in members:
        reason = _evil(member, edition)
        if reason:
            raise DownloadError(f"{url}: member {member.filename!r} {reason}: refused, nothing was unpacked")
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_UNPACKED:
        raise DownloadError(
            f"{url}: unpacks to {unpacked:,} bytes, more than the {LARGEST_UNPACKED:,} allowed: refused"
        )


def _evil(member: zipfile.ZipInfo, edition: str) -> str | None:
    """Say what is wrong with a member's name, kind or claimed size; None if nothing is."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
        return "points outside its folder"
    if not path.parts or path.parts[0] != edition:
        return f"lies outside the folder {edition}"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, not a file"
    if member.file_size > LARGEST_RATIO * max(member.compress_size, 1 << 10):
        return f"claims to unpack to {member.file_size:,} bytes from {member.compress_size:,}"
    return None


def _unpack_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path) -> None:
    """Unpack one member; zipfile itself stops at the size claimed and checks the CRC."""
    place = scratch / member.filename
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, place.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)


@contextmanager
def _progress_bar(url: str) -> Iterator[Progress]:
    """Show a bar on a terminal; elsewhere one line at the start, so that logs stay short."""
    if not sys.stderr.isatty():
        print(f"downloading {url}", file=sys.stderr)
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(url.rsplit("/", 1)[-1], total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("download_data", "Download a MovieLens edition from GroupLens; its README.txt holds the licence.")
    parser.add_argument(
        "edition", nargs="?", default=EDITION, help="ml-latest-small (default), ml-latest, ml-25m, ml-32m ..."
    )
    parser.add_argument("--to", type=local, default=Path("data"), help="folder to put it in (default: data)")
    parser.add_argument("--base-url", default=BASE_URL, help="a mirror of GroupLens's folder of archives")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
