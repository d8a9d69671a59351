"""Honest but odd people: whoever flags them, or calls them an attack, is wrong.

What they share comes from a life in common, not from a plan: a list that a site shows, a festival, a classroom, a sofa.
"""

import numpy as np
import pandas as pd

from scripts.evaluation.strangers.practice import inserted, with_past
from scripts.evaluation.strangers.world import IntArray, World, joined, profile, sittings


def newcomers_of_one_list(world: World, accounts: IntArray) -> pd.DataFrame:
    """Newcomers of a month who rate, by their own tastes, what they have seen of the list that the site shows first."""
    period = world.period(30)
    shown = world.popular(period[0], 30)

    def opinions() -> pd.Series:
        seen = shown[world.rng.random(len(shown)) < 0.75]
        return world.taste(seen if len(seen) else shown)

    return sittings(world, accounts, period, opinions)


def festival_goers(world: World, accounts: IntArray) -> pd.DataFrame:
    """Newcomers who within ten days rate most of one festival's dozen little known films, and what else they know."""
    period = world.period(10)
    shown = world.films.loc[world.obscure(period[0], 12)]
    rows = []
    for account in accounts:
        seen = world.taste(world.some(shown, int(world.rng.integers(6, 11))))
        opinions = joined(world.person(period[0], int(world.rng.integers(10, 25))), seen)
        rows.append(profile(int(account), opinions, world.evenings(period, len(opinions))))
    return pd.concat(rows)


def school_class(world: World, accounts: IntArray) -> pd.DataFrame:
    """A class that signs up in one lesson: the eight films they talked about, and some of their own."""
    period = world.period(1 / 24)
    discussed = world.some(world.films.loc[world.popular(period[0], 80)], 8)

    def opinions() -> pd.Series:
        return joined(world.taste(discussed), world.person(period[0], int(world.rng.integers(12, 31))))

    return sittings(world, accounts, period, opinions, seconds=15.0)


def couples(world: World, accounts: IntArray) -> pd.DataFrame:
    """Two people on one sofa: two thirds of their films in common, rated one after the other, and much the same."""
    return pd.concat([couple(world, accounts[i : i + 2]) for i in range(0, len(accounts), 2)])


def couple(world: World, accounts: IntArray) -> pd.DataFrame:
    """One couple (or, of an odd number, one who lives alone)."""
    period = world.period(90)
    together = world.person(period[0], 40)
    times = world.evenings(period, len(together))
    rows = []
    for place, account in enumerate(accounts):
        own = world.person(period[0], 20).drop(together.index, errors="ignore")
        theirs = world.stars(together + world.rng.normal(0, 0.6, len(together)))
        rows.append(profile(int(account), theirs, times + 60 * place))
        rows.append(profile(int(account), own, world.evenings(period, len(own))))
    return pd.concat(rows)


def film_fans(world: World, accounts: IntArray) -> pd.DataFrame:
    """Users of long standing who within a week of its return to the cinemas give one film they love the top."""
    period = world.period(300)
    deed = (period[1] - int(0.025 * (period[1] - period[0])), period[1])
    loved = world.at(world.loved(period[0]), world.top)
    return pd.concat([with_past(world, int(account), loved, period, deed) for account in accounts])


def imported_lists(world: World, accounts: IntArray) -> pd.DataFrame:
    """Ratings brought from elsewhere by a machine: ordered by film, four a second."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        opinions = world.person(begin).sort_index()
        rows.append(profile(int(account), opinions, begin + np.arange(len(opinions)) // 4))
    return pd.concat(rows)


def favourites_only(world: World, accounts: IntArray) -> pd.DataFrame:
    """People who keep a list of what they love, at the top or one step below it, and rate nothing else."""
    rows = []
    for account in accounts:
        period = world.period(60)
        loved = world.person(period[0], 120).nlargest(int(world.rng.integers(20, 61)))
        opinions = world.at(loved.index, world.top) - world.step * (world.rng.random(len(loved)) < 0.3)
        rows.append(profile(int(account), world.shuffled(opinions), world.evenings(period, len(opinions))))
    return pd.concat(rows)


def night_owls(world: World, accounts: IntArray) -> pd.DataFrame:
    """Film lovers who sign up and rate several hundred films in one night, each by their own taste."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        opinions = world.person(begin, min(int(world.rng.integers(250, 500)), len(world.known(begin)) // 2))
        opinions = inserted(world, opinions, world.taste(world.obscure(begin, 10)))
        rows.append(profile(int(account), opinions, world.sitting(begin, len(opinions), 5.0)))
    return pd.concat(rows)
