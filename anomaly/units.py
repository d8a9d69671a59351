"""What several modules measure in."""

from __future__ import annotations

from typing import Final

DAY: Final = 86_400  # seconds
# Where a normal variable's upper tenth begins, in standard deviations: a spread that a few wild values don't move.
UPPER: Final = 0.9
UPPER_NORMAL: Final = 1.2816
