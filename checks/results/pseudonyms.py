"""User ids under pseudonyms, wherever a run shows them: `--hash-users`.

A pseudonym is the HMAC-SHA256 (RFC 2104) of the id under a secret salt from the environment, cut to 48 bits: the
same user has the same pseudonym in every run under one salt, and without the salt no id can be tried out. Rules judge
the ids themselves, so a verdict does not hang on how users are shown.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from checks.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SALT: Final = "MOVIELENS_USER_SALT"
SHORTEST_SALT = 16  # characters: a shorter one can be tried out
CHARACTERS = 12  # 48 bits: among 200 000 users two share a pseudonym once in 14 000 deliveries
USER_COLUMNS = ("userId", "most_like_user")  # of tables and of the suites' queries
# The text of a whole row, and figures of the suites' queries from which an id can be reckoned.
WITHHELD_COLUMNS = ("raw_text", "highest_id", "missing_ids")
WITHHELD = "(withheld)"
# Of a column's own result in Great Expectations, the parts that hold its values.
VALUE_PARTS = ("observed_value", "partial_unexpected_list", "unexpected_list")
COUNT_PARTS = ("partial_unexpected_counts", "value_counts")


class SaltError(UserError):
    """The salt is missing or too short."""


@dataclass(frozen=True)
class UserNames:
    """How users are shown: by their ids, or with a salt by pseudonyms."""

    salt: bytes | None = field(default=None, repr=False)

    def of(self, user: Any) -> Any:
        """What to show for the id `user`; an empty id stays empty."""
        if self.salt is None or user is None or user != user:  # the last: NaN, the empty id of a frame
            return user
        number = int(user) if isinstance(user, float) and user.is_integer() else user
        return "u" + hmac.new(self.salt, str(number).encode(), hashlib.sha256).hexdigest()[:CHARACTERS]

    def shown(self, value: Any) -> Any:
        """`value`, JSON-like, with each user named by a key of `USER_COLUMNS` under its pseudonym."""
        if self.salt is None:
            return value
        if isinstance(value, Mapping):
            shown = {key: self._of_column(key, one) for key, one in value.items()}
            return shown | _without_cell(shown) if is_of_users(value.get("column_name")) else shown
        return [self.shown(one) for one in value] if isinstance(value, (list, tuple)) else value

    def _of_column(self, name: Any, value: Any) -> Any:
        if name in WITHHELD_COLUMNS:
            return value if value is None else WITHHELD
        return self._values(value) if name in USER_COLUMNS else self.shown(value)

    def _values(self, value: Any) -> Any:
        return [self.of(one) for one in value] if isinstance(value, (list, tuple)) else self.of(value)

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A findings table as it is written to a file."""
        if self.salt is None:
            return frame
        named = {name: frame[name].astype(object).where(frame[name].notna(), None).map(self.of)
                 for name in USER_COLUMNS if name in frame}  # fmt: skip
        return frame.assign(**named)

    def statistics(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`columns.statistics` without the lowest, the highest and the middle ids of users."""
        if self.salt is None or frame.empty:
            return frame
        figures = frame.columns.difference(["table", "column", "type", "rows", "nulls", "distinct", "approximate"])
        return frame.assign(**{name: frame[name].mask(frame["column"].map(is_of_users)) for name in figures})

    def suite_result(self, result: Any) -> Any:
        """A copy of GX's ExpectationSuiteValidationResult with users as they are shown."""
        if self.salt is None or result is None:
            return result
        return _with(result, results=[self._expectation_result(one) for one in result.results])

    def _expectation_result(self, one: Any) -> Any:
        values = self.shown(dict(one.result or {}))
        if one.expectation_config.kwargs.get("column") in USER_COLUMNS:
            values |= {part: self._values(values[part]) for part in VALUE_PARTS if part in values}
            values |= {part: self._counted(values[part]) for part in COUNT_PARTS if part in values}
        return _with(one, result=values)

    def _counted(self, counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "value": self.of(one.get("value"))} for one in counts]


PLAIN: Final = UserNames()


def is_of_users(column: Any) -> bool:
    """Whether a delivered column holds users: `userId`, or one that a sender spelled otherwise, or delivered twice."""
    return column in USER_COLUMNS or re.sub("[^a-z]", "", str(column).lower()).startswith("userid")


def _without_cell(rejected: Mapping[str, Any]) -> dict[str, Any]:
    """Why a row was rejected for its user, without the cell that the reason quotes: it holds the id, only spoiled."""
    reason = rejected.get("reason")
    if reason is None:
        return {}
    _, said, kind = str(reason).rpartition("' is not ")
    return {"reason": f"{WITHHELD} is not {kind}" if said else WITHHELD}


def _with(original: Any, **changed: Any) -> Any:
    made = copy.copy(original)
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def from_environment() -> UserNames:
    """Pseudonyms under the salt of the environment. Raises SaltError."""
    salt = os.environ.get(SALT, "")
    if len(salt) < SHORTEST_SALT:
        raise SaltError(
            f"--hash-users: the environment variable {SALT} must hold a secret of {SHORTEST_SALT} characters or more, "
            "the same for all runs whose pseudonyms are to agree."
        )
    return UserNames(salt.encode())
