"""What becomes of the stars themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .frames import Frames, keep, mix, mix_within_users, put, rows_of_some_users, some_rows

if TYPE_CHECKING:
    from numpy.random import Generator

LOWEST, HIGHEST, STEP = 0.5, 5.0, 0.5
LIKED = 3.5  # from here on a thumb goes up
DEFAULT = 3.0


def half_stars_lost(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users round to whole stars, halves up."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=put(frames.ratings, "rating", rows, np.floor(frames.ratings["rating"] + 0.5)))


def fives_inflated(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings of four stars and more become five, as where the page asks "did you love it?"."""
    rows = some_rows(frames.ratings, share, rng) & (frames.ratings["rating"] >= 4).to_numpy()
    return frames.having(ratings=put(frames.ratings, "rating", rows, HIGHEST))


def half_a_star_kinder(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings rise by half a star."""
    kinder = (frames.ratings["rating"] + STEP).clip(upper=HIGHEST)
    return frames.having(ratings=put(frames.ratings, "rating", some_rows(frames.ratings, share, rng), kinder))


def out_of_ten(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users rate on another scale, of one to ten."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=put(frames.ratings, "rating", rows, frames.ratings["rating"] * 2))


def thumbs(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users know thumbs alone: up is five stars, down is one."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    thumb = np.where(frames.ratings["rating"] >= LIKED, 5.0, 1.0)
    return frames.having(ratings=put(frames.ratings, "rating", rows, thumb))


def default_rating(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are stored as three stars, the default of a dialogue that is closed unread."""
    return frames.having(ratings=put(frames.ratings, "rating", some_rows(frames.ratings, share, rng), DEFAULT))


def preset_to_mean(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings are what a new page presets: the film's mean, in half stars."""
    mean = frames.ratings.groupby("movieId")["rating"].transform("mean")
    preset = (mean / STEP).round() * STEP
    return frames.having(ratings=put(frames.ratings, "rating", some_rows(frames.ratings, share, rng), preset))


def scale_reversed(frames: Frames, share: float, rng: Generator) -> Frames:
    """The clients of a share of the users take the lowest rating for the best."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=put(frames.ratings, "rating", rows, LOWEST + HIGHEST - frames.ratings["rating"]))


def ratings_null(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings have no value."""
    return frames.having(ratings=put(frames.ratings, "rating", some_rows(frames.ratings, share, rng), np.nan))


def bad_ratings_hidden(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings of two stars and less are taken away by moderators."""
    lost = some_rows(frames.ratings, share, rng) & (frames.ratings["rating"] <= 2).to_numpy()
    return frames.having(ratings=keep(frames.ratings, ~lost))


def lukewarm_not_given(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the ratings from 2.5 to 3.5 are missing: who neither loved nor hated a film isn't asked any more."""
    lost = some_rows(frames.ratings, share, rng) & frames.ratings["rating"].between(2.5, 3.5).to_numpy()
    return frames.having(ratings=keep(frames.ratings, ~lost))


def ratings_mixed_up(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the rows have each other's stars, as after a join by the wrong key."""
    rows = some_rows(frames.ratings, share, rng)
    return frames.having(ratings=mix(frames.ratings, "rating", rows, rng))


def ratings_mixed_up_within_users(frames: Frames, share: float, rng: Generator) -> Frames:
    """A share of the users have their own stars, on others of their films."""
    rows = rows_of_some_users(frames.ratings, share, rng)
    return frames.having(ratings=mix_within_users(frames.ratings, "rating", rows, rng))
