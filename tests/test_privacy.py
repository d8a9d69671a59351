"""A run opens no connection, and what the data hold stays out of its log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import deliveries
from tests.conftest import ROOT

# An audit hook sees every connection that Python code makes, however deep in a library, and can't be taken off again.
FORBIDDEN = """import sys
def watch(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        print("NETWORK", event, file=sys.stderr)
        raise RuntimeError("no network")
sys.addaudithook(watch)
from scripts.run_checkpoint import main
raise SystemExit(main(sys.argv[1:]))"""


def test_whole_run_opens_no_connection_and_logs_no_data(tmp_path: Path) -> None:
    files = deliveries.clean()
    files["tags"][1] = f"1,1,a private word,{deliveries.START}"
    files["movies"][1] = "1,A private title (1971),Drama"
    folder = deliveries.write(tmp_path / "data", files)
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, "--data", folder, "--output", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr  # so small a delivery may leave the users undetermined
    assert "NETWORK" not in done.stderr
    assert "private" not in done.stderr + done.stdout
    assert (tmp_path / "out" / "data_docs" / "index.html").exists()
