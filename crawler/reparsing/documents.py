"""Captures as input of `pipelines.read`, with redirects followed inside the archive.

A crawl reads what stood behind a redirect, whether a status or a refresh said so. Here the target is
the capture of its address that is nearest in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from w3lib.url import safe_url_string

from archives.captures.revisits import read_resolved
from archives.errors import NotArchived
from archives.warc.reader import read_capture
from crawler.runs.captures import REDIRECTS, refer_to
from pipelines.discovery.refreshes import find_refresh
from pipelines.page.document import Document

if TYPE_CHECKING:
    from datetime import datetime

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.warc.reader import Capture

MAX_REDIRECTS: Final = 20
_WEB: Final = ("http://", "https://")


class RedirectLost(NotArchived):
    """A redirect whose target is not in the collection, or that never ends."""


def read_document(index: CollectionIndex, entry: IndexEntry, *, max_bytes: int) -> Document:
    """Return the document that a capture holds or redirects to.

    Args:
        max_bytes: of a capture, and of a body whose content coding is undone.

    Raises:
        RedirectLost: the target of a redirect is no address of the web, or not in the collection.
        NotArchived: the capture's file, or the original of a revisit, is not there.
        RecordError: the capture is damaged or too large.
    """
    asked: list[str] = []
    while True:
        capture = read_resolved(index, entry, max_bytes=max_bytes)
        document = build_document(capture, max_bytes=max_bytes, asked=tuple(asked))
        target = _find_target(capture, document)
        if not target or (target in (document.url, *asked) and capture.head.status not in REDIRECTS):
            return document  # a page that refreshes to itself, for ever
        asked.append(document.url)
        if len(asked) > MAX_REDIRECTS:
            raise RedirectLost(f"{asked[0]} redirects more than {MAX_REDIRECTS} times")
        entry = _find_nearest(index, target, entry.captured_at)


def build_document(capture: Capture, *, max_bytes: int, asked: tuple[str, ...] = ()) -> Document:
    """Return a capture, resolved if it is a revisit, as a document.

    Raises:
        RecordError: its content coding cannot be undone.
    """
    kinds = capture.head.get_all(b"Content-Type") if capture.is_http else [capture.mime.encode("latin-1", "replace")]
    ref = refer_to(capture)
    return Document(
        body=capture.decode(max_bytes=max_bytes),
        url=capture.url,
        content_type=kinds[0] if kinds else b"",
        captured_at=ref.captured_at,
        capture=ref,
        asked=asked,
        is_rendered=bool(capture.made_of),
        head=tuple((name.lower(), value) for name, value in capture.head.headers) if capture.is_http else (),
    )


def _find_target(capture: Capture, document: Document) -> str:
    """Return where a capture redirects to, or ''."""
    head = capture.head if capture.is_http else None
    if head is not None and head.status in REDIRECTS:
        location = head.get(b"Location")
        if location:
            return _resolve_location(capture.url, location)
    return find_refresh(document)


def _resolve_location(url: str, location: bytes) -> str:
    try:
        target = urljoin(url, safe_url_string(location.decode("latin-1")))
    except ValueError:  # such as a port of 99999
        target = ""
    if not target.startswith(_WEB):
        raise RedirectLost(f"{url} redirects to {location[:200]!r}, which is no address of the web")
    return target.partition("#")[0]


def _find_nearest(index: CollectionIndex, url: str, at: datetime) -> IndexEntry:
    # A page that redirects to its own address under https has the same key as its target.
    entry = index.find_nearest(url, at, is_exact=True) or index.find_nearest(url, at)
    if entry is None:
        raise RedirectLost(f"{url} is not in collection {index.collection.name}")
    return find_rendered(index, entry) or entry


def find_rendered(index: CollectionIndex, entry: IndexEntry) -> IndexEntry | None:
    """Return the document that a browser made of a capture, as it is in the index; None if it made none."""
    for made in index.iter_captures(entry.url, since=entry.captured_at):
        if is_made(made) and read_capture(index.collection, made).made_of == entry.record_id:
            return made
    return None


def is_made(entry: IndexEntry) -> bool:
    """Return whether an entry may be a document that a browser made: HTML of the web without a protocol head."""
    return entry.status is None and entry.mime == "text/html" and entry.url.startswith(_WEB)
