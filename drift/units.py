"""What is compared: users on a side, and one feature of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from drift.windows import CURRENT, REFERENCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.features import Feature

FEWEST_TO_CHANGE: Final = 10  # users who change places with others: of fewer, chance decides what these are like
BALANCED: Final = 50  # rounds, each nearer to as many rows of the current side as there are
APPEARANCES: Final = "presence"  # the source of features that compare who is there


@dataclass(frozen=True)
class Units:
    """User-and-side pairs as rows: `users` and `sides` of shape (n_units,), a user at most once a side.

    follows: whether the current side comes after the reference, so that who is on both came back. first: where one side
    is in periods, in each of which a user may stand, whether the user was first seen in the row's, shape (n_units,).
    lone: the other side then, which is one period.
    """

    users: NDArray[np.int64]
    sides: NDArray[np.int8]
    follows: bool = False
    first: NDArray[np.bool_] | None = None
    lone: int = CURRENT

    @cached_property
    def user(self) -> NDArray[np.int64]:
        """The place of each row's user among all users."""
        return np.unique(self.users, return_inverse=True)[1]

    @cached_property
    def chance(self) -> NDArray[np.float32]:
        """How often relabellings count each row for the current side: either row of a user seen on both, half of them.

        Where users of both sides differ from the others, these chances alone make the sides differ: of the smaller one
        they are the larger part.
        """
        if self.first is not None:
            alone = (self.odds / self.rows_of_user)[self.user].astype(np.float32)
            return alone if self.lone == CURRENT else 1 - alone
        chance, single = np.full(len(self.users), 0.5, np.float32), self.single_rows
        if len(single):
            current = self.sides[single] == CURRENT
            chance[single] = current if self.nested else current.mean()
        return chance

    def users_among(self, rows: NDArray[np.bool_]) -> int:
        """How many users have one of the rows."""
        return int(np.count_nonzero(np.bincount(self.user[rows], minlength=1)))

    @cached_property
    def rows_of_user(self) -> NDArray[np.int64]:
        """How many rows each user has, shape (n_users,)."""
        return np.bincount(self.user)

    @cached_property
    def by_user(self) -> NDArray[np.int64]:
        """The rows in the order of users."""
        return np.argsort(self.user, kind="stable")

    @cached_property
    def begins(self) -> NDArray[np.int64]:
        """Where each user's rows begin in that order, shape (n_users,)."""
        return np.cumsum(self.rows_of_user) - self.rows_of_user

    @cached_property
    def odds(self) -> NDArray[np.float64]:
        """How often one of each user's rows counts for the lone side, where the other is in periods: (n_users,).

        In proportion to their number, so that all rows count as often; one at most, as the lone side is one period.
        """
        wanted, rows = int((self.sides == self.lone).sum()), self.rows_of_user
        share = wanted / max(1, len(self.users))
        for _ in range(BALANCED):
            odds = np.minimum(1, rows * share)
            share *= wanted / max(odds.sum(), 1e-9)
        return odds

    @cached_property
    def nested(self) -> bool:
        """Whether all users of one side, or all but a few, are on the other, which has more users.

        These have nobody to change places with. Where one side follows the other, they are those who did not come back,
        and it is known what to expect of the others.
        """
        few, many = np.sort(np.bincount(self.sides[self.single_rows], minlength=2))
        return bool(not self.follows and few < FEWEST_TO_CHANGE <= many)

    @cached_property
    def single_rows(self) -> NDArray[np.int64]:
        """Rows of users seen on one side."""
        return np.setdiff1d(np.arange(len(self.users)), self.paired_rows)

    @cached_property
    def paired_rows(self) -> NDArray[np.int64]:
        """Rows of users seen on both sides, shape (2, n): the reference's above the current one's."""
        reference = np.flatnonzero(self.sides == REFERENCE)
        current = np.flatnonzero(self.sides == CURRENT)
        _, left, right = np.intersect1d(self.users[reference], self.users[current], return_indices=True)
        return np.stack([reference[left], current[right]])


@dataclass(frozen=True)
class UserValues:
    """One feature for each unit (a user on a side): what is compared, and on how many ratings it rests.

    counts: shape (n_units, 1), or (n_units, n_columns) where columns rest on different ratings; 0: no value.
    columns: shape (n_units, n_columns): means, cumulative shares or shares, named by `names`.
    means, squares: shape (n_units,): mean of the values and of their squares; empty for kinds without.
    shares: shape (n_units, n_bins): histograms that sum to one over `bins`; empty for kinds without.
    ratings: shape (n_units,): number of ratings of the unit, for weighting by rating.
    """

    feature: Feature
    names: tuple[str, ...]
    columns: NDArray[np.float32]
    counts: NDArray[np.float32]
    means: NDArray[np.float32]
    squares: NDArray[np.float32]
    bins: tuple[str, ...]
    shares: NDArray[np.float32]
    ratings: NDArray[np.float32]

    def values_behind(self) -> NDArray[np.float32]:
        """Number of values of each unit: its ratings, where these are averaged or overlap."""
        one_each = self.feature.per == "rating" and self.counts.shape[1] == 1
        return self.counts[:, 0] if one_each else self.ratings
