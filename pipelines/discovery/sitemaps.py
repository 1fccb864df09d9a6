"""What a sitemap says: addresses, when they changed, and of news when they were published.

Spec: https://www.sitemaps.org/protocol.html; https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.discovery.xml_stream import DocumentRefused, find_name, find_text, iter_chunks, iter_elements
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import normalise_location, place_under

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml import etree

# The protocol's own bound, of addresses in one file.
MAX_ENTRIES = 50_000
_MAX_LINE_BYTES = 4_096
_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapEntry:
    """One address; texts are as found.

    Attributes:
        modified: of the page, or of the sitemap that an index names.
        published: only news sitemaps say it; `title` and `keywords` likewise.
    """

    url: str
    modified: str = ""
    published: str = ""
    title: str = ""
    keywords: tuple[str, ...] = ()

    @property
    def is_news(self) -> bool:
        """Whether a news sitemap speaks of it."""
        return bool(self.published or self.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """One sitemap file.

    Attributes:
        entries: pages.
        children: other sitemaps, where this is an index.
        refused: why it was not read to its end, or ''.
    """

    entries: tuple[SitemapEntry, ...] = ()
    children: tuple[SitemapEntry, ...] = ()
    refused: str = ""


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Return what a sitemap says, as far as it can be read.

    Args:
        body: XML or plain text, in gzip or not.
        url: its address, which relative ones count from.
    """
    found: dict[str, dict[str, SitemapEntry]] = {"url": {}, "sitemap": {}}
    refused = ""
    try:
        for kind, entry in _iter_entries(body, url):
            if len(found[kind]) >= MAX_ENTRIES and entry.url not in found[kind]:
                refused = "too_many"
                break
            found[kind].setdefault(entry.url, entry)
    except DocumentRefused as refusal:
        refused = refusal.reason
    return Sitemap(entries=tuple(found["url"].values()), children=tuple(found["sitemap"].values()), refused=refused)


def _iter_entries(body: bytes, url: str) -> Iterator[tuple[str, SitemapEntry]]:
    opening = next(iter_chunks(body), b"").lstrip(b"\xef\xbb\xbf \t\r\n")
    if not opening.startswith(b"<"):
        for line in _iter_lines(body):
            address = _find_address(line, url) if line.lstrip().startswith(_WEB) else ""
            if address:
                yield "url", SitemapEntry(url=address)
        return
    elements = iter_elements(body, frozenset({"url", "sitemap"}))
    next(elements, None)
    for element in elements:
        entry = _read_entry(element, url)
        if entry is not None:
            yield find_name(element), entry


def _iter_lines(body: bytes) -> Iterator[str]:
    rest = b""
    for chunk in iter_chunks(body):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
        rest = rest[:_MAX_LINE_BYTES]
    yield rest.decode("utf-8", "replace")


def _read_entry(element: etree._Element, url: str) -> SitemapEntry | None:
    texts: dict[str, str] = {}
    for child in element.iterdescendants():
        # Of several, as of the pictures and languages that other namespaces add, the first is the entry's own.
        texts.setdefault(find_name(child), find_text(child) if len(child) == 0 else "")
    address = _find_address(texts.get("loc", ""), url)
    if not address:
        return None
    return SitemapEntry(
        url=address,
        modified=texts.get("lastmod", ""),
        published=texts.get("publication_date", ""),
        title=texts.get("title", "") if "publication_date" in texts else "",
        keywords=tuple(word.strip() for word in texts.get("keywords", "").split(",") if word.strip()),
    )


def _find_address(text: str, url: str) -> str:
    address = join_url(url, text) if text.strip() else ""
    return normalise_location(place_under(address, url)) if address else ""


def sort_newest_first(entries: Iterable[SitemapEntry]) -> list[SitemapEntry]:
    """Return entries by their dates as written, which sort as W3C dates do; those without one come last, as they stood.

    Spec: https://www.w3.org/TR/NOTE-datetime
    """
    return sorted(entries, key=lambda entry: (entry.published or entry.modified)[:19], reverse=True)
