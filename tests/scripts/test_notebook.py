"""The notebook runs from top to bottom on a fresh kernel, and says the same as its twin in plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks" / "movie_ratings_analysis.ipynb"
EXTRAS = "is not installed (pip install -r requirements-extras.txt)"
FEWEST_CHARTS = 10


def read(path: Path) -> Any:
    return pytest.importorskip("jupytext", reason=f"jupytext {EXTRAS}").read(path)


def text_of(notebook: Any) -> str:
    """All that the cells printed or showed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}).get("text/html") or output.get("data", {}).get("text/plain") for output in outputs]
    return "\n".join(text for text in [*shown, *(output.get("text") for output in outputs)] if text)


def run(data: Path | None, output: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    nbclient = pytest.importorskip("nbclient", reason=f"nbclient {EXTRAS}")
    monkeypatch.setenv("MOVIELENS_OUTPUT", str(output))
    monkeypatch.delenv("MOVIELENS_DATA", raising=False)
    if data is not None:
        monkeypatch.setenv("MOVIELENS_DATA", str(data))
    notebook = read(NOTEBOOK)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    return nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()


@pytest.mark.extras
def test_notebook_and_its_twin_hold_the_same_cells() -> None:
    notebook, twin = read(NOTEBOOK), read(NOTEBOOK.with_suffix(".py"))
    cells = [[(cell.cell_type, cell.source) for cell in one.cells] for one in (notebook, twin)]
    assert cells[0] == cells[1], f"run jupytext --to ipynb {NOTEBOOK.with_suffix('.py').relative_to(ROOT)}"


@pytest.mark.extras
def test_it_ships_without_results_of_anybodys_data() -> None:
    code = [cell for cell in read(NOTEBOOK).cells if cell.cell_type == "code"]
    assert code
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.extras
@pytest.mark.slow
def test_it_runs_on_the_data_that_the_command_would_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = text_of(run(None, tmp_path / "out", monkeypatch))
    assert "Judged a simulated sample" in shown or "Judged data/ml-latest-small" in shown
    assert shown.count("<svg") >= FEWEST_CHARTS
    assert "could not be drawn" not in shown


@pytest.mark.extras
@pytest.mark.slow
def test_it_runs_on_real_data_and_exports_them(
    tmp_path: Path, movielens_small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    shown = text_of(run(movielens_small, output, monkeypatch))
    assert f"Judged {movielens_small}: PASS." in shown
    assert "of 610 users are flagged" in shown
    assert shown.count("<svg") >= FEWEST_CHARTS
    assert (output / "anomalous_users.csv").is_file()
    assert (output / "data_docs" / "index.html").is_file()
