"""What is kept of a training: the model as arrays, and a card for people that names the receipt."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from scripts.training.factors import Fit, Side
from scripts.training.ratings import HOLD_OUT_TEXTS, Index, Ratings
from scripts.training.study import Model, Result, Study

MODEL, CARD, METRICS = "model.npz", "model_card.md", "metrics.json"


@dataclass(frozen=True)
class Training:
    """A training in full: by which receipt, on which ratings, what was found."""

    receipt: Mapping[str, Any]
    ratings: Ratings
    left_out: int  # ratings without all four values
    hold_out: str
    study: Study


def save(path: Path, model: Model, digest: str) -> None:
    """Write a model as plain arrays, with the digest of its receipt; `load` reads it without running any code."""
    fit = model.fit
    arrays = {
        "receipt_digest": np.array(digest),
        "mean": np.array(fit.mean),
        "scale": np.array([model.lowest, model.highest]),
        "user_ids": model.users.ids,
        "user_bias": fit.users.bias.astype(np.float32),
        "user_factors": fit.users.factors.astype(np.float32),
        "film_ids": model.films.ids,
        "film_bias": fit.films.bias.astype(np.float32),
        "film_factors": fit.films.factors.astype(np.float32),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]  # the stub takes the arrays for allow_pickle


def load(path: Path) -> tuple[Model, str]:
    """The model that `save` wrote, and the digest of the receipt that it was trained by."""
    with np.load(path, allow_pickle=False) as arrays:
        users = Side(arrays["user_bias"].astype(np.float64), arrays["user_factors"].astype(np.float64))
        films = Side(arrays["film_bias"].astype(np.float64), arrays["film_factors"].astype(np.float64))
        fit = Fit(float(arrays["mean"]), users, films)
        lowest, highest = (float(end) for end in arrays["scale"])
        model = Model(Index(arrays["user_ids"]), Index(arrays["film_ids"]), fit, lowest, highest)
        return model, str(arrays["receipt_digest"])


def metrics(training: Training) -> dict[str, Any]:
    """The figures of a training, JSON-ready."""
    study = training.study
    return {
        "receipt_digest": training.receipt["digest"],
        "ratings": len(training.ratings),
        "ratings_left_out": training.left_out,
        "hold_out": training.hold_out,
        "settings": asdict(study.settings),
        "held_out": {
            "ratings": study.held_out,
            "from": _moment(study.held_out_from),
            "share_by_new_users": study.new_users,
            "share_of_new_films": study.new_films,
        },
        "results": [asdict(result) for result in study.results],
    }


def table(study: Study) -> Iterator[str]:
    """The results in fixed columns: errors on all held-out ratings, and where user and film are known or not."""
    heads = [f"{part:>16}" for part in ("all", "both known", "either new")]
    yield f"{'':<24}{''.join(heads)}"
    yield f"{'':<24}" + f"{'RMSE':>9}{'MAE':>7}" * 3
    for result in study.results:
        yield f"{result.name:<24}" + "".join(f"{a:>9}{b:>7}" for a, b in _pairs(result))
    counts = study.results[0]
    yield f"{'ratings':<24}" + "".join(f"{part.count:>16,}" for part in (counts.all, counts.known, counts.cold))


def _pairs(result: Result) -> Iterator[tuple[str, str]]:
    for errors in (result.all, result.known, result.cold):
        yield _shown(errors.rmse), _shown(errors.mae)


def _shown(error: float | None) -> str:
    return "-" if error is None else f"{error:.3f}"


def card(training: Training, model: Model, model_sha256: str) -> str:
    """The model card, in Markdown (after Mitchell et al. 2019, "Model cards for model reporting")."""
    parts = [_model(training, model, model_sha256), _data(training), _results(training), _limits(training), _use()]
    return "\n\n".join(parts) + "\n"


def _model(training: Training, model: Model, sha256: str) -> str:
    how = training.study.settings
    return f"""# Rating model

Predicts how many stars a user gives a film: mean, user bias, film bias and {how.rank} factors a user and a film, \
fitted by alternating least squares ({how.sweeps} sweeps, seed {how.seed}, penalty {how.bias_penalty:g} on biases and \
{how.factor_penalty:g} on factors, chosen on each user's last ratings before the held-out ones).

| | |
|---|---|
| receipt | `{training.receipt["digest"]}` |
| `{MODEL}` SHA-256 | `{sha256}` |
| users, films | {len(model.users.ids):,}, {len(model.films.ids):,} |
| answers | {model.lowest:g} to {model.highest:g} stars |
| fitted with | Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__} |"""


def _data(training: Training) -> str:
    receipt, ratings = training.receipt, training.ratings
    simulated = " **The data are a simulated sample, not real ratings.**" if receipt.get("simulated") else ""
    delivered = [f"| `{name}` | `{entry['sha256']}` |" for name, entry in receipt["data"].items()]
    return "\n".join(
        [
            "## Data",
            "",
            f"{len(ratings):,} validated ratings from {_moment(int(ratings.time.min()))} to "
            f"{_moment(int(ratings.time.max()))}; {training.left_out:,} without all values were left out.{simulated} "
            f"The delivery passed on {receipt['issued']} with {receipt['expectations']['passed']} expectations held, "
            f"{receipt['expectations']['failed']} failed below the gate and "
            f"{receipt['expectations']['waived']} waived{_unasked(receipt)}.",
            "",
            "| delivered file | SHA-256 |",
            "|---|---|",
            *delivered,
        ]
    )


def _unasked(receipt: Mapping[str, Any]) -> str:
    count = receipt["expectations"].get("unasked")
    return f"; {count} were not asked, as the delivery is an increment" if count else ""


def _results(training: Training) -> str:
    study = training.study
    rows = [f"| {result.name} | {' | '.join(f'{a} | {b}' for a, b in _pairs(result))} |" for result in study.results]
    return "\n".join(
        [
            "## Errors on ratings held out",
            "",
            f"Held out: {HOLD_OUT_TEXTS[training.hold_out]} ({study.held_out:,} ratings, from "
            f"{_moment(study.held_out_from)}); trained for this on the {study.trained:,} others. "
            "The saved model was then fitted to all ratings with the same settings.",
            "",
            "| | RMSE, all | MAE, all | RMSE, both known | MAE, both known | RMSE, either new | MAE, either new |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _limits(training: Training) -> str:
    study = training.study
    return f"""## Limits

Of the held-out ratings {100 * study.new_users:.1f} % are by users and {100 * study.new_films:.1f} % of films that the \
model had not seen (cold start). For these its bias and factors are 0: it answers as for an average user or film, \
which is the larger part of its error wherever they are many. It knows nothing of genres, tags or time. Its users \
chose what they rated, so it does not say what they would give a film that they would not watch."""


def _use() -> str:
    return f"""## Use

```python
from pathlib import Path

import numpy as np

from scripts.training.keeping import load

model, receipt_digest = load(Path("{MODEL}"))
model.predict(np.array([1]), np.array([318]))  # user ids, film ids -> stars
```"""


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):  # no calendar knows it; a critical expectation would have said so
        return str(seconds)
