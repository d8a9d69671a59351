"""The simulated distributions against ml-latest-small's, by effect size.

Sampling noise is no excuse and no cover here: with 100 000 ratings nearly every difference is
significant, so each comparison asks how large it is.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from scripts.simulate_data import simulate

USERS = 610  # as many as ml-latest-small has: popularity and distinct films depend on it
SEEDS = (11, 12, 13)  # a heavy-tailed sample of 610 users moves by itself; the median of three moves less
HALF_STARS = 1_045_526_400


class Delivery:
    """What is measured of a delivery; SQL over its files."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for name in ("ratings", "movies", "tags"):
            file = str(folder / f"{name}.csv").replace("'", "''")
            self.connection.execute(
                f"create table {name} as from read_csv('{file}', header = true, quote = '\"', escape = '\"')"
            )
        self.connection.execute(
            "create table gaps as select userId, gap from (select userId, timestamp - lag(timestamp) over "
            "(partition by userId order by timestamp) as gap from ratings) where gap is not null"
        )

    def column(self, query: str) -> np.ndarray:
        return np.array([row[0] for row in self.connection.execute(query).fetchall()], dtype=float)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[Delivery]:
    deliveries = []
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp("seed") / "ml"
        simulate(folder, users=USERS, seed=seed)
        deliveries.append(Delivery(folder))
    return deliveries


@pytest.fixture(scope="module")
def real(movielens_small: Path) -> Delivery:
    return Delivery(movielens_small)


def kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference between two cumulative distributions; 0 same, 1 apart."""
    points = np.union1d(first, second)
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def total_variation(first: np.ndarray, second: np.ndarray) -> float:
    """Half the summed differences of shares of levels; 0 same, 1 apart."""
    levels = np.union1d(first, second)
    shares = [np.array([(sample == level).mean() for level in levels]) for sample in (first, second)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def log_ratio(first: np.ndarray, second: np.ndarray) -> float:
    return float(abs(np.log(first.mean() / second.mean())))


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(abs(first.mean() - second.mean()))


BY_USER = "from ratings group by userId"
MODERN = f"from ratings where timestamp >= {HALF_STARS}"
COUNTS = "(select count(*) as n from ratings group by movieId)"
AGE = "year(to_timestamp(timestamp)) - regexp_extract(title, '\\((\\d{4})\\)\\s*$', 1)::int"
NEIGHBOURS = "lag(timestamp) over (partition by userId order by timestamp)"

# What is compared, how far apart it may lie, and why there.
#   total variation, shares: 0.1 is what a population stability index calls 'some change'; half of that is wanted
#   Kolmogorov-Smirnov over users: two samples of 610 from one population lie 0.08 apart by chance (5 % point)
#   log ratios: 0.4 is a factor of 1.5, less than lies between two editions of MovieLens
COMPARISONS = {
    "levels": ("select rating from ratings", total_variation, 0.05),
    "levels since half-stars": (f"select rating {MODERN}", total_variation, 0.06),
    "share of half-stars since they exist": (f"select (rating % 1 > 0)::int {MODERN}", difference, 0.03),
    "activity, in logs": (f"select ln(count(*)) {BY_USER}", kolmogorov_smirnov, 0.08),
    "99th percentile of activity": (
        f"select quantile_cont(n, 0.99) from (select count(*) n {BY_USER})", log_ratio, 0.4
    ),
    "users' means": (f"select avg(rating) {BY_USER}", kolmogorov_smirnov, 0.1),
    "users' spreads": (f"select stddev(rating) {BY_USER}", kolmogorov_smirnov, 0.12),
    "films' means": (
        "select avg(rating) from ratings group by movieId having count(*) >= 20", kolmogorov_smirnov, 0.12
    ),
    "popularity": (f"select n from {COUNTS}", kolmogorov_smirnov, 0.1),
    "99th percentile of popularity": (f"select quantile_cont(n, 0.99) from {COUNTS}", log_ratio, 0.25),
    "most rated film": (f"select max(n) from {COUNTS}", log_ratio, 0.3),
    "distinct films": (f"select count(*) from {COUNTS}", log_ratio, 0.4),
    "film's age when rated": (
        f"select {AGE} from ratings join movies using (movieId) where regexp_matches(title, '\\(\\d{{4}}\\)\\s*$')",
        kolmogorov_smirnov, 0.1,  # seven more years of films lie between the two
    ),
    "share of zero gaps": ("select (gap = 0)::int from gaps", difference, 0.04),
    "share of zero gaps on pages": (
        f"select (timestamp = before)::int from (select timestamp, {NEIGHBOURS} as before from ratings) "
        f"where before is not null and timestamp < {HALF_STARS}",
        difference, 0.08,  # some 180 users lived then, each with a habit of their own
    ),
    "median gap": ("select median(gap) from gaps", log_ratio, 0.2),
    "gaps within sittings": ("select gap from gaps where gap <= 1800", kolmogorov_smirnov, 0.05),
    "pauses between sittings": ("select gap from gaps where gap > 1800", kolmogorov_smirnov, 0.12),
    "share of gaps within sittings": ("select (gap <= 1800)::int from gaps", difference, 0.03),
    "sittings a user": ("select sum((gap > 1800)::int) from gaps group by userId", kolmogorov_smirnov, 0.12),
    "time from first to last": (f"select max(timestamp) - min(timestamp) {BY_USER}", kolmogorov_smirnov, 0.12),
    "genres a film": ("select len(string_split(genres, '|')) from movies", total_variation, 0.08),
    "share of taggers": (f"select count(distinct userId) / {USERS} from tags", difference, 0.03),
    # One user gave 1 507 of the 3 683 real tags; without them there are 0.6 times as many.
    "tags to a rating": ("select (select count(*) from tags) / count(*) from ratings", log_ratio, 1.1),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_distribution_is_near_the_real_one(name: str, real: Delivery, simulated: list[Delivery]) -> None:
    query, distance, bound = COMPARISONS[name]
    distances = [distance(real.column(query), delivery.column(query)) for delivery in simulated]
    assert np.median(distances) <= bound, distances


def explained(delivery: Delivery) -> float:
    """The share of a fifth of the ratings' variance that user and film biases of the other four explain."""
    user, film, stars = (delivery.column(f"select {name} from ratings") for name in ("userId", "movieId", "rating"))
    user, film = (np.unique(ids, return_inverse=True)[1] for ids in (user, film))
    known = np.random.default_rng(0).random(len(stars)) < 0.8
    of_user, of_film = np.zeros(user.max() + 1), np.zeros(film.max() + 1)
    centred = stars - stars[known].mean()
    for _ in range(5):
        of_film = _shrunk_means(film[known], (centred - of_user[user])[known], len(of_film))
        of_user = _shrunk_means(user[known], (centred - of_film[film])[known], len(of_user))
    left = (centred - of_user[user] - of_film[film])[~known]
    return float(1 - (left**2).mean() / centred[~known].var())


def _shrunk_means(group: np.ndarray, value: np.ndarray, groups: int) -> np.ndarray:
    return np.bincount(group, value, groups) / (np.bincount(group, minlength=groups) + 4)


def test_a_rating_model_finds_as_much_as_in_the_real_data(real: Delivery, simulated: list[Delivery]) -> None:
    assert np.median([explained(delivery) for delivery in simulated]) == pytest.approx(explained(real), abs=0.06)


def test_people_who_agree_on_one_film_agree_on_others(real: Delivery, simulated: list[Delivery]) -> None:
    """Taste: what is left beyond the levels of users and films still has a common direction."""
    ratio = np.median([taste_signal(delivery) for delivery in simulated]) / taste_signal(real)
    assert 0.6 < ratio < 1.6  # 0 would be no taste at all


def taste_signal(delivery: Delivery) -> float:
    """The logarithm of the residuals' largest singular value, best known films, over the mean of shuffled ones'.

    One shuffle alone moves it by a tenth, and the order of rows decides the shuffle: a window's is any.
    """
    delivery.connection.execute(
        "create or replace temp table residuals as select userId, movieId, rating - avg(rating) over "
        "(partition by userId) as residual from ratings semi join (select movieId from ratings group by movieId "
        "order by count(*) desc, movieId limit 300) using (movieId)"
    )
    user, film, residual = (
        delivery.column(f"select {name} from residuals order by userId, movieId")
        for name in ("userId", "movieId", "residual")
    )
    user, film = (np.unique(ids, return_inverse=True)[1] for ids in (user, film))
    residual = residual - _shrunk_means(film, residual, film.max() + 1)[film]
    random = np.random.default_rng(0)
    shuffled = [_largest(user, film, random.permutation(residual)) for _ in range(30)]
    return float(np.log(_largest(user, film, residual) / np.mean(shuffled)))


def _largest(user: np.ndarray, film: np.ndarray, value: np.ndarray) -> float:
    matrix = np.zeros((user.max() + 1, film.max() + 1))
    matrix[user, film] = value
    return float(np.sqrt(np.linalg.eigvalsh(matrix.T @ matrix)[-1]))


def test_honest_people_are_no_machines(simulated: list[Delivery]) -> None:
    """Nobody gives 30 ratings within 10 seconds: three full pages would take longer to read and send."""
    busiest = (
        "select max(n) from (select count(*) over (partition by userId order by timestamp "
        "range between 10 preceding and current row) as n from ratings)"
    )
    assert max(delivery.column(busiest)[0] for delivery in simulated) < 30
