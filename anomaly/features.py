"""Features of users: what a profile looks like next to what others do, its own ratings left out.

Names and sources: RDMA and DegSim, Chirita, Nejdl and Zamfir (WIDM 2005); WDMA, WDA, LengthVar and the filler
statistics, Burke, Mobasher, Williams and Bhaumik (KDD 2006) and Mobasher et al. (ACM TOIT 2007); likeness through
factors, Mehta and Nejdl (UMUAI 2009); bursts on one film, Zhang et al. (time series of ratings, SIGIR 2006).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from anomaly.profiles import HALF_STARS_SINCE, NEVER, Films, Profiles
from anomaly.tastes import left_out_means

if TYPE_CHECKING:
    from anomaly.tastes import Tastes
    from anomaly.types import Bools, Floats, Ints

DAY = 86_400
# A pause of half an hour ends a session, as web analytics counts them.
SESSION_GAP = 1_800
WINDOWS = {"same_second": 0, "in_10s": 10, "in_60s": 60, "in_10min": 600}
N_GENRES = 24
THREADS = 2  # each holds some 200 MB of intermediate arrays


@dataclass(frozen=True)
class Place:
    """What profiles are measured against."""

    films: Films
    tastes: Tastes
    extremes: Extremes


@dataclass(frozen=True)
class Extremes:
    """Ratings at the two ends of the scale, as sorted keys of film, end and time; for bursts on one film."""

    key: Ints
    added: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, profiles: Profiles) -> Extremes:
        keys = [_extreme_keys(part)[0] for _, part in profiles.chunks()]
        return cls(np.sort(np.concatenate([np.zeros(0, np.int64), *keys])))

    def with_ratings(self, profiles: Profiles) -> Extremes:
        """The same with these profiles' ratings, once more if they were added before."""
        return Extremes(self.key, np.sort(_extreme_keys(profiles)[0]))

    def between(self, low: Ints, high: Ints) -> Ints:
        """How many keys lie in each closed range."""
        return _between(self.key, low, high) + (_between(self.added, low, high) if len(self.added) else 0)


def _between(key: Ints, low: Ints, high: Ints) -> Ints:
    return np.searchsorted(key, high, side="right") - np.searchsorted(key, low, side="left")


def _extreme_keys(profiles: Profiles) -> tuple[Ints, Ints]:
    """Keys of the rows at an end of the scale (4.5 and 5, or 1 and below), and which rows."""
    top, bottom = profiles.rating >= 4.5, profiles.rating <= 1.0
    rows = np.flatnonzero(top | bottom)
    key = (profiles.film[rows].astype(np.int64) * 2 + top[rows]) << 34
    return key + profiles.timestamp[rows], rows


def measure(profiles: Profiles, place: Place, fold: Ints) -> dict[str, Floats]:
    """Every feature of every user, each an array of shape (n_users,); NaN where it can't be told.

    Args:
        profiles: the users to measure; their ratings are among those of `place`.
        fold: the fold of each user, shape (n_users,): its film vectors were learned without the fold.
    """
    chunks = list(profiles.chunks())
    jobs = [(part, place, fold[first : first + part.n_users]) for first, part in chunks]
    if len(jobs) == 1:
        return _measure_chunk(*jobs[0])
    # NumPy lets go of the interpreter's lock in nearly all that is slow here.
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(lambda job: _measure_chunk(*job), jobs))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measure_chunk(part: Profiles, place: Place, fold: Ints) -> dict[str, Floats]:
    return (
        _shape(part)
        | _deviation(part, place.films)
        | _popularity(part, place.films)
        | _cadence(part)
        | _history(part, place.films)
        | _order(part, place.films)
        | _taste(part, place, fold)
        | _extreme_bursts(part, place)
    )


# --- sums by user ------------------------------------------------------------------------------------------------


def _mean(values: Floats, part: Profiles) -> Floats:
    return np.bincount(part.user, values, part.n_users) / part.size


def _maximum(values: Floats | Ints, part: Profiles) -> Floats:
    return np.maximum.reduceat(values, part.start[:-1])


def _correlation(x: Floats, y: Floats, part: Profiles) -> Floats:
    """Pearson's, drawn to 0 for small profiles or constant ones."""
    x = x - _mean(x, part)[part.user]
    y = y - _mean(y, part)[part.user]
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


def _deviation(part: Profiles, films: Films) -> dict[str, Floats]:
    expected = left_out_means(part, films)
    others = np.maximum(films.count[part.film] - 1, 0)
    deviation = part.rating - expected
    size = np.abs(deviation)
    own = _mean(deviation, part)
    residual = deviation - own[part.user]
    spread = np.sqrt(_mean(residual**2, part))
    return {
        "mean_deviation": own,
        "mean_absolute_deviation": _mean(size, part),
        "rdma": np.log(_mean(size / (others + 1), part) + 1e-3),
        "wdma": np.log(_mean(size / (others + 1) ** 2, part) + 1e-4),
        "residual_spread": spread,
        "residual_tail": _maximum(np.abs(residual), part),
        "residual_kurtosis": np.log(_mean(residual**4, part) / (spread**4 + 1e-3) + 0.1),
        "share_far_off": _mean((size > 2).astype(float), part),
        "correlation_with_means": _correlation(part.rating.astype(float), expected, part),
    }


# --- popularity --------------------------------------------------------------------------------------------------


def _popularity(part: Profiles, films: Films) -> dict[str, Floats]:
    others = np.log1p(np.maximum(films.count[part.film] - 1, 0))
    ranked = np.sort(films.count)[::-1]
    mass = np.cumsum(ranked)
    total = max(int(mass[-1]), 1)
    top, middle, rare = (ranked[np.searchsorted(mass, total * q)] for q in (0.2, 0.5, 0.9))
    count = films.count[part.film]
    mean = _mean(others, part)
    return {
        "popularity": mean,
        "popularity_spread": np.sqrt(np.maximum(_mean(others**2, part) - mean**2, 0)),
        "share_top_films": _mean((count >= top).astype(float), part),
        "share_known_films": _mean((count >= middle).astype(float), part),
        "share_rare_films": _mean((count <= rare).astype(float), part),
        "rarest_film": -np.minimum.reduceat(others, part.start[:-1]),
    }


# --- cadence -----------------------------------------------------------------------------------------------------


def _cadence(part: Profiles) -> dict[str, Floats]:
    gap = np.diff(part.timestamp, prepend=part.timestamp[:1])
    inner = np.ones(len(gap), bool)
    inner[part.start[:-1]] = False
    gap = np.where(inner, gap, 0)
    gaps = np.maximum(part.size - 1, 1)

    def share(mask: Bools) -> Floats:
        return np.bincount(part.user, mask & inner, part.n_users) / gaps

    long = (gap > SESSION_GAP) & inner
    session = np.cumsum(long | ~inner) - 1
    owner = part.user[np.flatnonzero(long | ~inner)]
    largest = np.zeros(part.n_users)
    np.maximum.at(largest, owner, np.bincount(session))
    log_gap = np.log1p(gap)
    mean_log = np.bincount(part.user, log_gap * inner, part.n_users) / gaps
    square_log = np.bincount(part.user, log_gap**2 * inner, part.n_users) / gaps
    sessions = 1 + np.bincount(part.user, long, part.n_users)
    span = part.timestamp[part.start[1:] - 1] - part.timestamp[part.start[:-1]]
    repeated = np.zeros(len(gap), bool)
    repeated[1:] = (gap[1:] == gap[:-1]) & inner[1:] & inner[:-1]
    modal, modal_share = _commonest_gap(gap, inner & (gap > 0), part)
    near = np.abs(gap - modal[part.user]) <= 1
    return _densest(part) | {
        "zero_gap_share": share(gap == 0),
        "short_gap_share": share(gap <= 2),
        "medium_gap_share": share((gap > 2) & (gap <= 20)),
        "mean_log_gap": mean_log,
        "gap_spread": np.sqrt(np.maximum(square_log - mean_log**2, 0)),
        "sessions": np.log(sessions),
        "largest_session_share": largest / part.size,
        "session_size": np.log(part.size / sessions),
        "span": np.log1p(span / 3600),
        "modal_gap_share": modal_share / gaps,
        "near_modal_gap_share": share(near & (gap > 0)),
        "repeated_gap_share": share(repeated),
        "repeated_positive_gap_share": share(repeated & (gap > 0)),
    }


def _densest(part: Profiles) -> dict[str, Floats]:
    """The most ratings in any window, in logs; and as whole numbers for the rules."""
    key = (part.user.astype(np.int64) << 34) + part.timestamp
    place = np.arange(len(key))
    found: dict[str, Floats] = {}
    for name, seconds in WINDOWS.items():
        inside = np.searchsorted(key, key + seconds, side="right") - place
        found[f"most_{name}"] = np.log(_maximum(inside, part))
    return found


def _commonest_gap(gap: Ints, counted: Bools, part: Profiles) -> tuple[Ints, Ints]:
    """Each user's commonest gap in seconds and how often it occurs; 0 and 0 without one."""
    key = np.sort((part.user[counted].astype(np.int64) << 34) + gap[counted])
    begin = np.flatnonzero(np.diff(key, prepend=-1))
    times = np.diff(np.append(begin, len(key)))
    owner = key[begin] >> 34
    order = np.lexsort((times, owner))
    modal, often = np.zeros(part.n_users, np.int64), np.zeros(part.n_users, np.int64)
    modal[owner[order]] = key[begin[order]] & ((1 << 34) - 1)
    often[owner[order]] = times[order]
    return modal, often


# --- the film's own history --------------------------------------------------------------------------------------


def _history(part: Profiles, films: Films) -> dict[str, Floats]:
    """Ratings that could hardly have been given then: before the film came out or anyone had it."""
    year = 1970 + part.timestamp / (365.2425 * DAY)
    age = year - films.year[part.film]
    unknown = np.isnan(age)
    first = np.where(films.first[part.film] == part.timestamp, films.second[part.film], films.first[part.film])
    shared = (films.count[part.film] > 4) & (first != NEVER)
    lead = np.where(shared, np.maximum(first - part.timestamp, 0), 0) / DAY
    half = (part.rating * 2) % 2 == 1
    age = np.where(unknown, 0, np.maximum(age, -5))
    mean_age = _mean(np.log(age + 6), part)
    return {
        "share_before_release": _mean(((age < -0.1) & ~unknown).astype(float), part),
        "share_before_anyone": _mean((lead > 30).astype(float), part),
        "lead_on_others": _mean(np.log1p(lead), part),
        "share_impossible_half_star": _mean((half & (part.timestamp < HALF_STARS_SINCE)).astype(float), part),
        "film_age": mean_age,
        "film_age_spread": np.sqrt(np.maximum(_mean(np.log(age + 6) ** 2, part) - mean_age**2, 0)),
    }


# --- order and genres --------------------------------------------------------------------------------------------


def _order(part: Profiles, films: Films) -> dict[str, Floats]:
    """Whether neighbours in time are alike: people rate off lists, one page after another."""
    popularity = np.log1p(films.count[part.film].astype(float))
    place = np.arange(len(part.film)) - np.repeat(part.start[:-1], part.size)
    genre = films.genre[part.film] % N_GENRES
    share = np.bincount(part.user * N_GENRES + genre, minlength=part.n_users * N_GENRES).reshape(-1, N_GENRES)
    genres = share / part.size[:, None]
    return {
        "order_popularity": _lag_correlation(popularity, part),
        "order_rating": _lag_correlation(part.rating.astype(float), part),
        "order_film": _lag_correlation(np.log1p(films.ids[part.film].astype(float)), part),
        "order_year": _lag_correlation(np.nan_to_num(films.year[part.film], nan=1990.0), part),
        "trend_popularity": _correlation(popularity, place.astype(float), part),
        "genre_entropy": -np.sum(genres * np.log(np.maximum(genres, 1e-12)), axis=1),
        "top_genre_share": genres.max(axis=1),
    }


def _lag_correlation(values: Floats, part: Profiles) -> Floats:
    """Autocorrelation at lag 1 along each user's history."""
    centred = values - _mean(values, part)[part.user]
    same = np.diff(part.user) == 0
    product = np.where(same, centred[1:] * centred[:-1], 0.0)
    total = np.bincount(part.user[1:], product, part.n_users)
    return total / (np.bincount(part.user, centred**2, part.n_users) + 1e-3)


# --- tastes ------------------------------------------------------------------------------------------------------


def _taste(part: Profiles, place: Place, fold: Ints) -> dict[str, Floats]:
    n_films = len(place.films.ids)
    row = fold[part.user] * n_films + part.film
    selection = place.tastes.selection.reshape(-1, place.tastes.selection.shape[2]).take(row, axis=0)
    opinion = place.tastes.opinion.reshape(-1, place.tastes.opinion.shape[2]).take(row, axis=0)
    coherence, sequence = _togetherness(selection, part)
    deviation = part.rating - left_out_means(part, place.films)
    residual = (deviation - _mean(deviation, part)[part.user]).astype(np.float32)
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
    length = np.einsum("ij,ij->i", vectors, vectors).astype(float)
    own = np.bincount(part.user, length, part.n_users)
    pairs = np.maximum(part.size * (part.size - 1), 1)
    scale = own / part.size + 1e-12
    coherence = (np.einsum("ij,ij->i", total, total) - own) / pairs / scale
    same = np.diff(part.user) == 0
    step = np.where(same, np.einsum("ij,ij->i", vectors[1:], vectors[:-1]), 0.0)
    sequence = np.bincount(part.user[1:], step, part.n_users) / np.maximum(part.size - 1, 1) / scale
    return coherence, sequence


def _predicted_from_rest(vectors: Floats, residual: Floats, part: Profiles) -> Floats:
    """Each rating's residual as the user's other ratings predict it (up to a factor)."""
    weighted = vectors * residual[:, None]
    total = np.add.reduceat(weighted, part.start[:-1], axis=0)
    return np.einsum("ij,ij->i", vectors, total[part.user] - weighted)


def _taste_strength(predicted: Floats, residual: Floats, part: Profiles) -> Floats:
    """The same as a statistic: agreement over what chance would give, N(0, 1) for made-up tastes."""
    agreement = np.bincount(part.user, predicted * residual, part.n_users)
    spread = np.bincount(part.user, residual**2, part.n_users) / part.size + 1e-3
    chance = np.bincount(part.user, predicted**2, part.n_users) * spread
    return agreement / np.sqrt(chance + 1e-12)


# --- bursts on one film ------------------------------------------------------------------------------------------


def _extreme_bursts(part: Profiles, place: Place) -> dict[str, Floats]:
    """How unlikely the run of like extreme ratings of one film about the user's own is; the user's most unlikely film.

    Surprise is -log10 of the Poisson chance of as many others within the window at the film's own pace.
    """
    key, rows = _extreme_keys(part)
    found = {}
    film_end = key >> 34 << 34
    all_time = place.extremes.between(film_end, film_end + (1 << 34) - 1) - 1
    for name, window in (("day", DAY), ("month", 30 * DAY)):
        near = place.extremes.between(np.maximum(key - window, film_end), key + window) - 1
        expected = np.maximum(all_time * 2 * window / (3_000 * DAY), 1e-3)
        surprise = near * np.log10(np.maximum(near, 1) / expected) - (near - expected) / np.log(10)
        surprise = np.where(near > expected, surprise, 0.0)
        best = np.zeros(part.n_users)
        np.maximum.at(best, part.user[rows], surprise)
        found[f"extreme_burst_{name}"] = np.sqrt(best)
    excess = _extreme_excess(part, place, rows, all_time)
    best = np.zeros(part.n_users)
    np.maximum.at(best, part.user[rows], excess)
    return found | {"extreme_agreement": best}


def _extreme_excess(part: Profiles, place: Place, rows: Ints, others: Ints) -> Floats:
    """How far a film's share of that extreme, without the user, is above what its popularity makes usual (z)."""
    n = np.maximum(place.films.count[part.film[rows]] - 1, 0)
    top = part.rating[rows] >= 4.5
    usual = np.where(top, 0.21, 0.07)
    z = (others - n * usual) / np.sqrt(n * usual * (1 - usual) + 1.0)
    return np.sqrt(np.maximum(z, 0) / np.log(n + 3))
