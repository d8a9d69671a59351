"""What is asked of a delivery, and what can become of it and of each expectation: the words that the gate judges in."""

from __future__ import annotations

import signal
from enum import StrEnum

# The three questions that a delivery is asked, and the suites that answer each.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "Are the rows right?": ("ratings", "movies", "tags", "links", "rejected_rows"),
    "Are the users honest?": ("user_anomalies",),
    "Has the world moved?": ("drift_findings",),
}
REQUIRED_SUITES = tuple(suite for suites in QUESTIONS.values() for suite in suites)
# What a rule written as a query may count, as its `meta` says: {"counts": "users"}.
COUNTED = (
    *("findings", "rows", "users", "attacks", "features", "films"),
    *("genres", "levels", "seconds", "blocks", "gaps", "tags"),
)
MEASURE = "measure"  # said in its place of a query whose one row is no case, but what was measured on the whole table
# Of these no row of a file is one: a query gives the first that belongs to it, to show where it can be seen.
OF_MANY_ROWS = (MEASURE, "users", "attacks", "features", "levels", "seconds", "blocks", "gaps")


class Status(StrEnum):
    """What became of one expectation.

    `undetermined`: it could not be judged, which is not a pass. `unasked`: it is meant for other deliveries than this.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNDETERMINED = "undetermined"
    WAIVED = "waived"
    UNASKED = "unasked"


# What leaves nothing for anybody to mend.
CALM = (Status.PASSED, Status.UNASKED)


class Decision(StrEnum):
    """The gate's answer for the whole delivery."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    UNDETERMINED = "undetermined"


EXIT_CODES = {Decision.PASS: 0, Decision.FAIL: 1, Decision.UNDETERMINED: 2}
INTERRUPTED = 128 + signal.SIGINT  # as shells count
