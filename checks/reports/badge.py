"""`badge.json`: the verdict as a badge, in the schema of shields.io's endpoint (https://shields.io/badges/endpoint-badge).

It is red exactly where the gate is, and counts what holds, so that a pass with warnings does not read like one without.
"""

from __future__ import annotations

import json

from checks.gate.terms import Decision, Status
from checks.gate.verdict import Verdict
from checks.run import Run

SCHEMA_VERSION = 1  # of shields.io, not ours
# Grey is shields.io's own for what is not known: undetermined is no pass, and no fault found either.
COLORS = {Decision.PASS: "brightgreen", Decision.FAIL: "red", Decision.UNDETERMINED: "lightgrey"}


def badge(verdict: Verdict, run: Run) -> str:
    """The badge as one line of JSON: schemaVersion, label, message, color. Of a simulated sample its label says so."""
    held = verdict.count(Status.PASSED)
    content = {
        "schemaVersion": SCHEMA_VERSION,
        "label": "simulated data" if run.simulated else "data quality",
        "message": f"{verdict.decision}, {held:,} of {verdict.n_asked:,} hold",
        "color": COLORS[verdict.decision],
    }
    return json.dumps(content) + "\n"
