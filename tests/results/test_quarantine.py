"""Rows in are rows out, and a row is in quarantine exactly if it breaks a critical rule."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.gate.terms import Status
from checks.gate.verdict import Outcome, Verdict
from checks.loader import load
from checks.reports import markdown
from checks.results import quarantine
from checks.run import Run
from checks.warehouse import Warehouse
from scripts.run_checkpoint import main
from scripts.simulate_data import simulate
from tests import deliveries, verdicts

PART = "select source_line from ratings where {condition}"


def part(folder: Path, output: Path, *outcomes: Outcome) -> dict[str, quarantine.Counts]:
    output.mkdir(parents=True, exist_ok=True)
    with load(folder) as warehouse:
        run = verdicts.run(output, sources=warehouse.sources, output=output)
        counts = quarantine.part(Verdict(outcomes), run, execute(warehouse))
    return {one.table: one for one in counts}


def execute(warehouse: Warehouse):
    return lambda text: warehouse.connection.execute(text).fetchall()


def rule(condition: str, **changes: object) -> Outcome:
    base = {"sentence": f"Not {condition}.", "rows_query": PART.format(condition=condition), "unexpected_count": None}
    return verdicts.outcome(**base | changes)


def quarantined(output: Path, table: str = "ratings") -> list[dict[str, str]]:
    with (output / "quarantine" / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def validated(output: Path, table: str = "ratings") -> pd.DataFrame:
    return duckdb.sql(f"from read_parquet('{output}/validated/{table}.parquet')").df()


def test_a_clean_delivery_is_validated_whole_and_can_be_judged_again(tmp_path):
    counts = part(deliveries.write(tmp_path / "data", deliveries.clean()), tmp_path / "out")
    assert counts["ratings"] == quarantine.Counts("ratings", 100, 100, 0)
    assert [p.name for p in (tmp_path / "out" / "quarantine").iterdir()] == ["counts.json"]
    with load(tmp_path / "out" / "validated") as again, load(tmp_path / "data") as first:
        for table in ("ratings", "movies", "tags", "links"):
            text = f"select * exclude (source_line) from {table} order by source_line"
            pd.testing.assert_frame_equal(again.sql(text), first.sql(text))


def test_a_row_is_listed_once_with_every_rule_that_it_breaks(tmp_path):
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    two = rule("source_line in (3, 4)", expectation_id="id-two")
    counts = part(folder, tmp_path / "out", two, rule("source_line = 3", expectation_id="id-one"))
    first, second = quarantined(tmp_path / "out")
    assert (first["source_file"], first["source_line"]) == ("ratings.csv", "3")
    assert first["rules"] == "Not source_line = 3. Not source_line in (3, 4)."
    assert first["expectations"] == "id-one id-two"
    assert (first["userId"], first["movieId"]) == ("1", "2")
    assert (second["source_line"], second["rules"]) == ("4", "Not source_line in (3, 4).")
    assert counts["ratings"] == quarantine.Counts("ratings", 100, 98, 2)
    assert not validated(tmp_path / "out").query("userId == 1 and movieId in (2, 3)").size


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"status": Status.WAIVED}, 99),  # a waiver lets the delivery pass, not the rows
        ({"status": Status.UNDETERMINED, "rows_query": None, "cause": "it raised"}, 0),
        ({"severity": "warning"}, 100),
        ({"status": Status.PASSED}, 100),
        ({"rows_query": None}, 100),  # about the table as a whole
        ({"rows_query": None, "unexpected_count": 1}, 0),  # rows break it, but nobody can say which
        ({"rows_query": "df.filter(F.expr('x'))", "unexpected_count": 1}, 0),
        ({"rows_query": "select 1 as ratings"}, 100),  # likewise, by a query
        ({"rows_query": "select source_line, rating from ratings where source_line = 3;"}, 99),
        ({"rows_query": "select null::bigint as source_line"}, 100),
        ({"counted": "measure", "unexpected_count": 1}, 100),  # its one row is an example's place
        ({"counted": "levels", "unexpected_count": 1}, 100),
        ({"counted": "genres", "unexpected_count": 1}, 99),
    ],
)
def test_which_outcomes_part_rows(tmp_path, changes, left):
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    counts = part(folder, tmp_path / "out", rule("source_line = 3", **changes))
    assert counts["ratings"].validated == left
    assert len(validated(tmp_path / "out")) == left


def test_what_could_not_be_read_is_quarantined_with_its_reason_and_text(tmp_path):
    files = deliveries.clean()
    files["ratings"][4] = "1,abc,4.0,1100000000"
    files["ratings"][5] = "=1,2"
    counts = part(deliveries.write(tmp_path / "data", files), tmp_path / "out", rule("source_line = 9"))
    assert counts["ratings"] == quarantine.Counts("ratings", 100, 97, 3)
    bad, short, broken = quarantined(tmp_path / "out")
    assert (bad["source_line"], bad["raw_text"]) == ("5", "1,abc,4.0,1100000000")
    assert "movieId" in bad["rules"]
    assert "abc" in bad["rules"]
    assert (short["source_line"], short["raw_text"]) == ("6", "'=1,2")
    assert (broken["source_line"], broken["raw_text"]) == ("9", "")


def test_cells_and_headings_that_a_spreadsheet_would_run_are_defused(tmp_path):
    files = deliveries.clean()
    files["movies"][0] = 'movieId,title,genres,=evil(),rules,source_line,raw_text,"a""b"'
    rows = ["=1+1", "+1", "-1", "@a", "\ta", "plain"]
    files["movies"][1:] = [f'{i},"{text}",Drama,x,r,s,t,u' for i, text in enumerate(rows, 1)]
    broken = rule("true", suite="movies", rows_query="select source_line from movies", sentence="=2+2 is no rule.")
    counts = part(deliveries.write(tmp_path / "data", files), tmp_path / "out", broken)
    assert counts["movies"].quarantined == 6
    with (tmp_path / "out" / "quarantine" / "movies.csv").open(newline="") as file:
        heading, *lines = csv.reader(file)
    assert [line[5] for line in lines] == ["'=1+1", "'+1", "'-1", "'@a", "'\ta", "plain"]
    assert {line[2] for line in lines} == {"'=2+2 is no rule."}
    assert [line[4] for line in lines] == list("123456")
    assert "'=evil()" in heading
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for line in [heading, *lines] for cell in line)


@pytest.mark.parametrize("files", [{}, {"ratings": ["userId,movieId,rating,timestamp"]}])
def test_missing_and_empty_tables(tmp_path, files):
    counts = part(deliveries.write(tmp_path / "data", files), tmp_path / "out", rule("true"))
    assert counts == {name: quarantine.Counts(name, 0, 0, 0) for name in files}
    written = json.loads((tmp_path / "out" / "quarantine" / "counts.json").read_text())
    assert written == [dataclasses.asdict(one) for one in counts.values()]


def test_a_query_that_disagrees_with_the_checkpoints_count_is_never_trusted(tmp_path):
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    with pytest.raises(quarantine.QuarantineError, match="found 1 rows where 2 were counted"):
        part(folder, tmp_path / "out", rule("source_line = 3", unexpected_count=2))


def test_rows_that_get_lost_are_noticed(tmp_path):
    with load(deliveries.write(tmp_path / "data", deliveries.clean())) as warehouse:
        source = dataclasses.replace(warehouse.sources["ratings"], loaded_rows=101)
        run: Run = verdicts.run(tmp_path, sources={"ratings": source})
        with pytest.raises(quarantine.QuarantineError, match="ratings: 101 rows in, but"):
            quarantine.part(Verdict(()), run, execute(warehouse))


@pytest.fixture(scope="module")
def dirty(tmp_path_factory) -> Iterator[Warehouse]:
    files = deliveries.clean()
    files["ratings"][7] = "1,2"
    with load(deliveries.write(tmp_path_factory.mktemp("dirty"), files)) as warehouse:
        yield warehouse


lines = st.sets(st.integers(2, 101).filter(lambda line: line != 8), max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=4))
def test_rows_are_conserved_whatever_rules_break(dirty, tmp_path, rules):
    """Each file's rows are in exactly one place, and a row is quarantined exactly if some rule names it."""
    outcomes = tuple(rule(f"source_line in ({', '.join(map(str, {0, *broken}))})") for broken in rules)
    run = verdicts.run(tmp_path, sources=dirty.sources)
    for stale in (tmp_path / "quarantine").glob("*.csv"):
        stale.unlink()
    quarantine.part(Verdict(outcomes), run, execute(dirty))
    found = [int(row["source_line"]) for row in quarantined(tmp_path)]
    assert found == sorted(set().union(*rules, {8}))
    ids = ", ".join(map(str, found))
    kept = dirty.sql(f"select * exclude (source_line) from ratings where source_line not in ({ids})")
    pd.testing.assert_frame_equal(validated(tmp_path), kept)


def test_what_depends_on_a_quarantined_row_stays_and_the_report_says_so(tmp_path):
    folder, output = deliveries.write(tmp_path / "data", deliveries.clean()), tmp_path / "out"
    film = rule("movieId = 1", suite="movies", rows_query="select source_line from movies where movieId = 1")
    users = rule("flagged", suite="user_anomalies", rows_query="select 2 as source_line")
    counts = part(folder, output, film, users)
    assert (counts["movies"].quarantined, counts["ratings"].quarantined) == (1, 0)
    text = markdown.report(Verdict((film, users)), verdicts.run(output, output=output))
    assert "ratings of a quarantined film and of flagged users stay in `validated/`" in text


@pytest.mark.slow
def test_rules_that_could_not_be_judged_quarantine_a_large_table_and_fit_the_memory(tmp_path: Path) -> None:
    """Without the column `rating` no critical rule of ratings can be judged, of 330,000 rows."""
    simulate(tmp_path / "data", users=2_000)
    ratings = tmp_path / "data" / "ratings.csv"
    ratings.write_text(ratings.read_text().replace("rating", "stars", 1))
    out = tmp_path / "out"
    assert main(["--data", str(tmp_path / "data"), "--output", str(out), "--quiet"]) == 1
    counts = {one["table"]: one for one in json.loads((out / "quarantine" / "counts.json").read_text())}
    assert counts["ratings"]["quarantined"] == counts["ratings"]["rows_in"] > 300_000
    first = pd.read_csv(out / "quarantine" / "ratings.csv", nrows=1).iloc[0]
    assert (first["source_file"], first["source_line"]) == ("ratings.csv", 2)
    assert first["rules"] == "Not judged: ratings.csv has no column rating."


def test_a_table_that_breaks_rules_in_every_row_is_told_in_bounded_memory(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "spilling.duckdb"), config={"memory_limit": "50MB"}) as database:
        database.execute("create temp table broken (source_line bigint, rule hugeint)")
        database.execute("create temp table broken_rules (rule hugeint, sentence varchar, expectation varchar)")
        for number in (0, 1, quarantine.BITS - 1):
            rule = 1 << number
            database.execute(f"insert into broken_rules values ({rule}, 'Rule {number}.', 'id-{number}')")
            database.execute(f"insert into broken select range, {rule} from range(300_000)")
        told = database.execute(
            f"select rules, expectations, count(*) from ({quarantine.BY_LINE}) group by all"
        ).fetchall()
    assert told == [("Rule 0. Rule 1. Rule 126.", "id-0 id-1 id-126", 300_000)]
