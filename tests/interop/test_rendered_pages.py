"""A rendered page in pywb: the response that was sent, the document that a browser made of it, and the screenshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from archives.storage.collection import Collection
from archives.urls import VIEW_PREFIX, format_timestamp
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer
from tests.interop.pywb import get, needs_pywb, serve

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "http://example.com/story/1"
SENT = b"<html><div id=root></div></html>"
DOCUMENT = b"<html><h1>The pier reopens</h1></html>"
PNG = b"\x89PNG\r\n\x1a\n of the page"


@needs_pywb
def test_pywb_replays_the_response_and_the_document(tmp_path: Path) -> None:
    made_at, taken_at = BEGAN_AT + timedelta(seconds=4), BEGAN_AT + timedelta(seconds=5)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(SENT)
    with build_writer(Collection.open(tmp_path, "news", create=True), clock=lambda: taken_at) as writer:
        sent = writer.write(build_exchange(url=PAGE, raw_response=head + SENT))
        writer.write_conversion(PAGE, "text/html; charset=utf-8", DOCUMENT, of=sent.record_id, at=made_at)
        writer.write_resource(VIEW_PREFIX + PAGE, "image/png", PNG)
    with serve(tmp_path) as pywb:
        for at, url, wanted in ((BEGAN_AT, PAGE, SENT), (made_at, PAGE, DOCUMENT), (taken_at, VIEW_PREFIX + PAGE, PNG)):
            assert get(f"{pywb}/news/{format_timestamp(at)}id_/{url}") == (200, wanted), url
