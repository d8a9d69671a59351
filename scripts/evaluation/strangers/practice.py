"""What bad users do in practice, beyond the profiles of the papers: where and when they rate, who they were before.

- Review bombs: fresh accounts or angry regulars lower a film within days of an event, as on Metacritic, IMDb and Steam
  (Tomaselli, Cantone & Mazzeo 2021, The polarising effect of review bomb).
- Paid reviews: people with tastes of their own, hired by the piece (He, Hollenbeck & Proserpio 2022, The market for
  fake reviews); agencies who keep such accounts over months; accounts bought, stolen or put to sleep first (Beutel et
  al. 2013, CopyCatch; Cao et al. 2014, Uncovering large groups of active malicious accounts).
- Click farms and scripts: lists, clocks, crawls of a catalogue (Viswanath et al. 2014, Towards detecting anomalous user
  behavior in online social networks).
"""

import numpy as np
import pandas as pd

from scripts.evaluation.strangers.world import DAY, IntArray, World, joined, profile, sittings


def inserted(world: World, opinions: pd.Series, aims: pd.Series) -> pd.Series:
    """The opinions in their order, the aims somewhere among them."""
    kept = opinions.drop(aims.index, errors="ignore")
    places = np.sort(world.rng.integers(0, len(kept) + 1, len(aims)))
    films = np.insert(kept.index.to_numpy(), places, aims.index.to_numpy())
    return pd.Series(np.insert(kept.to_numpy(dtype=float), places, aims.to_numpy()), index=films)


def with_past(
    world: World, account: int, aims: pd.Series, past: tuple[int, int], deed: tuple[int, int]
) -> pd.DataFrame:
    """An account of an honest past, which does its deed in one sitting of the later period."""
    opinions = world.person(past[0]).drop(aims.index, errors="ignore")
    before = profile(account, opinions, world.evenings(past, len(opinions)))
    return pd.concat([before, profile(account, aims, world.sitting(world.moment(deed), len(aims)))])


def then(period: tuple[int, int], share: float, days: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first share of a period, and so many days (no more than are left) after it."""
    turn = period[0] + int(share * (period[1] - period[0]))
    return (period[0], turn), (turn, min(turn + int(days * DAY), period[1]))


# --- people who lower films


def review_bomb(world: World, accounts: IntArray) -> pd.DataFrame:
    """Fresh accounts that lower a liked film within two days, and rate some popular ones for cover."""
    period = world.period(2)
    aim = world.at(world.loved(period[0]), world.bottom)
    known = world.films.loc[world.popular(period[0], 60)]

    def opinions() -> pd.Series:
        cover = world.taste(world.some(known, int(world.rng.integers(5, 16))))
        return joined(aim, cover.drop(aim.index, errors="ignore"))

    return sittings(world, accounts, period, opinions)


def throwaways(world: World, accounts: IntArray) -> pd.DataFrame:
    """Accounts of one to three ratings, the first of them the bottom for one film, within two days."""
    period = world.period(2)
    aim = world.at(world.loved(period[0]), world.bottom)

    def opinions() -> pd.Series:
        others = world.person(period[0], 2).drop(aim.index, errors="ignore")
        return joined(aim, others).head(int(world.rng.integers(1, 4)))

    return sittings(world, accounts, period, opinions)


def angry_regulars(world: World, accounts: IntArray) -> pd.DataFrame:
    """Users of long standing who lower four films of a franchise within a week."""
    past, deed = then(world.period(400), 0.9, 7)
    aims = world.at(world.loved(past[0], 4), world.bottom)
    return pd.concat([with_past(world, int(account), aims, past, deed) for account in accounts])


def taken_over_to_lower(world: World, accounts: IntArray) -> pd.DataFrame:
    """Real users' accounts, stolen, with which two films are lowered within three days."""
    period = world.period(3, after=world.all_there(accounts))
    aims = world.at(world.loved(period[0], 2), world.bottom)
    return sittings(world, accounts, period, lambda: aims)


def taken_over_to_push(world: World, accounts: IntArray) -> pd.DataFrame:
    """Real users' accounts, stolen, with which five films are pushed within three days."""
    period = world.period(3, after=world.all_there(accounts))
    aims = world.at(world.middling(period[0], 5), world.top)
    return sittings(world, accounts, period, lambda: aims)


# --- people who are paid to push films


def paid_reviewers(world: World, accounts: IntArray) -> pd.DataFrame:
    """People with their own tastes, paid to push one film within two weeks."""
    period = world.period(14)
    aim = world.at(world.middling(period[0]), world.top)
    return sittings(world, accounts, period, lambda: inserted(world, world.person(period[0]), aim))


def agency(world: World, accounts: IntArray) -> pd.DataFrame:
    """People who over four months push three to five of an agency's twelve films, each at times of their own."""
    period = world.period(120)
    clients = world.films.loc[world.middling(period[0], 12)]
    rows = []
    for account in accounts:
        aims = world.at(world.some(clients, int(world.rng.integers(3, 6))), world.top)
        opinions = inserted(world, world.person(period[0]), aims)
        rows.append(profile(int(account), opinions, world.evenings(period, len(opinions))))
    return pd.concat(rows)


def sleepers(world: World, accounts: IntArray) -> pd.DataFrame:
    """Users who push three films within a week after months of honesty."""
    past, deed = then(world.period(200), 0.9, 7)
    aims = world.at(world.middling(past[0], 3), world.top)
    return pd.concat([with_past(world, int(account), aims, past, deed) for account in accounts])


def resold(world: World, accounts: IntArray) -> pd.DataFrame:
    """Accounts sold after a pause: the buyer rates ten films by another taste, and pushes two."""
    past, deed = then(world.period(400), 0.5, 14)
    later = (deed[0] + (deed[0] - past[0]) // 2, deed[1] + (deed[0] - past[0]) // 2)
    aims = world.at(world.middling(past[0], 2), world.top)
    return pd.concat(
        [with_past(world, int(a), inserted(world, world.person(past[0], 10), aims), past, later) for a in accounts]
    )


def one_after_another(world: World, accounts: IntArray) -> pd.DataFrame:
    """Human-like accounts that push one film, each on its own day over half a year."""
    period = world.period(180)
    aim = world.at(world.middling(period[0]), world.top)
    rows = []
    for account, begin in zip(accounts, np.linspace(*period, len(accounts)).astype(int), strict=True):
        opinions = inserted(world, world.person(period[0]), aim)
        rows.append(profile(int(account), opinions, world.sitting(int(begin), len(opinions))))
    return pd.concat(rows)


def lone_pushers(world: World, accounts: IntArray) -> pd.DataFrame:
    """Human-like accounts that act alone, each for two films and at a time of its own."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        opinions = inserted(world, world.person(begin), world.at(world.middling(begin, 2), world.top))
        rows.append(profile(int(account), opinions, world.sitting(begin, len(opinions))))
    return pd.concat(rows)


def praise_ring(world: World, accounts: IntArray) -> pd.DataFrame:
    """Makers of films nobody knows, who give five stars to one another's: ten of thirty each, over two months."""
    period = world.period(60)
    theirs = world.films.loc[world.obscure(period[0], 30)]
    rows = []
    for account in accounts:
        opinions = inserted(world, world.person(period[0], 20), world.at(world.some(theirs, 10), world.top))
        rows.append(profile(int(account), opinions, world.evenings(period, len(opinions))))
    return pd.concat(rows)


def unknown_film(world: World, accounts: IntArray) -> pd.DataFrame:
    """Twenty popular films by one's own taste, and at the top one that hardly anybody knows, within a month."""
    period = world.period(30)
    aim = world.at(world.obscure(period[0]), world.top)
    known = world.films.loc[world.popular(period[0], 100)]
    return sittings(world, accounts, period, lambda: inserted(world, world.taste(world.some(known, 20)), aim))


# --- lists and copies


def trickled_list(world: World, accounts: IntArray) -> pd.DataFrame:
    """Accounts that work through one list with small changes of the ratings, one every other day."""
    period = world.period(30)
    listed = world.person(period[0], 40)
    rows = []
    for account, begin in zip(accounts, np.linspace(*period, len(accounts)).astype(int), strict=True):
        opinions = world.stars(world.shuffled(listed).head(30) + world.rng.normal(0, 0.4, min(30, len(listed))))
        rows.append(profile(int(account), opinions, world.sitting(int(begin), len(opinions))))
    return pd.concat(rows)


def click_farm(world: World, accounts: IntArray) -> pd.DataFrame:
    """Workers of one shift with one list of thirty films to praise, each in an order of their own."""
    period = world.period(1 / 3)
    listed = world.at(world.anything(period[0], 30), world.top)
    return sittings(
        world,
        accounts,
        period,
        lambda: world.shuffled(listed - world.step * (world.rng.random(len(listed)) < 0.3)),
        seconds=3.0,
    )


def exact_copies(world: World, accounts: IntArray) -> pd.DataFrame:
    """Copies of one real user, each rating as it was, over a month."""
    period = world.period(30)
    model = world.of_user(period[0], least=40)
    return sittings(world, accounts, period, lambda: world.shuffled(model))


def changed_copies(world: World, accounts: IntArray) -> pd.DataFrame:
    """Copies of one real user who push a film within a month, a fifth of the ratings changed."""
    period = world.period(30)
    model, aim = world.of_user(period[0], least=40), world.at(world.middling(period[0]), world.top)

    def opinions() -> pd.Series:
        same = world.rng.random(len(model)) < 0.8
        return inserted(world, world.shuffled(model.where(same, world.taste(model.index.to_numpy()))), aim)

    return sittings(world, accounts, period, opinions)


# --- machines


def crawler(world: World, accounts: IntArray) -> pd.DataFrame:
    """Bots that walk the catalogue in the order of its numbers, a stretch each, with random ratings."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        known = np.sort(world.known(begin).index.to_numpy())
        first = int(world.rng.integers(0, len(known) // 2 + 1))
        opinions = world.draws(known[first : first + int(world.rng.integers(100, 301))])
        rows.append(profile(int(account), opinions, world.clock(begin, len(opinions), 2)))
    return pd.concat(rows)


def clockwork(world: World, accounts: IntArray) -> pd.DataFrame:
    """Clients driven by a clock: a person's tastes, a rating each minute to the second."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        opinions = world.person(begin)
        rows.append(profile(int(account), opinions, world.clock(begin, len(opinions), 60)))
    return pd.concat(rows)


def scripted_push(world: World, accounts: IntArray) -> pd.DataFrame:
    """A script's accounts that push one film in one night: some random films, a rating every three seconds."""
    period = world.period(0.5)
    aim = world.at(world.middling(period[0]), world.top)
    rows = []
    for account in accounts:
        opinions = inserted(world, world.draws(world.anything(period[0], 25)), aim)
        rows.append(profile(int(account), opinions, world.clock(world.moment(period), len(opinions), 3)))
    return pd.concat(rows)


def random_bots(world: World, accounts: IntArray) -> pd.DataFrame:
    """Lone bots that give any rating to any film, all of them equally often, at the speed of a hand."""
    rows = []
    scale = np.arange(world.bottom, world.top + world.step, world.step)
    for account in accounts:
        begin = world.moment(world.period(1))
        films = world.anything(begin, world.size())
        opinions = pd.Series(world.rng.choice(scale, len(films)), index=films)
        rows.append(profile(int(account), opinions, world.sitting(begin, len(opinions))))
    return pd.concat(rows)


def single_rating_bots(world: World, accounts: IntArray) -> pd.DataFrame:
    """Lone bots that give one and the same rating to whatever films they meet."""
    rows = []
    for account in accounts:
        begin = world.moment(world.period(1))
        star = float(world.rng.choice([world.bottom, 3.0, world.top]))
        opinions = world.at(world.anything(begin, world.size()), star)
        rows.append(profile(int(account), opinions, world.sitting(begin, len(opinions), 3.0)))
    return pd.concat(rows)
