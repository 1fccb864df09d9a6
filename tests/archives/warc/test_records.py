"""Records are their block with a header in front; no value can add a line to that header."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.captures.secrets import mask_secrets
from archives.errors import RecordError
from archives.warc.digests import build_digest
from archives.warc.records import (
    BuiltRecord,
    Truncated,
    build_exchange,
    build_record_id,
    build_resource,
    build_warcinfo,
    quote_uri,
)
from tests.archives.conftest import BEGAN_AT, REQUEST, RESPONSE, count_ids
from tests.archives.conftest import build_exchange as make_exchange

WARCINFO_ID = build_record_id(uuid.UUID(int=9))


def build_all(**changes: object) -> list[BuiltRecord]:
    return build_exchange(make_exchange(7, **changes), warcinfo_id=WARCINFO_ID, new_id=count_ids())


def read_header(record: BuiltRecord) -> list[tuple[str, str]]:
    head = record.data.partition(b"\r\n\r\n")[0].decode()
    version, *lines = head.split("\r\n")
    assert version == "WARC/1.1"
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def test_a_response_record_to_the_byte() -> None:
    block = RESPONSE.replace(b"hello", b"00007")
    response, request = build_all(cipher_suite="TLS_AES_128_GCM_SHA256", truncated=Truncated.LENGTH)
    assert response.data == (
        b"WARC/1.1\r\n"
        b"WARC-Type: response\r\n"
        b"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>\r\n"
        b"WARC-Date: 2026-03-04T02:21:18.123456Z\r\n"
        b"WARC-Target-URI: http://example.com/7\r\n"
        b"WARC-Warcinfo-ID: <urn:uuid:00000000-0000-0000-0000-000000000009>\r\n"
        b"WARC-IP-Address: 192.0.2.7\r\n"
        b"WARC-Cipher-Suite: TLS_AES_128_GCM_SHA256\r\n"
        b"WARC-Payload-Digest: " + build_digest(b"00007").encode() + b"\r\n"
        b"WARC-Truncated: length\r\n"
        b"Content-Type: application/http;msgtype=response\r\n"
        b"WARC-Block-Digest: " + build_digest(block).encode() + b"\r\n"
        b"Content-Length: " + str(len(block)).encode() + b"\r\n"
        b"\r\n" + block + b"\r\n\r\n"
    )
    assert dict(read_header(request)) == {
        "WARC-Type": "request",
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000002>",
        "WARC-Date": "2026-03-04T02:21:18.123456Z",
        "WARC-Target-URI": "http://example.com/7",
        "WARC-Warcinfo-ID": "<urn:uuid:00000000-0000-0000-0000-000000000009>",
        "WARC-IP-Address": "192.0.2.7",
        "WARC-Cipher-Suite": "TLS_AES_128_GCM_SHA256",
        "WARC-Concurrent-To": "<urn:uuid:00000000-0000-0000-0000-000000000001>",
        "Content-Type": "application/http;msgtype=request",
        "WARC-Block-Digest": build_digest(REQUEST),
        "Content-Length": str(len(REQUEST)),
    }


def test_interim_responses_stand_in_a_metadata_record() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    response, _, metadata = build_all(raw_response=interim + RESPONSE)
    header = dict(read_header(metadata))
    assert (response.block, metadata.block) == (RESPONSE, interim)
    assert header["WARC-Type"] == "metadata"
    assert "WARC-Target-URI" not in header
    assert header["WARC-Concurrent-To"] == response.record_id
    assert header["WARC-Date"] == dict(read_header(response))["WARC-Date"]
    assert "WARC-Payload-Digest" not in header


def test_a_connection_that_ended_after_interim_responses_keeps_them() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    response, _ = build_all(raw_response=interim, truncated=Truncated.DISCONNECT)
    assert response.block == interim


@pytest.mark.parametrize(
    ("raw", "payload"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", b"\x1f\x8b"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
    ],
)
def test_payload_digest_is_over_the_transfer_decoded_body(raw: bytes, payload: bytes) -> None:
    response = build_all(raw_response=raw)[0]
    assert response.payload_digest == build_digest(payload)
    assert dict(read_header(response))["WARC-Payload-Digest"] == build_digest(payload)


def test_a_request_with_a_body_has_a_payload_digest() -> None:
    request = build_all(raw_request=b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nq=1")[1]
    assert dict(read_header(request))["WARC-Payload-Digest"] == build_digest(b"q=1")


def test_dates_are_utc_whatever_the_zone() -> None:
    at = BEGAN_AT.astimezone(timezone(timedelta(hours=8)))
    assert dict(read_header(build_all(began_at=at)[0]))["WARC-Date"] == "2026-03-04T02:21:11.123456Z"


@given(url=st.text(max_size=60))
def test_no_address_can_add_a_header_line(url: str) -> None:
    names = [name for name, _ in read_header(build_all(url="http://example.com/" + url)[0])]
    assert names == [name for name, _ in read_header(build_all()[0])]
    assert quote_uri(quote_uri(url)) == quote_uri(url)


@pytest.mark.parametrize(
    ("url", "quoted"),
    [
        ("http://example.com/a?b=%20#c", "http://example.com/a?b=%20#c"),
        ("http://example.com/a b\r\nX: y", "http://example.com/a%20b%0D%0AX:%20y"),
        ("http://example.com/é<>", "http://example.com/%C3%A9%3C%3E"),
        ("http://example.com/\ud800", "http://example.com/%ED%A0%80"),
    ],
)
def test_quote_uri(url: str, quoted: str) -> None:
    assert quote_uri(url) == quoted


@pytest.mark.parametrize("value", ["192.0.2.7\r\nWARC-Type: x", "a\nb", "a\x00b", "a\x85b", "a\u2028b"])
def test_no_value_can_add_a_header_line(value: str) -> None:
    with pytest.raises(RecordError, match="control character"):
        build_all(ip=value)
    with pytest.raises(RecordError, match="control character"):
        build_all(cipher_suite=value)
    with pytest.raises(RecordError, match="control character"):
        build_resource("urn:x", value, b"", at=BEGAN_AT, warcinfo_id=WARCINFO_ID, record_id=WARCINFO_ID)


def build_info(**info: str) -> BuiltRecord:
    return build_warcinfo(info, filename="a.warc.gz", at=BEGAN_AT, record_id=WARCINFO_ID)


def test_warcinfo_says_who_wrote_the_file() -> None:
    record = build_info(software="newsreel", operator="Zoë")
    header = dict(read_header(record))
    assert record.block.startswith("software: newsreel\r\noperator: Zoë\r\nformat: WARC File Format 1.1\r\n".encode())
    assert header["WARC-Filename"] == "a.warc.gz"
    assert not {"WARC-Target-URI", "WARC-Warcinfo-ID", "WARC-Payload-Digest"} & set(header)


@pytest.mark.parametrize("info", [{"operator": "a\r\nrobots: ignore"}, {"a: b": "c"}, {"": "c"}, {"a\n": "c"}])
def test_warcinfo_fields_stand_on_one_line(info: dict[str, str]) -> None:
    with pytest.raises(RecordError):
        build_info(**info)


def test_resource_payload_is_its_block() -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    record = build_resource(
        "urn:newsreel:log", "text/plain", b"hello", at=at, warcinfo_id=WARCINFO_ID, record_id=WARCINFO_ID
    )
    header = dict(read_header(record))
    assert header["WARC-Payload-Digest"] == header["WARC-Block-Digest"] == build_digest(b"hello")
    assert header["WARC-Target-URI"] == "urn:newsreel:log"


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        (b"Cookie: a=1; b=2\r\n", b"Cookie: ********\r\n"),
        (b"cOOkie:a=1\n", b"cOOkie:***\n"),
        (b"Authorization:   Basic eA==  \r\n", b"Authorization:   ************\r\n"),
        (b"Proxy-Authorization : x y\r\n", b"Proxy-Authorization : ***\r\n"),
        (
            b"Cookie: a\r\n  folded \r\n\ttoo\r\nX: kept\r\n",
            b"Cookie: *\r\n  *******\r\n\t***\r\nX: kept\r\n",
        ),
        (b"Cookie: a\rb\r\n", b"Cookie: ***\r\n"),
        (b"Cookie: a=1\r\nCookie: b=2\r\n", b"Cookie: ***\r\nCookie: ***\r\n"),
        (b"X-Cookie: a\r\nX: Cookie: b\r\n", b"X-Cookie: a\r\nX: Cookie: b\r\n"),
        (b"Cookie:\r\n", b"Cookie:\r\n"),
        (b"Cookie\r\n", b"Cookie\r\n"),
    ],
)
def test_mask_secrets(raw: bytes, masked: bytes) -> None:
    before, after = b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\nCookie: of the body\r\n"
    assert len(raw) == len(masked)
    assert mask_secrets(before + raw + after) == before + masked + after


@given(secret=st.binary(min_size=1, max_size=30).filter(lambda value: b"\n" not in value))
def test_masking_keeps_every_position(secret: bytes) -> None:
    raw = b"GET / HTTP/1.1\r\nCookie: " + secret + b"\r\nHost: x\r\n\r\n"
    masked = mask_secrets(raw)
    assert len(masked) == len(raw)
    assert mask_secrets(masked) == masked
    assert {i for i in range(len(raw)) if raw[i] != masked[i]} <= set(range(24, 24 + len(secret)))
    assert not set(masked[24 : 24 + len(secret)]) - set(b"* \t\r")


def test_what_is_odd_and_what_is_too_much_stands_beside_the_response() -> None:
    response, _, said, surplus = build_all(deviations=("odd-version", "bytes-behind"), surplus=b"more")
    assert response.block == RESPONSE.replace(b"hello", b"00007")
    assert (said.block, surplus.block) == (b"http-deviation: odd-version\r\nhttp-deviation: bytes-behind\r\n", b"more")
    fields = [dict(read_header(record)) for record in (said, surplus)]
    assert [of["Content-Type"] for of in fields] == ["application/warc-fields", "application/octet-stream"]
    assert all(of["WARC-Type"] == "metadata" and "WARC-Target-URI" not in of for of in fields)
    assert all(of["WARC-Concurrent-To"] == response.record_id for of in fields)
    with pytest.raises(RecordError, match="cannot name a field"):
        build_all(deviations=("two\r\nlines",))
