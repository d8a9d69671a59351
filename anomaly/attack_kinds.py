"""The kinds of rating fraud: for each, how the films and ratings of one of its users are made.

Every kind follows a published attack model and draws what the model leaves open (profile size, cadence, rounding,
strength) widely, so that whatever learns from it learns the attack and not this generator:

- random, average, bandwagon, segment, love-hate, probe: Mobasher, Burke, Bhaumik and Williams, "Toward trustworthy
  recommender systems" (ACM TOIT 2007); Burke et al., "Classification features for attack detection" (KDD 2006).
- average-over-popular, noise injection and target shifting: Williams, Mobasher and Burke, "Detecting profile injection
  attacks" (SOCA 2007); Hurley, Cheng and Zhang, "Statistical attack detection" (RecSys 2009).
- power users: Wilson and Seminario, "When power users attack" (RecSys 2013).
- constant and extreme raters, machine cadence, bursts, review bombs, copies: bots seen on open rating sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from anomaly.campaigns import Campaign, Kind, Maker, Profile
from anomaly.units import DAY

if TYPE_CHECKING:
    from anomaly.types import Floats, Ints


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


def kinds_of_family(family: str) -> list[str]:
    """The kinds of one family, in catalogue order."""
    return [name for name, kind in KINDS.items() if kind.family == family]
