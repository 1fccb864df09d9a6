"""A captured document: its bytes, its address, and its capture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (msgspec resolves the types of fields)
from typing import Final

_HTML_END: Final = re.compile(rb"</html\s*>\s*\Z", re.IGNORECASE)
_LOOKED_AT_BYTES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRef:
    """A capture in an archive.

    Attributes:
        record_id: WARC-Record-ID with its angle brackets.
        captured_at: aware UTC instant the capture began.
        payload_digest: labelled, `sha1:BASE32`.
        file: name of the WARC file inside the collection's `archive/`.
        offset: bytes from the start of that file.
    """

    record_id: str
    captured_at: datetime
    payload_digest: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one request was answered with. This is all that `pipelines.read` knows of a capture.

    Attributes:
        body: the payload, content codings undone.
        url: the address that answered, after redirects; empty if it is not known.
        content_type: value of the Content-Type header as sent, empty if there was none.
        captured_at: aware instant of the capture; None if it is not known, and then only dates that do not depend
            on it are read.
        capture: where the capture is archived; None for a document that no archive holds.
        asked: addresses that redirected to `url`, the first one first.
        is_rendered: `body` is what a browser made of the page with its scripts, and not what was sent.
        head: name, in lower case, and value of each header field of the response; empty if it is not known.
    """

    body: bytes
    url: str = ""
    content_type: bytes = b""
    captured_at: datetime | None = None
    capture: CaptureRef | None = None
    asked: tuple[str, ...] = ()
    head: tuple[tuple[bytes, bytes], ...] = ()
    is_rendered: bool = False


def ends_html(body: bytes) -> bool:
    """Return whether bytes end as an HTML document does, so that nothing of it can be missing."""
    return _HTML_END.search(body, max(0, len(body) - _LOOKED_AT_BYTES)) is not None
