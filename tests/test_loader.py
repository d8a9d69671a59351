"""Every record of a file is in its table or in `rejected_rows`, at its line."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.files import DeliveryError, mistaken
from checks.loader import _Loader, load
from checks.records import LONGEST_LINE_BYTES
from tests import deliveries

HEADER = b"userId,movieId,rating,timestamp\n"


def loaded(folder: Path, body: bytes, name: str = "ratings.csv") -> tuple[list[tuple[object, ...]], list[object]]:
    """(line, userId, movieId, rating, timestamp) of each row, and (line, column, reason) of each rejected one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(body)
    with load(folder) as warehouse:
        rows = warehouse.connection.execute("select * from ratings order by all").fetchall()
        rejected = "select source_line, column_name, reason from rejected_rows order by all"
        return rows, warehouse.connection.execute(rejected).fetchall()


def test_types_and_lines(tmp_path: Path) -> None:
    rows, rejected = loaded(tmp_path, HEADER + b"1,10,4.0,964982703\n2,11,0.5,964982704\n")
    assert rows == [(2, 1, 10, 4.0, 964982703), (3, 2, 11, 0.5, 964982704)]
    assert rejected == []


@pytest.mark.parametrize(
    ("cell", "column", "reason"),
    [
        ("1.5,2,3.0,4", "userId", "'1.5' is not a 64-bit whole number"),
        ("0x10,2,3.0,4", "userId", "'0x10' is not a 64-bit whole number"),
        ("1_0,2,3.0,4", "userId", "'1_0' is not a 64-bit whole number"),
        ("99999999999999999999,2,3.0,4", "userId", "'99999999999999999999' is not a 64-bit whole number"),
        ("1, 2,3.0,4", "movieId", "' 2' is not a 64-bit whole number"),
        ("1,2,good,4", "rating", "'good' is not a finite number"),
        ("1,2,nan,4", "rating", "'nan' is not a finite number"),
        ("1,2,inf,4", "rating", "'inf' is not a finite number"),
        ("1,2,1e400,4", "rating", "'1e400' is not a finite number"),
        ('1,2,"4,5",4', "rating", "'4,5' is not a finite number"),
        ("1,2,3.0,yesterday", "timestamp", "'yesterday' is not a 64-bit whole number"),
    ],
)
def test_cell_that_is_no_number_is_rejected_with_its_column(
    tmp_path: Path, cell: str, column: str, reason: str
) -> None:
    rows, rejected = loaded(tmp_path, HEADER + b"1,1,4.0,5\n" + cell.encode() + b"\n3,3,3.0,5\n")
    assert [row[0] for row in rows] == [2, 4]
    assert rejected == [(3, column, reason)]


@pytest.mark.parametrize(("cell", "value"), [("7", 7.0), ("4.50", 4.5), ("5e-1", 0.5), ("-1", -1.0), (".5", 0.5)])
def test_every_spelling_of_a_number_is_read(tmp_path: Path, cell: str, value: float) -> None:
    rows, _ = loaded(tmp_path, HEADER + f"1,2.0,{cell},5\n".encode())
    assert rows == [(2, 1, 2, value, 5)]


def test_missing_cell_is_loaded_as_null(tmp_path: Path) -> None:
    rows, rejected = loaded(tmp_path, HEADER + b"1,2,,5\n")
    assert rows == [(2, 1, 2, None, 5)]
    assert rejected == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2,3.0", "the row has 3 values where the header has 4"),
        (b"1,2,3.0,4,5", "the row has 5 values where the header has 4"),
        (b"1,2,3.0,4,", "the row has 5 values where the header has 4"),
        (b'1,2,3.0,,"",', "the row has 6 values where the header has 4"),
        (b"1,2,3.0,4\r5,6,3.0,4", "a carriage return stands inside the line"),
        (b"1,2,\xff\xfe,4", "the line is not valid UTF-8"),
        (b'1,2,"3.0,4', "a quote is not closed or stands inside a value"),
        (b"1,2," + b"9" * LONGEST_LINE_BYTES + b",4", "the line is longer than 131,072 bytes"),
    ],
)
def test_broken_line_costs_itself_alone(tmp_path: Path, line: bytes, reason: str) -> None:
    rows, rejected = loaded(tmp_path, HEADER + b"1,1,4.0,5\n" + line + b"\n3,3,3.0,5\n")
    assert rows == [(2, 1, 1, 4.0, 5), (4, 3, 3, 3.0, 5)]
    assert rejected == [(3, None, reason)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(tmp_path: Path, end: bytes, bom: bytes) -> None:
    body = bom + (HEADER + b"1,1,4.0,5\n2,2,3.0,5\n").replace(b"\n", end)
    assert loaded(tmp_path, body) == ([(2, 1, 1, 4.0, 5), (3, 2, 2, 3.0, 5)], [])


def test_blank_lines_are_no_records_but_count_as_lines(tmp_path: Path) -> None:
    assert loaded(tmp_path, HEADER + b"1,1,4.0,5\n\n2,2,3.0,5\n\n")[0] == [(2, 1, 1, 4.0, 5), (4, 2, 2, 3.0, 5)]


def test_line_break_in_quotes_keeps_the_lines_below_right(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_bytes(b'movieId,title,genres\n1,"A\nB (1990)",Drama\n2,C (1991),Drama\n')
    with load(tmp_path) as warehouse:
        rows = warehouse.connection.execute("select source_line, title from movies").fetchall()
    assert rows == [(2, "A\nB (1990)"), (4, "C (1991)")]


def test_gzip_and_parquet_are_read_like_csv(tmp_path: Path) -> None:
    rows = [(2, 1, 1, 4.0, 5), (3, 2, 2, None, 6)]
    packed = gzip.compress(HEADER + b"1,1,4.0,5\n2,2,,6\n")
    assert loaded(tmp_path / "gz", packed, "ratings.csv.gz") == (rows, [])
    frame = pd.DataFrame([row[1:] for row in rows], columns=["userId", "movieId", "rating", "timestamp"])
    (tmp_path / "parquet").mkdir()
    frame.to_parquet(tmp_path / "parquet" / "ratings.parquet")
    with load(tmp_path / "parquet") as warehouse:
        found = warehouse.connection.execute("select * from ratings order by all").fetchall()
    assert [row[1:] for row in found] == [row[1:] for row in rows]
    assert [row[0] for row in found] == [1, 2]  # a Parquet file has rows, not lines


def test_text_that_a_parquet_file_does_not_call_so_is_read_as_text(tmp_path: Path) -> None:
    """As Impala and older Spark write it: bytes, without a word on what they are."""
    titles = ["Mr. Holland's Opus (1995)", "Amélie (2001)"]
    table = pa.table({"movieId": [1, 2], "title": [one.encode() for one in titles], "genres": [b"Drama", b"Drama"]})
    pq.write_table(table, tmp_path / "movies.parquet")
    with load(tmp_path) as warehouse:
        assert warehouse.sql("select title from movies order by movieId")["title"].tolist() == titles


def test_fast_and_exact_reader_agree(tmp_path: Path) -> None:
    """A file with one ragged line is read by the exact reader; without it, by the fast one."""
    lines = deliveries.clean()["ratings"]
    body = "".join(f"{line}\n" for line in lines).encode()
    fast, _ = loaded(tmp_path / "fast", body)
    exact, rejected = loaded(tmp_path / "exact", body + b"1,2\n")
    assert fast == exact
    assert rejected == [(len(lines) + 1, None, "the row has 2 values where the header has 4")]


@pytest.mark.parametrize("header", [b"", b"\n"])
def test_empty_file_leaves_an_empty_table_without_columns(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "ratings.csv").write_bytes(header)
    with load(tmp_path) as warehouse:
        assert warehouse.count("ratings") == 0
        assert warehouse.sources["ratings"].columns == ()


def test_header_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_bytes(b"userId,movieId,Tag,timestamp,timestamp,extra\n1,2,fun,3,4,x\n")
    with load(tmp_path) as warehouse:
        names = list(warehouse.sql("describe tags")["column_name"])
    assert names == ["source_line", "userId", "movieId", "Tag (wrong case)", "timestamp", "timestamp_2", "extra"]


def test_missing_and_unreadable_files_say_why(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").mkdir()
    (tmp_path / "tags.csv.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    (tmp_path / "links.parquet").write_bytes(b"PAR1 cut short")
    with load(tmp_path) as warehouse:
        problems = {name: source.problem or "" for name, source in warehouse.sources.items()}
        assert not any(warehouse.has(name) for name in problems)
    assert problems["ratings"] == f"ratings.csv is not in {tmp_path}"
    assert problems["movies"] == "movies.csv is not a regular file"
    assert problems["tags"].startswith("tags.csv.gz is damaged")
    assert problems["links"].startswith("links.parquet is damaged")


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        ("ratings_2018_w26.csv", "; there is ratings_2018_w26.csv: name it ratings.csv, .csv.gz or .parquet"),
        ("RATINGS.CSV", "; there is RATINGS.CSV: name it ratings.csv, .csv.gz or .parquet"),
        ("ml-latest-small.zip", "; there is ml-latest-small.zip: unpack it"),
        ("ml-latest-small/ratings.csv", "; there is ml-latest-small/ with it: give that folder"),
        ("ratings.csv.part", ""),  # an upload under way: another name would make a whole file of it
        ("ratingsystem.csv", ""),
    ],
)
def test_what_may_be_the_missing_file_is_named(tmp_path: Path, there: str, hint: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_bytes(HEADER)
    with load(tmp_path) as warehouse:
        assert warehouse.sources["ratings"].problem == f"ratings.csv is not in {tmp_path}{hint}"


def test_a_folder_is_listed_once_for_what_may_be_any_of_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Path] = []
    entries = [tmp_path / name for name in ("Ratings.csv", "movies-old.csv")]

    def once(folder: Path) -> Iterator[Path]:
        listed.append(folder)
        return iter(entries)

    monkeypatch.setattr(Path, "iterdir", once)
    found = mistaken(tmp_path, ["ratings", "movies", "links"])
    assert {table: hint.partition(":")[0] for table, hint in found.items()} == {
        "ratings": "Ratings.csv",
        "movies": "movies-old.csv",
    }
    assert listed == [tmp_path]


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        (
            b"PK\x03\x04\x14\x00",
            "ratings.csv is a zip archive or a workbook: unpack it, or save it as CSV",
        ),
        (b"PAR1\x15\x04", "ratings.csv is in Parquet: it must be named ratings.parquet"),
    ],
)
def test_another_format_under_the_name_of_a_csv_is_called_by_its_name(
    tmp_path: Path, start: bytes, problem: str
) -> None:
    (tmp_path / "ratings.csv").write_bytes(start + HEADER)
    with load(tmp_path) as warehouse:
        assert warehouse.sources["ratings"].problem == problem


def test_two_files_for_one_table_are_not_guessed_between(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_bytes(HEADER)
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(HEADER))
    with pytest.raises(DeliveryError, match=r"holds both ratings\.csv and ratings\.csv\.gz"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["ratings-2.csv", "ratings (1).csv", "Ratings.csv.gz", "ratings_old.parquet"])
def test_more_of_a_table_beside_its_file_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "ratings.csv").write_bytes(HEADER + b"1,1,4.0,5\n")
    more = pd.DataFrame({"userId": [2], "movieId": [1], "timestamp": [5], "rating": [4.0]})
    if name.endswith(".parquet"):
        more.to_parquet(tmp_path / name)
    else:
        more.to_csv(tmp_path / name, index=False)
    (tmp_path / "ratings-0.csv").symlink_to("nowhere")
    with pytest.raises(DeliveryError, match=rf"holds both ratings\.csv and {re.escape(name)}; keep the one"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["ratings-summary.csv", "ratings.csv.bak", "ratings-2.parquet", "ratings-2.csv.gz"])
def test_what_is_no_more_of_a_table_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"year,ratings\n1996,5\n" if "summary" in name else HEADER)
    (tmp_path / "ratings_latest.csv").symlink_to("ratings.csv")
    assert loaded(tmp_path, HEADER + b"1,1,4.0,5\n") == ([(2, 1, 1, 4.0, 5)], [])


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "a'b*[c]?; drop table ratings; --ü %41"
    folder.mkdir()
    (folder / "tags.csv").write_bytes(b'userId,movieId,tag,"timestamp""; drop table tags; --"\n1,2,a,3\n')
    assert loaded(folder, HEADER + b"1,1,4.0,5\n") == ([(2, 1, 1, 4.0, 5)], [])


digits = st.sampled_from(["7", "007", "", "862.0", "1.5", "9" * 19, "9" * 400])
points = st.sampled_from(["4.0", "4", ".5", "5.", ".", "1.2.3", "", "9" * 400, "0" * 400 + "3.5"])
plain_rows = st.tuples(st.just("1"), digits, points, digits).map(",".join)


@given(
    rows=st.lists(plain_rows, max_size=4),
    row=st.sampled_from(["", "1,2,3", "1,2,3,4,5"]),
    last=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=40)
def test_plain_numbers_are_read_as_if_they_were_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], row: str, last: bool, end: str
) -> None:
    lines = ["userId,movieId,rating,timestamp", "1,2,3.5,4", *rows, *([row] if last else [])]
    body = end.join(lines).encode() + (end.encode() if not last else b"")
    trusted = loaded(tmp_path_factory.mktemp("trusted"), body)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_Loader, "_pointed", lambda *_: ())
        assert trusted == loaded(tmp_path_factory.mktemp("as_text"), body)


def test_a_file_of_plain_numbers_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_again(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(_Loader, "_read_fast", read_again)
    body = HEADER + b"1,10,4.0,964982703\n" + b"20,111,3,964982704\n" * 100_000
    assert len(loaded(tmp_path, body)[0]) == 100_001


cells = st.sampled_from([b"1", b"2.5", b"", b"x", b"1.0", b"-3", b'"4"', b'"a', b'a"b', b"\xff", b"1e3", b"\x00"])
lines = st.lists(st.lists(cells, min_size=1, max_size=6).map(b",".join), max_size=12)


@given(lines=lines, end=st.sampled_from([b"\n", b"\r\n"]))
def test_rows_loaded_and_rejected_are_the_records_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes
) -> None:
    body = HEADER + b"".join(line + end for line in lines)
    rows, rejected = loaded(tmp_path_factory.mktemp("fuzz"), body)
    places = [row[0] for row in rows] + [row[0] for row in rejected]  # type: ignore[index]
    assert len(set(places)) == len(places)
    nonblank = {number for number, line in enumerate(lines, start=2) if line.strip(b"\r\n")}
    # A quoted line break makes one record of several lines; every other line is a record.
    assert set(places) <= nonblank
    if not any(b'"' in line for line in lines):
        assert set(places) == nonblank


def test_a_pushed_table_is_replaced_and_no_other_connection_sees_it(tmp_path: Path) -> None:
    deliveries.write(tmp_path, deliveries.clean())
    with load(tmp_path) as warehouse, warehouse.beside() as other:
        for level in (1.5, None):
            warehouse.push("levels", pd.DataFrame({"id": [3], "level": pd.array([level], "Float64")}))
            assert warehouse.row("select * from levels") == (3, level)
        assert not other.connection.execute("from information_schema.tables where table_name = 'levels'").fetchall()
