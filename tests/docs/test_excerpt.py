"""What a notebook shows of the report is escaped as the report is, and needs no page around it."""

from __future__ import annotations

from checks.docs import data_charts, excerpt
from checks.gate.terms import Status
from checks.gate.verdict import Verdict
from tests import verdicts
from tests.docs.tables import warehouse

SCRIPT = "<script>window.ran=1</script>"


def test_charts_are_drawn_and_those_that_the_data_did_not_allow_left_out() -> None:
    levels = data_charts.rating_levels(warehouse([(1, 1, 4.0, 0)]))
    shown = excerpt.charts(levels, data_charts.rating_levels(warehouse(None)))._repr_html_()
    assert shown.count("<svg") == shown.count("<figure") == 1
    assert 'The commonest rating is 4.0, in <span class="whole">100 %</span> of rows' in shown


def test_findings_are_those_that_did_not_hold_with_what_to_do() -> None:
    held = verdicts.outcome(status=Status.PASSED, rows=(), sentence="This holds.")
    failed = verdicts.outcome(sentence=SCRIPT, action="Mend it.")
    lost = verdicts.outcome(status=Status.UNDETERMINED, cause="no file", has_result=False, sentence="This is lost.")
    shown = excerpt.findings(Verdict((held, failed, lost)))._repr_html_()
    assert shown.count("<li") == 2
    assert "No file.</b>" in shown
    assert "Mend it." in shown
    assert "This holds." not in shown
    assert SCRIPT not in shown
    assert "&lt;script&gt;" in shown
    assert "<a " not in shown


def test_users_are_shown_with_their_evidence_escaped() -> None:
    measured = [{"measure": "Ratings", "user": 20, "low": 1, "high": 9, "median": 5}]
    card = {"userId": 7, "status": "flagged", "attack_group": None, "said": [SCRIPT], "compared": measured, "films": []}
    shown = excerpt.users([card])._repr_html_()
    assert "User 7" in shown
    assert SCRIPT not in shown
