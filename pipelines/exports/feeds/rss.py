"""RSS 2.0 feeds.

Spec: RSS 2.0.11 of the RSS Advisory Board; Atom's `link` for rel=self, Dublin Core's `creator` for names without mail
addresses, `content:encoded` for the whole text, and RFC 5005 for archive documents.
"""

from __future__ import annotations

import html
from email.utils import format_datetime
from typing import TYPE_CHECKING

from pipelines.exports.feeds.atom import HISTORY, list_links
from pipelines.exports.feeds.entries import find_updated
from pipelines.exports.xml import build_element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.exports.feeds.entries import Entry, FeedInfo

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    f'xmlns:fh="{HISTORY}">\n<channel>\n'
)


def build_rss(entries: list[Entry], info: FeedInfo) -> Iterator[str]:
    """Yield the lines of a feed."""
    yield _HEAD
    yield build_element("title", info.title) + "\n"
    yield build_element("link", info.home) + "\n"
    yield build_element("description", info.title) + "\n"
    yield build_element("lastBuildDate", format_datetime(find_updated(entries))) + "\n"
    yield build_element("generator", "Newsreel") + "\n"
    yield build_element("atom:link", "", rel="self", type="application/rss+xml", href=info.url) + "\n"
    for rel, address in list_links(info):
        yield build_element("atom:link", "", rel=rel, href=address) + "\n"
    if info.current:
        yield "<fh:archive/>\n"
    for entry in entries:
        yield from _build_item(entry)
    yield "</channel>\n</rss>\n"


def _build_item(entry: Entry) -> Iterator[str]:
    yield "<item>\n"
    yield build_element("title", entry.title or "…") + "\n"
    if entry.url:
        yield build_element("link", entry.url) + "\n"
    yield build_element("guid", entry.id, isPermaLink="false") + "\n"
    yield build_element("pubDate", format_datetime(entry.published)) + "\n"
    for author in entry.authors:
        yield build_element("dc:creator", author) + "\n"
    for category in entry.categories:
        yield build_element("category", category) + "\n"
    # Readers take it for markup: what is text is escaped once more.
    yield build_element("description", html.escape(entry.summary, quote=False)) + "\n"
    yield build_element("content:encoded", entry.content) + "\n"
    yield "</item>\n"
