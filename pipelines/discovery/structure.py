"""Finds links to articles, lists and next pages on a page without rules, by address and position.

Links of one kind come in clusters: a list of articles is many links of one shape in one kind of place, with texts as
long as headlines. A menu has short texts, and the way to older articles says so or counts. Nothing here knows a site,
and nothing depends on anything but the page and its address.
"""

from __future__ import annotations

import re
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.discovery.address_shapes import (
    build_shape,
    find_date,
    find_page_number,
    is_day_page,
    is_front,
    is_service,
    measure_article,
)
from pipelines.discovery.anchors import MAX_LINKS, has_rel, iter_anchors
from pipelines.discovery.paging import find_next
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import normalise_location
from pipelines.rules.links import Link, LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipelines.discovery.anchors import Anchor
    from pipelines.page.page import Page

_MAX_CATEGORIES = 80
_HEADLINE_WIDTH = 20
_NAME_WIDTH = 24
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
# Other documents have these types as well, such as the page itself as data, so the address or title must name a feed.
_BROAD_TYPES = ("application/json", "application/xml", "text/xml")
_FEED_NAME = re.compile(r"feed|rss|atom|rdf", re.IGNORECASE)
_FEED_PATH = re.compile(
    r"/(?:rss|atom|feeds?)(?:[/.]|$)|/(?:rss|feed|atom)\d?\.\w+$|\.(?:rss|atom|rdf)$", re.IGNORECASE
)
_MAX_NAMED_FEEDS = 20
_MAX_NESTED = 4
# A link at the foot of a page may lead to all articles.
_ARCHIVE_WORDS = re.compile(
    r"\W*(?:(?:news |story )?archives?|archivo?|all (?:articles|news|posts|stories)|alle (?:artikel|beiträge)"
    r"|site ?map|все новости|todas las noticias|归档|往期回顾)\W*",
    re.IGNORECASE,
)


def list_structure(page: Page, admits: Callable[[str], bool], *, next_href: str = "") -> list[Link]:
    """Return the links of a page that lead to articles, lists and feeds, each address once.

    Args:
        admits: tells whether an address is in scope.
        next_href: of the next page, as the header of the response names it.
    """
    found: dict[str, Link] = {}
    anchors = list(iter_anchors(page, admits))
    for link in (
        *iter_announced(page),
        *_iter_named_feeds(page, admits),
        *find_next(page, anchors, admits, next_href),
        *_iter_articles(anchors),
        *_iter_categories(anchors),
        *_iter_frames(page, admits),
        *_iter_declared(page, admits),
    ):
        found.setdefault(link.url, link)
    return list(found.values())


def iter_announced(page: Page) -> Iterator[Link]:
    """Yield the feeds and sitemaps that a page announces, on whatever host; feeds of comments are not of articles.

    Spec: HTML §4.6.7.1.
    """
    for element in page.root.iter("link"):
        kind = (element.get("type") or "").lower().partition(";")[0].strip()
        title = (element.get("title") or "").lower()
        is_feed = kind in (*_FEED_TYPES, *_BROAD_TYPES) and (has_rel(element, "alternate") or has_rel(element, "feed"))
        if not is_feed and not has_rel(element, "sitemap"):
            continue
        address = normalise_location(join_url(page.url, element.get("href") or ""))
        if is_feed and kind in _BROAD_TYPES and not _FEED_NAME.search(f"{urlsplit(address).path} {title}"):
            continue
        if address and "comment" not in title and "/comments/" not in address:
            yield Link(url=address, kind=LinkKind.FEED if is_feed else LinkKind.SITEMAP, reason=Reason.ANNOUNCED)


def _iter_named_feeds(page: Page, admits: Callable[[str], bool]) -> Iterator[Link]:
    """Yield what a page links to under the address of a feed."""
    count = 0
    for element in page.root.iter("a"):
        address = normalise_location(join_url(page.base_url, element.get("href") or ""))
        if address and admits(address) and _FEED_PATH.search(urlsplit(address).path) and "comment" not in address:
            yield Link(url=address, kind=LinkKind.FEED, reason=Reason.NAVIGATION)
            count += 1
        if count >= _MAX_NAMED_FEEDS:
            return


def _iter_declared(page: Page, admits: Callable[[str], bool]) -> Iterator[Link]:
    """Yield what a list declares as its entries. Spec: https://schema.org/ItemList, https://schema.org/Blog"""
    for node in page.nodes:
        for entry in (*_list_values(node, "itemListElement"), *_list_values(node, "blogPost")):
            address = normalise_location(join_url(page.base_url, _find_entry_address(entry)))
            is_entry = address and admits(address) and not is_front(address) and not is_service(address)
            if is_entry and node.get("@type") != "BreadcrumbList":
                yield Link(url=address, kind=LinkKind.ARTICLE, reason=Reason.DECLARED)


def _list_values(node: dict[str, Any], name: str) -> list[Any]:
    value = node.get(name)
    return value[:MAX_LINKS] if isinstance(value, list) else [value] if value else []


def _find_entry_address(entry: Any) -> str:
    """Return the address of one entry: the entry is an address, or has one, or its item is or has one."""
    for _ in range(_MAX_NESTED):
        if not isinstance(entry, dict):
            break
        entry = next((value for name in ("url", "item", "@id", "mainEntityOfPage") if (value := entry.get(name))), "")
    return entry if isinstance(entry, str) else ""


def _iter_articles(anchors: Iterable[Anchor]) -> Iterator[Link]:
    clusters: dict[str, dict[str, Anchor]] = defaultdict(dict)
    for anchor in anchors:
        known = clusters[build_shape(anchor.url)].get(anchor.url)
        # A picture and a headline often lead to the same article: the longer text is the headline.
        if known is None or known.width < anchor.width:
            clusters[build_shape(anchor.url)][anchor.url] = anchor
    for cluster in clusters.values():
        members = list(cluster.values())
        if _is_of_articles(members):
            for anchor in members:
                day = find_date(anchor.url)
                dated = day.isoformat() if day else ""
                yield Link(url=anchor.url, kind=LinkKind.ARTICLE, reason=Reason.CLUSTER, dated=dated)


def _is_of_articles(members: list[Anchor]) -> bool:
    width = median(anchor.width for anchor in members)
    says = measure_article(members[0].url)
    if is_front(members[0].url) or (find_page_number(members[0].url) > 1 and width < _HEADLINE_WIDTH):
        return False
    is_menu = sum(anchor.is_menu for anchor in members) > len(members) / 2
    if says == 2:
        return width >= _HEADLINE_WIDTH / 2 or len(members) >= 3
    if says == 1:
        return width >= _HEADLINE_WIDTH or (len(members) >= 5 and width >= _HEADLINE_WIDTH / 2 and not is_menu)
    is_deep = members[0].url.count("/") > 3
    is_aside = sum(anchor.is_beside for anchor in members) > len(members) / 2
    return width >= 1.5 * _HEADLINE_WIDTH and len(members) >= 3 and is_deep and not is_menu and not is_aside


def _iter_categories(anchors: Iterable[Anchor]) -> Iterator[Link]:
    """Yield what menus lead to, then what short names on shallow paths lead to.

    An address with a number may be a section's, if a menu has nothing but short names for addresses of this shape.
    """
    widest: dict[str, int] = defaultdict(int)
    anchors = list(anchors)
    for anchor in anchors:
        widest[build_shape(anchor.url)] = max(widest[build_shape(anchor.url)], anchor.width)
    ranked: dict[str, int] = {}
    for anchor in anchors:
        is_day = anchor.text.isdigit() and is_day_page(anchor.url)  # of a calendar
        is_name = 0 < anchor.width <= _NAME_WIDTH and (is_day or not anchor.text.isdigit())
        may_be_numbered = anchor.is_menu and widest[build_shape(anchor.url)] <= _NAME_WIDTH
        if not is_name or is_front(anchor.url) or (measure_article(anchor.url) > may_be_numbered and not is_day):
            continue
        is_beside = anchor.is_beside and not anchor.is_menu and not _ARCHIVE_WORDS.fullmatch(anchor.text)
        if is_beside or find_page_number(anchor.url) > 1:
            continue
        depth = anchor.url.rstrip("/").count("/") - 2
        if anchor.is_menu or is_day or depth <= 2:
            rank = (0 if anchor.is_menu else 10) + depth
            ranked[anchor.url] = min(rank, ranked.get(anchor.url, rank))
    for url in sorted(ranked, key=lambda address: ranked[address])[:_MAX_CATEGORIES]:
        yield Link(url=url, kind=LinkKind.CATEGORY, reason=Reason.NAVIGATION)


def _iter_frames(page: Page, admits: Callable[[str], bool]) -> Iterator[Link]:
    """Yield the pages of which a frameset is made."""
    for element in page.root.iter("frame"):
        address = normalise_location(join_url(page.url, element.get("src") or ""))
        if address and admits(address):
            yield Link(url=address, kind=LinkKind.CATEGORY, reason=Reason.NAVIGATION)
