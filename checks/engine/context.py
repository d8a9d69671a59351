"""Open the Great Expectations project. Importing this module imports GX, which takes seconds."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from checks.later import hidden, imported_later

# GX looks for Spark Connect where pyspark is installed, and pyspark, lacking what that needs, takes a program without
# a file (`python -c`, a notebook) for a doctest of its own and ends the process with exit code 0, which is a pass.
NO_CONNECT = () if find_spec("grpc") else ("pyspark.sql.connect",)

gc.collect()
gc.disable()  # GX's import makes millions of objects and no garbage: 0.9 s of its 3 s are the collector's
# Another third of it are scipy.stats and altair, for two expectations that no suite of ours has.
with imported_later("scipy.stats", "altair"), hidden(*NO_CONNECT):
    import great_expectations as gx

    # Registers the backend and the actions: opened without them, a suite or a checkpoint would load empty.
    from checks import actions  # noqa: F401
    from checks.docs import site  # noqa: F401
    from checks.engine import duckdb_backend, result_store  # noqa: F401
    from checks.reports import tracking_action  # noqa: F401
gc.freeze()  # nor does the collector look at them ever after
gc.enable()

from checks.engine.suites import ROOT  # noqa: E402
from checks.warehouse import MEMORY_LIMIT  # noqa: E402


def open_project(warehouse: Path, output: Path, root: Path = ROOT, memory_limit: str = MEMORY_LIMIT) -> Any:
    """The GX context over `root`, reading tables from `warehouse` and writing results below `output`."""
    # The warehouse is named by a URL, in which '%', '?' and '#' of a folder's name would mean something.
    os.environ["WAREHOUSE"] = f"{quote(str(warehouse.resolve()))}?memory_limit={quote(memory_limit)}"
    os.environ["OUTPUT"] = str(output.resolve())
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # what raised is in the results
    warnings.filterwarnings("ignore", module="great_expectations|duckdb_engine|sqlalchemy")
    return gx.get_context(mode="file", context_root_dir=root)


def open_on_spark(session: Any, output: Path, place: Path, root: Path = ROOT) -> Any:
    """The same context over the tables of a SparkSession: the project is copied to `place` with that datasource."""
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # it remarks on what is registered anew
    from checks.spark import backend as spark_backend

    spark_backend.use(session)
    shutil.copytree(root, place, ignore=shutil.ignore_patterns("uncommitted"))
    settings = place / "great_expectations.yml"
    config = yaml.safe_load(settings.read_text(encoding="utf-8"))
    for datasource in config["fluent_datasources"].values():
        datasource["type"] = "spark_tables"
        del datasource["connection_string"]
    settings.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return open_project(place / "no.duckdb", output, place)


def close(context: Any) -> None:
    """Let go of the warehouse: GX keeps its connections and open files until the garbage collector comes by."""
    for datasource in context.data_sources.all().values():
        if datasource.type == "duckdb":  # a Spark session is its warehouse's, which goes on
            datasource.get_execution_engine().close()
