"""A tiny clean delivery, as text that a test can break at a known line, and its verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from checks.checkpoint import run_checkpoint
from checks.engine import suites
from checks.gate.verdict import Verdict
from checks.loader import load
from checks.run import Run
from checks.warehouse import Warehouse

USERS, FILMS = 4, 25
# Shares near MovieLens's own: mean 3.5, standard deviation 1.1, every whole star in use.
LEVELS = [4.0, 3.0, 5.0, 3.5, 4.0, 2.0, 3.0, 4.5, 4.0, 1.0, 3.5, 5.0, 2.5, 4.0, 3.0, 4.5, 2.0, 3.5, 5.0, 4.0]
LEVELS += [1.5, 3.0, 4.0, 5.0, 2.5]
DELIVERED_SUITES = ("ratings", "movies", "tags", "links", "rejected_rows")
START = 1_100_000_000  # 2004-11: half stars are allowed, the films are out


def clean() -> dict[str, list[str]]:
    """The four files as lists of lines, header first, so that line n of a file is item n - 1."""
    ratings = [
        f"{user},{film},{LEVELS[(user * 7 + film) % 25]},{START + user * 1000 + film * 41}"
        for user in range(1, USERS + 1)
        for film in range(1, FILMS + 1)
    ]
    movies = [f"{film},Film {film} ({1970 + film}),Drama|Comedy" for film in range(1, FILMS + 1)]
    tags = [f"{user},{user},tag {user},{START + user}" for user in range(1, USERS + 1)]
    links = [f"{film},{film:07d},{film + 100}" for film in range(1, FILMS + 1)]
    return {
        "ratings": ["userId,movieId,rating,timestamp", *ratings],
        "movies": ["movieId,title,genres", *movies],
        "tags": ["userId,movieId,tag,timestamp", *tags],
        "links": ["movieId,imdbId,tmdbId", *links],
    }


@cache
def _simulated() -> dict[str, tuple[str, ...]]:
    from scripts.simulate_data import simulate

    with tempfile.TemporaryDirectory() as work:
        simulate(Path(work) / "whole", users=60, ratings=2400)
        files = {path.stem: path.read_text(encoding="utf-8") for path in (Path(work) / "whole").glob("*.csv")}
    return {name: tuple(text.splitlines()) for name, text in files.items()}


def whole() -> dict[str, list[str]]:
    """A clean delivery with users enough to judge them and the drift, so that a whole run passes."""
    return {name: list(lines) for name, lines in _simulated().items()}


def put(line: str, column: int, value: str) -> str:
    """A line of plain cells with one of them replaced."""
    cells = line.split(",")
    cells[column] = value
    return ",".join(cells)


def write(folder: Path, files: Mapping[str, list[str]]) -> Path:
    """Write the files as a delivery."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / f"{name}.csv").write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return folder


def judge(
    folder: Path, work: Path, change: Callable[[Warehouse], object] = lambda _: None, max_age: int | None = None
) -> Verdict:
    """The verdict on the rows of a folder; `change` may alter the loaded tables before they are judged."""
    work.mkdir(parents=True, exist_ok=True)
    with load(folder, work / "warehouse.duckdb") as warehouse:
        change(warehouse)
        run = run_over(warehouse, work, max_age)
    return run_checkpoint(run, act=False).of_suites(DELIVERED_SUITES)  # the gate misses those that are left out


def run_over(warehouse: Warehouse, work: Path, max_age: int | None = None) -> Run:
    """A run over a loaded delivery alone: without findings, and without the suites that judge these."""
    declared = {name: suites.declared_suites()[name] for name in DELIVERED_SUITES}
    return Run(
        folder=warehouse.folder,
        sources=warehouse.sources,
        row_counts={name: warehouse.count(name) for name in declared if warehouse.has(name)},
        suites=declared,
        output=work,
        warehouse=work / "warehouse.duckdb",
        started=datetime.now(UTC),
        max_age=max_age,
        problems={name: source.problem for name, source in warehouse.sources.items() if source.problem},
    )
