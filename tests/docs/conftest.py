"""A browser for the tests of the pages, and a site made by three real runs over hostile deliveries."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from checks.docs import figures, findings, record
from checks.docs.drawing import Drawings
from checks.docs.figures import Figures
from checks.engine.suites import declared_suites
from checks.gate.terms import Status
from checks.gate.verdict import Verdict
from scripts import run_checkpoint
from tests import deliveries, verdicts
from tests.docs.tables import feature, trends, warehouse
from tests.docs.test_findings import user

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# Each would set window.ran, or leave the page, if it were taken for more than text.
HOSTILE_TITLES = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "</td></table></details></main></style></script><script>window.ran=1</script>",
    "[a film](javascript:window.ran=1)",
    "{{ 7 * 7 }}{% raw %}",
    '" onmouseover="window.ran=1',
    "\u202etxt.exe \u0007",
]
HOSTILE_FOLDER = "<img src=x onerror=window.ran=1>"


@dataclass
class Opened:
    """An open page with all that it did which a page of ours must not."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


@dataclass
class Visitor:
    """Opens files in a browser, one at a time, and listens."""

    browser: Browser
    context: BrowserContext | None = None

    def open(self, path: Path, scheme: str = "light", width: int = 1400) -> Opened:
        if self.context is not None:
            self.context.close()
        self.context = self.browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        opened = Opened(self.context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.console.append(message.text))
        opened.page.on("pageerror", lambda error: opened.console.append(str(error)))
        opened.page.on("dialog", lambda dialog: opened.console.append(f"dialog {dialog.message}"))
        opened.page.goto(path.as_uri())
        return opened


@pytest.fixture(scope="session")
def visitor(browser: Browser) -> Visitor:
    return Visitor(browser)


def hostile() -> dict[str, list[str]]:
    """A delivery whose failing rows hold every hostile string: film 1 has none of the blanks that the others have."""
    files = deliveries.clean()
    for place, title in enumerate(HOSTILE_TITLES, start=2):
        quoted = title.replace('"', '""')
        files["movies"][place] = f'{place},"  {quoted} ",Drama'
        files["tags"].append(f'1,{9000 + place},"{quoted}",{deliveries.START}')
    files["ratings"][3] = files["ratings"][3].replace(",", ",<svg/onload=window.ran=1>", 1)
    return files


def found() -> Figures:
    """Two flagged users who acted together and a drifted feature, in hostile words."""
    script, image = HOSTILE_TITLES[:2]
    effects = json.dumps([{"movieId": 7, "mean": 3.0, "mean_without": 4.0, "n_others": 3}])
    turned = f"{script} {HOSTILE_TITLES[-1]}"
    told = {"attack_group": image, "target_movies": "7", "target_shift": script, "evidence": turned}
    users = [user(number, "flagged", 9.0, movie_effects=effects, **told) for number in (1, 2)]
    drifted = feature(
        title=script,
        message=f"{image} {HOSTILE_TITLES[-1]} Statistic {script}",
        action=image,
        why=f"Watched: {script}",
        minimum_reason=image,
        severity="warning",
        cause=None,
    )
    tables = {
        "user_anomalies": pd.DataFrame([*users, user(3, "ok", 0.1)]),
        "drift_findings": pd.DataFrame([{"source_line": 2, **drifted, "recommendation": script}]),
        "movies": pd.DataFrame({"movieId": [7], "title": [image]}),
        "drift_trends": trends({script: "dd", image: "od"}),
    }
    with warehouse([(1, 7, 4.0, 0), (2, 7, 4.0, 0)], **tables) as loaded:
        drift = findings.drift(loaded)
        wanted = figures.charts(loaded, drift)
        return Figures({"users": findings.users(loaded), "drift": drift}, Drawings([one.as_dict() for one in wanted]))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data Docs with a pass, a run that could not be judged and, last, a real one that fails."""
    work = tmp_path_factory.mktemp("site")
    output = work / "out"
    good = verdicts.run(work, suites={"ratings": declared_suites()["ratings"]}, figures=found())
    passed = verdicts.outcome(status=Status.PASSED, rows=(), observed="0 of 4 rows (0 %)", unexpected_count=0)
    record.write(output / "data_docs", "20260301T120000.000000Z", good, Verdict((passed,)))
    lost = replace(good, problems={"ratings": "ratings.csv is not in the folder"}, sources={}, figures=None)
    record.write(output / "data_docs", "20260302T120000.000000Z", lost, lost.judge_suites({}))
    broken = deliveries.write(work / HOSTILE_FOLDER, hostile())
    run_checkpoint.main(["--data", str(broken), "--output", str(output), "--quiet"])
    return output / "data_docs"


def run_pages(site: Path) -> list[Path]:
    """The pages of the kept runs, oldest first."""
    return sorted(site.glob("runs/*/index.html"))
