"""Ask the two analyses for their findings, and put these into the warehouse as tables for the suites to judge.

An analysis that can't run leaves no table, so its suite is undetermined; it never stops the run.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import files
from checks.complaints import one_line
from checks.results.pseudonyms import PLAIN, SaltError, UserNames, from_environment
from checks.results.receipt import sha256
from checks.spark import files as spark_files
from checks.spark.session import check_installed
from checks.tables import DELIVERED, FINDINGS, TRENDS
from scripts.job import identities, since
from scripts.job.arguments import SettingError, day, local, place, share, spark_setting
from scripts.job.ending import say

if TYPE_CHECKING:
    import pandas as pd

    from checks.phases import Phases
    from checks.warehouse import SourceFile, Warehouse

DETECTORS = ("two-channel", "isolation-forest")
ENGINES = ("duckdb", "spark")
PERIODS = ("year", "quarter", "month")  # as drift.trends knows them, whose import takes longer than a --help may
JUDGING = ("fail_on", "max_age", "increment")  # settings that no table hangs on
NEEDED = ("ratings", "movies")  # without these there is nobody to score and nothing to compare


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The settings of both analyses."""
    group = parser.add_argument_group("users and drift")
    group.add_argument(
        "--reference", type=place, metavar="DIR", help="trusted data, such as those trained on, to compare"
    )
    group.add_argument(
        "--increment",
        action="store_true",
        help="the delivery is what came in since --reference, which is all before: don't ask of it what is meant for "
        "whole editions; every rule is asked where its ratings do not bear that out",
    )
    group.add_argument(
        "--trusted-users", type=local, metavar="FILE", help="ids of users known to be honest, one a line"
    )
    group.add_argument(
        "--false-discovery-rate",
        type=share,
        default=0.10,
        metavar="RATE",
        help="of users flagged against a reference, the share that may be honest (default: 0.10)",
    )
    group.add_argument(
        "--detector",
        choices=DETECTORS,
        default=DETECTORS[0],
        help="how users are scored (isolation-forest: the common recipe, which uses no trusted users)",
    )
    windows = group.add_mutually_exclusive_group()
    windows.add_argument(
        "--split",
        type=share,
        default=0.8,
        metavar="SHARE",
        help="the share of the ratings, oldest first, that is the reference window (default: 0.8)",
    )
    windows.add_argument(
        "--since", type=day, metavar="DATE", help="the first day (UTC) of the current window, in place of --split"
    )
    group.add_argument(
        "--trends",
        choices=PERIODS,
        help="also compare each year, quarter or month of the current window with the reference, to see when it moved; "
        "it changes no verdict (default: no trends)",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """What does the work."""
    group = parser.add_argument_group("engine")
    group.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="what does the work (default: duckdb)")
    group.add_argument(
        "--spark-master",
        metavar="URL",
        help="where Spark runs, such as spark://host:7077 (default: local[*], this machine); --data may then also be "
        "a pattern or an object store's address, and a table any number of files",
    )
    group.add_argument(
        "--spark-conf",
        type=spark_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of Spark's, such as spark.driver.memory=8g, before those of its spark-defaults.conf; as often "
        "as needed (other users of this machine can read it: keys belong into spark-defaults.conf or the environment)",
    )


def load_warehouse(folder: Path, settings: argparse.Namespace, database: Path | None = None) -> Warehouse:
    """The delivery of `folder` on the engine that is set. Raises DeliveryError."""
    if settings.engine == "duckdb":
        from checks.warehouse import load

        return load(folder, database, database_limit(settings))
    from checks.spark import warehouse as spark_warehouse

    return spark_warehouse.load(_session(settings), folder, database)


def open_warehouse(
    folder: Path, settings: argparse.Namespace, database: Path, sources: dict[str, SourceFile]
) -> Warehouse:
    """A delivery that was loaded into `database` before."""
    from checks.warehouse import Warehouse, connect

    return Warehouse(connect(database, database_limit(settings)), folder, sources)


def _session(settings: argparse.Namespace) -> Any:
    from checks.spark import session as spark_session

    return spark_session.start(settings.spark_master or spark_session.LOCAL, dict(settings.spark_conf))


def check_settings(settings: argparse.Namespace) -> None:
    """Answer a mistake before the work begins. Raises SettingError or DeliveryError."""
    for name in ("spark_master", "spark_conf"):
        if getattr(settings, name) and settings.engine != "spark":
            raise SettingError(f"--{name.replace('_', '-')}: is for --engine spark.")
    if settings.engine == "spark":
        check_installed()
    elsewhere = settings.engine == "spark" and "://" in str(settings.reference)
    if settings.reference is not None and not elsewhere and not files.is_folder(settings.reference):
        raise SettingError(f"--reference {settings.reference}: is no folder; give one with ratings and movies.")
    if settings.increment and settings.reference is None:
        raise SettingError("--increment: is what came in since the deliveries before; give those by --reference.")
    _trusted_users(settings.trusted_users)
    if settings.trusted_users is not None and settings.detector == "isolation-forest":
        raise SettingError(
            "--trusted-users: --detector isolation-forest makes no use of them and promises no error rate; "
            "leave one of the two out."
        )
    user_names(settings)


def user_names(settings: argparse.Namespace) -> UserNames:
    """How users are shown. Raises SettingError."""
    try:
        return from_environment() if settings.hash_users else PLAIN
    except SaltError as error:
        raise SettingError(str(error)) from error


def recorded(settings: argparse.Namespace) -> dict[str, Any]:
    """All that decides a verdict besides data and rules, JSON-ready: files by their SHA-256, ages in days."""
    plain = ("fail_on", "max_age", "detector", "false_discovery_rate", "since")
    # Else `split`, mostly its default, says nothing.
    by_share = settings.since is None and settings.reference is None
    return {
        **{name: getattr(settings, name) for name in plain},
        "increment": settings.increment or None,
        "split": settings.split if by_share else None,
        "reference": None if settings.reference is None else _hashes(settings),
        "trusted_users": None if settings.trusted_users is None else {"sha256": sha256(settings.trusted_users)},
    }


def of_tables(recorded: Mapping[str, Any], settings: argparse.Namespace) -> dict[str, Any]:
    """What of all that decides what the tables hold, which are then judged."""
    return {name: value for name, value in recorded.items() if name not in JUDGING} | {"trends": settings.trends}


def check_unchanged(before: Mapping[str, Any], settings: argparse.Namespace) -> None:
    """Raise SettingError where other files stand in the settings' places than were recorded before the work."""
    now = recorded(settings)
    for name in ("reference", "trusted_users"):
        if now[name] != before[name]:
            option = f"--{name.replace('_', '-')} {getattr(settings, name)}"
            raise SettingError(f"{option}: changed while it was read; run again when it is whole.")


def _hashes(settings: argparse.Namespace) -> dict[str, str]:
    """The files of the reference by name."""
    reference, tables = settings.reference, [table.name for table in DELIVERED]
    try:
        if settings.engine == "spark":
            return spark_files.hashes(_session(settings), reference, tables)
        found = [files.find(reference, table) for table in tables]
        return {path.name: sha256(path) for path in found if path is not None and not files.problem(path)}
    except files.DeliveryError as error:
        raise SettingError(f"--reference {error}") from error


def write_findings(warehouse: Warehouse, settings: argparse.Namespace, phases: Phases) -> dict[str, str]:
    """Fill `user_anomalies` and `drift_findings`; the reason of each that could not be made, by table.

    Raises SettingError where the reference or the list of trusted users can't be used.
    """
    if missing := next(_missing(warehouse), None):
        return dict.fromkeys(FINDINGS, missing)
    trusted = _trusted_users(settings.trusted_users)
    reference = _reference(settings)
    try:
        if reference is not None:
            _attempt(warehouse, since.TABLE, lambda: since.compared(warehouse, reference))
            if odds := _at_odds(warehouse, reference):
                return dict.fromkeys(FINDINGS, odds)
        with _drift_beside(warehouse, reference, settings) as drift:
            with phases.phase("anomaly"):
                users = _attempt(
                    warehouse, "user_anomalies", lambda: _anomalies(warehouse, reference, trusted, settings)
                )
            with phases.phase("drift"):  # what is left of it
                moved = _attempt(warehouse, "drift_findings", drift)
        if settings.trends is not None:
            with phases.phase("trends"):
                _write_trends(warehouse, reference, settings)
    finally:
        if reference is not None:
            reference.close()
    return users | moved


@contextlib.contextmanager
def _drift_beside(
    warehouse: Warehouse, reference: Warehouse | None, settings: argparse.Namespace
) -> Iterator[Callable[[], pd.DataFrame]]:
    """Compare the windows in a thread while the block scores users: each leaves a core idle at times.

    With a memory limit one comes after the other, so that never both hold their arrays; on Spark, too, which fills all
    cores with one.
    """
    if settings.memory_limit is not None or settings.engine == "spark":
        yield lambda: _drift(warehouse, reference, settings)
        return
    with contextlib.ExitStack() as stack:
        mine = stack.enter_context(warehouse.beside())
        theirs = None if reference is None else stack.enter_context(reference.beside())
        pool = stack.enter_context(ThreadPoolExecutor(1))
        try:
            yield pool.submit(_drift, mine, theirs, settings).result
        except BaseException:  # an interruption must not wait for the other analysis to end
            for one in filter(None, (mine, theirs)):
                one.connection.interrupt()
            raise


def _attempt(warehouse: Warehouse, table: str, analysis: Callable[[], pd.DataFrame]) -> dict[str, str]:
    try:
        warehouse.write(table, analysis())
    except Exception as error:  # whatever goes wrong in an analysis is told in the verdict, as undetermined
        return {table: f"the analysis failed ({_reason(error)})"}
    return {}


def _at_odds(warehouse: Warehouse, reference: Warehouse) -> str | None:
    """Why neither users nor windows can be compared with the reference, if so."""
    try:
        return identities.at_odds(warehouse, reference)
    except Exception as error:  # as of an analysis
        return f"whether --reference means the same users and times could not be told ({_reason(error)})"


def _reason(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__


def _missing(warehouse: Warehouse) -> Iterator[str]:
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
    if missing := next(_missing(warehouse), None):
        raise files.DeliveryError(f"{warehouse.folder}: can't be analysed, as {missing}; give ratings and movies.")


def _anomalies(
    warehouse: Warehouse, reference: Warehouse | None, trusted: frozenset[int] | None, settings: argparse.Namespace
) -> pd.DataFrame:
    from anomaly.findings import find_anomalies

    return find_anomalies(
        warehouse,
        reference=reference,
        trusted_users=trusted,
        false_discovery_rate=settings.false_discovery_rate,
        detector=settings.detector,
    )


def _drift(warehouse: Warehouse, reference: Warehouse | None, settings: argparse.Namespace) -> pd.DataFrame:
    from drift.findings import find_drift

    return find_drift(warehouse, reference=reference, split=settings.split, since=settings.since)


def _write_trends(warehouse: Warehouse, reference: Warehouse | None, settings: argparse.Namespace) -> None:
    """Fill `drift_trends`, of which no suite asks: what goes wrong is said, and the run goes on."""
    from checks.reports.console import printable
    from drift.trends import find_trends

    try:
        trends = find_trends(
            warehouse, reference=reference, split=settings.split, since=settings.since, every=settings.trends
        )
        warehouse.write(TRENDS, trends)
    except Exception as error:
        reason = printable(_reason(error)).rstrip(".")
        say(f"--trends {settings.trends}: could not be made ({reason}); the verdict stands.")


def database_limit(settings: argparse.Namespace) -> str:
    """DuckDB's share of the memory that the run may take: a quarter, as what the analyses hold can't be spilled."""
    from checks.warehouse import MEMORY_LIMIT

    return MEMORY_LIMIT if settings.memory_limit is None else f"{settings.memory_limit // 4}MB"


def _reference(settings: argparse.Namespace) -> Warehouse | None:
    from checks.files import DeliveryError

    folder = settings.reference
    if folder is None:
        return None
    try:
        reference = load_warehouse(folder, settings)
    except DeliveryError as error:
        raise SettingError(f"--reference {error}") from error
    if missing := next(_missing(reference), None):
        reference.close()
        raise SettingError(f"--reference {folder}: can't be compared with, as {missing}.")
    return reference


def _trusted_users(file: Path | None) -> frozenset[int] | None:
    if file is None:
        return None
    try:
        return frozenset(int(line) for line in file.read_text(encoding="utf-8").split())
    except OSError as error:
        raise SettingError(f"--trusted-users {file}: can't be read ({error.strerror}).") from error
    except ValueError as error:
        raise SettingError(f"--trusted-users {file}: must hold one user id a line ({error}).") from error


def write_files(warehouse: Warehouse, output: Path, names: UserNames = PLAIN) -> None:
    """The findings as CSV files: every user, the flagged users worst first, every monitored feature, its trends."""
    from checks.results.outputs import write_csv

    if warehouse.has("user_anomalies"):
        users = names.frame(warehouse.sql("select * from user_anomalies order by userId"))
        write_csv(output / "user_statistics_with_anomalies.csv", users)
        flagged = users[users["is_anomaly"].astype(bool)].sort_values("score", ascending=False)
        write_csv(output / "anomalous_users.csv", flagged)
    if warehouse.has("drift_findings"):
        write_csv(output / "drift_analysis.csv", warehouse.sql("select * from drift_findings order by source_line"))
    if warehouse.has(TRENDS):
        write_csv(output / f"{TRENDS}.csv", warehouse.sql(f"select * from {TRENDS} order by window_start, feature"))
