"""Rows that are lost or delivered twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frames import Frames, add, chosen, keep, some_rows
from .times import DAY, HOUR

if TYPE_CHECKING:
    from numpy.random import Generator


def ratings_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are missing, whichever."""
    return frames.having(ratings=keep(frames.ratings, ~some_rows(frames.ratings, share, rng)))


def ratings_delivered_twice(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings come a second time, at the file's end."""
    return frames.having(ratings=add(frames.ratings, frames.ratings[some_rows(frames.ratings, share, rng)]))


def shard_of_films_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """All ratings of a share of the films are missing: the shard that holds them did not answer."""
    films = frames.movies["movieId"][chosen(len(frames.movies), share, rng)]
    return frames.having(ratings=keep(frames.ratings, ~frames.ratings["movieId"].isin(films).to_numpy()))


def late_data_cut_off(frames: Frames, share: float, rng: Generator) -> Frames:  # noqa: ARG001  nothing is random
    """The latest share of the ratings has not arrived yet, nor have tags of that time."""
    end = frames.ratings["timestamp"].quantile(1 - share)
    return frames.having(**{n: keep(t, (t["timestamp"] <= end).to_numpy()) for n, t in frames.by_users().items()})


def nights_lost(frames: Frames, hours: float, rng: Generator) -> Frames:  # noqa: ARG001
    """The load does not take what is rated in so many hours from midnight (UTC) on, while it runs."""
    return frames.having(ratings=keep(frames.ratings, (frames.ratings["timestamp"] % DAY >= hours * HOUR).to_numpy()))
