"""Builds the Scrapy response of a capture from its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from scrapy.http import Headers
from scrapy.responsetypes import responsetypes

from archives.errors import RecordError
from archives.warc.content_codings import decode_body
from archives.warc.messages import UPGRADED, cut_payload
from archives.warc.reader import MAX_CONTENT_BYTES
from archives.warc.records import Truncated
from crawler.runs.run import META_CAPTURE
from pipelines.page.document import CaptureRef, Document, ends_html

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from scrapy.http import Response

    from archives.warc.http_responses import Answer
    from archives.warc.messages import Head
    from archives.warc.reader import Capture

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_NOT_MODIFIED: Final = 304
FLAG_RENDERED: Final = "rendered"
# Whether a response that ended in one of these ways is complete, its document shows.
MAY_BE_COMPLETE: Final = frozenset((Truncated.DISCONNECT, Truncated.TIME, Truncated.UNSPECIFIED))


def build_response(capture: Capture, url: str, *, flags: list[str] | None = None) -> Response:
    """Return the response of a capture, its content coding still on.

    Args:
        capture: a revisit must have been resolved.
        url: the address under which it was requested.

    Raises:
        archives.errors.RecordError: the capture holds no HTTP response.
    """
    return make_response(capture.head, capture.payload, url, flags=flags)


def make_response(
    head: Head, body: bytes, url: str, *, flags: list[str] | None = None, ip: IPv4Address | IPv6Address | None = None
) -> Response:
    """Return what Scrapy passes on for a head and a body without transfer coding."""
    headers = Headers(head.headers)
    kind = responsetypes.from_args(headers=headers, url=url, body=body)
    return kind(
        url=url,
        status=head.effective_status,
        headers=headers,
        body=body,
        flags=flags,
        ip_address=ip,
        protocol=head.version.decode("latin-1"),
    )


def has_page(status: int | None) -> bool:
    """Return whether a response of a status is shown as a page by browsers, and is no error.

    Args:
        status: None if the response states none.
    """
    is_redirect = status in REDIRECTS or status == _NOT_MODIFIED
    return status in (None, UPGRADED) or (HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST and not is_redirect)


def holds_complete_page(answer: Answer) -> bool:
    """Return whether the HTML of a response ends, although the response was to be longer."""
    codings = b",".join(answer.head.get_all(b"Content-Encoding")).decode("latin-1").split(",")
    try:
        payload = cut_payload(answer.head.headers, answer.block[answer.head_size :])
        return ends_html(decode_body(payload, codings, max_bytes=MAX_CONTENT_BYTES))
    except RecordError:
        return False


def refer_to(capture: Capture) -> CaptureRef:
    """Return the post's word for a capture; of a 304, for the capture that it found unchanged."""
    is_unmodified = capture.refers_to is not None and capture.refers_to.is_unmodified
    holder = capture.original if is_unmodified and capture.original else capture
    return CaptureRef(
        record_id=holder.record_id,
        captured_at=holder.captured_at,
        payload_digest=holder.payload_digest,
        file=holder.filename,
        offset=holder.offset,
    )


def build_document(response: Response) -> Document:
    """Return a response as `pipelines.read` takes it; the instant is now where nothing is captured."""
    is_rendered = FLAG_RENDERED in response.flags
    capture: CaptureRef | None = response.meta.get(META_CAPTURE)
    sent = build_sent(response)
    return replace(
        sent,
        captured_at=capture.captured_at if capture else datetime.now(UTC),
        capture=capture,
        asked=tuple(response.meta.get("redirect_urls", ())),
        is_rendered=is_rendered,
        head=() if is_rendered else sent.head,  # the header fields are those of what was sent
    )


def build_sent(response: Response) -> Document:
    """Return a response as a document of which nothing is known but what was sent."""
    return Document(
        body=response.body,
        url=response.url,
        content_type=response.headers.get(b"Content-Type") or b"",
        head=tuple((key.lower(), value) for key, values in response.headers.items() for value in values),
    )
