"""How values are written on a page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from checks.docs import words


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("expect_column_values_to_be_between", {"min_value": 1}, "1 or more"),
        ("expect_column_values_to_be_between", {"max_value": 5000}, "at most 5,000"),
        ("expect_column_mean_to_be_between", {"min_value": 3.2, "max_value": 3.8}, "3.2 to 3.8"),
        ("expect_column_values_to_be_between", {"min_value": 1, "max_value": {"$PARAMETER": "now"}}, "1 to now"),
        (
            "expect_column_values_to_be_between",
            {"column": "timestamp", "min_value": 789609600, "max_value": {"$PARAMETER": "now"}},
            "1995-01-09 to now",
        ),
        (
            "expect_column_max_to_be_between",
            {"column": "timestamp", "min_value": {"$PARAMETER": "fresh_since"}},
            "the oldest day that --max-age allows or later",
        ),
        ("expect_column_max_to_be_between", {"column": "timestamp", "max_value": 10**18}, f"at most {10**18:,}"),
        ("expect_column_stdev_to_be_between", {"column": "timestamp", "min_value": 9}, "9 or more"),
        ("expect_column_values_to_be_in_set", {"value_set": [0.5, 1.0]}, "0.5, 1.0"),
        ("expect_table_columns_to_match_set", {"column_set": ["source_line", "movieId"]}, "movieId"),
        ("expect_column_values_to_match_regex", {"regex": "^a$"}, "a match of ^a$"),
        (
            "expect_column_values_to_not_match_regex",
            {"regex": "^a$", "mostly": 0.99},
            "no match of ^a$, in at least 99 % of rows",
        ),
        ("expect_column_values_to_not_be_null", {"column": "x"}, "a value in every row"),
        ("expect_column_values_to_be_unique", {"column": "x"}, "each value once"),
        ("expect_query_to_return_no_rows", {"unexpected_rows_query": "select 1"}, ""),
        ("expect_column_values_to_be_of_type", {"type_": "DOUBLE"}, "DOUBLE"),
        ("expect_something_new", {}, ""),
    ],
)
def test_what_is_expected_is_said_in_words(kind: str, arguments: dict[str, Any], said: str) -> None:
    assert words.expected(kind, arguments) == said


def test_long_lists_are_cut_short() -> None:
    said = words.expected("expect_column_values_to_be_in_set", {"value_set": list(range(20))})
    assert said.endswith("11 and 8 more")


def test_only_code_of_a_sentence_is_marked_up() -> None:
    assert words.inline("`rating` is <b>") == "<code>rating</code> is &lt;b&gt;"
    assert words.inline("one ` alone") == "one ` alone"


def test_dates_options_and_shares_are_kept_on_one_line() -> None:
    said = words.whole("2003-02 to 2018-09-24, --reference <b>: from -19.9 % to 1,000 %")
    assert str(said).replace('<span class="whole">', "[").replace("</span>", "]") == (
        "[2003-02] to [2018-09-24], [--reference] &lt;b&gt;: from [-19.9 %] to [1,000 %]"
    )


@pytest.mark.parametrize("text", [f"{'9' * 300} %", f"--{'a' * 300}", "1" * 300 + "2018-09-24", "a-2018-09-24-b"])
def test_no_text_of_the_data_is_kept_on_one_line_that_no_screen_holds(text: str) -> None:
    assert words.whole(text) == text


@given(st.text())
def test_cells_never_hold_markup_or_control_characters(text: str) -> None:
    shown = str(words.cell(text))
    kind = "text long" if len(words.printable(text)) > words.SHORT_CELL else "text"
    assert shown.startswith(f'<span class="{kind}">')
    inner = shown.removeprefix(f'<span class="{kind}">').removesuffix("</span>")
    assert inner == str(escape(words.printable(text)[: words.LONGEST_CELL])) or inner.endswith("…")
    assert "<" not in inner


def test_cells_tell_missing_from_empty_and_text_from_numbers() -> None:
    assert words.cell(None) == '<span class="missing">missing</span>'
    assert words.cell("") == '<span class="text"></span>'
    assert words.cell(7.5) == '<span class="number">7.5</span>'


@pytest.mark.parametrize(
    ("suite", "severity", "counted", "said"),
    [
        ("ratings", "critical", "rows", "the quarantine and the warehouse"),
        ("ratings", "critical", "users", "the warehouse"),
        ("movies", "warning", "rows", "the warehouse"),
        ("user_anomalies", "critical", "users", "user_statistics_with_anomalies.csv"),
    ],
)
def test_rows_that_are_not_shown_are_where_it_is_said(suite: str, severity: str, counted: str, said: str) -> None:
    """The quarantine holds rows of the delivery that break a critical rule, and no others."""
    assert words.elsewhere({"suite": suite, "severity": severity, "counted": counted}) == said


def test_a_path_is_broken_behind_its_slashes() -> None:
    assert words.folder("/a/<b>/c d") == '<span class="text">/<wbr>a/<wbr>&lt;b&gt;/<wbr>c d</span>'
    assert words.folder("s3://a") == '<span class="text">s3://<wbr>a</span>'
    assert words.folder("") == '<span class="text"></span>'
    assert "…" in words.folder("x" * 300)


def test_notes_are_markdown_without_html_or_scripts() -> None:
    said = words.markdown("*Look* at [x](javascript:alert(1)) <script>alert(1)</script>")
    assert "<em>Look</em>" in said
    assert "<script" not in said
    assert "javascript:" not in said.split("</a>")[0]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([], ""),
        ([None, None], ""),
        ([1.0], "M0.0,14.0h0"),
        ([1.0, 1.0], "M0.0,14.0h0 L120.0,14.0"),
        ([0.0, None, 1.0], "M0.0,26.0h0 M120.0,2.0h0"),
    ],
)
def test_sparklines_have_gaps_where_nothing_is_known(values: list[float | None], path: str) -> None:
    assert words.sparkline(values) == path


def facts(verdict: str, **causes: str) -> dict[str, Any]:
    lost = [{"suite": suite, "status": "undetermined", "cause": cause} for suite, cause in causes.items()]
    return {"verdict": verdict, "why": "5 expectations could not be judged.", "expectations": lost}


def test_a_question_without_an_answer_names_the_cause_that_the_verdict_does_not() -> None:
    honest = {"question": "Are the users honest?", "decision": "undetermined", "why": "17 could not be judged."}
    lost = {"tags": "tags.csv is not there", "user_anomalies": "no column rating"}
    assert words.answered(honest, facts("fail", **lost)) == "No column rating. 17 could not be judged."
    assert words.answered(honest, facts("undetermined", **lost)) == "17 could not be judged."
    assert words.reason(facts("undetermined", **lost)).startswith("tags.csv is not there; no column rating. 5 ")


def test_a_question_that_passes_says_what_is_to_be_read() -> None:
    passed = {
        "question": "Are the users honest?",
        "decision": "pass",
        "why": "Nothing critical failed; 1 info to read.",
    }
    assert words.answered(passed, facts("pass")) == "1 info to read."


def test_a_reason_begins_with_a_capital_but_a_files_name_keeps_its_own() -> None:
    assert words.reason(facts("undetermined", movies="film ids differ")).startswith("Film ids differ. 5 ")
    assert words.reason(facts("undetermined", movies="movies.csv is damaged")).startswith("movies.csv is damaged. 5 ")


def test_a_value_without_neighbours_is_told_from_the_line() -> None:
    """Of runs of which every other could not be judged, a dot as thick as the line was all that was drawn."""
    path = words.sparkline([0.0, None, 1.0, 1.0, None, 0.0])
    assert words.alone(path) == "M0.0,26.0h0 M120.0,26.0h0"
    assert words.alone(words.sparkline([1.0, 2.0])) == ""


def test_numbers_are_written_short() -> None:
    assert [words.number(value) for value in (None, 0, 100836, 0.08123, 604.25, 999.6, -1234.5)] == [
        "–",
        "0",
        "100,836",
        "0.0812",
        "604",
        "1,000",
        "-1,234",
    ]


def found(counted: str, count: int, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"counted": counted, "unexpected_count": count, "rows": [{"values": row} for row in rows]}


@pytest.mark.parametrize(
    ("one", "named"),
    [
        (found("users", 27, *({"userId": number} for number in (642, 641, 9, 5))), "642, 641, 9 and 24 more"),
        (found("users", 1, {"userId": "u7c58928dfee7"}), "u7c58928dfee7"),
        (found("features", 2, {"feature": "gap", "message": "Times between ratings: drifted."}, {"feature": "hour"}),
         "Times between ratings, hour"),
        (found("features", 1, {"feature": "a\u202eb", "message": "no title"}), "a\N{REPLACEMENT CHARACTER}b"),
        (found("rows", 3, {"userId": 1}), ""),
        (found("users", 2, {"n_ratings": 1}), ""),
    ],
)  # fmt: skip
def test_users_and_features_are_called_by_name(one: dict[str, Any], named: str) -> None:
    assert words.names(one) == named


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("fewer than 30 users", "Fewer than 30 users."),
        ("tags.csv is not in data/x.", "tags.csv is not in data/x."),
        ("user_anomalies has no row", "user_anomalies has no row."),
        ("", "."),
    ],
)
def test_a_cause_is_a_sentence_and_a_files_name_stays_as_it_is(cause: str, said: str) -> None:
    assert words.sentence(cause) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(0.0615, "share", "6.15 %"), (7.99, "years", "7.99 years"), (None, "years", "–"), (0.2, None, "0.2")],
)
def test_amounts_are_told_with_their_unit(value: float | None, unit: str | None, said: str) -> None:
    assert words.amount(value, unit) == said
