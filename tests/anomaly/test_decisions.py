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


def ranked(n: int, *, p_value: float = np.nan, flagged: tuple[int, ...] = ()) -> decisions.Judgement:
    """Users whose scores fall with their numbers, none of them up for review."""
    nothing, found = np.full(n, p_value), np.isin(np.arange(n), flagged)
    return decisions.Judgement(-np.arange(float(n)), nothing, nothing, found, np.zeros(n, bool), np.full(n, -1))


def suspected(log_odds: float, *, crowd: int = 0, trusted: int = 0, breaks: int = -1, flagged: int = -1) -> list[int]:
    """Suspects among a hundred whose log odds rise from here on a little, against their scores, which others' ratings
    may have made; the first are in a crowd, the highest are trusted."""
    user = np.arange(100)
    found = decisions.suspects(
        user == flagged,
        user < crowd,
        log_odds + user / 1_000,
        {"rule": user == breaks},
        user < 100 - trusted,
        most=5,
    )
    return np.flatnonzero(found).tolist()


def test_the_highest_twentieth_are_suspects_if_they_are_like_attackers() -> None:
    assert suspected(-0.5) == [95, 96, 97, 98, 99]
    assert suspected(-1.5) == []
    assert suspected(-0.5, trusted=3) == [92, 93, 94, 95, 96], "of those who are not trusted"


def test_in_a_crowd_whoever_is_rather_an_attacker_than_not_is_a_suspect() -> None:
    assert suspected(0.5, crowd=10) == [*range(10), 95, 96, 97, 98, 99]
    assert suspected(-0.5, crowd=10) == [95, 96, 97, 98, 99]


def test_who_breaks_a_rule_or_is_flagged_is_a_suspect_whatever_the_score() -> None:
    assert suspected(-9.0, breaks=7, flagged=30) == [7, 30]
    assert suspected(0.5, breaks=99, crowd=100, trusted=95) == [0, 1, 2, 3, 4], "but who is trusted is none"


@pytest.mark.parametrize(("users", "looked_at"), [(30, 1), (300, 3), (20_000, 100)])
def test_without_trusted_users_the_highest_hundredth_is_up_for_review_and_never_more_than_a_person_reads(
    users: int, looked_at: int
) -> None:
    nothing, place = np.empty((users, 0)), np.arange(float(users))
    nobody = np.zeros(users, bool)
    found = decisions.decide(Scores(place, place, nothing, nothing), {"rule": nobody}, nobody, users, None)
    assert np.flatnonzero(found.review).tolist() == list(range(users - looked_at, users))
    assert not found.flagged.any()


def test_users_of_the_same_score_are_not_all_up_for_review() -> None:
    same, nobody = np.zeros(300), np.zeros(300, bool)
    nothing = np.empty((300, 0))
    found = decisions.decide(Scores(same, same, nothing, nothing), {"rule": nobody}, nobody, 300, None)
    assert found.review.sum() == 3


def test_who_breaks_a_rule_that_trusted_users_keep_is_flagged_and_one_that_they_break_too_is_reviewed() -> None:
    """Ten of sixty break it, whose scores are as usual, and nobody, or every tenth, of two hundred trusted ones."""
    place = np.arange(TESTED + TRUSTED)
    usual = np.random.default_rng(3).normal(size=len(place))
    nothing = np.empty((len(place), 0))
    for as_trusted in (False, True):
        breaks = (place < 10) | (as_trusted & (place >= TESTED) & (place % 10 == 0))
        found = decisions.decide(
            Scores(usual, usual, nothing, nothing), {"rule": breaks}, place >= TESTED, TESTED, rate=0.1
        )
        assert np.flatnonzero(found.flagged).tolist() == ([] if as_trusted else list(range(10)))
        assert np.flatnonzero(found.review).tolist() == (list(range(10)) if as_trusted else [])


@pytest.mark.parametrize(("breaking", "looked_at"), [(10, 10), (11, 0)])
def test_trusted_users_who_break_a_rule_that_few_of_them_do_are_for_a_person_and_never_flagged(
    breaking: int, looked_at: int
) -> None:
    """So many of two hundred trusted ones do, far beyond all others, who are as many; and one of these."""
    place = np.arange(400)
    breaks = (place >= 400 - breaking) | (place == 0)
    usual, nothing = np.random.default_rng(3).normal(size=400) + 30 * breaks, np.empty((400, 0))
    kept = np.zeros(400, bool)
    found = decisions.decide(
        Scores(usual, usual, nothing, nothing), {"rule": breaks, "kept": kept}, place >= 200, 400, rate=0.1
    )
    trusted = place >= 200
    assert np.flatnonzero(found.review & trusted).tolist() == list(range(400 - looked_at, 400))
    assert not (found.flagged & trusted).any()


def test_of_trusted_users_who_break_a_rule_no_more_are_up_for_review_than_a_person_reads() -> None:
    place, nothing = np.arange(4_000.0), np.empty((4_000, 0))
    everybody, breaks = np.ones(4_000, bool), place % 20 == 0
    found = decisions.decide(Scores(place, place, nothing, nothing), {"rule": breaks}, everybody, 4_000, rate=0.1)
    assert np.flatnonzero(found.review).tolist() == list(range(2_000, 4_000, 20))


TOGETHER, NOBODY = np.isin(np.arange(9), [2, 3]), np.zeros(9, bool)


def test_acting_together_flags_where_nobody_is_trusted() -> None:
    found = decisions.with_groups(ranked(9, flagged=(2,)), TOGETHER, NOBODY, NOBODY, None)
    assert (np.flatnonzero(found.flagged).tolist(), found.review.any()) == ([2, 3], False)


@pytest.mark.parametrize(("trusted_in_groups", "q_value"), [(0, 1 / 101 * 9 / 2), (1, 2 / 101 * 9 / 2)])
def test_acting_together_flags_where_trusted_users_would_hardly_do_so(trusted_in_groups: int, q_value: float) -> None:
    """Nine are tested beside a hundred trusted ones, at a rate between the two of these cases."""
    place = np.arange(109)
    trusted, as_others = place >= 9, (place >= 109 - trusted_in_groups) | (place == 3)  # who is tested has no say
    found = decisions.with_groups(ranked(9, p_value=0.5, flagged=(2,)), TOGETHER, trusted, as_others, rate=0.06)
    assert found.q_value[[2, 3, 4]].tolist() == pytest.approx([q_value, q_value, 0.5])
    assert np.flatnonzero(found.flagged).tolist() == ([2, 3] if q_value < 0.06 else [2])
    assert np.flatnonzero(found.review).tolist() == ([] if q_value < 0.06 else [3])
