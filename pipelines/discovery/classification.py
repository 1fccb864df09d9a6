"""Classifies a document by its bytes: sitemap, feed, article, or list of articles.

The verdict depends on the capture and its address alone, so a crawl and a reparse send a page to the same reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.discovery.address_shapes import find_page_number, is_front, measure_article
from pipelines.discovery.anchors import measure_width
from pipelines.discovery.sitemaps import is_address_list
from pipelines.discovery.text_stream import read_opening
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from lxml import etree

_ROOT = re.compile(
    r"<(?:[\w.-]+:)?(urlset|sitemapindex|rss|feed|RDF|Channel|entry(?=\s[^>]*2005/Atom))[\s>]", re.IGNORECASE
)
_PROLOG = re.compile(r"(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>|\s+)*", re.DOTALL | re.IGNORECASE)
# What shows that a root further down is a page's own business.
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
_JSON_FEED = re.compile(rb"jsonfeed\.org\\?/version\\?/")
_JSON_FEED_TYPE = b"application/feed+json"
_SITEMAP_ROOTS = ("urlset", "sitemapindex")
_ARTICLE_TYPE = re.compile(
    r'"@type"\s*:\s*(?:"|\[[^\]]*")(?:\w*NewsArticle|Article|BlogPosting|ReportageNewsArticle|OpinionNewsArticle'
    r'|LiveBlogPosting)"'
)
_LIST_TYPE = re.compile(r'"@type"\s*:\s*"(?:ItemList|CollectionPage|SearchResultsPage|WebSite)"')
_ARTICLE_ITEM = re.compile(r"schema\.org/(?:\w*NewsArticle|Article|BlogPosting)$")
_DATE_METAS = frozenset(
    (
        "article:published_time",
        "pubdate",
        "publishdate",
        "publish_date",
        "dc.date.issued",
        "datepublished",
        "og:release_date",
    )
)
_SILENT = frozenset(("script", "style", "noscript", "template", "textarea", "select", "option"))
_LONG_PROSE, _SHORT_PROSE = 500, 160
# A list with teasers reaches two, and claims nothing.
_LEAST = 3


def judge_document(body: bytes, content_type: bytes) -> LinkKind:
    """Return FEED or SITEMAP for what is one of these, whatever it is served as, else OTHER."""
    opening = read_opening(body)
    root = _find_root(opening)
    if root:
        return LinkKind.SITEMAP if root.lower() in _SITEMAP_ROOTS else LinkKind.FEED
    if opening.startswith("{"):
        # Members of an object have no order: the version may follow all entries.
        is_feed = content_type.lower().startswith(_JSON_FEED_TYPE) or _JSON_FEED.search(opening.encode() + body)
        return LinkKind.FEED if is_feed else LinkKind.OTHER
    return LinkKind.SITEMAP if is_address_list(opening) else LinkKind.OTHER


def _find_root(opening: str) -> str:
    """Return the name of the root of a feed or sitemap, also where a program's warnings stand before it, or ''."""
    prolog = _PROLOG.match(opening)
    start = prolog.end() if prolog else 0
    root = _ROOT.match(opening, start)
    if root is None and not opening.startswith("{"):
        root = _ROOT.search(opening, start)
        if root is not None and _PAGE.search(opening, 0, root.start()):
            return ""
    return root[1] if root else ""


def is_article_page(root: etree._Element, url: str) -> bool:
    """Return whether a page holds one article rather than a list of them."""
    if is_front(url) or root is None:
        return False
    declared, addressed = _weigh_declared(root), measure_article(url)
    if find_page_number(url) > 1:
        addressed = 0
    is_claimed = declared > 0 or addressed > 0
    return is_claimed and declared + addressed + _weigh_text(root) >= _LEAST


def _weigh_declared(root: etree._Element) -> int:
    """Return what a page says of itself, in points for an article."""
    points = 0
    metas = {
        (element.get("property") or element.get("name") or "").strip().lower(): (element.get("content") or "").strip()
        for element in root.iter("meta")
    }
    declared = metas.get("og:type", "").lower()
    points += 3 if declared.endswith("article") or declared == "news" else -1 if declared in ("website", "blog") else 0
    points += 2 if any(metas.get(name) for name in _DATE_METAS) else 0
    scripts = " ".join(
        element.text or "" for element in root.iter("script") if "ld+json" in (element.get("type") or "").lower()
    )
    if _ARTICLE_TYPE.search(scripts):
        points += 1 if _LIST_TYPE.search(scripts) else 3
    items = [element for element in root.iter() if _ARTICLE_ITEM.search(element.get("itemtype") or "")]
    points += 2 if len(items) == 1 else -1 if len(items) > 3 else 0
    return points


def _weigh_text(root: etree._Element) -> int:
    """Return what the text says, in points for an article: prose speaks for one, text that is all links against."""
    prose = linked = total = 0
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in _SILENT or not (element.text or "").strip():
            continue
        width = measure_width("".join((element.text or "").split()))
        total += width
        if _is_linked(element):
            linked += width
        elif element.tag in ("p", "div", "span", "section", "td", "font") and width >= 60:
            prose += width
    points = 2 if prose >= _LONG_PROSE else 1 if prose >= _SHORT_PROSE else 0
    points += 1 if sum(1 for _ in root.iter("h1")) == 1 else 0
    return points - (2 if total and linked > 0.6 * total and prose < _LONG_PROSE else 0)


def _is_linked(element: etree._Element) -> bool:
    """Return whether text is in a link, up to three elements above it."""
    for _ in range(4):
        if element is None:
            return False
        if element.tag == "a":
            return True
        element = element.getparent()
    return False
