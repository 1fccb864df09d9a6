"""The page list of a collection, the entry point for readers of a WACZ file.

A caller may pass the pages that matter, with their titles, and a list may be in the collection; without either, every
HTML page that was captured is on it.

Spec: WACZ 1.1.1 §5.3 pages.jsonl.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.storage.files import write_file
from archives.urls import format_warc_date
from archives.warc.reader import read_warcinfo

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection

PAGES_NAME: Final = "pages.jsonl"
_MASKED: Final = "masked-request-headers"
_NOT_STATED: Final = "not stated"
_PAGE_MIMES: Final = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page that a person would look at, and what it is called; without a title, readers see its address."""

    entry: IndexEntry
    title: str = ""


def iter_page_lines(collection: Collection, left_out: Container[str], pages: Iterable[Page] = ()) -> Iterator[bytes]:
    """The lines of the page list, header first, each with its end.

    Args:
        left_out: names of files whose pages are not listed.
        pages: what is on it beside the list in the collection; if there are none of either, every HTML page is.
    """
    rest = (page for page in pages if page.entry.filename not in left_out)
    first = next(rest, None)
    path = collection.pages_dir / PAGES_NAME
    if first is None and path.is_file():
        with path.open("rb") as stream:
            yield from stream
        return
    masked = sorted({_find_masked(warc) for warc in collection.iter_warcs()})
    yield _dump(
        {"format": "json-pages-1.0", "id": "pages", "title": "Pages", "maskedRequestHeaders": "; ".join(masked)}
    )
    if first is not None:
        yield from _iter_joined(path, chain((first,), rest))
        return
    with CollectionIndex(collection) as index:
        for entry in index.iter_entries():
            if is_page(entry) and entry.filename not in left_out:
                yield dump_page(Page(entry=entry))


def _iter_joined(path: Path, pages: Iterable[Page]) -> Iterator[bytes]:
    """The pages of a list, if it is there, as they are, and then those that are not on it."""
    listed = set()
    for line in iter_file_lines(path) if path.is_file() else ():
        url, at = _find_page_key(line)
        if url is not None:
            listed.add((url, _find_second(str(at))))
            yield line
    for page in pages:
        if (page.entry.url, _find_second(format_warc_date(page.entry.captured_at))) not in listed:
            yield dump_page(page)


def _find_second(date: str) -> str:
    """The date of a page to the second, as other tools may have written it."""
    return date[:19].replace(" ", "T")


def list_page_lists(collection: Collection) -> list[Path]:
    """The page lists of a collection besides `pages.jsonl`, by name."""
    if not collection.pages_dir.is_dir():
        return []
    return sorted(path for path in collection.pages_dir.glob("[!.]*.jsonl") if path.name != PAGES_NAME)


def iter_file_lines(path: Path) -> Iterator[bytes]:
    """The lines of a page list, each with its end."""
    with path.open("rb") as stream:
        for line in stream:
            yield line.rstrip(b"\r\n") + b"\n"


def merge_page_list(collection: Collection, name: str, lines: Iterable[bytes]) -> int:
    """Add the pages of another list to the list `name` of a collection, whole or not at all.

    Returns:
        How many pages are new: a page is known by its address and time.
    """
    path = collection.pages_dir / name
    known: set[tuple[object, object]] = set()
    kept = list(iter_file_lines(path)) if path.is_file() else []
    for line in kept:
        known.add(_find_page_key(line))
    added: list[bytes] = []
    for line in lines:
        key = _find_page_key(line)
        is_header = key == (None, None)
        if line.strip() and (not kept and not added if is_header else key not in known):
            known.add(key)
            added.append(line.rstrip(b"\r\n") + b"\n")
    if added:
        write_file(path, b"".join((*kept, *added)))
    return len(added)


def _find_page_key(line: bytes) -> tuple[object, object]:
    """Address and time of a page; nothing if a line is a list's header, or none."""
    try:
        page = json.loads(line)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(page, dict) or not isinstance(page.get("url"), str):
        return None, None
    return page["url"], str(page.get("ts"))


def find_page_url(line: bytes) -> str | None:
    """The address of a page on a list; None if a line is a list's header, or none."""
    url = _find_page_key(line)[0]
    return url if isinstance(url, str) else None


def _find_masked(warc: Path) -> str:
    """Which header fields of requests a file says are masked in it."""
    try:
        return read_warcinfo(warc).get(_MASKED, _NOT_STATED)
    except ArchiveError:
        return _NOT_STATED


def is_page(entry: IndexEntry) -> bool:
    """Whether a capture is a page that a person would look at."""
    return entry.status == 200 and entry.mime in _PAGE_MIMES and entry.url.startswith("http")


def dump_page(page: Page) -> bytes:
    """One line of a page list, with its end; its id is that of the record, without brackets and scheme."""
    entry = page.entry
    name = entry.record_id.strip("<>").removeprefix("urn:uuid:")
    fields = {"id": name, "url": entry.url, "ts": format_warc_date(entry.captured_at), "title": page.title}
    return _dump({key: value for key, value in fields.items() if value})


def _dump(fields: dict[str, str]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
