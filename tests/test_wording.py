"""Numbers are said with their noun in the right number, and shares never rounded to nothing."""

from __future__ import annotations

import pytest

from checks import wording


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (1463, "1,463 rows")])
def test_a_number_is_said_with_its_noun(count: int, said: str) -> None:
    assert wording.counted(count, "row") == said


@pytest.mark.parametrize(("share", "text"), [(1e-7, "1e-05 %"), (0.00082, "0.082 %"), (0.05, "5 %"), (0.5, "50 %")])
def test_a_small_share_is_never_shown_as_nothing(share: float, text: str) -> None:
    assert wording.format_share(share) == text
