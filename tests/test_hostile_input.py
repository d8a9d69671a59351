"""Hostile and broken deliveries: an exit code as the gate's rules say, one clear sentence, and never a traceback."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks import files
from checks.gate.terms import QUESTIONS
from checks.gate.verdict import Verdict
from checks.loader import load
from scripts import run_checkpoint
from scripts.job import ending
from tests import deliveries
from tests.conftest import ROOT

NOBODY = 65534
MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"'
CAN_MOUNT = subprocess.run("unshare -m mount -t tmpfs tmpfs /mnt", shell=True, capture_output=True).returncode == 0


def ratings(folder: Path) -> Path:
    return folder / "ratings.csv"


def sub(table: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    """Replace bytes of a file, in all places."""

    def plant(folder: Path) -> None:
        path = folder / f"{table}.csv"
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))

    return plant


def body(content: bytes, name: str = "ratings.csv") -> Callable[[Path], object]:
    """Replace the ratings by other bytes, under another name if one is given."""

    def plant(folder: Path) -> None:
        ratings(folder).unlink()
        (folder / name).write_bytes(content)

    return plant


def parquet(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], object]:
    def plant(folder: Path) -> None:
        frame = change(pd.read_csv(ratings(folder)))
        ratings(folder).unlink()
        frame.to_parquet(folder / "ratings.parquet")

    return plant


def headers_alone(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")


def pipe(folder: Path) -> None:
    ratings(folder).unlink()
    os.mkfifo(ratings(folder))


def loop(folder: Path) -> None:
    ratings(folder).unlink()
    ratings(folder).symlink_to(ratings(folder))


def hundred_megabytes(folder: Path) -> None:
    with ratings(folder).open("ab") as file:
        file.write(b"1," + b"9" * 100_000_000 + b"\n")


def speaking(folder: Path) -> None:
    """Text that would run in a page, a spreadsheet, a query or a template."""
    sub("movies", b"Film 3 ", b"<script>alert(1)</script> ")(folder)
    sub("movies", b"Film 4 ", b"=cmd|' /C calc'!A0 {batch} %s {{x}} $x :y ")(folder)
    sub("tags", b"tag 1", b"<img src=x onerror=alert(1)>'; drop table ratings; --")(folder)


HEADER = b"userId,movieId,rating,timestamp\n"
PACKED = gzip.compress(HEADER + b"".join(b"1,%d,4.0,1100000000\n" % film for film in range(1, 26)))

# What is planted, the exit code of the rows' question, and words of the sentence that says what is wrong.
HOSTILE: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "empty file": (body(b""), 1, "ratings has exactly"),
    "headers alone": (headers_alone, 1, "ratings has at least 20 rows"),
    "NUL in a value": (sub("ratings", b"\n1,3,", b"\n1,\0003,"), 1, "could be read as its column's type"),
    "NUL alone": (body(b"\0" * 100_000), 1, "ratings has exactly"),
    "a line of 100 MB": (hundred_megabytes, 1, "is one whole row of valid text"),
    "thousands of columns": (body(b",".join([b"c"] * 5000) + b"\n1\n"), 2, "ratings.csv has 5,000 columns"),
    "control characters in a header": (
        sub("ratings", b"rating,", b'"ra\x01\x1b[2J""<b>;--",'),
        1,
        "ratings has exactly",
    ),
    "names of internals in a header": (
        body(b"userId,movieId,rating,timestamp,{batch},:x,%s,rules,raw_text\n1,2,3,4,5,6,7,8,9\n"),
        1,
        "ratings has exactly",
    ),
    "empty names": (body(b",,,\n1,2,3,4\n"), 1, "ratings has exactly"),
    "wrong delimiter": (sub("ratings", b",", b";"), 1, "ratings has exactly"),
    "huge and negative ids": (
        sub("ratings", b"\n1,3,", b"\n9223372036854775807,-9223372036854775808,5.0,-1\n1,3,"),
        1,
        "`movieId` of ratings is a positive number",
    ),
    "a rating of 1e308": (sub("ratings", b"\n1,3,", b"\n5,1,1e308,1100000000\n1,3,"), 1, "on the half-star scale"),
    "pipe": (pipe, 2, "ratings.csv is not a regular file"),
    "link to itself": (loop, 2, "ratings.csv"),
    "gzip cut short": (body(PACKED[:-30], "ratings.csv.gz"), 2, "ratings.csv.gz is damaged"),
    "gzip under the name of a CSV": (body(PACKED), 2, "is gzipped: it must be named ratings.csv.gz"),
    "CSV under the name of a gzip": (body(HEADER, "ratings.csv.gz"), 2, "ratings.csv.gz is damaged"),
    "Parquet cut short": (body(b"PAR1 cut short", "ratings.parquet"), 2, "ratings.parquet is damaged"),
    "Parquet of lists": (parquet(lambda f: f.assign(rating=[[1.0]] * len(f))), 1, "could be read as its column's type"),
    "Parquet without rows": (parquet(lambda f: f.head(0)), 1, "ratings has at least 20 rows"),
    "UTF-16": (body((HEADER.decode() + "1,1,4.0,1100000000\n").encode("utf-16")), 2, "is in UTF-16"),
    "text that would run": (speaking, 0, ""),
}
# Those that once ended the command, and those that reach furthest, go through the whole command.
THROUGHOUT = ("empty file", "control characters in a header", "a rating of 1e308", "pipe", "text that would run")


def told(verdict: Verdict) -> str:
    """Every sentence of a verdict that did not pass, with its cause."""
    return "\n".join(f"{o.sentence} {o.cause or ''}" for o in verdict.worst_first())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_delivery_is_judged_with_a_clear_sentence(name: str, tmp_path: Path) -> None:
    plant, exit_code, sentence = HOSTILE[name]
    folder = deliveries.write(tmp_path / 'a\'b %41 "ü" 日本;--', deliveries.clean())
    plant(folder)
    rows = deliveries.judge(folder, tmp_path / "work").of_suites(QUESTIONS["Are the rows right?"])
    assert rows.exit_code == exit_code
    assert sentence in told(rows)


# Names that the loader, DuckDB, the quarantine and the queries use themselves, in other spellings too.
INTERNALS = [
    *("rowid", "RowID", "bad_cell", "BAD_CELL", "bad_value", "raw_row", "line", "v0", "V2", "c0", "cells"),
    *("source_file", "column_name", "reason", "raw_text", "rules", "line_over_all_files", "filename", "_metadata"),
    *("{batch}", ":x", "%s", 'a "name"', "a 'name'", "select"),
]


@pytest.mark.parametrize("form", ["plain", "exact", "parquet"])
@pytest.mark.parametrize("name", [*INTERNALS, "source_line", "Source_Line"])
def test_column_named_as_internals_is_any_other_column(name: str, form: str, tmp_path: Path) -> None:
    cell = "two\nlines" if form == "exact" else "word"  # a line break makes the loader read record by record
    frame = pd.DataFrame(
        {"userId": ["1", "1"], "movieId": ["2", "x"], "rating": "3.0", "timestamp": "4", name: [cell, "other"]}
    )
    if form == "parquet":
        frame.to_parquet(tmp_path / "ratings.parquet")
    else:
        frame.to_csv(ratings(tmp_path), index=False)
    with load(tmp_path) as warehouse:
        source = warehouse.sources["ratings"]
        assert (source.problem, source.loaded_rows, source.rejected_rows) == (None, 1, 1)
        (row,) = warehouse.connection.execute("select * exclude (source_line) from ratings").fetchall()
        (said,) = warehouse.connection.execute("select column_name, reason, raw_text from rejected_rows").fetchall()
    assert row == (1, 2, 3.0, 4, cell)
    assert said == ("movieId", "'x' is not a 64-bit whole number", "1,x,3.0,4,other")


def test_columns_named_as_internals_cost_a_sentence_that_names_them_and_no_row(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    pd.read_csv(ratings(folder)).assign(**dict.fromkeys(INTERNALS, 7)).to_csv(ratings(folder), index=False)
    verdict = deliveries.judge(folder, tmp_path / "work")
    (failed,) = verdict.worst_first()
    assert verdict.exit_code == 1
    assert failed.sentence.startswith("ratings has exactly")
    assert all(name in failed.observed for name in INTERNALS)


@pytest.mark.parametrize("name", THROUGHOUT)
def test_hostile_delivery_goes_through_the_whole_command(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ending.TRACEBACK, "1")  # an unexpected error is to be seen here
    plant, exit_code, _ = HOSTILE[name]
    folder = deliveries.write(tmp_path / 'a\'b %41 "ü" 日本;--', deliveries.clean())
    plant(folder)
    output = tmp_path / "out 'ü' %20#$HOME"
    # A delivery so small leaves the users or the drift undetermined (2); that is no pass either.
    assert run_checkpoint.main(["--data", str(folder), "--output", str(output)]) in {exit_code, exit_code or 2}
    page = (output / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "Traceback" not in "".join(capsys.readouterr())


def test_unreadable_file_is_undetermined_and_named(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    ratings(folder).chmod(0)
    loaded = os.open(folder, os.O_DIRECTORY)  # whose parents only their owner may enter
    here = Path.cwd()
    os.fchdir(loaded)
    try:
        with as_nobody():
            assert files.problem(Path("ratings.csv")) == "ratings.csv can't be read (permission denied)"
    finally:
        os.chdir(here)
        os.close(loaded)


class as_nobody:  # noqa: N801  reads like the statement that it is
    """Root may read everything; give its rights up for a while."""

    def __enter__(self) -> None:
        self.before = os.geteuid()
        if self.before == 0:
            os.seteuid(NOBODY)

    def __exit__(self, *_: object) -> None:
        os.seteuid(self.before)


def test_unexpected_error_is_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such thing\n\x1b[2Jwith a second line")

    monkeypatch.setattr(run_checkpoint, "_judge", broken)
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    command = ["--data", str(folder), "--output", str(tmp_path / "out"), "--quiet"]
    assert run_checkpoint.main(command) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "RuntimeError in test_hostile_input.py" in printed
    assert "no such thing" in printed
    assert "\x1b" not in printed
    monkeypatch.setenv(ending.TRACEBACK, "1")
    with pytest.raises(RuntimeError):
        run_checkpoint.main(command)


def test_full_disk_is_one_sentence_and_leaves_the_last_results(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    output = tmp_path / "out"
    output.mkdir()
    (output / "summary.json").write_text("the last one")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.run_checkpoint", "--data", folder, "--output", output, "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert (done.returncode, done.stderr) == (
        2,
        f"{output}: the disk is full; free some space or choose another --output.\n",
    )
    assert (output / "summary.json").read_text() == "the last one"


@pytest.mark.slow
def test_ten_million_rejected_rows_are_counted_in_bounded_memory(tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    with ratings(folder).open("ab") as file:
        for _ in range(100):
            file.write(b"1,two,4.0,1100000000\n" * 100_000)
    code = f"""import resource
from pathlib import Path
from checks.loader import load
with load(Path({str(folder)!r}), Path({str(tmp_path / "w.duckdb")!r})) as warehouse:
    source = warehouse.sources["ratings"]
    print(source.loaded_rows, source.rejected_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded, rejected, megabytes = map(int, done.stdout.split())
    assert (loaded, rejected) == (deliveries.USERS * deliveries.FILMS, 10_000_000)
    assert megabytes < 4_000


cells = st.one_of(
    st.sampled_from(
        [b"1", b"4.0", b"", b'"', b'""', b"1100000000", b"\0", b"\xff", b"nan", b"-1", b"1e308", b"\xef\xbb\xbf"]
    ),
    st.binary(max_size=6),
)
rows = st.lists(st.lists(cells, max_size=6).map(b",".join), max_size=8)
starts = st.sampled_from([HEADER, b"", b"userId,movieId\n", b'"', b"\x1f\x8b", b"userId,userId,rating,source_line\n"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=starts, lines=rows, end=st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"]))
def test_any_bytes_are_loaded_or_rejected_or_said_to_be_unreadable(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, lines: list[bytes], end: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    ratings(folder).write_bytes(start + end.join(lines))
    with load(folder) as warehouse:
        source = warehouse.sources["ratings"]
        if source.problem:
            assert source.problem.endswith(source.problem.strip())
            assert not warehouse.has("ratings")
            return
        places = warehouse.sql(
            """select source_line from ratings union all
            select source_line from rejected_rows where table_name = 'ratings'"""
        )["source_line"]
        assert source.loaded_rows + source.rejected_rows == len(places) == places.nunique()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=rows, broken=st.sampled_from(["ratings", "movies", "tags", "links"]))
def test_command_on_any_bytes_ends_with_an_exit_code(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], broken: str
) -> None:
    """Judged by the checkpoint; the whole command is run over chosen files above."""
    folder = deliveries.write(tmp_path_factory.mktemp("fuzz"), deliveries.clean())
    path = folder / f"{broken}.csv"
    path.write_bytes(path.read_bytes() + b"\n".join(lines))
    verdict = deliveries.judge(folder, tmp_path_factory.mktemp("work"))
    assert verdict.exit_code in (0, 1, 2)
    assert not [o for o in verdict.outcomes if o.cause and "Traceback" in o.cause]


@pytest.mark.skipif(not CAN_MOUNT, reason="a file system of one's own needs unshare(1) and the right to mount")
@pytest.mark.parametrize(("options", "said"), [("ro", "can't be written"), ("size=2m", "the disk is full")])
def test_file_system_without_room_for_results_is_one_sentence(options: str, said: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    mounted = ["unshare", "-m", "sh", "-c", MOUNT, "sh", options, output]
    command = [sys.executable, "-m", "scripts.run_checkpoint", "--data", folder, "--output", output, "--quiet"]
    done = subprocess.run([*mounted, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_folder_that_may_not_be_entered_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As for another user than root, for whom the system makes no exception."""
    data = deliveries.write(tmp_path / "data", deliveries.clean())
    exists = Path.exists

    def closed(path: Path, **options: bool) -> bool:
        if path.parent == data:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", closed)
    assert run_checkpoint.main(["--data", str(data), "--output", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == (
        f"{data}: can't be looked into (permission denied); give the user who runs this the right to read and enter it."
    )


def test_a_folder_within_a_closed_one_is_said_the_same_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", closed)
    with pytest.raises(files.DeliveryError, match="can't be looked into \\(permission denied\\); give the user"):
        files.is_folder(tmp_path)


CUT_OFF = "1 of 100 rows (1 %): the last line, which has no end, as where a file is cut off"


@pytest.mark.parametrize(
    ("written", "observed"),
    [
        (lambda text: text[:-2], CUT_OFF),  # the line's end and a digit
        (lambda text: text[:-9], CUT_OFF),
        (lambda text: text[:-2] + b"\n", "1 of 100 rows (1 %)"),  # a line with its end is no part of one
        (lambda text: text[:-1] + b"000", "1 of 100 rows (1 %)"),  # nor is more than there is to be
        (lambda text: text.replace(b"1100001041", b"110", 1)[:-1], "1 of 100 rows (1 %)"),  # another line's
        (lambda text: text[:-1], "0 of 100 rows (0 %)"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_file_that_ends_in_the_midst_of_a_time_is_told_as_cut_off(
    tmp_path: Path, written: Callable[[bytes], bytes], observed: str, suffix: str
) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    whole = folder / "ratings.csv"
    text = written(whole.read_bytes())
    whole.unlink()
    (folder / f"ratings{suffix}").write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    found = next(
        one
        for one in deliveries.judge(folder, tmp_path / "work").outcomes
        if one.suite == "ratings" and one.sentence.startswith("`timestamp` of ratings is in seconds")
    )
    assert found.observed == observed
    advice = f"If ratings{suffix} was cut off, fetch it again. "
    assert found.action.startswith(advice) is (observed == CUT_OFF)
    assert len(found.action) > len(advice), "what else it may be is told, too"
