"""A real standalone cluster on loopback, one master and two workers, one of which is lost in the middle of a run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests import deliveries
from tests.conftest import ROOT
from tests.spark.test_spark import REASON, broken, many_files

pytestmark = pytest.mark.spark
PATIENCE = 600  # seconds until a process that does not get on is given up
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(what: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """The first true answer. Fails where none comes, or where the process ends before."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            if found := what():
                return found
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail("nothing came of it")


@dataclass
class Cluster:
    """Processes of one test's own."""

    master: str
    status: str
    workers: list[subprocess.Popen[str]]

    def executors(self) -> dict[str, subprocess.Popen[str]]:
        """The numbers of the executors that run, with the worker that each belongs to."""
        found = [(number_of(child), worker) for worker in self.workers for child in children(worker.pid)]
        return {number: worker for number, worker in found if number is not None}


def children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("pyspark", reason=REASON)
    port, page = free_port(), free_port()
    with contextlib.ExitStack() as running:
        start(running, tmp_path, "master.Master", "--port", str(port), "--webui-port", str(page))
        master, status = f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{page}/json/"
        wait_for(lambda: fetched(status))
        room = ("--cores", "1", "--memory", "1g", "--webui-port", "0")
        workers = [
            start(running, tmp_path, "worker.Worker", *room, "--work-dir", str(tmp_path / f"work-{i}"), master)
            for i in range(2)
        ]
        wait_for(lambda: fetched(status)["aliveworkers"] == 2)
        yield Cluster(master, status, workers)


def start(running: contextlib.ExitStack, folder: Path, kind: str, *arguments: str) -> subprocess.Popen[str]:
    import pyspark

    home = Path(pyspark.__file__).parent
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    own |= {"SPARK_DAEMON_JAVA_OPTS": LIGHT, "SPARK_DAEMON_MEMORY": "256m"}
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1", *arguments]
    log = running.enter_context((folder / f"{kind}.log").open("a"))
    process = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=os.environ | own, start_new_session=True)
    running.callback(end, process)
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process with its children: what a machine without power does."""
    for child in [*children(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    process.wait()


def fetched(address: str) -> Any:
    with urlopen(address, timeout=5) as answer:
        return json.loads(answer.read())


def test_a_worker_lost_in_the_middle_changes_no_verdict(cluster: Cluster, tmp_path: Path) -> None:
    files = broken()
    del files["movies"][3:6]  # many_files splits lines without looking at quotes
    folder = many_files(tmp_path / "data", {**files, "movies": deliveries.clean()["movies"]})
    page = free_port()
    settings = tmp_path / "conf"
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text(
        "spark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\nspark.driver.memory 1g\n"
        f"spark.ui.port {page}\nspark.executor.memory 1g\nspark.executor.cores 1\nspark.sql.shuffle.partitions 4\n"
        f"spark.executor.extraJavaOptions {LIGHT}\nspark.driver.extraJavaOptions {LIGHT}\n"
        "spark.scheduler.minRegisteredResourcesRatio 1.0\nspark.scheduler.maxRegisteredResourcesWaitingTime 120s\n"
    )
    job = subprocess.Popen(
        [sys.executable, "-m", "tests.spark.judge", cluster.master, str(folder)],
        cwd=ROOT, env=os.environ | {"SPARK_CONF_DIR": str(settings)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        busy = wait_for(lambda: executor_that_holds_rows(page), job)
        assert len(cluster.executors()) == 2, "both workers take part"
        end(cluster.executors()[busy])
        assert job.poll() is None, "the run was not over"
        said, errors = job.communicate(timeout=PATIENCE)
    finally:
        job.kill()
    assert job.returncode == 0, errors[-3000:]
    assert f"Lost executor {busy}" in errors
    from tests.spark.judge import outcomes

    same = deliveries.write(tmp_path / "one", {**files, "movies": deliveries.clean()["movies"]})
    assert json.loads(said.splitlines()[-1]) == outcomes(deliveries.judge(same, tmp_path / "duck"))


def executor_that_holds_rows(page: int) -> str | None:
    """The number of an executor that keeps rows of a table, which are lost with it."""
    api = f"http://127.0.0.1:{page}/api/v1/applications"
    executors = fetched(f"{api}/{fetched(api)[0]['id']}/executors")
    workers = [one for one in executors if one["id"] != "driver"]
    return next(
        (one["id"] for one in workers if len(workers) == 2 and one["memoryUsed"] > 0 and one["rddBlocks"]), None
    )


def number_of(pid: int) -> str | None:
    """The number that the master gave to this process, if it is an executor."""
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    found = re.search(r"--executor-id (\d+)", listed.stdout)
    return found[1] if found else None
