"""What all tests share: the machine used as the job does, the real MovieLens files where they are, one real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from scripts.job.machine import settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Before anything imports NumPy: threads of its linear algebra wait for each other, which costs thrice the time here.
settle()

settings.register_profile("house", deadline=None)  # no test asserts how long something takes
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "__init__")
REAL_PLACES = (
    Path(os.environ.get("MOVIELENS_SMALL", "/nonexistent")),
    ROOT.parent / "shared" / "data" / "ml-latest-small",
    ROOT / "data" / "ml-latest-small",
)
CHROMIUM = shutil.which("chromium")
# As root in a container, and without the look-ups that a browser makes on its own account.
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM_FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one browser of a test process: Playwright refuses a second one of its loops beside the first."""
    if CHROMIUM is None:
        pytest.skip("chromium is not on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def movielens_small() -> Path:
    """The published ml-latest-small files, never written to."""
    for place in REAL_PLACES:
        if (place / "ratings.csv").is_file():
            return place
    pytest.skip("ml-latest-small is not on this machine (python -m scripts.download_data ml-latest-small)")


def begin_run(data: Path, output: Path) -> subprocess.Popen[str]:
    """The command under way, as a user runs it."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.run_checkpoint", "--data", str(data), "--output", str(output)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
