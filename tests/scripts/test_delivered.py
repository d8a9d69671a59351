"""What a command works on where no data are named: it works in a clean clone, and says that the data are simulated."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from checks.files import DeliveryError
from scripts import simulate_data
from scripts.job import delivered
from tests import deliveries


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no data are, and a sample is quickly made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(simulate_data, "simulate", lambda folder: deliveries.write(folder, deliveries.clean()))
    return tmp_path


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        ("evaluate_anomaly", "scripts.evaluate_anomaly.load"),
        ("evaluate_drift", "scripts.evaluate_drift.Frames.read"),
        ("score_suites", "scripts.mutation.pool.score"),
    ],
)
def test_what_measures_takes_the_sample_in_a_clean_clone(
    clone: Path, command: str, reads: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(folder: Path, *_: object) -> None:
        raise DeliveryError(f"got {folder.name} of {len(list(folder.iterdir()))} files")

    monkeypatch.setattr(reads, read)
    assert importlib.import_module(f"scripts.{command}").main([]) == 2
    said, answer = capsys.readouterr().err.splitlines()
    assert said.startswith("Measured on a simulated sample (")
    assert "not real data. Get the real one: python -m scripts.download_data" in said
    assert answer.endswith("got sample of 4 files")


def test_real_data_and_named_data_go_before_the_sample(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    delivered.REAL_DATA.mkdir(parents=True)
    assert delivered.sound_data(None, clone / "out") == delivered.REAL_DATA
    assert delivered.sound_data(Path("mine"), clone / "out") == Path("mine")
    assert not (clone / "out").exists()
    assert capsys.readouterr().err == ""
