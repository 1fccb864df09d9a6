"""The page list of a collection: where a reader of a WACZ file begins.

Whoever crawled may leave a list in the collection, with titles; without one, every HTML page that was captured is on
it.

Spec: WACZ 1.1.1 §5.3 pages.jsonl.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from archives.catalogue import CollectionIndex
from archives.urls import format_warc_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.cdxj import IndexEntry
    from archives.collection import Collection

PAGES_NAME: Final = "pages.jsonl"
_HEADER: Final = {"format": "json-pages-1.0", "id": "pages", "title": "Pages"}
_PAGE_MIMES: Final = ("text/html", "application/xhtml+xml")


def iter_page_lines(collection: Collection) -> Iterator[bytes]:
    """The lines of the page list, header first, each with its end."""
    path = collection.pages_dir / PAGES_NAME
    if path.is_file():
        with path.open("rb") as stream:
            yield from stream
        return
    yield dump_page_line(_HEADER)
    with CollectionIndex(collection) as index:
        for entry in index.iter_entries():
            if is_page(entry):
                # The page id is the record's, without its brackets and scheme.
                name = entry.record_id.strip("<>").removeprefix("urn:uuid:")
                ts = format_warc_date(entry.captured_at)
                yield dump_page_line({"id": name, "url": entry.url, "ts": ts})


def is_page(entry: IndexEntry) -> bool:
    """Whether a capture is a page that a person would look at."""
    return entry.status == 200 and entry.mime in _PAGE_MIMES and entry.url.startswith("http")


def dump_page_line(fields: dict[str, str]) -> bytes:
    """One line of a page list, with its end."""
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
