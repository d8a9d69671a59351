"""More users than one machine holds: a model is learned from a sample of them, and every user is scored where they lie.

Two rounds. First, the films' facts are asked of all ratings; by these, and by its likeness to the users of the sample,
every user is measured and then scored by the sample's models, group by group on the workers of the handle. Then the
sample and the most suspicious of all are judged together as any delivery is: that gives evidence, attacks and statuses.
So a user's neighbours are looked for in the sample and the suspects, but for copies, who are looked for among all;
and attackers are found together if they are among the suspects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from anomaly import catalogue, copies, film_facts, profiles, rules, scoring
from anomaly.batches import FEWEST_RATINGS
from anomaly.paces import checkable
from anomaly.population import Population, load_films, measure_all, survey_against
from anomaly.table import COLUMNS, undetermined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pandas as pd

    from anomaly.catalogue import Catalogue
    from anomaly.profiles import Profiles
    from anomaly.types import Ints, Warehouse

# More would tell hardly more: of these in two folds, models and tastes of each are learned from 6,000 or fewer of the
# other one.
SAMPLE_USERS = 20_000
# One in twenty, as of any delivery: who is honest sets what is usual.
SUSPECTS = SAMPLE_USERS // 20
# Of one group of users, which is measured at once: some 50 MB of intermediate arrays.
GROUP_RATINGS = 100_000
SCORES = ("catalogue", "distance", "isolation")
SCORED = {"userId": "bigint"} | dict.fromkeys(SCORES, "double") | {"rules_broken": "string"} | copies.SKETCHED


@runtime_checkable
class Scalable(copies.Pushable, Protocol):
    """A warehouse that works over its users where they lie."""

    def of_users(self, users: Collection[int]) -> Scalable:
        """The same with the ratings of these users alone."""

    def map_users(
        self, text: str, function: Callable[[pd.DataFrame], pd.DataFrame], columns: Mapping[str, str], groups: int
    ) -> pd.DataFrame:
        """What `function` makes of the rows of `text`, called with all rows of a group of users at a time.

        `columns` are the names and SQL types of its results. Who is in which of the `groups` hangs on the ids alone.
        """


@dataclass(frozen=True)
class Scorer:
    """Scores a group of users against the sample; what it holds is sent to every worker once."""

    population: Population
    models: list[scoring.Model]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        ids, guests = profiles.of_rows(frame, self.population.place.films.ids)
        fold = ids % self.population.n_folds
        features, _ = measure_all(guests, self.population.place, self.population.index, fold, same=False)
        scores = scoring.judged(self.models, features, guests.size, fold)
        broken = rules.broken(checkable(guests, features))
        sketched = copies.sketched(guests).values()
        return pd.DataFrame(dict(zip(SCORED, (ids, *scores, rules.names(broken), *sketched), strict=True)))


def check(n_users: int, reference: Warehouse | None, trusted_users: Collection[int] | None) -> None:
    """Raises ValueError where an error rate is asked for, which needs everybody measured alike."""
    if reference is not None or trusted_users is not None:
        raise ValueError(
            f"{n_users:,} users are too many to flag against trusted ones: past {SAMPLE_USERS:,} users, leave the "
            "reference and the trusted users out and judge by plain rules, or judge a part of the users"
        )


def find(
    warehouse: Scalable,
    users: pd.DataFrame,
    judged: pd.DataFrame,
    judge: Callable[[pd.DataFrame, Population, Catalogue], pd.DataFrame],
    seed: int,
) -> pd.DataFrame:
    """The findings of all `users`, of whom `judged` rated enough; `judge` makes those of a population and its users."""
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(judged["userId"].to_numpy(np.int64), SAMPLE_USERS, replace=False))
    films = load_films([warehouse])
    known, ratings = _ratings_of(warehouse, judged, sample, films[0])
    facts = film_facts.load(warehouse, films, judged, ratings)
    population = survey_against(facts, ratings, rng)
    attackers = catalogue.simulate(population, np.random.default_rng(seed + 1))
    scored = _scored(warehouse, judged, known, population, attackers)
    close, ratings = _ratings_of(warehouse, judged, _looked_at(scored, sample), films[0])
    return _joined(users, scored, judge(close, survey_against(facts, ratings, rng), attackers))


def _ratings_of(
    warehouse: Scalable, judged: pd.DataFrame, users: Ints, film_ids: Ints
) -> tuple[pd.DataFrame, Profiles]:
    known = judged[judged["userId"].isin(users)].reset_index(drop=True)
    return known, profiles.load(warehouse.of_users(users.tolist()), film_ids, known)


def _scored(
    warehouse: Scalable, judged: pd.DataFrame, known: pd.DataFrame, population: Population, attackers: Catalogue
) -> pd.DataFrame:
    """Both channels, the combined score and the broken rules of every judged user; `known` are the population's."""
    import pandas as pd

    models = scoring.learned(population, attackers)
    groups = -(-int(judged["n_usable"].sum() - known["n_usable"].sum()) // GROUP_RATINGS)
    others = judged.loc[~judged["userId"].isin(known["userId"]), "userId"].tolist()
    text = (Path(__file__).parent / "profiles.sql").read_text(encoding="utf-8")
    text = text.format(first_user=int(judged["userId"].min()), last_user=int(judged["userId"].max()))
    found = warehouse.of_users(others).map_users(text, Scorer(population, models), SCORED, max(1, groups))
    scored = pd.concat([_of_sample(known, population, models), found], ignore_index=True)
    scored = _with_copies(warehouse, text, judged, scored)
    novelty = scoring.novelty(scored["distance"].to_numpy(), scored["isolation"].to_numpy())
    both = scoring.Scores(scored["catalogue"].to_numpy(), novelty, np.empty(0), np.empty(0))
    return scored.assign(novelty=novelty, score=scoring.combined(both))


def _of_sample(known: pd.DataFrame, population: Population, models: list[scoring.Model]) -> pd.DataFrame:
    import pandas as pd

    scores = scoring.judged(models, population.features, population.size, population.fold)
    none, sketched = np.full(len(known), ""), copies.sketched(population.profiles).values()
    return pd.DataFrame(dict(zip(SCORED, (known["userId"].to_numpy(), *scores, none, *sketched), strict=True)))


def _with_copies(warehouse: Scalable, ratings: str, judged: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """The scored users, by id; for their sketches, the rule on copies and whose they are (`copy_of`, null for none)."""
    scored = scored.merge(judged[["userId", "n_usable"]], on="userId").sort_values("userId", ignore_index=True)
    found = copies.find(warehouse, ratings, scored)
    scored = scored.drop(columns=list(copies.SKETCHED))
    scored["copy_of"] = scored["userId"].map(found.set_index("userId")["otherId"]).astype("Int64")
    known = scored["rules_broken"].str.contains(rules.COPIED) | scored["copy_of"].isna()
    more = (rules.COPIED + ", " + scored["rules_broken"]).str.removesuffix(", ")
    return scored.assign(rules_broken=scored["rules_broken"].where(known, more))


def _looked_at(scored: pd.DataFrame, sample: Ints) -> Ints:
    """The sample, the suspects and whom any of them copied."""
    users = np.union1d(sample, _suspects(scored))
    copied = scored.loc[scored["userId"].isin(users), "copy_of"].dropna()
    return np.union1d(users, copied.to_numpy(np.int64))


def _suspects(scored: pd.DataFrame) -> Ints:
    """Who is looked at closely: whoever breaks a rule, then the highest scores."""
    ranked = scored.assign(breaks=scored["rules_broken"] != "").sort_values(["breaks", "score"], ascending=False)
    return ranked["userId"].to_numpy(np.int64)[:SUSPECTS]


def _joined(users: pd.DataFrame, scored: pd.DataFrame, close: pd.DataFrame) -> pd.DataFrame:
    """Findings of those looked at closely; the others' by their score and the plain rules alone; all on one scale."""
    import pandas as pd

    broken = scored.loc[scored["rules_broken"] != "", "userId"]
    close = close[(close["status"] == "flagged") | ~close["userId"].isin(broken)]
    rest = users[~users["userId"].isin(close["userId"])]
    few = rest["n_usable"] < FEWEST_RATINGS
    table = pd.concat([close, _plainly(rest[~few], scored)], ignore_index=True)
    by_user = scored.set_index("userId").reindex(table["userId"])
    table["most_like_user"] = table["most_like_user"].fillna(by_user["copy_of"].reset_index(drop=True))
    table["score"] = by_user["score"].to_numpy()
    table["catalogue_score"], table["novelty_score"] = by_user["catalogue"].to_numpy(), by_user["novelty"].to_numpy()
    if few.any():
        none = undetermined(rest[few], f"fewer than {FEWEST_RATINGS} usable ratings")
        table = pd.concat([table, none], ignore_index=True)
    return table[list(COLUMNS)].sort_values("userId", kind="stable").reset_index(drop=True)


def _plainly(rest: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    table = undetermined(rest, "")
    broken = scored.set_index("userId")["rules_broken"].reindex(table["userId"]).to_numpy()
    table["rules_broken"], table["is_anomaly"] = broken, broken != ""
    table["status"] = np.where(broken != "", "flagged", "ok")
    table["evidence"] = [". ".join(rules.meanings(names)) for names in broken]
    return table
