"""What a capture is to a run: whether it holds a page, and how a post refers to it.

Nothing here needs Scrapy, whose classes take a reparse longer to import than a hundred pages to read.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from archives.errors import RecordError
from archives.warc.content_codings import decode_body
from archives.warc.messages import UPGRADED, cut_payload
from archives.warc.reader import MAX_CONTENT_BYTES
from archives.warc.records import Truncated
from pipelines.page.document import CaptureRef, ends_html

if TYPE_CHECKING:
    from archives.warc.http_responses import Answer
    from archives.warc.reader import Capture
    from archives.warc.records import Location

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_NOT_MODIFIED: Final = 304
# Whether a response that ended in one of these ways is complete, its document shows.
MAY_BE_COMPLETE: Final = frozenset((Truncated.DISCONNECT, Truncated.TIME, Truncated.UNSPECIFIED))


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
    """Return a post's reference to a capture; for a 304, to the capture that it found unchanged."""
    is_unmodified = capture.refers_to is not None and capture.refers_to.is_unmodified
    return build_ref(capture.original if is_unmodified and capture.original else capture)


def build_ref(place: Capture | Location) -> CaptureRef:
    """Return a post's reference to a record of the archive."""
    return CaptureRef(
        record_id=place.record_id,
        captured_at=place.captured_at,
        payload_digest=place.payload_digest,
        file=place.filename,
        offset=place.offset,
    )
