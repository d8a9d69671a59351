"""The step of a run that asks both analyses for their findings and makes tables of these, for the suites to judge.

An analysis that can't run leaves no table, so its suite is undetermined; it never stops the run. What a finding is
say anomaly/findings.py and drift/findings.py; checks/docs/findings.py tells it to people.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from checks.complaints import one_line
from checks.results.pseudonyms import PLAIN, UserNames
from checks.tables import FINDINGS, TRENDS
from scripts.job import identities, loading, since
from scripts.job.ending import say
from scripts.job.settings import trusted_users

if TYPE_CHECKING:
    import pandas as pd

    from checks.phases import Phases
    from checks.warehouse import Warehouse


def write_findings(warehouse: Warehouse, settings: argparse.Namespace, phases: Phases) -> dict[str, str]:
    """Fill `user_anomalies` and `drift_findings`; the reason of each that could not be made, by table.

    Raises SettingError where the reference or the list of trusted users can't be used.
    """
    if missing := next(loading.missing(warehouse), None):
        return dict.fromkeys(FINDINGS, missing)
    trusted = trusted_users(settings.trusted_users)
    reference = loading.load_reference(settings)
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
    from checks.texts import printable
    from drift.trends import find_trends

    try:
        trends = find_trends(
            warehouse, reference=reference, split=settings.split, since=settings.since, every=settings.trends
        )
        warehouse.write(TRENDS, trends)
    except Exception as error:
        reason = printable(_reason(error)).rstrip(".")
        say(f"--trends {settings.trends}: could not be made ({reason}); the verdict stands.")


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
