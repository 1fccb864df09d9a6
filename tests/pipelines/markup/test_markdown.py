"""A body as Markdown says what the body says: a reader of CommonMark is the judge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.markup.markdown import build_markdown
from pipelines.markup.sanitise import find_text, normalise_body

READER = MarkdownIt("commonmark").enable("table")

CASES = [
    ("", ""),
    ("<p>One <b>two</b> <em>three</em></p><p>Four</p>", "One **two** *three*\n\nFour"),
    ('<p>See <a href="http://e.example/a">this</a></p>', "See [this](<http://e.example/a>)"),
    ("<p>a<br>b</p>", "a\\\nb"),
    ("<h2>Head</h2>", "## Head"),
    ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n\n  - b\n- c"),
    ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
    ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
    ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
    ("<pre>``` x</pre>", "````\n``` x\n````"),
    ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td></tr></table>", "| a | b |\n| --- | --- |\n| 1 |  |"),
    ('<p><img src="http://e.example/i.png" alt="x]"></p>', "![x\\]](<http://e.example/i.png>)"),
    ("<p># no</p><p>1. no</p><p>- no</p><p>a*b_c</p>", "\\# no\n\n1\\. no\n\n\\- no\n\na\\*b\\_c"),
    ("<p>第一段。</p><p>第二段。</p>", "第一段。\n\n第二段。"),
]


@pytest.mark.parametrize(("found", "markdown"), CASES)
def test_markup_becomes_markdown(found: str, markdown: str) -> None:
    assert build_markdown(normalise_body(found, base_url="http://e.example/")) == markdown


@given(st.lists(st.text(alphabet="ab1.#-+=*_`[]()<>!|~&;\\ \t\n中。", max_size=20), max_size=4))
def test_a_reader_finds_the_text_that_the_body_has(paragraphs: list[str]) -> None:
    escaped = (text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for text in paragraphs)
    body = normalise_body("".join(f"<p>{text}</p>" for text in escaped))
    shown = normalise_body(READER.render(build_markdown(body)))
    assert find_text(shown) == find_text(body)


@given(st.text(alphabet="<>/abpreultd ih1=\"'&;\n", max_size=200))
def test_no_markup_is_too_much(found: str) -> None:
    build_markdown(normalise_body(found))


@pytest.mark.parametrize(
    ("body", "markdown"),
    [
        ('<ol start="5"><li>Five</li><li>Six</li></ol>', "5. Five\n6. Six"),
        ("<p>The fee is <del>nine</del> <ins>eleven</ins> crowns.</p>", "The fee is ~~nine~~ eleven crowns."),
        ("<p>10<sup>3</sup> litres of H<sub>2</sub>O</p>", "10<sup>3</sup> litres of H<sub>2</sub>O"),
        (
            '<table><tr><td rowspan="2">2024</td><td>Tern</td></tr><tr><td>Skua</td></tr></table>',
            "| 2024 | Tern |\n| --- | --- |\n|  | Skua |",
        ),
        (
            '<table><tr><td colspan="2">Both</td><td>x</td></tr><tr><td>a</td><td>b</td><td>c</td></tr></table>',
            "| Both |  | x |\n| --- | --- | --- |\n| a | b | c |",
        ),
    ],
)
def test_what_an_element_says_is_kept(body: str, markdown: str) -> None:
    assert build_markdown(body) == markdown
