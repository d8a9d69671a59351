"""When ratings were given: which times are usable, what moment a date is, and ratings in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from drift.handle import statement

if TYPE_CHECKING:
    import pandas as pd

    from drift.handle import Handle

EARLIEST, LATEST = 0, 4_102_444_800  # 1970 to 2100: times outside, such as milliseconds, cannot be placed
USABLE: Final = f'ratings.userId is not null and ratings."timestamp" >= {EARLIEST} and ratings."timestamp" < {LATEST}'
DAY: Final = 86_400  # seconds
LARGEST: Final = 1e15  # beyond any scale; the squares of levels so large still have sums in single precision
BOUNDED: Final = (
    f"case when abs(ratings.rating) > {LARGEST!r} then sign(ratings.rating) * {LARGEST!r} else ratings.rating end"
)


def moment(since: str | date | int) -> int:
    """Seconds since 1970 of a date or time; one without a zone is taken as UTC. Raises ValueError."""
    if isinstance(since, int):
        return since
    if isinstance(since, str):
        try:
            since = datetime.fromisoformat(since)
        except ValueError:
            raise ValueError(f"since is {since!r}: must be a date such as 2003-03-01") from None
    if not isinstance(since, datetime):
        since = datetime(since.year, since.month, since.day)  # the zone is set below
    return int((since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp())


@dataclass(frozen=True)
class Times:
    """When the usable ratings of a handle were given, by day: columns day, n, low and high, sorted.

    Only the ratings of a day that is asked for are put in order, whatever the size of the data. `rating` is the SQL
    expression of a rating's level.
    """

    handle: Handle
    days: pd.DataFrame
    excluded: int
    rating: str
    ratings: str = "ratings"

    @classmethod
    def of(cls, handle: Handle, ratings: str = "ratings") -> Times:
        """Those of the table `ratings`, or of a query in brackets."""
        ratings = f"{ratings} as ratings"
        days = handle.sql(statement("days", usable=USABLE, ratings=ratings)).sort_values("day", ignore_index=True)
        every = handle.sql(f"select count(*) as n, min(rating) as low, max(rating) as high from {ratings}").iloc[0]
        bounded = every["low"] < -LARGEST or every["high"] > LARGEST
        excluded = int(every["n"]) - int(days["n"].sum())
        return cls(handle, days, excluded, BOUNDED if bounded else "ratings.rating", ratings)

    @property
    def n(self) -> int:
        return int(self.days["n"].sum())

    @property
    def start(self) -> int:
        """The first time."""
        return int(self.days["low"].min())

    @property
    def end(self) -> int:
        """Just after the last time."""
        return int(self.days["high"].max()) + 1

    def since(self, moment: int) -> int:
        """How many ratings were given at the time or after."""
        return self.n - self.before(moment)

    def before(self, moment: int) -> int:
        """How many ratings were given before."""
        whole = int(self.days.loc[self.days["high"] < moment, "n"].sum())
        parted = self.days.loc[(self.days["low"] < moment) & (self.days["high"] >= moment), "day"]
        return whole + sum(int((self._of_day(int(day)) < moment).sum()) for day in parted)

    def nth(self, place: float) -> int:
        """The time of the rating at a place in the order of time, counted from 0."""
        if not self.n:
            return EARLIEST
        place = max(0, min(int(place), self.n - 1))
        total = self.days["n"].cumsum()
        found = int(total.searchsorted(place, side="right"))
        earlier = int(total.iloc[found]) - int(self.days["n"].iloc[found])
        return int(self._of_day(int(self.days["day"].iloc[found])).iloc[place - earlier])

    def _of_day(self, day: int) -> pd.Series:
        within = f'ratings."timestamp" >= {day * DAY} and ratings."timestamp" < {(day + 1) * DAY}'
        query = f'select "timestamp" as t from {self.ratings} where {USABLE} and {within} order by t'
        return self.handle.sql(query)["t"]
