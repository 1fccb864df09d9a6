"""Builds WARC/1.1 records from the bytes of an exchange.

Record builders of WARC libraries parse a message and write it again, which changes it; these only ever put a
header in front of the block they were given. They run for every page of a crawl, so they only concatenate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from archives.errors import RecordError
from archives.urls import format_warc_date
from archives.warc.digests import build_digest
from archives.warc.http_responses import Answer, build_answer
from archives.warc.messages import find_payload

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

_VERSION_LINE: Final = "WARC/1.1\r\n"
RECORD_END: Final = b"\r\n\r\n"
# What came behind the end of a response, whatever it is.
SURPLUS_TYPE: Final = "application/octet-stream"
_PROFILE_URI: Final = "http://netpreserve.org/warc/1.1/revisit/"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_UNSAFE_IN_URI: Final = re.compile(r"[^\x21-\x3b\x3d\x3f-\x7e]")


class RecordType(StrEnum):
    """The record types of the standard.

    Spec: WARC/1.1 §6.
    """

    WARCINFO = "warcinfo"
    RESPONSE = "response"
    RESOURCE = "resource"
    REQUEST = "request"
    METADATA = "metadata"
    REVISIT = "revisit"
    CONVERSION = "conversion"
    CONTINUATION = "continuation"


class Truncated(StrEnum):
    """Why a block is shorter than what was sent.

    Spec: WARC/1.1 §5.15 WARC-Truncated.
    """

    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One HTTP request and its response as bytes on the wire.

    Attributes:
        began_at: aware; the instant the request was sent.
        raw_response: interim (1xx) responses included.
        ip: of the peer the connection went to.
        cipher_suite: of the TLS connection; None for plain HTTP.
        truncated: why `raw_response` ends early, if it does.
        deviations: in what the response departs from HTTP, by the names of `archives.warc.framing.Deviation`.
        surplus: what came behind the end of the response.
    """

    url: str
    began_at: datetime
    raw_request: bytes
    raw_response: bytes
    ip: str | None = None
    cipher_suite: str | None = None
    truncated: Truncated | None = None
    deviations: tuple[str, ...] = ()
    surplus: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a capture was written.

    Attributes:
        record_id: of the response, revisit or resource record.
        url: as written, with what may not be in a header percent-encoded.
        filename: as it will be once the file is closed.
        offset: bytes from the start of the file.
        length: of the gzip member.
        is_revisit: the payload is in an earlier capture.
    """

    record_id: str
    captured_at: datetime
    payload_digest: str
    filename: str
    offset: int
    length: int
    url: str
    is_revisit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A capture that holds its payload itself, as a revisit names it.

    Attributes:
        url: as it is in the record.
        etag: the entity tag it was sent with; empty if it had none.
    """

    record_id: str
    url: str
    captured_at: datetime
    payload_digest: str
    is_chunked: bool = False
    etag: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRecord:
    """A record ready to be compressed; its parts stand apart, because together they would be the block once more.

    Attributes:
        payload_digest: empty for a record without payload.
        dense_at: where bytes of `block` begin that are compressed already; None if there are none.
    """

    record_id: str
    header: bytes
    block: bytes
    payload_digest: str = ""
    dense_at: int | None = None
    is_revisit: bool = False

    @property
    def data(self) -> bytes:
        """All of it: header, block and the two line ends that close a record."""
        return b"".join((self.header, self.block, RECORD_END))


def build_record_id(value: uuid.UUID) -> str:
    """A UUID as the URI of a record, in the angle brackets the grammar asks for."""
    return f"<urn:uuid:{value}>"


def quote_uri(url: str) -> str:
    """Percent-encode what may not be in a record's header: spaces, controls, `<>`, non-ASCII."""
    return _UNSAFE_IN_URI.sub(_quote_character, url)


def _quote_character(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def build_exchange(
    exchange: Exchange,
    *,
    warcinfo_id: str,
    new_id: Callable[[], uuid.UUID],
    answer: Answer | None = None,
    original: Original | None = None,
    algorithm: str = "sha1",
) -> list[BuiltRecord]:
    """The records of one capture event: response or revisit, request, and metadata for what has no place in those.

    Interim responses stand apart because the block of a response record holds one message, a 304 because replay
    would show it in the place of its original.

    Args:
        answer: of `exchange`, if it has been built.
        original: makes a revisit of the response.
        algorithm: of the digests.

    Spec: WARC/1.1 §6.3 response, §6.5 request, §6.6 metadata, §6.7 revisit.
    """
    answer = answer or build_answer(exchange.raw_response, algorithm)
    shared = _build_shared_fields(exchange, warcinfo_id)
    capture_id = build_record_id(new_id())
    apart = answer.interim
    if original is None:
        capture = build_response(answer, shared, capture_id, truncated=exchange.truncated, algorithm=algorithm)
    else:
        capture = build_revisit(answer, original, shared, capture_id, algorithm)
        apart += answer.block if answer.head.status == 304 else b""
    concurrent = f"WARC-Concurrent-To: {capture_id}\r\n"
    built = [capture, build_request(exchange.raw_request, shared + concurrent, build_record_id(new_id()), algorithm)]
    if apart or exchange.deviations or exchange.surplus:
        fields = _build_shared_fields(exchange, warcinfo_id, is_addressed=False) + concurrent
        built += _build_remarks(exchange, apart, fields, new_id, algorithm)
    return built


def _build_remarks(
    exchange: Exchange, apart: bytes, fields: str, new_id: Callable[[], uuid.UUID], algorithm: str
) -> Iterator[BuiltRecord]:
    if apart:
        yield build_metadata(apart, fields, build_record_id(new_id()), algorithm=algorithm)
    if exchange.deviations:
        lines = "".join(f"http-deviation: {_check_token(name)}\r\n" for name in exchange.deviations).encode("ascii")
        kind = "application/warc-fields"
        yield build_metadata(lines, fields, build_record_id(new_id()), content_type=kind, algorithm=algorithm)
    if exchange.surplus:
        record_id = build_record_id(new_id())
        yield build_metadata(exchange.surplus, fields, record_id, content_type=SURPLUS_TYPE, algorithm=algorithm)


def build_response(
    answer: Answer, shared: str, record_id: str, *, truncated: Truncated | None = None, algorithm: str = "sha1"
) -> BuiltRecord:
    """A response record whose block is that of `answer` exactly."""
    block = answer.block
    reason = f"WARC-Truncated: {truncated}\r\n" if truncated else ""
    fields = (
        f"{shared}WARC-Payload-Digest: {answer.payload_digest}\r\n{reason}"
        "Content-Type: application/http;msgtype=response\r\n"
    )
    header = _build_header(RecordType.RESPONSE, record_id, fields, block, algorithm)
    dense_at = answer.head_size if answer.is_dense else None
    return BuiltRecord(
        record_id=record_id, header=header, block=block, payload_digest=answer.payload_digest, dense_at=dense_at
    )


def build_revisit(
    answer: Answer, original: Original, shared: str, record_id: str, algorithm: str = "sha1"
) -> BuiltRecord:
    """A record that says a payload was seen again: with the response's head, or with no block for a 304.

    Replay tools find the original by its address and date, and show a block that holds a 304 instead of it.

    Spec: WARC/1.1 §6.7.2 identical-payload-digest, §6.7.3 server-not-modified.
    """
    if answer.head.status == 304:
        block, profile, reason = b"", "server-not-modified", ""
    else:
        block, profile = answer.block[: answer.head_size], "identical-payload-digest"
        reason = f"WARC-Truncated: {Truncated.LENGTH}\r\n"
    fields = (
        f"{shared}WARC-Profile: {_PROFILE_URI}{profile}\r\n"
        f"WARC-Refers-To: {original.record_id}\r\n"
        f"WARC-Refers-To-Target-URI: {original.url}\r\n"
        f"WARC-Refers-To-Date: {format_warc_date(original.captured_at)}\r\n"
        f"WARC-Payload-Digest: {original.payload_digest}\r\n{reason}"
        "Content-Type: application/http;msgtype=response\r\n"
    )
    header = _build_header(RecordType.REVISIT, record_id, fields, block, algorithm)
    return BuiltRecord(
        record_id=record_id, header=header, block=block, payload_digest=original.payload_digest, is_revisit=True
    )


def build_request(block: bytes, shared: str, record_id: str, algorithm: str = "sha1") -> BuiltRecord:
    """A request record; it has a payload digest only if it has a payload."""
    payload = find_payload(block)
    payload_digest = build_digest(payload, algorithm) if payload else ""
    digest_field = f"WARC-Payload-Digest: {payload_digest}\r\n" if payload else ""
    fields = f"{shared}{digest_field}Content-Type: application/http;msgtype=request\r\n"
    header = _build_header(RecordType.REQUEST, record_id, fields, block, algorithm)
    return BuiltRecord(record_id=record_id, header=header, block=block, payload_digest=payload_digest)


def build_metadata(
    block: bytes,
    shared: str,
    record_id: str,
    *,
    content_type: str = "application/http;msgtype=response",
    algorithm: str = "sha1",
) -> BuiltRecord:
    """A metadata record that keeps what is in no other record of the capture event, or says something of it.

    It says which capture it belongs to, and no address: index tools would list it as a second capture of that instant,
    and replay would show it in the place of the first.

    Args:
        block: messages, or what `content_type` says.

    Spec: WARC/1.1 §6.6 metadata.
    """
    fields = f"{shared}Content-Type: {content_type}\r\n"
    header = _build_header(RecordType.METADATA, record_id, fields, block, algorithm)
    return BuiltRecord(record_id=record_id, header=header, block=block)


def build_surplus(
    data: bytes,
    capture_id: str,
    captured_at: datetime,
    *,
    warcinfo_id: str,
    new_record_id: str,
    algorithm: str = "sha1",
) -> BuiltRecord:
    """A metadata record of bytes that came behind a response after it had been written."""
    fields = (
        f"WARC-Date: {format_warc_date(captured_at)}\r\nWARC-Warcinfo-ID: {warcinfo_id}\r\n"
        f"WARC-Concurrent-To: {capture_id}\r\n"
    )
    return build_metadata(data, fields, new_record_id, content_type=SURPLUS_TYPE, algorithm=algorithm)


def build_warcinfo(
    info: Mapping[str, str], *, filename: str, at: datetime, record_id: str, algorithm: str = "sha1"
) -> BuiltRecord:
    """The record that opens a file and says who made it, with what.

    Args:
        info: application/warc-fields; `format` and `conformsTo` are added.

    Raises:
        RecordError: a name or value cannot be on one line.

    Spec: WARC/1.1 §6.2.
    """
    fields = {
        **info,
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
    }
    lines = [f"{_check_token(name)}: {_check_value(value)}\r\n" for name, value in fields.items()]
    named = (
        f"WARC-Date: {format_warc_date(at)}\r\nWARC-Filename: {_check_value(filename)}\r\n"
        "Content-Type: application/warc-fields\r\n"
    )
    block = "".join(lines).encode()
    header = _build_header(RecordType.WARCINFO, record_id, named, block, algorithm)
    return BuiltRecord(record_id=record_id, header=header, block=block)


def build_resource(
    uri: str,
    content_type: str,
    block: bytes,
    *,
    at: datetime,
    warcinfo_id: str,
    record_id: str,
    algorithm: str = "sha1",
) -> BuiltRecord:
    """A record of bytes that came without a protocol head: a log, a run's settings.

    Spec: WARC/1.1 §6.4.
    """
    fields = (
        f"WARC-Date: {format_warc_date(at)}\r\nWARC-Target-URI: {quote_uri(uri)}\r\nWARC-Warcinfo-ID: {warcinfo_id}\r\n"
    )
    return _build_document(RecordType.RESOURCE, record_id, fields, content_type, block, algorithm)


def build_conversion(
    uri: str,
    content_type: str,
    block: bytes,
    *,
    of: str,
    at: datetime,
    warcinfo_id: str,
    record_id: str,
    algorithm: str = "sha1",
) -> BuiltRecord:
    """A record of what was made of a capture, such as the document that a browser's scripts made of a page.

    Args:
        of: record id of the capture.

    Spec: WARC/1.1 §6.8 conversion.
    """
    fields = (
        f"WARC-Date: {format_warc_date(at)}\r\nWARC-Target-URI: {quote_uri(uri)}\r\n"
        f"WARC-Warcinfo-ID: {warcinfo_id}\r\nWARC-Refers-To: {_check_value(of)}\r\n"
    )
    return _build_document(RecordType.CONVERSION, record_id, fields, content_type, block, algorithm)


def _build_document(
    kind: RecordType, record_id: str, fields: str, content_type: str, block: bytes, algorithm: str
) -> BuiltRecord:
    payload_digest = build_digest(block, algorithm)
    fields += f"WARC-Payload-Digest: {payload_digest}\r\nContent-Type: {_check_value(content_type)}\r\n"
    header = _build_header(kind, record_id, fields, block, algorithm)
    return BuiltRecord(record_id=record_id, header=header, block=block, payload_digest=payload_digest)


def build_remark(
    lines: Iterable[tuple[str, str]],
    capture_id: str,
    at: datetime,
    *,
    warcinfo_id: str,
    record_id: str,
    algorithm: str = "sha1",
) -> BuiltRecord:
    """A metadata record that says something of a capture, as names and values; see `build_metadata`."""
    fields = (
        f"WARC-Date: {format_warc_date(at)}\r\nWARC-Warcinfo-ID: {warcinfo_id}\r\nWARC-Concurrent-To: {capture_id}\r\n"
    )
    block = "".join(f"{_check_token(name)}: {_CONTROL.sub(' ', value)}\r\n" for name, value in lines).encode()
    return build_metadata(block, fields, record_id, content_type="application/warc-fields", algorithm=algorithm)


def _build_shared_fields(exchange: Exchange, warcinfo_id: str, *, is_addressed: bool = True) -> str:
    """The fields that every record of a capture event has alike, its one date first."""
    address = f"WARC-Target-URI: {quote_uri(exchange.url)}\r\n" if is_addressed else ""
    fields = f"WARC-Date: {format_warc_date(exchange.began_at)}\r\n{address}WARC-Warcinfo-ID: {warcinfo_id}\r\n"
    if exchange.ip:
        fields += f"WARC-IP-Address: {_check_value(exchange.ip)}\r\n"
    if exchange.cipher_suite:
        fields += f"WARC-Cipher-Suite: {_check_value(exchange.cipher_suite)}\r\n"
    return fields


def _build_header(record_type: RecordType, record_id: str, fields: str, block: bytes, algorithm: str) -> bytes:
    return (
        f"{_VERSION_LINE}WARC-Type: {record_type}\r\nWARC-Record-ID: {record_id}\r\n{fields}"
        f"WARC-Block-Digest: {build_digest(block, algorithm)}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode()


def _check_value(value: str) -> str:
    """`value`, which would otherwise be able to add its own field to a record's header."""
    if _CONTROL.search(value):
        raise RecordError(f"control character in the record header value {value[:80]!r}; remove it")
    return value


def _check_token(name: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise RecordError(f"{name[:80]!r} cannot name a field of a warcinfo record; use letters, digits and hyphens")
    return name
