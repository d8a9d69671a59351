"""Windows of time: reference and current, half-open, in UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from drift.draws import is_drawn, pair
from drift.handle import statement
from drift.held import push_held
from drift.repeated import NOTHING, Repeated, repeated
from drift.times import DAY, EARLIEST, LATEST, USABLE, Times, moment

if TYPE_CHECKING:
    from datetime import date

    from drift.handle import Handle

# Of windows in periods, these are 0 for the reference's last one, -1 for the one before, and so on; 1 for the current
# window's first one, 2 for the next.
REFERENCE, CURRENT = 0, 1
RECENT: Final = 0.5  # of the reference, at most, is what newcomers are compared with; who is new there, the rest tells
# Users of the smaller window that are compared. With so many, the least difference that matters is nearly six standard
# errors or more of any feature, and the cost is known to a hundredth of a star. The rarest fault that any feature
# minds, a thousandth of the ratings, is then some ten users', if these have no other ratings. A fault of a few very
# busy users may be missed by a sample; the suites look at every row.
COMPARED_USERS: Final = 10_000
# How much users give, and how sure a user's mean is, hangs on how long they are looked at: a reference longer than so
# many times the current window is looked at in periods as long as that. Up to there a user who rates all the time has a
# third of a doubling more ratings, and one who rates on one day or two, as most do, no more.
LONGER: Final = 1.25
# Of users, that are compared: some 200 MB of arrays, and beside the other window's most users they err little.
COMPARED_PERIODS: Final = 50_000
MOST_PERIODS: Final = 32_000  # which two bytes number
COUNTED_PART: Final = 64  # of users, one in so many is counted: a scan without a table of all users


@dataclass(frozen=True)
class Window:
    """Ratings at or after `start` and before `end`, in seconds since 1970, UTC."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_moment(self.start)} to {_moment(self.end)}"


@dataclass(frozen=True)
class Part:
    """Ratings of one handle; SQL of the side that each belongs to (null: to none), and of its level.

    `compared` is SQL of whether its user is compared: where there are very many, a sample of them is. `held`: the end
    of a reference whose ratings are left out here, if they are; the table drift_held has each user's last.
    """

    handle: Handle
    side: str
    rating: str
    compared: str = "true"
    held: int | None = None

    def statement(self, name: str, **parameters: object) -> str:
        """The statement of sql/`name`.sql over this part's ratings by users who are compared."""
        usable = f"{USABLE} and {self.compared}"
        tables = {"ratings": f"{self.table('ratings')} as ratings", "tags": self.table("tags")}
        return statement(name, side=self.side, rating=self.rating, usable=usable, **tables, **parameters)

    def table(self, name: str) -> str:
        """What `name`, ratings or tags, holds of this part."""
        if self.held is None:
            return name
        # Tags follow the ratings, so that the reference holds some that are later than their user's last rating.
        last = "drift_held.last" if name == "ratings" else f"{self.held - 1}"
        return (
            f"(select {name}.* from {name} left join drift_held on drift_held.user_id = {name}.userId "
            f'where drift_held.last is null or {name}."timestamp" is null or {name}."timestamp" < {EARLIEST} '
            f'or {name}."timestamp" > {last})'
        )

    def of_everyone(self) -> Part:
        """The ratings of all users: films are known by all that is said of them."""
        return replace(self, compared="true")

    def of_drawn(self, share: float) -> Part:
        """The ratings of a share of the users, the same ones in every run and on both sides."""
        return replace(self, compared=is_drawn("ratings.userId", share))

    def of_side(self, side: int) -> Part:
        """The part's ratings of one side alone."""
        mine = f"{self.side} {'>=' if side == CURRENT else '<='} {side}"
        return replace(self, side=f"case when {mine} then {self.side} end")

    def within(self, current: Window) -> Part:
        """The part's reference, and of its current ratings those in `current`."""
        time = 'ratings."timestamp"'
        inside = f"{time} >= {current.start} and {time} < {current.end}"
        return replace(self, side=f"case when {self.side} = {REFERENCE} or ({inside}) then {self.side} end")

    def in_periods(self, periods: Periods) -> Part:
        """The part, one of its sides in these periods."""
        place, side = periods.place, periods.side
        number = f"-{place}" if side == REFERENCE else f"{CURRENT} + {place}"
        parted = f"case when {place} < {periods.n}{periods.drawn} then {number} end"
        return replace(self, side=f"case when {self.side} = {side} then {parted} else {self.side} end")


@dataclass(frozen=True)
class Windows:
    """The two windows compared, where their ratings lie, and how many rows could not be placed.

    `recent` is the start of the reference's own last part, whose newcomers those of the current window are compared
    with. The part has as many ratings as the current window, but at most half of the reference's; where it has fewer
    than the current window, only newcomers until `recent_end` count, as many ratings into that window. `compared_share`
    is the share of the users that is compared; `held` is how many ratings of the delivery are left out, as the
    reference holds them, too; `repeated` tells whether it repeats that truly; `periods`, which the longer window is
    looked at in, if it is.
    """

    reference: Window | None
    current: Window | None
    parts: tuple[Part, ...]
    recent: int
    excluded: int
    compared_share: float = 1.0
    recent_end: int = LATEST
    held: int = 0
    repeated: Repeated = NOTHING
    periods: Periods | None = None

    @property
    def follow(self) -> bool:
        """Whether the current window begins when the reference is over."""
        old, new = self.reference, self.current
        return old is not None and new is not None and new.start >= old.end

    def looked_at_in(self, periods: Periods | None) -> Windows:
        """The windows, the longer one in these periods, or as it is."""
        if periods is None:
            return self
        return replace(self, parts=tuple(part.in_periods(periods) for part in self.parts), periods=periods)

    def described(self) -> dict[str, Any]:
        """The fields of the findings that all rows share."""
        old, new = ("empty" if window is None else str(window) for window in (self.reference, self.current))
        return {
            "reference_window": old,
            "current_window": new,
            "compared_share": self.compared_share,
            "excluded_rows": self.excluded,
            "held_rows": self.held,
            "lost_share": self.repeated.lost,
            "changed_share": self.repeated.changed,
        }


def windows_of(warehouse: Handle, reference: Handle | None, split: float, since: str | date | int | None) -> Windows:
    """Of one delivery parted in time, or of `reference` and a delivery where there is one."""
    if reference is None:
        return windows_in_time(warehouse, split, since)
    return windows_of_folders(warehouse, reference, since)


def windows_in_time(warehouse: Handle, split: float, since: str | date | int | None) -> Windows:
    """Ratings before and from a moment: `since`, or the time at which the share `split` of ratings was given."""
    if not 0 < split < 1:
        raise ValueError(f"split is {split}: must lie between 0 and 1")
    times = Times.of(warehouse)
    boundary = times.nth(split * times.n) if since is None else moment(since)
    before = times.before(boundary)
    after = times.n - before
    reference = Window(times.start, boundary if after else times.end) if before else None
    current = Window(boundary if before else times.start, times.end) if after else None
    side = f'case when ratings."timestamp" < {boundary} then {REFERENCE} else {CURRENT} end'
    part = Part(warehouse, side, times.rating)
    recent, end = _recent(times, before, after), _recent_end(times, before, before, after)
    return Windows(reference, current, (part,), recent, times.excluded, recent_end=end)


def windows_of_folders(warehouse: Handle, reference: Handle, since: str | date | int | None) -> Windows:
    """All ratings of `reference` against those that `warehouse` holds besides, from `since` on if given."""
    start = EARLIEST if since is None else moment(since)
    old, every = Times.of(reference), Times.of(warehouse)
    side = f'case when ratings."timestamp" >= {start} then {CURRENT} end'
    parts = (Part(reference, str(REFERENCE), old.rating), Part(warehouse, side, every.rating))
    repeats, new = NOTHING, every
    if old.n and every.n and every.start < old.end:  # else they can have nothing in common
        repeats = _repeated(parts, old, every)
        parts, new = _net(parts, old, every, start)
    before = new.before(start)
    current = Window(new.nth(before), new.end) if new.n > before else None
    whole = Window(old.start, old.end) if old.n else None
    recent, end = _recent(old, old.n, new.n - before), _recent_end(new, before, old.n, new.n - before)
    held = every.since(start) - new.since(start)
    excluded = old.excluded + new.excluded
    return Windows(whole, current, parts, recent, excluded, recent_end=end, held=held, repeated=repeats)


def _repeated(parts: tuple[Part, Part], old: Times, new: Times) -> Repeated:
    """What became of the reference's ratings in the delivery."""
    before, now = parts
    levels, both_in = (before.rating, now.rating), (new.start, old.end)
    return repeated(before.handle, now.handle, levels, both_in, max(old.n, new.n), USABLE)


def _net(parts: tuple[Part, Part], old: Times, new: Times, start: int) -> tuple[tuple[Part, Part], Times]:
    """The parts, and the delivery's times, without what the reference holds.

    With it where nothing else is left: what moved is then what was lost.
    """
    reference, delivery = parts
    if not push_held(reference.handle, delivery.handle, (reference.rating, delivery.rating), USABLE):
        return parts, new
    net = replace(delivery, held=old.end)
    times = Times.of(net.handle, net.table("ratings"))
    return ((reference, net), times) if times.since(start) else (parts, new)


def sampled(windows: Windows, n_narrowed: int = 1) -> Windows:
    """The windows, compared by so many of their users that the smaller one has about `COMPARED_USERS`, or by all.

    The same share is drawn of both, so that who is seen in both stays so, and users can change sides as before.
    n_narrowed: into how many the current window is to be parted, each of which wants as many users.
    """
    drawn = [part.of_drawn(1 / COUNTED_PART) for part in windows.parts]
    counts = pd.concat([part.handle.sql(part.statement("window_users")) for part in drawn])
    users = COUNTED_PART * counts.groupby("side")["users"].sum().reindex([REFERENCE, CURRENT], fill_value=0).min()
    share = min(1.0, n_narrowed * COMPARED_USERS / max(1, users))
    if share == 1:
        return windows
    return replace(windows, parts=tuple(part.of_drawn(share) for part in windows.parts), compared_share=share)


@dataclass(frozen=True)
class Periods:
    """The n periods of `length` seconds beside `border` in which a side is looked at: before it, or from it on.

    share: of the users of each period, those who are compared.
    """

    side: int
    border: int
    length: int
    n: int
    share: float = 1.0

    @property
    def lone(self) -> int:
        """The other side, which is one period."""
        return CURRENT if self.side == REFERENCE else REFERENCE

    @property
    def place(self) -> str:
        """SQL of which of them a rating is in: 0 beside the border."""
        time = 'ratings."timestamp"'
        away = f"{self.border - 1} - {time}" if self.side == REFERENCE else f"{time} - {self.border}"
        return f"(({away}) // {self.length})"

    @property
    def drawn(self) -> str:
        """SQL that adds to a condition whether the user is drawn for the period: for each one others."""
        user = pair("ratings.userId", f"(1 + {self.place})")
        return "" if self.share == 1 else f" and {is_drawn(user, self.share)}"


def in_periods(windows: Windows, length: int | None = None) -> Windows:
    """The same, the longer one in its `periods_of`, if there are any."""
    return windows.looked_at_in(periods_of(windows, length))


def periods_of(windows: Windows, length: int | None = None) -> Periods | None:
    """Periods of the longer window as long as the other one, where the current follows the reference.

    length: of the current window in seconds, where it is not its own; it is taken to be of a day at least, as is the
    reference. What is left of the reference's oldest part is not compared; all of the current window is. Of each period
    so many users are drawn that `COMPARED_PERIODS` of them are compared.
    """
    old, new = windows.reference, windows.current
    if old is None or new is None or not windows.follow:
        return None
    length, whole = max(length or new.end - new.start, DAY), max(old.end - old.start, DAY)
    if whole > LONGER * length:
        n = int((whole + (1 - 1 / LONGER) * length) // length)  # a little less than a whole one counts, too
        return _drawn(Periods(REFERENCE, old.end, length, min(n, MOST_PERIODS)), windows)
    n = min(_nearest(length / whole), MOST_PERIODS)
    return _drawn(Periods(CURRENT, new.start, ceil(length / n), n), windows) if n > 1 else None


def _nearest(times: float) -> int:
    """Into how many equal parts to divide a window so many times as long as another one, for parts about as long."""
    return ceil(sqrt(times * times + 0.25) - 0.5)  # the least n with n (n + 1) at least the square


def _drawn(periods: Periods, windows: Windows) -> Periods:
    """The same for a part of their users if they are very many, each counted in each period; or about how many."""
    one_in = 1 if windows.compared_share == 1 else COUNTED_PART
    drawn = [part.of_drawn(windows.compared_share / one_in) if one_in > 1 else part for part in windows.parts]
    asked = {"mine": periods.side, "period": periods.place}
    counts = [part.handle.sql(part.statement("periods", **asked)) for part in drawn]
    return replace(periods, share=min(1.0, COMPARED_PERIODS / max(1, one_in * sum(int(n["n"].sum()) for n in counts))))


def since_start(windows: Windows, start: int) -> Windows:
    """The same windows without ratings before `start`."""
    parts = tuple(
        replace(part, side=f'case when ratings."timestamp" >= {start} then {part.side} end') for part in windows.parts
    )
    assert windows.reference is not None
    return replace(windows, reference=Window(start, windows.reference.end), parts=parts)


def _recent(times: Times, reference: int, current: int) -> int:
    """Where the last part of the first `reference` ratings begins: as many as there are `current`, or RECENT of all."""
    share = min(RECENT, current / max(1, reference))
    return times.nth(min((1 - share) * reference, reference - 1))


def _recent_end(times: Times, before: int, reference: int, current: int) -> int:
    """Where the first of the `current` ratings, which follow `before` ones, end: as many as that part has, or all."""
    return times.nth(before + RECENT * reference) if current > RECENT * reference else LATEST


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
