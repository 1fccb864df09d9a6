"""The payload of a message is found whatever other archives made of its framing."""

from __future__ import annotations

import pytest

from archives.warc.digests import build_digest
from archives.warc.payloads import choose_payload

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("line", [b"5", b"5;name=value", b" 5"])
@pytest.mark.parametrize("trailer", [b"", b"\r\n", b"Server-Timing: 1\r\n", b"Server-Timing: 1\r\n\r\n"])
def test_a_body_is_in_chunks_though_its_digest_is_of_the_chunks(line: bytes, trailer: bytes) -> None:
    """As wget stores it, which leaves out the empty line behind a trailer."""
    body = line + b"\r\nhello\r\n0\r\n" + trailer
    assert choose_payload(HEAD + body, build_digest(body)) == b"hello"


@pytest.mark.parametrize("body", [b"5\r\nhello", b"5\r\n", b"12\r\nmonkeys and more of them", b"a {\n}"])
def test_a_body_that_only_begins_like_a_chunk_is_what_its_digest_says(body: bytes) -> None:
    assert choose_payload(HEAD + body, build_digest(body)) == body
