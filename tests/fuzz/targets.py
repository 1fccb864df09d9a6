"""Everything that reads a stranger's bytes, as a function of bytes that may raise only what it promises to."""
# ruff: noqa: E501 (documents are on one line, as they are sent)

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from archives.errors import ArchiveError
from archives.index.cdxj import dump_line, load_line
from archives.index.sidecars import salvage_sidecar
from archives.storage.collection import Collection
from archives.wacz.pack import unpack_wacz
from archives.wacz.reader import Bundle
from archives.wacz.validate import validate_wacz
from archives.warc.content_codings import decode_content
from archives.warc.framing import ResponseFramer
from archives.warc.messages import dechunk, find_kind, find_payload, parse_head, split_head, split_interim
from archives.warc.reader import CAPTURE_TYPES, build_capture, iter_records
from crawler.sources import SourceError, load_source
from pipelines.article.article import read_article
from pipelines.dates.parse import DateRefused, parse_date
from pipelines.discovery.feeds import read_feed
from pipelines.discovery.sitemaps import read_sitemap
from pipelines.markup.allow_list import is_clean
from pipelines.markup.sanitise import normalise_body
from pipelines.names.slugs import build_file_stem
from pipelines.page.addresses import iter_links
from pipelines.page.encodings import decode_page
from pipelines.page.limits import PageRefused
from pipelines.page.page import Page, find_json
from pipelines.posts.front_matter import FrontMatterError, dump_names, dump_title, load_front_matter
from tests.fuzz import rewriting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CST = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        run: reads bytes; what it raises is a finding.
        seeds: good inputs.
    """

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
)
_HEADER = (
    "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n"
    "WARC-Date: 2026-03-04T05:06:07Z\r\nWARC-Target-URI: http://e.example/\r\n{more}"
    "Content-Type: application/http;msgtype=response\r\nContent-Length: {size}\r\n\r\n"
)


def build_warc(kind: str = "response", block: bytes = _RESPONSE, more: str = "") -> bytes:
    return _HEADER.format(kind=kind, more=more, size=len(block)).encode() + block + b"\r\n\r\n"


_ARC = (
    b"filedesc://x.arc 0.0.0.0 20260304050607 text/plain 76\n1 0 InternetArchive\n"
    b"URL IP-address Archive-date Content-type Archive-length\n\n\n"
    b"http://e.example/ 1.2.3.4 20260304050607 text/html 43\nHTTP/1.0 200 OK\nContent-Type: text/html\n\nhi\n\n"
)
_REVISIT = build_warc(
    "revisit", b"", "WARC-Refers-To-Date: 2026-01-01T00:00:00Z\r\nWARC-Profile: x/server-not-modified\r\n"
)


def read_warc(data: bytes) -> None:
    """Strictly, then what can be salvaged, then each capture's payload and content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.warc.gz"
        path.write_bytes(data)
        with suppress(ArchiveError):
            for record in iter_records(path):
                if record.type in CAPTURE_TYPES:
                    with suppress(ArchiveError):
                        build_capture(record, path.name).decode(max_bytes=1 << 20)
        entries, _ = salvage_sidecar(path)
        for entry in entries:
            assert "\n" not in dump_line(entry)


def read_message(data: bytes) -> None:
    head, rest = split_head(data)
    assert head + rest == data
    assert b"".join(split_interim(data)) == data
    dechunk(data)
    find_payload(data)
    find_kind(data)
    with suppress(ArchiveError):
        parse_head(data)


def read_response(data: bytes) -> None:
    """However the bytes come, a response ends at one place, and the archive reads the head that the crawl read."""
    framers = []
    for size in (len(data) or 1, 1 + len(data) // 7, 3):
        framer = ResponseFramer()
        for at in range(0, len(data), size):
            framer.feed(data[at : at + size])
        is_whole = framer.is_complete or framer.close()
        framers.append((framer.end, framer.head, set(framer.deviations), is_whole))
    assert framers[0] == framers[1] == framers[2]
    end, head, _, is_whole = framers[0]
    if is_whole and head is not None:
        message = split_interim(data[:end])[1]
        assert parse_head(message) == head
        find_payload(message)


def read_coding(data: bytes) -> None:
    """The first byte chooses the codings."""
    names = ("gzip", "deflate", "br", "zstd")
    codings = [names[data[0] % 4], names[data[0] // 4 % 4]][: 1 + (data[0] > 99)] if data else []
    with suppress(ArchiveError):
        assert len(decode_content(data[1:], codings, max_bytes=1 << 20)) <= 1 << 20


def read_index_line(data: bytes) -> None:
    with suppress(ValueError):
        entry = load_line(data.decode("utf-8"))
        load_line(dump_line(entry))


def read_wacz(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in" / "x.wacz"
        path.parent.mkdir()
        path.write_bytes(data)
        with suppress(ArchiveError):
            validate_wacz(path)
        with suppress(ArchiveError), Bundle(path) as bundle:
            bundle.list_names()
        target = Collection.open(Path(folder) / "out", "x", create=True)
        with suppress(ArchiveError):
            unpack_wacz(path, target)
        assert {entry.name for entry in Path(folder).iterdir()} == {"in", "out"}


def read_page(data: bytes) -> None:
    page = Page(decode_page(data, content_type=b"text/html"), "http://e.example/a/1.html")
    with suppress(PageRefused):
        read_article(page, captured_at=AT)
    with suppress(PageRefused):
        list(iter_links(page.root, page.base_url))
        page.data  # noqa: B018 (it is read on demand)


def read_body(data: bytes) -> None:
    """What comes out is clean, stays as it is, and holds no brace."""
    text = data.decode("utf-8", "replace").replace("\x00", "\ud800")
    with suppress(PageRefused):
        body = normalise_body(text, base_url="http://e.example/")
        assert is_clean(body, has_base=True), body
        assert normalise_body(body, base_url="http://e.example/") == body
        assert "{" not in body


def read_front_matter(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(FrontMatterError):
        load_front_matter(text)
    fields, body = load_front_matter(f"---\ntitle: {dump_title(text)}\ntags: {dump_names([text, 'x'])}\n---\n{text}")
    assert (fields["title"], body) == (text, text)
    stem = build_file_stem(text)
    assert stem.isascii() and "/" not in stem and "." not in stem and 0 < len(stem) <= 80


def read_date(data: bytes) -> None:
    with suppress(DateRefused):
        parse_date(data.decode("utf-8", "replace"), zone=CST, captured_at=AT, language="zh")


def read_toml(data: bytes) -> None:
    with suppress(SourceError), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of a pattern; its author is at hand
        load_source(data.decode("utf-8", "replace"), path="x.toml")


def read_documents(data: bytes) -> None:
    read_feed(data, "http://e.example/feed")
    read_sitemap(data, "http://e.example/sitemap.xml")
    with suppress(PageRefused):
        find_json(data.decode("utf-8", "replace"))


def _build_wacz() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/x.warc.gz", gzip.compress(build_warc(), mtime=0))
        file.writestr(
            "indexes/index.cdx",
            'example,e)/ 20260304050607 {"url":"http://e.example/","filename":"x.warc.gz","offset":"0","length":"9"}\n',
        )
        file.writestr(
            "pages/pages.jsonl",
            '{"format":"json-pages-1.0","id":"pages"}\n{"url":"http://e.example/","ts":"2026-03-04T05:06:07Z"}\n',
        )
        file.writestr(
            "datapackage.json",
            '{"profile":"data-package","wacz_version":"1.1.1","resources":[{"name":"x","path":"archive/x.warc.gz","hash":"sha256:00","bytes":9}]}',
        )
    return buffer.getvalue()


_CDXJ = (
    b'example,e)/ 20260304050607 {"url": "http://e.example/", "mime": "text/html", "status": "200", "digest": "sha1:AA", '
    b'"length": "9", "offset": "0", "filename": "x.warc.gz", "record_id": "<urn:uuid:1>", "captured_at": "2026-03-04T05:06:07Z"}'
)
_PAGE = """<!doctype html><html lang=zh><head><meta charset=utf-8><title>渡轮回来了 - 回环报</title>
<meta name=keywords content="渡轮,港湾"><meta property="article:published_time" content="2026-03-04T05:06:07+08:00">
<script type="application/ld+json">{"@type":"NewsArticle","headline":"渡轮回来了","datePublished":"2026-03-04","author":{"name":"林"}}</script>
</head><body><h1>渡轮回来了</h1><p class=date>发布时间：2026年3月4日 10:20 来源：回环报 记者 林晚</p><div class=content><p>　　第一段文字，够长，有标点。</p>
<p style="display:none">hidden</p><p>第二段<a href="/x?a=1&b=2">链接</a>，也够长。<img data-src=/a.jpg src=x onerror=alert(1)></p></div>
<a href="/2026/03/04/b.html">next</a></body></html>""".encode()
_BODY = b'<p class="x">One <b>two</b> <a href="/a?b=1&amp;c">three</a></p><table><tr><td>4</td></tr></table><pre>a\n\n    b</pre><ul><li>c</ul>'
_MXSS = b'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">'
_REPLAYED = b"""<base href=//cdn.example/x/><link rel=stylesheet href=s.css><style>@import "t.css"; b{background:url( 'i.png' )}</style>
<a href="b.html?a=1&amp;copy=2" ping=//spy.example/>b</a><img srcset="p.png 1x, //live.example/q.png 2x" data-src=/late.png><meta http-equiv=refresh content="0;url=/x">
<svg><a xlink:href=//live.example><set attributeName=href to=//live.example/><use href=#x /><path mask="url(//live.example/m.svg#m)"/></a></svg><textarea><a href=//live.example></textarea>
<p style="background:url(bg.png)" onclick=go()>1 &lt; 2 <b>three</i></p><iframe srcdoc="&lt;a href=/x&gt;"></iframe><noscript><img src=n.png></noscript><form action=/go><button formaction=/do>x</button></form>"""
_PLAIN = "<p title=\"1 > 0\">文字 one<br>two</p><ul><li><a href='/x?a=1&b=2'>three</a> &amp; four<li>five</ul><h2>six &eacute; &#x4e2d;</h2>".encode()
_STYLES = (
    b"@charset \"utf-8\"; @import url(//live.example/a.css) screen; @import/**/'b.css'; a { background: url( 'x.png' ) } /* url(y) */",
    b'a { background: image-set("http://live.example/1" 1x, url(2.png) type("image/avif") 2x); content: \'url(x)\' }',
    b'\\75\\72 \\6c (http://live.example/3) @\\69mport "//live.example/4" { x: \\"; background: url(http://live.example/5) } url(a b) url(c',
)
_DATES = (
    "2026-03-04 05:06:07",
    "3小时前",
    "昨天 10:20",
    "Wed, 04 Mar 2026 05:06:07 +0800",
    "4 mars 2026 à 10h20",
    "1772600000",
    "令和8年3月4日",
)
_TOML = b'name = "x"\ntimezone = "UTC"\nscope = ["http://e.example/"]\nseeds = ["http://e.example/"]\n[links]\narticle = [\'/a/(?P<id>\\d+)\']\n[[parser]]\nof = "article"\n[parser.fields]\nheadline = "h1"\narticleBody = "html:div"\n[post]\nfooter = "x {url}"\n'
_RSS = b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title><item><title>t</title><link>http://e.example/1</link><guid>1</guid><pubDate>Wed, 04 Mar 2026 05:06:07 GMT</pubDate></item></channel></rss>'
_ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>t</title><link href="/1"/><updated>2026-03-04T05:06:07Z</updated></entry><link rel="next" href="?2"/></feed>'
_JSON_FEED = b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"http://e.example/1","title":"t","date_published":"2026-03-04T05:06:07Z"}]}'
_SITEMAP = b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://e.example/1</loc><lastmod>2026-03-04</lastmod></url></urlset>'
_BILLION = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'

TARGETS = {
    "warc": Target(
        run=read_warc,
        seeds=(
            build_warc() * 2,
            gzip.compress(build_warc(), mtime=0) * 2,
            _ARC,
            gzip.compress(_ARC, mtime=0),
            _REVISIT,
        ),
    ),
    "message": Target(
        run=read_message, seeds=(_RESPONSE, b"HTTP/1.1 103 E\r\n\r\n" + _RESPONSE, b"GET / HTTP/1.1\r\nHost: e\r\n\r\n")
    ),
    "response": Target(
        run=read_response,
        seeds=(
            _RESPONSE,
            b"HTTP/1.1 103 E\r\n\r\n" + _RESPONSE + b"more",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 ; a\r\nhello\r\n0\r\nX: y\r\n\r\n",
            b"HTTP/2 200\nContent-Length : +5\n: none\n\nhello",
        ),
    ),
    "coding": Target(
        run=read_coding,
        seeds=(
            b"\0" + gzip.compress(_PAGE, mtime=0),
            b"\1" + zlib.compress(_PAGE),
            b"\x78" + zlib.compress(gzip.compress(_PAGE, mtime=0)),
            b"\2\x0b\x02\x80hello\x03",
            b"\3(\xb5/\xfd\x04X\x29\0\0hello\x8a\x1e\x9a\x6b",
        ),
    ),
    "cdxj": Target(run=read_index_line, seeds=(_CDXJ,)),
    "wacz": Target(run=read_wacz, seeds=(_build_wacz(),)),
    "html": Target(run=rewriting.read_page, seeds=(_REPLAYED, _PLAIN, _PAGE, _MXSS)),
    "style": Target(run=rewriting.read_style, seeds=_STYLES),
    "page": Target(run=read_page, seeds=(_PAGE, b"<table>" + _BODY, _PAGE.decode().encode("gb18030"))),
    "body": Target(run=read_body, seeds=(_BODY, _MXSS, _PAGE)),
    "front_matter": Target(
        run=read_front_matter,
        seeds=(b'---\nlayout: post\ntitle: "x"\ntags: ["a", "b"]\n---\nbody', "标题 “x”".encode()),
    ),
    "date": Target(run=read_date, seeds=tuple(date.encode() for date in _DATES)),
    "source": Target(run=read_toml, seeds=(_TOML,)),
    "documents": Target(
        run=read_documents, seeds=(_RSS, _ATOM, _JSON_FEED, _SITEMAP, _BILLION, gzip.compress(_SITEMAP, mtime=0))
    ),
}
