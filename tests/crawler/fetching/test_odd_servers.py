"""Servers that break the rules of HTTP in ways that curl or Chromium forgive, crawled together.

Each was tried with curl 7.88 and Chromium: at least one of them shows the page. So every page makes a post, every byte
that was sent is in the archive, and what was odd is counted by name.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import brotli

from archives.warc.reader import iter_records
from tests.project import ARTICLE_PARSER, LOOPBACK, Data, run_scrapy
from tests.wire import Route, Script, WireServer, build_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archives.warc.records import Record

SOURCE = (
    """
name = "odd"
timezone = "UTC"
scope = ["{base}/"]
seeds = [{seeds}]
[links]
article = ['/(?P<id>[a-z0-9-]+)$']
"""
    + ARTICLE_PARSER
    + """[politeness]
delay = 0
concurrency = 32
"""
)
OK = b"HTTP/1.1 200 OK\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n"


def print_page(name: str) -> bytes:
    text = f"<p>The ferry of {name} came in at noon, and the gulls were not surprised.</p>" * 9
    return f"<html><body><h1>{name}</h1><time>2026-01-05 10:00</time><div>{text}</div></body></html>\n".encode()


def measure(body: bytes, more: int = 0) -> bytes:
    """The length; each page has its own connection, because on a used one odd first bytes count as late ones."""
    return b"Content-Length: %d\r\nConnection: close\r\n" % (len(body) + more)


def begin(line: bytes) -> Callable[[bytes], Script]:
    """A response that begins in another way."""
    return lambda body: line + b"\r\n" + HTML + measure(body) + b"\r\n" + body


def add(field: bytes) -> Callable[[bytes], Script]:
    """A response with one more field."""
    return lambda body: OK + field + b"\r\n" + HTML + measure(body) + b"\r\n" + body


def encode(coding: bytes, code: Callable[[bytes], bytes], *, more: int = 0) -> Callable[[bytes], bytes]:
    """A response with a content coding, which announces so many more bytes than it has."""

    def build(body: bytes) -> bytes:
        coded = code(body)
        return OK + HTML + b"Content-Encoding: " + coding + b"\r\n" + measure(coded, more) + b"\r\n" + coded

    return build


def spoil_checksum(body: bytes) -> bytes:
    coded = bytearray(gzip.compress(body))
    coded[-8] ^= 0xFF
    return bytes(coded)


def deflate_bare(body: bytes) -> bytes:
    return zlib.compress(body)[2:-4]


# Name, what a server makes of a page, and the deviations that are counted.
SERVERS: dict[str, tuple[Callable[[bytes], Script], tuple[str, ...]]] = {
    "byte-order-mark": (begin(b"\xef\xbb\xbf" + OK.rstrip()), ("bytes-before",)),
    "blank-before": (begin(b" " + OK.rstrip()), ("bytes-before",)),
    "no-version": (begin(b"HTTP 200 OK"), ("odd-version",)),
    "icecast": (begin(b"ICY 200 OK"), ("odd-version",)),
    "version-of-three": (begin(b"HTTP/1.1.1 200 OK"), ("odd-version",)),
    "colon": (begin(b"HTTP/1.1: 200 OK"), ("odd-version",)),
    "glued": (begin(b"HTTP/1.1 200OK"), ("text-after-status",)),
    "fraction": (begin(b"HTTP/1.1 200.1 OK"), ("text-after-status",)),
    "blank-in-version": (begin(b"HTTP/ 1.1 200 OK"), ("odd-version",)),
    "four-digits": (begin(b"HTTP/1.1 2000 OK"), ("bad-status",)),
    "two-digits": (begin(b"HTTP/1.1 20 OK"), ("bad-status",)),
    "leading-zero": (begin(b"HTTP/1.1 0200 OK"), ("bad-status",)),
    "no-status": (begin(b"HTTP/1.1"), ("bad-status",)),
    "stray-line": (begin(b"a line\r\nHTTP/1.1 200 OK"), ("bytes-before",)),
    "bare-document": (lambda body: [body, "close"], ("no-status-line",)),
    "upgraded": (begin(b"HTTP/1.1 101 Switching Protocols"), ("unrequested-upgrade",)),
    "upgrade-first": (begin(b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK"), ("unrequested-upgrade",)),
    "choices": (begin(b"HTTP/1.1 300 Multiple Choices\r\nLocation: /elsewhere"), ()),
    "accepted": (begin(b"HTTP/1.1 202 Accepted"), ()),
    "unknown-success": (begin(b"HTTP/1.1 299 Fine"), ()),
    "nowhere": (begin(b"HTTP/1.1 302 Found"), ()),
    "nowhere-named": (begin(b"HTTP/1.1 302 Found\r\nLocation: "), ()),
    "warning": (add(b"<b>Warning</b>: division by zero"), ()),
    "sentence": (add(b"Warning - division by zero"), ("field-without-colon",)),
    "two-returns": (
        lambda body: (OK + HTML + measure(body) + b"\r\n").replace(b"\r\n", b"\r\r\n") + body,
        ("double-carriage-return",),
    ),
    "hints": (lambda body: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200 + OK + HTML + measure(body) + b"\r\n" + body, ()),
    "too-long": (lambda body: [OK + HTML + measure(body, 40) + b"\r\n" + body, "close"], ("ends-early",)),
    "reset": (lambda body: [OK + HTML + b"\r\n" + body, 0.3, "reset"], ("ends-early",)),
    "never-closed": (lambda body: [OK + HTML + b"\r\n" + body, "stall"], ("ends-early",)),
    "last-chunk-cut": (
        lambda body: [OK + HTML + b"Transfer-Encoding: chunked\r\n\r\n" + build_chunks(body)[:-4], "close"],
        ("ends-early",),
    ),
    "coded-too-long": (lambda body: [encode(b"gzip", gzip.compress, more=9)(body), "close"], ("ends-early",)),
    "checksum": (encode(b"gzip", spoil_checksum), ()),
    "no-checksum": (encode(b"gzip", lambda body: gzip.compress(body)[:-8]), ()),
    "zlib-as-gzip": (encode(b"gzip", zlib.compress), ()),
    "bare-deflate": (encode(b"deflate", deflate_bare), ()),
    "brotli-and-more": (encode(b"br", lambda body: brotli.compress(body) + b"more"), ()),
    "broken-chunks": (
        lambda body: [OK + HTML + b"Transfer-Encoding: chunked\r\n\r\n" + build_chunks(body)[:-5] + b"more\r\n"],
        ("broken-chunks", "ends-early"),
    ),
    "not-gzip": (encode(b"gzip", bytes), ()),
    "no-coding": (encode(b"utf-8", bytes), ()),
    "picture": (lambda body: OK + b"Content-Type: image/png\r\n" + measure(body) + b"\r\n" + body, ()),
    "anything": (lambda body: OK + b"Content-Type: */*\r\n" + measure(body) + b"\r\n" + body, ()),
    "untyped": (lambda body: OK + measure(body) + b"\r\n" + body, ()),
}  # fmt: skip

# What no browser reads is no post, and no damage either.
UNREADABLE: dict[str, Callable[[bytes], Script]] = {
    "other-protocol": lambda _: [b"SSH-2.0-Server\r\n", "close"],
    "not-brotli": encode(b"br", gzip.compress),
    "moved-nowhere": begin(b"HTTP/1.1 302 Found\r\nLocation: mailto:a@example.com"),
    "moved-to-no-port": begin(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/"),
}


def test_pages_of_odd_servers_are_kept_to_the_byte_read_and_counted(data: Data, tmp_path: Path) -> None:
    routes: dict[str, Route] = {f"/{name}": build(print_page(name)) for name, (build, _) in SERVERS.items()}
    routes |= {f"/{name}": build(print_page(name)) for name, build in UNREADABLE.items()}
    source = tmp_path / "odd.toml"
    with WireServer(routes) as server:
        seeds = ", ".join(f'"{server.url(path)}"' for path in routes)
        source.write_text(SOURCE.format(base=server.base_url, seeds=seeds), "utf-8")
        settings = LOOPBACK | {"DOWNLOAD_TIMEOUT": 2, "RETRY_ENABLED": False}
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
        sent = {exchange.target[1:]: exchange.sent for exchange in server.exchanges}
    assert done.returncode == 0, done.stderr
    posts = {path.stem.removeprefix("2026-01-05-") for path in data.posts("odd").glob("*.md")}
    assert posts == SERVERS.keys()
    (run,) = data.read_manifests("odd")
    counted = {name.rpartition("/")[2] for name in run["counts"] if name.startswith("wire/deviation/")}
    assert counted >= {name for _, names in SERVERS.values() for name in names}
    records = [record for path in data.warcs("odd") for record in iter_records(path)]
    assert {name: join_blocks(records, f"/{name}") for name in sent} == sent
    verified = run_scrapy("verify", "odd", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def join_blocks(records: list[Record], path: str) -> bytes:
    """All that came for an address: what stands before its response, the response, and what came behind it."""
    (response,) = [r for r in records if r.type == "response" and r.url.endswith(path)]
    beside = [r for r in records if r.type == "metadata" and r.get("WARC-Concurrent-To") == response.record_id]
    before = b"".join(r.block for r in beside if b"http-deviation" not in r.block)
    return before + response.block
