"""Simulated attackers: the catalogue of rating fraud that the scoring model learns from and is tested on.

Every kind follows a published attack model and draws what the model leaves open (profile size, cadence, rounding,
strength) widely, so that whatever learns from it learns the attack and not this generator:

- random, average, bandwagon, segment, love-hate, probe: Mobasher, Burke, Bhaumik and Williams, "Toward trustworthy
  recommender systems" (ACM TOIT 2007); Burke et al., "Classification features for attack detection" (KDD 2006).
- average-over-popular, noise injection and target shifting: Williams, Mobasher and Burke, "Detecting profile injection
  attacks" (SOCA 2007); Hurley, Cheng and Zhang, "Statistical attack detection" (RecSys 2009).
- power users: Wilson and Seminario, "When power users attack" (RecSys 2013).
- constant and extreme raters, machine cadence, bursts, review bombs, copies: bots seen on open rating sites.

>>> attack, labels = plant(ratings, movies, "bandwagon-push", n_users=18, seed=7)
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from anomaly.profiles import HALF_STARS_SINCE
from anomaly.units import DAY

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.types import Floats, Ints

HALF_STARS = np.arange(1, 11) / 2.0
WHOLE_STARS = np.arange(1.0, 6.0)
# MovieLens publishes users with 20 ratings or more; attackers rarely bother beyond a few hundred.
DEFAULT_SIZES = (20, 200)
TIMINGS = ("human", "paced", "burst", "machine", "scattered")
# Attackers who care about cadence copy people's; the careless use a loop.
USUAL_TIMING_SHARES = (0.45, 0.2, 0.12, 0.08, 0.15)


@dataclass(frozen=True)
class Background:
    """The data an attack is planted in: who rated what, and what each film is like.

    Films are numbered 0 to n_films - 1; `film`, `rating` and `timestamp` (seconds) are rows sorted by user, time and
    film, and user u owns the rows start[u] to start[u + 1].
    """

    start: Ints
    film: Ints
    rating: Floats
    timestamp: Ints
    film_ids: Ints
    genre: Ints
    count: Ints = field(init=False)
    mean: Floats = field(init=False)
    spread: Floats = field(init=False)

    def __post_init__(self) -> None:
        n_films = len(self.film_ids)
        count = np.bincount(self.film, minlength=n_films)
        safe = np.maximum(count, 1)
        overall = float(self.rating.mean()) if len(self.rating) else 3.5
        mean = np.where(count > 0, np.bincount(self.film, self.rating, n_films) / safe, overall)
        square = np.bincount(self.film, self.rating.astype(float) ** 2, n_films) / safe
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "mean", mean)
        # A film with one rating has no spread of its own: one star is the usual spread within a film.
        object.__setattr__(self, "spread", np.where(count > 2, np.sqrt(np.maximum(square - mean**2, 0.05)), 1.0))

    @property
    def n_users(self) -> int:
        return len(self.start) - 1

    @cached_property
    def by_popularity(self) -> Ints:
        """The films, the most rated first."""
        return np.argsort(-self.count, kind="stable")

    @cached_property
    def overall(self) -> tuple[float, float]:
        """Mean and standard deviation of all ratings."""
        return float(self.rating.mean()), float(self.rating.std())

    def user(self, number: int) -> slice:
        return slice(int(self.start[number]), int(self.start[number + 1]))


def background(ratings: pd.DataFrame, movies: pd.DataFrame | None = None) -> Background:
    """The background of a ratings frame (userId, movieId, rating, timestamp); rows with a null are left out."""
    usable = ratings[["userId", "movieId", "rating", "timestamp"]].dropna()
    usable = usable.sort_values(["userId", "timestamp", "movieId"], kind="stable")
    film_ids, film = np.unique(usable["movieId"].to_numpy(np.int64), return_inverse=True)
    _, start = np.unique(usable["userId"].to_numpy(np.int64), return_index=True)
    return Background(
        start=np.append(start, len(usable)).astype(np.int64),
        film=film.astype(np.int64),
        rating=usable["rating"].to_numpy(float),
        timestamp=usable["timestamp"].to_numpy(np.int64),
        film_ids=film_ids,
        genre=first_genres(film_ids, movies),
    )


def first_genres(film_ids: Ints, movies: pd.DataFrame | None) -> Ints:
    """A number for each film's first listed genre; 0 for all films when there is no catalogue."""
    if movies is None or movies.empty:
        return np.zeros(len(film_ids), dtype=np.int64)
    first = movies.drop_duplicates("movieId").set_index("movieId")["genres"].fillna("").astype(str)
    listed = first.str.split("|").str[0].reindex(film_ids).fillna("")
    return np.unique(listed.to_numpy(str), return_inverse=True)[1].astype(np.int64)


@dataclass
class Campaign:
    """One attack under way: what its users have in common."""

    data: Background
    rng: np.random.Generator
    targets: Ints
    push: bool
    sizes: tuple[int, int]
    timing: str
    opens: int
    lasts: int
    selected: Ints
    half_stars: bool
    not_before: int = 0  # a copy comes after its original

    @property
    def grid(self) -> Floats:
        return HALF_STARS if self.half_stars else WHOLE_STARS

    @property
    def aim(self) -> float:
        return float(self.grid[-1] if self.push else self.grid[0])

    def size(self) -> int:
        """A profile size, log-uniform so that small and large profiles are equally often seen."""
        low, high = self.sizes
        high = max(low, min(high, len(self.data.film_ids) - len(self.targets)))
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def round(self, wanted: Floats) -> Floats:
        """The nearest level on the campaign's grid."""
        step = 0.5 if self.half_stars else 1.0
        return np.clip(np.round(np.asarray(wanted) / step) * step, self.grid[0], self.grid[-1])


Profile = tuple["Ints", "Floats"]
Maker = Callable[[Campaign], Profile]


@dataclass(frozen=True)
class Kind:
    """An attack model: how a user's films and ratings are made, and what its campaigns are like."""

    family: str
    make: Maker
    push: bool | None = None  # None: either
    timing: str | None = None  # None: any
    targeted: bool = True
    sizes: tuple[int, int] | None = None


def plant(
    ratings: pd.DataFrame,
    movies: pd.DataFrame | None,
    kind: str,
    n_users: int,
    profile_size: int | tuple[int, int] = DEFAULT_SIZES,
    *,
    seed: int = 0,
    first_user_id: int | None = None,
    timing: str | None = None,
    n_targets: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Attack ratings of `n_users` new users of one campaign, and who they are.

    Args:
        ratings: userId, movieId, rating, timestamp (seconds) of the users that the attackers hide among.
        movies: movieId, genres ('A|B'), or None; only the segment attack reads it.
        kind: one of `KINDS`.
        profile_size: ratings a user, or the lowest and highest of a log-uniform draw.
        first_user_id: the first new user's id; one above the highest by default.
        timing: one of `TIMINGS`; drawn by default, or what the kind is about.
        n_targets: films aimed at; one to three by default.

    Returns:
        The attack ratings (userId, movieId, rating, timestamp; no user rates a film twice) and the labels
        (userId, kind, family, target movieIds as a tuple, push), one row a user.

    Raises:
        ValueError: an unknown kind or timing, fewer than one user, or ratings with nothing to hide among.
    """
    data = background(ratings, movies)
    first = int(ratings["userId"].max()) + 1 if first_user_id is None else first_user_id
    rng = np.random.default_rng([seed, _stable_number(kind)])
    return plant_in(data, kind, n_users, profile_size, rng=rng, first_user_id=first, timing=timing, n_targets=n_targets)


def plant_in(
    data: Background,
    kind: str,
    n_users: int,
    profile_size: int | tuple[int, int] = DEFAULT_SIZES,
    *,
    rng: np.random.Generator,
    first_user_id: int = 1,
    timing: str | None = None,
    n_targets: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As `plant`, in a background made once: for many campaigns over the same data."""
    import pandas as pd

    _check(data, kind, n_users, timing)
    campaign = _open(data, KINDS[kind], profile_size, rng, timing, n_targets)
    users = [_one_user(campaign, KINDS[kind]) for _ in range(n_users)]
    sizes = [len(films) for films, _, _ in users]
    ids = np.arange(first_user_id, first_user_id + n_users)
    attack = pd.DataFrame(
        {
            "userId": np.repeat(ids, sizes),
            "movieId": data.film_ids[np.concatenate([films for films, _, _ in users])],
            "rating": np.concatenate([levels for _, levels, _ in users]),
            "timestamp": np.concatenate([times for _, _, times in users]),
        }
    )
    targets = tuple(int(film) for film in data.film_ids[campaign.targets])
    labels = pd.DataFrame({"userId": ids, "kind": kind, "family": KINDS[kind].family})
    labels["targets"] = [targets] * n_users
    labels["push"] = campaign.push
    return attack, labels


def kinds_of_family(family: str) -> list[str]:
    """The kinds of one family, in catalogue order."""
    return [name for name, kind in KINDS.items() if kind.family == family]


def _check(data: Background, kind: str, n_users: int, timing: str | None) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if timing is not None and timing not in TIMINGS:
        raise ValueError(f"timing must be one of {', '.join(TIMINGS)}; got {timing!r}")
    if n_users < 1:
        raise ValueError(f"n_users must be 1 or more; got {n_users}")
    if data.n_users < 1 or len(data.film_ids) < 2:
        raise ValueError("ratings must hold at least one user and two films to plant an attack among")


def _stable_number(text: str) -> int:
    return zlib.crc32(text.encode())


def _open(
    data: Background,
    kind: Kind,
    profile_size: int | tuple[int, int],
    rng: np.random.Generator,
    timing: str | None,
    n_targets: int | None,
) -> Campaign:
    sizes = (profile_size, profile_size) if isinstance(profile_size, int) else profile_size
    push = bool(rng.random() < 0.6) if kind.push is None else kind.push
    opens = int(rng.choice(data.timestamp))
    popular = data.by_popularity[: max(3, min(60, len(data.count)))]
    selected = rng.choice(popular, size=int(rng.integers(3, 12)), replace=True)
    return Campaign(
        data=data,
        rng=rng,
        targets=_draw_targets(data, rng, push, n_targets) if kind.targeted else np.zeros(0, np.int64),
        push=push,
        sizes=sizes if kind.sizes is None or isinstance(profile_size, int) else kind.sizes,
        timing=timing or kind.timing or str(rng.choice(TIMINGS, p=USUAL_TIMING_SHARES)),
        opens=opens,
        # From an hour's raid to a year's drip.
        lasts=int(np.exp(rng.uniform(np.log(3_600), np.log(365 * DAY)))),
        selected=np.unique(selected),
        half_stars=bool(opens >= HALF_STARS_SINCE and rng.random() < 0.75),
    )


def _draw_targets(data: Background, rng: np.random.Generator, push: bool, n_targets: int | None) -> Ints:
    """Films worth the effort: pushed ones are little known or middling, nuked ones known and liked."""
    n = n_targets or int(rng.choice([1, 1, 1, 2, 3]))
    known = np.argsort(data.count, kind="stable")
    part = known[: max(n, int(len(known) * 0.9))] if push else known[-max(n, int(len(known) * 0.3)) :]
    return rng.choice(part, size=min(n, len(part)), replace=False)


def _one_user(campaign: Campaign, kind: Kind) -> tuple[Ints, Floats, Ints]:
    campaign.not_before = 0
    films, levels = kind.make(campaign)
    films, first = np.unique(films, return_index=True)  # targets come first, so they win over fillers
    order = campaign.rng.permutation(len(films))
    return films[order], levels[first][order], _times(campaign, len(films))


def _times(campaign: Campaign, n: int) -> Ints:
    rng, data = campaign.rng, campaign.data
    begin = max(campaign.opens, campaign.not_before) + int(rng.integers(0, campaign.lasts))
    if campaign.timing == "scattered":
        return np.sort(begin + rng.integers(0, max(campaign.lasts, 2 * n), size=n))
    return begin + np.concatenate([[0], np.cumsum(_gaps(campaign.timing, n - 1, rng, data))]).astype(np.int64)


def _gaps(timing: str, n: int, rng: np.random.Generator, data: Background) -> Ints:
    if timing == "machine":
        pace = int(rng.integers(1, 40))
        return pace + (rng.random(n) < rng.choice([0.0, 0.0, 0.1])).astype(np.int64)
    if timing == "burst":
        return rng.poisson(np.exp(rng.uniform(np.log(0.02), np.log(0.6))), n)
    if timing == "paced":
        return np.round(rng.exponential(np.exp(rng.uniform(np.log(2), np.log(90))), n)).astype(np.int64)
    return _human_gaps(n, rng, data)


def _human_gaps(n: int, rng: np.random.Generator, data: Background) -> Ints:
    """Stretches of real users' gaps, one after the other until there are enough."""
    gaps: list[Ints] = [np.zeros(0, np.int64)]
    while sum(map(len, gaps)) < n:
        taken = np.diff(data.timestamp[data.user(int(rng.integers(data.n_users)))])
        gaps.append(np.minimum(taken, 30 * DAY) if len(taken) else np.array([60]))
    return np.concatenate(gaps)[:n]


# --- films -------------------------------------------------------------------------------------------------------


def _any_films(campaign: Campaign, n: int) -> Ints:
    return campaign.rng.choice(len(campaign.data.film_ids), size=min(n, len(campaign.data.film_ids)), replace=False)


def _popular_films(campaign: Campaign, n: int, share: float | None = None) -> Ints:
    """Films drawn evenly from the most rated `share`: Hurley's x of average-over-popular."""
    share = float(campaign.rng.uniform(0.03, 0.5)) if share is None else share
    ranked = campaign.data.by_popularity
    top = ranked[: max(n, int(share * len(ranked)))]
    return campaign.rng.choice(top, size=min(n, len(top)), replace=False)


def _films_as_rated(campaign: Campaign, n: int) -> Ints:
    """Films in proportion to how often they are rated."""
    picked = campaign.data.film[campaign.rng.integers(0, len(campaign.data.film), size=3 * n)]
    return np.unique(picked)[campaign.rng.permutation(len(np.unique(picked)))][:n]


def _borrowed_films(campaign: Campaign, n: int) -> Ints:
    """Films out of a few real users' histories, as a careful attacker would choose them."""
    data, rng = campaign.data, campaign.rng
    lenders = rng.integers(0, data.n_users, size=int(rng.integers(2, 7)))
    pool = np.unique(np.concatenate([data.film[data.user(int(user))] for user in lenders]))
    return rng.permutation(pool)[:n]


# --- profiles ----------------------------------------------------------------------------------------------------


def _with_targets(campaign: Campaign, films: Ints, levels: Floats, aim: float | None = None) -> Profile:
    aims = np.full(len(campaign.targets), campaign.aim if aim is None else aim)
    return np.concatenate([campaign.targets, films]), np.concatenate([aims, campaign.round(levels)])


def _random(campaign: Campaign) -> Profile:
    """Random films, ratings about the overall mean."""
    films = _any_films(campaign, campaign.size())
    return _with_targets(campaign, films, _overall_ratings(campaign, films))


def _overall_ratings(campaign: Campaign, films: Ints) -> Floats:
    mean, spread = campaign.data.overall
    return campaign.rng.normal(mean, max(spread, 0.3), len(films))


def _average_ratings(campaign: Campaign, films: Ints) -> Floats:
    width = campaign.rng.uniform(0.0, 1.2)
    return campaign.rng.normal(campaign.data.mean[films], width * campaign.data.spread[films])


def _average(campaign: Campaign) -> Profile:
    """Random films, ratings about each film's mean."""
    films = _any_films(campaign, campaign.size())
    return _with_targets(campaign, films, _average_ratings(campaign, films))


def _average_over_popular(campaign: Campaign) -> Profile:
    """As the average attack, from the most rated films only."""
    films = _popular_films(campaign, campaign.size())
    return _with_targets(campaign, films, _average_ratings(campaign, films))


def _bandwagon(campaign: Campaign) -> Profile:
    """A few films that everybody knows at the level aimed for, random fillers, the target."""
    fillers = _any_films(campaign, campaign.size())
    films = np.concatenate([campaign.selected, fillers])
    levels = _overall_ratings(campaign, films)
    levels[: len(campaign.selected)] = campaign.aim
    return _with_targets(campaign, films, levels)


def _reverse_bandwagon(campaign: Campaign) -> Profile:
    """Widely disliked films at the bottom, random fillers, the target nuked."""
    data = campaign.data
    known = data.by_popularity[: max(20, len(data.count) // 10)]
    disliked = known[np.argsort(data.mean[known], kind="stable")][: 4 * len(campaign.selected)]
    low = campaign.rng.choice(disliked, size=min(len(campaign.selected), len(disliked)), replace=False)
    fillers = _any_films(campaign, campaign.size())
    levels = np.concatenate([np.full(len(low), campaign.aim), _average_ratings(campaign, fillers)])
    return _with_targets(campaign, np.concatenate([low, fillers]), levels)


def _segment(campaign: Campaign) -> Profile:
    """Well-known films of the target's genre at the top, the rest at the bottom."""
    data = campaign.data
    same = np.flatnonzero(data.genre == data.genre[campaign.targets[0]])
    liked = same[np.argsort(-data.count[same], kind="stable")][:60]
    n = campaign.size()
    loved = campaign.rng.choice(liked, size=min(max(3, n // 4), len(liked)), replace=False)
    fillers = _any_films(campaign, n)
    low = np.full(len(fillers), campaign.grid[0])
    if campaign.rng.random() < 0.4:
        low = campaign.rng.normal(campaign.rng.uniform(1.0, 2.5), 0.5, len(fillers))
    levels = np.concatenate([np.full(len(loved), campaign.grid[-1]), low])
    return _with_targets(campaign, np.concatenate([loved, fillers]), levels)


def _love_hate(campaign: Campaign) -> Profile:
    """Everything else at the other end of the scale."""
    films = _any_films(campaign, campaign.size())
    other = campaign.grid[0] if campaign.push else campaign.grid[-1]
    return _with_targets(campaign, films, np.full(len(films), other))


def _probe(campaign: Campaign) -> Profile:
    """Films near a seed, rated as the recommender would: each film's mean, hardly a doubt."""
    films = _borrowed_films(campaign, campaign.size())
    levels = campaign.data.mean[films] + campaign.rng.normal(0, 0.3, len(films))
    return _with_targets(campaign, films, levels)


def _noise_injected(campaign: Campaign) -> Profile:
    """An average or bandwagon profile with every filler moved by noise (Williams 2007)."""
    make = [_average, _average_over_popular, _bandwagon][int(campaign.rng.integers(3))]
    films, levels = make(campaign)
    moved = campaign.round(levels + campaign.rng.normal(0, campaign.rng.uniform(0.3, 1.0), len(levels)))
    moved[: len(campaign.targets)] = levels[: len(campaign.targets)]
    return films, moved


def _target_shifted(campaign: Campaign) -> Profile:
    """The target one step short of the end of the scale."""
    films, levels = [_average, _average_over_popular][int(campaign.rng.integers(2))](campaign)
    step = 0.5 if campaign.half_stars else 1.0
    levels[: len(campaign.targets)] += -step if campaign.push else step
    return films, levels


def _human_like(campaign: Campaign) -> Profile:
    """Size, films and habits of people: only the tastes are made up."""
    data, rng = campaign.data, campaign.rng
    n = campaign.size()
    films = _borrowed_films(campaign, n) if rng.random() < 0.5 else _films_as_rated(campaign, n)
    own = rng.normal(0, 0.35)
    levels = data.mean[films] + own + rng.normal(0, rng.uniform(0.5, 1.0), len(films))
    step = rng.choice([0.0, 0.0, 0.5])
    return _with_targets(campaign, films, levels, campaign.aim - step if campaign.push else campaign.aim + step)


def _power_user(campaign: Campaign) -> Profile:
    """The film list of one of the busiest users, rated at the films' means."""
    data, rng = campaign.data, campaign.rng
    busiest = np.argsort(-np.diff(data.start), kind="stable")[: max(1, data.n_users // 10)]
    pool = data.film[data.user(int(rng.choice(busiest)))]
    films = rng.permutation(pool)[: campaign.size()]
    return _with_targets(campaign, films, _average_ratings(campaign, films))


def _copied(campaign: Campaign) -> Profile:
    """A real user's ratings, or as many as are four fifths or more of a profile: up to a fifth of them moved by noise,
    up to as many popular films more, and the target."""
    data, rng = campaign.data, campaign.rng
    enough = np.flatnonzero(np.diff(data.start) >= min(campaign.sizes[0], int(np.diff(data.start).max())))
    rows = data.user(int(rng.choice(enough)))
    keep = rng.permutation(rows.stop - rows.start)[: max(2, int(campaign.size() * rng.uniform(0.8, 1.0)))]
    films, levels = data.film[rows][keep], data.rating[rows][keep].copy()
    campaign.not_before = int(data.timestamp[rows][-1]) + 1
    changed = rng.random(len(films)) < rng.uniform(0.0, 0.2)
    levels[changed] = campaign.round(levels[changed] + rng.normal(0, 0.7, int(changed.sum())))
    extra = _popular_films(campaign, max(1, int(len(films) * rng.uniform(0.0, 0.2))))
    extra_levels = campaign.round(data.mean[extra])
    aims = np.full(len(campaign.targets), campaign.aim)
    return np.concatenate([campaign.targets, films, extra]), np.concatenate([aims, levels, extra_levels])


def _constant(campaign: Campaign) -> Profile:
    """One level for everything."""
    films = (
        _popular_films(campaign, campaign.size())
        if campaign.rng.random() < 0.5
        else _any_films(campaign, campaign.size())
    )
    level = campaign.rng.choice(campaign.grid)
    return films, np.full(len(films), level)


def _extreme(campaign: Campaign) -> Profile:
    """The two ends of the scale and nothing between."""
    films = _films_as_rated(campaign, campaign.size())
    high = campaign.rng.random(len(films)) < campaign.rng.uniform(0.2, 0.8)
    return films, np.where(high, campaign.grid[-1], campaign.grid[0])


def _lowest(campaign: Campaign) -> Profile:
    """Nearly everything at the lowest level."""
    films = _films_as_rated(campaign, campaign.size())
    low = campaign.rng.random(len(films)) < campaign.rng.uniform(0.85, 1.0)
    return films, np.where(low, campaign.grid[0], campaign.round(campaign.data.mean[films]))


def _plausible(campaign: Campaign) -> Profile:
    """Unremarkable films and ratings: what gives the bot away is its clock."""
    data, rng = campaign.data, campaign.rng
    if rng.random() < 0.5:
        films = _films_as_rated(campaign, campaign.size())
        return films, campaign.round(data.mean[films] + rng.normal(0, 0.35) + rng.normal(0, 0.9, len(films)))
    films = _any_films(campaign, campaign.size())
    return films, rng.choice(campaign.grid, size=len(films))


def _bomb(campaign: Campaign) -> Profile:
    """The target at the bottom within hours, a thin cover of known films."""
    films = _popular_films(campaign, campaign.size(), share=0.1)
    campaign.lasts = min(campaign.lasts, 2 * DAY)
    return _with_targets(campaign, films, _average_ratings(campaign, films))


def _mixed(campaign: Campaign) -> Profile:
    """Parts of three attacks in one profile."""
    makers: Sequence[Maker] = [_random, _average, _average_over_popular, _bandwagon, _human_like, _love_hate]
    picked = [makers[int(i)](campaign) for i in campaign.rng.choice(len(makers), size=3, replace=False)]
    n = campaign.size()
    films = np.concatenate([films[len(campaign.targets) :] for films, _ in picked])
    levels = np.concatenate([levels[len(campaign.targets) :] for _, levels in picked])
    some = campaign.rng.permutation(len(films))[:n]
    return _with_targets(campaign, films[some], levels[some])


KINDS: dict[str, Kind] = {
    "random-push": Kind("random", _random, push=True),
    "random-nuke": Kind("random", _random, push=False),
    "average-push": Kind("average", _average, push=True),
    "average-nuke": Kind("average", _average, push=False),
    "average-over-popular": Kind("average-over-popular", _average_over_popular),
    "bandwagon-push": Kind("bandwagon", _bandwagon, push=True),
    "reverse-bandwagon": Kind("bandwagon", _reverse_bandwagon, push=False),
    "segment": Kind("segment", _segment, push=True),
    "love-hate": Kind("love-hate", _love_hate),
    "probe": Kind("probe", _probe),
    "noise-injected": Kind("obfuscated", _noise_injected),
    "target-shifted": Kind("obfuscated", _target_shifted),
    "human-like": Kind("obfuscated", _human_like, timing="human"),
    "power-user": Kind("power-user", _power_user),
    "mixed": Kind("mixed", _mixed),
    "copied": Kind("copied", _copied),
    "constant": Kind("constant", _constant, targeted=False),
    "extreme": Kind("extreme", _extreme, targeted=False),
    "lowest": Kind("extreme", _lowest, targeted=False),
    "machine-paced": Kind("cadence", _plausible, timing="machine", targeted=False),
    "same-second-burst": Kind("cadence", _plausible, timing="burst", targeted=False),
    "review-bomb": Kind("review-bomb", _bomb, push=False),
}
"""Every kind by name. Its `family` is what is left out together in a leave-one-family-out evaluation."""

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(kind.family for kind in KINDS.values()))
