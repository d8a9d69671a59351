"""Numbers are said with their noun in the right number."""

from __future__ import annotations

import pytest

from checks import wording


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (1463, "1,463 rows")])
def test_a_number_is_said_with_its_noun(count: int, said: str) -> None:
    assert wording.counted(count, "row") == said
