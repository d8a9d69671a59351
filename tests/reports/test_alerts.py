"""Alerts reach a real HTTP and a real SMTP server; whatever goes wrong stays a line without the address."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from checks.gate.terms import Decision, Status
from checks.gate.verdict import FailingRow, Verdict
from checks.reports import alerts, github, tracking
from checks.results import outputs
from checks.results.changes import Changes
from scripts import run_checkpoint
from tests import deliveries, verdicts

SECRET = "hunter2-s3cr3t"
FAIL = Decision.FAIL


class Hook(ThreadingHTTPServer):
    """Keeps what is posted to it and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[dict] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Mailbox(Message):
    def __init__(self) -> None:
        super().__init__()
        self.received: list = []

    def handle_message(self, message) -> None:
        self.received.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"mailto://127.0.0.1:{port}?from=gate@example.org&to=jane@example.org"
    controller.stop()


def body(message) -> str:
    parts = [part for part in message_from_bytes(message.as_bytes()).walk() if not part.is_multipart()]
    return "\n".join(part.get_payload(decode=True).decode() for part in parts)


@pytest.mark.parametrize(
    ("decision", "kind"),
    [(Decision.PASS, "success"), (Decision.FAIL, "failure"), (Decision.UNDETERMINED, "warning")],
)
def test_one_message_reaches_a_webhook_as_what_it_is(hook, decision, kind):
    assert alerts.send("Data quality: small", "It was judged.", [hook.address], decision) == []
    (posted,) = hook.posted
    assert (posted["title"], posted["message"], posted["type"]) == ("Data quality: small", "It was judged.", kind)


def test_one_message_reaches_a_mailbox(mailbox):
    box, address = mailbox
    assert alerts.send("Data quality FAIL: small", "1 < 2 & it failed.\nLook.", [address], FAIL) == []
    (mail,) = box.received
    assert (mail["Subject"], mail["To"]) == ("Data quality FAIL: small", "jane@example.org")
    assert "it failed." in body(mail)


def test_what_fails_is_told_by_number_and_never_by_address(hook, capfd, caplog):
    hook.status = 500
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"json://user:{SECRET}@127.0.0.1:{free.getsockname()[1]}/"
    bad = [hook.address, closed, f"nosuchservice://{SECRET}", f"mailto://{SECRET}", SECRET]
    faults = alerts.send("title", "text", bad, FAIL)
    assert faults == [
        "address 1 of 5 did not take the message",
        "address 2 of 5 did not take the message",
        "address 3 of 5 is no address that apprise knows",
        "address 4 of 5 is no address that apprise knows",
        "address 5 of 5 is no address that apprise knows",
    ]
    assert SECRET not in "".join([*faults, *capfd.readouterr(), caplog.text])


def test_a_service_that_never_answers_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and says nothing
        address = f"json://127.0.0.1:{silent.getsockname()[1]}/"
        (fault,) = alerts.send("title", "text", [address], FAIL, patience=0.2)
    assert fault == "address 1 of 1 gave no answer within 0.2 seconds"


def test_a_plugin_that_raises_is_told_without_its_words(monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("apprise.Apprise.notify", broken)
    assert alerts.send("title", "text", ["json://127.0.0.1/"], FAIL) == [
        "address 1 of 1 could not be used (RuntimeError)"
    ]


def test_addresses_come_from_the_environment_alone(monkeypatch):
    monkeypatch.delenv(alerts.VARIABLE, raising=False)
    assert alerts.addresses() == []
    monkeypatch.setenv(alerts.VARIABLE, " json://a/ \n mailto://b ")
    assert alerts.addresses() == ["json://a/", "mailto://b"]


@pytest.mark.parametrize(
    ("notify_on", "outcome", "concerns"),
    [
        ("critical", verdicts.outcome(), True),
        ("critical", verdicts.outcome(severity="warning"), False),
        ("critical", verdicts.outcome(severity="info", status=Status.UNDETERMINED), True),
        ("critical", verdicts.outcome(status=Status.WAIVED, waiver=verdicts.waiver()), False),
        ("warning", verdicts.outcome(severity="warning"), True),
        ("warning", verdicts.outcome(severity="info"), False),
        ("info", verdicts.outcome(severity="info"), True),
        ("info", verdicts.outcome(status=Status.PASSED), False),
        ("always", verdicts.outcome(status=Status.PASSED), True),
    ],
)
def test_who_is_told_of_what(notify_on, outcome, concerns):
    assert alerts.concerns(Verdict((outcome,)), notify_on) is concerns


def test_a_severity_that_gates_is_always_told():
    warned = Verdict((verdicts.outcome(severity="warning"),), fail_on="warning")
    assert alerts.concerns(warned, "critical")


def test_the_message_has_the_verdict_the_worst_three_and_what_is_new(tmp_path):
    verdict, run = verdicts.every_kind(), verdicts.run(tmp_path)
    title, text = alerts.message(verdict, run, Changes(run.started, "pass", verdict.outcomes[1:2], ()))
    assert title == "Data quality FAIL: data"
    lines = text.splitlines()
    assert lines[0] == "2 critical expectations failed, and 1 expectation of ratings could not be judged."
    assert lines[2:4] == [
        "The worst 3 of 5:",
        "1. CRITICAL ratings: It failed. (1 row, for example at ratings.csv:3). Mend the export.",
    ]
    assert not any(line.startswith("4.") for line in lines)
    assert lines[-2:] == ["New since the last run (2026-03-01 12:00 UTC, pass):", "- CRITICAL ratings: It failed."]


def test_the_message_says_where_there_is_nothing_to_compare_with_or_nothing_new(tmp_path):
    run = verdicts.run(tmp_path)
    assert alerts.message(verdicts.every_kind(), run, None)[1].endswith("There is no earlier run to compare with.")
    unchanged = alerts.message(verdicts.every_kind(), run, Changes(run.started, "fail", (), ()))[1]
    assert unchanged.endswith("Nothing new since the last run (2026-03-01 12:00 UTC, fail).")


def test_a_wrong_header_is_told_with_its_line(tmp_path):
    header = verdicts.outcome(unexpected_count=None, rows=(FailingRow("ratings.csv", 1, {}),))
    _, text = alerts.message(Verdict((header,)), verdicts.run(tmp_path), None)
    assert "1. CRITICAL ratings: `rating` is on the scale. (at ratings.csv:1). Mend the export." in text


@pytest.mark.parametrize("text", verdicts.HOSTILE)
def test_no_value_of_the_data_leaves_the_house(tmp_path, text):
    verdict = Verdict((verdicts.outcome(observed=text, rows=(FailingRow("ratings.csv", 3, {"tag": text}),)),))
    plain = Verdict((verdicts.outcome(observed="", rows=(FailingRow("ratings.csv", 3, {"tag": ""}),)),))
    run = verdicts.run(tmp_path)
    assert alerts.message(verdict, run, None) == alerts.message(plain, run, None)


def test_nobody_is_told_before_the_results_stand(tmp_path, monkeypatch):
    """Alert, MLflow and GitHub's summary: each finds the published summary.json of this very run."""
    out, told, decisions = tmp_path / "out", [], []

    def tell(who: str) -> None:
        told.append((who, json.loads((out / "summary.json").read_text())["verdict"]))

    def log(record: tracking.Record) -> None:
        assert out / "summary.json" in record.artifacts
        assert record.metrics["ratings/rows"] == 100
        assert record.tags["verdict"] == "undetermined"
        tell("mlflow")

    monkeypatch.setenv(alerts.VARIABLE, "json://nowhere/")
    monkeypatch.setattr(alerts, "send", lambda *sent: tell("alert") or decisions.append(sent[3]) or [])
    monkeypatch.setattr(tracking, "wanted", lambda: True)
    monkeypatch.setattr(tracking, "_log", log)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(github, "add_step_summary", lambda _: tell("github"))
    data = deliveries.write(tmp_path / "data", deliveries.clean())
    assert run_checkpoint.main(["--data", str(data), "--output", str(out), "--quiet"]) == 2
    assert decisions == [Decision.UNDETERMINED]
    assert sorted(told) == [(who, "undetermined") for who in ("alert", "github", "mlflow")]


def test_what_was_not_published_is_not_announced(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told: list[str] = []
    monkeypatch.setattr(outputs, "_publish", full)
    with (
        pytest.raises(outputs.OutputError, match="disk is full"),
        outputs.staged(tmp_path / "out", announcements=[lambda: told.append("told")]),
    ):
        pass
    assert told == []


def test_an_announcement_that_fails_stops_no_other(tmp_path, capsys):
    told: list[str] = []
    with outputs.staged(tmp_path / "out", announcements=[lambda: 1 / 0, lambda: told.append("told")]) as staging:
        (staging / "summary.json").write_text("{}")
    assert told == ["told"]
    assert "could not be announced (ZeroDivisionError" in capsys.readouterr().err
    assert (tmp_path / "out" / "summary.json").exists()
