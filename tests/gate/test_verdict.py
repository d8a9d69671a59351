"""The verdict follows from the outcomes by severity, and says why in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.terms import Decision
from checks.gate.verdict import Verdict, after_causes, questions
from tests.gate.results import expectation, judged, result


@pytest.mark.parametrize(
    ("severity", "fail_on", "exit_code"),
    [
        ("critical", "critical", 1),
        ("warning", "critical", 0),
        ("info", "critical", 0),
        ("warning", "warning", 1),
        ("info", "warning", 0),
        ("info", "info", 1),
    ],
)
def test_severity_gates_from_the_chosen_one_up(severity: str, fail_on: str, exit_code: int) -> None:
    one = expectation(severity)
    assert judged((one, result(one, success=False)), fail_on=fail_on).exit_code == exit_code


def test_critical_failure_beside_something_undetermined_is_a_failure() -> None:
    one, two = expectation(id_="a"), expectation(id_="b")
    assert judged((one, result(one, success=False)), (two, None)).exit_code == 1


def test_an_answer_tells_a_pass_with_warnings_from_one_without() -> None:
    warning, critical = expectation("warning"), expectation(id_="b")
    warned = (warning, result(warning, success=False))
    rows, users, _ = questions(judged(warned))
    assert (rows.answer, users.answer) == ("pass, with warnings", "undetermined")
    assert questions(judged(warned, (critical, result(critical, success=False))))[0].answer == "fail"
    assert questions(judged((critical, result(critical, success=True))))[0].answer == "pass"


def test_a_pass_says_how_much_of_what_severity_is_left_to_read() -> None:
    ones = [expectation(severity, id_=str(place)) for place, severity in enumerate(["warning", "info", "warning"])]
    assert judged(*[(one, result(one, success=False)) for one in ones]).why() == (
        "Nothing critical failed; 2 warnings and 1 info to read."
    )


@pytest.mark.parametrize(
    ("fail_on", "failed", "nothing"),
    [
        ("critical", "1 critical expectation failed.", "Nothing critical failed; 1 info to read."),
        ("warning", "1 warning or critical expectation failed.", "Nothing warning or critical failed; 1 info to read."),
        ("info", "1 expectation failed.", None),
    ],
)
def test_the_reason_names_the_severities_that_gate(fail_on: str, failed: str, nothing: str | None) -> None:
    def why(severity: str) -> str:
        one = expectation() | {"severity": severity}
        results = SimpleNamespace(results=[result(one, success=False, detail={"observed_value": 3})])
        return judge({"ratings": results}, [Declared("ratings", [one])], fail_on).why()

    assert why("critical") == failed
    assert nothing is None or why("info") == nothing


def test_what_could_not_be_judged_was_asked_but_not_evaluated_and_is_no_pass() -> None:
    holds = expectation(id_="a")
    verdict = judged((holds, result(holds, success=True)), (expectation(id_="b"), None))
    assert (verdict.n_asked, verdict.n_evaluated, verdict.pass_rate) == (2, 1, 0.5)
    assert Verdict(()).pass_rate is None


@pytest.mark.parametrize(
    ("causes", "reason"),
    [
        (["no such file"], "no such file. Why."),
        (["no such file.", None, "no such file."], "no such file. Why."),
        (["no such file", "no column tag", "no such table"], "no such file, and 2 more causes. Why."),
        ([None], "Why."),
    ],
)
def test_a_verdict_that_could_not_be_given_tells_the_first_cause_before_its_reason(
    causes: list[str | None], reason: str
) -> None:
    assert after_causes("Why.", Decision.UNDETERMINED, causes, told=1) == reason
    assert after_causes("Why.", Decision.FAIL, causes, told=1) == "Why."
