"""Requests made for a browser, marked so that they are not followed, retried or revalidated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from archives.warc.http_responses import load_head
from archives.warc.messages import cut_payload, find_head_size, is_bare_document, split_interim
from crawler.fetching.pauses import META_WAITS
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from crawler.sources import Source

_KINDS: Final = frozenset((LinkKind.ARTICLE, LinkKind.CATEGORY, LinkKind.NEXT_PAGE, LinkKind.OTHER))
META_RELAY: Final = "relay"
_SLOT: Final = "render "
# Fields of one connection, or about our connection rather than the browser's.
_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"alt-svc",
        b"content-length",
    )
)


class Relay:
    """What a request was answered with, as it came: the download handler leaves it here."""

    def __init__(self) -> None:
        self._raw = b""

    def receive(self, raw_response: bytes) -> None:
        """Take over the bytes of a response, interim responses included, before secrets are starred out."""
        self._raw = raw_response

    def build_message(self) -> bytes:
        """Return the response for the browser, framed by its length; empty if none came."""
        _, block = split_interim(self._raw)
        size = find_head_size(block)
        head = load_head(block[:size])
        if not head.version and not is_bare_document(block):
            return b""
        body = cut_payload(head.headers, block[size:])
        return build_message(head.effective_status, [h for h in head.headers if h[0].lower() not in _HOP], body)


def build_message(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Return an HTTP response whose connection stays open."""
    lines = [b"HTTP/1.1 %d -" % status, *(b"%s: %s" % header for header in headers)]
    if status not in (204, 304):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + body


def build_relayed(method: str, url: str, headers: dict[str, list[str]], body: bytes, relay: Relay) -> Request:
    """Return the request by which we ask in a browser's place.

    A page asks for much at a time, so these requests have their own slot, beside that of the host's pages.
    """
    host = url.partition("//")[2].partition("/")[0]
    meta = {
        META_RELAY: relay,
        META_WAITS: True,
        "dont_redirect": True,
        "dont_retry": True,
        "autothrottle_dont_adjust_delay": True,
        "download_slot": _SLOT + host,
    }
    return Request(url, method=method, headers=headers, body=body, meta=meta, callback=NO_CALLBACK, dont_filter=True)


def is_relay_admitted(source: Source, url: str) -> bool:
    """Return whether a rendered page may fetch an address: from the source's scope, and where `[render]` says."""
    return source.admits(url) or (source.render is not None and source.render.scope.admits(url))


def is_for_browser(source: Source, url: str) -> bool:
    """Return whether a page may be opened in a browser: an article or a page that lists some."""
    wanted = source.render is not None and source.render.when != "never"
    return wanted and source.find_kind(url) in _KINDS
