"""A receipt holds for the data it was given for and for nothing else; every changed byte is refused."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.loader import load
from checks.reports import markdown, summary
from checks.results import outputs, receipt
from checks.run import Run
from checks.waivers import Waiver
from scripts import run_checkpoint, train, verify_receipt
from tests import deliveries, verdicts
from tests.conftest import ROOT

FILES = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,3.5,1064982703\n",
    "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Comedy\n2,Heat (1995),Crime\n",
    "tags.csv": "userId,movieId,tag,timestamp\n1,1,fun,964982703\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113277,949\n",
}
PARQUET = b"PAR1 stands in for a table: only its bytes matter here PAR1"
KEY = b"correct horse battery staple"
PASSED = Outcome("ratings", "id", "a_type", None, {}, "critical", "It holds.", "", "", Status.PASSED)


def outcome(status: Status, severity: str = "critical") -> Outcome:
    return replace(PASSED, status=status, severity=severity)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv(receipt.KEY_VARIABLE, raising=False)


def deliver(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def rules(root: Path) -> Path:
    for name in ("checkpoints/movielens.json", "expectations/ratings.json", "validation_definitions/ratings.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / "waivers.yml").write_text("[]")
    return root


def issue(base: Path, verdict: Verdict | None = None, **changes: object) -> Path:
    """The receipt of a run over the tiny delivery in `base`, with one validated table beside it."""
    out = base / "out"
    (out / receipt.VALIDATED).mkdir(parents=True, exist_ok=True)
    (out / receipt.VALIDATED / "ratings.parquet").write_bytes(PARQUET)
    with load(deliver(base / "data")) as warehouse:
        run = Run(
            folder=warehouse.folder,
            sources=warehouse.sources,
            row_counts={},
            suites={},
            output=out,
            warehouse=out / "warehouse.duckdb",
            started=datetime(2026, 1, 2, tzinfo=UTC),
            root=rules(base / "gx"),
        )
    receipt.write(replace(run, **changes), verdict or Verdict((PASSED,)))
    return out / receipt.FILE_NAME


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """One receipt for the tests that only read; (base folder, receipt path)."""
    base = tmp_path_factory.mktemp("issued")
    return base, issue(base)


def verify(path: Path, data: Path, *more: str) -> int:
    return verify_receipt.main([str(path), "--data", str(data), *more])


def test_a_receipt_is_not_refused_as_nobody_reads_that_it_holds(issued):
    base, path = issued
    command = [sys.executable, "-m", "scripts.verify_receipt", str(path), "--data", str(base / "data")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert done.stderr.startswith("The report could not be printed (No space left on device)")


def test_the_receipt_names_the_data_the_rules_and_the_counts(tmp_path):
    path = issue(tmp_path, Verdict((PASSED, outcome(Status.WAIVED), outcome(Status.FAILED, "warning"))))
    content = json.loads(path.read_text())
    assert sorted(content["data"]) == sorted(FILES)
    assert content["data"]["ratings.csv"]["rows"] == 2
    # sha256sum of the file's text, computed apart from the code under test
    expected = subprocess.run(["sha256sum", tmp_path / "data" / "ratings.csv"], capture_output=True, text=True)
    assert content["data"]["ratings.csv"]["sha256"] == expected.stdout.split()[0]
    assert sorted(content["rules"]) == [
        "checkpoints/movielens.json",
        "expectations/ratings.json",
        "validation_definitions/ratings.json",
        "waivers.yml",
    ]
    assert list(content["validated"]) == ["ratings.parquet"]
    assert content["expectations"] == {"passed": 1, "failed": 1, "undetermined": 0, "waived": 1, "unasked": 0}
    assert content["verdict"] == "pass"
    assert content["started"] == "2026-01-02T00:00:00+00:00"
    assert content["versions"]["great_expectations"] == "1.24.1"


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNDETERMINED])
def test_a_run_that_did_not_pass_gets_no_receipt(tmp_path, status):
    assert not issue(tmp_path, Verdict((PASSED, outcome(status)))).exists()


def test_verify_accepts_the_data_it_was_given_for(issued, capsys):
    base, path = issued
    assert verify(path, base / "data", "--rules", str(base / "gx")) == 0
    assert "passed on" in capsys.readouterr().out


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0), change=st.integers(1, 255), signed=st.booleans())
def test_any_changed_byte_of_a_receipt_is_refused(issued, tmp_path, position, change, signed):
    content = {k: v for k, v in json.loads(issued[1].read_text()).items() if k != "digest"}
    raw = bytearray(receipt.rendered(receipt.sealed(content, KEY if signed else None)).encode())
    raw[position % len(raw)] ^= change
    changed = tmp_path / "changed.json"
    changed.write_bytes(raw)
    with pytest.raises(receipt.ReceiptError):
        receipt.read(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", " ", 1),
        lambda text: text + " ",
        lambda text: text.replace('"fail_on": "critical",\n  ', "").replace("{", '{\n  "fail_on": "critical",', 1),
        lambda text: text.replace('"fail_on": "critical"', '"fail_on": "info",\n  "fail_on": "critical"'),
        lambda text: text.replace("critical", "\\u0063ritical"),
    ],
)
def test_a_receipt_that_says_the_same_in_other_bytes_is_refused(issued, tmp_path, change):
    """JSON reads blanks, order, doubled names and escapes as the same; the digest alone would too."""
    path = tmp_path / "receipt.json"
    path.write_text(change(issued[1].read_text()))
    with pytest.raises(receipt.ReceiptError, match="has been changed"):
        receipt.read(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), position=st.integers(min_value=0), change=st.integers(1, 255))
def test_any_changed_byte_of_the_data_is_refused(issued, tmp_path, name, position, change):
    content, folder = receipt.read(issued[1]), deliver(tmp_path / "copy")
    receipt.check_data(content, folder)
    raw = bytearray(FILES[name].encode())
    raw[position % len(raw)] ^= change
    (folder / name).write_bytes(raw)
    with pytest.raises(receipt.ReceiptError, match=name):
        receipt.check_data(content, folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", "[" * 100_000, '{"digest": 1}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_what_is_no_receipt_is_refused_in_one_line(tmp_path, capsys, text):
    path = tmp_path / "receipt.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert verify(path, deliver(tmp_path / "data")) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: (data / "tags.csv").unlink(), "tags.csv: is not there"),
        (lambda data: (data / "ratings.csv").rename(data / "ratings.csv.gz"), "ratings.csv: is not there"),
        (lambda data: (data / "ratings.parquet").touch(), "holds both ratings.csv and ratings.parquet"),
        (lambda data: (data / "links.csv").write_text(FILES["links.csv"] + "\n"), "links.csv: is not the file"),
    ],
)
def test_other_files_than_those_judged_are_refused(issued, tmp_path, capsys, change, says):
    data = deliver(tmp_path / "data")
    change(data)
    assert verify(issued[1], data) == 1
    assert says in capsys.readouterr().err


def test_a_receipt_of_very_many_files_is_read_back(tmp_path, issued):
    """Spark's name every file: of 7,000 it is larger than a megabyte."""
    content = {name: value for name, value in json.loads(issued[1].read_text()).items() if name != "digest"}
    many = {f"ratings/part-{n:05d}.parquet": {"sha256": "ab" * 32, "bytes": n, "table": "ratings"} for n in range(9000)}
    path = tmp_path / "receipt.json"
    path.write_text(receipt.rendered(receipt.sealed(content | {"data": many}, KEY)))
    assert path.stat().st_size > 1 << 20
    assert receipt.read(path, KEY)["data"] == many


def test_a_receipt_that_is_too_large_to_read_is_called_so(tmp_path, capsys):
    path = tmp_path / "receipt.json"
    with path.open("wb") as file:
        file.truncate(receipt.LARGEST_RECEIPT_BYTES)
    assert verify(path, deliver(tmp_path / "data")) == 1
    assert "is no receipt" in capsys.readouterr().err
    with path.open("ab") as file:
        file.write(b" ")
    assert verify(path, tmp_path / "data") == 1
    assert capsys.readouterr().err.startswith(f"{path}: is larger than 64 MiB, ")


def test_a_table_that_was_not_judged_is_refused(tmp_path, capsys):
    base = tmp_path / "base"
    path = issue(base)
    content = json.loads(path.read_text())
    del content["data"]["tags.csv"], content["digest"]
    path.write_text(receipt.rendered(receipt.sealed(content, None)))
    assert verify(path, base / "data") == 1
    assert "tags.csv: is there, but the receipt was not given for it" in capsys.readouterr().err


def test_no_folder_and_no_receipt_are_refused(issued, tmp_path, capsys):
    assert verify(issued[1], tmp_path / "nowhere") == 1
    assert "is no folder" in capsys.readouterr().err
    assert verify(tmp_path / "nothing.json", issued[0] / "data") == 1
    assert "nothing.json" in capsys.readouterr().err


def test_a_verdict_other_than_a_pass_is_refused(issued, tmp_path):
    content = {k: v for k, v in json.loads(issued[1].read_text()).items() if k != "digest"} | {"verdict": "fail"}
    path = tmp_path / "receipt.json"
    path.write_text(receipt.rendered(receipt.sealed(content, None)))
    with pytest.raises(receipt.ReceiptError, match="not given for a pass"):
        receipt.read(path)


def test_changed_rules_are_refused_where_they_are_asked_for(tmp_path, capsys):
    path = issue(tmp_path)
    (tmp_path / "gx" / "waivers.yml").write_text("[everything]")
    assert verify(path, tmp_path / "data") == 0
    assert verify(path, tmp_path / "data", "--rules", str(tmp_path / "gx")) == 1
    assert "waivers.yml" in capsys.readouterr().err


def test_validated_tables_are_told_from_others(issued, tmp_path):
    content = receipt.read(issued[1])
    receipt.check_validated(content, issued[1].parent / receipt.VALIDATED)
    (tmp_path / "ratings.parquet").write_bytes(PARQUET + b" ")
    with pytest.raises(receipt.ReceiptError, match="SHA-256 differs"):
        receipt.check_validated(content, tmp_path)


def test_a_signature_is_checked_by_its_key_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(receipt.KEY_VARIABLE, KEY.decode())
    path, data = issue(tmp_path), tmp_path / "data"
    assert KEY.decode() not in path.read_text()
    assert verify(path, data) == 0
    assert "signature valid" in capsys.readouterr().out
    monkeypatch.setenv(receipt.KEY_VARIABLE, "another key")
    assert verify(path, data) == 1
    error = capsys.readouterr().err
    assert "is not signed by the key" in error
    assert "another key" not in error
    monkeypatch.delenv(receipt.KEY_VARIABLE)
    assert verify(path, data) == 0
    assert "signature not checked" in capsys.readouterr().out


def test_an_unsigned_receipt_is_refused_where_a_key_is_set(issued, monkeypatch, capsys):
    monkeypatch.setenv(receipt.KEY_VARIABLE, KEY.decode())
    assert verify(issued[1], issued[0] / "data") == 1
    assert "is not signed, but there is a key" in capsys.readouterr().err


def test_a_recomputed_digest_does_not_pass_for_a_signature(issued, tmp_path):
    """Who changes a signed receipt can compute its digest anew, but not sign it."""
    content = json.loads(issued[1].read_text())
    forged = receipt.sealed({k: v for k, v in content.items() if k != "digest"}, KEY) | {"fail_on": "info"}
    forged["digest"] = receipt.sealed({k: v for k, v in forged.items() if k != "digest"}, None)["digest"]
    path = tmp_path / "receipt.json"
    path.write_text(receipt.rendered(forged))
    receipt.read(path)
    with pytest.raises(receipt.ReceiptError, match="is not signed by the key"):
        receipt.read(path, KEY)


def test_an_older_receipt_does_not_survive_a_later_run_without_one(tmp_path):
    out = tmp_path / "out"
    with outputs.staged(out) as staging:
        (staging / receipt.FILE_NAME).write_text("passed")
    assert (out / receipt.FILE_NAME).read_text() == "passed"
    with outputs.staged(out) as staging:
        (staging / "summary.json").write_text("failed")
    assert not (out / receipt.FILE_NAME).exists()


def interrupted(monkeypatch, out: Path, at: str) -> None:
    """Publish a run that passed into `out`, and die before `at` is called."""

    def killed(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt), outputs.staged(out) as staging:
        (staging / receipt.FILE_NAME).write_text("new")
        (staging / "summary.json").write_text("{}")
        patched.setattr(at, killed)
    assert list(out.glob(f"{outputs.READY}*"))


def test_publishing_that_breaks_off_leaves_no_receipt_until_the_next_run_completes_it(tmp_path, monkeypatch):
    with outputs.staged(tmp_path) as staging:
        (staging / receipt.FILE_NAME).write_text("old")
    interrupted(monkeypatch, tmp_path, "pathlib.Path.replace")
    assert not (tmp_path / receipt.FILE_NAME).exists()
    with pytest.raises(ValueError, match="refused"), outputs.staged(tmp_path):
        raise ValueError("refused")
    assert (tmp_path / receipt.FILE_NAME).read_text() == "new"


def test_a_receipt_that_was_published_survives_a_kill_right_after(tmp_path, monkeypatch):
    interrupted(monkeypatch, tmp_path, "shutil.rmtree")
    with pytest.raises(ValueError, match="refused"), outputs.staged(tmp_path):
        raise ValueError("refused")
    assert (tmp_path / receipt.FILE_NAME).read_text() == "new"


def test_verifying_does_not_import_great_expectations_or_pandas(issued):
    code = (
        "import sys; from scripts.verify_receipt import main\n"
        f"assert main([{str(issued[1])!r}, '--data', {str(issued[0] / 'data')!r}]) == 0\n"
        "assert not {'great_expectations', 'pandas', 'duckdb'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_a_usage_error_is_told_from_a_refusal():
    with pytest.raises(SystemExit) as stop:
        verify_receipt.main(["receipt.json"])
    assert stop.value.code == 2


def test_a_passed_run_can_be_verified_and_trained_on_until_a_later_run_fails(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv(receipt.KEY_VARIABLE, KEY.decode())
    data, out = deliveries.write(tmp_path / "data", deliveries.whole()), tmp_path / "out"
    run, training = ["--data", str(data), "--output", str(out), "--quiet"], ["--run", str(out), "--rank", "1"]
    assert run_checkpoint.main(run) == 0
    assert verify(out / receipt.FILE_NAME, data, "--rules", str(ROOT / "gx")) == 0
    assert sorted(receipt.read(out / receipt.FILE_NAME)["validated"]) == [
        "links.parquet",
        "movies.parquet",
        "ratings.parquet",
        "tags.parquet",
    ]
    assert train.main(training) == 0
    broken = deliveries.whole()
    broken["ratings"][1] = "1,1,7.5,1100000000"
    deliveries.write(data, broken)
    assert verify(out / receipt.FILE_NAME, data) == 1
    assert run_checkpoint.main(run) == 1
    assert not (out / receipt.FILE_NAME).exists()
    assert train.main(training) == 1
    captured = capfd.readouterr()
    assert KEY.decode() not in captured.out + captured.err
    assert not any(KEY in path.read_bytes() for path in out.rglob("*") if path.is_file())


def waived(expires: date) -> Verdict:
    given = Waiver("ratings", "id", "jane@example.org", "Known.", expires)
    later = replace(given, expires=expires + timedelta(days=30))
    unused = replace(PASSED, waiver=replace(given, expires=expires - timedelta(days=30)))
    return Verdict((unused, *(replace(outcome(Status.WAIVED), waiver=one) for one in (later, given))))


def test_a_receipt_holds_as_long_as_the_first_waiver_that_it_needs(tmp_path, monkeypatch, capsys):
    last_day = datetime.now(UTC).date() + timedelta(days=3)
    path = issue(tmp_path, waived(last_day))
    until = f"{last_day}T23:59:59+00:00"
    assert receipt.read(path)["valid_until"] == until
    monkeypatch.setattr(receipt, "_now", lambda: until)
    assert verify(path, tmp_path / "data") == 0
    monkeypatch.setattr(receipt, "_now", lambda: f"{last_day + timedelta(days=1)}T00:00:00+00:00")
    assert verify(path, tmp_path / "data") == 1
    assert f"held until {until}, the end of a waiver that it needs; judge the data again." in capsys.readouterr().err


def test_a_receipt_that_nothing_limits_has_no_last_day(issued):
    found = receipt.read(issued[1])
    assert (found["valid_until"], found["limited_by"]) == (None, None)


def test_a_receipt_holds_no_longer_than_the_newest_rating_is_young_enough(tmp_path, monkeypatch, capsys):
    aging = {"last_rating": datetime(2099, 1, 1, 12, tzinfo=UTC), "max_age": 2}
    path = issue(tmp_path, **aging)
    assert receipt.read(path)["valid_until"] == "2099-01-03T12:00:00+00:00"
    monkeypatch.setattr(receipt, "_now", lambda: "2099-01-03T12:00:00+00:00")
    assert verify(path, tmp_path / "data") == 0
    monkeypatch.setattr(receipt, "_now", lambda: "2099-01-03T12:00:01+00:00")
    assert verify(path, tmp_path / "data") == 1
    assert "held until 2099-01-03T12:00:00+00:00, the end of the age that --max-age" in capsys.readouterr().err


def test_what_ends_first_ends_a_receipt(tmp_path):
    aging = {"last_rating": datetime(2099, 1, 1, 12, tzinfo=UTC), "max_age": 2}
    earlier = receipt.content(verdicts.run(tmp_path, **aging), waived(date(2099, 1, 2)))
    assert earlier["valid_until"] == "2099-01-02T23:59:59+00:00"
    later = receipt.content(verdicts.run(tmp_path, **aging), waived(date(2099, 1, 4)))
    assert later["valid_until"] == "2099-01-03T12:00:00+00:00"


@pytest.mark.parametrize(("max_age", "until"), [(59, None), (60, datetime(2026, 3, 2, tzinfo=UTC)), (10**12, None)])
def test_an_age_that_is_past_already_or_never_comes_ends_nothing(tmp_path, max_age, until):
    """Past: it was waived, or is a mere warning, and the receipt would be void from its first second."""
    run = verdicts.run(tmp_path, last_rating=datetime(2026, 1, 1, tzinfo=UTC), max_age=max_age)
    assert run.started == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert run.fresh_until == until


def test_the_configuration_of_the_project_is_one_of_the_rules(tmp_path):
    path = issue(tmp_path)
    found = receipt.read(path)
    receipt.check_rules(found, tmp_path / "gx")
    (tmp_path / "gx" / "great_expectations.yml").write_text("stores: {}")
    with pytest.raises(receipt.ReceiptError, match=r"great_expectations\.yml"):
        receipt.check_rules(found, tmp_path / "gx")


def test_the_settings_that_decide_are_in_receipt_summary_and_report(tmp_path):
    run = verdicts.run(tmp_path, suites={}, root=rules(tmp_path / "gx"))
    run = replace(run, settings={"split": 0.7, "since": None, "reference": {"ratings.csv": "ab" * 32}})
    verdict = Verdict((PASSED,))
    assert receipt.content(run, verdict)["settings"] == run.settings
    assert summary.summary(verdict, run)["settings"] == run.settings
    text = markdown.report(verdict, run)
    assert "| split | `0.7` |" in text
    assert f"| reference | `ratings.csv {'ab' * 32}` |" in text
