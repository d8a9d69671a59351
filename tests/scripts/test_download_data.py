"""Downloads against a real server on loopback: what arrives whole, and what is refused."""

from __future__ import annotations

import hashlib
import io
import socket
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from scripts import download_data
from scripts.download_data import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATINGS = b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"


class Site:
    """What the server gives: bodies by path; `cut` paths promise more than they send."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.status: dict[str, int] = {}
        self.url = ""

    def publish(self, archive: bytes, md5: str | None = None, name: str = "ml-test") -> None:
        self.bodies[f"/{name}.zip"] = archive
        self.bodies[f"/{name}.zip.md5"] = f"{md5 or hashlib.md5(archive).hexdigest()}  {name}.zip\n".encode()


@pytest.fixture
def site() -> Iterator[Site]:
    published = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = published.status.get(self.path, 200 if self.path in published.bodies else 404)
            body = published.bodies.get(self.path, b"") if status == 200 else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + (1000 if self.path in published.cut else 0)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    published.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield published
    server.shutdown()
    server.server_close()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return buffer.getvalue()


GOOD = zipped(("ml-test/", b""), ("ml-test/ratings.csv", RATINGS), ("ml-test/README.txt", b"licence"))


def run(site: Site, to: Path, name: str = "ml-test") -> int:
    return main([name, "--to", str(to), "--base-url", site.url])


def test_an_edition_arrives_whole(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(GOOD)
    assert run(site, tmp_path / "data") == 0
    assert (tmp_path / "data/ml-test/ratings.csv").read_bytes() == RATINGS
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["ml-test"]
    assert f"{tmp_path / 'data/ml-test'}: ready" in capsys.readouterr().out


def test_an_edition_without_a_published_md5_is_taken(site: Site, tmp_path: Path) -> None:
    site.bodies["/ml-test.zip"] = GOOD
    assert run(site, tmp_path) == 0


def refused(site: Site, to: Path, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """The run ends with 2 and one sentence that holds `words`, and nothing is left behind."""
    assert run(site, to) == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("downloading ")]
    assert len(complaint) == 1, complaint
    for word in words:
        assert word in complaint[0]
    assert list(to.iterdir()) == []


def test_a_wrong_md5_is_refused(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(GOOD, md5="0" * 32)
    refused(site, tmp_path, capsys, "md5", "0" * 32)


def test_an_md5_file_without_md5_is_refused(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(GOOD)
    site.bodies["/ml-test.zip.md5"] = b"<html>maintenance</html>"
    refused(site, tmp_path, capsys, "ml-test.zip.md5", "holds no md5")


def test_a_truncated_download_is_refused(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(GOOD)
    site.cut.add("/ml-test.zip")
    refused(site, tmp_path, capsys, "ml-test.zip", "try again")


def test_a_missing_edition_is_named(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(site, tmp_path, capsys, "no such edition (404)")


def test_a_server_error_is_told(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.status["/ml-test.zip"] = 503
    refused(site, tmp_path, capsys, "503")


def test_a_failing_md5_is_no_missing_md5(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(GOOD)
    site.status["/ml-test.zip.md5"] = 500
    refused(site, tmp_path, capsys, "ml-test.zip.md5", "500")


def test_no_network_is_one_line(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        site.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        refused(site, tmp_path, capsys, "cannot be reached", "check the network")


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("../outside.txt", "points outside"),
        ("ml-test/../../outside.txt", "points outside"),
        ("/tmp/outside.txt", "points outside"),
        ("C:/outside.txt", "points outside"),
        ("ml-test/..\\outside.txt", "points outside"),
        ("other/ratings.csv", "lies outside the folder ml-test"),
        ("ratings.csv", "lies outside the folder ml-test"),
        (link("ml-test/ratings.csv"), "is a link"),
    ],
    ids=str,
)
def test_an_evil_member_is_refused(
    member: str | zipfile.ZipInfo, reason: str, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.publish(zipped(("ml-test/movies.csv", b"movieId,title,genres\n"), (member, b"/etc/passwd")))
    (tmp_path / "data").mkdir()
    refused(site, tmp_path / "data", capsys, reason)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_bomb_is_refused(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(zipped(("ml-test/ratings.csv", bytes(30_000_000))))
    refused(site, tmp_path, capsys, "claims to unpack to 30,000,000 bytes")


def test_more_than_the_stated_size_is_refused(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_data, "LARGEST_UNPACKED", len(RATINGS))
    site.publish(GOOD)
    refused(site, tmp_path, capsys, "more than the")


def test_a_body_without_end_is_refused(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_data, "LARGEST_ARCHIVE", 100)
    site.publish(GOOD)
    refused(site, tmp_path, capsys, "sends more than the 100 bytes allowed")


def test_a_member_larger_than_it_claims_is_refused(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = bytearray(zipped(("ml-test/ratings.csv", RATINGS * 9), compression=zipfile.ZIP_STORED))
    directory = archive.rindex(b"PK\x01\x02")
    archive[directory + 24 : directory + 28] = (5).to_bytes(4, "little")  # the size it claims to unpack to
    site.publish(bytes(archive))
    refused(site, tmp_path, capsys, "not a sound zip archive")


@pytest.mark.parametrize("body", [b"", b"<html>captive portal</html>", GOOD[: len(GOOD) // 2]])
def test_what_is_no_zip_is_refused(body: bytes, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.publish(body)
    refused(site, tmp_path, capsys, "not a sound zip archive")


def test_what_is_there_is_not_written_over(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ml-test").mkdir()
    (tmp_path / "ml-test/mine.txt").write_text("kept")
    site.publish(GOOD)
    assert run(site, tmp_path) == 2
    assert "already there" in capsys.readouterr().err
    assert (tmp_path / "ml-test/mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["../ml-test", "", "ml/test", "-x y"])
def test_a_name_that_is_no_edition_is_refused(
    name: str, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--to", str(tmp_path), "--base-url", site.url, "--", name]) == 2
    assert "is no name of an edition" in capsys.readouterr().err


def test_an_address_that_is_not_of_the_web_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ml-test", "--to", str(tmp_path), "--base-url", "file:///etc"]) == 2
    assert "no address of a web server" in capsys.readouterr().err
