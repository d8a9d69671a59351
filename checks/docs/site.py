"""GX's site builder with our pages: those of a run are made once, those of older runs are kept as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from great_expectations.checkpoint.actions import DataDocsAction
from great_expectations.core import ExpectationSuite
from great_expectations.data_context.store.html_site_store import SiteSectionIdentifier
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier
from great_expectations.render.renderer.site_builder import (
    DefaultSiteIndexBuilder,
    DefaultSiteSectionBuilder,
    SiteBuilder,
)

from checks import run
from checks.docs import record
from checks.docs.renderers import RunRenderer
from checks.docs.view import SCRIPT, PageView
from checks.results import history, outputs
from checks.results.retention import HISTORY

TREND_RUNS = 60  # as many as a small line shows


class BuildDataDocs(DataDocsAction):
    """Keep the run's record and build the site once, where GX's own action builds it once for each suite."""

    type: Literal["movielens_data_docs"] = "movielens_data_docs"
    site_names: list[str] = []  # noqa: RUF012  GX's models are Pydantic's, which copies it

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        current = run.current()
        results = checkpoint_result.run_results
        run_id = f"{checkpoint_result.run_id.run_time:{record.RUN_ID}}"
        site = current.output / "data_docs"
        suites = [ExpectationSuiteIdentifier(name=one.suite_name) for one in results.values()]
        with current.phases.phase(self.name):
            record.write(site, run_id, current, current.judge(checkpoint_result))
            built = self._build_data_docs(site_names=self.site_names, resource_identifiers=[*results, *suites])
        return {"sites": built}


class RunsSiteBuilder(SiteBuilder):
    """Builds suite and result pages by GX's section builders, then the pages of runs and the landing page."""

    def build(self, resource_identifiers: Any = None, build_index: bool = True) -> tuple[Any, Any]:
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        assets = self.target_store.store_backends["static_assets"]
        assets.set(
            ("static", SCRIPT.name), SCRIPT.read_bytes(), content_encoding="utf-8", content_type="text/javascript"
        )
        self.site_index_builder.remake = resource_identifiers is None
        page, links = self.site_index_builder.build(build_index=build_index)
        return page, links


class SectionBuilder(DefaultSiteSectionBuilder):
    """A page for each suite, or for each stored result. GX's own leaves out a page that fails, and logs it."""

    def build(self, resource_identifiers: Any = None) -> None:
        for key in self.source_store.list_keys():
            if resource_identifiers is None or key in resource_identifiers:
                page = self.view_class.render(self.renderer_class.render(self._resource(key)))
                self.target_store.set(SiteSectionIdentifier(self.name, key), page)

    def _resource(self, key: Any) -> Any:
        stored = self.source_store.get(key)
        return ExpectationSuite(**stored) if isinstance(key, ExpectationSuiteIdentifier) else stored


class LandingPageBuilder(DefaultSiteIndexBuilder):
    """The landing page and the pages of runs, from the records that the site keeps.

    Reads no validation result, so its time does not grow with their number.
    """

    remake = False  # also the pages of runs that have one

    def build(self, skip_and_clean_missing: bool = True, build_index: bool = True) -> tuple[Any, Any]:  # noqa: ARG002
        site = Path(self.target_store.store_backends["index_page"].full_base_directory)
        kept = list(record.records(site))
        for one in kept:
            if self.remake or not one.page.exists():
                outputs.write_text(one.page, PageView().render(RunRenderer().render(one)))
        if not build_index:
            return None, None
        courses = history.trends(site.parent / HISTORY, TREND_RUNS)
        page = self.view_class.render(self.renderer_class.render(kept, courses))
        return self.target_store.write_index_page(page), {"runs": [one.id for one in kept]}
