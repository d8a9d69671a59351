"""Each report is read back by a reader that is not ours, and asked what a person needs from it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from checks.docs.drawing import Drawings
from checks.docs.figures import Figures
from checks.editions import Kind
from checks.engine import suites
from checks.gate.terms import QUESTIONS, Status
from checks.gate.verdict import JUDGE_AGAIN, FailingRow, Verdict
from checks.reports import alerts, github
from checks.reports.badge import badge
from checks.reports.console import row_text
from checks.reports.gitlab import code_quality
from checks.reports.junit import junit
from checks.reports.markdown import code, prose, report
from checks.reports.sarif import sarif
from checks.reports.summary import summary
from checks.results import outputs
from checks.results.changes import Changes
from checks.results.quarantine import Counts
from tests import verdicts
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "tests" / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
SARIF = jsonschema.Draft4Validator(SCHEMA)
MARKDOWN = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def cases(xml: str) -> dict[str, junitparser.TestCase]:
    return {case.name: case for suite in junitparser.JUnitXml.fromstring(xml.encode()) for case in suite}


def results(verdict: Verdict, tmp_path: Path) -> dict[str, dict]:
    log = sarif(verdict, verdicts.run(tmp_path))
    SARIF.validate(log)
    json.dumps(log)
    return {one["message"]["text"].split(": ", 1)[1].split(".")[0]: one for one in log["runs"][0]["results"]}


# --- JUnit ---


def test_junit_is_red_where_the_gate_is_and_nowhere_else(tmp_path):
    found = cases(junit(verdicts.every_kind(), verdicts.run(tmp_path)))
    kinds = {name: [type(one).__name__ for one in case.result] for name, case in found.items()}
    assert kinds == {
        "It passed.": [],
        "It failed.": ["Failure"],
        "It warned.": ["Skipped"],
        "It informed.": ["Skipped"],
        "It raised.": ["Error"],
        "It is waived.": ["Skipped"],
        "Its waiver expired.": ["Failure"],
        "It was not asked.": ["Skipped"],
    }


def test_junit_follows_the_severity_that_gates(tmp_path):
    found = cases(junit(verdicts.every_kind(fail_on="warning"), verdicts.run(tmp_path)))
    assert isinstance(found["It warned."].result[0], junitparser.Failure)


def test_junit_says_what_broke_where_and_what_to_do(tmp_path):
    found = cases(junit(verdicts.every_kind(), verdicts.run(tmp_path)))
    failure = found["It failed."].result[0]
    assert (failure.type, failure.message) == ("critical", "critical: 1 of 4 rows (25 %)")
    assert "ratings.csv:3  rating 7.3" in failure.text
    assert "What to do: Mend the export." in failure.text
    assert found["It raised."].result[0].message == "not judged: no such table"
    assert "jane@example.org until 2026-03-31: The sender knows." in found["It is waived."].result[0].message
    assert "expired on 2026-03-31" in found["Its waiver expired."].result[0].text
    assert found["It was not asked."].result[0].message == "not asked: meant for others"


def test_junit_counts_a_suite_a_table(tmp_path):
    verdict = Verdict((*verdicts.every_kind().outcomes, verdicts.outcome(suite="movies")))
    report = junitparser.JUnitXml.fromstring(junit(verdict, verdicts.run(tmp_path)).encode())
    assert [(s.name, s.tests, s.failures, s.errors, s.skipped) for s in report] == [
        ("ratings", 8, 2, 1, 4),
        ("movies", 1, 1, 0, 0),
    ]


# --- SARIF ---


def test_sarif_levels_follow_the_gate_and_waived_results_are_suppressed(tmp_path):
    found = results(verdicts.every_kind(), tmp_path)
    assert {name: one["level"] for name, one in found.items()} == {
        "It failed": "error",
        "Its waiver expired": "error",
        "It raised": "error",
        "It warned": "warning",
        "It informed": "note",
        "It is waived": "error",
    }
    (suppression,) = found["It is waived"]["suppressions"]
    assert "jane@example.org" in suppression["justification"]
    assert found["It failed"]["suppressions"] == found["Its waiver expired"]["suppressions"] == []


def test_sarif_points_to_the_expectation_and_the_rows(tmp_path):
    for suite, declared in suites.declared_suites().items():
        for number in (0, len(declared) - 1):
            identity = declared[number]["id"]
            verdict = Verdict((verdicts.outcome(suite=suite, expectation_id=identity),))
            (one,) = results(verdict, tmp_path).values()
            place = one["locations"][0]["physicalLocation"]
            file = suites.ROOT.parent / place["artifactLocation"]["uri"]
            assert (
                f'"id": "{identity}"' in file.read_text(encoding="utf-8").splitlines()[place["region"]["startLine"] - 1]
            )
    (row,) = one["relatedLocations"]
    assert row["physicalLocation"]["artifactLocation"] == {"uri": "ratings.csv", "uriBaseId": "DATA"}
    assert row["physicalLocation"]["region"]["startLine"] == 3
    assert row["message"]["text"] == "ratings.csv:3  rating 7.3"


def test_sarif_finds_rows_of_many_files_in_the_delivery_and_others_in_the_results(tmp_path):
    (ratings,) = verdicts.run(tmp_path).sources.values()
    many = replace(ratings, path=tmp_path / "data" / "ratings", parts=((0, "2024/a.csv"), (9, "2024/b.csv")))
    rows = tuple(FailingRow(file, 3, {}) for file in ("2024/b.csv", "drift_analysis.csv"))
    log = sarif(Verdict((verdicts.outcome(rows=rows),)), verdicts.run(tmp_path, sources={"ratings": many}))
    (one,) = log["runs"][0]["results"]
    artifacts = [row["physicalLocation"]["artifactLocation"] for row in one["relatedLocations"]]
    assert artifacts == [
        {"uri": "2024/b.csv", "uriBaseId": "DATA"},
        {"uri": "drift_analysis.csv", "uriBaseId": "OUTPUT"},
    ]


def test_sarif_of_an_expectation_that_is_not_in_its_file_still_has_a_line(tmp_path):
    for identity in (None, "unknown"):
        (one,) = results(Verdict((verdicts.outcome(expectation_id=identity),)), tmp_path).values()
        assert one["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def test_sarif_of_a_clean_run_has_no_result(tmp_path):
    verdict = Verdict((verdicts.outcome(status=Status.PASSED, rows=()),))
    assert results(verdict, tmp_path) == {}


def test_the_schema_refuses_what_is_no_sarif():
    with pytest.raises(jsonschema.ValidationError):
        SARIF.validate({"version": "2.1.0", "runs": [{"results": []}]})


# --- GitLab ---


def test_gitlab_gets_what_its_documentation_asks(tmp_path):
    issues = code_quality(verdicts.every_kind(), verdicts.run(tmp_path))
    assert [one["severity"] for one in issues] == ["blocker", "blocker", "blocker", "minor", "info", "info"]
    assert all(re.fullmatch("[0-9a-f]{64}", one["fingerprint"]) for one in issues)
    assert all(not one["location"]["path"].startswith(("/", ".")) for one in issues)
    assert issues[0]["location"]["path"] == "gx/expectations/ratings.json"
    assert issues[0]["location"]["lines"]["begin"] > 1
    assert "Waived by jane@example.org" in issues[-1]["description"]


# --- shields.io ---


@pytest.mark.parametrize(
    ("fail_on", "status", "message", "color"),
    [
        ("critical", Status.PASSED, "pass, 2 of 3 hold", "brightgreen"),
        ("warning", Status.PASSED, "fail, 2 of 3 hold", "red"),
        ("critical", Status.FAILED, "fail, 1 of 3 hold", "red"),
        ("critical", Status.UNDETERMINED, "undetermined, 1 of 3 hold", "lightgrey"),
        ("critical", Status.WAIVED, "pass, 1 of 3 hold", "brightgreen"),
    ],
)
def test_badge_is_red_where_the_gate_is_and_counts_what_holds(tmp_path, fail_on, status, message, color):
    """A warning, a pass and one more; what was not asked is counted nowhere."""
    others = [("warning", Status.FAILED), ("info", Status.PASSED), ("info", Status.UNASKED)]
    found = [verdicts.outcome(severity=severity, status=one) for severity, one in [*others, ("critical", status)]]
    text = badge(Verdict(tuple(found), fail_on), verdicts.run(tmp_path))
    expected = {"schemaVersion": 1, "label": "data quality", "message": message, "color": color}
    assert text.count("\n") == text.endswith("\n") == 1
    assert json.loads(text) == expected


def test_badge_of_a_simulated_sample_says_so(tmp_path):
    assert json.loads(badge(verdicts.every_kind(), verdicts.run(tmp_path, simulated=True)))["label"] == "simulated data"


# --- GitHub ---


def unescaped(text: str) -> str:
    """As the runner's ActionCommand.cs unescapes a property."""
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, char)
    return text


@given(st.text(), st.text())
def test_a_workflow_command_is_one_line_and_says_what_was_put_in(message, title):
    line = github.command("error", message, title=title)
    assert "\n" not in line
    assert "\r" not in line
    head, _, body = line.removeprefix("::error title=").partition("::")
    assert unescaped(head) == title
    assert unescaped(body) == message


def test_annotations_say_what_broke_where_and_what_to_do(tmp_path):
    lines = list(github.annotate(verdicts.every_kind(), verdicts.run(tmp_path)))
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"] + ["::notice"] * 2
    place = suites.place("ratings", verdicts.first_id("ratings"))
    assert lines[0].startswith(f"::error file={place[0]},line={place[1]},title=ratings (critical)::It failed.%0A")
    found = "Found: 1 of 4 rows (25 %25), for example at ratings.csv:3."
    assert lines[0].endswith(f"{found}%0AWhat to do: Mend the export.")
    assert "jane@example.org" in lines[-1]


def test_a_missing_file_is_one_error_with_its_remedy_not_a_rules(tmp_path):
    lost = {
        "suite": "tags",
        "status": Status.UNDETERMINED,
        "cause": "tags.csv is not in data",
        "has_result": False,
        "observed": "",
        "unexpected_count": None,
        "rows": (),
    }
    unjudged = [verdicts.outcome(**lost, sentence=f"Rule {i}.", expectation_id=str(i)) for i in "12"]
    verdict, run = Verdict((*unjudged, verdicts.outcome(severity="warning"))), verdicts.run(tmp_path)
    first, second = github.annotate(verdict, run)
    assert first.startswith("::error ")
    assert first.endswith(f"not in data.%0AWhat to do: {JUDGE_AGAIN}")
    assert second.startswith("::warning ")
    shown = text_of(report(verdict, run))
    assert shown.count("It could not be judged: tags.csv is not in data.") == 1
    assert "2 expectations of tags could not be judged." in shown
    assert shown.count("Mend the export.") == 1, "what to do is the warning's alone"
    told = alerts.message(verdict, run, None)[1]
    assert "1. NOT JUDGED tags: 2 expectations of tags could not be judged. The report says why." in told


@pytest.mark.parametrize(("count", "shown", "rest"), [(10, 10, None), (11, 10, "2 more"), (50, 10, "41 more")])
def test_annotations_stay_within_githubs_limit_and_say_what_is_left(tmp_path, count, shown, rest):
    verdict = Verdict(tuple(verdicts.outcome() for _ in range(count)))
    lines = list(github.annotate(verdict, verdicts.run(tmp_path)))
    assert len(lines) == shown
    assert (rest in lines[-1]) if rest else ("more" not in lines[-1])


@given(st.lists(st.text(alphabet="aé漢\n", max_size=40)), st.integers(-5, 4000))
def test_the_step_summary_is_cut_within_the_limit(lines, size):
    text = "\n".join(lines) + "\n"
    cut = github.fitting(text, size)
    assert len(cut.encode()) <= max(size, 0)
    assert cut == text or not cut or cut.endswith(github.CUT)


def test_a_step_summary_is_appended_up_to_its_limit(tmp_path, monkeypatch):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    github.add_step_summary("word\n" * 400_000)
    assert file.read_text().startswith("before\nword\n")
    assert file.stat().st_size <= github.SUMMARY_BYTES


def test_commands_are_stopped_while_data_are_printed(monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with github.commands_stopped():
        print("##[add-mask]a")
    first, _, last = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) >= 32
    assert last == f"::{token}::"


# --- Markdown ---


def text_of(markdown: str) -> str:
    """What a reader sees: the text of every inline token."""
    inline = [token for token in MARKDOWN.parse(markdown) if token.type == "inline"]
    return "\n".join("".join(child.content for child in token.children) for token in inline)


def test_the_report_leads_with_the_verdict_and_the_three_questions(tmp_path):
    shown = text_of(report(verdicts.every_kind(), verdicts.run(tmp_path)))
    why = "2 critical expectations failed, and 1 expectation of ratings could not be judged."
    assert shown.startswith(f"Data quality: FAIL\n{why}")
    for question in QUESTIONS:
        assert question in shown


def test_the_report_names_what_the_delivery_was_held_against(tmp_path):
    held = verdicts.run(tmp_path, reference=Path("old/`ratings`"))
    assert "held against old/`ratings`, on" in text_of(report(verdicts.every_kind(), held))
    assert summary(verdicts.every_kind(), held)["data"]["reference"] == "old/`ratings`"
    assert "held against" not in text_of(report(verdicts.every_kind(), verdicts.run(tmp_path)))


def test_the_report_recommends_worst_first_and_shows_rows_and_waivers(tmp_path):
    shown = text_of(report(verdicts.every_kind(), verdicts.run(tmp_path)))
    ordered = ["It failed.", "Its waiver expired.", "It raised.", "It warned.", "It informed.", "It is waived."]
    headings = [line for line in shown.splitlines() if re.match(r"\d+\. ", line)]
    assert [heading.partition(": ")[2] for heading in headings] == ordered
    for text in ("What to do: Mend the export.", "ratings.csv:3", "7.3", "jane@example.org", "2026-03-31"):
        assert text in shown
    assert "expired: it gates again" in shown


def test_the_report_tells_what_is_new_and_mended(tmp_path, monkeypatch):
    verdict = verdicts.every_kind()
    passed, failed = verdict.outcomes[:2]
    run = verdicts.run(tmp_path)
    changes = Changes(run.started, "pass", (failed,), (passed,))
    monkeypatch.setattr("checks.reports.markdown.since_last_run", lambda *_: changes)
    shown = text_of(report(verdict, run))
    assert "New: CRITICAL ratings: It failed." in shown
    assert "Mended: ratings: It passed." in shown
    assert "The last run, of 2026-03-01 12:00 UTC, said pass." in shown


@pytest.mark.parametrize(
    ("judged_alike", "said"),
    [(True, "if a new delivery was meant to come, the old one was sent again."), (False, "waivers are not.")],
)
def test_the_report_tells_what_is_waived_since_and_accuses_nobody_who_judges_again(
    tmp_path, monkeypatch, judged_alike, said
):
    run = verdicts.run(tmp_path, repeats=datetime(2026, 3, 1, 12, tzinfo=UTC))
    waived = verdicts.outcome(status=Status.WAIVED, waiver=verdicts.waiver())
    changes = Changes(run.started, "fail", (), (), (waived,), judged_alike)
    monkeypatch.setattr("checks.reports.markdown.since_last_run", lambda *_: changes)
    shown = text_of(report(Verdict((waived,)), run))
    assert "Waived since then: ratings: rating is on the scale." in shown
    assert "Nothing fails that did not fail then" not in shown
    assert said in shown
    assert ("sent again" in shown) is judged_alike


def test_report_alert_and_summary_tell_of_rows_that_went(tmp_path, monkeypatch):
    fell = "ratings has 4 rows, 50 % fewer."
    run = verdicts.run(tmp_path, row_changes=(fell,))
    monkeypatch.setattr("checks.reports.markdown.since_last_run", lambda *_: Changes(run.started, "pass", (), ()))
    assert fell in text_of(report(verdicts.every_kind(), run))
    assert fell in alerts.message(verdicts.every_kind(), run, None)[1]
    assert summary(verdicts.every_kind(), run)["data"]["row_changes"] == [fell]


def test_report_alert_and_summary_tell_what_a_delivery_is_judged_as_and_what_was_not_asked(tmp_path):
    run, verdict = verdicts.run(tmp_path, kind=Kind(True, "Judged as an increment.")), verdicts.every_kind()
    shown, found = text_of(report(verdict, run)), summary(verdict, run)
    assert "Judged as an increment." in shown
    assert "What was not asked\nThese rules are meant for others.\nratings: It was not asked." in shown
    assert "Judged as an increment." in alerts.message(verdict, run, None)[1]
    assert (found["data"]["judged_as"], found["data"]["remark"]) == ("increment", "Judged as an increment.")
    assert found["suites"]["ratings"] == {
        "declared": 8,
        "evaluated": 6,
        "passed": 1,
        "failed": 4,
        "undetermined": 1,
        "waived": 1,
        "unasked": 1,
    }


def test_a_waiver_of_what_was_not_asked_is_not_needed(tmp_path):
    spared = verdicts.outcome(status=Status.UNASKED, cause="meant for others", waiver=verdicts.waiver())
    shown = text_of(report(Verdict((spared,)), verdicts.run(tmp_path)))
    assert "not needed: it was not asked" in shown
    assert "Nothing: every expectation that was asked holds." in shown


def test_a_wrong_header_is_told_with_its_line_and_without_a_table_of_nothing(tmp_path):
    header = verdicts.outcome(rows=(FailingRow("ratings.csv", 1, {}),), observed="stars", unexpected_count=None)
    assert row_text(header.rows[0]) == "ratings.csv:1"
    shown = report(Verdict((header,)), verdicts.run(tmp_path))
    assert "\n- Where the data show it: `ratings.csv:1`\n" in shown
    assert "| Row |" not in shown


def test_the_report_shows_evidence_in_full(tmp_path):
    evidence = "98 % or more of the ratings are at one level. " * 6
    rows = (FailingRow("ratings.csv", 3, {"evidence": evidence}),)
    shown = text_of(report(Verdict((verdicts.outcome(rows=rows),)), verdicts.run(tmp_path)))
    assert evidence in shown


def test_the_report_lists_findings_that_are_told_in_sentences(tmp_path):
    values = {"feature": "gap", "cause": None, "action": "<b>Look at the users with the shortest gaps.</b> " * 2}
    rows = (FailingRow("drift_analysis.csv", 3, values),)
    shown = report(Verdict((verdicts.outcome(suite="drift_findings", rows=rows),)), verdicts.run(tmp_path))
    told = "&lt;b&gt;Look at the users with the shortest gaps.&lt;/b&gt;"
    assert f"\n* `drift_analysis.csv:3`, feature `'gap'`\n  - action: {told} {told}\n" in shown
    delivered = report(Verdict((verdicts.outcome(suite="movies", rows=rows),)), verdicts.run(tmp_path))
    assert "| `drift_analysis.csv:3` |" in delivered, "of what was delivered each blank is seen"


def test_the_report_tells_what_the_drift_costs_at_a_glance(tmp_path):
    windows = {"reference_window": "2001", "current_window": "<b>2002"}
    cost = {"recommendation": "watch", "message": "Recommendation: watch: new films cost. A model errs. Of it 3 % do."}
    run = verdicts.run(tmp_path, figures=Figures({"drift": [windows | cost]}, Drawings([])))
    shown = report(verdicts.every_kind(), run)
    told = shown.partition("## What the drift costs a model\n\n")[2].partition("\n\n##")[0]
    assert told == (
        "Compared: 2001, the reference, with &lt;b&gt;2002.\n\n"
        "**Recommendation: watch.** New films cost.\n\n- A model errs.\n- Of it 3 % do."
    )
    assert "What the drift costs" not in report(verdicts.every_kind(), verdicts.run(tmp_path))


def test_the_report_says_where_rows_went(tmp_path):
    run = verdicts.run(tmp_path)
    assert "Quarantine" not in text_of(report(verdicts.every_kind(), run))
    outputs.write_json(tmp_path / "quarantine" / "counts.json", [asdict(Counts("ratings", 1000, 998, 2))])
    shown = text_of(report(verdicts.every_kind(), run))
    assert "ratings\n1,000\n2\n998" in shown


@pytest.mark.parametrize("text", verdicts.HOSTILE)
def test_data_form_no_markup_in_the_report(tmp_path, text):
    tokens = MARKDOWN.parse(report(verdicts.hostile(text), verdicts.run(tmp_path)))
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    assert kinds & {"html_inline", "html_block", "link_open", "image", "s_open", "em_open", "fence"} == set()
    plain = MARKDOWN.parse(report(verdicts.hostile("plain"), verdicts.run(tmp_path)))
    assert [token.type for token in tokens if token.block] == [token.type for token in plain if token.block]


@given(st.text())
def test_prose_and_code_show_the_text_and_nothing_else(text):
    for escape in (prose, code):
        (paragraph,) = [t for t in MARKDOWN.parse(f"x {escape(text)} x") if t.type == "inline"]
        assert {child.type for child in paragraph.children} <= {"text", "text_special", "code_inline", "entity"}


# --- all of them, on hostile data ---


@pytest.mark.parametrize("text", verdicts.HOSTILE)
def test_hostile_data_leave_every_report_whole(tmp_path, text):
    verdict, run = verdicts.hostile(text), verdicts.run(tmp_path)
    assert len(cases(junit(verdict, run))) == 2
    (failed, *_) = sarif(verdict, run)["runs"][0]["results"]
    SARIF.validate(sarif(verdict, run))
    assert "](" not in failed["message"]["text"]
    lines = list(github.annotate(verdict, run))
    assert len("\n".join(lines).splitlines()) == len(lines)
    json.loads(json.dumps(code_quality(verdict, run)))


def test_expectations_without_an_id_are_told_apart_by_their_arguments(tmp_path):
    """Two bounds on one column, as a suite edited by hand may hold: two rules, two issues, two rows of the history."""
    low, high = (
        verdicts.outcome(expectation_id=None, kwargs={"column": "rating", bound: 1})
        for bound in ("min_value", "max_value")
    )
    verdict, run = Verdict((low, high)), verdicts.run(tmp_path)
    assert low.key != high.key
    log = sarif(verdict, run)["runs"][0]
    assert len({rule["id"] for rule in log["tool"]["driver"]["rules"]}) == 2
    assert [one["ruleIndex"] for one in log["results"]] == [0, 1]
    assert len({one["partialFingerprints"]["expectation/v1"] for one in log["results"]}) == 2
    assert len({one["fingerprint"] for one in code_quality(verdict, run)}) == 2
    again = Verdict((verdicts.outcome(expectation_id=None, kwargs={"max_value": 1, "column": "rating"}),))
    assert code_quality(again, run)[0]["fingerprint"] == code_quality(verdict, run)[1]["fingerprint"]


def test_a_column_or_file_that_a_delivery_names_moves_no_cursor():
    row = FailingRow("a\x1b.csv", 3, {"b\x1b": 1})
    assert row_text(row) == "a\N{REPLACEMENT CHARACTER}.csv:3  b\N{REPLACEMENT CHARACTER} 1"
