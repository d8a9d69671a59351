"""The Spark engine: every suite's verdicts and counts are those of DuckDB, and of GX's pandas engine where it can."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from checks.editions import Since
from checks.engine import suites
from checks.files import place
from checks.loader import load
from scripts import verify_receipt
from scripts.job import since
from scripts.run_checkpoint import main
from tests import deliveries
from tests.conftest import ROOT

REASON = "Spark is not installed (pip install -r requirements-spark.txt)"
SETTINGS = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.files.maxPartitionBytes": "16384",  # so that small files are read in several stretches, too
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.memory": "1g",
}
spark_only = pytest.mark.spark


@pytest.fixture(scope="module")
def session() -> Any:
    pytest.importorskip("pyspark", reason=REASON)
    pytest.importorskip("sqlglot", reason=REASON)
    from checks.spark import session as spark_session

    return spark_session.start("local[2]", SETTINGS)


@spark_only
def test_a_program_without_a_file_is_not_ended_by_sparks_library() -> None:
    """pyspark takes `python -c` and notebooks for doctests of its own, and ends them with exit code 0."""
    pytest.importorskip("pyspark", reason=REASON)
    code = "import checks.engine.context; print('reached')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "reached\n"), done.stderr


def broken() -> dict[str, list[str]]:
    """The clean delivery with a fault of nearly every kind."""
    files = deliveries.clean()
    ratings, movies, tags, links = (files[name] for name in ("ratings", "movies", "tags", "links"))
    ratings[3] = "1,3,bad,5"  # no number
    ratings[5] = "1,2"  # two cells too few
    ratings[9] = "1_0,4,3.0,1100000000"  # no whole number
    ratings[11] = "1,12.0,3.0,1100000000"  # a whole number as pandas writes it
    ratings[12] = "1,862.0,9.5,4"  # an unknown film, off the scale, of 1970
    ratings[14] = ratings[13]
    ratings[16] = '1,"17,3.0,1100000000'  # a quote that is not closed
    ratings[18] = "1,,3.0,9223372036854775808"  # one more than 64 bits hold
    ratings += ["5,1,1e400,1100000000", "5,2,nan,1100000000", " 5,3,3.0,1100000000"]
    movies[2] = '2,"Film, ""two"" (1972)",Drama'
    movies[4] = '4,"Film\nfour &amp; five (1974)",Drama|Foo'  # a line break, a reference, an unknown genre
    movies[9] = "9,Am?lie,"
    movies[12] = " 12,Film 12 (1982),Drama"
    movies.insert(6, "")
    tags[2] = "2,900, ,7"
    tags[3] = "3,3,caf\udcff,1100000003"  # a byte that is not UTF-8
    links[3] = "3,12,0"
    links[5] = "5,0000004,105\r"
    return files


def far_apart() -> dict[str, list[str]]:
    """The clean delivery with the ratings of two users alone, whose ids lie further apart than 64 bits count."""
    files = deliveries.clean()
    files["ratings"][1:] = [f"{sign}9000000000000000000,{i},3.0,1100000000" for i, sign in enumerate(("", "-"))]
    return files


def both() -> list[tuple[str, Callable[[], dict[str, list[str]]]]]:
    return [("clean", deliveries.clean), ("broken", broken)]


# --- rows --------------------------------------------------------------------------------------------------------


@spark_only
def test_rows_lines_and_rejects_are_those_of_duckdb(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse

    folder = deliveries.write(tmp_path / "data", broken())
    with load(folder) as duck, spark_warehouse.load(session, folder) as spark:
        for table in deliveries.DELIVERED_SUITES:
            expected, found = (_sorted(warehouse.sql(f'select * from "{table}"')) for warehouse in (duck, spark))
            pd.testing.assert_frame_equal(expected, found, check_dtype=False, obj=table)
        assert spark.sources == duck.sources
        assert len(found) == 10


@spark_only
@pytest.mark.parametrize(("name", "files"), [*both(), ("far apart", far_apart)])
def test_columns_are_described_as_by_duckdb(session: Any, tmp_path: Path, name: str, files: Any) -> None:
    from checks.reports import columns
    from checks.spark import warehouse as spark_warehouse

    folder = deliveries.write(tmp_path / "data", files())
    with load(folder) as duck, spark_warehouse.load(session, folder) as spark:
        expected, found = (columns.statistics(warehouse) for warehouse in (duck, spark))
    pd.testing.assert_frame_equal(expected, found, check_dtype=False, obj=name)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


@spark_only
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_named_as_internals_are_any_others(session: Any, tmp_path: Path, form: str) -> None:
    from checks.spark import warehouse as spark_warehouse

    names = ["line", "v0", "c0", "file", "value", "reason", "raw", "header", "block", "place", "row", "_metadata"]
    names += ["bad_cell", "file_of_rejection", "column_of_rejection", "Reason_Of_Rejection", "text_of_rejection"]
    names += ["a.b", "a `name`", 'a "name"', "source_line"]
    rows = pd.DataFrame({"userId": ["1", "1"], "movieId": ["2", "x"], "rating": "3.0", "timestamp": "4"})
    rows = rows.assign(**{name: [f"of {name}", "other"] for name in names})
    path = tmp_path / f"ratings.{form}"
    if form == "parquet":
        rows.to_parquet(path)
    else:
        rows.to_csv(path, index=False)
    with load(tmp_path) as duck, spark_warehouse.load(session, tmp_path) as spark:
        assert spark.sources == duck.sources
        assert spark.sources["ratings"].loaded_rows == 1
        for table in ("ratings", "rejected_rows"):
            expected, found = (warehouse.sql(f"select * from {table}") for warehouse in (duck, spark))
            pd.testing.assert_frame_equal(expected, found, check_dtype=False, obj=table)
        assert spark.sql("select * from ratings").iloc[0, 5:].tolist() == [f"of {name}" for name in names]


@spark_only
def test_a_file_read_in_stretches_keeps_its_lines(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse

    files = deliveries.whole()
    files["ratings"][1700] = "x,1,4.0,1100000000"
    folder = deliveries.write(tmp_path / "data", files)
    with load(folder) as duck, spark_warehouse.load(session, folder) as spark:
        assert spark.frame("select * from ratings_loaded").rdd.getNumPartitions() > 2
        query = "select source_line, userId, movieId from ratings order by source_line"
        pd.testing.assert_frame_equal(duck.sql(query), spark.sql(query), check_dtype=False)
        assert spark.sql("select source_line from rejected_rows")["source_line"].tolist() == [1701]


@spark_only
def test_a_table_of_many_files_is_one_table(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse

    folder = many_files(tmp_path / "data", deliveries.clean())
    with spark_warehouse.load(session, folder) as warehouse:
        rows = warehouse.sql("select * from ratings order by source_line")
        assert rows["userId"].tolist() == [1] * 25 + [2] * 25 + [3] * 25 + [4] * 25
        assert rows["source_line"].tolist() == [*range(2, 52), *range(53, 103)]
        assert warehouse.sources["ratings"].parts == ((0, "ratings-1.csv.gz"), (51, "ratings-2.csv"))
        assert warehouse.sql("select count(*) as n from movies")["n"].tolist() == [25]
        assert warehouse.sources["movies"].parts == ((0, "movies/part-0.parquet"), (10, "movies/part-1.parquet"))


def many_files(folder: Path, files: dict[str, list[str]]) -> Path:
    """Ratings in a gzipped file and a plain one, films in a folder of Parquet files."""
    deliveries.write(folder, {name: files[name] for name in ("tags", "links")})
    header, *lines = files["ratings"]
    half = len(lines) // 2
    text = "".join(f"{line}\n" for line in [header, *lines[:half]])
    (folder / "ratings-1.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "ratings-2.csv").write_text("".join(f"{line}\n" for line in [header, *lines[half:]]))
    (folder / "movies").mkdir()
    films = pd.DataFrame([line.split(",") for line in files["movies"][1:]], columns=["movieId", "title", "genres"])
    films["movieId"] = films["movieId"].astype(int)
    films[:10].to_parquet(folder / "movies" / "part-0.parquet")
    films[10:].astype({"movieId": float}).to_parquet(folder / "movies" / "part-1.parquet")  # as pandas does with gaps
    return folder


@spark_only
def test_a_missing_file_is_told_with_what_may_be_it(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse

    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    (folder / "tags.csv").rename(folder / "Tags.csv")
    with spark_warehouse.load(session, folder) as warehouse:
        problem = warehouse.sources["tags"].problem
    assert problem == f"tags.csv is not in {folder}; there is Tags.csv: name it tags.csv, .csv.gz or .parquet"


@spark_only
def test_files_that_are_no_table_are_told(session: Any, tmp_path: Path) -> None:
    from checks.files import DeliveryError
    from checks.spark import warehouse as spark_warehouse

    folder = many_files(tmp_path / "data", deliveries.clean())
    (folder / "ratings-3.csv").write_text("userId,movieId,stars\n")
    (folder / "links.csv").write_bytes(gzip.compress(b"movieId,imdbId,tmdbId\n"))
    with spark_warehouse.load(session, folder) as warehouse:
        problems = {name: source.problem for name, source in warehouse.sources.items() if source.problem}
        assert not warehouse.has("ratings")
    assert problems == {
        "ratings": "ratings-3.csv has other columns than ratings-1.csv.gz, so they are not one table ratings",
        "links": "links.csv is gzipped: it must be named links.csv.gz",
    }
    (folder / "movies.csv").write_text("movieId,title,genres\n")
    with pytest.raises(DeliveryError, match=r"holds both movies and movies.csv"):
        spark_warehouse.load(session, folder)
    with pytest.raises(DeliveryError, match="is no folder"):
        spark_warehouse.load(session, tmp_path / "nowhere")


# --- SQL ---------------------------------------------------------------------------------------------------------


@spark_only
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 7 // 2 as a, 7 / 2 as b, 1 / 0.25 as c", (3, 3.5, 4.0)),
        ("select sum(x * 0.5) as a, round(1 * 1.0 / 3, 4) as b from (values (1), (2)) as v(x)", (1.5, 0.3333)),
        ("select format('{:.1f}', cast(4.5 as double)) as a", ("4.5",)),
        ("select quantile_cont(x, [0.25, 0.5])[1] as a from (values (1.0), (2.0), (3.0)) as v(x)", (1.5,)),
        ("select quantile_cont(x, 0.25) as a from (values (1.0), (2.0), (3.0)) as v(x)", (1.5,)),
        (r"select regexp_extract('A (1995) ', '[(]([0-9]{4})[)] *$', 1) as a", ("1995",)),
    ],
)
def test_duckdbs_sql_means_the_same_on_spark(session: Any, query: str, expected: tuple[Any, ...]) -> None:
    import duckdb

    from checks.spark.sql import translate

    row = duckdb.sql(query).fetchone()
    assert row is not None
    for found in (tuple(session.sql(translate(query).text).first()), row):
        assert [one if isinstance(one, str) else float(one) for one in found] == pytest.approx(list(expected))


@spark_only
def test_what_has_no_counterpart_is_refused() -> None:
    pytest.importorskip("sqlglot", reason=REASON)
    from checks.spark.sql import translate

    with pytest.raises(ValueError, match="no counterpart"):
        translate("select format('{:>5}', x) from t")
    with pytest.raises(ValueError, match="can't be read"):
        translate("select from where")


# --- verdicts ----------------------------------------------------------------------------------------------------


@spark_only
@pytest.mark.parametrize(("name", "files"), both(), ids=["clean", "broken"])
def test_every_expectation_has_one_verdict_and_count_on_three_engines(
    session: Any, tmp_path: Path, name: str, files: Callable[[], dict[str, list[str]]]
) -> None:
    from tests.spark.judge import judge, outcomes

    folder = deliveries.write(tmp_path / "data", files())
    duck = deliveries.judge(folder, tmp_path / "duck")
    spark = judge(session, folder, tmp_path / "spark")
    assert outcomes(spark) == outcomes(duck)
    assert [o.rows for o in spark.outcomes] == [o.rows for o in duck.outcomes]
    assert [o.observed for o in spark.outcomes] == [o.observed for o in duck.outcomes]
    expected = {o.expectation_id: (str(o.status) == "passed", o.unexpected_count) for o in duck.outcomes}
    on_pandas = pandas_outcomes(folder)
    assert on_pandas == {one: expected[one] for one in on_pandas}
    declared = [one for table in deliveries.DELIVERED_SUITES for one in suites.declared_suites()[table]]
    assert len(expected) == len(declared)
    assert on_pandas.keys() == {one["id"] for one in declared if for_pandas(one)}
    assert len(on_pandas) >= 40
    if name == "broken":
        assert sum(not success for success, _ in on_pandas.values()) >= 6


@cache
def _context() -> Any:
    import great_expectations as gx

    from checks.engine import context  # noqa: F401  registers our expectations

    return gx.get_context(mode="ephemeral")


def pandas_outcomes(folder: Path) -> dict[str, tuple[bool, int | None]]:
    """Success and count of unexpected rows by expectation, of those that GX's pandas engine can judge."""
    import great_expectations as gx

    source = _context().data_sources.add_or_update_pandas("frames")
    found = {}
    with load(folder) as warehouse:
        for table in deliveries.DELIVERED_SUITES:
            declared = [one for one in suites.declared_suites()[table] if for_pandas(one)]
            batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
            frame = warehouse.sql(f'select * from "{table}"')
            suite = gx.ExpectationSuite(name=table, expectations=declared)
            parameters = {"now": 4_102_444_800, "fresh_since": 0}
            result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(
                suite, expectation_parameters=parameters
            )
            by_id = {one["id"]: one for one in declared}
            for one in result.results:
                count = one.result.get("unexpected_count")
                assert one.expectation_config.id in by_id, one
                found[one.expectation_config.id] = (bool(one.success), count)
    return found


def for_pandas(declared: dict[str, Any]) -> bool:
    """Queries are SQL, types are named as in SQL, and some patterns are RE2's and Java's: not for pandas."""
    kwargs = declared["kwargs"]
    patterns = str(kwargs.get("regex", ""))
    return (
        "unexpected_rows_query" not in kwargs
        and "type_" not in kwargs
        and not any(sign in patterns for sign in (r"\p{", r"\x{", "(?i)^"))
    )


@spark_only
def test_a_rule_that_raises_asks_no_other_anew(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import great_expectations as gx

    from checks.engine.duckdb_backend import ExpectQueryToReturnNoRows
    from checks.spark import backend as spark_backend
    from checks.spark import sql as spark_sql

    asked: Counter[str] = Counter()
    translate = spark_sql.translate

    def counted(text: str) -> Any:
        asked[text] += 1
        return translate(text)

    monkeypatch.setattr(spark_sql, "translate", counted)
    session.range(3).createOrReplaceTempView("numbers")
    spark_backend.use(session)
    source = _context().data_sources.add_or_update_spark_tables("tables")
    asset = source._add_asset(spark_backend.SparkTableAsset(name="numbers", table_name="numbers"))
    queries = ["select id from {batch} where id > " + bound for bound in ("0", "1", "2", "nothing", "nobody")]
    rules = [ExpectQueryToReturnNoRows(unexpected_rows_query=query) for query in queries]
    found = asset.add_batch_definition("all").get_batch().validate(gx.ExpectationSuite("some", expectations=rules))
    results = {one.expectation_config.kwargs["unexpected_rows_query"]: one for one in found.results}
    assert [results[query].success for query in queries] == [False, False, True, False, False]
    assert [results[query].result.get("observed_value") for query in queries] == [2, 1, 0, None, None]
    assert "nobody" in str(results[queries[4]].exception_info)
    # Once together with the one that raises, and once alone.
    assert max(asked[query.format(batch="batch_of_rule")] for query in queries[:3]) <= 2


@spark_only
def test_whole_run_over_many_files_says_what_duckdb_says(session: Any, tmp_path: Path) -> None:
    files = deliveries.whole()
    files["movies"] = [line for line in files["movies"] if '"' not in line]  # the Parquet files are made by splitting
    known = {line.split(",")[0] for line in files["movies"]}
    for name in ("ratings", "tags", "links"):
        column = files[name][0].split(",").index("movieId")
        files[name] = [line for line in files[name] if line.split(",")[column] in known]
    half = (len(files["ratings"]) - 1) // 2
    files["ratings"][half + 3] = deliveries.put(files["ratings"][half + 3], 2, "7.5")
    files["ratings"][half + 5] = deliveries.put(files["ratings"][half + 5], 0, "x")
    one = deliveries.write(tmp_path / "one", files)
    many = many_files(tmp_path / "many", files)
    codes, found = [], []
    for folder, more in ((one, []), (many, ["--engine", "spark", "--spark-master", "local[2]"])):
        output = tmp_path / f"{folder.name}-out"
        codes.append(main(["--data", str(folder), "--output", str(output), "--quiet", "--trends", "year", *more]))
        found.append(json.loads((output / "summary.json").read_text()))
        for file in ("junit.xml", "results.sarif", "report.md", "data_docs/index.html", "drift_analysis.csv"):
            assert (output / file).is_file(), file
        assert "chart could not be made" not in (output / "data_docs" / "index.html").read_text()
    assert codes == [1, 1]
    duck, spark = ([[o["id"], o["status"], o["unexpected_count"]] for o in one["expectations"]] for one in found)
    assert spark == duck
    report = (tmp_path / "many-out" / "report.md").read_text()
    assert "ratings-2.csv:4" in report, "the file and its own line"
    assert "ratings-2.csv:6" in report
    quarantined = pd.read_csv(tmp_path / "many-out" / "quarantine" / "ratings.csv")
    assert quarantined[["source_file", "source_line"]].to_numpy().tolist() == [
        ["ratings-2.csv", 4],
        ["ratings-2.csv", 6],
    ]
    rows = [
        len(pd.read_parquet(tmp_path / f"{name}-out" / "validated" / "ratings.parquet")) for name in ("one", "many")
    ]
    assert rows[0] == rows[1]
    tables = [pd.read_csv(tmp_path / f"{name}-out" / "user_statistics_with_anomalies.csv") for name in ("one", "many")]
    pd.testing.assert_series_equal(tables[0]["score"], tables[1]["score"], rtol=1e-6)
    for file in ("drift_analysis.csv", "drift_trends.csv"):
        drift = [pd.read_csv(tmp_path / f"{name}-out" / file) for name in ("one", "many")]
        pd.testing.assert_frame_equal(*drift, rtol=1e-6)


@spark_only
def test_windows_of_many_users_are_compared_by_the_same_sample(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checks.spark import warehouse as spark_warehouse
    from drift import windows
    from drift.findings import find_drift
    from tests.drift.deliveries import movies, ratings

    monkeypatch.setattr(windows, "COMPARED_USERS", 300)
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    ratings(users=2_600, each=5).drop(columns="source_line").to_csv(folder / "ratings.csv", index=False)
    movies().to_csv(folder / "movies.csv", index=False)
    with load(folder) as duck, spark_warehouse.load(session, folder) as spark:
        found = [find_drift(one, split=0.5, relabellings=99) for one in (duck, spark)]
    assert 0.2 < found[0]["compared_share"].iloc[0] < 0.4
    pd.testing.assert_frame_equal(*found, rtol=1e-6)


@spark_only
def test_what_the_reference_holds_too_is_left_out_alike(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse
    from drift.findings import find_drift
    from tests.drift.deliveries import halves, movies

    old, others = (frame.drop(columns="source_line") for frame in halves(seed=4))
    later = others.assign(timestamp=others["timestamp"] + 31_536_000)
    folders = [deliveries.write(tmp_path / name, deliveries.clean()) for name in ("before", "now")]
    kept = old[old["userId"] != old["userId"].max()]
    for folder, frame in zip(folders, (old, pd.concat([later, kept])), strict=True):
        frame.to_csv(folder / "ratings.csv", index=False)
        movies().to_csv(folder / "movies.csv", index=False)
    with load(folders[1]) as duck, load(folders[0]) as before:
        found = [find_drift(duck, reference=before, relabellings=99)]
    with spark_warehouse.load(session, folders[1]) as spark, spark_warehouse.load(session, folders[0]) as before:
        found.append(find_drift(spark, reference=before, relabellings=99))
    assert found[0]["held_rows"].iloc[0] == len(kept)
    assert found[0]["lost_share"].iloc[0] == pytest.approx(1 - len(kept) / len(old))
    assert found[0]["changed_share"].iloc[0] == 0
    pd.testing.assert_frame_equal(*found, rtol=1e-6)


@spark_only
def test_users_are_scored_by_a_model_of_a_sample_in_spark(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anomaly import at_scale
    from anomaly.findings import find_anomalies
    from checks.spark import warehouse as spark_warehouse

    for name, value in (("SAMPLE_USERS", 40), ("SUSPECTS", 5), ("GROUP_RATINGS", 400)):
        monkeypatch.setattr(at_scale, name, value)
    files = deliveries.whole()
    rows = [line.split(",") for line in files["ratings"][1:]]
    busy = Counter(user for user, *_ in rows).most_common(12)[-1][0]
    copies = [(bot, [row for row in rows if row[0] == busy]) for bot in range(9_001, 9_005)]
    files["ratings"] += [
        f"{bot},{film},{level},{int(time) + bot}" for bot, copied in copies for _, film, level, time in copied
    ]
    folder = deliveries.write(tmp_path / "data", files)
    with spark_warehouse.load(session, folder) as warehouse:
        found = find_anomalies(warehouse)
        users = warehouse.sql("select distinct userId from ratings order by userId")["userId"]
    assert found["userId"].tolist() == users.tolist()
    bots = found[found["userId"] > 9_000]
    assert bots["rules_broken"].str.contains("copied_profile").all(), "wherever the one is that was copied"
    assert bots["most_like_user"].isin([int(busy), *bots["userId"]]).all()
    assert found["status"].isin(["ok", "flagged", "review"]).all()
    assert not any(math.isnan(score) for score in found["score"])


def test_without_spark_one_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    assert main(["--data", str(tmp_path), "--output", str(tmp_path / "out"), "--engine", "spark"]) == 2
    said = capsys.readouterr().err
    assert said == "--engine spark needs pyspark, which is not installed: pip install -r requirements-spark.txt\n"
    assert not (tmp_path / "out").exists()


def test_a_master_without_the_engine_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--output", str(tmp_path / "out"), "--spark-master", "local"]) == 2
    assert "--spark-master: is for --engine spark." in capsys.readouterr().err


# --- what a run leaves -------------------------------------------------------------------------------------------


@spark_only
def test_rows_are_parted_as_without_spark(session: Any, tmp_path: Path) -> None:
    files = broken()
    files["movies"].append(files["movies"][1])  # a film twice
    one = deliveries.write(tmp_path / "data", files)
    outputs = [run_whole(one, tmp_path / name, *more) for name, more in (("duck", []), ("spark", ON_SPARK))]
    counts = [json.loads((output / "quarantine" / "counts.json").read_text()) for output in outputs]
    assert counts[0] == counts[1]
    assert all(count["quarantined"] for count in counts[0]), "there is something to part in every table"
    for table in deliveries.DELIVERED_SUITES[:4]:
        duck, spark = ((output / "quarantine" / f"{table}.csv").read_text() for output in outputs)
        assert sorted(duck.splitlines()) == sorted(spark.splitlines())
        kept = [pd.read_parquet(output / "validated" / f"{table}.parquet") for output in outputs]
        pd.testing.assert_frame_equal(*(_sorted(frame) for frame in kept))
    duck, spark = ({path.name for path in output.iterdir()} for output in outputs)
    assert duck - spark == {"warehouse.json"}  # by which a next run takes tables over, which on Spark none does
    assert spark <= duck


ON_SPARK = ["--engine", "spark", "--spark-master", "local[2]"]


def run_whole(folder: Path | str, output: Path, *more: str) -> Path:
    assert main(["--data", str(folder), "--output", str(output), "--quiet", *more]) in (0, 1, 2)
    return output


@spark_only
def test_a_receipt_for_many_files_in_folders_of_a_pattern(
    session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = deliveries.whole()
    header, *lines = files.pop("ratings")
    deliveries.write(tmp_path / "2024-01", files | {"ratings": [header, *lines[:1000]]})
    deliveries.write(tmp_path / "2024-02", {"ratings": [header, *lines[1000:]]})
    pattern, output = str(tmp_path / "2024-*"), tmp_path / "out"
    run_whole(pattern, output, *ON_SPARK)
    receipt = json.loads((output / "receipt.json").read_text())
    assert receipt["engine"] == "spark"
    assert set(receipt["versions"]) >= {"pyspark", "sqlglot", "duckdb"}
    names = {f"2024-01/{name}.csv" for name in (*files, "ratings")} | {"2024-02/ratings.csv"}
    assert set(receipt["data"]) == names
    verify = [str(output / "receipt.json"), "--data", pattern]
    assert verify_receipt.main(verify) == 0
    with (tmp_path / "2024-02" / "ratings.csv").open("a") as file:
        file.write("1,1,4.0,1100000000\n")
    assert verify_receipt.main(verify) == 1
    assert "2024-02/ratings.csv: is not the file that the receipt was given for" in capsys.readouterr().err
    (tmp_path / "2024-02" / "ratings.csv").unlink()
    assert verify_receipt.main(verify) == 1
    assert "2024-02/ratings.csv: is not there, but the receipt was given for it." in capsys.readouterr().err


@spark_only
def test_the_ratings_after_all_of_the_references_are_counted(session: Any, tmp_path: Path) -> None:
    """Thirty ratings of long after, and one of before."""
    from checks.spark import warehouse as spark_warehouse

    files = deliveries.clean()
    before = deliveries.write(tmp_path / "before", files)
    new = [deliveries.put(line, 3, str(deliveries.START + 10_000_000)) for line in files["ratings"][1:31]]
    files["ratings"][1:] = [*new, files["ratings"][31]]
    with (
        spark_warehouse.load(session, before) as reference,
        spark_warehouse.load(session, deliveries.write(tmp_path / "now", files)) as delivery,
    ):
        delivery.write(since.TABLE, since.compared(delivery, reference))
        assert since.kept(delivery) == Since(ratings=31, later=30, reference_ratings=100, earlier=0)


@spark_only
def test_every_file_of_a_reference_is_recorded(session: Any, tmp_path: Path) -> None:
    from scripts.job import settings
    from scripts.run_checkpoint import parser

    folder = many_files(tmp_path / "data", deliveries.clean())
    recorded = settings.recorded(parser().parse_args(["--reference", str(folder), *ON_SPARK]))
    names = [
        "links.csv",
        "movies/part-0.parquet",
        "movies/part-1.parquet",
        "ratings-1.csv.gz",
        "ratings-2.csv",
        "tags.csv",
    ]
    assert sorted(recorded["reference"]) == names


@spark_only
def test_what_was_parted_on_spark_can_be_trained_on(session: Any, tmp_path: Path) -> None:
    from scripts import train

    folder = deliveries.write(tmp_path / "data", deliveries.whole())
    output = run_whole(folder, tmp_path / "out", *ON_SPARK)
    assert verify_receipt.main([str(output / "receipt.json"), "--data", str(folder)]) == 0
    assert train.main(["--run", str(output), "--model", str(tmp_path / "model")]) == 0


# --- addresses ---------------------------------------------------------------------------------------------------


@spark_only
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3a://lake/delivery", "s3a://lake/delivery: Spark has no filesystem for s3a:// here; name its packages, as "),
        ("nosuch://lake/delivery", "nosuch://lake/delivery: Spark has no filesystem for nosuch:// here; name its "),
        ("hdfs://127.0.0.1:1/delivery", "hdfs://127.0.0.1:1/delivery: can't be read ("),
    ],
)
def test_an_address_that_can_not_be_read_ends_in_one_sentence(
    session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, said: str
) -> None:
    if address.startswith("s3a") and _has_s3a(session):
        pytest.skip("there is a hadoop-aws jar beside Spark's own")
    assert main(["--data", address, "--output", str(tmp_path / "out"), "--quiet", *ON_SPARK]) == 2
    (line,) = (one for one in capsys.readouterr().err.splitlines() if "delivery" in one)
    assert line.startswith(said)


def _has_s3a(session: Any) -> bool:
    return any(
        "hadoop-aws" in jar for jar in session.sparkContext._jvm.System.getProperty("java.class.path").split(":")
    )


@spark_only
def test_an_address_of_a_file_on_this_machine_is_its_folder(session: Any, tmp_path: Path) -> None:
    from checks.spark import warehouse as spark_warehouse

    folder = deliveries.write(tmp_path / "a b+ü [1]", deliveries.clean())
    with spark_warehouse.load(session, place(f"file://{folder}")) as warehouse:
        assert warehouse.count("ratings") == 100


@spark_only
def test_settings_given_are_before_ours_but_for_what_results_hang_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark", reason=REASON)
    from checks.spark import session as spark_session

    (tmp_path / "spark-defaults.conf").write_text("# ours\nspark.driver.memory 9g\nspark.ui.enabled=true\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    given = {"spark.log.level": "INFO", "spark.sql.ansi.enabled": "false"}
    used = spark_session.settings("local[2]", given)
    assert "spark.driver.memory" not in used, "Spark takes its file's"
    assert "spark.ui.enabled" not in used
    assert used["spark.log.level"] == "INFO"
    assert used["spark.sql.ansi.enabled"] == "true"
    assert "spark.driver.host" not in spark_session.settings("spark://host:7077", {})
