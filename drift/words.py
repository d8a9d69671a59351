"""How numbers are said: per cent, changes with as many places as tell something, nouns in the right number."""

from __future__ import annotations

import math
from typing import Final

SHARE: Final = "share"  # the unit of features that are told in per cent
DOUBLINGS: Final = "doublings"  # the unit of features that are compared by their logarithm
TOLD: Final = 3  # significant places of a change
MOST_PLACES: Final = 6  # decimals: smaller changes are told as none


def counted(count: float, noun: str) -> str:
    """A number with its noun, of which there may be one."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """A share to a tenth of a per cent, but never rounded to nothing. `checks.wording` writes it alike."""
    written = f"{100 * share:.1f}" if abs(share) >= 0.001 or share == 0 else f"{100 * share:.1g}"
    return f"{written} %"


def places(change: float) -> int:
    """Decimals that a change and what it is a change of are told with."""
    if not math.isfinite(change) or abs(change) < 10**-MOST_PLACES:
        return TOLD
    return min(max(TOLD - 1 - math.floor(math.log10(abs(change))), 0), MOST_PLACES)


def amount(value: float, unit: str) -> str:
    """A value in its unit to three significant places."""
    number, unit = (100 * value, "%") if unit == SHARE else (value, unit)
    return f"{number:z.{TOLD}g} {unit}" if abs(number) < 1000 else f"{number:.0f} {unit}"


def bin_said(label: str, unit: str) -> str:
    """A bin's label with its unit: 1 star, 3 to 3.5 stars, 4.75 stars and more."""
    first, more, _ = label.partition(" and more")
    unit = unit.removesuffix("s") if first in ("1", "under 1") and not more else unit
    return f"{first} {unit}{more}" if unit else label
