"""Attacks as papers define them: what the profiles of shilling attackers are made of.

Each account comes within a campaign of days (`campaign`); what differs is the profile. Sizes of fillers are those of
real users. Sources:

- Lam & Riedl 2004, Shilling recommender systems for fun and profit
- O'Mahony, Hurley, Kushmerick & Silvestre 2004, Collaborative recommendation: a robustness analysis
- Burke, Mobasher, Zabicki & Bhaumik 2005, Identifying attack models for secure recommendation
- Williams, Mobasher, Burke, Sandvig & Bhaumik 2006, Detection of obfuscated attacks in collaborative recommender
  systems
- Mobasher, Burke, Bhaumik & Williams 2007, Toward trustworthy recommender systems
- Hurley, Cheng & Zhang 2009, Statistical attack detection
- Wang, Wu, Cao & Fang 2012, Towards a tricksy group shilling attack model against recommender systems
- Wilson & Seminario 2013, When power users attack
- Gunes, Kaleli, Bilge & Polat 2014, Shilling attacks against recommender systems: a comprehensive survey
- Si & Li 2020, Shilling attacks against collaborative recommender systems: a review
- Lin et al. 2020, Attacking recommender systems with augmented user profiles
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from scripts.evaluation.strangers.world import IntArray, World, joined, sittings

Filler = Callable[[int], pd.Series]  # the opinions around the target, given the moment of the attack


def campaign(
    world: World, accounts: IntArray, filler: Filler, aims: pd.Series, period: tuple[int, int]
) -> pd.DataFrame:
    """Each account sits down once within the period and gives its filler, the aims somewhere among it."""
    return sittings(world, accounts, period, lambda: world.shuffled(joined(filler(period[0]), aims)), seconds=4.0)


def push(world: World, accounts: IntArray, filler: Filler) -> pd.DataFrame:
    """A campaign of a week that lifts a film of middling fame to the top."""
    period = world.period(7)
    return campaign(world, accounts, filler, world.at(world.middling(period[0]), world.top), period)


def nuke(world: World, accounts: IntArray, filler: Filler) -> pd.DataFrame:
    """A campaign of a week that lowers a film which many like."""
    period = world.period(7)
    return campaign(world, accounts, filler, world.at(world.loved(period[0]), world.bottom), period)


def random_push(world: World, accounts: IntArray) -> pd.DataFrame:
    """Any films, rated as all ratings are spread, and one pushed (RandomBot: Lam & Riedl 2004)."""
    return push(world, accounts, lambda at: world.draws(world.anything(at, world.size())))


def average_push(world: World, accounts: IntArray) -> pd.DataFrame:
    """Any films at their means, and one pushed (AverageBot: Lam & Riedl 2004)."""
    return push(world, accounts, lambda at: world.means(world.anything(at, world.size()), 0.3))


def average_nuke(world: World, accounts: IntArray) -> pd.DataFrame:
    """Any films at their means, and one lowered (AverageBot: Lam & Riedl 2004)."""
    return nuke(world, accounts, lambda at: world.means(world.anything(at, world.size()), 0.3))


def bandwagon(world: World, accounts: IntArray) -> pd.DataFrame:
    """The best known films at the top, random ratings, and one pushed (Burke et al. 2005)."""
    return push(
        world,
        accounts,
        lambda at: joined(world.draws(world.anything(at, world.size())), world.at(world.popular(at, 10), world.top)),
    )


def reverse_bandwagon(world: World, accounts: IntArray) -> pd.DataFrame:
    """Films that many know and dislike at the bottom, random ratings, and one film lowered (Mobasher et al. 2007)."""

    def filler(at: int) -> pd.Series:
        known = world.known(at)
        disliked = known[known["n"] >= known["n"].quantile(0.9)]["mean"].nsmallest(10).index
        return joined(world.draws(world.anything(at, world.size())), world.at(disliked, world.bottom))

    return nuke(world, accounts, filler)


def segment(world: World, accounts: IntArray) -> pd.DataFrame:
    """A genre's best known films and one pushed film at the top, any others at the bottom (Mobasher et al. 2007)."""
    period = world.period(7)
    loved = world.at(world.genre(period[0], 12), world.top)
    aims = world.at(world.middling(period[0]), world.top)
    return campaign(
        world,
        accounts,
        lambda at: joined(world.at(world.anything(at, world.size()), world.bottom), loved),
        aims,
        period,
    )


def love_hate(world: World, accounts: IntArray) -> pd.DataFrame:
    """Any films at the top, and one at the bottom (Mobasher et al. 2007)."""
    return nuke(world, accounts, lambda at: world.at(world.anything(at, world.size()), world.top))


def popular_push(world: World, accounts: IntArray) -> pd.DataFrame:
    """The best known films at their means, and one pushed (the popular attack of O'Mahony et al. 2004)."""
    return push(world, accounts, lambda at: world.means(world.popular(at, 40)))


def probe(world: World, accounts: IntArray) -> pd.DataFrame:
    """A few seeds of a taste, then what the site recommends as it predicts it (Gunes et al. 2014)."""

    def filler(at: int) -> pd.Series:
        seeds = world.person(at, 8)
        return joined(recommended(world, seeds, world.size(), at), seeds)

    return push(world, accounts, filler)


def recommended(world: World, seeds: pd.Series, k: int, at: int) -> pd.Series:
    """The known films that most of those who rated the seeds rated, at the means that these gave."""
    ratings = world.ratings[world.ratings["movieId"].isin(world.known(at).index)]
    alike = ratings[ratings["movieId"].isin(seeds.index)].groupby("userId").size().nlargest(20).index
    theirs = ratings[ratings["userId"].isin(alike)].groupby("movieId")["rating"].agg(["size", "mean"])
    return world.stars(theirs.nlargest(k, "size")["mean"])


def noise_injection(world: World, accounts: IntArray) -> pd.DataFrame:
    """An average attack under much noise (obfuscation: Williams et al. 2006)."""
    return push(world, accounts, lambda at: world.means(world.anything(at, world.size()), 1.0))


def user_shifting(world: World, accounts: IntArray) -> pd.DataFrame:
    """An average attack, each account's filler shifted up or down (obfuscation: Williams et al. 2006)."""

    def filler(at: int) -> pd.Series:
        opinions = world.means(world.anything(at, world.size()), 0.3)
        return world.stars(opinions + world.rng.normal(0, 0.8) * (world.rng.random(len(opinions)) < 0.7))

    return push(world, accounts, filler)


def average_over_popular(world: World, accounts: IntArray) -> pd.DataFrame:
    """An average attack whose filler is of the best known fifth alone (Hurley et al. 2009)."""

    def filler(at: int) -> pd.Series:
        best = world.popular(at, max(1, len(world.known(at)) // 5))
        return world.means(world.some(world.films.loc[best], world.size()), 0.3)

    return push(world, accounts, filler)


def mixed(world: World, accounts: IntArray) -> pd.DataFrame:
    """Random, average, bandwagon and love-all fillers in turn for one film (mixed attack: Si & Li 2020)."""
    turn = iter(range(len(accounts)))

    def filler(at: int) -> pd.Series:
        films = world.anything(at, world.size())
        best = world.at(world.popular(at, 10), world.top)
        ways = (
            lambda: world.draws(films),
            lambda: world.means(films, 0.3),
            lambda: joined(world.draws(films), best),
            lambda: world.at(films, world.top),
        )
        return ways[next(turn) % len(ways)]()

    return push(world, accounts, filler)


def power_users(world: World, accounts: IntArray) -> pd.DataFrame:
    """The profiles of those who rated most, thinned, and one film pushed (Wilson & Seminario 2013)."""
    sizes = world.ratings.groupby("userId").size()
    most = iter(np.resize(sizes.nlargest(len(accounts)).index, len(accounts)))
    return push(world, accounts, lambda at: world.shuffled(world.opinions_of(next(most), at)).head(300))


def group_without_overlap(world: World, accounts: IntArray) -> pd.DataFrame:
    """An average attack, no film but the target in two of the profiles (strict group attack: Wang et al. 2012)."""
    period = world.period(7)
    films = world.rng.permutation(world.known(period[0]).index.to_numpy())
    shares = iter(np.array_split(films, len(accounts)))
    aims = world.at(world.middling(period[0]), world.top)
    return campaign(world, accounts, lambda _: world.means(next(shares)[: world.size()], 0.5), aims, period)


def augmented_templates(world: World, accounts: IntArray) -> pd.DataFrame:
    """Half of a real user's ratings, another each time, and others' likings, and one film pushed (Lin et al. 2020)."""

    def filler(at: int) -> pd.Series:
        theirs = world.shuffled(world.of_user(at, least=40))
        return joined(world.person(at, 20), theirs.head(min(len(theirs) // 2, 150)))

    return push(world, accounts, filler)
