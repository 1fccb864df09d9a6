"""Thirty shapes of records as other writers make them, each a capture of one page."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import brotli

from archives.index.sidecars import rebuild
from archives.storage.collection import Collection
from archives.warc.digests import build_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME: Final = "shapes"
EARLIER, LATER = "2026-03-04T02:21:11Z", "2026-03-04T03:21:11Z"
_PROFILE: Final = "http://netpreserve.org/warc/1.1/revisit/"
_SAME: Final = "identical-payload-digest"
_NOT_MODIFIED: Final = b'HTTP/1.1 304 Not Modified\r\nETag: "g1"\r\n\r\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of a record.

    Attributes:
        path: of the page, as it was captured.
        asked: the path that is requested, if it is written differently.
        build: makes the records from the shape.
    """

    name: str
    path: str
    build: Callable[[Shape], bytes]
    asked: str = ""

    @property
    def url(self) -> str:
        return f"http://paper.example{self.path}"

    @property
    def title(self) -> str:
        """What is to be read on the page, and on no other."""
        return f"Tide table of {self.path.strip('/').replace('?', ' ')}"

    @property
    def page(self) -> bytes:
        return (
            f"<!DOCTYPE html><html><head><meta charset=utf-8></head><body><h1>{self.title}</h1></body></html>".encode()
        )

    @property
    def target(self) -> str:
        """The address of the capture in a replay tool."""
        return f"/{NAME}/20260304032111mp_/http://paper.example{self.asked or self.path}"


def _build_record(
    kind: str, url: str, block: bytes, fields: str = "", *, name: str = "later", date: str = LATER
) -> bytes:
    header = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {_name(url, name)}\r\nWARC-Date: {date}\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\n{fields}"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(header.encode() + block + b"\r\n\r\n", mtime=0)


def _name(url: str, name: str) -> str:
    return f"<urn:paper:{url.rpartition('/')[2]}:{name}>"


def _build_head(fields: str = "", *, status: str = "HTTP/1.1 200 OK", length: int | None = None) -> bytes:
    framing = "" if length is None else f"Content-Length: {length}\r\n"
    return f"{status}\r\nContent-Type: text/html; charset=utf-8\r\n{fields}{framing}\r\n".encode("latin-1")


def _respond(head: str = "", warc: str = "", **more: str) -> Callable[[Shape], bytes]:
    """Return what makes a response with other fields of HTTP or of WARC."""

    def build(shape: Shape) -> bytes:
        block = _build_head(head, length=len(shape.page), status=more.get("status", "HTTP/1.1 200 OK")) + shape.page
        digest = f"WARC-Payload-Digest: {build_digest(shape.page)}\r\n"
        return _build_record("response", shape.url, block, digest + warc, date=more.get("date", LATER))

    return build


def _send(head: str, encode: Callable[[bytes], bytes], *, more: int | None = None) -> Callable[[Shape], bytes]:
    """Return what makes a response whose body is encoded; `more` bytes are announced beyond it."""

    def build(shape: Shape) -> bytes:
        body = encode(shape.page)
        length = None if more is None else len(body) + more
        return _build_record("response", shape.url, _build_head(head, length=length) + body)

    return build


def _revisit(
    *refs: str, block: bytes | None = None, profile: str = _SAME, elsewhere: bool = False, algorithm: str = "sha1"
) -> Callable[[Shape], bytes]:
    """Return what makes a response and a revisit of it.

    Args:
        refs: `full` is `WARC-Refers-To` with address and date, `id` that alone; `digest` that of the payload.
        block: of the revisit; the head of the response by default.
        elsewhere: the response is of another address.
    """

    def build(shape: Shape) -> bytes:
        first = f"{shape.url}-first" if elsewhere else shape.url
        head = _build_head(length=len(shape.page))
        digest = f"WARC-Payload-Digest: {build_digest(shape.page, algorithm)}\r\n"
        fields = f"WARC-Profile: {_PROFILE}{profile}\r\n"
        if "full" in refs or "id" in refs:
            fields += f"WARC-Refers-To: {_name(first, 'earlier')}\r\n"
        if "full" in refs:
            fields += f"WARC-Refers-To-Target-URI: {first}\r\nWARC-Refers-To-Date: {EARLIER}\r\n"
        fields += digest if "digest" in refs else ""
        response = _build_record("response", first, head + shape.page, digest, name="earlier", date=EARLIER)
        return response + _build_record("revisit", shape.url, head if block is None else block, fields)

    return build


def _halve(body: bytes) -> tuple[bytes, bytes]:
    """Return a page in two parts, cut within the title, which nobody finds who does not join them."""
    cut = body.find(b"table") + 2
    return body[:cut], body[cut:]


def _chunk(body: bytes) -> bytes:
    first, second = _halve(body)
    return b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(first), first, len(second), second)


def _frame_zstd(body: bytes) -> bytes:
    """Return a frame of two blocks that are stored as they are (RFC 8878 §3.1.1)."""
    first, second = _halve(body)
    headers = [(len(block) << 3 | is_last).to_bytes(3, "little") for block, is_last in ((first, 0), (second, 1))]
    return b"\x28\xb5\x2f\xfd\x20%b%b%b%b%b" % (bytes([len(body)]), headers[0], first, headers[1], second)


def _build_bare_lines(shape: Shape) -> bytes:
    head = _build_head(length=len(shape.page)).replace(b"\r\n", b"\n")
    return _build_record("response", shape.url, head + shape.page)


def _same(body: bytes) -> bytes:
    return body


_GONE = "server-not-modified"
SHAPES: Final = [
    Shape(name=name, path=path, build=build, asked=asked[0] if asked else "")
    for name, path, build, *asked in [
        ("response", "/plain", _respond()),
        ("revisit, full references", "/again", _revisit("full", "digest")),
        ("revisit of another address, full references", "/copy", _revisit("full", "digest", elsewhere=True)),
        ("revisit, full references, empty block", "/bare", _revisit("full", "digest", block=b"")),
        ("revisit, full references, SHA-256", "/long", _revisit("full", "digest", algorithm="sha256")),
        ("revisit of another address, digest only", "/digest", _revisit("digest", elsewhere=True)),
        ("revisit of another address, digest and `WARC-Refers-To`", "/id", _revisit("id", "digest", elsewhere=True)),
        (
            "not modified, full references and digest, block a 304 head",
            "/fresh",
            _revisit("full", "digest", block=_NOT_MODIFIED, profile=_GONE),
        ),
        (
            "not modified, full references without digest, block a 304 head",
            "/fresh-bare",
            _revisit("full", block=_NOT_MODIFIED, profile=_GONE),
        ),
        (
            "not modified, `WARC-Refers-To` only, block a 304 head",
            "/fresh-id",
            _revisit("id", block=_NOT_MODIFIED, profile=_GONE),
        ),
        ("not modified, no references, empty block", "/fresh-none", _revisit(block=b"", profile=_GONE)),
        (
            "not modified, full references and digest, empty block (what we write)",
            "/fresh-ours",
            _revisit("full", "digest", block=b"", profile=_GONE),
        ),
        (
            "not modified, full references, block the response's head",
            "/fresh-head",
            _revisit("full", profile=_GONE),
        ),
        ("raw chunks", "/chunks", _send("Transfer-Encoding: chunked\r\n", _chunk)),
        (
            "gzip in raw chunks",
            "/chunks-gzip",
            _send("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", lambda body: _chunk(gzip.compress(body))),
        ),
        ("chunks removed, `Transfer-Encoding` kept", "/joined", _send("Transfer-Encoding: chunked\r\n", _same)),
        (
            "chunks removed, `Transfer-Encoding` renamed",
            "/renamed",
            _send("X-Archive-Orig-Transfer-Encoding: chunked\r\n", _same, more=0),
        ),
        ("status line `HTTP/2 200`", "/two", _respond(status="HTTP/2 200")),
        ("repeated `WARC-Protocol`", "/protocol", _respond(warc="WARC-Protocol: h2\r\nWARC-Protocol: tls/1.3\r\n")),
        ("`WARC-Cipher-Suite`", "/cipher", _respond(warc="WARC-Cipher-Suite: TLS_AES_128_GCM_SHA256\r\n")),
        ("date to nine digits", "/nine", _respond(date="2026-03-04T03:21:11.123456789Z")),
        ("header in Latin-1", "/latin", _respond("X-Author: Zo\xeb\r\n")),
        ("folded header", "/folded", _respond("X-Note: one\r\n two\r\n")),
        ("Brotli", "/brotli", _send("Content-Encoding: br\r\n", brotli.compress, more=0)),
        ("announced as gzip but stored decoded", "/not-gzip", _send("Content-Encoding: gzip\r\n", _same, more=0)),
        ("HTTP headers with bare line feeds", "/feeds", _build_bare_lines),
        ("Zstandard", "/zstd", _send("Content-Encoding: zstd\r\n", _frame_zstd, more=0)),
        ("query in another order", "/query?b=2&a=1", _respond(), "/query?a=1&b=2"),
        ("path percent-encoded in lower case", "/caf%C3%A9", _respond(), "/caf%c3%a9"),
        ("body cut short of its `Content-Length`", "/cut", _send("", _same, more=99)),
    ]
]


def write_shapes(folder: Path) -> Collection:
    """Write a collection that holds one capture of each shape."""
    collection = Collection.open(folder, NAME, create=True)
    data = b"".join(shape.build(shape) for shape in SHAPES)
    (collection.archive_dir / "shapes.warc.gz").write_bytes(data)
    assert not rebuild(collection).damage
    return collection
