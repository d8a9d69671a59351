"""A delivery in an object store: a real S3 server on loopback (moto's), read by Hadoop's own s3a filesystem."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests import deliveries
from tests.conftest import ROOT
from tests.spark.test_spark import REASON, many_files
from tests.spark.test_spark_cluster import fetched, free_port, wait_for

pytestmark = pytest.mark.spark
# Neither comes with requirements-spark.txt: hadoop-aws with the AWS SDK is some 200 MB and Maven's; moto is a server.
JARS, SERVER = "MOVIELENS_S3A_JARS", "MOVIELENS_MOTO_SERVER"
WITHOUT = f"{JARS} must name a folder with the jars of hadoop-aws and its AWS SDK, {SERVER} the program moto_server"
# The server looks whether a request is signed, not by whom.
SIGNED = "AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """The server's address."""
    pytest.importorskip("pyspark", reason=REASON)
    server = os.environ.get(SERVER) or shutil.which("moto_server")
    if server is None or not list(Path(os.environ.get(JARS, "nowhere")).glob("hadoop-aws-*.jar")):
        pytest.skip(WITHOUT)
    port = free_port()
    with (tmp_path / "server.log").open("w") as log:
        command = [server, "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        try:
            wait_for(lambda: [fetched(f"http://127.0.0.1:{port}/moto-api/data.json")], process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def put(address: str, content: bytes = b"") -> None:
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content)), "Authorization": SIGNED}
    with urlopen(Request(address, content, headers, method="PUT"), timeout=30) as answer:
        assert answer.status == 200


def upload(folder: Path, address: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            put(f"{address}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def settings(store: str) -> list[str]:
    """Plain numbers, which any version of hadoop-aws reads, in place of the newest core's defaults with units."""
    s3a = {
        "endpoint": store,
        "path.style.access": "true",
        "access.key": "any",
        "secret.key": "any",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "threads.keepalivetime": "60",
        "connection.establish.timeout": "5000",
        "connection.timeout": "200000",
        "multipart.purge.age": "86400",
    }
    jars = ",".join(map(str, Path(os.environ[JARS]).glob("*.jar")))
    given = {"spark.jars": jars} | {f"spark.hadoop.fs.s3a.{name}": value for name, value in s3a.items()}
    return [part for name, value in given.items() for part in ("--spark-conf", f"{name}={value}")]


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: jars are for a Java that starts with them."""
    whole = [sys.executable, "-m", f"scripts.{command}", *arguments]
    return subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def test_a_delivery_in_a_bucket_is_judged_as_one_in_a_folder(store: str, tmp_path: Path) -> None:
    files = deliveries.clean()
    files["ratings"][40] = deliveries.put(files["ratings"][40], 2, "7.5")
    upload(many_files(tmp_path / "data", files), f"{_bucket(store)}/2024-01")
    spark = ["--engine", "spark", "--spark-master", "local[2]", "--quiet", *settings(store)]
    done = run("run_checkpoint", "--data", "s3a://lake/2024-*", "--output", str(tmp_path / "out"), *spark)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    found = [o for o in summary["expectations"] if o["unexpected_count"] and o["suite"] == "ratings"]
    assert done.returncode == 1, done.stderr[-3000:]
    assert [(o["unexpected_count"], o["rows"][0]["file"], o["rows"][0]["line"]) for o in found] == [
        (1, "ratings-1.csv.gz", 41)
    ]
    assert "any" not in (tmp_path / "out" / "summary.json").read_text().split('"'), "no key is kept"


def _bucket(store: str) -> str:
    put(f"{store}/lake")
    return f"{store}/lake"


def test_a_receipt_holds_for_the_objects_that_were_judged(store: str, tmp_path: Path) -> None:
    folder = deliveries.write(tmp_path / "data", deliveries.whole())
    upload(folder, f"{_bucket(store)}/delivery")
    spark = ["--engine", "spark", "--spark-master", "local[2]", "--quiet", *settings(store)]
    done = run("run_checkpoint", "--data", "s3a://lake/delivery", "--output", str(tmp_path / "out"), *spark)
    assert done.returncode == 0, done.stderr[-3000:]
    verify = ["verify_receipt", str(tmp_path / "out" / "receipt.json"), "--data", "s3a://lake/delivery"]
    assert run(*verify, *settings(store)).returncode == 0
    put(f"{store}/lake/delivery/tags.csv", (folder / "tags.csv").read_bytes() + b"1,1,more,1100000000\n")
    refused = run(*verify, *settings(store))
    assert refused.returncode == 1
    assert "tags.csv: is not the file that the receipt was given for" in refused.stderr


def test_a_bucket_that_is_not_there_ends_in_one_sentence(store: str, tmp_path: Path) -> None:
    spark = ["--engine", "spark", "--spark-master", "local[2]", "--quiet", *settings(store)]
    done = run("run_checkpoint", "--data", "s3a://nowhere/delivery", "--output", str(tmp_path / "out"), *spark)
    assert done.returncode == 2
    assert "s3a://nowhere/delivery" in done.stderr.splitlines()[-1]
