"""The actions of the checkpoint: each writes one result of the run. They decide nothing; `checks.gate` does.

Great Expectations registers an action when its class is made, and finds it by the `type` that
`gx/checkpoints/movielens.json` names, so this module is imported before the project is opened.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from great_expectations.checkpoint.actions import ValidationAction

from checks.gate.terms import Decision
from checks.gate.verdict import Verdict
from checks.results import outputs, receipt
from checks.results.changes import since_last_run
from checks.results.retention import HISTORY
from checks.run import Run, current


class RunAction(ValidationAction):
    """An action that knows the run under way and its verdict."""

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        under_way = current()
        with under_way.phases.phase(self.name):
            self.act(under_way.judge(checkpoint_result), under_way)
        return {}

    @abstractmethod
    def act(self, verdict: Verdict, under_way: Run) -> None:
        """Write this action's result into `under_way.output`."""


class HistoryAction(ValidationAction):
    """Adds the run to `history.duckdb`, by the time that names its results and pages; stands before what reads it.

    GX runs its own `update_data_docs`, and whatever derives from it, before all other actions.
    """

    type: Literal["record_history"] = "record_history"

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        from checks.results import history

        under_way, (_, run_id) = current(), checkpoint_result.run_id.to_tuple()
        with under_way.phases.phase(self.name):
            history.record(under_way.output / HISTORY, under_way, under_way.judge(checkpoint_result), run_id)
        return {}


class ReportAction(RunAction):
    """Writes one report, text or what JSON can hold, into the file of its type in `outputs.REPORTS`.

    A name is no setting: a file that the checkpoint's JSON had renamed would be neither guarded nor taken away.
    """

    @abstractmethod
    def report(self, verdict: Verdict, under_way: Run) -> Any:
        """The report's content."""

    def act(self, verdict: Verdict, under_way: Run) -> None:
        content = self.report(verdict, under_way)
        write = outputs.write_text if isinstance(content, str) else outputs.write_json
        write(under_way.output / outputs.REPORTS[self.type], content)


class JUnitAction(ReportAction):
    """Writes `junit.xml`."""

    type: Literal["junit"] = "junit"

    def report(self, verdict: Verdict, under_way: Run) -> str:
        from checks.reports.junit import junit

        return junit(verdict, under_way)


class SarifAction(ReportAction):
    """Writes `results.sarif`."""

    type: Literal["sarif"] = "sarif"

    def report(self, verdict: Verdict, under_way: Run) -> Any:
        from checks.reports.sarif import sarif

        return sarif(verdict, under_way)


class GitLabAction(ReportAction):
    """Writes GitLab's code quality report."""

    type: Literal["gitlab_code_quality"] = "gitlab_code_quality"

    def report(self, verdict: Verdict, under_way: Run) -> Any:
        from checks.reports.gitlab import code_quality

        return code_quality(verdict, under_way)


class BadgeAction(ReportAction):
    """Writes `badge.json`."""

    type: Literal["badge"] = "badge"

    def report(self, verdict: Verdict, under_way: Run) -> str:
        from checks.reports.badge import badge

        return badge(verdict, under_way)


class MarkdownAction(RunAction):
    """Writes `report.md`; on GitHub Actions also the step's summary and annotations."""

    type: Literal["markdown_report"] = "markdown_report"

    def act(self, verdict: Verdict, under_way: Run) -> None:
        from checks.reports import github
        from checks.reports.markdown import report

        text = report(verdict, under_way)
        outputs.write_text(under_way.output / outputs.REPORTS[self.type], text)
        if github.on_github():
            under_way.announce(lambda: github.add_step_summary(text))
            under_way.announce(lambda: print(*github.annotate(verdict, under_way), sep="\n", flush=True))


class QuarantineAction(RunAction):
    """Writes `quarantine/<table>.csv` and `validated/<table>.parquet`; stands before the receipt, which hashes them.

    `compression` is Parquet's (zstd, snappy, lz4, uncompressed).
    """

    type: Literal["quarantine"] = "quarantine"
    datasource: str = "warehouse"
    compression: Literal["zstd", "snappy", "lz4", "uncompressed"] = "zstd"

    def act(self, verdict: Verdict, under_way: Run) -> None:
        from checks.results import quarantine

        if under_way.spark is not None:
            self._part_on_spark(verdict, under_way)
            return
        # GX's own connection: DuckDB opens a file once a process, with one configuration.
        engine = self._resolve_context().context.data_sources.get(self.datasource).get_execution_engine().engine
        with engine.connect() as connection:

            def execute(text: str) -> Sequence[Sequence[Any]]:
                return connection.exec_driver_sql(text).fetchall()

            quarantine.part(verdict, under_way, execute, self.compression)

    def _part_on_spark(self, verdict: Verdict, under_way: Run) -> None:
        from checks.spark import quarantine as spark_quarantine

        if spark_quarantine.is_here(under_way.spark.spark):  # the command says that nothing is parted on a cluster
            spark_quarantine.part(verdict, under_way, self.compression)


class ReceiptAction(RunAction):
    """Writes `receipt.json` where the verdict is a pass; stands behind the actions whose files it hashes."""

    type: Literal["write_receipt"] = "write_receipt"

    def act(self, verdict: Verdict, under_way: Run) -> None:
        receipt.write(under_way, verdict)


class AlertAction(RunAction):
    """Sends one message a run to the addresses in the environment, once the results are published.

    `notify_on`: the least severity of a failure that is worth a message, or `always`.
    """

    type: Literal["alert"] = "alert"
    notify_on: Literal["critical", "warning", "info", "always"] = "critical"

    def act(self, verdict: Verdict, under_way: Run) -> None:
        from checks.reports import alerts

        to = alerts.addresses()
        if to and alerts.concerns(verdict, self.notify_on):
            title, text = alerts.message(verdict, under_way, since_last_run(verdict, under_way))
            under_way.announce(lambda: _send(title, text, to, verdict.decision))


def _send(title: str, text: str, to: Sequence[str], decision: Decision) -> None:
    from checks.reports import alerts

    for fault in alerts.send(title, text, to, decision):
        print(f"Alert: {fault}; the verdict stands.", file=sys.stderr)
