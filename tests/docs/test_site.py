"""What pages show and in which order, and that a run writes as many pages after 300 runs as after one."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markupsafe import Markup

from checks.docs import record, renderers, view
from checks.docs.drawing import Drawings
from checks.docs.figures import Figures
from checks.editions import Kind
from checks.engine.suites import declared_suites
from checks.gate.terms import QUESTIONS, Status
from checks.gate.verdict import FailingRow, Verdict
from checks.results import history
from checks.tables import COST
from scripts import run_checkpoint
from tests import deliveries, verdicts
from tests.docs.tables import feature
from tests.docs.test_findings import user


def kept(tmp_path: Path, *named: tuple[str, Verdict]) -> list[record.Record]:
    run = verdicts.run(tmp_path)
    for run_id, verdict in named:
        record.write(tmp_path, run_id, run, verdict)
    return list(record.records(tmp_path))


@pytest.mark.parametrize("text", ['{"version": 0}', "null", '{"version": 2, "fa'])
def test_records_are_read_newest_first_and_those_of_other_releases_or_damaged_ones_passed_over(
    tmp_path: Path, text: str
) -> None:
    kept(
        tmp_path, ("20260301T120000.000000Z", verdicts.every_kind()), ("20260302T120000.000000Z", verdicts.every_kind())
    )
    old = tmp_path / "runs" / "20260303T120000.000000Z" / "record.json"
    old.parent.mkdir()
    old.write_text(text)
    assert [one.id for one in record.records(tmp_path)] == ["20260302T120000.000000Z", "20260301T120000.000000Z"]


@pytest.mark.parametrize(
    ("fail_on", "order"),
    [
        (
            "critical",
            ["It failed.", "Its waiver expired.", "It raised.", "It warned.", "It informed.", "It is waived."],
        ),
        ("info", ["It failed.", "Its waiver expired.", "It warned.", "It informed.", "It raised.", "It is waived."]),
    ],
)
def test_what_decided_the_verdict_comes_first(tmp_path: Path, fail_on: str, order: list[str]) -> None:
    [one] = kept(tmp_path, ("20260301T120000.000000Z", verdicts.every_kind(fail_on)))
    assert [found["sentence"] for found in renderers.worst_first(one.facts)] == order


def test_pages_tell_causes_in_the_order_of_console_and_reports(tmp_path: Path) -> None:
    orphans, unread = verdicts.outcome(sentence="No film."), verdicts.outcome(sentence="Unread.", suite="rejected_rows")
    verdict = Verdict((orphans, unread))
    [one] = kept(tmp_path, ("20260301T120000.000000Z", verdict))
    found = [entry["sentence"] for entry in renderers.worst_first(one.facts)]
    assert found == [outcome.sentence for outcome in verdict.to_mend()] == ["Unread.", "No film."]


def test_what_one_cause_kept_from_being_judged_is_one_entry(tmp_path: Path) -> None:
    lost = [verdicts.outcome(status=Status.UNDETERMINED, cause="no file", sentence=f"Rule {n}.") for n in (1, 2)]
    other = verdicts.outcome(status=Status.UNDETERMINED, cause="a typo", sentence="Rule 3.")
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((*lost, other))))
    found = renderers.worst_first(one.facts)
    assert [entry["sentence"] for entry in found] == ["2 expectations of ratings could not be judged.", "Rule 3."]
    assert found[0]["members"] == ["Rule 1.", "Rule 2."]


def test_one_cause_is_one_entry_over_all_suites(tmp_path: Path) -> None:
    lost = [
        verdicts.outcome(status=Status.UNDETERMINED, cause="no column", sentence="A rule.", suite=suite)
        for suite in ("tags", "ratings", "tags")
    ]
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict(tuple(lost))))
    [found] = renderers.worst_first(one.facts)
    assert found["sentence"] == "3 expectations of ratings, tags could not be judged."
    assert found["where"] == "ratings, tags"


@pytest.mark.parametrize(("critical", "warnings", "listed"), [(1, 9, 6), (8, 9, 9), (40, 0, 12)])
def test_landing_page_lists_all_that_stops_the_delivery(
    tmp_path: Path, critical: int, warnings: int, listed: int
) -> None:
    """Beside the critical ones there is a rule that could not be judged, which comes after them."""
    stops = [verdicts.outcome(sentence=f"Rule {n}.", expectation_id=f"id-{n}") for n in range(critical)]
    reads = [verdicts.outcome(severity="warning", expectation_id=f"read-{n}") for n in range(warnings)]
    lost = verdicts.outcome(status=Status.UNDETERMINED, cause="no column", suite="tags")
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((*stops, *reads, lost))))
    page = view.PageView().render(renderers.LandingRenderer().render([one], one_run()))
    assert page.count('<li class="brief ') == listed
    assert page.count('<li class="brief failed critical">') == min(critical, listed)


def test_a_list_of_runs_tells_by_which_rule_each_failed(tmp_path: Path) -> None:
    """Several failures in a row would else read alike."""
    scale = verdicts.outcome(sentence="`rating` is on the scale.", expectation_id="a")
    keys = verdicts.outcome(sentence="<b> is one.", expectation_id="b", suite="tags")
    calm = verdicts.outcome(sentence="Every title ends in its year.", severity="warning", suite="movies")
    runs = [("20260301T120000.000000Z", Verdict((scale, keys, calm))), ("20260302T120000.000000Z", Verdict((keys,)))]
    runs.append(("20260303T120000.000000Z", Verdict((calm,))))
    page = view.PageView().render(renderers.LandingRenderer().render(kept(tmp_path, *runs), one_run()))
    told = re.findall(r"<td>([^<]*(?:<code>.*?</code>)?[^<]*)</td><td class=\"folder\">", page)
    assert told == [
        "Nothing critical failed; 1 warning to read.",
        "1 critical expectation failed. Broken: &lt;b&gt; is one.",
        "2 critical expectations failed. Broken: <code>rating</code> is on the scale and 1 more.",
    ]


def one_run() -> pd.DataFrame:
    return pd.DataFrame({name: [1.0] for name, _, _ in renderers.TRENDS})


def test_run_page_shows_every_expectation_with_what_to_know_of_it(tmp_path: Path) -> None:
    [one] = kept(tmp_path, ("20260301T120000.000000Z", verdicts.every_kind()))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    for sentence in ("It passed.", "It failed.", "It warned.", "It raised.", "It is waived.", "It was not asked."):
        assert sentence in page
    for said in ("1 of 4 rows (25 %)", "ratings.csv:3", "Another scale.", "Mend the export.", "no such table"):
        assert said in page


def test_pages_tell_what_was_not_asked_and_count_nothing_of_it_as_held(tmp_path: Path) -> None:
    held = verdicts.outcome(sentence="It passed.", status=Status.PASSED, rows=())
    spared = verdicts.outcome(sentence="It was spared.", status=Status.UNASKED, cause="meant for others", rows=())
    run = verdicts.run(tmp_path, kind=Kind(True, "Judged as <b>."))
    record.write(tmp_path, "20260301T120000.000000Z", run, Verdict((held, spared)))
    [one] = record.records(tmp_path)
    assert one.facts["pass_rate"] == 1
    for shown in (renderers.RunRenderer().render(one), renderers.LandingRenderer().render([one], one_run())):
        page = view.PageView().render(shown)
        assert "1 not asked: meant for others" in page
        assert "ratings: It was spared." in page
        assert "All 1 expectations that were asked hold." in page
        assert "Judged as &lt;b&gt;." in page


def test_users_and_features_of_a_finding_lead_to_where_they_are_told_of(tmp_path: Path) -> None:
    values = [{"userId": 53, "feature": "gap"}, {"userId": 54, "feature": "impact"}]
    found = verdicts.outcome(rows=tuple(FailingRow("a.csv", 2, one) for one in values))
    card = user(53, "flagged", 9.0) | {"said": [], "compared": [], "films": []}
    figures = {"charts": [], "users": {"counts": {}, "groups": [], "cards": [card]}}
    drifted = [
        feature(feature=one, severity="info", message="It drifted.", action="", recommendation=None)
        for one in ("gap", "impact")
    ]
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((found,))))
    (one.folder / record.FIGURES).write_text(json.dumps(figures | {"drift": drifted}))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    assert re.findall(r'<a href="#((?:user|drift)-\w+)">', page) == ["user-53", "drift-gap"]
    assert re.findall(r'id="((?:user|drift)-\w+)"', page) == ["user-53", "drift-gap"]


def test_a_wrong_header_is_told_with_its_line_and_without_a_table_of_nothing(tmp_path: Path) -> None:
    header = verdicts.outcome(rows=(FailingRow("ratings.csv", 1, {}),), observed="stars", unexpected_count=None)
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((header,))))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    assert '<p class="more">At <span class="place">ratings.csv:1</span></p>' in page
    assert 'class="rows' not in page
    landing = view.PageView().render(renderers.LandingRenderer().render([one], one_run()))
    assert 'ratings, at <span class="place">ratings.csv:1</span>' in landing


def test_a_group_is_told_of_once_with_its_films_by_name(tmp_path: Path) -> None:
    values = {"attack_group": "attack-1", "users": 23, "target_movies": "7|8", "target_shift": "+0.90|-0.10"}
    found = verdicts.outcome(suite="user_anomalies", rows=(FailingRow("ratings.csv", 2, values),))
    films = [{"title": "<b>Heat", "shift": "+0.90"}, {"title": "Up", "shift": "-0.10"}]
    group = {"name": "attack-1", "users": 23, "films": films}
    figures = {"charts": [], "users": {"counts": {}, "groups": [group], "cards": []}, "drift": []}
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((found,))))
    (one.folder / record.FIGURES).write_text(json.dumps(figures))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    assert '<a href="#group-1"><span class="text">attack-1</span></a>' in page
    [told] = re.findall('<p class="group" id="group-1">.*?</p>', page)
    said = (
        "attack-1 23 users acted together, and moved the mean rating of <b>Heat by +0.90 stars, of Up by -0.10 stars."
    )
    assert Markup(told).striptags() == said
    assert "7|8" not in page


def test_one_row_and_one_user_are_said_to_be_one(tmp_path: Path) -> None:
    six = tuple(FailingRow("a.csv", line, {"userId": line}) for line in range(6))
    card = user(53, "flagged", 9.0) | {"said": [], "compared": [], "films": []}
    figures = {"charts": [], "users": {"counts": {"flagged": 1}, "groups": [], "cards": [card]}, "drift": []}
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((verdicts.outcome(rows=six),))))
    (one.folder / record.FIGURES).write_text(json.dumps(figures))
    assert "<summary>1 more row</summary>" in view.PageView().render(renderers.RunRenderer().render(one))
    landing = view.PageView().render(renderers.LandingRenderer().render([one], one_run()))
    assert '#users">The evidence</a>' in landing


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1 of 4 rows (25 %) against the rule: rating is on the scale."),
        ({"counted": "measure", "observed": "9 drifted"}, "9 drifted, but the rule is: rating is on the scale."),
        ({"unexpected_count": None, "observed": "0 rows"}, "0 rows, but the rule is: rating is on the scale."),
    ],
)
def test_only_what_breaks_a_rule_is_said_to_be_against_it(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((verdicts.outcome(**changes),))))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    assert said in [Markup(title).striptags() for title in re.findall("<h3>(.*?)</h3>", page)]


def test_the_cause_of_a_drift_stands_before_its_statistics(tmp_path: Path) -> None:
    told = {"message": "Half-stars: drifted. Statistic 4 against 2. Half stars began. 3 ratings were left out."}
    row = feature(severity="info", unit="share", recommendation=None, action="Look.", cause="Half stars began.", **told)
    cost = feature(feature=COST, recommendation="watch", message="It cost. 3 ratings were left out.")
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((verdicts.outcome(),))))
    (one.folder / record.FIGURES).write_text(json.dumps({"charts": [], "users": None, "drift": [row, cost]}))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    cells = [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall("<td.*?</td>", page, re.DOTALL)]
    cells = cells[cells.index("Drifted. Cause Half stars began. What to do Look. Statistic 4 against 2.") :]
    assert cells[1:3] == ["20 %", "2 %"], "in the unit of the words"


def test_a_rule_that_holds_is_not_said_to_be_kept_by_no_row(tmp_path: Path) -> None:
    held = {"status": Status.PASSED, "rows": (), "unexpected_count": 0}
    of_rows = verdicts.outcome(**held, observed="0 of 9,742 rows (0 %)", element_count=9742)
    of_users = verdicts.outcome(**held, observed="0 users", element_count=None)
    columns = verdicts.outcome(
        status=Status.PASSED,
        rows=(),
        observed="movieId, title",
        unexpected_count=None,
        expectation_type="expect_table_columns_to_match_set",
    )
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((columns, of_rows, of_users))))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    told = [Markup(one).striptags() for one in re.findall(r'<span class="observed">(.*?)</span>', page)]
    assert told == ["just these", "holds in all 9,742 rows", "no exception"]


def test_a_pass_with_warnings_looks_unlike_one_without(tmp_path: Path) -> None:
    flagged = verdicts.outcome(severity="warning", suite="user_anomalies", sentence="No user is flagged.")
    moved = verdicts.outcome(severity="info", suite="drift_findings", sentence="Nothing moved.")
    [one] = kept(tmp_path, ("20260301T120000.000000Z", Verdict((flagged, moved))))
    page = view.PageView().render(renderers.RunRenderer().render(one))
    tiles = page[page.index('<ul class="questions">') :].partition("</ul>")[0].split("<li ")[1:]
    assert [tile.partition(">")[0] for tile in tiles[1:]] == ['class="pass warned"', 'class="pass"']
    assert "Pass, with warnings</span>" in tiles[1]
    assert "1 warning to read." in tiles[1]
    assert "Pass</span>" in tiles[2]


@pytest.mark.parametrize(
    ("recommendation", "status", "said"),
    [
        ("retrain", "drifted", "1 of 1 feature moved; recommendation: retrain"),
        ("nothing", "ok", "1 of 1 feature moved; recommendation: nothing to do"),
        ("undetermined", "undetermined", "1 of 1 feature moved"),
    ],
)
def test_whether_the_world_moved_is_answered_with_what_to_do(
    tmp_path: Path, recommendation: str, status: str, said: str
) -> None:
    rows = [feature(recommendation=None), feature(feature=COST, status=status, recommendation=recommendation)]
    run = verdicts.run(tmp_path, figures=Figures({"users": None, "drift": rows}, Drawings([])))
    record.write(tmp_path, "20260301T120000.000000Z", run, verdicts.every_kind())
    [one] = record.records(tmp_path)
    assert one.facts["answers"][-1]["measured"] == said


def test_run_page_says_why_users_and_drift_were_not_judged(tmp_path: Path) -> None:
    run = verdicts.run(tmp_path, problems={"user_anomalies": "no <b> column", "drift_findings": "too few users"})
    record.write(tmp_path, "20260301T120000.000000Z", run, verdicts.every_kind())
    [one] = record.records(tmp_path)
    page = view.PageView().render(renderers.RunRenderer().render(one))
    assert "Users were not judged in this run: no &lt;b&gt; column." in page
    assert "Drift was not judged in this run: too few users." in page
    assert "4 rows read, 0 rejected." in page


def test_run_page_tells_what_changed_since_the_last_run_and_leads_there(tmp_path: Path) -> None:
    new = [verdicts.outcome(sentence=f"Rule {n}.", expectation_id=f"id-{n}", suite="tags") for n in range(5)]
    (tmp_path / "out").mkdir()
    run = verdicts.run(tmp_path, published=tmp_path / "out")
    before = replace(run, folder=Path("/old/<b>"))
    history.record(tmp_path / "out" / "history.duckdb", before, Verdict(()), "20260101T120000.000000Z")
    record.write(tmp_path / "site", "20260301T120000.000000Z", run, Verdict(tuple(new)))
    [one] = record.records(tmp_path / "site")
    page = view.PageView().render(renderers.RunRenderer().render(one))
    since = page[page.index('<div class="since">') :].partition("</div>")[0]
    assert "over another folder" in since
    assert "/old/&lt;b&gt;" in since.replace("<wbr>", "")
    assert '<b>Rules that newly did not pass (5):</b> <a href="#tags-id-0">Rule 0.</a>' in since
    assert "and 2 more" in since
    assert "Rule 4." not in since
    record.write(tmp_path / "site", "20260101T120000.000000Z", before, Verdict(()))
    assert renderers.page_before(list(record.records(tmp_path / "site"))) == "runs/20260101T120000.000000Z/index.html"
    assert renderers.page_before([one]) == "", "a run that is no longer kept has no page"


@pytest.mark.parametrize("text", verdicts.HOSTILE)
def test_hostile_text_is_escaped_on_every_page(tmp_path: Path, text: str) -> None:
    [one] = kept(tmp_path, ("20260301T120000.000000Z", verdicts.hostile(text)))
    for document in (renderers.RunRenderer().render(one), renderers.LandingRenderer().render([one], one_run())):
        page = view.PageView().render(document)
        assert "<script>alert(1)</script>" not in page
        assert 'href="http://evil.example"' not in page.partition("<main")[2] or "[click]" in text


def test_no_run_yet_says_how_to_begin() -> None:
    page = view.PageView().render(renderers.LandingRenderer().render([], pd.DataFrame()))
    assert "python -m scripts.run_checkpoint" in page


def test_trends_leave_out_what_no_run_could_tell() -> None:
    frame = pd.DataFrame({"pass_rate": [0.5, 1.0], "rejected": [0, 3], "flagged_users": [None, 2]})
    courses = renderers.trends(frame.assign(strongest_drift=[None, None]))
    assert [(course["label"], course["values"]) for course in courses] == [
        ("Expectations that hold", [0.5, 1.0]),
        ("Rows rejected", [0.0, 3.0]),
        ("Users flagged", [None, 2.0]),
    ]


def inodes(site: Path) -> set[int]:
    return {path.stat().st_ino for path in site.rglob("*") if path.is_file()}


def pretend(output: Path, count: int) -> None:
    """As if `count` runs had gone before: copies of the run that was, under earlier times."""
    site = output / "data_docs"
    [model] = site.glob("runs/*")
    for number in range(count - 1):
        earlier = f"2025{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}T000000.{number:06d}Z"
        shutil.copytree(model, model.with_name(earlier))


@pytest.mark.slow
def test_a_run_writes_as_many_pages_after_300_runs_as_after_one(tmp_path: Path) -> None:
    delivery = deliveries.write(tmp_path / "delivery", deliveries.whole())
    written: list[int] = []
    for runs in (1, 30, 300):
        output = tmp_path / f"out-{runs}"
        run_checkpoint.main(["--data", str(delivery), "--output", str(output), "--quiet"])
        pretend(output, runs)
        before = inodes(output / "data_docs")
        run_checkpoint.main(["--data", str(delivery), "--output", str(output), "--quiet"])
        written.append(len(inodes(output / "data_docs") - before))
        assert len(list((output / "data_docs").glob("runs/*/index.html"))) == min(runs + 1, 30)
    assert written[0] == written[1] == written[2]


def test_a_record_holds_what_every_page_needs(tmp_path: Path) -> None:
    [one] = kept(tmp_path, ("20260301T120000.000000Z", verdicts.every_kind()))
    facts: dict[str, Any] = json.loads((tmp_path / "runs" / one.id / "record.json").read_text(encoding="utf-8"))
    assert facts["verdict"] == "fail"
    assert [answer["question"] for answer in facts["answers"]] == list(QUESTIONS)
    assert facts["pass_rate"] == pytest.approx(1 / 7)
    assert one.figures == {"charts": [], "users": None, "drift": []}


def test_a_suites_page_agrees_with_the_runs_verdict(tmp_path: Path) -> None:
    """It is judged by the run's own limit, not by the usual one."""
    files = deliveries.whole()
    files["links"][1] = deliveries.put(files["links"][1], 2, "")
    folder = deliveries.write(tmp_path / "delivery", files)
    output = tmp_path / "out"
    options = ["--data", str(folder), "--output", str(output), "--quiet", "--fail-on", "warning"]
    assert run_checkpoint.main(options) == 1
    [page] = (output / "data_docs" / "validations" / "links").rglob("*.html")
    assert "1 warning or critical expectation failed." in page.read_text(encoding="utf-8")


def test_a_suites_page_tells_a_missing_file_once(tmp_path: Path) -> None:
    files = deliveries.whole()
    del files["tags"]
    folder, output = deliveries.write(tmp_path / "delivery", files), tmp_path / "out"
    assert run_checkpoint.main(["--data", str(folder), "--output", str(output), "--quiet"]) == 2
    [page] = (output / "data_docs" / "validations" / "tags").rglob("*.html")
    text = page.read_text(encoding="utf-8")
    rules = len(declared_suites()["tags"])
    assert text.count("<article") == 1
    assert f"{rules} expectations of tags could not be judged." in text
    assert text.count('<li class="undetermined">') == rules  # each of them stands in the list below
