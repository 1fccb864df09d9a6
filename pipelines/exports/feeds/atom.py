"""Atom feeds. Spec: RFC 4287.

Spec: RFC 4287; WebSub §4 for `rel=hub`; RFC 5005 §4 for archive documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from pipelines.exports.feeds.entries import find_updated
from pipelines.exports.xml import build_element, dump_xml_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.exports.feeds.entries import Entry, FeedInfo


HISTORY = "http://purl.org/syndication/history/1.0"


def list_links(info: FeedInfo) -> list[tuple[str, str]]:
    """Return relation and address of what a feed leads to beside itself and its page."""
    pairs = [("hub", info.hub), ("current", info.current), ("prev-archive", info.older), ("next-archive", info.newer)]
    return [(rel, address) for rel, address in pairs if address]


def build_atom(entries: list[Entry], info: FeedInfo) -> Iterator[str]:
    """Yield the lines of a feed."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    yield build_element("id", info.url) + "\n"
    yield build_element("title", info.title) + "\n"
    yield build_element("updated", find_updated(entries).isoformat()) + "\n"
    yield build_element("link", "", rel="self", type="application/atom+xml", href=info.url) + "\n"
    yield build_element("link", "", rel="alternate", type="text/html", href=info.home) + "\n"
    for rel, address in list_links(info):
        yield build_element("link", "", rel=rel, href=address) + "\n"
    if info.current:
        yield f'<archive xmlns="{HISTORY}"/>\n'
    yield build_element("generator", "Newsreel") + "\n"
    for entry in entries:
        yield from _build_entry(entry)
    yield "</feed>\n"


def _build_entry(entry: Entry) -> Iterator[str]:
    language = f" xml:lang={quoteattr(dump_xml_text(entry.language))}" if entry.language else ""
    yield f"<entry{language}>\n"
    yield build_element("id", entry.id) + "\n"
    yield build_element("title", entry.title or "…", type="text") + "\n"
    yield build_element("published", entry.published.isoformat()) + "\n"
    yield build_element("updated", entry.updated.isoformat()) + "\n"
    if entry.url:
        yield build_element("link", "", rel="alternate", type="text/html", href=entry.url) + "\n"
    for author in entry.authors:
        yield f"<author>{build_element('name', author)}</author>\n"
    for category in entry.categories:
        yield build_element("category", "", term=category) + "\n"
    yield build_element("content", entry.content, type="html") + "\n"
    yield "</entry>\n"
