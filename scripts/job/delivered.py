"""The delivery that a command works on where none is named: the real one, or else a sample, so any clone will do."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.job.progress import Progress, silence

REAL_DATA = Path("data/ml-latest-small")
GET_REAL_DATA = "python -m scripts.download_data ml-latest-small"


def delivery(data: Path | None, output: Path, progress: Progress) -> tuple[Path, bool]:
    """The folder to judge, and whether it is the simulated sample, which is made in `output` if it is not there.

    Raises OutputError where the sample can't be made.
    """
    if data is not None:
        return data, False
    if REAL_DATA.is_dir():
        return REAL_DATA, False
    sample = output / "sample"
    if not sample.is_dir():
        with progress.step(f"No {REAL_DATA} here: making a simulated sample in {sample}"):
            _make_sample(sample)
    return sample, True


def _make_sample(sample: Path) -> None:
    """Raises OutputError where it can't be made and is not there."""
    from checks.results.outputs import OutputError
    from scripts.simulate_data import simulate
    from scripts.simulation.errors import SimulationError

    try:
        simulate(sample)
    except (OSError, SimulationError) as error:
        if not sample.is_dir():  # else another run made it meanwhile: whole, and of the same bytes
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"{sample}: can't be made ({reason}); choose another --output.") from error


def sound_data(data: Path | None, place: Path) -> Path:
    """A delivery to measure on, by the same choice. That it is a sample, made in `place`, is said in one line."""
    folder, simulated = delivery(data, place, silence())
    if simulated:
        said = f"Measured on a simulated sample ({folder}), not real data. Get the real one: {GET_REAL_DATA}"
        print(said, file=sys.stderr, flush=True)
    return folder
