"""What users write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .films import NO_GENRES
from .frames import Frames, add, keep, put, some_rows, users_of
from .times import DAY

if TYPE_CHECKING:
    from numpy.random import Generator

CYRILLIC = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстувшхыз")
SPAM = "watch free at example.com"
SPAMMERS = 3


def tags_in_another_language(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the tags are in another script."""
    others = frames.tags["tag"].str.lower().str.translate(CYRILLIC)
    return frames.having(tags=put(frames.tags, "tag", some_rows(frames.tags, share, rng), others))


def tags_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the tags are missing."""
    return frames.having(tags=keep(frames.tags, ~some_rows(frames.tags, share, rng)))


def tag_spam(frames: Frames, share: float, rng: Generator) -> Frames:
    """Three users advertise in the last week, on any films: so many more tags, as a share of those there are."""
    import pandas as pd

    count = round(share * len(frames.tags))
    rows = {
        "userId": rng.choice(rng.choice(users_of(frames.ratings), SPAMMERS), count),
        "movieId": rng.choice(frames.movies["movieId"].to_numpy(), count),
        "tag": np.repeat(SPAM, count),
        "timestamp": frames.ratings["timestamp"].max() - rng.integers(0, 7 * DAY, count),
    }
    return frames.having(tags=add(frames.tags, pd.DataFrame(rows)))


def tags_preset(frames: Frames, share: float, rng: Generator) -> Frames:
    """With a share of the ratings the page sends a tag that it had ticked, the film's first genre."""
    genre = frames.movies.drop_duplicates("movieId").set_index("movieId")["genres"].str.split("|").str[0]
    sent = frames.ratings[some_rows(frames.ratings, share, rng)]
    sent = sent.assign(tag=sent["movieId"].map(genre).fillna(NO_GENRES))
    return frames.having(tags=add(frames.tags, sent))
