"""Films' titles for sentences: data that anybody may have written, so on one line and of bounded length."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anomaly.types import Warehouse

LONGEST = 60  # characters, beyond which two in a hundred of the titles of MovieLens go


@dataclass(frozen=True)
class Titles:
    """The titles that the warehouses know; what the first says of a film goes."""

    warehouses: Sequence[Warehouse]

    def of(self, films: Iterable[int]) -> dict[int, str]:
        """The title of each film, or its id where there is none."""
        wanted = sorted({int(film) for film in films})
        if not wanted:
            return {}
        told: dict[int, str] = {}
        for warehouse in self.warehouses:
            told = _known(warehouse, wanted) | told
        return {film: told.get(film, f"film {film}") for film in wanted}


def _known(warehouse: Warehouse, films: list[int]) -> dict[int, str]:
    ids = ", ".join(map(str, films))
    rows = warehouse.sql(
        f"""select "movieId", min("title") as "title" from movies
            where "movieId" in ({ids}) and "title" is not null group by "movieId\""""
    )
    titles = {int(film): tidy(str(title)) for film, title in zip(rows["movieId"], rows["title"], strict=True)}
    return {film: title for film, title in titles.items() if title}


def _is_harmful(c: str) -> bool:
    """Whether a character is not seen but acts: all that format text but the joiners of emoji and Persian words."""
    return unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\u200c\u200d"


def tidy(title: str) -> str:
    """The title on one line of at most `LONGEST` characters, without what moves a cursor or turns the text round.

    A full stop keeps to what follows by a no-break space, as sentences of evidence are parted at '. '.
    """
    line = " ".join(title.split())
    line = "".join("\N{REPLACEMENT CHARACTER}" if _is_harmful(c) else c for c in line)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
    return line.replace(". ", ".\N{NO-BREAK SPACE}")
