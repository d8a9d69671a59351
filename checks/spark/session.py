"""Start Spark, or say in one sentence why that can't be done."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
import warnings
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from checks.files import DeliveryError

INSTALL = "pip install -r requirements-spark.txt"
LOCAL = "local[*]"
SHIPPED = ("checks", "anomaly", "drift")  # what Python workers import
# What results hang on, whatever else is set.
MEANING = {
    "spark.sql.ansi.enabled": "true",  # what overflows raises, as in DuckDB, and is never taken for a number
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
QUIET = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# A run without a cluster opens no port to others; its driver, which is also its only worker, needs room to cache.
LOCAL_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "8",
}


def check_installed() -> None:
    """Raises DeliveryError, with the command that installs what is missing."""
    try:
        import pyspark  # noqa: F401
        import sqlglot  # noqa: F401
    except ImportError as error:
        raise DeliveryError(f"--engine spark needs {error.name}, which is not installed: {INSTALL}") from error


def start(master: str = LOCAL, given: dict[str, str] | None = None) -> Any:
    """A Spark session on `master`, of a SparkContext that this process shares. Raises DeliveryError.

    What the `given` settings, then Spark's own spark-defaults.conf, say of memory, packages or keys is kept.
    """
    check_installed()
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("movie-ratings-data-quality")
    for name, value in settings(master, given or {}).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
        session.sparkContext.addPyFile(str(_modules()))
    except Exception as error:
        raise DeliveryError(f"--spark-master {master}: Spark can't be started there ({reason(error)}).") from error
    return session


def settings(master: str, given: dict[str, str]) -> dict[str, str]:
    """What Spark is told on `master`; what its own spark-defaults.conf says of the usual ones it is not told."""
    usual = QUIET | (LOCAL_SETTINGS if master.startswith("local") else {})
    said = _said_by_spark()
    return {name: value for name, value in usual.items() if name not in said} | given | MEANING


def _said_by_spark() -> set[str]:
    """The names of the settings in spark-defaults.conf, which Spark puts behind all that a program sets."""
    home = os.environ.get("SPARK_CONF_DIR") or Path(os.environ.get("SPARK_HOME", ".")) / "conf"
    file = Path(home) / "spark-defaults.conf"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return {re.split(r"[\s=:]", line.strip(), maxsplit=1)[0] for line in lines}


@cache
def _modules() -> Path:
    """This project's modules for the Python workers, wherever they run: packed once, and kept as long as this process.

    Spark takes the file from where it is whenever a worker asks for it.
    """
    folder = Path(tempfile.mkdtemp(prefix="movielens-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    place = folder / "movielens.zip"
    root = Path(__file__).resolve().parents[2]
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED:
            for file in sorted((root / package).rglob("*")):
                if file.suffix in (".py", ".sql", ".toml"):
                    archive.write(file, file.relative_to(root))
    return place


def reason(error: BaseException) -> str:
    """The cause that a person can use of an error of Spark's, which wraps it in many lines."""
    message = str(getattr(error, "desc", None) or getattr(error, "_desc", None) or error).strip()
    lines = message.splitlines()
    causes = [line.partition("Caused by: ")[2] for line in lines if "Caused by: " in line]
    thrown = [line.removeprefix(": ") for line in lines if line.startswith(": ")]  # Java's own, below Py4J's
    first = [*lines[:1], *thrown, *causes][-1] if lines else ""
    return first.strip().rstrip(".") or type(error).__name__
