"""A second run over unchanged files takes over the first one's tables, judges them anew, and never takes stale ones."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

import anomaly.findings
import drift.trends
from checks import loader
from checks.results import receipt
from checks.warehouse import SourceFile
from scripts import run_checkpoint
from scripts.job import reuse
from scripts.job.settings import of_tables, recorded
from tests import deliveries

MADE_OF_ANALYSES = ("user_statistics_with_anomalies.csv", "anomalous_users.csv", "drift_analysis.csv")
WRITTEN = (*MADE_OF_ANALYSES, "summary_statistics.csv")


class Judged(NamedTuple):
    """A delivery and the results of a run over it."""

    folder: Path
    output: Path

    def run(self, *options: str) -> int:
        return run_checkpoint.main(["--data", str(self.folder), "--output", str(self.output), *options])

    def taken(self, *options: str) -> reuse.Tables | None:
        """What the next run with these options would take over."""
        arguments = run_checkpoint.parser().parse_args(list(options))
        made_by = reuse.maker(of_tables(recorded(arguments), arguments))
        return reuse.take(self.output, self.folder, made_by, self.database)

    @property
    def database(self) -> Path:
        return self.output.with_name("taken.duckdb")

    def summary(self) -> dict[str, object]:
        return dict(json.loads((self.output / "summary.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    work = tmp_path_factory.mktemp("reuse")
    judged = Judged(deliveries.write(work / "data", deliveries.whole()), work / "out")
    assert judged.run() == 0
    return judged


@pytest.fixture
def judged(original: Judged, tmp_path: Path) -> Judged:
    """The same, for a test to change; a copied delivery is the same delivery."""
    return Judged(
        Path(shutil.copytree(original.folder, tmp_path / "data")),
        Path(shutil.copytree(original.output, tmp_path / "out")),
    )


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be loaded or analysed."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this was to be taken over")

    monkeypatch.setattr(loader, "load", refuse)
    monkeypatch.setattr(anomaly.findings, "find_anomalies", refuse)


@pytest.mark.slow
@pytest.mark.usefixtures("idle")
def test_a_second_run_takes_over_what_the_first_one_made(
    original: Judged, judged: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged.run() == 0
    assert "judged anew; --fresh makes them anew." in capsys.readouterr().out
    for name in WRITTEN:
        assert (judged.output / name).read_bytes() == (original.output / name).read_bytes()
    first, second = original.summary(), judged.summary()
    assert second["data"]["tables_of"] == first["started"] != second["started"]
    for key in ("verdict", "suites", "expectations"):
        assert second[key] == first[key]
    assert second["data"]["files"] == first["data"]["files"]
    assert judged.run() == 0  # and a third takes them over from the second
    assert judged.summary()["data"]["tables_of"] == first["started"]


@pytest.mark.usefixtures("idle")
def test_what_was_taken_over_is_judged_by_the_rules_of_now(judged: Judged) -> None:
    assert judged.run("--fail-on", "info", "--max-age", "1") == 1
    failed = [one["sentence"] for one in judged.summary()["expectations"] if one["status"] == "failed"]
    assert any("newest rating" in sentence for sentence in failed), failed


@pytest.mark.slow
def test_fresh_makes_all_anew(judged: Judged) -> None:
    assert judged.run("--fresh") == 0
    assert judged.summary()["data"]["tables_of"] is None


def test_who_takes_over_is_told_of_the_files_where_they_are_now(judged: Judged) -> None:
    taken = judged.taken()
    assert taken is not None
    assert {name: source.path for name, source in taken.sources.items()} == {
        name: judged.folder / f"{name}.csv" for name in ("ratings", "movies", "tags", "links")
    }
    with loader.load(judged.folder) as fresh:
        assert taken.sources == fresh.sources
    assert receipt.sha256(judged.database) == receipt.sha256(judged.output / reuse.DATABASE)


def rewrite(path: Path, old: str, new: str) -> None:
    """Change text of the same length without leaving a trace in the file's size and times."""
    text, times = path.read_text(encoding="utf-8"), path.stat()
    assert text.count(old) >= 1
    assert len(new) == len(old)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def pack(path: Path) -> None:
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def add_a_table(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table another as select 1 as one")


CHANGES: dict[str, Callable[[Judged], object]] = {
    "a rating": lambda one: rewrite(one.folder / "ratings.csv", ",4.0,", ",4.5,"),
    "a tag": lambda one: rewrite(one.folder / "tags.csv", "userId,", "UserId,"),
    "a longer file": lambda one: (one.folder / "links.csv").open("a").write("1,0000001,1\n"),
    "a packed file": lambda one: pack(one.folder / "movies.csv"),
    "a missing file": lambda one: (one.folder / "tags.csv").unlink(),
    "an empty folder": lambda one: shutil.rmtree(one.folder),
    "a bit of the database": lambda one: flip_a_byte(one.output / reuse.DATABASE),
    "a table of the database": lambda one: add_a_table(one.output / reuse.DATABASE),
    "no database": lambda one: (one.output / reuse.DATABASE).unlink(),
    "no record": lambda one: (one.output / reuse.RECORD).unlink(),
    "a record of another time": lambda one: rewrite(one.output / reuse.RECORD, '"made": "2', '"made": "3'),
    "a record that is none": lambda one: (one.output / reuse.RECORD).write_text("[1]"),
    "a record that no text holds": lambda one: (one.output / reuse.RECORD).write_text(
        '{"a": "\\ud800", "digest": "x"}'
    ),
    "half a record": lambda one: os.truncate(one.output / reuse.RECORD, 500),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_taken_over_where_something_changed(judged: Judged, change: Callable[[Judged], object]) -> None:
    assert judged.taken() is not None
    judged.database.unlink()
    change(judged)
    assert judged.taken() is None
    assert not judged.database.exists()  # nothing that what is loaded now could mix with


def test_a_stale_table_is_never_judged(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(judged.folder / "ratings.csv", ",4.0,", ",9.0,")
    assert judged.run() == 1
    assert "rating 9.0" in capsys.readouterr().out


OTHER_SETTINGS = (
    ("--split", "0.7"),
    ("--since", "2015-01-01"),
    ("--detector", "isolation-forest"),
    ("--false-discovery-rate", "0.2"),
    ("--trends", "year"),
)


@pytest.mark.parametrize("options", OTHER_SETTINGS, ids=" ".join)
def test_other_settings_of_the_analyses_make_other_tables(judged: Judged, options: tuple[str, str]) -> None:
    assert judged.taken(*options) is None


@pytest.mark.parametrize(
    "options", [("--max-age", "9"), ("--fail-on", "info"), ("--memory-limit", "2GB")], ids=" ".join
)
def test_settings_of_judging_do_not(judged: Judged, options: tuple[str, str]) -> None:
    assert judged.taken(*options) is not None


@pytest.mark.slow
def test_what_was_compared_with_is_compared_by_content(judged: Judged, tmp_path: Path) -> None:
    trusted, reference = tmp_path / "trusted.txt", shutil.copytree(judged.folder, tmp_path / "reference")
    trusted.write_text("1\n2\n")
    options = ("--trusted-users", str(trusted), "--reference", str(reference))
    assert judged.taken(*options) is None
    judged.run(*options)
    assert judged.taken(*options) is not None
    rewrite(reference / "ratings.csv", ",4.0,", ",4.5,")
    assert judged.taken(*options) is None
    shutil.copyfile(judged.folder / "ratings.csv", reference / "ratings.csv")
    assert judged.taken(*options) is not None
    trusted.write_text("1\n3\n")
    assert judged.taken(*options) is None


def test_the_program_is_all_of_its_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = tmp_path / "drift" / "sql"
    sources.mkdir(parents=True)
    monkeypatch.setattr(reuse, "ROOT", tmp_path / "gx")
    (sources / "sizes.sql").write_text("select 1")
    before = reuse._sources()
    (sources / ".#sizes.sql").symlink_to("an editor's lock")
    assert reuse._sources() == before
    (sources / "sizes.sql").write_text("select 2")
    assert reuse._sources() != before


@pytest.mark.parametrize("other", [{"program": "00"}, {"versions": {"duckdb": "0.1"}}], ids=["sources", "versions"])
def test_another_program_makes_other_tables(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, other: dict[str, object]
) -> None:
    mine = reuse.program("duckdb")
    monkeypatch.setattr(reuse, "program", lambda _engine: mine | other)
    assert judged.taken() is None


@pytest.mark.slow
def test_where_a_key_signs_receipts_the_record_must_be_signed_by_it(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(receipt.KEY_VARIABLE, "a key")
    assert judged.taken() is None
    assert judged.run() == 0
    assert judged.summary()["data"]["tables_of"] is None
    assert judged.taken() is not None
    assert "a key" not in (judged.output / reuse.RECORD).read_text()
    monkeypatch.setenv(receipt.KEY_VARIABLE, "another key")
    assert judged.taken() is None
    monkeypatch.delenv(receipt.KEY_VARIABLE)
    assert judged.taken() is not None


@pytest.mark.slow
def test_an_analysis_that_failed_is_made_again(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(anomaly.findings, "find_anomalies", fail)
        assert judged.run("--fresh") == 2
    assert not (judged.output / reuse.RECORD).exists()
    assert judged.run() == 0
    assert (judged.output / reuse.RECORD).exists()


@pytest.mark.slow
def test_a_program_that_was_installed_meanwhile_is_not_written_down(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a monitor waits: what it has imported does the work."""
    mine = reuse.program("duckdb")
    monkeypatch.setattr(reuse, "_installed", lambda _engine: mine | {"program": "00"})
    assert judged.run("--fresh") == 0
    assert not (judged.output / reuse.RECORD).exists()


@pytest.mark.slow
def test_trends_that_could_not_be_made_are_tried_again(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(drift.trends, "find_trends", fail)
        assert judged.run("--trends", "year") == 0
    assert not (judged.output / reuse.RECORD).exists()
    assert judged.run("--trends", "year") == 0
    assert (judged.output / "drift_trends.csv").exists()


@pytest.mark.parametrize("options", [(), ("--fresh",)], ids=str)
def test_a_reference_that_changed_while_it_was_read_is_refused(
    options: tuple[str, ...],
    judged: Judged,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference = shutil.copytree(judged.folder, tmp_path / "reference")
    original = anomaly.findings.find_anomalies

    def meanwhile(*given: object, **named: object) -> object:
        rewrite(reference / "ratings.csv", ",4.0,", ",4.5,")
        return original(*given, **named)

    monkeypatch.setattr(anomaly.findings, "find_anomalies", meanwhile)
    assert judged.run("--reference", str(reference), *options) == 2
    assert f"--reference {reference}: changed while it was read" in capsys.readouterr().err


def test_a_source_reads_as_it_was_written(tmp_path: Path) -> None:
    entry = {
        "table": "tags", "path": "tags.csv", "sha256": "00", "size": 3, "columns": ["userId", "tag"], "loaded_rows": 1,
        "rejected_rows": 2, "problem": None, "parts": [[0, "a"]], "hashes": [["a", "00", 3]], "unended_line": 4,
    }  # fmt: skip
    assert reuse._source(entry, tmp_path) == SourceFile(
        "tags", tmp_path / "tags.csv", "00", 3, ("userId", "tag"), 1, 2, None, ((0, "a"),), (("a", "00", 3),), 4
    )
