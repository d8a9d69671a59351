"""A run opens no connection, keeps what the data hold out of its log, and shows users by pseudonyms if asked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from checks.results.pseudonyms import PLAIN, SALT, UserNames
from scripts import run_checkpoint
from tests import deliveries
from tests.conftest import ROOT

# An audit hook sees every connection that Python code makes, however deep in a library, and can't be taken off again.
FORBIDDEN = """import sys
def watch(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        print("NETWORK", event, file=sys.stderr)
        raise RuntimeError("no network")
sys.addaudithook(watch)
from scripts.run_checkpoint import main
raise SystemExit(main(sys.argv[1:]))"""


def test_whole_run_opens_no_connection_and_logs_no_data(tmp_path: Path) -> None:
    files = deliveries.clean()
    files["tags"][1] = f"1,1,a private word,{deliveries.START}"
    files["movies"][1] = "1,A private title (1971),Drama"
    folder = deliveries.write(tmp_path / "data", files)
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, "--data", folder, "--output", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr  # so small a delivery may leave the users undetermined
    assert "NETWORK" not in done.stderr
    assert "private" not in done.stderr + done.stdout
    assert (tmp_path / "out" / "data_docs" / "index.html").exists()


SECRET = "a salt that nobody else has"
NAMES = UserNames(SECRET.encode())
FIRST_ID = 98_760_000  # so that the text of an id is nothing else
AN_ID = re.compile(rb"(?<![\d.])9876\d{4}(?!\d)")
DATA = ("validated", "quarantine", "warehouse.duckdb")  # rows as delivered, to be worked on


def recognisable(folder: Path) -> Path:
    """Users with long ids: one has a rating off the scale, one a doubled rating, one a row that can't be read.

    Of others the id itself can't be read, in ratings and in tags.
    """
    files = deliveries.whole()
    for name in ("ratings", "tags"):
        rows = [line.partition(",") for line in files[name][1:]]
        files[name][1:] = [f"{FIRST_ID + int(user)},{rest}" for user, _, rest in rows]
    files["ratings"][2] = deliveries.put(files["ratings"][2], 2, "7.5")
    files["ratings"][4] = files["ratings"][3]
    files["ratings"][6] = deliveries.put(files["ratings"][6], 2, "many")
    spoiled = {"ratings": f" {FIRST_ID + 901}", "tags": f"{FIRST_ID + 902}' is not x"}
    for name, text in spoiled.items():
        files[name][8] = deliveries.put(files[name][8], 0, text)
    bot = [f"{FIRST_ID + 500},{line.split(',')[0]},5.0,1100000000" for line in files["movies"][1:60]]
    files["ratings"] += bot
    return deliveries.write(folder, files)


def files_with_ids(output: Path) -> set[str]:
    found = [path for path in output.rglob("*") if path.is_file() and AN_ID.search(path.read_bytes())]
    return {str(path.relative_to(output)) for path in found if path.relative_to(output).parts[0] not in DATA}


def test_hashed_users_are_shown_by_pseudonyms_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SALT, SECRET)
    settings = ["--data", str(recognisable(tmp_path / "data"))]
    assert run_checkpoint.main([*settings, "--output", str(tmp_path / "hashed"), "--hash-users"]) == 1
    assert not AN_ID.search("".join(capsys.readouterr()).encode())
    assert files_with_ids(tmp_path / "hashed") == set()
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "hashed").rglob("*") if p.is_file())
    bot = str(NAMES.of(FIRST_ID + 500))
    assert bot in (tmp_path / "hashed" / "anomalous_users.csv").read_text()
    assert any(bot in page.read_text() for page in (tmp_path / "hashed" / "data_docs").rglob("*.html"))
    assert run_checkpoint.main([*settings, "--output", str(tmp_path / "plain")]) == 1
    assert any("validations" in name for name in files_with_ids(tmp_path / "plain"))
    assert {"summary.json", "anomalous_users.csv", "summary_statistics.csv"} < files_with_ids(tmp_path / "plain")


@pytest.mark.parametrize("salt", ["", "too short"])
def test_hashing_without_a_salt_is_refused(
    salt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SALT, salt)
    assert run_checkpoint.main(["--data", str(tmp_path), "--output", str(tmp_path / "out"), "--hash-users"]) == 2
    said = capsys.readouterr().err
    assert SALT in said
    assert said.count("\n") == 1


def test_pseudonym_is_the_same_for_an_id_however_it_is_held() -> None:
    # HMAC-SHA256 by OpenSSL: printf 37 | openssl dgst -sha256 -hmac "a salt that nobody else has"
    assert {NAMES.of(value) for value in (37, 37.0, np.int64(37), "37")} == {"u7c58928dfee7"}
    assert NAMES.of(38) != NAMES.of(37) != UserNames(b"another salt for others").of(37)
    assert NAMES.of(None) is None
    assert PLAIN.of(37) == 37


def test_frame_keeps_users_without_a_likeness_empty() -> None:
    frame = pd.DataFrame({"userId": [1, 2], "most_like_user": pd.array([2, None], "Int64"), "score": [0.5, 0.1]})
    shown = NAMES.frame(frame)
    assert shown["userId"].tolist() == [NAMES.of(1), NAMES.of(2)]
    assert shown["most_like_user"].iloc[0] == NAMES.of(2)
    assert shown["most_like_user"].isna().tolist() == [False, True]
    assert shown["score"].tolist() == [0.5, 0.1]


def test_reason_keeps_a_spoiled_id_to_itself() -> None:
    def said(column: str | None, reason: str) -> str:
        return NAMES.shown([{"column_name": column, "reason": reason}])[0]["reason"]

    whole = "(withheld) is not a 64-bit whole number"
    assert said("userId", "' 4' is not a 64-bit whole number") == whole
    assert said("userId", "'4' is not x' is not a 64-bit whole number") == whole
    assert said("userId", "4 is too many") == "(withheld)"
    assert said("movieId", "'4x' is not a 64-bit whole number") == "'4x' is not a 64-bit whole number"
    assert said(None, "the row has 3 values where the header has 4") == "the row has 3 values where the header has 4"
    row = {"column_name": "userId", "reason": "' 4' is not a 64-bit whole number"}
    assert PLAIN.shown(row) == row


def test_statistics_show_no_id_however_its_column_is_spelled() -> None:
    names = ["userId", "UserID (wrong case)", "user_id", "userId_2", "movieId"]
    frame = pd.DataFrame({"table": "ratings", "column": names, "rows": 2, "min": [1, 1, 1, 1, 1]})
    shown = NAMES.statistics(frame)
    assert shown["min"].isna().tolist() == [True, True, True, True, False]
    assert shown["rows"].tolist() == [2, 2, 2, 2, 2]


def test_values_of_the_column_of_users_are_shown_by_pseudonyms_too() -> None:
    found = {
        "observed_value": 37,
        "element_count": 5,
        "partial_unexpected_list": [37],
        "partial_unexpected_counts": [{"value": 37, "count": 1}],
        "partial_unexpected_index_list": [{"userId": 37, "source_line": 2}],
    }
    result = SimpleNamespace(expectation_config=SimpleNamespace(kwargs={"column": "userId"}), result=found)
    suite = SimpleNamespace(results=[result])
    shown = NAMES.suite_result(suite).results[0].result
    name = NAMES.of(37)
    assert shown == {
        "observed_value": name,
        "element_count": 5,
        "partial_unexpected_list": [name],
        "partial_unexpected_counts": [{"value": name, "count": 1}],
        "partial_unexpected_index_list": [{"userId": name, "source_line": 2}],
    }
    assert found["observed_value"] == 37
