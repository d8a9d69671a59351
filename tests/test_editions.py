"""What is meant for whole editions is not asked of an increment that is one, and all else is, just as before."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from checks.editions import UNASKED, WHOLE, Kind, Since, is_for_editions, kind
from checks.engine import suites
from checks.engine.suites import ProjectError, declared_suites
from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.terms import Decision, Status
from checks.gate.verdict import Outcome, Verdict
from checks.loader import load
from scripts import run_checkpoint
from scripts.job import since
from tests import deliveries
from tests.gate.results import expectation, result

EDITIONS = {"meta": {"meant_for": "edition"}}
RULES = {"ratings": [expectation("warning") | EDITIONS, expectation()]}


def judged(increment: bool, *pairs: tuple[dict[str, Any], Any], fail_on: str = "critical") -> Verdict:
    suite = Declared("ratings", [declared for declared, _ in pairs], increment=increment)
    return judge({"ratings": SimpleNamespace(results=[one for _, one in pairs if one])}, [suite], fail_on)


@pytest.mark.parametrize("holds", [True, False])
def test_a_rule_for_editions_is_not_asked_of_an_increment_whatever_it_finds(holds: bool) -> None:
    meant, other = expectation("warning", "a") | EDITIONS, expectation(id_="b")
    pairs = (meant, result(meant, success=holds)), (other, result(other, success=True))
    verdict = judged(True, *pairs, fail_on="warning")
    assert [one.status for one in verdict.outcomes] == [Status.UNASKED, Status.PASSED]
    assert (verdict.outcomes[0].cause, verdict.outcomes[0].rows) == (UNASKED, ())
    assert (verdict.decision, verdict.why()) == (Decision.PASS, "Nothing warning or critical failed; 1 not asked.")
    assert verdict.worst_first() == []
    assert judged(False, *pairs).outcomes[0].status is (Status.PASSED if holds else Status.FAILED)


@pytest.mark.parametrize("evaluated", [True, False])
def test_a_rule_for_editions_that_could_not_be_judged_is_told_of_an_increment_too(evaluated: bool) -> None:
    meant, other = expectation("warning", "a") | EDITIONS, expectation(id_="b")
    raised = result(meant, success=False, detail={}) if evaluated else None
    assert judged(True, (meant, raised), (other, result(other, success=True))).decision is Decision.UNDETERMINED


def test_a_suite_of_which_nothing_is_asked_is_no_pass() -> None:
    meant = expectation("warning") | EDITIONS
    verdict = judged(True, (meant, result(meant, success=True)))
    assert verdict.decision is Decision.UNDETERMINED
    assert [one.cause for one in verdict.undetermined] == [f"each of its rules is {UNASKED}"]


def test_of_the_suites_nothing_that_gates_is_spared() -> None:
    """Each rule found broken: what is asked of an increment is told as it is of an edition."""

    def outcomes(increment: bool) -> dict[tuple[str, str], Outcome]:
        declared = [Declared(name, rules, increment=increment) for name, rules in declared_suites().items()]
        broken = {
            one.name: SimpleNamespace(results=[result(rule, success=False) for rule in one.expectations])
            for one in declared
        }
        return {one.key: one for one in judge(broken, declared).outcomes}

    edition, increment = outcomes(increment=False), outcomes(increment=True)
    spared = {key for key, one in increment.items() if one.status is Status.UNASKED}
    assert {key: one for key, one in edition.items() if key not in spared} == {
        key: one for key, one in increment.items() if key not in spared
    }
    assert {edition[key].severity for key in spared} == {"warning"}
    meant = [one for rules in declared_suites().values() for one in rules if is_for_editions(one)]
    assert len(spared) == len(meant) > 0


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (expectation("critical") | EDITIONS, "decides what passes, so it is asked of every delivery"),
        (
            expectation("warning") | {"meta": {"meant_for": "edition", "when_failed": "undetermined"}},
            "decides what passes, so it is asked of every delivery",
        ),
        (expectation("warning") | {"meta": {"meant_for": "editions"}}, "has the `meant_for` 'editions'; it may be"),
    ],
)
def test_a_rule_that_would_be_misread_is_refused(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        suites._check({"ratings": [rule | {"id": str(uuid4())}]}, Path("gx"))


@pytest.mark.parametrize(
    ("told", "compared", "expected"),
    [
        (True, Since(100, 95, 101), Kind(True, "Judged as an increment of --reference; not asked: 1 rule meant for ")),
        (True, Since(100, 94, 101), Kind(False, "Judged as an edition in spite of --increment, as 6 of its 100 rati")),
        (True, Since(101, 101, 101), Kind(False, "Judged as an edition in spite of --increment, as it has 101 rati")),
        (True, None, Kind(False, "Judged as an edition in spite of --increment, as it could not be compared")),
        (False, Since(100, 95, 101), Kind(False, "Its ratings are later than those of --reference, and fewer: if it ")),
        (False, Since(100, 94, 101), WHOLE),
        (False, Since(101, 101, 101), WHOLE),
        (False, None, WHOLE),
        (False, Since(100, 0, 50, 100), Kind(False, "All its ratings are earlier than those of --reference: are --da")),
        (False, Since(100, 0, 50, 99), WHOLE),
        (False, Since(0, 0, 50), WHOLE),
    ],
)
def test_an_increment_is_what_is_told_to_be_one_and_looks_like_it(
    told: bool, compared: Since | None, expected: Kind
) -> None:
    found = kind(told, compared, RULES)
    assert found.increment is expected.increment
    assert found.remark.startswith(expected.remark)
    assert bool(found.remark) is bool(expected.remark)


def test_where_no_rule_is_for_editions_nothing_is_suggested() -> None:
    assert kind(False, Since(1, 1, 2), {"ratings": [expectation()]}) == WHOLE


@pytest.mark.parametrize(("step", "later", "earlier"), [(0, 0, 0), (1, 100, 0), (-1, 0, 100)])
def test_the_ratings_after_and_before_all_of_the_references_are_counted(
    tmp_path: Path, step: int, later: int, earlier: int
) -> None:
    """Of the same 100 ratings, a day earlier or later, none or each is outside the time of the reference's."""
    before, now = deliveries.clean(), deliveries.clean()
    now["ratings"][1:] = [shifted(line, step * 86_400) for line in now["ratings"][1:]]
    with (
        load(deliveries.write(tmp_path / "before", before)) as reference,
        load(deliveries.write(tmp_path / "now", now)) as delivery,
    ):
        assert since.kept(delivery) is None
        delivery.write(since.TABLE, since.compared(delivery, reference))
        assert since.kept(delivery) == Since(100, later, 100, earlier)


def shifted(line: str, seconds: int) -> str:
    return deliveries.put(line, 3, str(int(line.split(",")[3]) + seconds))


def parted(folder: Path, fault: str = "") -> tuple[Path, Path]:
    """A past and what came in since: a tenth of the ratings, of which line 3 has the fault."""
    files = deliveries.whole()
    head, *ratings = files["ratings"]
    ratings.sort(key=lambda line: int(line.split(",")[3]))
    at = len(ratings) * 9 // 10
    new = [head, *ratings[at:]]
    new[2] = deliveries.put(new[2], 2, fault) if fault else new[2]
    past = deliveries.write(folder / "past", files | {"ratings": [head, *ratings[:at]]})
    return past, deliveries.write(folder / "new", files | {"ratings": new, "tags": files["tags"][:1]})


def run(output: Path, *options: str) -> dict[str, Any]:
    run_checkpoint.main(["--output", str(output), *options])
    return dict(json.loads((output / "summary.json").read_text(encoding="utf-8")))


def test_an_increment_is_judged_without_what_is_for_editions_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the option first, then with it over the same tables; a fault at line 3 is told alike."""
    past, new = parted(tmp_path, fault="7.5")
    options = ("--data", str(new), "--reference", str(past))
    before = run(tmp_path / "out", *options)
    assert "if it is an increment, --increment leaves out" in capsys.readouterr().out
    now = run(tmp_path / "out", *options, "--increment")
    printed = capsys.readouterr().out
    assert f"Judged {new}, held against {past}\n" in printed
    assert "Judged as an increment of --reference; not asked: " in printed
    assert "NOT ASKED  meant for whole editions, and this is an increment:\n    ratings: Every user has at" in printed
    assert (before["data"]["judged_as"], now["data"]["judged_as"]) == ("edition", "increment")
    assert now["data"]["tables_of"] is not None, "no table hangs on what a delivery is judged as"
    changed = {
        (one["status"], other["status"], one["meant_for"])
        for one, other in zip(before["expectations"], now["expectations"], strict=True)
        if one["status"] != other["status"]
    }
    assert ("failed", "unasked", "edition") in changed
    assert {(status, meant) for _, status, meant in changed} == {("unasked", "edition")}
    scale = [one for one in now["expectations"] if "half-star scale" in one["sentence"]]
    assert [(one["status"], one["rows"][0]["line"]) for one in scale] == [("failed", 3)]
    counts = now["suites"]["ratings"]
    assert counts["unasked"] == counts["declared"] - counts["evaluated"] > 0
    for page in (tmp_path / "out" / "report.md", tmp_path / "out" / "data_docs" / "index.html"):
        shown = page.read_text(encoding="utf-8")
        assert "meant for whole editions, and this is an increment" in shown, page
        assert "held against" in shown, page
        assert str(past) in shown.replace("<wbr>", ""), page


def test_an_edition_is_asked_everything_whatever_it_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past, _ = parted(tmp_path)
    whole = deliveries.write(tmp_path / "whole", deliveries.whole())
    found = run(tmp_path / "out", "--data", str(whole), "--reference", str(past), "--increment")
    assert "Judged as an edition in spite of --increment, as it has " in capsys.readouterr().out
    assert found["data"]["judged_as"] == "edition"
    assert {one["status"] for one in found["expectations"]} <= {"passed", "failed", "undetermined"}


def test_an_increment_of_nothing_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.clean())
    assert run_checkpoint.main(["--data", str(folder), "--output", str(tmp_path / "out"), "--increment"]) == 2
    assert "--increment: is what came in since the deliveries before" in capsys.readouterr().err
