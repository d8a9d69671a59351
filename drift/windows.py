"""Windows of time: reference and current, half-open, in UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from drift.handle import Handle

EARLIEST, LATEST = 0, 4_102_444_800  # 1970 to 2100: times outside, such as milliseconds, cannot be placed
USABLE: Final = f'ratings.userId is not null and ratings."timestamp" >= {EARLIEST} and ratings."timestamp" < {LATEST}'
REFERENCE, CURRENT = 0, 1


@dataclass(frozen=True)
class Window:
    """Ratings at or after `start` and before `end`, in seconds since 1970, UTC."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_moment(self.start)} to {_moment(self.end)}"


@dataclass(frozen=True)
class Part:
    """Ratings of one handle, with the SQL expression of the side that each belongs to (null: to none)."""

    handle: Handle
    side: str


@dataclass(frozen=True)
class Windows:
    """The two windows compared, where their ratings lie, and how many rows could not be placed.

    `recent` is the start of the reference's own last part, as long in ratings as the current window (but at
    most half of the reference): what the current window's newcomers are compared with.
    """

    reference: Window | None
    current: Window | None
    parts: tuple[Part, ...]
    recent: int
    excluded: int

    def label(self, side: int) -> str:
        """The window's name in the findings."""
        window = (self.reference, self.current)[side]
        return "empty" if window is None else str(window)


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


def windows_in_time(warehouse: Handle, split: float, since: str | date | int | None) -> Windows:
    """Ratings before and from a moment: `since`, or the time at which the share `split` of ratings was given."""
    if not 0 < split < 1:
        raise ValueError(f"split is {split}: must lie between 0 and 1")
    boundary = _quantile(warehouse, split, USABLE) if since is None else moment(since)
    side = f'case when ratings."timestamp" < {boundary} then {REFERENCE} else {CURRENT} end'
    reference = _span(warehouse, f'{USABLE} and ratings."timestamp" < {boundary}')
    current = _span(warehouse, f'{USABLE} and ratings."timestamp" >= {boundary}')
    return _windows(warehouse, reference, current, (Part(warehouse, side),), boundary)


def windows_of_folders(warehouse: Handle, reference: Handle, since: str | date | int | None) -> Windows:
    """All ratings of `reference` against those of `warehouse`, from `since` on if given."""
    start = EARLIEST if since is None else moment(since)
    side = f'case when ratings."timestamp" >= {start} then {CURRENT} end'
    spans = _span(reference, USABLE), _span(warehouse, f'{USABLE} and ratings."timestamp" >= {start}')
    parts = (Part(reference, str(REFERENCE)), Part(warehouse, side))
    return _windows(reference, *spans, parts, None)


def since_start(windows: Windows, start: int) -> Windows:
    """The same windows without ratings before `start`."""
    parts = tuple(
        Part(part.handle, f'case when ratings."timestamp" >= {start} then {part.side} end') for part in windows.parts
    )
    assert windows.reference is not None
    return replace(windows, reference=Window(start, windows.reference.end), parts=parts)


def _windows(
    reference_handle: Handle,
    reference: tuple[int, Window | None],
    current: tuple[int, Window | None],
    parts: tuple[Part, ...],
    boundary: int | None,
) -> Windows:
    before = USABLE if boundary is None else f'{USABLE} and ratings."timestamp" < {boundary}'
    share = min(0.5, current[0] / max(1, reference[0]))
    recent = _quantile(reference_handle, 1 - share, before)
    excluded = sum(_excluded(part.handle) for part in parts)
    first, second = reference[1], current[1]
    if boundary is not None and first and second:
        first, second = Window(first.start, boundary), Window(boundary, second.end)
    return Windows(first, second, parts, recent, excluded)


def _span(handle: Handle, condition: str) -> tuple[int, Window | None]:
    """Number of ratings, and the half-open window from the first to just after the last."""
    row = handle.sql(
        f'select count(*) as n, min("timestamp") as low, max("timestamp") as high from ratings where {condition}'
    ).iloc[0]
    return int(row["n"]), Window(int(row["low"]), int(row["high"]) + 1) if row["n"] else None


def _excluded(handle: Handle) -> int:
    return int(handle.sql(f"select count(*) as n from ratings where ({USABLE}) is not true")["n"].iloc[0])


def _quantile(handle: Handle, share: float, condition: str) -> int:
    """The time before which the share `share` of ratings lies, found by day and then within the day.

    Counting by day first keeps the sort to one day's ratings, whatever the size of the data.
    """
    day = 'floor("timestamp" / 86400)'
    days = handle.sql(
        f"select {day} as day, count(*) as n from ratings where {condition} group by {day} order by {day}"
    )
    if days.empty:
        return EARLIEST
    total = days["n"].cumsum()
    wanted = share * total.iloc[-1]
    found = min(int(total.searchsorted(wanted, side="right")), len(days) - 1)
    rank = int(wanted - (total.iloc[found] - days["n"].iloc[found]))
    times = handle.sql(
        f'select "timestamp" as t from ratings where {condition} and {day} = {int(days["day"].iloc[found])} '
        f'order by "timestamp"'
    )["t"]
    return int(times.iloc[min(rank, len(times) - 1)])


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
