"""The users under judgement, measured: features of each against all others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomaly import tastes
from anomaly.bombs import bombed
from anomaly.crowds import crowded
from anomaly.fashion import Eras
from anomaly.features import Extremes, Place, measure
from anomaly.film_facts import Facts
from anomaly.neighbours import Index
from anomaly.profiles import Films, Profiles

if TYPE_CHECKING:
    import pandas as pd

    from anomaly.groups import Crew
    from anomaly.types import Bools, Floats, Ints, Warehouse

# Users of one fold are judged by what was learned from the other folds.
N_FOLDS = 5
# Where users abound, two folds leave enough to learn from.
N_FOLDS_LARGE, LARGE = 2, 5_000
MUTUAL = ("shared_films", "shared_ratings", "lent_films", "lent_rarity")  # as much the one's as the other's
LIKENESS = (*MUTUAL, "copied_films", "copied_ratings")
YEAR_IN_TITLE = re.compile(r"\((\d{4})\)\s*$")


@dataclass(frozen=True)
class Population:
    """Users and their features. All arrays have one entry a user, in the order of `profiles`."""

    profiles: Profiles
    place: Place
    index: Index
    fold: Ints
    features: dict[str, Floats]
    most_like: Ints
    crowd: Bools  # who has no say in what is usual
    bombs: list[Crew]  # who within days gave a film what few others did

    @property
    def values(self) -> Floats:
        """Features as a matrix (n_users, n_features)."""
        return np.column_stack(list(self.features.values()))

    @property
    def size(self) -> Ints:
        return self.profiles.size

    @property
    def n_folds(self) -> int:
        return int(self.fold.max()) + 1

    def measured(self) -> Population:
        """The same without what only measuring more users needs: 150 MB for 32 million ratings."""
        nobody = self.profiles.span(0, 0)
        place = replace(self.place, extremes=Extremes.of(nobody))
        return replace(self, place=place, index=Index.of(nobody, len(self.place.films.ids)))


def survey(profiles: Profiles, films: Films, rng: np.random.Generator) -> Population:
    """Measure every user of `profiles` against all others."""
    return survey_against(Facts(films, Extremes.of(profiles), Eras.of(profiles, len(films.ids))), profiles, rng)


def survey_against(facts: Facts, profiles: Profiles, rng: np.random.Generator) -> Population:
    """The same where `profiles` are some of the users by whose ratings these facts are known."""
    fold = _folds(profiles.n_users, rng)
    place = Place(facts.films, tastes.learn(profiles, facts.films, fold, rng), facts.extremes, facts.eras)
    index = Index.of(profiles, len(facts.films.ids))
    features, most_like = measure_all(profiles, place, index, fold, same=True)
    bombs = bombed(profiles, facts.extremes if facts.extremes.near else Extremes.of(profiles))
    measured = replace(place, extremes=replace(place.extremes, near={}))  # each rating's own counts are used up
    return Population(profiles, measured, index, fold, features, most_like, crowded(profiles), bombs)


def measure_all(
    profiles: Profiles, place: Place, index: Index, fold: Ints, *, same: bool
) -> tuple[dict[str, Floats], Ints]:
    """All features of the profiles, likeness to the indexed users included, and whom each is most like."""
    likeness = index.nearest(profiles, same=same)
    most_like = likeness.pop("most_like").astype(np.int64)
    return measure(profiles, place, fold, same=same) | likeness, most_like


def measure_parts(population: Population, parts: Profiles, fold: Ints) -> dict[str, Floats]:
    """Features, but of likeness, of parts of the population's profiles, each as if it were another user's."""
    return measure(parts, _with_ratings(population.place, parts), fold)


def measure_guests(population: Population, guests: Profiles, fold: Ints) -> dict[str, Floats]:
    """Features of profiles that are not of the population, as if they were: against it and one another."""
    place = _with_ratings(population.place, guests)
    features, _ = measure_all(guests, place, population.index, fold, same=False)
    among = Index.of(guests, len(population.place.films.ids)).nearest(guests, same=True)
    for name in LIKENESS:
        features[name] = np.maximum(features[name], among[name])
    return features


def _with_ratings(place: Place, profiles: Profiles) -> Place:
    return replace(
        place,
        films=place.films.with_ratings(profiles),
        extremes=place.extremes.with_ratings(profiles),
        eras=place.eras.with_ratings(profiles),
    )


def _folds(n_users: int, rng: np.random.Generator) -> Ints:
    n_folds = N_FOLDS_LARGE if n_users > LARGE else min(N_FOLDS, n_users)
    return rng.permutation(np.arange(n_users) % n_folds)


def load_films(warehouses: list[Warehouse]) -> tuple[Ints, Ints, Floats]:
    """Ids of all rated films, a number for each one's first genre, and its year of release (NaN if unknown)."""
    import pandas as pd

    text = (Path(__file__).parent / "films.sql").read_text(encoding="utf-8")
    known = pd.concat([warehouse.sql(text) for warehouse in warehouses], ignore_index=True)
    known = known.sort_values("movieId", kind="stable").drop_duplicates("movieId")
    genres = known["genres"].fillna("").astype(str).str.split("|").str[0]
    number = np.unique(genres.to_numpy(str), return_inverse=True)[1]
    return known["movieId"].to_numpy(np.int64), number, _years(known["title"])


def _years(titles: pd.Series[str]) -> Floats:
    found = [YEAR_IN_TITLE.search(str(title)) for title in titles]
    return np.array([float(match.group(1)) if match else np.nan for match in found])


def load_users(warehouse: Warehouse) -> pd.DataFrame:
    """userId, source_line, n_ratings, mean_rating, std_rating and more (see users.sql) of every user of `ratings`."""
    return warehouse.sql((Path(__file__).parent / "users.sql").read_text(encoding="utf-8"))
