"""Who is flagged, who is up for review, and who may belong to an attack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anomaly import calibration, rules, scoring

if TYPE_CHECKING:
    from anomaly.increments import Increments
    from anomaly.types import Bools, Floats, Ints

# Without a reference, the share of users listed for a person to look at, and the most that anybody will look at.
REVIEW_SHARE, REVIEW_MOST = 0.01, 100
# Attacks that matter are of 1 to 5 % of the users, and nearly all of these rank high. Where nobody attacks, the top is
# of honest users, hence the least log odds: few honest users reach them, and nearly all planted attackers do.
SUSPECT_SHARE, SUSPECT_LOG_ODDS = 0.05, -1.0
# A rule that more of the trusted users break than may be attackers is one that honest users break, too.
DOUBTED_SHARE = 0.05


@dataclass(frozen=True)
class Judgement:
    """What was found of each user under judgement, (n_judged,).

    by_new: who is flagged for new ratings by themselves, as their place among the increments; -1 for all others.
    """

    score: Floats
    p_value: Floats
    q_value: Floats
    flagged: Bools
    review: Bools
    by_new: Ints


def decide(
    scores: scoring.Scores, broken: dict[str, Bools], trusted: Bools, n_judged: int, rate: float | None
) -> Judgement:
    """Flags of the batch's users: by calibrated error rate, or by the plain rules where nothing calibrates."""
    score, strictness = scoring.combined(scores)[:n_judged], rules.strictness(broken)
    if rate is not None:
        judgement = _calibrated(scores, score, strictness, trusted, rate)
        return replace(judgement, review=judgement.review | _doubtful(score, broken, trusted))
    nothing, any_rule = np.full(n_judged, np.nan), strictness[:n_judged] > 0
    top = _highest(score, max(1, min(REVIEW_MOST, int(REVIEW_SHARE * n_judged))))
    return Judgement(score, nothing, nothing, any_rule, top & ~any_rule, np.full(n_judged, -1))


def _highest(score: Floats, n: int) -> Bools:
    """Who has the n highest scores, and nobody else who has the same as the last of them."""
    return np.isin(np.arange(len(score)), np.argsort(-score, kind="stable")[:n])


def _doubtful(score: Floats, broken: dict[str, Bools], trusted: Bools) -> Bools:
    """Trusted users to look at, as a reference is seldom known one by one: who breaks a rule that few of them do.

    They are vouched for, and so never flagged.
    """
    rare = [breaks & trusted for breaks in broken.values() if breaks[trusted].mean() <= DOUBTED_SHARE]
    doubted = np.logical_or.reduce([np.zeros(len(trusted), bool), *rare])[: len(score)]
    return doubted & _highest(np.where(doubted, score, -np.inf), REVIEW_MOST)


def _calibrated(scores: scoring.Scores, score: Floats, strictness: Ints, trusted: Bools, rate: float) -> Judgement:
    """Whoever is told from the trusted, or breaks a rule that these hardly do, at a false discovery rate each."""
    tested, breaks = ~trusted[: len(score)], strictness[: len(score)]
    p_value = np.full(len(score), np.nan)
    p_value[tested] = _p_values(scores, trusted, np.flatnonzero(tested), rate)
    q_value = calibration.q_values(p_value)
    q_value[tested] = np.fmin(q_value[tested], calibration.q_values_of_rules(strictness[trusted], breaks[tested]))
    flagged = tested & (q_value <= rate)
    return Judgement(score, p_value, q_value, flagged, tested & (breaks > 0) & ~flagged, np.full(len(score), -1))


def with_new_ratings(
    judgement: Judgement, since: Increments, late: scoring.Scores, before: scoring.Scores, rate: float
) -> Judgement:
    """Also flagged: who turned, as trusted users do not with their last ratings, at the same rate.

    late, before: scores of the increments of `since`, and of what their users rated before, in its order.
    """
    known = np.arange(len(since.user)) < since.n_trusted
    channels = [(late.catalogue, before.catalogue), (late.novelty, before.novelty)]
    p_values = [
        np.maximum(*(calibration.p_values(each[known], each[~known]) for each in (now, now - then)))
        for now, then in channels
    ]
    q_value = np.full(len(judgement.score), np.nan)
    q_value[since.judged] = calibration.q_values(_joined(p_values, rate))
    turned = q_value <= rate
    by_new = judgement.by_new.copy()
    by_new[since.judged] = np.where(turned[since.judged], np.flatnonzero(~known), -1)
    return replace(
        judgement,
        q_value=np.fmin(judgement.q_value, q_value),
        flagged=judgement.flagged | turned,
        review=judgement.review & ~turned,
        by_new=by_new,
    )


def suspects(
    flagged: Bools, crowd: Bools, log_odds: Floats, broken: dict[str, Bools], tested: Bools, most: int
) -> Bools:
    """Who may belong to an attack: the flagged, who breaks a rule, who is like attackers and high up or in a crowd.

    log_odds: of being an attacker without what others did at the same time (`scoring.alone`). tested: who is looked at.
    most: how many of these are high up. All arrays, and what is returned, are of shape (n_users,).
    """
    ranked = np.where(tested, log_odds, -np.inf)
    top = ranked >= np.sort(ranked)[-max(most, 1)]
    likely = top & (log_odds > SUSPECT_LOG_ODDS) | crowd & (log_odds > 0)
    breaks = np.logical_or.reduce(list(broken.values()))
    return tested & (likely | breaks | flagged)


def with_groups(
    judgement: Judgement, members: Bools, trusted: Bools, as_others: Bools, rate: float | None
) -> Judgement:
    """Acting together is a plain rule: members of a group are flagged, with trusted users where that is rare enough
    among these, and up for review elsewhere.

    members: who is in a group, (n_judged,). trusted, as_others: who is trusted, and who would be in one if nobody were,
    both (n_users,). rate: the false discovery rate asked for, or None without trusted users.
    """
    q_value, flagged = judgement.q_value, judgement.flagged | members
    if rate is not None:
        tested = ~trusted[: len(members)]
        q_value = q_value.copy()
        q_value[tested] = np.fmin(q_value[tested], calibration.q_values_of_rules(as_others[trusted], members[tested]))
        flagged = judgement.flagged | tested & (q_value <= rate)
    return replace(judgement, q_value=q_value, flagged=flagged, review=(judgement.review | members) & ~flagged)


def _p_values(scores: scoring.Scores, trusted: Bools, tested: Ints, rate: float) -> Floats:
    channels = (scores.catalogue, scores.novelty)
    return _joined([calibration.p_values(channel[trusted], channel[tested]) for channel in channels], rate)


def _joined(p_values: list[Floats], rate: float) -> Floats:
    """Of both channels; of likeness to attackers alone where more stand out than can be attackers.

    As when half stars come: whoever gives any is unlike all who never could, and yet like no attacker.
    """
    weights = (calibration.CATALOGUE_WEIGHT, 1 - calibration.CATALOGUE_WEIGHT)
    both = calibration.among_their_like(p_values, weights, rate)
    if calibration.are_too_many(calibration.q_values(both), rate):
        return calibration.among_their_like(p_values[:1], (1.0,), rate)
    return both
