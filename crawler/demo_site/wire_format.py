"""Turns an answer into bytes, with the quirks of real servers.

Which habit an address has follows from the address alone: the same request always gets the same bytes.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK_BYTES = 700


class Coding(StrEnum):
    """How a body is coded, where the client accepts that."""

    IDENTITY = "identity"
    GZIP = "gzip"
    DEFLATE = "deflate"
    CHUNKED = "chunked"
    GZIP_CHUNKED = "gzip, chunked"


class Quirk(StrEnum):
    """What is odd about a response head."""

    NONE = "none"
    REPEATS = "repeated headers"
    CASING = "odd casing"
    SPACING = "odd spacing"
    LATIN1 = "latin-1 value"
    FOLDED = "folded line"
    NO_REASON = "empty reason phrase"
    OLD = "HTTP/1.0, delimited by the close"


_QUIRK_LINES: dict[Quirk, tuple[bytes, ...]] = {
    Quirk.REPEATS: (
        b"Set-Cookie: reader=loop; Path=/",
        b"X-Note: one",
        b"Set-Cookie: tide=high",
        b"X-Note: two",
    ),
    Quirk.SPACING: (b"X-Odd:no-space", b"X-Pad:    x   ", b"X-Tab:\tx\t"),
    Quirk.LATIN1: (b"X-Place: Caf\xe9 am Hafen, M\xf6we",),
    Quirk.FOLDED: (b"X-Folded: set in two", b"\tlines by an old press"),
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the paper answers, before it is coded. With `modified` the answer can be revalidated."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    modified: datetime | None = None

    @property
    def etag(self) -> str:
        """A strong validator made of the body."""
        return f'"{sha256(self.body).hexdigest()[:16]}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request: `head` is its raw bytes, `attempt` counts the requests for the same path from 1."""

    method: str
    target: str
    head: bytes
    attempt: int = 1

    def find_header(self, name: str) -> str | None:
        """The first value of a header, trimmed."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode("latin-1").strip().lower() == name.lower():
                return value.decode("latin-1").strip()
        return None


def choose(address: str, options: Sequence[T], salt: str) -> T:
    """Pick one of the options by the address, the same one every time."""
    return options[zlib.crc32((salt + address).encode()) % len(options)]


def choose_coding(address: str, request: Request) -> Coding:
    """The coding of the answer under an address, or the nearest the client accepts."""
    coding = choose(address, tuple(Coding), "coding")
    accepted = request.find_header("Accept-Encoding") or ""
    if coding in {Coding.GZIP, Coding.GZIP_CHUNKED} and "gzip" not in accepted:
        return Coding.IDENTITY if coding is Coding.GZIP else Coding.CHUNKED
    if coding is Coding.DEFLATE and "deflate" not in accepted:
        return Coding.IDENTITY
    return coding


def choose_quirk(address: str) -> Quirk:
    """The oddity of the head under an address."""
    return choose(address, tuple(Quirk), "quirk")


def is_unchanged(answer: Answer, request: Request) -> bool:
    """Whether the client already holds this answer.

    Spec: RFC 9110 §13.2.2 (If-None-Match goes before If-Modified-Since).
    """
    if answer.modified is None or answer.status != 200:
        return False
    if (tags := request.find_header("If-None-Match")) is not None:
        return tags == "*" or answer.etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    if (since := request.find_header("If-Modified-Since")) is None:
        return False
    try:
        return answer.modified <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # TypeError: a date that names no zone cannot be compared
        return False


def build_response(address: str, answer: Answer, request: Request, *, now: datetime) -> bytes:
    """The raw bytes of the whole response; `now` is what the Date header says."""
    unchanged = is_unchanged(answer, request)
    quirk = choose_quirk(address) if answer.status == 200 and not unchanged else Quirk.NONE
    coding = choose_coding(address, request) if answer.status == 200 else Coding.IDENTITY
    lines = [_build_status_line(304 if unchanged else answer.status, quirk)]
    lines.append(b"sErVeR: Loopback Press" if quirk is Quirk.CASING else b"Server: Loopback Press")
    lines.append(_build_line("Date", format_http_date(now)))
    lines += [_build_line(name, value) for name, value in (*answer.headers, *_list_validators(answer))]
    lines += _QUIRK_LINES.get(quirk, ())
    if unchanged:
        return b"\r\n".join([*lines, b"", b""])
    lines.append(_build_line("cOnTeNt-TyPe" if quirk is Quirk.CASING else "Content-Type", answer.content_type))
    framing, body = _encode(answer.body, coding, is_framed=quirk is not Quirk.OLD)
    head = b"\r\n".join([*lines, *framing, b"", b""])
    return head if request.method == "HEAD" else head + body


def format_http_date(instant: datetime) -> str:
    """An instant as HTTP writes it."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def _build_status_line(status: int, quirk: Quirk) -> bytes:
    version = "1.0" if quirk is Quirk.OLD else "1.1"
    reason = "" if quirk is Quirk.NO_REASON else HTTPStatus(status).phrase
    return f"HTTP/{version} {status} {reason}".encode("ascii")


def _build_line(name: str, value: str) -> bytes:
    return f"{name}: {value}".encode("ascii")


def _list_validators(answer: Answer) -> tuple[tuple[str, str], ...]:
    if answer.modified is None:
        return ()
    return (("ETag", answer.etag), ("Last-Modified", format_http_date(answer.modified)))


def _encode(body: bytes, coding: Coding, *, is_framed: bool) -> tuple[list[bytes], bytes]:
    """The header lines that tell of coding and framing, and the body as it is sent."""
    lines = []
    if coding in {Coding.GZIP, Coding.GZIP_CHUNKED}:
        lines, body = [b"Content-Encoding: gzip"], gzip.compress(body, mtime=0)
    elif coding is Coding.DEFLATE:
        lines, body = [b"Content-Encoding: deflate"], zlib.compress(body)
    if not is_framed:
        return lines, body
    if coding in {Coding.CHUNKED, Coding.GZIP_CHUNKED}:
        return [*lines, b"Transfer-Encoding: chunked"], _build_chunks(body)
    return [*lines, b"Content-Length: %d" % len(body)], body


def _build_chunks(body: bytes) -> bytes:
    pieces = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
