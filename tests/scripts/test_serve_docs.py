"""The server of the Data Docs, asked over real connections on the loopback address."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts import serve_docs
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DEADLINE = 60
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "out" / "data_docs"
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "index.html").write_text("<html><body><h1>Passed</h1></body></html>")
    (folder / "style.css").write_text("body { color: black }")
    (folder / "runs" / "one" / "index.html").write_text("<p>One run")
    (folder / ".hidden").write_text("hidden")
    (tmp_path / "out" / "summary.json").write_text("secret")
    return folder


@pytest.fixture
def port(site: Path) -> Iterator[int]:
    server = serve_docs.docs_server(site, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def version(port: int, page: str) -> str:
    return re.fullmatch(r'pageVersion\("(.+)"\);\n', ask(port, f"/-/version.js?page={page}")[1])[1]


def test_pages_come_with_the_policy_and_the_live_script(port: int) -> None:
    answer, body = ask(port, "/")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    assert answer.getheader("Content-Security-Policy").startswith(POLICY)
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert f'<script src="/-/live.js" data-version="{version(port, "/")}"></script></body>' in body
    assert "<h1>Passed</h1>" in body


def test_every_answer_has_the_security_headers(port: int) -> None:
    for path in ("/", "/style.css", "/nothing", "/-/live.js", "/-/version.js"):
        answer, _ = ask(port, path)
        assert {name for name in serve_docs.HEADERS if answer.getheader(name) is None} == set(), path


def test_other_files_come_as_they_are(port: int) -> None:
    answer, body = ask(port, "/style.css?v=2")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/css; charset=utf-8")
    assert body == "body { color: black }"


@pytest.mark.parametrize("path", ["/runs/", "/runs", "/missing.html", "/.hidden", "/runs/.hidden"])
def test_there_is_no_listing_and_nothing_hidden(port: int, path: str) -> None:
    answer, body = ask(port, path)
    assert answer.status == 404
    assert "one" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/../summary.json",
        "/%2e%2e/summary.json",
        "/..%2fsummary.json",
        "/runs/../../summary.json",
        "/..%5csummary.json",
        "//etc/passwd",
        "/etc/passwd",
        "/link.html",
        "/%00",
        "/" + "a" * 5000,
        "/runs/loop/",
    ],
)
def test_no_path_leaves_the_site(port: int, site: Path, path: str) -> None:
    (site / "link.html").symlink_to(site.parent / "summary.json")
    (site / "runs" / "loop").symlink_to(site / "runs" / "loop")
    answer, body = ask(port, path)
    assert answer.status == 404
    assert "secret" not in body


def test_the_version_of_a_page_outside_is_not_told(port: int) -> None:
    assert version(port, "/../summary.json") == version(port, "/missing.html") == "none"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(port: int, site: Path, method: str) -> None:
    answer, _ = ask(port, "/index.html", method)
    assert answer.status == 501
    assert (site / "index.html").exists()


def test_a_site_without_an_icon_has_an_empty_one(port: int) -> None:
    answer, body = ask(port, "/favicon.ico")
    assert (answer.status, body) == (204, "")


def test_head_answers_without_a_body(port: int) -> None:
    answer, body = ask(port, "/", "HEAD")
    assert int(answer.getheader("Content-Length")) == len(ask(port, "/")[1])
    assert body == ""


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "["])
def test_a_foreign_name_of_this_machine_is_refused(port: int, host: str) -> None:
    answer, body = ask(port, "/", Host=host)
    assert answer.status == 421
    assert "Passed" not in body


def test_an_unchanged_page_is_not_sent_again(port: int, site: Path) -> None:
    tag = ask(port, "/")[0].getheader("ETag")
    assert ask(port, "/", **{"If-None-Match": tag})[0].status == 304
    (site / "index.html").write_text("<html><body>Failed now</body></html>")
    answer, body = ask(port, "/", **{"If-None-Match": tag})
    assert answer.status == 200
    assert "Failed now" in body


def test_a_new_run_changes_the_landing_page_alone(port: int, site: Path) -> None:
    before = version(port, "/"), version(port, "/runs/one/")
    beside = site.with_name("new")
    shutil.copytree(site, beside, copy_function=os.link)
    (beside / "index.html").unlink()
    (beside / "index.html").write_text("<html><body>A new run</body></html>")
    site.rename(site.with_name("old"))
    assert version(port, "/") == "none"  # between two renames: the open page waits
    beside.rename(site)
    after = version(port, "/"), version(port, "/runs/one/")
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_before_the_first_run_the_page_waits_for_it(port: int, site: Path) -> None:
    shutil.rmtree(site)
    answer, body = ask(port, "/")
    assert answer.status == 200
    assert 'data-version="none"' in body


def test_it_listens_on_the_loopback_address_alone(site: Path) -> None:
    server = serve_docs.docs_server(site, 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(1000 * DEADLINE)
    yield opened
    context.close()


def test_an_open_page_updates_itself_under_the_policy_of_the_pages(page: Page, port: int, site: Path) -> None:
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    write_anew(site / "index.html", f"<!doctype html><head>{policy}</head><body><h1>First</h1></body>")
    page.goto(f"http://127.0.0.1:{port}/")
    assert page.inner_text("h1") == "First"
    write_anew(site / "index.html", f"<!doctype html><head>{policy}</head><body><h1>Second</h1></body>")
    page.wait_for_selector("h1:has-text('Second')")
    assert said == []
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{port}"}


def test_a_page_that_did_not_change_is_not_loaded_again(page: Page, port: int, site: Path) -> None:
    page.goto(f"http://127.0.0.1:{port}/runs/one/")
    page.evaluate("window.read = 'half of it'")
    write_anew(site / "index.html", "<p>A new run")
    for _ in range(2):
        page.wait_for_event("requestfinished", lambda request: "/-/version.js" in request.url)
    assert page.evaluate("window.read") == "half of it"


def test_a_page_of_a_file_asks_for_nothing(page: Page, site: Path) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    assert asked == [(site / "index.html").as_uri()]


def write_anew(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


@pytest.fixture
def served(site: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "scripts.serve_docs", "--output", str(site.parent), "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it(served: subprocess.Popen[str], number: int, code: int) -> None:
    first = served.stdout.readline()
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", first)[1])
    assert "Passed" in ask(port, "/")[1]
    served.send_signal(number)
    _, error = served.communicate(timeout=DEADLINE)
    assert served.returncode == code
    assert len(error.splitlines()) == (1 if number == signal.SIGINT else 0)
    assert "Traceback" not in error


def test_a_taken_port_is_said_in_one_sentence(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve_docs.main(["--output", str(site.parent), "--port", str(port)]) == 2
    assert capsys.readouterr().err.startswith(f"port {port}: can't be opened")


def test_a_port_that_is_none_is_said_in_one_sentence(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        serve_docs.main(["--output", str(site.parent), "--port", "70000"])
    assert capsys.readouterr().err.startswith("--port: '70000' is no number of a port, 0 to 65535; see ")


def test_help_and_server_need_no_heavy_import() -> None:
    code = "import sys, scripts.serve_docs; print({'pandas', 'duckdb', 'great_expectations'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
