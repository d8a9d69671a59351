"""Serve the Data Docs on this machine alone; an open page updates itself when a new run lands."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs, unquote

from scripts.job.arguments import Parser, SettingError, local, port
from scripts.job.ending import answered

HOST = "127.0.0.1"  # reports quote the data, so they are for who sits at this machine
PORT = 8000
PATIENCE = 30.0  # seconds that a silent connection may hold a thread
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline' 'self'; img-src 'self' data:; "
    "font-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # ask each time whether a page is still the newest
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
NO_SITE = "<!doctype html><meta charset=utf-8><title>No run yet</title><body><p>No run yet; this page shows the first."
NO_PAGE = "none"  # the version of a page that is not there

ICON = "/favicon.ico"  # browsers ask for it unasked, and would put its absence on the console
LIVE, VERSION = "/-/live.js", "/-/version.js"
# Asks by script elements because the policy of the pages allows no other request, and only a server injects it: a page
# opened as a file asks for nothing. A page that was pruned stays open as it is.
LIVE_SCRIPT = """"use strict";
{
  const seconds = 2, known = document.currentScript.dataset.version;
  window.pageVersion = (version) => { if (version !== known && version !== "%(none)s") location.reload(); };
  setInterval(() => {
    if (document.hidden) return;
    const question = document.createElement("script");
    question.src = "%(version)s?page=" + encodeURIComponent(location.pathname) + "&t=" + Date.now();
    question.onload = question.onerror = () => question.remove();
    document.head.append(question);
  }, 1000 * seconds);
}
""" % {"none": NO_PAGE, "version": VERSION}  # noqa: UP031  braces are the script's own


@answered("the Data Docs are no longer served")
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    site = arguments.output / "data_docs"
    try:
        server = docs_server(site, arguments.port)
    except OSError as error:
        reason = error.strerror or error
        raise SettingError(f"port {arguments.port}: can't be opened ({reason}); choose another --port.") from error
    signal.signal(signal.SIGTERM, _stop)
    with server:
        print(f"Data Docs of {arguments.output}: http://{HOST}:{server.server_port}/ (stop with Ctrl-C)", flush=True)
        server.serve_forever()
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("serve_docs", __doc__)
    parser.add_argument(
        "--output", type=local, default=Path("outputs"), metavar="DIR", help="where runs put results (default: outputs)"
    )
    parser.add_argument(
        "--port", type=port, default=PORT, metavar="N", help=f"0 takes any that is free (default: {PORT})"
    )
    return parser.parse_args(argv)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def docs_server(site: Path, port: int = PORT) -> ThreadingHTTPServer:
    """A server of `site`, bound to the loopback address, not yet serving. Raises OSError where the port is taken."""
    server = ThreadingHTTPServer((HOST, port), partial(DocsHandler, site=site))
    server.daemon_threads = True
    return server


@dataclass(frozen=True)
class Page:
    """What a path of the site stands for: its file, and a version that changes when the file does."""

    file: Path
    version: str


def find_page(site: Path, path: str) -> Page | None:
    """The file that a request's path names, never one outside of `site`; a folder stands for its index page."""
    parts = [part for part in unquote(path).split("/") if part]
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        root = site.resolve()
        file = root.joinpath(*parts).resolve()
        if path.endswith("/"):
            file /= "index.html"
        status = file.stat()
    except (OSError, RuntimeError):  # no such file, a name too long; a loop of links
        return None
    if not file.is_file() or not file.is_relative_to(root):
        return None
    return Page(file, f"{status.st_mtime_ns:x}-{status.st_size:x}")


class DocsHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the site's files, and with the script that keeps an open page up to date."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "data-docs", ""
    timeout = PATIENCE

    def __init__(self, *arguments: object, site: Path) -> None:
        self.site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if not self._is_for_us():
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"This server answers this machine alone.\n")
        elif path == LIVE:
            self._answer(HTTPStatus.OK, LIVE_SCRIPT.encode(), TYPES[".js"])
        elif path == VERSION:
            self._answer(HTTPStatus.OK, self._version(query).encode(), TYPES[".js"])
        else:
            self._answer_page(path)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002
        """Requests are nobody's business."""

    def _is_for_us(self) -> bool:
        """Against a hostile site whose name was made to mean this machine (DNS rebinding)."""
        return self.headers.get("Host", "").partition(":")[0] in (HOST, "localhost")

    def _version(self, query: str) -> str:
        page = find_page(self.site, parse_qs(query).get("page", ["/"])[0])
        return f"pageVersion({json.dumps(page.version if page else NO_PAGE)});\n"

    def _answer_page(self, path: str) -> None:
        page = find_page(self.site, path)
        if page is None:
            self._answer_nothing(path)
        elif f'"{page.version}"' == self.headers.get("If-None-Match"):
            self._answer(HTTPStatus.NOT_MODIFIED, version=page.version)
        else:
            self._answer_file(page)

    def _answer_nothing(self, path: str) -> None:
        if path == ICON:
            self._answer(HTTPStatus.NO_CONTENT)
        elif path == "/":
            self._answer(HTTPStatus.OK, _live(NO_SITE.encode(), NO_PAGE), TYPES[".html"])
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is no such page.\n")

    def _answer_file(self, page: Page) -> None:
        try:
            body = page.file.read_bytes()
        except OSError:  # pruned meanwhile
            self._answer(HTTPStatus.NOT_FOUND, b"There is no such page.\n")
            return
        if page.file.suffix == ".html":
            body = _live(body, page.version)
        self._answer(HTTPStatus.OK, body, TYPES.get(page.file.suffix, "application/octet-stream"), page.version)

    def _answer(
        self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain; charset=utf-8", version: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if version:
            self.send_header("ETag", f'"{version}"')
        if status not in (HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _live(page: bytes, version: str) -> bytes:
    """The page with the script that reloads it once its version is another."""
    tag = f'<script src="{LIVE}" data-version="{version}"></script>'.encode()
    before, end, after = page.rpartition(b"</body>")
    return before + tag + end + after if end else page + tag


if __name__ == "__main__":
    raise SystemExit(main())
