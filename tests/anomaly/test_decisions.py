"""What both channels say of users decides who is flagged."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly import decisions
from anomaly.scoring import Scores

TRUSTED, TESTED = 200, 60


def flagged(like_attackers: int, novel: int) -> list[int]:
    """Places of the flagged; so many of the tested, the first, are far beyond the trusted in each channel."""
    rng = np.random.default_rng(3)
    place = np.arange(TESTED + TRUSTED)
    catalogue = np.where(place < like_attackers, 30.0, rng.normal(size=len(place)))
    novelty = np.where(place < novel, 30.0, rng.normal(size=len(place)))
    scores = Scores(catalogue, novelty, np.empty((len(place), 0)), np.empty((len(place), 0)))
    nobody = np.zeros(len(place), bool)
    found = decisions.decide(scores, {"rule": nobody}, place >= TESTED, TESTED, 0.1)
    return np.flatnonzero(found.flagged).tolist()


@pytest.mark.parametrize("bad", [10, 20, 40])
def test_who_is_like_attackers_is_flagged_however_many_they_are(bad: int) -> None:
    assert set(flagged(bad, bad)) >= set(range(bad))
    assert len(flagged(bad, bad)) <= 1.25 * bad


def test_what_is_new_in_a_few_alone_is_suspicious() -> None:
    assert set(flagged(0, 20)) >= set(range(20))


def test_what_is_new_in_most_is_no_mark_of_attackers() -> None:
    assert flagged(0, 40) == []
    assert flagged(12, 40) == list(range(12))
