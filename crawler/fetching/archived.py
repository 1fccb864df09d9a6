"""A capture as Scrapy would have seen it: the response that a crawl passed on, made again from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.http import Headers
from scrapy.utils._download_handlers import make_response

from pipelines.page.document import CaptureRef

if TYPE_CHECKING:
    from scrapy.http import Response

    from archives.warc.reader import Capture


def build_response(capture: Capture, url: str, *, flags: list[str] | None = None) -> Response:
    """Return the response of a capture, its content coding still on.

    Args:
        capture: a revisit must have been resolved.
        url: the address under which it was asked for.

    Raises:
        archives.errors.RecordError: the capture holds no HTTP response.
    """
    head, body = capture.head, capture.payload
    headers = Headers()
    for name, value in head.headers:
        headers.appendlist(name, value)
    return make_response(url=url, status=head.status or 200, headers=headers, body=body, flags=flags)


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
