"""Results as Great Expectations gives them, made by hand, and what the gate makes of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from checks.gate.declared import Declared
from checks.gate.judging import judge
from checks.gate.verdict import Verdict


def expectation(severity: str = "critical", id_: str | None = "a", **kwargs: Any) -> dict[str, Any]:
    return {"id": id_, "type": "expect_x", "kwargs": kwargs, "severity": severity, "notes": ["Means.", "Do."]}


def result(declared: dict[str, Any], success: bool, detail: dict[str, Any] | None = None, info: Any = None) -> Any:
    config = SimpleNamespace(id=declared["id"] or "made-by-gx", type=declared["type"], kwargs=declared["kwargs"])
    found = {"observed_value": 1} if detail is None else detail
    return SimpleNamespace(expectation_config=config, success=success, result=found, exception_info=info)


def judged(*pairs: tuple[dict[str, Any], Any], fail_on: str = "critical") -> Verdict:
    suite = Declared("ratings", [declared for declared, _ in pairs], "ratings.csv")
    results = SimpleNamespace(results=[one for _, one in pairs if one is not None])
    return judge({"ratings": results}, [suite], fail_on)
