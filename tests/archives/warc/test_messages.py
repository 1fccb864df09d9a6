"""Heads are read as the crawl read them; bodies lose their framing and nothing else."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.errors import RecordError
from archives.warc.content_codings import decode_content
from archives.warc.messages import dechunk, find_payload, parse_head, split_head, split_interim

BOMB = bytes(10_000_000)


@pytest.mark.parametrize(
    ("raw", "head", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\nA: b\n\nbody", b"HTTP/1.1 200 OK\nA: b\n\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\nbody", b"HTTP/1.1 200 OK\r\nA: b\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\r\n\r\n\r\nbody", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\nbody"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\r\n\n", b"HTTP/1.1 200 OK\r\nA: b\r\r\n\n", b""),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n", b""),
        (b"", b"", b""),
    ],
)
def test_split_head(raw: bytes, head: bytes, body: bytes) -> None:
    assert split_head(raw) == (head, body)


@pytest.mark.parametrize(
    ("interim", "final"),
    [
        (b"", b"HTTP/1.1 200 OK\r\n\r\nx"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n"),
        (b"", b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello"),
        (b"", b"HTTP/1.1 100 Continue\r\nX: cut"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b""),
        (b"", b"HTTP/1.1 1000 OK\r\n\r\n"),
        (b"\r\nHTTP/1.1 100 C\r\n\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_split_interim(interim: bytes, final: bytes) -> None:
    assert split_interim(interim + final) == (interim, final)


def test_head_fields_are_as_sent() -> None:
    raw = (
        b"HTTP/1.1 200 Tout va bien \xe9\r\nsErVeR:no-space\r\nX-Pad:    x   \r\nSet-Cookie: a=1\r\n"
        b"no colon here\r\n: no name\r\nX-Early : yes\r\nX-Fold: one\r\n\t two\r\nset-cookie: b=2\r\n\r\nBody: no\r\n"
    )
    head = parse_head(raw)
    assert (head.version, head.status, head.reason) == (b"HTTP/1.1", 200, b"Tout va bien \xe9")
    assert head.headers == [
        (b"sErVeR", b"no-space"),
        (b"X-Pad", b"x"),
        (b"Set-Cookie", b"a=1"),
        (b"X-Early", b"yes"),
        (b"X-Fold", b"one\t two"),
        (b"set-cookie", b"b=2"),
    ]
    assert head.get(b"SET-COOKIE") == b"a=1"
    assert head.get_all(b"Set-Cookie") == [b"a=1", b"b=2"]
    assert head.get(b"absent") is None


def test_a_request_head_has_no_status() -> None:
    head = parse_head(b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (head.version, head.status, head.get(b"host")) == (b"HTTP/1.1", None, b"x")


@pytest.mark.parametrize(
    "line",
    [b"", b"html", b"NEWS 200 OK", b"GET /"],
)
def test_what_is_no_status_line_is_refused(line: bytes) -> None:
    with pytest.raises(RecordError, match="not an HTTP status line"):
        parse_head(line + b"\r\nA: b\r\n\r\n")


@pytest.mark.parametrize(
    "status", [b"abc", b"-200", b"20", b"2000", b"0200", b"000", b"9" * 40, b"\xb2\xb0\xb0", b"+20"]
)
def test_a_status_is_three_digits_or_none(status: bytes) -> None:
    head = parse_head(b"HTTP/1.1 " + status + b" OK\r\nA: b\r\n\r\n")
    assert (head.status, head.get(b"a")) == (None, b"b")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", (b"abc", True)),
        (b"3;ext=1\r\nabc\r\n0A \r\n0123456789\r\n000\r\nX-Trailer: 1\r\n\r\n", (b"abc0123456789", True)),
        (b"3\nabc\n0\n\n", (b"abc", True)),
        (b"0\r\n\r\n", (b"", True)),
        (b"3\r\nabc\r\n0\r\n\r\nleft over", (b"abc", True)),
        (b"3\r\nabc\r\n0\r\n", (b"abc", False)),
        (b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n", (b"abc", False)),
        (b"3\r\nabc\r\n", (b"abc", False)),
        (b"5\r\nabc", (b"abc", False)),
        (b"3\r\nabcdef", (b"abc", False)),
        (b"3\r\nabc\r\nzz\r\n", (b"abc", False)),
        (b"-3\r\nabc", (b"", False)),
        (b"ffffffffffffffffffff\r\nabc", (b"", False)),
        (b"", (b"", False)),
    ],
)
def test_dechunk(body: bytes, expected: tuple[bytes, bool]) -> None:
    assert dechunk(body) == expected


@given(chunks=st.lists(st.binary(min_size=1, max_size=40)), trailer=st.booleans())
def test_chunks_come_apart_as_they_were_put_together(chunks: list[bytes], trailer: bool) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    framed += b"0\r\n" + (b"X-Sum: 1\r\n" if trailer else b"") + b"\r\n"
    assert dechunk(framed) == (b"".join(chunks), True)
    for cut in range(len(framed)):
        part, is_whole = dechunk(framed[:cut])
        assert not is_whole
        assert b"".join(chunks).startswith(part)


@pytest.mark.parametrize(
    ("fields", "body", "payload"),
    [
        (b"", b"all", b"all"),
        (b"Content-Length: 2\r\n", b"all", b"al"),
        (b"Content-Length: 9\r\n", b"all", b"all"),
        (b"Content-Length: 2, 2\r\n", b"all", b"al"),
        (b"Content-Length: -1\r\n", b"all", b"all"),
        (b"Content-Length: \xb2\r\n", b"all", b"all"),
        (b"Transfer-Encoding: Chunked\r\nContent-Length: 2\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: chunked\r\n", b"not framed", b"not framed"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"", b""),
        (b"Transfer-Encoding: identity\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
        (b"X: y\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    ],
)
def test_find_payload(fields: bytes, body: bytes, payload: bytes) -> None:
    assert find_payload(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body) == payload


def deflate_raw(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


@pytest.mark.parametrize(
    ("codings", "payload"),
    [
        ([], b"hello"),
        (["identity"], b"hello"),
        (["gzip"], gzip.compress(b"hello")),
        (["X-GZip "], gzip.compress(b"hel") + gzip.compress(b"lo") + b"\0\0padding"),
        (["deflate"], zlib.compress(b"hello")),
        (["deflate"], deflate_raw(b"hello")),
        (["deflate", "gzip"], gzip.compress(zlib.compress(b"hello"))),
        (["gzip"], zlib.compress(b"hello")),
        (["gzip"], gzip.compress(b"hello")[:-8] + b"checksum"),
    ],
    ids=["plain", "identity", "gzip", "padded", "zlib", "raw_deflate", "deflate_in_gzip", "zlib_as_gzip", "checksum"],
)
def test_decode_content(codings: list[str], payload: bytes) -> None:
    assert decode_content(payload, codings, max_bytes=5 if len(codings) < 2 else 99) == b"hello"


def test_a_cut_stream_gives_what_it_held() -> None:
    text = b"".join(b"%d " % number for number in range(10_000))
    whole = decode_content(gzip.compress(text)[:-500], ["gzip"], max_bytes=10**6)
    assert whole
    assert text.startswith(whole)


def test_brotli_and_zstd_where_installed() -> None:
    brotli = pytest.importorskip("brotli", reason="brotli is not installed")
    zstd = pytest.importorskip("backports.zstd", reason="backports.zstd is not installed")
    text = b"hello" * 100_000
    for coding, payload in (("br", brotli.compress(text)), ("zstd", zstd.compress(text))):
        assert decode_content(payload, [coding], max_bytes=len(text)) == text
        assert decode_content(payload + b"more", [coding], max_bytes=len(text)) == text
        with pytest.raises(RecordError, match="grows past"):
            decode_content(payload, [coding], max_bytes=len(text) - 1)
        with pytest.raises(RecordError, match=f"payload is not {coding}"):
            decode_content(b"\xff" * 40, [coding], max_bytes=99)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_decoding_is_bounded(coding: str) -> None:
    payload = gzip.compress(BOMB) if coding == "gzip" else zlib.compress(BOMB)
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match="grows past 1000 bytes"):
            decode_content(payload, [coding], max_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_decoding_what_is_not_so_coded_is_refused(coding: str) -> None:
    with pytest.raises(RecordError, match=f"payload is not {coding}"):
        decode_content(b"\xffplain text", [coding], max_bytes=1000)


def test_an_unknown_coding_is_refused() -> None:
    with pytest.raises(RecordError, match="unknown content coding 'rot13'"):
        decode_content(b"x", ["rot13"], max_bytes=9)
