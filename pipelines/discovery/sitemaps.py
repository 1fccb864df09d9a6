"""Reads sitemaps: addresses, their last changes, and publication dates in news sitemaps.

Spec: https://www.sitemaps.org/protocol.html; https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.discovery.text_stream import DocumentRefused, find_encoding, iter_text, read_opening
from pipelines.discovery.xml_stream import ElementStream, find_name, find_namespace, find_text
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import normalise_location, place_under

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml import etree

# The protocol's own bound, of addresses in one file.
MAX_ENTRIES = 50_000
_MAX_LINE_CHARS = 4_096
_LINES_OF_OPENING = 19
_MONTH = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)(?:[-_/.]?(?P<month>0?[1-9]|1[0-2]))?(?!\d)")
_COMMENT = "#"
_WEB = ("http://", "https://")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


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
        mended: what was wrong with it and did not keep it from being read: `markup`, `encoding`, `entities`, or ''.
    """

    entries: tuple[SitemapEntry, ...] = ()
    children: tuple[SitemapEntry, ...] = ()
    refused: str = ""
    mended: str = ""


def read_sitemap(body: bytes, url: str, content_type: bytes = b"") -> Sitemap:
    """Return what a sitemap says, as far as it can be read.

    Args:
        body: XML or plain text, in gzip or not.
        url: its address, which relative ones count from.
        content_type: value of the Content-Type header, as sent.
    """
    found: dict[str, dict[str, SitemapEntry]] = {"url": {}, "sitemap": {}}
    refused = ""
    stream = ElementStream(body, frozenset(found), content_type)
    try:
        is_plain = read_opening(body).startswith((*_WEB, _COMMENT))
        for kind, entry in _iter_lines(body, url) if is_plain else _iter_entries(stream, url):
            if len(found[kind]) >= MAX_ENTRIES and entry.url not in found[kind]:
                refused = "too_many"
                break
            found[kind].setdefault(entry.url, entry)
    except DocumentRefused as refusal:
        refused = refusal.reason
    return Sitemap(
        entries=tuple(found["url"].values()),
        children=tuple(found["sitemap"].values()),
        refused=refused,
        mended=stream.mended,
    )


def is_address_list(opening: str) -> bool:
    """Return whether a document begins with addresses, one to a line; others are comments."""
    lines = [line.strip() for line in opening.splitlines()[:_LINES_OF_OPENING]]
    lines = [line for line in lines if line and not line.startswith(_COMMENT)]
    return bool(lines) and all(map(_ADDRESS.fullmatch, lines))


def _iter_entries(stream: ElementStream, url: str) -> Iterator[tuple[str, SitemapEntry]]:
    elements = iter(stream)
    next(elements, None)
    for element in elements:
        entry = _read_entry(element, url)
        if entry is not None:
            yield find_name(element), entry


def _iter_lines(body: bytes, url: str) -> Iterator[tuple[str, SitemapEntry]]:
    rest = ""
    for chunk in (*iter_text(body, find_encoding(body), errors="replace"), "\n"):
        *lines, rest = re.split(r"[\r\n]+", rest + chunk)
        for line in lines:
            address = _find_address(line, url) if line.lstrip().startswith(_WEB) else ""
            if address:
                yield "url", SitemapEntry(url=address)
        rest = rest[:_MAX_LINE_CHARS]


def _read_entry(element: etree._Element, url: str) -> SitemapEntry | None:
    """Read one entry. What pictures, films and other languages in it have for addresses is not its own."""
    own: dict[str, str] = {}
    news: dict[str, str] = {}
    space = find_namespace(element)
    for child in element:
        name = find_name(child)
        if name == "news":
            for part in child.iter():
                news.setdefault(find_name(part), find_text(part))
        elif find_namespace(child) in (space, ""):
            own.setdefault(name, find_text(child))
    address = _find_address(own.get("loc", ""), url)
    if not address:
        return None
    return SitemapEntry(
        url=address,
        modified=own.get("lastmod", ""),
        published=news.get("publication_date", ""),
        title=news.get("title", "") if "publication_date" in news else "",
        keywords=tuple(word.strip() for word in news.get("keywords", "").split(",") if word.strip()),
    )


def _find_address(text: str, url: str) -> str:
    address = join_url(url, text) if text.strip() else ""
    return normalise_location(place_under(address, url)) if address else ""


def sort_newest_first(entries: Iterable[SitemapEntry]) -> list[SitemapEntry]:
    """Return entries by their dates as written, which sort as W3C dates do; those without one come last, as they stood.

    Spec: https://www.w3.org/TR/NOTE-datetime
    """
    return sorted(entries, key=lambda entry: (entry.published or entry.modified)[:19], reverse=True)


def sort_children(children: Iterable[SitemapEntry]) -> list[SitemapEntry]:
    """Return the sitemaps of an index, the newest first: by `lastmod`, or by the month that their addresses hold.

    Those that tell no time come first, because a sitemap of news is one of them.
    """
    ordered = list(children)
    months = [find_month(child.url) for child in ordered]
    if len(set(filter(None, months))) > 1:
        dated = sorted(zip(months, ordered, strict=True), key=lambda pair: pair[0] or "9999", reverse=True)
        return [child for _, child in dated]
    return sort_newest_first(ordered)


def find_month(url: str) -> str:
    """Return the year and month that the address of a sitemap holds, `2026-00` where it holds a year alone, or ''."""
    found = _MONTH.search(url.rpartition("//")[2].partition("/")[2])
    return f"{found['year']}-{int(found['month'] or 0):02d}" if found else ""
