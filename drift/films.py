"""Facts about films, over both windows together: a relabelling of users leaves them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from drift.handle import statement
from drift.windows import USABLE

if TYPE_CHECKING:
    from drift.handle import Handle
    from drift.packing import Packing
    from drift.windows import Part

FILM_PRIOR: Final = 10  # ratings at the overall mean that a film's mean starts with: one rating is no mean
YEAR_IN_TITLE: Final = r"\((\d{4})\)\s*$"
NO_GENRES: Final = "(no genres listed)"
MOST_GENRES: Final = 62  # bits of a signed 64-bit number; MovieLens knows 19


def film_facts(parts: tuple[Part, ...], packing: Packing) -> tuple[pd.DataFrame, list[str]]:
    """One row a film (index: movieId), and the genres that the bits of `film_genres` stand for.

    The columns film_genres_0, film_genres_1, ... hold the same genres packed as counters.
    """
    rated = pd.concat([part.handle.sql(statement("films", side=part.side, usable=USABLE)) for part in parts])
    films = rated.groupby("movieId").agg({"n": "sum", "total": "sum", "first_rated": "min"})
    mean = films["total"].sum() / max(1, films["n"].sum())
    catalogue = pd.concat([_catalogue(part.handle) for part in parts]).drop_duplicates("movieId")
    bits, genres = _genre_bits(catalogue.set_index("movieId")["genres"])
    years = pd.to_numeric(catalogue["title"].str.extract(YEAR_IN_TITLE)[0], errors="coerce")
    facts = pd.DataFrame(
        {
            "film_popularity": _popularity(films["n"]),
            "film_first_rated": films["first_rated"],
            "film_mean": (films["total"] + FILM_PRIOR * mean) / (films["n"] + FILM_PRIOR),
            "film_year": years.set_axis(catalogue["movieId"]).reindex(films.index),
            "film_genres": bits.reindex(films.index),
        },
        index=films.index,
    )
    has_genre = np.stack([_has(facts["film_genres"], bit) for bit in range(len(genres))] or [np.zeros(len(facts))], 1)
    for place, packed in enumerate(packing.pack(has_genre)):
        facts[f"film_genres_{place}"] = packed
    return facts, genres


def _has(bits: pd.Series, bit: int) -> np.ndarray:
    return (bits.fillna(0).to_numpy(np.int64) >> bit & 1).astype(float)


def push_films(handle: Handle, facts: pd.DataFrame) -> None:
    """Make the temporary table drift_films of the facts."""
    push_numbers(handle, "drift_films", facts, "film_id", {"film_genres": "bigint"})


def push_numbers(handle: Handle, table: str, frame: pd.DataFrame, index: str, kinds: dict[str, str]) -> None:
    """Make a temporary table of numbers, doubles unless `kinds` says otherwise, indexed by whole numbers.

    A handle takes nothing but statements, so the numbers go in one as text; no text of the data does. One over
    several machines, where a statement of megabytes is dear, may take tables by `push(name, frame)`.
    """
    if push := getattr(handle, "push", None):
        push(table, _typed(frame, index, kinds))
        return
    columns = [(index, "bigint", frame.index.to_series())]
    columns += [(str(name), kinds.get(str(name), "double"), frame[name]) for name in frame]
    lists = ", ".join(
        f"unnest(string_split('{_joined(values, kind)}', ',')) as {name}" for name, kind, values in columns
    )
    cast = ", ".join(f"cast(nullif({name}, '') as {kind}) as {name}" for name, kind, _ in columns)
    handle.sql(f"create or replace temporary table {table} as select {cast} from (select {lists}) where {index} <> ''")


def _typed(frame: pd.DataFrame, index: str, kinds: dict[str, str]) -> pd.DataFrame:
    """The numbers with nulls for what is missing, and the index as a column."""
    types = {"bigint": "Int64", "double": "Float64"}
    columns = {str(name): frame[name].array for name in frame}
    typed = {name: pd.array(values, dtype=types[kinds.get(name, "double")]) for name, values in columns.items()}
    return pd.DataFrame({index: frame.index.to_numpy(np.int64)} | typed)


def _joined(values: pd.Series, kind: str) -> str:
    convert = int if kind == "bigint" else float
    missing = values.isna().tolist()  # of all at once: one by one takes longer than all else here
    return ",".join("" if gone else repr(convert(value)) for value, gone in zip(values.tolist(), missing, strict=True))


def _catalogue(handle: Handle) -> pd.DataFrame:
    return handle.sql("select movieId, title, genres from movies where movieId is not null").astype(
        {"title": "str", "genres": "str"}
    )


def _popularity(counts: pd.Series) -> pd.Series:
    """Share of all ratings that go to films rated more often, from 0 (the most rated) to 1."""
    ordered = counts.sort_values(ascending=False, kind="stable")
    return (ordered.cumsum() - ordered / 2) / max(1, ordered.sum())


def _genre_bits(genres: pd.Series) -> tuple[pd.Series, list[str]]:
    """Each film's genres as bits of one number (null: none listed), and the genre of each bit."""
    flags = genres.replace(NO_GENRES, "").fillna("").str.get_dummies("|").drop(columns="", errors="ignore")
    commonest = flags.sum().sort_values(ascending=False, kind="stable").index[:MOST_GENRES]
    names = sorted(commonest)
    bits = flags[names].to_numpy(np.int64) @ (1 << np.arange(len(names), dtype=np.int64))
    return pd.Series(bits, index=genres.index).replace(0, pd.NA), [str(name) for name in names]
