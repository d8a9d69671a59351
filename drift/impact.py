"""What the drift costs: the error of a small model, trained on the reference, on the current window.

The model is the usual baseline (Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems,
IEEE Computer 2009): the overall mean, a level for each film and one for each user, shrunk. Users and films that
it never saw cost error even where nothing changed, so ratings by known and by new users are each held against
ratings of the reference of the same kind: held out of the model, or predicted by one without a tenth of the users, each
in turn (cross-fitting; Stone: Cross-Validatory Choice and Assessment of Statistical Predictions, JRSS B 1974). What is
left over is the cost of change. New films have no like
in the reference (they are rarer than any that could be held out: measured, they look like change where there is
none), so all that they cost counts as cold start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.special import pdtr

from drift.effects import CONFIDENCE
from drift.handle import push_numbers, statement
from drift.messages import what_was_compared
from drift.windows import CURRENT, REFERENCE
from drift.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.windows import Part, Windows

KINDS: Final = ("known users and films", "new users", "new films", "new users and films")
SHRINKAGE: Final = 5  # ratings at the overall level that every film and user starts with
FOLDS: Final = 10  # of users (sql/folds.sql)
RESAMPLINGS: Final = 400  # of users: the interval's ends are then sure to about a tenth of its width
DRAWN: Final = 50  # of these at a time, which divides them: a number for each user and time drawn
FEWEST_USERS: Final = 10  # with a judged rating, in each window
COSTLY: Final = 0.02  # stars of root mean square error: some 2 % of it, the gain of a better model class
BEYOND_TASTE: Final = 0.2  # stars, a fifth of the usual error of one: no change of taste costs so much
DEAR_COLD_START: Final = 0.05  # stars: beyond this, more data of new users and films is worth more than a model
NOT_CHANGE: Final = (
    "The loss comes from new users and films, not from change: their ratings would help, another model would not."
)
TABLE: Final = {"n": "float", "judged": "float", "squared_error": "float"}


@dataclass(frozen=True)
class Impact:
    """Root mean square errors in stars. Arrays have one entry for each of `KINDS`.

    reference: on held-out reference ratings of known users and films; expected: on held-out ratings of the
    current window's mixture of kinds; current: on the current window. change = current - expected, with its
    95 % interval over users; cold_start = expected - reference.
    """

    users: tuple[int, int]
    ratings: tuple[int, int]
    reference: float
    expected: float
    current: float
    low: float
    high: float
    shares: NDArray[np.float64]
    reference_by_kind: NDArray[np.float64]
    current_by_kind: NDArray[np.float64]

    @property
    def change(self) -> float:
        """Error that is not explained by how many users and films are new."""
        return self.current - self.expected

    @property
    def cold_start(self) -> float:
        """Error that new users and films cost where nothing changed."""
        return self.expected - self.reference


def impact_row(windows: Windows, seed: int) -> dict[str, Any]:
    """The cost of the drift as a row of the findings."""
    row: dict[str, Any] = {
        "feature": "impact",
        "title": "cost of the drift to a model",
        **windows.described(),
        "minimum_effect": COSTLY,
        "severity": "warning",
        "kind": "cost",
        "unit": "stars of error",
        "status": "undetermined",
        "recommendation": "undetermined",
        "action": "Retrain if that is recommended; otherwise look at the features that drifted.",
    }
    found = measure_impact(windows, seed)
    if isinstance(found, str):
        return row | {
            "problem": found,
            "message": f"Cost of the drift: could not be judged: {found}. {what_was_compared(row)}".rstrip(),
        }
    return row | _fields(found) | {"message": f"{_message(found)} {what_was_compared(row)}".rstrip()}


def measure_impact(windows: Windows, seed: int) -> Impact | str:
    """Train on the reference and measure errors on both windows; a sentence where that cannot be done."""
    errors = _errors(windows)
    judged = errors[errors["judged"] > 0]
    users = [int(judged.loc[judged["side"] == side, "user_id"].nunique()) for side in (REFERENCE, CURRENT)]
    for count, name in zip(users, ("in the reference window", "in the current window"), strict=True):
        if count < FEWEST_USERS:
            return f"{counted(count, 'user')} with ratings {name}, fewer than {FEWEST_USERS}"
    sums = _by_user(errors)
    if not sums[REFERENCE, :, 0, 1].sum():
        return "no held-out rating by a known user of a known film"
    return _impact(sums, (users[0], users[1]), seed)


def _errors(windows: Windows) -> pd.DataFrame:
    """Squared errors by user, side and kind, over all parts."""
    parts = windows.parts
    for part in parts:
        part.handle.sql(part.of_everyone().statement("folds", compared=part.compared))
    mean, films = _film_levels(_totals(parts, "film_totals", ["id", "user_fold"]))
    _push(parts, "drift_film_levels", films)
    users = _totals(parts, "user_totals", ["id"])
    _push(parts, "drift_user_levels", pd.DataFrame({"level": users["total"] / (users["n"] + SHRINKAGE)}))
    # What both windows hold, as of users who lost a rating, has trained the model but for what was drawn.
    judged = "true" if windows.follow else "is_drawn"
    without = " ".join(f"when {fold} then films.without_{fold}" for fold in range(FOLDS))
    query = statement(
        "errors", mean=mean, lowest=0.5, highest=5.0, judged=judged, without=f"case user_fold {without} end"
    )
    return pd.concat([part.handle.sql(query) for part in parts], ignore_index=True).astype(TABLE)


def _film_levels(by_fold: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """The mean of what the model learns from, and films' levels (index: film), by all and without each fold's users.

    by_fold: total and n, indexed by film and fold.
    """
    films = by_fold.groupby("id").sum()
    all_users = films[["total", "n"]].to_numpy().T[..., None]
    own = np.zeros((2, len(films), FOLDS))
    film, fold = (by_fold.index.get_level_values(name) for name in ("id", "user_fold"))
    own[:, films.index.get_indexer(film), fold.to_numpy(int)] = by_fold[["total", "n"]].to_numpy().T
    total, n = np.concatenate([all_users, all_users - own], axis=2)
    mean = float(films["total"].sum() / max(1.0, films["n"].sum()))
    levels = (total + SHRINKAGE * mean) / (n + SHRINKAGE)
    return mean, pd.DataFrame(levels, films.index, ["level", *(f"without_{fold}" for fold in range(FOLDS))])


def _totals(parts: tuple[Part, ...], query: str, index: list[str]) -> pd.DataFrame:
    frames = [part.handle.sql(statement(query)) for part in parts]
    return pd.concat(frames).groupby(index)[["total", "n"]].sum().astype(float)


def _push(parts: tuple[Part, ...], table: str, levels: pd.DataFrame) -> None:
    for part in parts:
        push_numbers(part.handle, table, levels, "id", {})


def _by_user(errors: pd.DataFrame) -> NDArray[np.float64]:
    """Counts, judged counts and squared errors; shape (2 sides, n_users, n_kinds, 3)."""
    _, user = np.unique(errors["user_id"], return_inverse=True)
    sums = np.zeros((2, user.max() + 1, len(KINDS), len(TABLE)))
    place = (errors["side"].to_numpy(int), user, errors["kind"].to_numpy(int))
    np.add.at(sums, place, errors[list(TABLE)].to_numpy(float))
    return sums


def _impact(sums: NDArray[np.float64], users: tuple[int, int], seed: int) -> Impact:
    observed = sums.sum(axis=1)
    shares, reference, current = _mixture(observed[None])
    expected, actual = _root_mean(shares, reference), _root_mean(shares, current)
    low, high = np.quantile(_resampled_change(sums, seed), (0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2))
    return Impact(
        users,
        (int(observed[REFERENCE, :, 1].sum()), int(observed[CURRENT, :, 1].sum())),
        float(np.sqrt(reference[0, 0])),
        float(expected[0]),
        float(actual[0]),
        float(low),
        float(high),
        shares[0],
        np.sqrt(reference[0]),
        np.sqrt(current[0]),
    )


def _resampled_change(sums: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The cost of change when users are drawn anew (Poisson bootstrap: each user counts Poisson(1) times)."""
    rng, drawn_times = np.random.default_rng(seed), _poisson_table()
    flat = np.ascontiguousarray(sums.transpose(1, 0, 2, 3)).reshape(sums.shape[1], -1).astype(np.float32)
    changes = []
    for _ in range(0, RESAMPLINGS, DRAWN):
        drawn = drawn_times[rng.integers(0, len(drawn_times), (DRAWN, len(flat)), dtype=np.uint16)] @ flat
        shares, reference, current = _mixture(drawn.astype(float).reshape(DRAWN, 2, len(KINDS), len(TABLE)))
        changes.append(_root_mean(shares, current) - _root_mean(shares, reference))
    return np.concatenate(changes)


def _poisson_table() -> NDArray[np.float32]:
    """What 16 random bits stand for, so that the numbers drawn are Poisson(1), each to a chance of 1 in 130 000.

    Their mean is 1. An entry takes an eighth of the time of a drawing from the distribution itself.
    """
    bounds = np.round(2**16 * pdtr(np.arange(10), 1.0))
    return np.searchsorted(bounds, np.arange(2**16), side="right").astype(np.float32)


def _mixture(
    sums: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the kinds in the current window, and each window's mean square errors; (n, n_kinds) each.

    A kind without a judged rating in one window, as new films are, takes its error from the other window: no
    evidence of change.
    """
    counts = sums[:, CURRENT, :, 0]
    judged, squared = np.maximum(sums[..., 1], 1e-30), sums[..., 2]
    errors = np.where(sums[..., 1] > 0, squared / judged, np.nan)
    reference, current = errors[:, REFERENCE], errors[:, CURRENT]
    reference = np.where(np.isnan(reference), current, reference)
    current = np.where(np.isnan(current), reference, current)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares, np.nan_to_num(reference), np.nan_to_num(current)


def _root_mean(shares: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt((shares * errors).sum(axis=1))


def recommendation(impact: Impact) -> tuple[str, str]:
    """'mend', 'retrain', 'watch' or 'nothing', and why: a sentence."""
    low, high = (f"{bound:z.2g}" for bound in (impact.low, impact.high))
    if impact.low > BEYOND_TASTE:
        return "mend", (
            f"Change alone costs at least {low} stars, and no change of taste costs {BEYOND_TASTE}. Do not train; look "
            "for another scale, another unit or mixed-up ids."
        )
    if impact.low > COSTLY:
        return "retrain", (
            f"Change alone costs at least {low} stars, and from {COSTLY} stars on it matters. First see that what "
            "drifted is no fault of the delivery: a model trained on a fault learns it."
        )
    if impact.high < -COSTLY:
        return "watch", (
            f"The current ratings are easier to foretell, by {-impact.high:z.2g} stars at least: no model need be "
            "trained anew, but low ratings may be missing, or less of the scale be used."
        )
    return _without_cost(impact, high)


def _without_cost(impact: Impact, high: str) -> tuple[str, str]:
    """The same where no cost of change is borne out."""
    dear = impact.cold_start > DEAR_COLD_START
    if impact.high <= COSTLY:  # only then can change be excluded
        small = f"Change costs at most {COSTLY} stars: too little to matter."
        return ("watch", NOT_CHANGE) if dear else ("nothing", small)
    unknown = f"cannot be told yet: it may cost up to {high} stars, and from {COSTLY} stars on it matters."
    if dear:
        return "watch", f"New users and films cost enough to matter. Whether change does too {unknown}"
    return "watch", f"Whether change matters {unknown}"


def _fields(impact: Impact) -> dict[str, Any]:
    advice, _ = recommendation(impact)
    histogram = {
        "labels": list(KINDS),
        "share": [round(float(share), 6) for share in impact.shares],
        "reference": [round(float(error), 6) for error in impact.reference_by_kind],
        "current": [round(float(error), 6) for error in impact.current_by_kind],
    }
    return {
        "reference_users": impact.users[0],
        "current_users": impact.users[1],
        "reference_n": impact.ratings[0],
        "current_n": impact.ratings[1],
        "reference_mean": impact.expected,
        "current_mean": impact.current,
        "mean_change": impact.change,
        "mean_change_low": impact.low,
        "mean_change_high": impact.high,
        "statistic": impact.low,
        "bound": COSTLY,
        "effect_size": impact.change,
        "status": "drifted" if advice in ("mend", "retrain") else "ok",
        "recommendation": advice,
        "histogram": json.dumps(histogram),
    }


def _message(impact: Impact) -> str:
    """The reason first, as it is what to go by; then what it was taken from."""
    advice, reason = recommendation(impact)
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"Recommendation: {advice}: {reason} {_errors_said(impact)} {_shares_said(impact)}"


def _errors_said(impact: Impact) -> str:
    more = impact.current - impact.reference
    return (
        f"A model trained on the reference errs by {impact.reference:.2f} stars there, on users and films that it "
        f"knows, and by {impact.current:.2f} now. Of the difference of "
        f"{_stars(more)} stars, users and films that it has never seen explain {_stars(impact.cold_start)}, and change "
        f"{_stars(impact.change)} (95 % interval {_stars(impact.low)} to {_stars(impact.high)})."
    )


def _shares_said(impact: Impact) -> str:
    """How much of the current window the model could not know."""
    _, new_user, new_film, both_new = impact.shares
    users, films = (f"{100 * share:.0f} %" for share in (new_user + both_new, new_film + both_new))
    return f"Of the current ratings {users} are by users and {films} of films that it has never seen."


def _stars(change: float) -> str:
    return f"{change:+z.2f}"
