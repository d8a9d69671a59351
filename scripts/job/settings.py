"""What a run may be told of users, drift and the engine: options, what is refused, what a verdict records of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks import files
from checks.results.pseudonyms import PLAIN, SaltError, UserNames, from_environment
from checks.results.receipt import sha256
from checks.spark import files as spark_files
from checks.spark.session import check_installed
from checks.tables import DELIVERED
from scripts.job import loading
from scripts.job.arguments import SettingError, day, local, place, share, spark_setting

USER_ID = re.compile(r"-?[0-9]{1,18}")  # as the database holds them
# As `anomaly` and `drift` know them, whose imports take longer than a --help may; a test holds both together.
DETECTORS = ("two-channel", "isolation-forest")
PERIODS = ("year", "quarter", "month")
ENGINES = ("duckdb", "spark")
JUDGING = ("fail_on", "max_age", "increment")  # settings that no table hangs on


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
    trusted_users(settings.trusted_users)
    if settings.trusted_users is not None and settings.detector == "isolation-forest":
        raise SettingError(
            "--trusted-users: --detector isolation-forest makes no use of them and promises no error rate; "
            "leave one of the two out."
        )
    user_names(settings)


def trusted_users(file: Path | None) -> frozenset[int] | None:
    """The ids in the file. Raises SettingError."""
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()  # as some editors save it
    except OSError as error:
        raise SettingError(f"--trusted-users {file}: can't be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"--trusted-users {file}: is no text; write one user id a line into it.") from error
    words = [(number, word) for number, line in enumerate(lines, start=1) for word in line.split()]
    for number, word in words:
        if not USER_ID.fullmatch(word):
            raise SettingError(
                f"--trusted-users {file}: line {number} is no user id; write one a line, and nothing else."
            )
    return frozenset(int(word) for _, word in words)


def user_names(settings: argparse.Namespace) -> UserNames:
    """How users are shown. Raises SettingError."""
    try:
        return from_environment() if settings.hash_users else PLAIN
    except SaltError as error:
        raise SettingError(str(error)) from error


def recorded(settings: argparse.Namespace) -> dict[str, Any]:
    """All that decides a verdict besides data and rules, JSON-ready: files by their SHA-256, ages in days."""
    plain = ("fail_on", "max_age", "detector", "false_discovery_rate", "since")
    # Where the windows are told otherwise, `split` decides nothing.
    by_share = settings.since is None and settings.reference is None
    return {
        **{name: getattr(settings, name) for name in plain},
        "increment": settings.increment or None,
        "split": settings.split if by_share else None,
        "reference": None if settings.reference is None else _hashes(settings),
        "trusted_users": None if settings.trusted_users is None else {"sha256": sha256(settings.trusted_users)},
    }


def _hashes(settings: argparse.Namespace) -> dict[str, str]:
    """The files of the reference by name."""
    reference, tables = settings.reference, [table.name for table in DELIVERED]
    try:
        if settings.engine == "spark":
            return spark_files.hashes(loading.session(settings), reference, tables)
        found = [files.find(reference, table) for table in tables]
        return {path.name: sha256(path) for path in found if path is not None and not files.problem(path)}
    except files.DeliveryError as error:
        raise SettingError(f"--reference {error}") from error


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
