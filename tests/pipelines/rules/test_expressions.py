"""Expressions find what they say in a page, as found, and refuse what is none of their language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.page.page import Page, find_json
from pipelines.rules.expressions import ExpressionError, compile_expression, find_first, iter_records

HTML = """<html><body><h1> The <b>tide</b> </h1><small>(GMT+8) 2026-03-04</small>
<div class=story><p>One</p><p>Two</p></div><footer><a href=x>返回港口新闻</a></footer></body></html>"""
JSON = (
    '{"content": "<p>x</p>", "n": 7, "deep": {"list": ["by 回环时报。", true]}, "records": [{"id": "1"}, {"id": 2}, 3]}'
)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("h1", [" The tide "]),
        ("css:div.story p", ["One", "Two"]),
        ("xpath://small/text()", ["(GMT+8) 2026-03-04"]),
        ("xpath:string(//h1)", [" The tide "]),
        ("html:div.story", ["<p>One</p><p>Two</p>"]),
        ("outer:xpath://p", ["<p>One</p>\n<p>Two</p>"]),
        (r"regex:返回(.+?)新闻", ["港口"]),
        (r"url:/(\d{4})/", ["2026"]),
        ("nav", []),
    ],
)
def test_html_expressions(expression: str, found: list[str]) -> None:
    assert compile_expression(expression).find_all(Page(HTML, "http://x/2026/a.html")) == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("text || content", ["<p>x</p>"]),
        ("json:n", ["7"]),
        ("deep.list", ["by 回环时报。"]),
        ("regex:by (.+?)。", ["回环时报"]),
        ("missing", []),
    ],
)
def test_json_expressions(expression: str, found: list[str]) -> None:
    assert compile_expression(expression, of_json=True).find_all(Page(JSON, "http://x/")) == found


def test_the_first_expression_that_finds_anything_speaks() -> None:
    rules = [compile_expression(text) for text in ("nav", "small", "h1")]
    assert find_first(rules, Page(HTML, "http://x/")) == ["(GMT+8) 2026-03-04"]


def test_a_listing_is_read_entry_by_entry() -> None:
    records = iter_records(compile_expression("records", of_json=True), Page(JSON, "http://x/"))
    identifier = compile_expression("id", of_json=True)
    assert [identifier.find_all(record) for record in records] == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("\ufeff [1] ", [1]),
        ('jQuery183_1("x")', None),
        ('callback({"a": 1});', {"a": 1}),
        ('var ajaxResult={"a": 1};', {"a": 1}),
        ('window["data"] = [1]', [1]),
        ("<html>{}</html>", None),
        ("{broken", None),
        ("[" * 100_000, None),
    ],
)
def test_json_is_found_bare_and_wrapped(text: str, value: object) -> None:
    assert find_json(text) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("h1[", "a CSS selector"),
        ("xpath://[", "an XPath expression"),
        ("regex:(", "a regular expression"),
        ("json:a..b", "a JMESPath expression"),
        ("html:xpath://[", "a CSS selector"),
    ],
)
def test_a_bad_expression_says_which_language_refused_it(expression: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        compile_expression(expression)


@given(st.text(max_size=200))
def test_any_text_is_a_page(text: str) -> None:
    page = Page(text, "http://x/")
    for expression in ("h1", "xpath://p", "html:body", "regex:(x)", "json:a"):
        assert isinstance(compile_expression(expression).find_all(page), list)
