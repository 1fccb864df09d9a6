"""A response ends where browsers and curl say it does, however its bytes come, and what is odd about it has a name."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.warc.framing import Deviation, ResponseFramer
from archives.warc.messages import cut_payload, parse_head, split_head, split_interim
from tests.project import SHARED, needs_shared

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NO_STATUSES = [b"", b" OK", b" 2000 OK", b" 20 OK", b" 0200 OK", b" 000 OK", b" -200 OK", b" 99999999999999999999 OK"]
REPLIES = SHARED / "corpus" / "wire"


def follow(raw: bytes, size: int = 1 << 20, *, is_bodiless: bool = False) -> tuple[ResponseFramer, bool]:
    """Feed bytes in pieces of a size, then the end of the connection; tell whether the message is whole."""
    framer = ResponseFramer(is_bodiless=is_bodiless)
    for at in range(0, len(raw), size):
        framer.feed(raw[at : at + size])
    return framer, framer.is_complete or framer.close()


def read_body(framer: ResponseFramer, raw: bytes) -> bytes:
    assert framer.head is not None
    return cut_payload(framer.head.headers, split_head(split_interim(raw[: framer.end])[1])[1])


@pytest.mark.parametrize(
    ("raw", "body", "names"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", []),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello", []),
        (CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", b"hello", []),
        (OK + b"\r\nhello", b"hello", []),
        (b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", []),
        (CHUNKED + b"5     \r\nhello\r\n0     \r\n\r\n", b"hello", ["chunk-line"]),
        (CHUNKED + b"  5\r\nhello\r\n0\r\n\r\n", b"hello", ["chunk-line"]),
        (CHUNKED + b"5 ; part = one\r\nhello\r\n0\r\n\r\n", b"hello", ["chunk-line"]),
        (CHUNKED + b"5 anything\r\nhello\r\n0 more\r\n\r\n", b"hello", ["chunk-line"]),
        (CHUNKED + b"5\nhello\n0\n\n", b"hello", ["bare-line-feed"]),
        (CHUNKED + b"0" * 20 + b"5\r\nhello\r\n" + b"0" * 20 + b"\r\n\r\n", b"hello", []),
        (CHUNKED + b"5\r\nhello\r\n", b"hello", ["no-last-chunk"]),
        (CHUNKED + b"5\r\nhello", b"hello", ["no-last-chunk"]),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"hello", ["unfinished-trailer"]),
        (CHUNKED + b"just text\n", b"just text\n", ["no-chunks"]),
        (OK + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi", b"hi", []),
        (OK + b"Transfer-Encoding: bogus\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["transfer-codings"]),
        (
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(gzip.compress(b"hi", mtime=0))
            + gzip.compress(b"hi", mtime=0) + b"\r\n0\r\n\r\n",
            b"hi",
            ["transfer-codings"],
        ),
        (
            OK + b"Transfer-Encoding: chunked\r\n folded\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            b"hi",
            ["folded-field", "transfer-codings"],
        ),
        (
            OK + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            b"hi",
            ["length-and-chunks"],
        ),
        (OK + b"Content-Length: +2\r\n\r\nhi", b"hi", ["signed-length"]),
        (OK + b"Content-Length: two\r\n\r\nhi", b"hi", ["invalid-length"]),
        (OK + b"Content-Length: 36893488147419103232\r\n\r\nhi", b"hi", ["invalid-length"]),
        (OK + b"Content-Length: 44\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["lengths-differ"]),
        (OK + b"Content-Length: 2, 2\r\n\r\nhi", b"hi", []),
        (OK + b"Content-Length : 2\r\n\r\nhi", b"hi", ["blank-before-colon"]),
        (OK + b": nothing\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["nameless-field"]),
        (OK + b"nothing\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["field-without-colon"]),
        (b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"HTTP/1.1  200   OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", []),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi", ["bare-line-feed"]),
        (b"\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", ["lines-before"]),
        (b"\xef\xbb\xbf" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", ["bytes-before"]),
        (b"\r\n " + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", ["lines-before", "bytes-before"]),
        (b"HTTP 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"HTTP/1.1: 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["text-after-status"]),
        (b"HTTP/1.1 200.1 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["text-after-status"]),
        (b"HTTP/1.1 200 OK\r\r\nContent-Length: 2\r\r\n\r\r\nhi", b"hi", ["double-carriage-return"]),
        (CHUNKED + b"2\r\nhi\r\r\n0\r\n\r\r\n", b"hi", []),
        (b"HTTP/ 1.1 200\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"HTTP/x.y 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["odd-version"]),
        (b"a line\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["bytes-before"]),
        (b"<!-- a\nb -->\nHTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi", ["bytes-before", "bare-line-feed"]),
        (b"HTTP/1.1 101 Up\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["unrequested-upgrade"]),
        (b"HTTP/1.1 101.1 Up\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 200 OK", ["text-after-status"]),
        (b"HTTP/1.1 101 Up\r\n\r\nHTTP", b"HTTP", ["unrequested-upgrade"]),
        (b"HTTP/1.1 101 Up\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", ["unrequested-upgrade"]),
        (b"<p>one</p>\n\n<p>two</p>", b"<p>one</p>\n\n<p>two</p>", ["no-status-line"]),
        (b"\xef\xbb\xbf<p>", b"\xef\xbb\xbf<p>", ["no-status-line"]),
        *((b"HTTP/1.1" + status + b"\r\nContent-Length: 2\r\n\r\nhi", b"hi", ["bad-status"]) for status in NO_STATUSES),
        (OK + b"Content-Length: 2\r\n\r\nhi there", b"hi", ["bytes-behind"]),
        (b"HTTP/1.1 204 None\r\n\r\nhi", b"", ["bytes-behind"]),
    ],
)  # fmt: skip
def test_a_message_that_browsers_read(raw: bytes, body: bytes, names: list[str]) -> None:
    for size in (1 << 20, 1, 7):
        framer, is_whole = follow(raw, size)
        assert is_whole
        assert read_body(framer, raw) == body
        assert list(framer.deviations) == names
        assert bool(raw[framer.end :]) == ("bytes-behind" in names)


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 5\r\n\r\nhell",
        CHUNKED + b"5\r\nhell",
        CHUNKED + b"5\r\nhello\r\nzz\r\n",
        CHUNKED + b"5\r\nhelloworld",
        CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 20_000,
        CHUNKED,
        OK + b"Content-Le",
        b"",
    ],
)
def test_a_message_that_is_cut_or_broken(raw: bytes) -> None:
    for size in (1 << 20, 17):
        _, is_whole = follow(raw, size)
        assert not is_whole


@pytest.mark.parametrize("status", NO_STATUSES)
def test_a_status_is_three_digits_or_none(status: bytes) -> None:
    framer, _ = follow(b"HTTP/1.1" + status + b"\r\nContent-Length: 2\r\n\r\nhi")
    assert framer.head is not None
    assert (framer.head.status, framer.head.effective_status) == (None, 200)


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-Server\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nhi", b"Status: 200\r\n\r\nhi"]
)
def test_what_is_no_response_has_no_head(raw: bytes) -> None:
    framer, _ = follow(raw)
    assert framer.head is None


def test_nothing_follows_the_head_that_was_asked_for() -> None:
    framer, is_whole = follow(OK + b"Content-Length: 5\r\n\r\n", is_bodiless=True)
    assert is_whole
    assert not framer.deviations


def test_what_follows_a_switch_of_protocols_belongs_to_it() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello"
    framer, is_whole = follow(raw)
    assert is_whole
    assert framer.end == len(raw)


def test_a_style_sheet_is_no_chunk() -> None:
    """Other archives undo the chunks and keep the word; `a {` looks like a size with text behind it."""
    headers = [(b"Transfer-Encoding", b"chunked")]
    assert cut_payload(headers, b"a {\n color: red }\n") == b"a {\n color: red }\n"


HEAD_PARTS = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 204 N\r\n", b"Content-Length: 5\r\n"]
FIELD_PARTS = [b"Content-Length: +3\r\n", b"Transfer-Encoding: chunked\r\n", b" ", b":", b"a"]
BODY_PARTS = [b"\r\n", b"\n", b"\r", b"5\r\n", b"2 x\n", b"hello", b"0\r\n"]
PART = st.sampled_from([*HEAD_PARTS, *FIELD_PARTS, *BODY_PARTS])


@given(parts=st.lists(PART, max_size=14), size=st.integers(1, 9))
def test_it_does_not_matter_how_the_bytes_come(parts: list[bytes], size: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + b"".join(parts)
    whole, is_whole = follow(raw)
    pieces, is_whole_again = follow(raw, size)
    assert is_whole == is_whole_again
    assert (whole.end, whole.head, set(whole.deviations)) == (pieces.end, pieces.head, set(pieces.deviations))
    if is_whole and whole.head is not None:
        assert parse_head(split_interim(raw[: whole.end])[1]) == whole.head


# curl takes a head without an end for a response without a body, and the response behind a 101 for the body of that.
READ_OTHERWISE = {"curl-1513-data", "curl-1539-data", "llhttp-invalid-11", "curl-1704-data"}


@needs_shared
@pytest.mark.skipif(not REPLIES.is_dir(), reason=f"no replies at {REPLIES}")
def test_what_curl_accepts_is_read_alike() -> None:
    """Raw replies out of other projects' test suites, with what curl makes of each."""
    accepted = 0
    differ = set()
    for line in (REPLIES / "index.jsonl").read_text("utf-8").splitlines():
        reply = json.loads(line)
        if not reply["accepted"]:
            continue
        accepted += 1
        raw = (REPLIES / f"{reply['name']}.http").read_bytes()
        framer, is_whole = follow(raw, 40)
        if not is_whole or hashlib.sha256(read_body(framer, raw)).hexdigest() != reply["body_sha256"]:
            differ.add(reply["name"])
    assert accepted > 500
    assert differ == READ_OTHERWISE


def test_every_deviation_has_a_plain_name() -> None:
    assert all(name.isascii() and name == name.lower() and " " not in name for name in Deviation)
