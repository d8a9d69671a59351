"""Load a delivery or the reference on the engine that is set, and say what the analyses need and do not find there."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import files
from scripts.job.arguments import SettingError

if TYPE_CHECKING:
    from checks.warehouse import SourceFile, Warehouse


NEEDED = ("ratings", "movies")  # without these there is nobody to score and nothing to compare


def load_warehouse(folder: Path, settings: argparse.Namespace, database: Path | None = None) -> Warehouse:
    """The delivery of `folder` on the engine that is set. Raises DeliveryError."""
    if settings.engine == "duckdb":
        from checks.loader import load

        return load(folder, database, database_limit(settings))
    from checks.spark import warehouse as spark_warehouse

    return spark_warehouse.load(session(settings), folder, database)


def open_warehouse(
    folder: Path, settings: argparse.Namespace, database: Path, sources: dict[str, SourceFile]
) -> Warehouse:
    """A delivery that was loaded into `database` before."""
    from checks.warehouse import Warehouse, connect

    return Warehouse(connect(database, database_limit(settings)), folder, sources)


def session(settings: argparse.Namespace) -> Any:
    """The Spark session that is set."""
    from checks.spark import session as spark_session

    return spark_session.start(settings.spark_master or spark_session.LOCAL, dict(settings.spark_conf))


def database_limit(settings: argparse.Namespace) -> str:
    """DuckDB's share of the memory that the run may take: a quarter, as what the analyses hold can't be spilled."""
    from checks.warehouse import MEMORY_LIMIT

    return MEMORY_LIMIT if settings.memory_limit is None else f"{settings.memory_limit // 4}MB"


def load_reference(settings: argparse.Namespace) -> Warehouse | None:
    """The reference, where one is set. Raises SettingError where it can't be used."""
    folder = settings.reference
    if folder is None:
        return None
    try:
        reference = load_warehouse(folder, settings)
    except files.DeliveryError as error:
        raise SettingError(f"--reference {error}") from error
    if lack := next(missing(reference), None):
        reference.close()
        raise SettingError(f"--reference {folder}: can't be compared with, as {lack}.")
    return reference


def missing(warehouse: Warehouse) -> Iterator[str]:
    """What the analyses need and do not find, in words: tables, then columns, then any rating at all."""
    for name in NEEDED:
        if not warehouse.has(name):
            yield warehouse.sources[name].problem or f"there is no table {name}"
    for name in NEEDED:
        yield from warehouse.sources[name].lacks.values()
    ratings = warehouse.sources["ratings"]
    if not ratings.loaded_rows:  # of nobody nothing can be said, neither good nor bad
        file = ratings.path.name if ratings.path else "ratings"
        yield f"no row of {file} could be read" if ratings.rejected_rows else f"{file} has no rows"


def check_needed(warehouse: Warehouse) -> None:
    """Raise DeliveryError where a delivery lacks what every analysis needs."""
    if lack := next(missing(warehouse), None):
        raise files.DeliveryError(f"{warehouse.folder}: can't be analysed, as {lack}; give ratings and movies.")
