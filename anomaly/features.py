"""Features of users: what a profile looks like next to what others do, its own ratings left out.

Names and sources: RDMA and DegSim, Chirita, Nejdl and Zamfir (WIDM 2005); WDMA, WDA, LengthVar and the filler
statistics, Burke, Mobasher, Williams and Bhaumik (KDD 2006) and Mobasher et al. (ACM TOIT 2007); likeness through
factors, Mehta and Nejdl (UMUAI 2009); bursts on one film, Zhang et al. (time series of ratings, SIGIR 2006).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anomaly.ends import BOTTOM, TOP
from anomaly.fashion import Eras, fashion
from anomaly.profiles import CHUNK, HALF_STARS_SINCE, NEVER, Films, Profiles, by_user
from anomaly.tastes import left_out_means
from anomaly.threads import in_threads
from anomaly.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.tastes import Tastes
    from anomaly.types import Bools, Floats, Ints

# A pause of half an hour ends a session, as web analytics counts them.
SESSION_GAP = 1_800
# Film and end, or user, above the seconds of a time: 2^34 of them are past the year 2500.
KEY_BITS = 34
SECONDS = (1 << KEY_BITS) - 1
WINDOWS = {"same_second": 0, "in_10s": 10, "in_60s": 60, "in_10min": 600}
BURSTS = {"day": DAY, "month": 30 * DAY}
# Over which a film's ratings are taken to spread, as MovieLens's do, whatever the delivery spans: in a shorter one all
# surprises are higher, which the norms of its own users take up.
PACE = 3_000 * DAY
# The shares of ratings at the upper and the lower end of the scale: 0.21 to 0.23 and 0.04 to 0.06 in MovieLens 100K, 1M
# and ml-latest-small; the lower is set a little above, as it differs most from film to film.
USUALLY_EXTREME = 0.21, 0.07
# What others do with the same films at the same time: the features that a crowd gives its members.
TOGETHER = ("extreme_burst_day", "extreme_burst_month", "extreme_agreement")
# First genres are counted by; MovieLens has twenty, and of a catalogue with more some share a number.
N_GENRES = 24
# Ratings measured at a time by each thread: some 25 MB of intermediate arrays, most of it in the caches.
MEASURED = 100_000


@dataclass(frozen=True)
class Place:
    """What profiles are measured against."""

    films: Films
    tastes: Tastes
    extremes: Extremes
    eras: Eras


@dataclass(frozen=True)
class Extremes:
    """Ratings at the two ends of the scale, as sorted keys of film, end and time; for bursts on one film.

    `near` holds, for each window of BURSTS and each such rating of the indexed profiles in their order, how many others
    of the same film and end lie within the window.
    """

    key: Ints
    near: dict[str, Ints] = field(default_factory=dict)
    added: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, profiles: Profiles) -> Extremes:
        keys = [extreme_keys(part)[0] for _, part in profiles.chunks()]
        key = np.concatenate([np.zeros(0, np.int64), *keys])
        order = np.argsort(key)
        key = key[order]
        near = in_threads(lambda window: _near(key, order, window), BURSTS.values())
        return cls(key, dict(zip(BURSTS, near, strict=True)))

    def stretches(self, profiles: Profiles, n: int) -> Iterator[tuple[int, Profiles, dict[str, Ints]]]:
        """The indexed profiles in stretches of about n ratings: first user, profiles, and what of `near` is theirs."""
        begin = 0
        for first, part in profiles.chunks(n):
            mine = slice(begin, begin + int(_is_extreme(part).sum()))
            yield first, part, {name: counted[mine] for name, counted in self.near.items()}
            begin = mine.stop

    @cached_property
    def all_time(self) -> Ints:
        """How many indexed keys each film and end have: shape (highest film * 2 + 2,)."""
        return np.bincount(self.key >> KEY_BITS)

    def with_ratings(self, profiles: Profiles) -> Extremes:
        """The same with these profiles' ratings, once more if they were added before."""
        more = replace(self, added=np.sort(extreme_keys(profiles)[0]))
        vars(more)["all_time"] = self.all_time  # of the indexed keys: not to be counted anew for each handful of guests
        return more

    def others(self, key: Ints) -> Ints:
        """How many other keys have the film and end of each key, at any time."""
        film_end = key >> KEY_BITS
        known = np.append(self.all_time, 0)[np.minimum(film_end, len(self.all_time))]
        first = film_end << KEY_BITS
        return known + between(self.added, first, first + (1 << KEY_BITS) - 1) - 1

    def others_within(self, key: Ints, window: int) -> Ints:
        """How many other keys of the same film and end lie within the window (in seconds) about each key."""
        low, high = np.maximum(key - window, key >> KEY_BITS << KEY_BITS), key + window
        return self.indexed(low, high) + between(self.added, low, high) - 1

    def indexed(self, low: Ints, high: Ints) -> Ints:
        """How many indexed keys lie in each closed range."""
        return between(self.key, low, high)


def between(key: Ints, low: Ints, high: Ints) -> Ints:
    """How many keys lie in each closed range."""
    if not len(key):
        return np.zeros(len(low), np.int64)
    return np.searchsorted(key, high, side="right") - np.searchsorted(key, low, side="left")


def _near(key: Ints, order: Ints, window: int) -> Ints:
    """How many other keys of the same film and end lie within the window about each of the sorted keys: int32, in the
    order that they came in.

    What lies before a key's window is what has its own window's end before the key, so only ends are searched for;
    in order, where each search ends beside the last one, in the caches.
    """
    until = np.empty(len(key), np.int32)
    for begin in range(0, len(key), CHUNK):
        some = slice(begin, begin + CHUNK)
        until[some] = np.searchsorted(key, key[some] + window, side="right")
    ending = np.bincount(until, minlength=len(key) + 1)[: len(key)]
    until -= np.cumsum(ending, out=ending).astype(np.int32)
    near = np.empty(len(key), np.int32)
    near[order] = until - 1
    return near


def extreme_keys(profiles: Profiles) -> tuple[Ints, Ints]:
    """Keys of the rows at an end of the scale (4.5 and 5, or 1 and below), and which rows."""
    rows = np.flatnonzero(_is_extreme(profiles))
    key = (profiles.film[rows].astype(np.int64) * 2 + (profiles.rating[rows] >= TOP)) << KEY_BITS
    return key + profiles.timestamp[rows], rows


def _is_extreme(profiles: Profiles) -> Bools:
    return (profiles.rating >= TOP) | (profiles.rating <= BOTTOM)


def measure(profiles: Profiles, place: Place, fold: Ints, *, same: bool = False) -> dict[str, Floats]:
    """Every feature of every user, each an array of shape (n_users,); NaN where it can't be told.

    Args:
        profiles: the users to measure; their ratings are among those of `place`.
        fold: the fold of each user, shape (n_users,): its film vectors were learned without the fold.
        same: the profiles are all those that `place` indexes, in order.
    """
    parts = in_threads(_measure_chunk, _jobs(profiles, place, fold, same))
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}  # never all twice


class _Job(NamedTuple):
    """A stretch of users to measure, with what is known of it."""

    part: Profiles
    place: Place
    fold: Ints
    near: dict[str, Ints]


def _jobs(profiles: Profiles, place: Place, fold: Ints, same: bool) -> Iterator[_Job]:
    unknown: dict[str, Ints] = {}
    guests = ((first, part, unknown) for first, part in profiles.chunks(MEASURED))
    for first, part, near in place.extremes.stretches(profiles, MEASURED) if same else guests:
        yield _Job(part, place, fold[first : first + part.n_users], near)


def _measure_chunk(job: _Job) -> dict[str, Floats]:
    part, place = job.part, job.place
    expected = left_out_means(part, place.films)
    return (
        _shape(part)
        | _deviation(part, place.films, expected)
        | _popularity(part, place.films)
        | _cadence(part)
        | _history(part, place.films)
        | _order(part, place.films)
        | _taste(part, place, job.fold, expected)
        | _extreme_bursts(part, place, job.near)
        | fashion(part, place.films.count, place.eras)
    )


# --- sums by user ------------------------------------------------------------------------------------------------


def _mean(values: Floats | Bools, part: Profiles) -> Floats:
    return by_user(values, part) / part.size


def _each(values: Floats | Ints, part: Profiles) -> Floats:
    """A number of each user for each of its rows."""
    return np.repeat(values, part.size)


def _maximum(values: Floats | Ints, part: Profiles) -> Floats:
    return np.maximum.reduceat(values, part.start[:-1])


def _correlation(x: Floats, y: Floats, part: Profiles) -> Floats:
    """Pearson's, drawn to 0 for small profiles or constant ones."""
    x = x - _each(_mean(x, part), part)
    y = y - _each(_mean(y, part), part)
    covariance = _mean(x * y, part)
    scale = np.sqrt(_mean(x * x, part) * _mean(y * y, part))
    return covariance / (scale + 1e-6)


# --- shape of the ratings ----------------------------------------------------------------------------------------


def _shape(part: Profiles) -> dict[str, Floats]:
    level = np.clip(np.round(part.rating * 2).astype(np.int64), 1, 10) - 1
    share = np.bincount(part.user * 10 + level, minlength=part.n_users * 10).reshape(-1, 10) / part.size[:, None]
    mean = _mean(part.rating, part)
    spread = np.sqrt(np.maximum(_mean(part.rating.astype(float) ** 2, part) - mean**2, 0))
    return {
        "mean": mean,
        "spread": spread,
        "entropy": -np.sum(share * np.log(np.maximum(share, 1e-12)), axis=1),
        "share_top": share[:, 9],
        "share_bottom": share[:, 0] + share[:, 1] * (share[:, 0] == 0),
        "share_one_level": share.max(axis=1),
        "share_extreme": share[:, 0] + share[:, 1] + share[:, 9],
        "share_middle": share[:, 4] + share[:, 5] + share[:, 6],
        "levels_used": (share > 0).sum(axis=1).astype(float),
        "half_star_share": share[:, 0::2].sum(axis=1),
    }


# --- deviation from the films' means -----------------------------------------------------------------------------


def _deviation(part: Profiles, films: Films, expected: Floats) -> dict[str, Floats]:
    # The films' counts without the own rating, and with one for itself: what RDMA and WDMA weigh by.
    weight = np.maximum(films.count, 1)[part.film]
    deviation = part.rating - expected
    size = np.abs(deviation)
    own = _mean(deviation, part)
    residual = deviation - _each(own, part)
    square = residual**2
    spread = np.sqrt(_mean(square, part))
    rdma = size / weight
    return {
        "mean_deviation": own,
        "mean_absolute_deviation": _mean(size, part),
        "rdma": np.log(_mean(rdma, part) + 1e-3),
        "wdma": np.log(_mean(rdma / weight, part) + 1e-4),
        "residual_spread": spread,
        "residual_tail": _maximum(np.abs(residual), part),
        "residual_kurtosis": np.log(_mean(square**2, part) / (spread**4 + 1e-3) + 0.1),
        "share_far_off": _mean(size > 2, part),
        "correlation_with_means": _correlation(part.rating.astype(float), expected, part),
    }


# --- popularity --------------------------------------------------------------------------------------------------


def _popularity(part: Profiles, films: Films) -> dict[str, Floats]:
    others = films.log_others[part.film]
    top, middle, rare = films.popular_from
    count = films.count[part.film]
    mean = _mean(others, part)
    return {
        "popularity": mean,
        "popularity_spread": np.sqrt(np.maximum(_mean(others**2, part) - mean**2, 0)),
        "share_top_films": _mean(count >= top, part),
        "share_known_films": _mean(count >= middle, part),
        "share_rare_films": _mean(count <= rare, part),
        "rarest_film": -np.minimum.reduceat(others, part.start[:-1]),
    }


# --- cadence -----------------------------------------------------------------------------------------------------


def _cadence(part: Profiles) -> dict[str, Floats]:
    gaps = _Gaps.of(part)
    return _densest(part) | _short_gaps(gaps) | _lengths_of_gaps(gaps) | _sittings(gaps) | _even_gaps(gaps)


@dataclass(frozen=True)
class _Gaps:
    """The seconds since the user's rating before, for each rating; 0 for the first one, which is not `inner`."""

    part: Profiles
    seconds: Ints
    inner: Bools

    @classmethod
    def of(cls, part: Profiles) -> _Gaps:
        seconds = np.diff(part.timestamp, prepend=part.timestamp[:1])
        inner = np.ones(len(seconds), bool)
        inner[part.start[:-1]] = False
        seconds[~inner] = 0
        return cls(part, seconds, inner)

    @property
    def number(self) -> Ints:
        """Of each user; 1 where there is none, to divide by."""
        return np.maximum(self.part.size - 1, 1)

    def share(self, mask: Bools) -> Floats:
        """Of each user's gaps, those of the mask."""
        return self.mean(mask & self.inner)

    def mean(self, values: Floats | Bools) -> Floats:
        return by_user(values, self.part) / self.number


def _short_gaps(gaps: _Gaps) -> dict[str, Floats]:
    return {
        "zero_gap_share": gaps.share(gaps.seconds == 0),
        "short_gap_share": gaps.share(gaps.seconds <= 2),
        "medium_gap_share": gaps.share((gaps.seconds > 2) & (gaps.seconds <= 20)),
    }


def _lengths_of_gaps(gaps: _Gaps) -> dict[str, Floats]:
    log_gap = np.log1p(gaps.seconds)
    mean_log, square_log = gaps.mean(log_gap), gaps.mean(log_gap**2)
    return {"mean_log_gap": mean_log, "gap_spread": np.sqrt(np.maximum(square_log - mean_log**2, 0))}


def _sittings(gaps: _Gaps) -> dict[str, Floats]:
    part = gaps.part
    sessions, largest = _sessions(gaps.seconds > SESSION_GAP, gaps.inner, part)
    span = part.timestamp[part.start[1:] - 1] - part.timestamp[part.start[:-1]]
    return {
        "sessions": np.log(sessions),
        "largest_session_share": largest / part.size,
        "session_size": np.log(part.size / sessions),
        "span": np.log1p(span / 3600),
    }


def _even_gaps(gaps: _Gaps) -> dict[str, Floats]:
    """How much like a clock's: one gap again and again, or nearly so, or twice in a row."""
    seconds, positive = gaps.seconds, gaps.seconds > 0
    modal, often = _commonest_gap(seconds, positive, gaps.part)
    near = np.abs(seconds - _each(modal, gaps.part)) <= 1
    repeated = np.zeros(len(seconds), bool)
    repeated[1:] = (seconds[1:] == seconds[:-1]) & gaps.inner[:-1]
    return {
        "modal_gap_share": often / gaps.number,
        "near_modal_gap_share": gaps.share(near & positive),
        "repeated_gap_share": gaps.share(repeated),
        "repeated_positive_gap_share": gaps.share(repeated & positive),
    }


def _sessions(long: Bools, inner: Bools, part: Profiles) -> tuple[Ints, Ints]:
    """Number of sessions of each user, and ratings in the largest; `long` tells the gaps that end one."""
    begin = np.flatnonzero(long | ~inner)
    first = np.searchsorted(begin, part.start[:-1])
    largest = np.maximum.reduceat(np.diff(begin, append=len(inner)), first)
    return np.diff(first, append=len(begin)), largest


def _densest(part: Profiles) -> dict[str, Floats]:
    """The most ratings in any window, in logs; and as whole numbers for the rules."""
    key = (part.user.astype(np.int64) << KEY_BITS) + part.timestamp
    # Of the ratings of one second the first one's window holds most.
    begin = np.flatnonzero(np.diff(key, prepend=-1))
    first = np.searchsorted(begin, part.start[:-1])
    found: dict[str, Floats] = {}
    for name, seconds in WINDOWS.items():
        end = np.searchsorted(key, key[begin] + seconds, side="right") if seconds else np.append(begin[1:], len(key))
        found[f"most_{name}"] = np.log(np.maximum.reduceat(end - begin, first))
    return found


def _commonest_gap(gap: Ints, counted: Bools, part: Profiles) -> tuple[Ints, Ints]:
    """Each user's commonest gap in seconds and how often it occurs; 0 and 0 without one; the longest of equals."""
    key = np.sort((part.user[counted].astype(np.int64) << KEY_BITS) + gap[counted])
    modal, often = np.zeros(part.n_users, np.int64), np.zeros(part.n_users, np.int64)
    if not len(key):
        return modal, often
    begin = np.flatnonzero(np.diff(key, prepend=-1))
    times = np.diff(begin, append=len(key))
    owner = key[begin] >> KEY_BITS
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    commonest = np.maximum.reduceat((times << KEY_BITS) + (key[begin] & SECONDS), first)
    modal[owner[first]], often[owner[first]] = commonest & SECONDS, commonest >> KEY_BITS
    return modal, often


# --- the film's own history --------------------------------------------------------------------------------------


def _history(part: Profiles, films: Films) -> dict[str, Floats]:
    """Ratings that could hardly have been given then: before the film came out or anyone had it."""
    age = 1970 + part.timestamp / (365.2425 * DAY) - films.year[part.film]
    unknown = np.isnan(age)
    first = films.first[part.film]
    mine = np.flatnonzero(first == part.timestamp)
    first[mine] = films.second[part.film[mine]]
    early = np.flatnonzero((first > part.timestamp) & (first != NEVER) & (films.count[part.film] > 4))
    lead = np.zeros(len(first))
    lead[early] = (first[early] - part.timestamp[early]) / DAY
    half = (part.rating * 2) % 2 == 1
    log_age = np.log(np.where(unknown, 0, np.maximum(age, -5)) + 6)
    mean_age = _mean(log_age, part)
    lead_on_others = lead.copy()
    lead_on_others[early] = np.log1p(lead[early])
    return {
        "share_before_release": _mean(age < -0.1, part),
        "share_before_anyone": _mean(lead > 30, part),
        "lead_on_others": _mean(lead_on_others, part),
        "share_impossible_half_star": _mean(half & (part.timestamp < HALF_STARS_SINCE), part),
        "film_age": mean_age,
        "film_age_spread": np.sqrt(np.maximum(_mean(log_age**2, part) - mean_age**2, 0)),
    }


# --- order and genres --------------------------------------------------------------------------------------------


def _order(part: Profiles, films: Films) -> dict[str, Floats]:
    """Whether neighbours in time are alike: people rate off lists, one page after another."""
    popularity = films.log_count[part.film]
    place = np.arange(len(part.film), dtype=np.float64) - _each(part.start[:-1], part)
    genre = (films.genre % N_GENRES)[part.film]
    share = np.bincount(part.user * N_GENRES + genre, minlength=part.n_users * N_GENRES).reshape(-1, N_GENRES)
    genres = share / part.size[:, None]
    return {
        "order_popularity": _lag_correlation(popularity, part),
        "order_rating": _lag_correlation(part.rating.astype(float), part),
        "order_film": _lag_correlation(films.log_id[part.film], part),
        "order_year": _lag_correlation(np.nan_to_num(films.year, nan=1990.0)[part.film], part),
        "trend_popularity": _correlation(popularity, place, part),
        "genre_entropy": -np.sum(genres * np.log(np.maximum(genres, 1e-12)), axis=1),
        "top_genre_share": genres.max(axis=1),
    }


def _lag_correlation(values: Floats, part: Profiles) -> Floats:
    """Autocorrelation at lag 1 along each user's history."""
    centred = values - _each(_mean(values, part), part)
    return _lag_sum(centred[1:] * centred[:-1], part) / (by_user(centred**2, part) + 1e-3)


def _lag_sum(steps: Floats, part: Profiles) -> Floats:
    """Sums by user of a number for each row and the one before, less those that lead from user to user."""
    inner = np.concatenate([np.zeros(1, steps.dtype), steps])
    inner[part.start[:-1]] = 0
    return by_user(inner, part)


# --- tastes ------------------------------------------------------------------------------------------------------


def _taste(part: Profiles, place: Place, fold: Ints, expected: Floats) -> dict[str, Floats]:
    row = np.repeat(fold * len(place.films.ids), part.size) + part.film
    selection = place.tastes.selection.reshape(-1, place.tastes.selection.shape[2]).take(row, axis=0)
    opinion = place.tastes.opinion.reshape(-1, place.tastes.opinion.shape[2]).take(row, axis=0)
    coherence, sequence = _togetherness(selection, part)
    deviation = part.rating - expected
    residual = (deviation - _each(_mean(deviation, part), part)).astype(np.float32)
    predicted = _predicted_from_rest(opinion, residual, part)
    return {
        "film_coherence": coherence,
        "film_coherence_in_order": sequence,
        "taste_correlation": _correlation(predicted, residual, part),
        "taste_strength": _taste_strength(predicted, residual, part),
    }


def _togetherness(vectors: Floats, part: Profiles) -> tuple[Floats, Floats]:
    """Mean likeness of pairs of a user's films, of all pairs and of neighbours in time, over their length."""
    total = np.add.reduceat(vectors, part.start[:-1], axis=0).astype(float)
    own = by_user(np.einsum("ij,ij->i", vectors, vectors), part)
    pairs = np.maximum(part.size * (part.size - 1), 1)
    scale = own / part.size + 1e-12
    coherence = (np.einsum("ij,ij->i", total, total) - own) / pairs / scale
    step = _lag_sum(np.einsum("ij,ij->i", vectors[1:], vectors[:-1]), part)
    return coherence, step / np.maximum(part.size - 1, 1) / scale


def _predicted_from_rest(vectors: Floats, residual: Floats, part: Profiles) -> Floats:
    """Each rating's residual as the user's other ratings predict it (up to a factor)."""
    weighted = vectors * residual[:, None]
    total = np.add.reduceat(weighted, part.start[:-1], axis=0)
    return np.einsum("ij,ij->i", vectors, np.repeat(total, part.size, axis=0) - weighted)


def _taste_strength(predicted: Floats, residual: Floats, part: Profiles) -> Floats:
    """The same as a statistic: agreement over what chance would give, N(0, 1) for made-up tastes."""
    agreement = by_user(predicted * residual, part)
    spread = by_user(residual**2, part) / part.size + 1e-3
    chance = by_user(predicted**2, part) * spread
    return agreement / np.sqrt(chance + 1e-12)


# --- bursts on one film ------------------------------------------------------------------------------------------


def _extreme_bursts(part: Profiles, place: Place, near: dict[str, Ints]) -> dict[str, Floats]:
    """How unlikely the run of like extreme ratings of one film about the user's own is; the user's most unlikely film.

    Surprise is -log10 of the Poisson chance of as many others within the window, if the film's ratings lay evenly over
    `PACE`. `near` holds the others within each window where they are counted already.
    """
    key, rows = extreme_keys(part)
    user = part.user[rows]
    all_time = place.extremes.others(key)
    found = {}
    for name, window in BURSTS.items():
        others = near[name] if near else place.extremes.others_within(key, window)
        expected = np.maximum(all_time * 2 * window / PACE, 1e-3)
        surprise = others * np.log10(np.maximum(others, 1) / expected) - (others - expected) / np.log(10)
        surprise = np.where(others > expected, surprise, 0.0)
        best = np.zeros(part.n_users)
        np.maximum.at(best, user, surprise)
        found[f"extreme_burst_{name}"] = np.sqrt(best)
    best = np.zeros(part.n_users)
    np.maximum.at(best, user, _extreme_excess(part, place, rows, all_time))
    return found | {"extreme_agreement": best}


def _extreme_excess(part: Profiles, place: Place, rows: Ints, others: Ints) -> Floats:
    """How far a film's share of that extreme, without the user, is above what its popularity makes usual (z)."""
    n = np.maximum(place.films.count[part.film[rows]] - 1, 0)
    usual = np.where(part.rating[rows] >= TOP, *USUALLY_EXTREME)
    z = (others - n * usual) / np.sqrt(n * usual * (1 - usual) + 1.0)
    return np.sqrt(np.maximum(z, 0) / np.log(n + 3))
