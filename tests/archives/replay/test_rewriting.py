"""Links of archived pages lead into the archive, whatever the page wrote, and what could act is not there any more."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from archives.errors import RecordError
from archives.replay.rewriting.charsets import decode_page, decode_style
from archives.replay.rewriting.css import rewrite_style
from archives.replay.rewriting.html import rewrite_page
from archives.replay.rewriting.links import PageLinks, normalise_dots

PAGE = "http://paper.example/news/a.html"
AT = "/c/20260304022111"


def build_links(**changes: str) -> PageLinks:
    return PageLinks(**{"prefix": AT, "url": PAGE, **changes})  # type: ignore[arg-type]


def rewrite(text: str, **changes: str) -> str:
    return rewrite_page(text, build_links(**changes))


PLAIN = [
    ('<a href="b.html">b</a>', f'<a href="{AT}/http://paper.example/news/b.html" target="_top">b</a>'),
    ("<a href=/b>b</a>", f'<a href="{AT}/http://paper.example/b" target="_top">b</a>'),
    ('<a href="#top" target=_blank>x</a>', '<a href="#top" target="_top">x</a>'),
    ('<a href="mailto:a@b.example">x</a>', '<a href="mailto:a@b.example" target="_top">x</a>'),
    ('<a href="javascript:alert(1)">x</a>', '<a target="_top">x</a>'),
    ('<a href=" java\nscript:alert(1)">x</a>', '<a target="_top">x</a>'),
    ('<a href="data:text/html,x">x</a>', '<a target="_top">x</a>'),
    (
        '<a ping="//spy.example/" href="?a=1&amp;b=2">x</a>',
        f'<a href="{AT}/http://paper.example/news/a.html?a=1&amp;b=2" target="_top">x</a>',
    ),
    (
        '<a href="?a=1&copy=2">x</a>',
        f'<a href="{AT}/http://paper.example/news/a.html?a=1&amp;copy=2" target="_top">x</a>',
    ),
    ('<img src=//cdn.example/p.png alt="a > b">', f'<img src="{AT}im_/http://cdn.example/p.png" alt="a > b">'),
    ('<img src="data:image/gif;base64,R0lG">', '<img src="data:image/gif;base64,R0lG">'),
    (
        '<img srcset="p.png 1x, /q.png 2x">',
        f'<img srcset="{AT}im_/http://paper.example/news/p.png 1x, {AT}im_/http://paper.example/q.png 2x">',
    ),
    ('<img data-src="/late.png">', f'<img src="{AT}im_/http://paper.example/late.png">'),
    (
        '<img src="data:image/gif;base64,R0" data-src="/late.png">',
        f'<img src="{AT}im_/http://paper.example/late.png">',
    ),
    (
        '<img src="/grey.gif" data-original="/late.png">',
        f'<img src="{AT}im_/http://paper.example/late.png">',
    ),
    (
        '<img src=# data-echo="/late.png" data-lazy="true">',
        f'<img src="{AT}im_/http://paper.example/late.png">',
    ),
    (
        '<img srcset="data:image/gif;base64,R0 1x" data-srcset="/late.png 2x">',
        f'<img srcset="{AT}im_/http://paper.example/late.png 2x">',
    ),
    (
        '<img srcset="data:image/gif;base64,R0 1x" data-src="/late.png">',
        f'<img src="{AT}im_/http://paper.example/late.png">',
    ),
    (
        '<img class="lazyloaded" src="/late.png" data-src="/other.png">',
        f'<img class="lazyloaded" src="{AT}im_/http://paper.example/late.png">',
    ),
    (
        '<iframe data-src="/late.html"></iframe>',
        f'<iframe src="{AT}if_/http://paper.example/late.html"></iframe>',
    ),
    (
        '<video data-poster="/late.png"></video>',
        f'<video poster="{AT}im_/http://paper.example/late.png"></video>',
    ),
    (
        '<a data-bg="/late.png" href="/">x</a>',
        f"""<a href="{AT}/http://paper.example/" target="_top" style="background-image: url('{AT}im_/http://paper.example/late.png')">x</a>""",
    ),
    (
        '<p class="a" style="color:red;" data-background-image="url(\'/late.png\')">x</p>',
        f"""<p class="a" style="color:red; background-image: url('{AT}im_/http://paper.example/late.png')">x</p>""",
    ),
    (
        '<p data-background="dark">x</p>',
        '<p data-background="dark">x</p>',
    ),
    (
        "<link rel=stylesheet href=/s.css media=print onload=\"this.media='all'\">",
        f'<link rel="stylesheet" href="{AT}cs_/http://paper.example/s.css" media="all">',
    ),
    (
        "<link rel=stylesheet href=/s.css media=print>",
        f'<link rel="stylesheet" href="{AT}cs_/http://paper.example/s.css" media="print">',
    ),
    (
        "<link rel=preload as=style href=/s.css onload=\"this.onload=null;this.rel='stylesheet'\">",
        f'<link href="{AT}cs_/http://paper.example/s.css" rel="stylesheet">',
    ),
    (
        "<picture><source srcset=a.webp type=image/webp></picture>",
        f'<picture><source srcset="{AT}im_/http://paper.example/news/a.webp" type="image/webp"></picture>',
    ),
    (
        '<link rel=stylesheet href="/s.css" integrity="sha384-x">',
        f'<link rel="stylesheet" href="{AT}cs_/http://paper.example/s.css">',
    ),
    (
        '<link rel="preload" as="font" href="f.woff2">',
        f'<link rel="preload" as="font" href="{AT}im_/http://paper.example/news/f.woff2">',
    ),
    ('<link rel="preconnect" href="//live.example">', ""),
    ('<link rel="dns-prefetch" href="//live.example">', ""),
    ("<link rel=preload as=script href=x.js>", ""),
    ("<link rel=manifest href=m.json>", ""),
    ('<script src="x.js"></script>y', "y"),
    ("<script>if (a < b) { document.write('<a href=http://live.example>') }</script>y", "y"),
    (
        "<noscript><img src=n.png></noscript>",
        f'<noscript><img src="{AT}im_/http://paper.example/news/n.png"></noscript>',
    ),
    (
        '<p onclick="go()" style="background:url(bg.png)">x</p>',
        f'<p style="background:url(&quot;{AT}im_/http://paper.example/news/bg.png&quot;)">x</p>',
    ),
    (
        "<style>@import \"t.css\"; b { background: url( 'i.png' ) }</style>",
        (
            f'<style>@import "{AT}cs_/http://paper.example/news/t.css"; '
            f'b {{ background: url("{AT}im_/http://paper.example/news/i.png") }}</style>'
        ),
    ),
    (
        '<meta http-equiv="refresh" content="3; url=\'/next\'">',
        f'<meta http-equiv="refresh" content="3;url={AT}mp_/http://paper.example/next">',
    ),
    ('<meta http-equiv="refresh" content="0;url=javascript:alert(1)">', ""),
    ('<meta http-equiv="Content-Security-Policy" content="default-src *">', ""),
    ("<meta charset=gbk>", ""),
    ('<meta name="viewport" content="width=1">', '<meta name="viewport" content="width=1">'),
    (
        '<svg><a xlink:href="/x"><image href="i.svg"/></a></svg>',
        (
            f'<svg><a xlink:href="{AT}/http://paper.example/x" target="_top">'
            f'<image href="{AT}im_/http://paper.example/news/i.svg"/></a></svg>'
        ),
    ),
    ('<svg><use href="#dot"/></svg>', '<svg><use href="#dot"/></svg>'),
    ('<svg><a><set attributeName="href" to="http://live.example/"/></a></svg>', '<svg><a target="_top"></a></svg>'),
    ('<iframe src="f.html">old</iframe>', f'<iframe src="{AT}if_/http://paper.example/news/f.html"></iframe>'),
    (
        '<iframe srcdoc="&lt;a href=/x&gt;"></iframe>',
        f'<iframe srcdoc="&lt;a href=&quot;{AT}/http://paper.example/x&quot; target=&quot;_top&quot;>"></iframe>',
    ),
    (
        '<form action="/go"><button formaction="/do">x</button></form>',
        (
            f'<form action="{AT}/http://paper.example/go" target="_top">'
            f'<button formaction="{AT}/http://paper.example/do">x</button></form>'
        ),
    ),
    (
        "<video poster=p.jpg src=v.mp4></video>",
        f'<video poster="{AT}im_/http://paper.example/news/p.jpg" src="{AT}im_/http://paper.example/news/v.mp4"></video>',
    ),
    ('<body background="b.gif">', f'<body background="{AT}im_/http://paper.example/news/b.gif">'),
    ("<!-- <a href=x> -->y", "y"),
    ("<![CDATA[<a href=/x>]]>", f'<a href="{AT}/http://paper.example/x" target="_top">]]>'),
    ("<!doctype html><p>x", "<!doctype html><p>x"),
    ('<p title="1 < 2" class=x>1 < 2 & more</p>', '<p title="1 < 2" class=x>1 < 2 & more</p>'),
    ("<a href='half", ""),
    ("<title>1 < 2 <b>&amp;</title>", "<title>1 &lt; 2 &lt;b>&amp;</title>"),
    ("<textarea><a href=//live.example></textarea>", "<textarea>&lt;a href=//live.example></textarea>"),
    ("<xmp><b>&</xmp>", "<pre>&lt;b>&amp;</pre>"),
    ("<a href=/x/../y>", f'<a href="{AT}/http://paper.example/y" target="_top">'),
    ("<a href=//a.example/%2e%2e/x>", f'<a href="{AT}/http://a.example/x" target="_top">'),
    # What is left out must not join what stands before and behind it.
    ("<<!-- -->img src=//live.example>", "&lt;img src=//live.example>"),
    ("<<script></script>img src=//live.example>", "&lt;img src=//live.example>"),
    ("<<![CDATA[img src=//live.example>", "&lt;img src=//live.example>"),
    # Of several attributes of one name the first counts, and one that begins with "=" must not become a value.
    ("<a href=/x href=//live.example>", f'<a href="{AT}/http://paper.example/x" target="_top">'),
    ("<set attributename=href attributename=x to=//live.example>", ""),
    ("<img src/=\\\\live.example>", "<img src>"),
    ("<p onclick/=go()>", "<p>"),
    ("<a href=>x</a>", f'<a href="{AT}/http://paper.example/news/a.html" target="_top">x</a>'),
    ('<base href="//[live.example"><a href=x>', f'<a href="{AT}/http://paper.example/news/x" target="_top">'),
    ('<link rel=stylesheet href="data:text/css,x">', '<link rel="stylesheet">'),
    ('<meta http-equiv="delegate-ch" content="sec-ch-dpr http://live.example">', ""),
    ('<img attributionsrc="//live.example" src=x>', f'<img src="{AT}im_/http://paper.example/news/x">'),
    (
        '<path fill="url(//live.example/x#y)">',
        f'<path fill="url(&quot;{AT}im_/http://live.example/x#y&quot;)">',
    ),
    ('<path fill="#fff">', '<path fill="#fff">'),
]


@pytest.mark.parametrize(("page", "expected"), PLAIN)
def test_a_tag_is_rewritten(page: str, expected: str) -> None:
    assert rewrite(page) == expected


def test_base_is_taken_in_and_left_out() -> None:
    page = '<base href="//cdn.example/x/" target=_blank><base href="/second"><a href="y">y</a>'
    assert rewrite(page) == f'<a href="{AT}/http://cdn.example/x/y" target="_top">y</a>'


def test_links_inside_a_frame_keep_to_their_frames() -> None:
    page = "<frame src=a.html name=main><a href=b.html target=main>b</a>"
    found = rewrite(page, page_modifier="if_")
    assert f'<a href="{AT}/http://paper.example/news/b.html" target="main">' in found
    assert f'<frame src="{AT}if_/http://paper.example/news/a.html" name="main">' in found


def test_clicks_lead_to_the_host_of_whole_pages() -> None:
    assert rewrite("<a href=/b>", top="//127.0.0.1:80") == (
        f'<a href="//127.0.0.1:80{AT}/http://paper.example/b" target="_top">'
    )


def test_the_query_of_a_link_is_in_the_pages_own_encoding() -> None:
    """Browsers send a path in UTF-8 and a query in the encoding of the page, and the crawler did the same."""
    found = rewrite('<a href="/新闻?q=新闻">', codec="gb18030")
    assert "http://paper.example/%E6%96%B0%E9%97%BB?q=%D0%C2%CE%C5" in found


DOTS = [
    ("http://a.example/x/../y", "http://a.example/y"),
    ("http://a.example/../../../-/x", "http://a.example/-/x"),
    ("http://a.example/%2e%2E/%2e/x", "http://a.example/x"),
    ("http://a.example/x/..", "http://a.example/"),
    ("http://a.example/x/.", "http://a.example/x/"),
    ("http://a.example/x?y=/../z", "http://a.example/x?y=/../z"),
    ("http://a.example/x/...", "http://a.example/x/..."),
    ("http://a.example", "http://a.example"),
]


@pytest.mark.parametrize(("url", "expected"), DOTS)
def test_no_address_climbs_out_of_its_path(url: str, expected: str) -> None:
    assert normalise_dots(url) == expected
    assert normalise_dots(expected) == expected


STYLES = [
    ("a { background: url(x.png) }", f'a {{ background: url("{AT}im_/http://paper.example/news/x.png") }}'),
    ("@import url(//cdn.example/a.css) screen;", f'@import url("{AT}cs_/http://cdn.example/a.css") screen;'),
    ("a { background: url(data:image/png;base64,xx) }", 'a { background: url("data:image/png;base64,xx") }'),
    ("a { background: url('\\78.png') }", f'a {{ background: url("{AT}im_/http://paper.example/news/x.png") }}'),
    ("/* url(x.png) */ a { content: 'url(x.png)' }", "/* url(x.png) */ a { content: 'url(x.png)' }"),
    ("a { background: url(javascript:x) }", 'a { background: url("about:invalid") }'),
    ("a { content: '</style><a href=//live.example>' }", "a { content: '\\3c /style>\\3c a href=//live.example>' }"),
    ("a { color: red }", "a { color: red }"),
    ("URL(x.png)", f'url("{AT}im_/http://paper.example/news/x.png")'),
    ("u\\72l(x.png)", f'url("{AT}im_/http://paper.example/news/x.png")'),
    ("\\75 \\52\\6c (x.png)", f'url("{AT}im_/http://paper.example/news/x.png")'),
    ('@\\69mport "a.css"', f'@import "{AT}cs_/http://paper.example/news/a.css"'),
    ('@import/**/"a.css"', f'@import "{AT}cs_/http://paper.example/news/a.css"'),
    ("@import url(data:text/css,x)", '@import url("about:invalid")'),
    (
        'image-set("x.png" 1x, url(y.png) type("image/avif"))',
        'image-set("AT/x.png" 1x, url("AT/y.png") type("image/avif"))'.replace(
            "AT", f"{AT}im_/http://paper.example/news"
        ),
    ),
    (
        'a { x: \\"; background: url(x.png) } /*"*/',
        f'a {{ x: \\"; background: url("{AT}im_/http://paper.example/news/x.png") }} /*"*/',
    ),
    ("url('x.png' crossorigin(anonymous))", f'url("{AT}im_/http://paper.example/news/x.png" crossorigin(anonymous))'),
    ("url(a b) c", 'url("about:invalid") c'),
    ('"a\\\r\nb" url(x.png)', f'"a\\\r\nb" url("{AT}im_/http://paper.example/news/x.png")'),
    ("url(x.png", f'url("{AT}im_/http://paper.example/news/x.png")'),
]


@pytest.mark.parametrize(("style", "expected"), STYLES)
def test_a_style_sheet_is_rewritten(style: str, expected: str) -> None:
    assert rewrite_style(style, build_links()) == expected


CHARSETS = [
    ("页".encode("gbk"), "text/html; charset=gb2312", "页", "gb18030"),
    ('<meta charset="gbk">页'.encode("gbk"), "text/html", '<meta charset="gbk">页', "gb18030"),
    (
        '<meta http-equiv=Content-Type content="text/html; charset=big5">頁'.encode("big5"),
        "",
        '<meta http-equiv=Content-Type content="text/html; charset=big5">頁',
        "big5hkscs",
    ),
    ("页".encode(), "text/html", "页", "utf-8"),
    ("新闻页".encode("gbk"), "text/html", "新闻页", "gb18030"),
    (b"caf\xe9", "text/html; charset=iso-8859-1", "café", "cp1252"),
    (b"\xef\xbb\xbfx", "text/html; charset=gbk", "x", "utf-8"),
    ("x页".encode("utf-16"), "text/html", "x页", "utf-8"),
    (b"x", "text/html; charset=no-such", "x", "utf-8"),
    ("漢".encode("iso-2022-jp"), "text/html; charset=iso-2022-jp", "漢", "iso2022_jp"),
    (b"~{VPND~}", "text/html; charset=hz-gb-2312", "\ufffd", "utf-8"),
    (b"+ADw-b+AD4-", "text/html; charset=utf-7", "+ADw-b+AD4-", "utf-8"),
    (b"x\xe9", "text/html; charset=x-user-defined", "x\uf7e9", "utf-8"),
    (b"<meta charset=x-user-defined>\xe9", "text/html", "<meta charset=x-user-defined>é", "cp1252"),
    (b"<meta charset=utf-16>", "text/html", "<meta charset=utf-16>", "utf-8"),
    (b"x\xc4\x80", "text/html; charset=zip", "xĀ", "utf-8"),
    (b"<!--<meta charset=l2>--><meta charset=koi8>\xc1", "", "<!--<meta charset=l2>--><meta charset=koi8>а", "koi8-r"),
    (b"<meta name=x content='charset=gbk'>\xe9t\xe9", "", "<meta name=x content='charset=gbk'>été", "cp1252"),
]


@pytest.mark.parametrize(("data", "content_type", "text", "codec"), CHARSETS)
def test_the_characters_are_those_declared(data: bytes, content_type: str, text: str, codec: str) -> None:
    """The codec is the one in which browsers write queries: Spec: WHATWG Encoding §4.3."""
    assert decode_page(data, content_type) == (text, codec)


def test_a_style_sheet_may_declare_its_own() -> None:
    assert decode_style('@charset "gbk";a::before{content:"页"}'.encode("gbk"), "text/css") == 'a::before{content:"页"}'


# What a stranger's parser finds in what we wrote

FRAGMENTS = [
    "<a href=http://live.example/1>", "<a href='//live.example/2'>",
    '"', "'", "<", ">", "=", "/", " ", "\n", "<!--", "-->",
    "--!>", "<script>", "</script>", "<style>", "</style>", "<title>", "</title>", "<textarea>", "</textarea>", "<svg>",
    "</svg>", "<math>", "<![CDATA[", "]]>", "<xmp>", "</xmp>", "<plaintext>", "<noscript>", "</noscript>", "<iframe>",
    "</iframe>", "<img src=http://live.example/3 ", "<a title=\"", "<p x='", "<!doctype x", "<?x", "</p ", "\0", "\r",
    "<noembed>", "</noembed>", "<template>", "</template>", "<select>", "<p =\">", "<b/x=y/>", "&quot;",
    "<base href=//live.example/>",
    "<form action=http://live.example/4>", "<link rel=icon href=//live.example/5>", "<!-->", "x",
]  # fmt: skip
SCHEMES = re.compile(r"(?i)\s*(https?:|//|javascript:|vbscript:|ftp:)")


class Reader(HTMLParser):
    """The standard library's parser, which knows no scripts, no SVG and no tree."""

    CDATA_CONTENT_ELEMENTS = ()
    RCDATA_CONTENT_ELEMENTS = ()

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in {"href", "src", "action"} and value]


def list_addresses(page: str) -> list[str]:
    """Every address that either of two parsers finds, one of which reads tags wherever they stand."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    found = reader.addresses
    if page.strip("\0 \r\n"):
        tree = lxml_html.document_fromstring(f"<div>{page}</div>")
        found += [str(link) for _, name, link, _ in tree.iterlinks() if name in {"href", "src", "action"}]
    return found


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_no_parser_finds_a_live_address(page: str) -> None:
    """Halves of tags, quotes and comments in any order: what is written reads alike in every context."""
    found = [address for address in list_addresses(rewrite(page)) if SCHEMES.match(address)]
    assert not found


@given(st.text(max_size=300))
def test_any_text_is_a_page(page: str) -> None:
    rewrite(page)
    rewrite_style(page, build_links())


@given(st.from_regex(r"[a-z./?#%2e]{0,30}", fullmatch=True))
def test_an_address_resolves_as_in_a_browser(href: str) -> None:
    """Against the standard library's resolver, for what has no odd characters in it."""
    found = build_links().resolve(href)
    assert found is not None
    if "%" not in href and "//" not in href:
        expected = urljoin(PAGE, href)
        assert found.rstrip("?#").rstrip("/") == expected.rstrip("?#").rstrip("/")


ENDLESS = [
    "<a href='", "<!--", "<a b=c ", "<script>", "<style>", "<iframe>", "<noembed>", "<title>", "url(", "<", "&amp",
    "<img srcset='a,", '<p x="', "<p style=url(>", "<style>url(", '<style>"', "<style>@import ", "<style>image-set(",
    "<style>\\", "<style>/*", "</script", "<![CDATA[", "<svg><title>",
]  # fmt: skip


@pytest.mark.parametrize("piece", ENDLESS)
def test_a_long_page_takes_no_longer_than_its_length(piece: str) -> None:
    """Unclosed quotes, comments and tags: none makes the work grow faster than the page."""
    began = time.process_time()
    rewrite(piece * 40_000)
    assert time.process_time() - began < 3


def test_a_page_of_short_links_with_a_long_base_is_not_shown() -> None:
    """It would be a thousand times as long."""
    with pytest.raises(RecordError, match="longer together"):
        rewrite(f"<base href='{'a' * 8_000}/'>" + "<a href=b>" * 20_000)
    with pytest.raises(RecordError, match="longer together"):
        rewrite(f"<base href='{'a' * 8_000}/'><img srcset='{'b, ' * 20_000}'>")
