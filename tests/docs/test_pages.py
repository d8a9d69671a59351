"""The site in a real browser: what it loads, what it shows, and that nothing of the data runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checks.docs.view import POLICY
from tests.conftest import ROOT
from tests.docs.conftest import HOSTILE_TITLES, Visitor, run_pages

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def every_kind(site: Path) -> list[Path]:
    """One page of each kind: with failures, and with flagged users and drift."""
    results = sorted(site.glob("validations/movies/*/*/*.html"))
    found, *_, failed = run_pages(site)
    return [site / "index.html", failed, found, results[-1], site / "expectations" / "movies.html"]


def test_every_kind_of_page_is_there(site: Path) -> None:
    assert all(page.is_file() for page in every_kind(site))
    assert len(run_pages(site)) == 3
    assert len(list(site.glob("validations/*/*/*/*.html"))) >= 5


def test_pages_ask_for_nothing_but_files_and_are_silent(site: Path, visitor: Visitor) -> None:
    for page in every_kind(site):
        opened = visitor.open(page)
        assert opened.console == []
        assert {url.split(":")[0] for url in opened.requests} <= {"file", "data"}
        assert any(url.endswith("static/script.js") for url in opened.requests)
        assert opened.page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") != "32px"


def test_pages_declare_the_policy_and_keep_it(site: Path, visitor: Visitor) -> None:
    opened = visitor.open(site / "index.html")
    declared = opened.page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert declared == POLICY
    inline = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    opened.page.evaluate(inline)
    assert opened.page.evaluate("window.ran") is None


def test_landing_page_answers_in_one_screen(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html").page
    assert page.locator("h1").inner_text() == "The delivery fails"
    assert page.locator(".questions h2").all_inner_texts() == [
        "Are the rows right?",
        "Are the users honest?",
        "Has the world moved?",
    ]
    assert page.locator(".questions a").first.get_attribute("href") == "#failures"
    assert "users flagged" not in page.locator(".questions li").nth(1).inner_text(), "of four none could be judged"
    first = page.locator(".brief").first
    assert "critical" in first.inner_text()
    assert "What to do" in first.inner_text()
    assert first.bounding_box()["y"] < 900
    assert page.locator(".files tbody tr").count() == 4
    assert page.locator(".trends li").count() >= 2
    assert page.locator("#charts").locator("xpath=..").locator("svg[role=img]").count() >= 4


def test_all_texts_of_the_landing_page_begin_on_one_line(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html", width=1000).page
    left = "all => [...new Set(all.map(one => Math.round(one.getBoundingClientRect().left)))]"
    texts = page.locator(".brief .line > a, .brief > p")
    assert len({one.inner_text() for one in page.locator(".brief .badge").all()}) > 1, "of several widths"
    assert len(texts.evaluate_all(left)) == 1


def test_landing_page_lists_runs_newest_first_and_filters_them(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html").page
    rows = page.locator("tr[data-verdict]")
    shown = lambda: [row.get_attribute("data-verdict") for row in rows.all() if row.is_visible()]  # noqa: E731
    assert shown() == ["fail", "undetermined", "pass"]
    for verdict in ("pass", "fail", "undetermined"):
        page.locator(f"label:has(#show-{verdict})").click()
        assert shown() == [verdict]
    page.locator("label:has(#show-all)").click()
    assert len(shown()) == 3


def test_filter_says_when_nothing_is_left(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html").page
    page.evaluate("document.querySelectorAll('tr[data-verdict=pass]').forEach(row => row.remove())")
    page.locator("label:has(#show-pass)").click()
    assert page.get_by_text("No kept run has this verdict.").is_visible()


def test_no_two_parts_of_the_landing_page_have_one_name(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html").page
    names = page.evaluate("""[...document.querySelectorAll('section[aria-labelledby], [role=region]')].map(one =>
        one.getAttribute('aria-label') ?? document.getElementById(one.getAttribute('aria-labelledby')).innerText)""")
    assert len(names) > 5
    assert len(names) == len(set(names))


def test_listed_failures_lead_to_their_rows(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html").page
    page.get_by_role("link", name="Every title ends in its year").click()
    page.wait_for_url("**/runs/*/index.html#movies-*")
    target = page.locator(".finding:target")
    assert "movies.csv:3" in target.inner_text()
    assert target.locator("tbody tr").count() == len(HOSTILE_TITLES)
    assert target.locator("tbody tr").first.is_visible(), "a link into a folded finding opens it"


def test_what_stops_the_delivery_is_open_and_the_rest_is_a_line_each(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[-1]).page
    assert page.locator("article.finding.critical").count() >= 1
    assert page.locator("article.finding.warning, article.finding.info").count() == 0
    folded = page.locator("details.finding.warning:has(tbody)").first
    rows = folded.locator("tbody tr").first
    assert not rows.is_visible()
    folded.locator("summary").first.click()
    assert rows.is_visible()


def test_what_was_found_comes_before_the_rule_that_it_breaks(site: Path, visitor: Visitor) -> None:
    titles = visitor.open(run_pages(site)[-1]).page.locator(".finding h3").all_inner_texts()
    found = next(title for title in titles if title.endswith("No title begins or ends with a blank."))
    assert found.startswith(f"{len(HOSTILE_TITLES)} of ")
    assert " against the rule: " in found


def test_a_long_list_of_rows_shows_five_and_opens_the_rest(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[-1]).page
    finding = page.locator(".finding", has_text="No title begins or ends with a blank.").first
    finding.locator("summary").first.click()
    assert [row.is_visible() for row in finding.locator("tbody tr").all()] == [True] * 5 + [False] * 2
    finding.locator(".further summary").press("Enter")
    finding.locator(".further").wait_for(state="detached")
    assert [row.is_visible() for row in finding.locator("tbody tr").all()] == [True] * 7
    assert finding.locator("table").count() == 1, "a second would repeat the head, its columns of other widths"
    assert page.evaluate("document.activeElement.rowIndex") == 6, "the keyboard goes on at the first row that opened"


def test_only_what_scrolls_is_a_stop_for_the_keyboard(site: Path, visitor: Visitor) -> None:
    stops = """[...document.querySelectorAll('.scroll')].filter(
        one => one.clientWidth && (one.tabIndex === 0) !== (one.scrollWidth > one.clientWidth)).length"""
    counts = [
        visitor.open(path, width=width).page.evaluate(stops) for path in every_kind(site) for width in (400, 1400)
    ]
    assert set(counts) == {0}


def test_every_link_leads_somewhere_and_every_suites_page_is_linked(site: Path, visitor: Visitor) -> None:
    linked = set()
    for path in [site / "index.html", *run_pages(site)]:
        page = visitor.open(path).page
        ids = set(page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)"))
        for link in page.evaluate("[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))"):
            target, _, fragment = link.partition("#")
            if target:
                linked.add((path.parent / target).resolve())
            else:
                assert fragment in ids, (path, link)
    assert all(target.is_file() for target in linked)
    assert set(map(Path.resolve, site.glob("validations/*/*/*/*.html"))) <= linked


def test_hostile_strings_are_shown_as_text_and_run_nothing(site: Path, visitor: Visitor) -> None:
    for path in every_kind(site):
        opened = visitor.open(path)
        assert opened.page.evaluate("window.ran") is None
        assert opened.page.locator("script").count() == 1
        assert opened.page.locator("main img, main a[href^=javascript]").count() == 0
        assert opened.page.locator("[onerror], [onload], [onmouseover], [onclick]").count() == 0
    run = visitor.open(run_pages(site)[-1]).page
    cells = [text.strip() for text in run.locator(".finding td .text").all_text_contents()]
    for title in HOSTILE_TITLES[:-1]:
        assert any(title in cell for cell in cells), title
    assert any("\N{REPLACEMENT CHARACTER}txt.exe" in cell for cell in cells)
    assert "<img src=x onerror=window.ran=1>" in run.locator(".verdict .eyebrow").inner_text()


def test_no_character_of_the_data_turns_the_text_round(site: Path) -> None:
    for path in every_kind(site):
        assert not set("\u202a\u202b\u202d\u202e\u2066\u2067") & set(path.read_text(encoding="utf-8")), path


def test_flagged_users_and_drift_are_told_in_words_and_pictures(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[0]).page
    assert "2 of 3 users flagged, 1 attack." in page.locator(".questions li").nth(1).inner_text()
    assert "1 of 1 feature moved." in page.locator(".questions li").nth(2).inner_text()
    assert "2 flagged, 0 to review, 1 ordinary" in page.locator("#users ~ .lead").inner_text()
    assert "2 users acted together" in page.locator(".group").inner_text()
    assert HOSTILE_TITLES[1] in page.locator(".group .text").inner_text(), "a title is marked as of the data"
    card = page.locator("#user-1")
    assert "Nine in ten" in card.inner_text()
    assert "Mean rating (stars)\t3.50\t3.50 to 3.50\t3.50" in card.inner_text()
    assert "3.00 now, 4.00 without (3 others)" in card.inner_text()
    assert page.locator(".drift tbody tr").count() == 1
    assert page.locator(".drift details").text_content() == (
        f"Why it is watchedWatched: {HOSTILE_TITLES[0]} The smallest effect that matters is 0.02 ({HOSTILE_TITLES[1]})."
    )
    assert page.get_by_role("img", name="Effect as a multiple of the smallest that matters").count() == 1
    assert page.get_by_role("img", name=f"{HOSTILE_TITLES[0]}, reference and current").count() == 1
    assert (
        page.get_by_role("img", name=f"Drifted, by year from 2016 to 2017: {HOSTILE_TITLES[0]}: since 2016").count()
        == 1
    )


def test_what_could_not_be_judged_is_told_once_and_unlike_a_failure(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[1]).page
    assert page.locator("h1").inner_text() == "The delivery could not be judged"
    first = page.locator(".finding").first
    assert first.get_attribute("class").split() == ["finding", "undetermined", "critical"]
    assert first.locator("h3").inner_text() == "ratings.csv is not in the folder."
    rules = len(json.loads((ROOT / "gx/expectations/ratings.json").read_text(encoding="utf-8"))["expectations"])
    assert f"So {rules} expectations of ratings could not be judged." in first.inner_text()
    assert page.locator(".verdict .why").inner_text().startswith("ratings.csv is not in the folder; the")
    assert "No time span: no ratings were read" in page.locator("main").inner_text()
    row = visitor.open(site / "index.html").page.locator("tr[data-verdict=undetermined]")
    told = f"ratings.csv is not in the folder, and 1 more cause. {rules + 6} expectations"  # and six that read ratings
    assert told in row.inner_text()


@pytest.mark.parametrize("width", [400, 1400])
def test_no_page_is_wider_than_the_screen(site: Path, visitor: Visitor, width: int) -> None:
    for path in every_kind(site):
        page = visitor.open(path, width=width).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_list_of_runs_needs_no_scrolling_on_a_tablet_and_leaves_the_reason_its_width(
    site: Path, visitor: Visitor
) -> None:
    page = visitor.open(site / "index.html", width=768).page
    folder = (
        "const it = document.createElement('span'); it.className = 'text'; it.innerHTML = '/tmp/<wbr>a-folder/<wbr>of';"
    )
    page.evaluate(f"document.querySelectorAll('.runs .folder').forEach(one => {{ {folder} one.replaceChildren(it) }})")
    assert page.locator(".runs .scroll").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.locator(".runs tbody td:nth-child(3)").first.bounding_box()["width"] > 150
    first = page.locator(".runs tbody th a").first
    assert first.evaluate("one => one.getClientRects().length") >= 2, "day over time"


def test_on_a_phone_a_run_is_its_verdict_over_the_reason(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html", width=400).page
    reason = page.locator("tr[data-verdict=undetermined] td:nth-child(3)")
    reason.evaluate("one => one.textContent = 'drift_findings, user_anomalies'.repeat(9)")
    assert page.locator(".runs .scroll").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert reason.bounding_box()["width"] > 300
    page.locator("label:has(#show-fail)").click()
    assert not reason.is_visible()


def test_on_a_phone_a_row_is_a_list_and_no_row_scrolls_sideways(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[-1], width=400).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    sideways = "them => them.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(".finding .scroll").evaluate_all(sideways) == []
    wide = page.locator(".finding .rows.wide td[data-column]").first
    named = wide.evaluate("one => getComputedStyle(one, '::before').content")
    assert named == f'"{wide.get_attribute("data-column")}"', "each value says of which column it is"


def test_a_short_word_beside_sentences_is_not_broken(site: Path, visitor: Visitor) -> None:
    words = """[...document.querySelectorAll('.rows tr:has(.long) .text:not(.long)')]
        .filter(one => one.textContent && !/[^a-z_]/.test(one.textContent))
        .map(one => Math.round(one.getBoundingClientRect().height))"""
    heights = [h for path in every_kind(site) for h in visitor.open(path, width=1400).page.evaluate(words)]
    assert len(set(heights)) == 1, heights  # all have one line


def test_a_value_stands_beside_its_place(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[-1], width=1400).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    gaps = """[...document.querySelectorAll('.rows tbody tr')].map(row => {
        const text = document.createRange();
        text.selectNodeContents(row.cells[0]);
        return row.cells[1].getBoundingClientRect().left - text.getBoundingClientRect().right;
    })"""
    found = page.evaluate(gaps)
    assert found
    assert max(found) < 200


@pytest.mark.parametrize("width", [600, 768, 1400])
def test_a_long_value_leaves_a_rule_its_width(site: Path, visitor: Visitor, width: int) -> None:
    page = visitor.open(run_pages(site)[-1], width=width).page
    page.evaluate("document.querySelectorAll('.suite').forEach(one => one.open = true)")
    page.evaluate("document.querySelectorAll('.observed').forEach(one => one.textContent = 'column, '.repeat(40))")
    rules = page.locator(".expectations .sentence").evaluate_all("them => them.map(one => one.offsetWidth)")
    assert min(rules) > width / 4


@pytest.mark.parametrize("width", [400, 1400])
def test_a_genre_of_one_endless_word_does_not_widen_the_features(site: Path, visitor: Visitor, width: int) -> None:
    page = visitor.open(run_pages(site)[0], width=width).page
    page.evaluate("document.querySelector('.drift td:nth-child(2)').prepend('G'.repeat(300))")
    table = page.locator(".scroll:has(.drift)")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_paper_is_white_whatever_the_screen(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "index.html", scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.questions li')).color") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--fail-soft')") == "#fbe8df"


def test_no_cell_runs_into_the_next_on_paper(site: Path, visitor: Visitor) -> None:
    overfull = """[...document.querySelectorAll('th, td')].filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => one.textContent)"""
    for path in every_kind(site):
        page = visitor.open(path, width=690).page  # A4 between its margins
        page.emulate_media(media="print")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate(overfull) == [], path


def test_no_word_of_a_heading_is_broken_on_paper(site: Path, visitor: Visitor) -> None:
    broken = """[...document.querySelectorAll('thead th, .trends .value')].flatMap(one => {
        const text = document.createTreeWalker(one, NodeFilter.SHOW_TEXT), found = [];
        while (text.nextNode()) for (const word of text.currentNode.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(text.currentNode, word.index);
            range.setEnd(text.currentNode, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) found.push(word[0]);
        }
        return found;
    })"""
    for path in every_kind(site):
        page = visitor.open(path, width=690).page
        page.emulate_media(media="print")
        assert page.evaluate(broken) == [], path


def test_paper_shows_nothing_that_only_a_click_would_open(site: Path, visitor: Visitor) -> None:
    page = visitor.open(site / "expectations" / "movies.html").page
    query = page.get_by_text("The query that looks for rows that break it").first
    assert query.is_visible()
    page.emulate_media(media="print")
    assert not query.is_visible()
    rule = "getComputedStyle(document.querySelector('.finding.rule')).breakInside"
    assert page.evaluate(rule) == "avoid"


def test_cards_side_by_side_are_alike_in_height_and_in_where_their_measures_begin(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[0], width=1400).page
    page.evaluate("document.querySelector('.cards > .chart').remove()")  # beside which the first card stands
    page.evaluate("document.querySelector('.user .said').append('More evidence. '.repeat(60))")
    tops = page.locator(".user .compared").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    heights = page.locator(".user").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert len(tops) == 2
    assert len(set(tops)) == len(set(heights)) == 1


def test_on_paper_a_users_card_is_wide_and_low(site: Path, visitor: Visitor) -> None:
    """Two high ones beside each other left the rest of each page empty."""
    page = visitor.open(run_pages(site)[0], width=690).page  # A4 between its margins
    page.emulate_media(media="print")
    card, said, compared = (page.locator(f".user {part}").first.bounding_box() for part in ("h3", ".said", ".compared"))
    cards = page.locator(".cards").first.bounding_box()
    assert None not in (card, said, compared, cards)
    assert card["width"] > 0.9 * cards["width"]
    assert said["x"] + said["width"] <= compared["x"]


def test_paper_says_of_no_cards_that_they_are_more(site: Path, visitor: Visitor) -> None:
    """They stand there; the line that unfolds them on a screen ended a page without them."""
    page = visitor.open(run_pages(site)[0]).page
    page.evaluate("""document.querySelector('#users').parentElement.insertAdjacentHTML('beforeend',
        '<details class="further users" open><summary>9 more users</summary><p>cards</p></details>')""")
    page.emulate_media(media="print")
    assert not page.get_by_text("9 more users").is_visible()
    assert page.get_by_text("cards", exact=True).is_visible()


def test_what_was_found_is_opened_for_paper(site: Path, visitor: Visitor) -> None:
    page = visitor.open(run_pages(site)[-1]).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".finding[open]").count() == page.locator("details.finding").count() > 0
    long = page.locator(".finding", has_text="No title begins or ends with a blank.").first
    assert (long.locator("thead").count(), long.locator("tbody tr").count()) == (1, len(HOSTILE_TITLES))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(site: Path, visitor: Visitor, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm install --no-save axe-core@4)")
    for path in every_kind(site)[: 3 if scheme == "dark" else 5]:  # colours are shared by all
        page = visitor.open(path, scheme=scheme).page
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = page.evaluate("rules => axe.run({runOnly: rules}).then(r => r.violations)", RULES)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
