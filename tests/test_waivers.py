"""Waivers: who answers for a failure, until when, and that nothing else lets one through."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checks.docs.renderers import with_expected
from checks.docs.view import _environment as environment
from checks.engine.suites import ROOT, ProjectError, declared_suites
from checks.gate import judging
from checks.gate.declared import Declared
from checks.gate.terms import Decision, Status
from checks.gate.verdict import Outcome, Verdict
from checks.reports import console, summary
from checks.waivers import Waiver, load_waivers

TODAY = date(2026, 3, 1)
SCALE = {"id": "e-1", "type": "expect_scale", "severity": "critical", "description": "On the scale.", "kwargs": {}}
SUITES = {"ratings": [SCALE]}
ENTRY = {"suite": "ratings", "expectation": "e-1", "owner": "jane", "reason": "known", "expires": date(2026, 3, 31)}


def write(root: Path, *entries: object, max_days: object = 90) -> Path:
    (root / "waivers.yml").write_text(yaml.safe_dump({"max_days": max_days, "waivers": list(entries)}))
    return root


def load(root: Path, *entries: object, max_days: object = 90) -> tuple[Waiver, ...]:
    return load_waivers(SUITES, TODAY, write(root, *entries, max_days=max_days))


def result(success: bool, raised: bool = False) -> dict[str, object]:
    config = SimpleNamespace(id="e-1", type="expect_scale", kwargs={})
    detail = {} if raised else {"element_count": 4, "unexpected_count": 0 if success else 1}
    one = SimpleNamespace(expectation_config=config, success=success, result=detail, exception_info={})
    return {"ratings": SimpleNamespace(results=[one])}


def judge(results: dict[str, object], *waivers: Waiver) -> Verdict:
    return judging.judge(results, [Declared("ratings", [SCALE])], waivers=waivers)


def test_a_waived_failure_is_shown_with_its_owner_and_does_not_gate(tmp_path):
    verdict = judge(result(success=False), *load(tmp_path, ENTRY))
    (outcome,) = verdict.outcomes
    assert (outcome.status, verdict.decision) == (Status.WAIVED, Decision.PASS)
    assert outcome.waiver.sentence() == "Waived by jane until 2026-03-31: known"
    assert verdict.why() == "Nothing critical failed; 1 waived."


def test_an_expired_waiver_gates_again_and_says_so(tmp_path):
    verdict = judge(result(success=False), *load(tmp_path, ENTRY | {"expires": date(2026, 2, 28)}))
    assert verdict.decision is Decision.FAIL
    assert "expired on 2026-02-28; it gates again" in verdict.outcomes[0].waiver.sentence()


def test_more_than_was_waived_gates_again_and_says_so(tmp_path):
    """Three known rows in March are no leave for a scale of ten points in April."""
    three = load(tmp_path, ENTRY | {"at_most": 3})
    many = result(success=False)
    assert judge(many, *three).decision is Decision.PASS
    many["ratings"].results[0].result["unexpected_count"] = 4
    assert judge(many, *load(tmp_path, ENTRY)).decision is Decision.PASS
    verdict = judge(many, *three)
    assert verdict.decision is Decision.FAIL
    said = "The waiver of jane covers 3 at most; it gates again. It said: known"
    assert verdict.outcomes[0].waiver.sentence() == said
    assert said in " ".join(re.sub("<[^>]+>", "", docs(verdict.outcomes[0])).split())


def test_what_could_not_be_judged_cannot_be_waived(tmp_path):
    waivers = load(tmp_path, ENTRY)
    assert judge(result(success=False, raised=True), *waivers).decision is Decision.UNDETERMINED
    assert judge({}, *waivers).decision is Decision.UNDETERMINED


def test_a_waiver_that_is_not_needed_changes_nothing(tmp_path):
    verdict = judge(result(success=True), *load(tmp_path, ENTRY))
    assert verdict.outcomes[0].status is Status.PASSED


@given(st.dates(TODAY - timedelta(days=400), TODAY + timedelta(days=90)), st.integers(0, 800))
def test_no_waiver_outlives_its_date(tmp_path_factory, expires, days_later):
    """Whatever day it is judged on, a failure is waived up to and on its last day, and gates from then on."""
    root = write(tmp_path_factory.getbasetemp(), ENTRY | {"expires": expires})
    today = max(expires - timedelta(days=90), TODAY + timedelta(days=days_later - 400))
    verdict = judge(result(success=False), *load_waivers(SUITES, today, root))
    assert (verdict.decision is Decision.PASS) == (today <= expires)


@pytest.mark.parametrize("field", sorted(ENTRY))
def test_every_field_is_required(tmp_path, field):
    with pytest.raises(ProjectError, match=rf"waivers.yml: waiver 1: lacks {field}; a waiver has"):
        load(tmp_path, {name: value for name, value in ENTRY.items() if name != field})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"suite": "rating"}, "the checkpoint has no suite rating; name one of ratings"),
        ({"expectation": "e-2"}, "matches nothing; no expectation of gx/expectations/ratings.json has the id e-2"),
        ({"expires": date(2026, 5, 31)}, r"expires on 2026-05-31, further ahead than `max_days` allows \(2026-05-30\)"),
        ({"expires": "soon"}, "`expires` must be a day such as 2026-12-31, not 'soon'"),
        ({"owner": " "}, "`owner` must be a text"),
        ({"reason": None}, "`reason` must be a text"),
        ({"until": 1}, "has the unknown field until"),
        ({"at_most": 0}, "`at_most` must be a whole number from 1 on, not 0"),
    ],
)
def test_a_waiver_that_says_something_wrong_stops_the_run(tmp_path, change, says):
    with pytest.raises(ProjectError, match=says):
        load(tmp_path, ENTRY | change)


def test_the_same_failure_is_not_waived_twice(tmp_path):
    with pytest.raises(ProjectError, match="waiver 2: waives e-1 a second time"):
        load(tmp_path, ENTRY, ENTRY | {"owner": "joe"})


@pytest.mark.parametrize("days", [0, 367, "90", True, None])
def test_the_longest_waiver_has_a_limit_itself(tmp_path, days):
    with pytest.raises(ProjectError, match="`max_days` must be a whole number from 1 to 366"):
        load(tmp_path, max_days=days)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("waivers: [", "is no valid YAML"),
        ("- ratings", "must hold `max_days` and `waivers`"),
        ("max_days: 9\nwaivers:", "`waivers` must be a list"),
        ("max_days: 9\nmax_days: 90\nwaivers: []", "line 1: max_days is given twice"),
        ("max_days: 9\nwaivers: [{suite: ratings, expires: 2026-02-30}]", "is no valid YAML"),
        ("max_days: 9\nwaivers: [ratings]", "waiver 1: lacks expectation, expires, owner, reason, suite"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_place(tmp_path, text, says):
    (tmp_path / "waivers.yml").write_text(text)
    with pytest.raises(ProjectError, match=f"waivers.yml.*{says}") as error:
        load_waivers(SUITES, TODAY, tmp_path)
    assert "\n" not in str(error.value)


def test_the_committed_file_is_read_and_waives_nothing():
    assert (ROOT / "waivers.yml").is_file()
    assert load_waivers(declared_suites(), TODAY) == ()


def docs(outcome: Outcome) -> str:
    page = environment().from_string('{% import "macros.html" as m %}{{ m.finding(one) }}{{ m.expectations([one]) }}')
    return page.render(one=with_expected(summary.expectation(outcome)))


def test_console_and_data_docs_name_the_owner_and_the_date(tmp_path):
    (waived,) = judge(result(success=False), *load(tmp_path, ENTRY)).outcomes
    (expired,) = judge(result(success=False), *load(tmp_path, ENTRY | {"expires": date(2026, 2, 28)})).outcomes
    assert console.details(waived)[0] == "Waived by jane until 2026-03-31: known"
    assert docs(waived).count("Waived by jane until 2026-03-31:") == 2
    assert console.details(expired)[0].startswith("The waiver of jane expired on 2026-02-28; it gates again.")
    assert docs(expired).count("The waiver of jane expired on 2026-02-28") == 2


def test_what_could_not_be_judged_says_that_its_waiver_does_not_apply(tmp_path):
    (raised,) = judge(result(success=False, raised=True), *load(tmp_path, ENTRY)).outcomes
    assert "A waiver covers failures alone." in console.details(raised)
    assert "does not apply here" in docs(raised)
