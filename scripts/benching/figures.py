"""From measurements to figures: medians, ratios, goals, growth."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benching.contest import Measurement
from scripts.benching.rules import IMPORT

Figure = Callable[[Measurement], float]
BILLION = 1_000_000_000
# Time and memory of the job over those of the plain build, at most, by number of ratings.
PLAIN_GOALS = {100_000: (0.65, 1.0), 1_000_000: (0.75, 0.85), 10_000_000: (0.75, 0.60), 32_000_000: (0.75, 0.60)}
LINEAR = 1.25  # the cost of a further rating may differ so much between sizes, as rounds do, and time still be linear


def wall(one: Measurement) -> float:
    return one.wall_seconds


def cpu(one: Measurement) -> float:
    return one.cpu_seconds


def memory(one: Measurement) -> float:
    return float(one.peak_bytes)


def after_import(one: Measurement) -> float:
    return one.seconds_after_import


@dataclass(frozen=True)
class Goal:
    """A goal with its figure (None: not measured)."""

    text: str
    limit: float
    figure: float | None

    @property
    def verdict(self) -> str:
        return "not measured" if self.figure is None else "reached" if self.figure <= self.limit else "missed"

    def as_dict(self) -> dict[str, Any]:
        return {"goal": self.text, "limit": self.limit, "figure": self.figure, "verdict": self.verdict}


@dataclass(frozen=True)
class Results:
    """All measurements. `by_ratings` are those whose users grow with the ratings, the others the sweep over users."""

    by_ratings: Sequence[Measurement]
    by_users: Sequence[Measurement] = ()

    def sizes(self) -> list[int]:
        return sorted({one.ratings for one in self.by_ratings})

    def of(self, contestant: str, ratings: int) -> dict[int, Measurement]:
        """A contestant's measurements at a size, by round."""
        return {one.round: one for one in self.by_ratings if (one.contestant, one.ratings) == (contestant, ratings)}

    def median(self, figure: Figure, contestant: str, ratings: int) -> float | None:
        return _median(figure(one) for one in self.of(contestant, ratings).values())

    def ratio(self, figure: Figure, contestant: str, to: str, ratings: int) -> float | None:
        """The median over the rounds of one contestant's figure over another's of the same round.

        What slows the machine for a while slows both, so the ratio of a round errs less than that of the medians.
        """
        return _median(figure(one) / figure(other) for one, other in self.pairs(contestant, to, ratings))

    def pairs(self, contestant: str, to: str, ratings: int) -> list[tuple[Measurement, Measurement]]:
        """Measurements of both of the same round, at a size."""
        others = self.of(to, ratings)
        return [(one, others[n]) for n, one in self.of(contestant, ratings).items() if n in others]


def _median(values: Iterable[float]) -> float | None:
    listed = list(values)
    return statistics.median(listed) if listed else None


def medians(measurements: Iterable[Measurement]) -> Iterator[dict[str, Any]]:
    """A row for each contestant, number of ratings and number of users, in order of appearance."""
    rows: dict[tuple[str, int, int], list[Measurement]] = {}
    for one in measurements:
        rows.setdefault((one.contestant, one.ratings, one.users), []).append(one)
    for (contestant, ratings, users), group in rows.items():
        yield {
            "contestant": contestant,
            "ratings": ratings,
            "users": users,
            "rounds": len(group),
            "wall_seconds": statistics.median(map(wall, group)),
            "seconds_after_import": statistics.median(map(after_import, group)),
            "cpu_seconds": statistics.median(map(cpu, group)),
            "peak_bytes": statistics.median(map(memory, group)),
            "phases": {name: statistics.median(one.phases.get(name, 0.0) for one in group) for name in group[0].phases},
        }


def goals(results: Results) -> list[Goal]:
    """What the job is to reach, each with what was measured."""
    largest = max(PLAIN_GOALS)
    found = [
        _ratio_goal(results, "time", wall, "gx-pandas", largest, 1.0),
        _ratio_goal(results, "memory", memory, "gx-pandas", largest, 1.0),
    ]
    for size, (time_limit, memory_limit) in PLAIN_GOALS.items():
        found.append(_ratio_goal(results, "time", wall, "plain", size, time_limit))
        found.append(_ratio_goal(results, "memory", memory, "plain", size, memory_limit))
    limited = results.median(memory, "job-2gb", largest)
    found.append(Goal(f"job-2gb, memory in GB, at {short(largest)}", 2.0, None if limited is None else limited / 1e9))
    checks = results.ratio(after_import, "checks", "query", 10_000_000)
    found.append(Goal("checks, load included, / query by hand, after imports, at 10m", 1.7, checks))
    rest = _but_for_import(results, 100_000)
    found.append(Goal("job but for GX's import, seconds, at 100k", 1.5, rest))
    found.append(Goal("growth of the job's memory / growth of the data, from the smallest size", 1.0, _slower(results)))
    found.append(Goal("cost of a further rating, the last two sizes / the two before", LINEAR, _linear(results)))
    return found


def _ratio_goal(results: Results, what: str, figure: Figure, to: str, size: int, limit: float) -> Goal:
    return Goal(f"job / {to}, {what}, at {short(size)}", limit, results.ratio(figure, "job", to, size))


def _but_for_import(results: Results, size: int) -> float | None:
    """The job's time less that of the import alone in the same round, as the job imports beside its analyses."""
    pairs = results.pairs("job", "gx-import", size)
    return _median(job.wall_seconds - alone.phases[IMPORT] for job, alone in pairs)


def _course(results: Results, figure: Figure) -> list[tuple[int, float]]:
    """The job's medians by size."""
    medians = [(size, results.median(figure, "job", size)) for size in results.sizes()]
    return [(size, median) for size, median in medians if median is not None]


def _slower(results: Results) -> float | None:
    course = _course(results, memory)
    if len(course) < 2:
        return None
    (few, small), (many, large) = course[0], course[-1]
    return (large / small) / (many / few)


def _linear(results: Results) -> float | None:
    """Fixed costs fall out of the differences, which else would flatter the growth."""
    course = _course(results, wall)[-3:]
    if len(course) < 3:
        return None
    before, last = ((there[1] - here[1]) / (there[0] - here[0]) for here, there in itertools.pairwise(course))
    return last / before if before > 0 else None


def growth(results: Results) -> dict[str, Any] | None:
    """The least-squares line through the job's medians, and what it says of a billion ratings; None for one size."""
    if len(results.sizes()) < 2 or len(_course(results, wall)) < 2:
        return None
    lines = {}
    for name, figure in (("wall_seconds", wall), ("cpu_seconds", cpu), ("peak_bytes", memory)):
        sizes, values = zip(*_course(results, figure), strict=True)
        slope, start = statistics.linear_regression(sizes, values)
        lines[name] = {"at_none": start, "a_million_more": slope * 1e6, "at_a_billion": start + slope * BILLION}
    return lines


def short(count: int) -> str:
    """A count as the command line takes it: 100k, 32m."""
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)
