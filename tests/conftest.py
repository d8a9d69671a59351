"""Deliveries for the tests: the real MovieLens files where they are, and a tiny clean one made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # no test asserts how long something takes
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
REAL_PLACES = (
    Path(os.environ.get("MOVIELENS_SMALL", "/nonexistent")),
    ROOT.parent / "shared" / "data" / "ml-latest-small",
    ROOT / "data" / "ml-latest-small",
)


@pytest.fixture(scope="session")
def movielens_small() -> Path:
    """The published ml-latest-small files, never written to."""
    for place in REAL_PLACES:
        if (place / "ratings.csv").is_file():
            return place
    pytest.skip("ml-latest-small is not on this machine (python -m scripts.download_data ml-latest-small)")
