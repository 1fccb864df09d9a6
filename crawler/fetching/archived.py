"""Builds the Scrapy response of a capture from its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from scrapy.http import Headers
from scrapy.responsetypes import responsetypes

from crawler.runs.run import META_CAPTURE
from pipelines.page.document import Document

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from scrapy.http import Response

    from archives.warc.messages import Head
    from archives.warc.reader import Capture
    from pipelines.page.document import CaptureRef

FLAG_RENDERED: Final = "rendered"


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
    response = kind(
        url=url,
        status=head.effective_status,
        body=body,
        flags=flags,
        ip_address=ip,
        protocol=head.version.decode("latin-1"),
    )
    response.headers = headers  # the constructor would copy them
    return response


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
