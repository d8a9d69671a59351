"""Facts about films, over both windows together: a relabelling of users leaves them as they are.

Where there is a reference, its catalogue holds for both windows: editions revise genres (of the films that MovieLens 1M
and its latest small edition share, 38 % have others), which says nothing of what is rated. But what the delivery has
lost, it has lost for its ratings: all genres of a film, or a genre on all films.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from drift.features import n_cells
from drift.handle import push_numbers
from drift.sums import FilmColumns, cell
from drift.times import LATEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from drift.features import Feature
    from drift.handle import Handle
    from drift.windows import Part

FILM_PRIOR: Final = 10  # ratings at the overall mean that a film's mean starts with: one rating is no mean
PEERS: Final = 250  # films that one is compared with in how often it is rated, about; those of a year stay together
YEAR: Final = 31_536_000  # seconds for which a film is new
FIRST_YEAR: Final = 1970  # from which seconds are counted
YEAR_IN_TITLE: Final = r"\((\d{4})\)\s*$"
NO_GENRES: Final = "(no genres listed)"
MOST_GENRES: Final = 62  # the commonest; MovieLens knows 19, so many more are another column's text
FEATURES: Final = ("film_popularity", "film_year")  # facts of a film that are features as they stand


@dataclass(frozen=True)
class Films:
    """What is known of films, one row each (index: movieId): facts, and whether they have each genre, 1 or 0.

    left: the same of the genres that the last part has left of its films that lost any.
    told_from: the time from which on it can be told which films are new: a year after the first rating. Before, all are
    first rated within the year.
    """

    facts: pd.DataFrame
    genres: pd.DataFrame
    left: pd.DataFrame
    told_from: int = LATEST
    last: Handle | None = None

    @property
    def rows(self) -> NDArray[np.int64]:
        """The film of each row that is summed: each film's, then those with what is left of their genres."""
        return np.append(np.arange(len(self.facts)), self.facts.index.get_indexer(self.left.index))

    def facts_in(self, handle: Handle) -> pd.DataFrame:
        """The facts, with the rows that are summed for this handle's ratings."""
        if handle is not self.last:
            return self.facts
        left = pd.Series(np.arange(len(self.facts), len(self.rows)), self.left.index)
        return self.facts.assign(
            film_row=left.reindex(self.facts.index).fillna(self.facts["film_row"]).astype(np.int64)
        )


def known_films(parts: tuple[Part, ...]) -> Films:
    """The films that are rated.

    All ratings of the parts tell of the films, whichever users are compared.
    """
    rated = pd.concat([part.handle.sql(part.of_everyone().statement("films")) for part in parts])
    films = rated.groupby("movieId").agg({"n": "sum", "total": "sum", "first_rated": "min"})
    mean = films["total"].sum() / max(1, films["n"].sum())
    catalogues = [_catalogue(part.handle) for part in parts]
    catalogue = pd.concat(catalogues).drop_duplicates("movieId").set_index("movieId").reindex(films.index)
    year = pd.to_numeric(catalogue["title"].str.extract(YEAR_IN_TITLE)[0], errors="coerce")
    facts = pd.DataFrame(
        {
            "film_row": np.arange(len(films)),
            "film_popularity": _popularity(films, year),
            "film_new_until": films["first_rated"] + YEAR,
            "film_mean": (films["total"] + FILM_PRIOR * mean) / (films["n"] + FILM_PRIOR),
            "film_year": year,
        },
        index=films.index,
    )
    genres = _genres(catalogue["genres"])
    left = _left(genres, catalogues[-1]) if len(parts) > 1 else genres[:0]
    told_from = int(films["first_rated"].min()) + YEAR if len(films) else LATEST
    return Films(facts, genres, left, told_from, parts[-1].handle)


def _left(genres: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """What the catalogue has left of the genres of films that are in it, for those that lost any."""
    listed = catalogue.drop_duplicates("movieId").set_index("movieId")["genres"]
    listed = listed[listed.index.isin(genres.index)]
    before, after = genres.loc[listed.index], _flags(listed)
    kept = before.mul(after.any(axis=1), axis=0) * before.columns.isin(after.columns)
    return kept[(kept != before).any(axis=1)]


def film_columns(films: Films, features: Sequence[Feature]) -> FilmColumns:
    """The facts in the form in which they are summed, for those of the features that are facts of the film alone."""
    columns, spans, first = [], {}, 0
    for feature in features:
        if feature.kind == "ordered" and feature.per == "rating" and feature.value in FEATURES:
            columns.append(_moments_and_cell(films.facts[feature.value].to_numpy(float)[films.rows], feature))
            spans[feature.name] = slice(first, first + columns[-1].shape[1])
            first = spans[feature.name].stop
    flags = np.concatenate([films.genres.to_numpy(float), films.left.to_numpy(float)])
    matrix = np.column_stack([*columns, flags.any(axis=1), flags])
    return FilmColumns(np.pad(matrix, ((0, 1), (0, 0))), spans, flags.shape[1])


def _moments_and_cell(values: NDArray[np.float64], feature: Feature) -> NDArray[np.float64]:
    known, numbers = ~np.isnan(values), np.nan_to_num(values)
    in_cell = cell(feature, numbers)[:, None] == np.arange(n_cells(feature))
    return np.column_stack([numbers, numbers**2, in_cell & known[:, None]])


def push_films(handle: Handle, facts: pd.DataFrame) -> None:
    """Make the temporary table drift_films of the facts."""
    push_numbers(handle, "drift_films", facts, "film_id", {"film_row": "bigint"})


def _catalogue(handle: Handle) -> pd.DataFrame:
    return handle.sql("select movieId, title, genres from movies where movieId is not null").astype(
        {"title": "str", "genres": "str"}
    )


def _popularity(films: pd.DataFrame, year: pd.Series) -> pd.Series:
    """Share of the ratings of films that came at about the same time, that go to those rated more often, from 0 to 1.

    Among all films new ones would look unpopular, as they have not been rated for long. Films came in the year of their
    title, and without one when they were first rated; by that alone, old films that few know would all be new.
    """
    came = year.fillna(FIRST_YEAR + films["first_rated"] / YEAR).sort_values(kind="stable")
    earlier = came.rank(method="min") - 1
    peers = earlier * max(1, len(films) // PEERS) // max(1, len(films))
    ordered = films["n"].sort_values(ascending=False, kind="stable")
    of_peers = ordered.groupby(peers.reindex(ordered.index))
    return (of_peers.cumsum() - ordered / 2) / of_peers.transform("sum").clip(1)


def _genres(listed: pd.Series) -> pd.DataFrame:
    flags = _flags(listed)
    commonest = flags.sum().sort_values(ascending=False, kind="stable").index[:MOST_GENRES]
    return flags[sorted(str(genre) for genre in commonest)]


def _flags(listed: pd.Series) -> pd.DataFrame:
    return listed.replace(NO_GENRES, "").fillna("").str.get_dummies("|").drop(columns="", errors="ignore")
