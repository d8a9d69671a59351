"""The findings table: one row for every user of `ratings`, whatever could be told of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from anomaly import at_scale, batches, catalogue, decisions, evidence, groups, increments, rules, scoring
from anomaly.batches import FEWEST_RATINGS, FEWEST_USERS, enough
from anomaly.damage import damage
from anomaly.paces import checkable
from anomaly.population import MUTUAL, Population, load_films, load_users, survey
from anomaly.profiles import Films
from anomaly.table import COLUMNS, nullable, undetermined
from anomaly.titles import Titles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pandas as pd

    from anomaly.decisions import Judgement
    from anomaly.groups import Group
    from anomaly.types import Bools, Floats, Ints, Warehouse

DETECTORS = ("two-channel", "isolation-forest")
TRUSTED = "trusted, and so not judged"


def find_anomalies(
    warehouse: Warehouse,
    *,
    reference: Warehouse | None = None,
    trusted_users: Collection[int] | None = None,
    false_discovery_rate: float = 0.10,
    detector: str = "two-channel",
    seed: int = 20_030_218,
    without_families: Collection[str] = (),
) -> pd.DataFrame:
    """Score every user of `ratings`, flag with a known error rate where trusted users allow it, and say why.

    Args:
        warehouse: holds `ratings` and `movies` (see the columns in profiles.sql, users.sql and films.sql).
        reference: the same tables of trusted users' ratings.
        trusted_users: ids of users of `warehouse` known to be honest.
        without_families: families of attacks never to be simulated (to evaluate on attacks that nobody foresaw).
        false_discovery_rate: the expected share of false flags among all flags, with a reference or trusted users.
        detector: "two-channel", or "isolation-forest" for the common recipe (three features, one user in twenty;
            a reference tells it nothing).

    Returns:
        One row a user, by userId, with `COLUMNS`:

        - source_line (first line of the user), userId, n_ratings, mean_rating, std_rating: as in the file
        - score: higher is more anomalous; NaN when undetermined. catalogue_score, novelty_score: its two channels
        - p_value, q_value: against the trusted users, allowing for how all others of the batch differ from them (see
          `calibration.among_their_like`); of who breaks a plain rule or attacks with others, q_value is at most the
          rate at which all who do could be flagged, and of who comes back at most that of the new ratings alone. NaN
          without trusted users, for these themselves, and where they are no measure of the batch
        - status: 'flagged' (q_value within the rate; without trusted users, a plain rule is broken), 'review' (worth a
          look, no error rate promised), 'undetermined' (too little to tell) or 'ok'. Of a trusted user 'ok' is no
          judgement, and 'review' says that it breaks a plain rule that few trusted users do
        - reason: why a user is undetermined (all are where most levels or times are damaged, be it the reference's),
          or that it is trusted, and so not judged
        - is_anomaly: status is 'flagged'
        - attack_group, target_movies (movieIds, '|' between), target_shift (stars that the group moves their means)
        - rules_broken: names of plain rules, ', ' between; most_like_user: whose ratings coincide most; trusted
        - movie_effects: JSON list of {movieId, mean, mean_without, n_others}, the films the user moves most
        - evidence (text), evidence_json: JSON list of {feature, value, typical_low, typical_high, quantile, text}

    Raises:
        ValueError: an unknown detector, a rate outside 0 to 1, fewer trusted users than calibrate a rate (see
            `batches.FEWEST_USERS`), trusted users named to "isolation-forest", which makes no use of them, or trusted
            users or a reference for more users than are all measured (see `anomaly.at_scale`).
    """
    _check(detector, false_discovery_rate)
    if detector == "isolation-forest" and trusted_users is not None:
        raise ValueError("isolation-forest makes no use of trusted users and promises no error rate: leave them out")
    users = load_users(warehouse)
    if detector == "isolation-forest":
        from anomaly.lab_recipe import isolation_forest_findings

        return isolation_forest_findings(users, COLUMNS, seed)
    judged = enough(users)
    earlier = None if reference is None else batches.Earlier(reference, load_users(reference))
    if problem := damage(users) or _no_measure(earlier) or _too_few(len(judged), reference):
        return undetermined(users, problem)
    if isinstance(warehouse, at_scale.Scalable) and len(judged) > at_scale.SAMPLE_USERS + at_scale.SUSPECTS:
        at_scale.check(len(judged), reference, trusted_users)
        return at_scale.find(warehouse, users, judged, partial(_judge_all, titles=Titles([warehouse])), seed)
    warehouses = [warehouse] if reference is None else [warehouse, reference]
    films, titles = load_films(warehouses), Titles(warehouses)
    parts = batches.parted(warehouse, users, earlier, trusted_users or (), films[0], seed)
    if reference is not None or trusted_users is not None:
        _check_trusted(min(int(part.trusted.sum()) for part in parts))
    found: list[pd.DataFrame] = []
    for part in parts:
        if len(part.judged):
            table = _judge_part(part, films, titles, without_families, false_discovery_rate, seed)
            found.append(table if not found else _renamed(table))
    return _with_undetermined(users, found)


def _check(detector: str, rate: float) -> None:
    if detector not in DETECTORS:
        raise ValueError(f"detector must be one of {', '.join(DETECTORS)}; got {detector!r}")
    if not 0 < rate < 1:
        raise ValueError(f"false_discovery_rate must be between 0 and 1; got {rate}")


def _no_measure(earlier: batches.Earlier | None) -> str | None:
    """Why nobody can be held against the reference's users: their damage would be the delivery's users' anomaly."""
    return None if earlier is None else damage(earlier.users, "reference")


def _too_few(n_judged: int, reference: Warehouse | None) -> str | None:
    if n_judged < FEWEST_USERS and reference is None:
        return f"fewer than {FEWEST_USERS} users with {FEWEST_RATINGS} usable ratings"
    return None


def _check_trusted(n_trusted: int) -> None:
    """Who gives trusted users counts on the error rate, so a ranking without one is no answer."""
    if n_trusted < FEWEST_USERS:
        raise ValueError(
            f"{n_trusted} trusted users with {FEWEST_RATINGS} usable ratings were found, but a false discovery rate "
            f"needs {FEWEST_USERS}: name more of them, or leave them out and judge by plain rules"
        )


def _judge_part(
    part: batches.Part,
    films: tuple[Ints, Ints, Floats],
    titles: Titles,
    without: Collection[str],
    rate: float,
    seed: int,
) -> pd.DataFrame:
    facts, rng = Films.of(*films, part.profiles), np.random.default_rng(seed)
    population = survey(part.profiles, facts, rng)
    attackers = catalogue.simulate(population, np.random.default_rng(seed + 1), without)
    since = increments.measured(population, part.new, part.trusted, np.random.default_rng(seed + 2))
    population = population.measured()  # what nobody holds any more goes before users are judged
    return _judge(part.judged, population, attackers, part.trusted, rate, since, titles)


NAMING_ATTACKS = ("attack_group", "evidence")  # columns that begin with an attack's name


def _renamed(table: pd.DataFrame) -> pd.DataFrame:
    """Findings of another part, whose attacks are not those of the first; titles in the evidence stay as they are."""
    names = {column: table[column].str.replace("^attack-", "attack-b", regex=True) for column in NAMING_ATTACKS}
    return table.assign(**names)


def _judge(
    judged: pd.DataFrame,
    population: Population,
    attackers: catalogue.Catalogue,
    trusted: Bools,
    rate: float,
    since: increments.Increments | None,
    titles: Titles,
) -> pd.DataFrame:
    """Findings of the users that are judged, the first of the population's."""
    calibrated = int(trusted.sum()) >= FEWEST_USERS
    models = scoring.learned(population, attackers, trusted if calibrated else None)
    broken = rules.broken(checkable(population.profiles, population.features))
    features = _in_doubt(population.features, _copied(population, broken) & ~broken[rules.COPIED])
    scores = scoring.score(models, features, population.size, population.fold)
    judgement = decisions.decide(scores, broken, trusted, len(judged), rate if calibrated else None)
    witness, late_witness = evidence.Witness(features, scores, population.size), None
    if since is not None:
        fold = population.fold[since.user]
        late, before = (scoring.score(models, part.features, part.size, fold) for part in (since.late, since.before))
        judgement = decisions.with_new_ratings(judgement, since, late, before, rate)
        late_witness = evidence.Witness(since.late.features, late, since.late.size)
    found, by_chance = _acting_together(population, scores, judgement, broken, trusted, calibrated)
    members = _members(found, len(judged))
    judgement = decisions.with_groups(judgement, members, trusted, by_chance, rate if calibrated else None)
    attacks = evidence.attacks(found, population.place.films.ids, titles)
    witnesses = evidence.Witnesses(witness, late_witness, judgement.by_new, attacks)
    return _table(judged, population, scores, judgement, broken, trusted, found, witnesses)


def _acting_together(
    population: Population,
    scores: scoring.Scores,
    judgement: Judgement,
    broken: dict[str, Bools],
    trusted: Bools,
    calibrated: bool,
) -> tuple[list[Group], Bools]:
    """The attacks of who is not trusted; and who would be in one, (n_users,), if nobody were, where that calibrates."""
    n, n_judged = len(trusted), len(judgement.score)
    tested = ~trusted & (np.arange(n) < n_judged)
    flagged = np.append(judgement.flagged, np.zeros(n - n_judged, bool))
    most = int(decisions.SUSPECT_SHARE * n_judged)
    found = _groups(population, scores, broken, flagged, tested, most)
    if not found or not calibrated:
        return found, np.zeros(n, bool)
    everybody, as_many = np.ones(n, bool), round(most * n / int(tested.sum()))
    return found, _members(_groups(population, scores, broken, flagged, everybody, as_many), n)


def _members(groups: list[Group], n_users: int) -> Bools:
    members = np.zeros(n_users, bool)
    members[[user for group in groups for user in group.users]] = True
    return members


def _groups(
    population: Population, scores: scoring.Scores, broken: dict[str, Bools], flagged: Bools, tested: Bools, most: int
) -> list[Group]:
    """The attacks among the tested, (n_users,), of whom `most` are high up."""
    copied = _copied(population, broken)
    alone = scoring.alone(scores, population.features, copied)
    suspects = decisions.suspects(flagged, population.crowd, alone, broken, tested, most)
    # Whoever was copied did what its copies do, whether it joined them or not.
    like = np.where(copied, alone, scores.catalogue) > decisions.SUSPECT_LOG_ODDS
    joining = population.crowd & tested & like
    # Copies meet one another on every film: taken for tastes in common, these would excuse a crew of them.
    no_say = population.crowd | broken[rules.COPIED]
    known = _among(tested, population.bombs)
    return groups.find_groups(population.profiles, population.place.films, suspects, no_say, joining, known)


def _among(tested: Bools, bombs: list[groups.Crew]) -> Iterator[groups.Crew]:
    """The bombs without the users who are not under judgement, if enough are left."""
    for crew in bombs:
        mine = frozenset(user for user in crew.users if tested[user])
        if len(mine) >= groups.SMALLEST:
            yield crew._replace(users=mine)


def _judge_all(
    users: pd.DataFrame, population: Population, attackers: catalogue.Catalogue, titles: Titles
) -> pd.DataFrame:
    """Where nobody is trusted, and everybody of the population is under judgement."""
    nobody = np.zeros(len(users), bool)
    return _with_undetermined(users, [_judge(users, population, attackers, nobody, 1.0, None, titles)])


def _copied(population: Population, broken: dict[str, Bools]) -> Bools:
    """Whose profiles others copied, (n_users,)."""
    copied = np.zeros(len(population.most_like), bool)
    copied[population.most_like[broken[rules.COPIED]]] = True
    return copied


def _table(
    judged: pd.DataFrame,
    population: Population,
    scores: scoring.Scores,
    judgement: Judgement,
    broken: dict[str, Bools],
    trusted: Bools,
    found: list[Group],
    witnesses: evidence.Witnesses,
) -> pd.DataFrame:
    n = len(judged)
    table = judged.drop(columns="n_usable").copy()
    table["score"] = judgement.score
    table["p_value"], table["q_value"] = judgement.p_value, judgement.q_value
    table["status"] = np.select([judgement.flagged, judgement.review], ["flagged", "review"], "ok")
    table["is_anomaly"] = judgement.flagged
    table["catalogue_score"], table["novelty_score"] = scores.catalogue[:n], scores.novelty[:n]
    table["trusted"], table["reason"] = trusted[:n], np.where(trusted[:n], TRUSTED, "")
    table["rules_broken"] = rules.names(broken)[:n]
    ids = judged["userId"].to_numpy()
    like = population.most_like[:n]
    known = (like >= 0) & (like < n)
    table["most_like_user"] = nullable([int(ids[like[u]]) if known[u] else None for u in range(n)], "Int64")
    return _explained(table, judged["n_usable"].to_numpy(), population, found, witnesses)


def _explained(
    table: pd.DataFrame, delivered: Ints, population: Population, found: list[Group], witnesses: evidence.Witnesses
) -> pd.DataFrame:
    n = len(table)
    group = {user: each for each in found for user in each.users}
    film_ids = population.place.films.ids
    shown = np.flatnonzero(table["status"].isin(["flagged", "review"]).to_numpy())
    texts, items, effects = [""] * n, ["[]"] * n, ["[]"] * n
    for user in shown.tolist():
        telling = witnesses.telling(user)
        sentences = (
            _sentence(witnesses.attacks.get(user, ""), str(table["rules_broken"].iloc[user]), telling),
            witnesses.judged_by(user, delivered[user]),
        )
        texts[user] = ". ".join(filter(None, sentences))
        items[user] = evidence.as_json(telling)
        effects[user] = evidence.as_json(movie_effects(population, user))
    table["attack_group"] = nullable([group[u].name if u in group else None for u in range(n)], "string")
    table["target_movies"] = nullable(
        ["|".join(str(film_ids[f]) for f in group[u].targets) if u in group else None for u in range(n)], "string"
    )
    table["target_shift"] = nullable(
        ["|".join(f"{s:+.2f}" for s in group[u].shifts) if u in group else None for u in range(n)], "string"
    )
    table["evidence"], table["evidence_json"], table["movie_effects"] = texts, items, effects
    return table


def _sentence(attack: str, rules_broken: str, telling: list[dict[str, object]]) -> str:
    parts = [attack, *rules.meanings(rules_broken), *(str(item["text"]) for item in telling)]
    return ". ".join(filter(None, parts)) or "unusual in many small ways, none of them telling by itself"


MOST_EFFECTS = 5  # films of a user in the findings, of which pages show fewer


def movie_effects(population: Population, user: int) -> list[dict[str, object]]:
    """The films whose means this user moves most: movieId, mean, mean_without and n_others (null without others)."""
    films, rows = population.place.films, population.profiles.rows(user)
    film, rating = population.profiles.film[rows], population.profiles.stars[rows].astype(np.float32)
    others = films.count[film] - 1
    mean = films.total[film] / films.count[film]
    without = np.where(others > 0, (films.total[film] - rating) / np.maximum(others, 1), np.nan)
    moved = np.where(others > 2, np.abs(mean - without), -1.0)
    return [
        {
            "movieId": int(films.ids[film[place]]),
            "mean": round(float(mean[place]), 3),
            "mean_without": round(float(without[place]), 3) if others[place] > 0 else None,
            "n_others": int(others[place]),
        }
        for place in np.argsort(-moved, kind="stable")[:MOST_EFFECTS]
    ]


def _in_doubt(features: dict[str, Floats], copied: Bools) -> dict[str, Floats]:
    """The features, in which it is no mark of those who were copied that their copies are like them."""
    return features | {name: np.where(copied, np.median(features[name]), features[name]) for name in MUTUAL}


def _with_undetermined(users: pd.DataFrame, found: list[pd.DataFrame]) -> pd.DataFrame:
    """The findings of all parts, and a row for each user who is in none of them."""
    import pandas as pd

    known = [user for table in found for user in table["userId"]]
    few = undetermined(users[~users["userId"].isin(known)], f"fewer than {FEWEST_RATINGS} usable ratings")
    tables = [table[list(COLUMNS)] for table in (*found, few) if not table.empty] or [few]
    return pd.concat(tables, ignore_index=True).sort_values("userId", kind="stable").reset_index(drop=True)
