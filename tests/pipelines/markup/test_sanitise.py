"""Bodies: clean markup passes untouched, everything else ends as markup that is clean."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.markup.allow_list import Tag, is_attribute_clean, is_clean, iter_pieces
from pipelines.markup.sanitise import MAX_CHARS, MAX_TAGS, BodyRefused, find_text, normalise_body

BASE = "https://example.org/news/"
SHARED = Path(__file__).parents[4] / "shared"


def example_body() -> str:
    path = SHARED / "corpus/finews/2022-02-18-NW202202182281041355.md"
    if not path.exists():
        pytest.skip(f"no example post file at {path}")
    text = path.read_bytes().decode()
    return text.split("---\n", 2)[2].split("\n\n<http")[0]


def test_the_example_body_passes_byte_for_byte():
    body = example_body()
    assert normalise_body(body) == body
    assert normalise_body(body, base_url=BASE) == body


def test_the_example_body_comes_out_of_its_indented_form():
    body = example_body()
    assert normalise_body(body.replace("<p>", "<p>\u3000\u3000")) == body


CLEAN = [
    "",
    "<p>a</p>",
    '<p>a</p>\n <p>b</p><p class="em_media">（文章来源：中国工业报）</p>',
    "<p>R&amp;D &lt;b&gt; &nbsp;&#8220;x&#8221; 5 > 3</p>",
    '<p><a href="//host/x?a=1&amp;b=2" title="t">x</a><br/>y<br>z</p>',
    '<div><table class="t"><tr><td colspan="2">1</td><th>2</th></tr></table></div>',
    "<ul>\n<li>a<ul><li>b</li></ul></li>\n</ul>",
    "<pre>a\nb</pre>",
    "<h2>a <em>b</em></h2>\n\n\n<hr>\n<blockquote><p>q</p></blockquote>",
    '<figure><img src="https://h/a.png" alt="甲" width="600"><figcaption>c</figcaption></figure>',
    '<p><a href="mailto:a@example.org">m</a></p>',
    '<p><a href="/x">relative</a></p>',
]


@pytest.mark.parametrize("body", CLEAN)
def test_clean_markup_passes_byte_for_byte(body: str):
    assert normalise_body(body) == body


NORMALISED = [
    ("foo { bar } {% x %}", "<p>foo &#123; bar } &#123;% x %}</p>"),
    ("<p>a {{ site.key }}</p>\n<p>b</p>", "<p>a &#123;&#123; site.key }}</p>\n<p>b</p>"),
    ("<p>a\r\nb\x00\x08\ud800</p>", "<p>a\nb\ufffd</p>"),
    ("<p>\u3000\u3000a</p><p><strong>\u3000\u3000b</strong></p>", "<p>a</p><p><strong>b</strong></p>"),
    ("a<br>b<div>c</div>d <b>e</b>", "<p>a<br>b</p><div>c</div><p>d <b>e</b></p>"),
    ("# head\n\n- item", "<p># head\n- item</p>"),
    ("<P>a<p>b", "<p>a</p><p>b</p>"),
    ("<b><br></b>c", "<p><b><br></b>c</p>"),
    (
        '<p><span id="stock_1.600160"><a href="/q?c=1&d=2" class="keytip" data-code="1,600160">巨化股份</a></span></p>',
        '<p><a href="https://example.org/q?c=1&amp;d=2" class="keytip">巨化股份</a></p>',
    ),
    ('<p style="display: NONE">x</p><p hidden>y</p><p aria-hidden="true">z</p><article hidden>q</article>', ""),
    ("<div hidden><div>x</div><p>y<br>z</p></div><p>k</p>", "<p>k</p>"),
    ("<script>alert(1)</script><style>p{}</style><!-- c --><iframe src=x>f</iframe>ok", "<p>ok</p>"),
    ("<svg>kept where it never ends", "<p>kept where it never ends</p>"),
    ('<img src="data:image/gif;base64,xx" data-src="/a b.png">', '<p><img src="https://example.org/a%20b.png"></p>'),
    ('<p>a<img width=1 height="1" src=x><img width="0px" height="0px" src=y></p>', "<p>a</p>"),
    ('<p>a<img src="data:x"></p>', "<p>a</p>"),
    ('<a href="javascript:alert(1)">x</a>', "<p>x</p>"),
    ('<a href=" jav\nascript:alert(1)">x</a>', "<p>x</p>"),
    ('<p onclick="x()" style="color:red" id="i" name="n" data-x="y" class="ok b&quot;ad">a</p>', '<p class="ok">a</p>'),
    ("<ul>\n\n    <li>a\n\n    <li>b</ul>", "<ul><li>a</li>\n<li>b</li></ul>"),
    ("<pre>\n\n  a\n\n    b\n\tc</pre>", "<pre>\n  a&#10;\n&#32;   b\n&#9;c</pre>"),
    ("<pre>a\n<b id=x></b>\nb</pre>", "<pre>a&#10;\nb</pre>"),
    ("<li>x</li>", "<div>x</div>"),
    ("<center>a</center><article>b</article>", "<div>a</div><div>b</div>"),
    ('<a href="/x"><div>a</div></a>', '<div><a href="https://example.org/x"><div>a</div></a></div>'),
    ('<img srcset="a.png 1x, javascript:x 2x" src="b.png">', '<p><img src="https://example.org/news/b.png"></p>'),
    ('<p><a href="ftp://[">x</a></p>', "<p>x</p>"),
    ("  \n ", ""),
]


@pytest.mark.parametrize(("found", "expected"), NORMALISED)
def test_other_markup_is_settled(found: str, expected: str):
    assert normalise_body(found, base_url=BASE) == expected


@pytest.mark.parametrize(
    "body",
    [
        "text",
        "<b>inline at top</b>",
        "<p>a",
        "<p>a</div>",
        "<p><p>a</p></p>",
        "<p><div>a</div></p>",
        "<p>a & b</p>",
        "<p>a &bogus; &#0; &#x85;</p>",
        "<p>{</p>",
        "<p>a\n\nb</p>",
        "    <p>a</p>\n\t<p>b</p>",
        "<p>a\n    b</p>",
        "<ul>\n\n<li>a</li></ul>",
        '<p><a href="/x">a<span><a href="/y">b</a></span></a></p>',
        "<p title='x'>a</p>",
        '<p class="a" class="b">a</p>',
        '<p hidden="">a</p>',
        '<p><img src="x" width="1" height="1"></p>',
        '<p><a href="javascript:x">a</a></p>',
        '<p><a href="java&#115;cript:x">a</a></p>',
        '<p><a href="&#1;javascript:x">a</a></p>',
        '<p><a href="/\\evil.example/">a</a></p>',
        '<p><a href="///evil.example/">a</a></p>',
        '<p><img src="mailto:x@y"></p>',
        "<table>text</table>",
        "<p><!-- c --></p>",
        "<p>a</p><script>x</script>",
        "<div>" * 101 + "</div>" * 101,
    ],
)
def test_the_recogniser_refuses(body: str):
    assert not is_clean(body)


def test_an_address_with_a_control_character_is_refused():
    assert not is_attribute_clean("a", "href", "a\x01b", has_base=False)
    assert is_attribute_clean("a", "href", "ab", has_base=False)


# `~` stands for the blank inside a snippet.
MARKUP = (
    "<p> </p> <div> </div> <a~href='x'> <a~href=\"javascript:x\"> </a> <b> </b> <br> <img~src=x> <pre> </pre> <ul>"
    " <li> </ul> <table> <tr> <td> </table> <script> </script> <!-- --> <span~hidden> <span~class='a~b'> </span> <h1>"
    " <h2> </h1> <button> </button> <svg> <math> <title> <template> <plaintext> <select> <noscript> </noscript> <style>"
    " <center> <dl> <dt> <dd> <font> </font> <hr> <video> <source~src=y> &amp; & &lt; &#123; &#0; &#13; &#9; { } text"
    " 甲 # > - ``` --- *** [a]: \x01 \ud800 <![CDATA[ ]]> <p~style='display:none'> <x-y~hidden> <object> <applet>"
    ' <a~href="/{x}"~title=\'"\'> = \' " / >'
)
SNIPPETS = st.sampled_from([*(snippet.replace("~", " ") for snippet in MARKUP.split(" ")), "\u3000\u3000", "\x00"])
BLANKS = st.sampled_from([" ", "\n", "\n\n", "    ", "\t", "\n    ", "\r\n"])
HOSTILE = st.lists(st.one_of(SNIPPETS, BLANKS, st.text(max_size=4)), max_size=25).map("".join)


@settings(max_examples=600, deadline=None)
@given(HOSTILE, st.sampled_from(["", BASE]))
def test_the_result_is_clean_and_stable(found: str, base_url: str):
    body = normalise_body(found, base_url=base_url)
    assert is_clean(body, has_base=bool(base_url)), body
    assert normalise_body(body, base_url=base_url) == body


TOKEN = re.compile(r'<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?: +[a-z-]+="[^"<>]*")*) */?>|(?P<text>[^<]+)')


@settings(max_examples=600, deadline=None)
@given(HOSTILE)
def test_pieces_are_what_one_expression_finds(markup: str):
    """Splitting at each `<`, with tags kept between pages, is the quick way of reading token after token."""
    expected: list[Tag | str] = []
    for token in TOKEN.finditer(markup):
        text = token["text"]
        expected.append(Tag(bool(token["end"]), token["name"], token["attributes"]) if text is None else text)
    found: list[Tag | str] = []
    for tag, text in iter_pieces(markup):
        found += [piece for piece in (tag, text) if piece]
    assert found == expected


def test_a_tag_too_long_to_be_kept_is_read_as_others_are():
    body = f'<p class="{"a" * 300}">a<a href="//h/{"b" * 300}">b</a></p>'
    assert is_clean(body, has_base=True)
    assert normalise_body(body.replace("<p", "<p id='x'"), base_url=BASE) == body


def test_what_a_link_becomes_rests_on_its_page():
    """What recurs is kept; an address is not."""
    found = '<p class="x"><a href="b" class="y">c</a></p>'
    assert normalise_body(found, base_url="http://h/a/") == found.replace('"b"', '"http://h/a/b"')
    assert normalise_body(found, base_url="http://i/") == found.replace('"b"', '"http://i/b"')
    assert normalise_body(found) == found


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_no_line_of_the_result_is_markdown(found: str):
    body = normalise_body(found)
    assert "{" not in body
    assert not re.search(r"^(?: {4}| {0,3}\t)", body, re.MULTILINE)
    outside = re.sub(r"<(\w+)[^>]*>", "", find_top_level_text(body))
    assert not outside.strip()


def find_top_level_text(body: str) -> str:
    """Return the text outside of all elements, as the standard library's parser sees it."""

    class Reader(HTMLParser):
        depth = 0
        text = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.depth += tag not in ("br", "hr", "img", "source", "col")

        def handle_endtag(self, tag: str) -> None:
            self.depth -= tag not in ("br", "hr", "img", "source", "col")

        def handle_data(self, data: str) -> None:
            if self.depth == 0:
                self.text += data

    reader = Reader()
    reader.feed(body)
    reader.close()
    assert reader.depth == 0
    return reader.text


@pytest.mark.parametrize(
    "found",
    [
        "<div>" * 1_000_000,
        "<svg>" * 400_000,
        "<a href='" * 300_000,
        "<p><i a=1><i b=2>" * 100_000,
        "<!--" * 500_000,
        "<!-- " + "-" * 4_000_000,
        "<" * 1_000_000,
        "<!--</b>--><b>" * 100_000,
        "<b a='</b>'>" * 100_000,
        "<p>" + " " * 1_000_000 + "x",
        "<p " * 300_000,
    ],
    ids=lambda found: found[:14],
)
def test_pathological_input_ends_soon_and_clean(found: str):
    begun = time.process_time()
    if found.count("<") > MAX_TAGS:
        with pytest.raises(BodyRefused, match="tags"):
            normalise_body(found)
        # As many as are read.
        found = found[: len(found) * MAX_TAGS // found.count("<") - 20]
    assert is_clean(normalise_body(found))
    assert time.process_time() - begun < 20


def test_text_survives_nesting_beyond_reason():
    assert find_text(normalise_body("<div>" * 5000 + "<p>a</p><p>b</p>")) == "a\nb"


def test_a_body_beyond_the_limit_is_refused():
    with pytest.raises(BodyRefused, match="narrow its selector") as refusal:
        normalise_body("x" * (MAX_CHARS + 1))
    assert refusal.value.reason == "too_large"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>a &amp;\n b</p>\n <p>c<br>d</p>", "a & b\nc\nd"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1\n2"),
        ("<p>x<b>y</b> z</p>", "xy z"),
        ("", ""),
    ],
)
def test_find_text(body: str, expected: str):
    assert find_text(body) == expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<pre>The tide comes in,\nthe tide goes out.</pre><p>So\nit is.</p>",
            "The tide comes in,\nthe tide goes out.\nSo it is.",
        ),
        ("<p>The fee is <del>nine</del> <ins>eleven</ins> crowns.</p>", "The fee is eleven crowns."),
        (
            "<p>10<sup>3</sup> litres on 5 m<sup>2</sup>, as the note<sup>1</sup> says</p>",
            "10³ litres on 5 m², as the note1 says",
        ),
    ],
)
def test_text_keeps_what_its_elements_say(body: str, text: str) -> None:
    assert find_text(normalise_body(body)) == text
