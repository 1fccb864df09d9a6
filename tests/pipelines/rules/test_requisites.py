"""What a page needs to be shown is captured with it, once, within bounds, and never becomes a post."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.demo_site import Newspaper
from crawler.sources import SourceError, load_source
from pipelines.page.page import Page
from pipelines.rules.requisites import iter_page_requisites, iter_style_requisites
from tests.project import ARTICLE_PARSER, LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE = """<html><head><base href="/a/"><link rel="stylesheet" href="s.css"><link rel="icon" href="/i.ico">
<link rel="preload" as="font" href="f.woff2"><link rel="canonical" href="/never"><script src="j.js"></script>
<style>@import "m.css"; h1 { background: url(h.png) }</style></head><body background="b.gif">
<img src="p.jpg" srcset="p1.jpg 1x, p2.jpg 2x"><img data-src="lazy.jpg" src="data:image/gif;base64,R0lGOD">
<p style="background:url('w.png')">
<picture><source srcset="s.avif"><img src="p.jpg"></picture><video poster="v.jpg"><source src="v.mp4"></video>
<img src="dot.gif" width="1" height="1"><a href="/never">x</a><iframe src="/never"></iframe>
<input type="image" src="go.png"></body></html>"""


def test_a_page_needs_what_a_browser_would_fetch() -> None:
    found = [
        (kind.value, url.removeprefix("https://h")) for kind, url in iter_page_requisites(Page(PAGE, "https://h/x"))
    ]
    assert found == [
        ("style", "/a/s.css"),
        ("image", "/i.ico"),
        ("font", "/a/f.woff2"),
        ("script", "/a/j.js"),
        ("style", "/a/m.css"),
        ("image", "/a/h.png"),
        ("image", "/a/b.gif"),
        ("image", "/a/p.jpg"),
        ("image", "/a/p1.jpg"),
        ("image", "/a/p2.jpg"),
        ("image", "/a/lazy.jpg"),
        ("image", "/a/w.png"),
        ("image", "/a/s.avif"),
        ("image", "/a/v.jpg"),
        ("image", "/a/go.png"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@import url(\"a.css\") screen; @import 'b.css';", ["style a.css", "style b.css"]),
        ("p{background:url( 'a b.png' )}", ["image a b.png"]),
        ("@font-face{src:url(a.woff2?v=1) format('woff2'),url(a.eot#x)}", ["font a.woff2?v=1", "font a.eot#x"]),
        ("/* url(no.png) */ p{background:url(DATA:image/png;base64,AA==)}", []),
        ("p{background:url()}", []),
    ],
)
def test_a_style_sheet_refers_to_more(text: str, found: list[str]) -> None:
    assert [f"{kind} {url}" for kind, url in iter_style_requisites(text) if url] == found


@given(st.text(alphabet="@import url('\");\\/*abc{}\n", max_size=60))
def test_no_style_sheet_raises(text: str) -> None:
    list(iter_style_requisites(text))


DOTS = b"\x89PNG" + bytes(600)
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def build_site(server: WireServer, other: str) -> dict[str, Any]:
    def build_article(number: int) -> bytes:
        pictures = f'<img src="/i/{number}.png"><img data-src="/i/shared.png"><img src="{other}/far.png">'
        pictures += '<img src="/private/no.png"><img src="/i/missing.png"><img src="/i/large.png">'
        pictures += "".join(f'<img src="/i/many-{n}.png">' for n in range(20))
        text = "<p>A piano stood on the quay, and nobody had ordered it.</p>" * 4
        head = '<link rel="stylesheet" href="/s/main.css">'
        body = f"<h1>Article {number}</h1><time>2026-03-04 10:00:00</time><div>{text}</div>"
        return build_response(f"<html><head>{head}</head><body>{body}{pictures}</body></html>".encode(), headers=HTML)

    def build_style(text: str) -> Callable[[bytes], bytes]:
        whole = build_response(text.encode(), headers=(("Content-Type", "text/css"), ("ETag", '"one"')))
        unchanged = build_response(status="304 Not Modified", headers=(("ETag", '"one"'),), length=False)
        return lambda request: unchanged if b'If-None-Match: "one"' in request else whole

    links = "".join(f'<a href="/a/{n}.html">{n}</a>' for n in (1, 2))
    picture = build_response(DOTS, headers=(("Content-Type", "image/png"),))
    return {
        "/robots.txt": build_response(b"User-agent: *\nDisallow: /private/\n"),
        "/": build_response(f"<html>{links}<img src='/i/front.png'></html>".encode(), headers=HTML),
        "/a/1.html": build_article(1),
        "/a/2.html": build_article(2),
        "/s/main.css": build_style('@import "deep.css"; body { background: url(/i/wave.png) }'),
        "/s/deep.css": build_style('@import "main.css"; @font-face { src: url(deep.woff2) }'),
        "/s/deep.woff2": build_response(b"wOF2", headers=(("Content-Type", "font/woff2"),)),
        "/i/large.png": build_response(DOTS * 4_000, headers=(("Content-Type", "image/png"),)),
        **{f"/i/{name}.png": picture for name in ("1", "2", "shared", "wave", "front")},
        **{f"/i/many-{n}.png": picture for n in range(20)},
    }


def build_source(tmp_path: Path, server: WireServer, table: str) -> Path:
    path = tmp_path / "pictures.toml"
    path.write_text(
        f"""name = "pictures"
timezone = "UTC"
scope = ["{server.base_url}/"]
seeds = ["{server.base_url}/"]
[links]
article = ['/a/(?P<id>\\d+)\\.html$']
{ARTICLE_PARSER}{table}
""",
        "utf-8",
    )
    return path


def crawl(data: Data, source: Path) -> dict[str, Any]:
    settings = LOOPBACK | {"ROBOTSTXT_OBEY": True, "RETRY_ENABLED": False}
    done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    counts: dict[str, Any] = data.read_manifests("pictures")[-1]["counts"]
    return counts


def test_requisites_of_articles_are_captured_once(data: Data, tmp_path: Path) -> None:
    with WireServer({}) as server, WireServer({}) as other:
        other.routes.update({"/far.png": build_response(DOTS), "/robots.txt": build_response(b"")})
        server.routes.update(build_site(server, other.base_url))
        table = f'[requisites]\nmax_bytes = 10000\nmax_per_page = 12\nscope = ["{other.base_url}/"]'
        source = build_source(tmp_path, server, table)
        counts = crawl(data, source)
        asked = [exchange.target for exchange in server.exchanges]
        far = [exchange.target for exchange in other.exchanges]
        crawl(data, source)
        again = [exchange.target for exchange in server.exchanges][len(asked) :]
    assert {"/s/main.css", "/s/deep.css", "/s/deep.woff2", "/i/wave.png", "/i/1.png", "/i/2.png", "/i/shared.png"} <= {
        *asked
    }
    assert "/far.png" in far
    assert not {"/private/no.png", "/i/front.png", "/i/many-19.png"} & {*asked}
    assert sorted(set(asked)) == sorted(asked)
    assert asked.index("/a/2.html") < asked.index("/i/shared.png")
    assert counts["posts/new"] == 2
    assert counts["requisites/followed/style"] == 2
    assert counts["requisites/failed"] == 3
    # The sheet has not changed, so what it refers to is known to be there.
    assert [target for target in again if target.startswith("/s/")] == ["/s/main.css"]
    with CollectionIndex(Collection.open(data.path, "pictures")) as index:
        cut = index.find_nearest(f"{server.base_url}/i/large.png")
    assert cut is not None
    assert cut.truncated == "length"
    done = run_scrapy("verify", "pictures", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_lies_elsewhere_is_left_out(data: Data, tmp_path: Path) -> None:
    with WireServer({}) as server, WireServer({}) as other:
        server.routes.update(build_site(server, other.base_url))
        counts = crawl(data, build_source(tmp_path, server, '[requisites]\nkinds = ["image"]'))
        assert other.exchanges == []
        assert not any(exchange.target.endswith(".css") for exchange in server.exchanges)
    assert counts["requisites/out_of_scope"] == 1


def test_without_the_table_only_pages_are_captured(data: Data, tmp_path: Path) -> None:
    with WireServer({}) as server, WireServer({}) as other:
        server.routes.update(build_site(server, other.base_url))
        crawl(data, build_source(tmp_path, server, ""))
        assert {exchange.target for exchange in server.exchanges} == {"/robots.txt", "/", "/a/1.html", "/a/2.html"}


def test_the_newspaper_is_captured_with_its_pictures(data: Data, tmp_path: Path) -> None:
    with Newspaper() as newspaper:
        source = tmp_path / "newspaper.toml"
        source.write_text(newspaper.source_toml(), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
    assert done.returncode == 0, done.stderr
    text = b"".join(gzip.decompress(path.read_bytes()) for path in data.warcs("newspaper"))
    assert all(name in text for name in (b"/press.css\r\n", b"/images/masthead.svg\r\n", b"/images/harbour.png\r\n"))


SOURCE = 'name = "p"\ntimezone = "UTC"\nscope = ["//h/"]\nseeds = ["http://h/"]\n'


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('[requisites]\nkinds = ["film"]', "kinds: must be some of image, style, script, font, not 'film'"),
        ("[requisites]\nmax_bytes = 0", "max_bytes: must be a whole number of at least 1, not 0"),
        ('[requisites]\nscope = ["cdn.example"]', "scope: 'cdn.example' must be a URL prefix"),
        ("[requisites]\nhosts = []", "hosts: is not a key here"),
        ("[discovery]\ndepth = 0", "discovery.depth: must be a whole number of at least 1, not 0"),
        ('[discovery]\nsince = "yesterday"', "discovery.since: must be a date such as"),
    ],
)
def test_faults_in_the_tables_are_explained(table: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_source(SOURCE + table, path="p.toml")
    assert words in str(caught.value)
