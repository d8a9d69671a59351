"""People: how many films each rates, when, in which sittings, and what they say.

The parameters were fitted by eye to quantiles of ml-latest-small; tests hold the outcome against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from anomaly.profiles import HALF_STARS_SINCE
from anomaly.units import DAY
from scripts.simulation.errors import SimulationError

from .calendar import CLOSING, FIRST_YEAR, OPENING, PAGES, YEARS, Seconds, year_of
from .catalogue import TASTES, Catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_RATINGS = 20  # the data set promises it
MOST_OF_CATALOGUE = 0.3  # nobody has rated more of the films that were there when they came
DAYS_OF_YEAR = 365
LAST_ARRIVAL = 60  # days before the end: time to rate what one came for

# Ratings beyond the twentieth: a two-sided log-normal.
ACTIVITY_MEDIAN = 52.0
ACTIVITY_SPREAD = (1.75, 1.5)  # below and above the median

ROUNDS_BY_TASTE = 4  # for films a user has already
ROUNDS_BY_POPULARITY = 30  # after these any film will do

# Sittings. Half of the users come once; the rest break off between two ratings at a rate of their own.
RETURN_RATE = 0.04  # breaks to a rating, of the median user among those who come back
RETURN_SPREAD = 1.3  # of its logarithm between users
PAUSE_MEDIAN = 3.7 * DAY  # of a break
PAUSE_SPREAD = 1.85  # of its logarithm
SHORTEST_PAUSE = 1_800.0  # seconds: shorter ones do not end a sitting
SAME_SECOND_ON_PAGES = (12.0, 10.0)  # beta parameters of the share of ratings on the page of the one before
PAGE_HOLDS = 8  # ratings sent at once
SECONDS_FOR_A_PAGE = 6  # at least
SAME_SECOND = 0.013  # the same share since ratings are sent one by one
SECONDS_BETWEEN_PAGES = (24.0, 1.0)  # median, log spread, beyond the least
SECONDS_BETWEEN_RATINGS = (10.5, 1.25)  # the same

# Opinions, in standard deviations of a rating.
BIAS_SPREAD = 0.42
BIAS_OF_ACTIVE = -0.07  # who rates much is a little harder to please
LIKING_OF_CHOSEN = 0.05  # mean taste for a film that was chosen by taste
TASTE_WEIGHT = 0.5  # of how far a film's taste is the user's
NOISE = 0.66  # what neither film, user nor taste explain
SPREAD_SPREAD = 0.26  # some use the whole scale, some two steps of it

# Shares of the levels: whole stars, and the half-star grid for a rating given with the half in mind.
WHOLE_SHARES = (0.048, 0.114, 0.308, 0.325, 0.205)
HALF_SHARES = (0.0217, 0.0157, 0.0283, 0.0515, 0.0878, 0.1338, 0.2078, 0.2311, 0.1353, 0.0870)
HALF_HABIT = (9.0, 1.4)  # beta parameters: the share of a user's ratings that are given with the half in mind
NEVER_HALF = 0.012  # of users

TAGGERS = 0.105  # share of users who tag
TAG_RATE = (0.09, 1.6)  # median tags to a rating of a tagger, log spread


@dataclass(frozen=True)
class Ratings:
    """Ratings sorted by user and film; arrays of shape (n_ratings,)."""

    user: NDArray[np.int64]  # userId
    film: NDArray[np.int64]  # row of the catalogue
    level: NDArray[np.int64]  # half stars, 1 to 10
    seconds: Seconds


@dataclass(frozen=True)
class Users:
    """A stretch of users; arrays of shape (n_users,)."""

    first_id: int
    activity: NDArray[np.int64]
    arrival: Seconds

    def __len__(self) -> int:
        return len(self.activity)


def draw_users(rng: np.random.Generator, catalogue: Catalogue, users: int, ratings: int | None) -> Users:
    """Draw when each of `users` arrives and how many films each will rate, `ratings` in all if given."""
    arrival = _arrivals(rng, users)
    ceiling = (MOST_OF_CATALOGUE * catalogue.available[year_of(arrival) - FIRST_YEAR]).astype(np.int64)
    side = rng.normal(0, 1, users)
    excess = ACTIVITY_MEDIAN * np.exp(side * np.where(side < 0, *ACTIVITY_SPREAD))
    return Users(1, _whole_activity(excess, ceiling, ratings), arrival)


def _arrivals(rng: np.random.Generator, users: int) -> Seconds:
    """The site's first year brought many; later ones differ among themselves; evenings (US) are busiest."""
    crowd = rng.gamma(8.0, 1 / 8.0, len(YEARS))
    crowd[0] *= 4
    crowd[2] *= 0.5
    year = rng.choice(YEARS, users, p=crowd / crowd.sum())
    day = _days_of_arrival(year, rng.integers(0, DAYS_OF_YEAR, users))
    hour = np.arange(24)
    busy = 1.6 + np.cos((hour - 20) / 24 * 2 * np.pi)
    seconds = day * DAY + rng.choice(hour, users, p=busy / busy.sum()) * 3600
    return seconds + rng.integers(0, 3600, users)


def _days_of_arrival(year: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days since 1970 of the `day`-th of 365 days of the year, which is shorter where the site opens or closes.

    The year's people are spread over what there is of it: moved to its end they would all come in one second.
    """
    begin = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    first = np.maximum(begin, OPENING // DAY + 1)
    last = np.minimum(begin + DAYS_OF_YEAR, CLOSING // DAY - LAST_ARRIVAL)
    return first + day * (last - first) // DAYS_OF_YEAR


def _whole_activity(excess: NDArray[np.float64], ceiling: NDArray[np.int64], ratings: int | None) -> NDArray[np.int64]:
    """Round to whole ratings between the promised least and the ceiling; meet `ratings` exactly if given."""
    if ratings is None:
        return np.minimum(LEAST_RATINGS + excess.astype(np.int64), ceiling)
    least, most = LEAST_RATINGS * len(excess), int(ceiling.sum())
    if not least <= ratings <= most:
        raise SimulationError(
            f"{len(excess):,} users give {least:,} to {most:,} ratings, not {ratings:,}; change --users or --ratings."
        )
    low, high = 0.0, 1e6
    for _ in range(100):
        factor = (low + high) / 2
        total = int(_whole_activity(excess * factor, ceiling, None).sum())
        low, high = (factor, high) if total <= ratings else (low, factor)
    activity = _whole_activity(excess * low, ceiling, None)
    room = np.flatnonzero(activity < ceiling)[: ratings - int(activity.sum())]
    activity[room] += 1
    return activity


def rate(rng: np.random.Generator, catalogue: Catalogue, users: Users) -> Ratings:
    """Let each user rate `activity` different films."""
    user = np.repeat(np.arange(len(users)), users.activity)
    seconds = _moments(rng, users, user)
    leaning = rng.normal(0, 1, (len(users), TASTES)).astype(np.float32)
    film, slot = _choose_films(rng, catalogue, user, year_of(seconds), leaning)
    user, seconds = user[slot], seconds[slot]
    level = _opinions(rng, catalogue, users, user, film, seconds, leaning)
    return Ratings(user + users.first_id, film, level, seconds)


def _moments(rng: np.random.Generator, users: Users, user: NDArray[np.int64]) -> Seconds:
    """Give each rating its second, rising within a user: sittings, and in them pages or single clicks."""
    first = np.concatenate([[0], np.cumsum(users.activity)[:-1]])
    pause = _pauses(rng, users, user)
    gap = _gaps_within_sitting(rng, users, user)
    gap[pause > 0] = 0
    gap[first] = pause[first] = 0
    sitting = np.add.reduceat(gap, first)
    away = np.add.reduceat(pause, first)
    left = CLOSING - users.arrival - sitting
    pause *= np.minimum(1.0, left * rng.uniform(0.2, 0.99, len(users)) / np.maximum(away, 1.0))[user]
    elapsed = np.cumsum(gap + np.floor(pause))
    seconds: Seconds = users.arrival[user] + (elapsed - elapsed[first][user]).astype(np.int64)
    return np.minimum(seconds, CLOSING)


def _pauses(rng: np.random.Generator, users: Users, user: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds away before each rating; 0 where the sitting goes on."""
    comes_back = rng.random(len(users)) < 1 / (1 + np.exp(-(np.log(users.activity) - 4.3) * 1.2))
    rate_of = np.clip(RETURN_RATE * np.exp(rng.normal(0, RETURN_SPREAD, len(users))), 1 / 250, 0.6) * comes_back
    breaks = np.flatnonzero(rng.random(len(user)) < rate_of[user])
    pause = np.zeros(len(user))
    away = PAUSE_MEDIAN * np.exp(rng.normal(0, PAUSE_SPREAD, len(breaks)))
    pause[breaks] = np.maximum(away, SHORTEST_PAUSE)
    return pause


def _gaps_within_sitting(rng: np.random.Generator, users: Users, user: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds since the rating before: zeros in runs where a page is sent at once, else a click's time."""
    pages = users.arrival < PAGES
    habit = np.where(pages, rng.beta(*SAME_SECOND_ON_PAGES, len(users)), SAME_SECOND)
    median = np.where(pages, SECONDS_BETWEEN_PAGES[0], SECONDS_BETWEEN_RATINGS[0])
    median = median * np.exp(rng.normal(0, 0.35, len(users)))
    spread = np.where(pages, SECONDS_BETWEEN_PAGES[1], SECONDS_BETWEEN_RATINGS[1])
    least = np.where(pages, SECONDS_FOR_A_PAGE, 1)
    gap = least[user] + np.floor(median[user] * np.exp(rng.normal(0, 1, len(user)) * spread[user]))
    gap[_on_same_page(rng.random(len(user)) < habit[user])] = 0
    return np.minimum(gap, SHORTEST_PAUSE)


def _on_same_page(goes_on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each rating is on the page of the one before: as long as pages go on, and have room."""
    row = np.arange(len(goes_on))
    begin = np.maximum.accumulate(np.where(goes_on, 0, row))
    return goes_on & ((row - begin) % PAGE_HOLDS != 0)


def _choose_films(
    rng: np.random.Generator,
    catalogue: Catalogue,
    user: NDArray[np.int64],
    year: NDArray[np.int64],
    leaning: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose a film for each slot, none twice for a user; return films and their slots, by user and film.

    Slots that drew a film the user has are drawn anew until none is left, looking again at the users
    concerned alone. User, film and slot are packed into one integer, since one vectorised sort of it
    finds doubles and gives the final order.
    """
    slot_bits, film_bits = len(user).bit_length(), len(catalogue.movie_id).bit_length()
    film = np.empty(len(user), dtype=np.int64)
    slots = redraw = np.arange(len(user))
    rounds = 0
    while len(redraw):
        film[redraw] = _draw_in_round(rng, catalogue, year[redraw], leaning[user[redraw]], rounds)
        packed = np.sort((user[slots] << (slot_bits + film_bits)) | (film[slots] << slot_bits) | slots)
        same = (packed[1:] >> slot_bits) == (packed[:-1] >> slot_bits)
        redraw = packed[1:][same] & ((1 << slot_bits) - 1)
        slots = slots[np.isin(user[slots], user[redraw])]
        rounds += 1
    order = np.sort((user << (slot_bits + film_bits)) | (film << slot_bits) | np.arange(len(user)))
    slot = order & ((1 << slot_bits) - 1)
    return film[slot], slot


def _draw_in_round(
    rng: np.random.Generator,
    catalogue: Catalogue,
    year: NDArray[np.int64],
    leaning: NDArray[np.float32],
    rounds: int,
) -> NDArray[np.int64]:
    """Draw by taste at first, then by popularity alone, then anything: somebody has all that is popular."""
    if rounds < ROUNDS_BY_TASTE:
        return _draw_by_taste(rng, catalogue, year, leaning)
    if rounds < ROUNDS_BY_POPULARITY:
        return catalogue.draw(rng, year)
    return rng.integers(0, catalogue.available[year - FIRST_YEAR])


def _draw_by_taste(
    rng: np.random.Generator,
    catalogue: Catalogue,
    year: NDArray[np.int64],
    leaning: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Draw two films by popularity and take, by a logit of taste, the one liked better."""
    film = catalogue.draw(rng, year)
    other = catalogue.draw(rng, year)
    preference = np.einsum("ij,ij->i", catalogue.taste[other] - catalogue.taste[film], leaning)
    return np.where(rng.random(len(year)) < 1 / (1 + np.exp(-2 * preference)), other, film)


def _opinions(
    rng: np.random.Generator,
    catalogue: Catalogue,
    users: Users,
    user: NDArray[np.int64],
    film: NDArray[np.int64],
    seconds: Seconds,
    leaning: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Give each rating its level in half stars: an ordered probit of biases, taste and noise."""
    bias = rng.normal(0, BIAS_SPREAD, len(users)) + BIAS_OF_ACTIVE * (np.log(users.activity) - 4.45)
    spread = np.exp(rng.normal(0.02, SPREAD_SPREAD, len(users)))
    liking = TASTE_WEIGHT * np.einsum("ij,ij->i", catalogue.taste[film], leaning[user])
    liking += catalogue.quality[film] - LIKING_OF_CHOSEN + rng.normal(0, NOISE, len(user))
    score = bias[user] + spread[user] * liking
    whole = 2 + 2 * np.searchsorted(_cut_points(WHOLE_SHARES), score)
    half = 1 + np.searchsorted(_cut_points(HALF_SHARES), score)
    habit = rng.beta(*HALF_HABIT, len(users)) * (rng.random(len(users)) >= NEVER_HALF)
    with_halves = (seconds >= HALF_STARS_SINCE) & (rng.random(len(user)) < habit[user])
    return np.where(with_halves, half, whole)


def _cut_points(shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Where a standard normal score passes from one level to the next, for these shares of the levels."""
    below = np.cumsum(shares)[:-1] / sum(shares)
    return np.array([NormalDist().inv_cdf(float(share)) for share in below])


@dataclass(frozen=True)
class Tags:
    """Tag applications; arrays of shape (n_tags,)."""

    user: NDArray[np.int64]
    film: NDArray[np.int64]
    tag: NDArray[np.int64]  # rank of the tag in popularity, from 0
    seconds: Seconds


def tag(rng: np.random.Generator, users: Users, ratings: Ratings, vocabulary: int) -> Tags:
    """Let some users tag some of the films that they rated, minutes after rating; no tag twice."""
    habit = np.exp(rng.normal(np.log(TAG_RATE[0]), TAG_RATE[1], len(users))) * (rng.random(len(users)) < TAGGERS)
    times = rng.poisson(np.minimum(habit, 3.0)[ratings.user - users.first_id])
    row = np.repeat(np.arange(len(ratings.user)), times)
    own = rng.random(len(row)) < 0.6  # a film draws the same words from many; the rest is the tagger's
    rank = (vocabulary ** rng.random(len(row))).astype(np.int64) - 1  # log-uniform: Zipf's law with exponent 1
    word = np.where(own, (ratings.film[row] * 7919 + rank % 12 * 104_729) % vocabulary, rank)
    keep = np.unique(row * vocabulary + word)
    row, word = keep // vocabulary, keep % vocabulary
    seconds = np.minimum(ratings.seconds[row] + rng.integers(5, 900, len(row)), CLOSING)
    return Tags(ratings.user[row], ratings.film[row], word, seconds)
