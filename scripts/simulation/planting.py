"""Plant labelled attacks and shifts into a delivery, and write down which rows and users they are.

Ground truth goes into `labels/`, away from what is judged:

- users.csv: userId, kind, family, group (users of one campaign share it), targets ('movieId|movieId'), push;
- shifts.csv: kind, size, since, changed and dropped ratings, withdrawn users;
- shifted_ratings.csv: userId, movieId, kind, size, change: the rows that the shifts touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from scripts.simulation.errors import SimulationError

from .attack_planting import Attack, parse_attack, plant_attacks
from .ratings_file import LABELS
from .shift_planting import Shift, parse_shift, plant_shifts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Plans:
    """What is to be planted."""

    attacks: tuple[Attack, ...]
    shifts: tuple[Shift, ...]


def read_plans(attacks: Sequence[str], drifts: Sequence[str]) -> Plans:
    """Read plans as the command line gives them; raises SimulationError on the first that is malformed."""
    return Plans(tuple(map(parse_attack, attacks)), tuple(map(parse_shift, drifts)))


def plant(folder: Path, plans: Plans, seed: int) -> None:
    """Plant into the CSV files of `folder`, in place, and write `folder / 'labels'`.

    Shifts come first, so that they touch honest users alone.

    Raises:
        SimulationError: ratings.csv or movies.csv is missing or is not MovieLens's format.
    """
    for name in ("ratings.csv", "movies.csv"):
        if not (folder / name).is_file():
            raise SimulationError(f"{folder} holds no {name}: attacks and shifts are planted into plain CSV files")
    (folder / LABELS).mkdir()
    of_attacks, of_shifts = np.random.SeedSequence([seed, 1]).spawn(2)
    try:
        movies = _movies(folder / "movies.csv")
        if plans.shifts:
            plant_shifts(folder, movies, plans.shifts, of_shifts)
        if plans.attacks:
            plant_attacks(folder, movies, plans.attacks, np.random.default_rng(of_attacks))
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = str(error).splitlines()[0]
        raise SimulationError(f"{folder} is not in MovieLens's format ({reason}): plant into clean data") from None
    except ValueError as error:  # of what plants, which knows no errors of the house's
        raise SimulationError(f"{folder}: {error}; plant into other data, or something else") from error


def _movies(path: Path) -> pd.DataFrame:
    """Read movieId, genres and `release`, the year at the end of the title (0 where there is none)."""
    types = {"movieId": pa.int64(), "title": pa.string(), "genres": pa.string()}
    table = arrow_csv.read_csv(path, convert_options=arrow_csv.ConvertOptions(column_types=types))
    movies = table.select(list(types)).to_pandas()
    release = movies["title"].astype(str).str.extract(r"\((\d{4})\)\s*$")[0]
    return movies[["movieId", "genres"]].assign(release=release.fillna("0").astype(np.int64))
