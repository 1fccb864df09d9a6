"""The feeds and sitemaps of a site, and the addresses in them.

A draft that knows them loses no article that is on no list, and can be measured: how many of the articles that
the site names anywhere do its rules find?
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from crawler.fetching.robots import list_sitemaps
from crawler.source_tools.pages import PageUnreadable
from crawler.source_tools.shapes import Anchor, is_same_site
from crawler.sources.publishers import Probe, fill_today
from pipelines.discovery.classification import judge_document
from pipelines.discovery.feeds import read_feed
from pipelines.discovery.sitemaps import read_sitemap, sort_children
from pipelines.discovery.structure import iter_announced
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crawler.source_tools.pages import RawPage
    from crawler.sources.publishers import Publisher
    from pipelines.page.page import Page

_OFFSET = re.compile(r":\d\d(?:\.\d+)? ?([+-]\d\d):?(\d\d)$")
_MAX_FEEDS = 4
_MAX_SITEMAPS = 4
_MAX_CHILDREN = 3
_MAX_ARTICLES = 20_000


@dataclass(slots=True)
class Survey:
    """What was read of a site's feeds and sitemaps.

    Attributes:
        feeds: addresses, each with how many entries it has.
        sitemaps: those that robots.txt names or that stand where they mostly do, with how many addresses were read.
        children: sitemaps that indexes name.
        unread: how many of these were not read.
        named_by: where the sitemaps are named: `robots.txt`, or '' where one was tried.
        articles: addresses with their headlines, where those are given.
        offsets: from UTC that dates are written with, such as +0800.
    """

    feeds: dict[str, int] = field(default_factory=dict)
    sitemaps: dict[str, int] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)
    unread: int = 0
    named_by: str = ""
    articles: dict[str, str] = field(default_factory=dict)
    offsets: set[str] = field(default_factory=set)

    def list_anchors(self) -> list[Anchor]:
        """Return what feeds and sitemaps list as if a page linked to it."""
        return [Anchor(url=url, text=text, is_framed=False) for url, text in self.articles.items()]


def survey_site(page: Page, site: str, fetch: Callable[[str], RawPage]) -> Survey:
    """Read the feeds that a page announces and the sitemaps of its site, some of each.

    Args:
        site: what the hosts of the publisher have in common.
        fetch: raises `PageUnreadable` for what cannot be read.
    """
    survey = Survey()
    feeds = [link.url for link in iter_announced(page) if link.kind is LinkKind.FEED and is_same_site(link.url, site)]
    for url in feeds[:_MAX_FEEDS]:
        _read_feed(survey, url, site, fetch)
    for url in _find_sitemaps(survey, page.url, fetch)[:_MAX_SITEMAPS]:
        _read_sitemap(survey, url, site, fetch)
    return survey


def _find_sitemaps(survey: Survey, url: str, fetch: Callable[[str], RawPage]) -> list[str]:
    """Return the sitemaps that robots.txt names, or where one mostly lies."""
    robots = urljoin(url, "/robots.txt")
    try:
        named = [urljoin(robots, address) for address in list_sitemaps(fetch(robots).body)]
    except PageUnreadable:
        named = []
    survey.named_by = "robots.txt" if named else ""
    # News first: a sitemap of news is short and says so.
    return sorted(dict.fromkeys(named), key=lambda address: "news" not in address) or [urljoin(url, "/sitemap.xml")]


def _read_feed(survey: Survey, url: str, site: str, fetch: Callable[[str], RawPage]) -> None:
    try:
        raw = fetch(url)
    except PageUnreadable:
        return
    if judge_document(raw.body, raw.content_type) is not LinkKind.FEED:
        return
    entries = read_feed(raw.body, raw.url, raw.content_type).entries
    survey.feeds[url] = len(entries)
    _note_offsets(survey, (entry.published for entry in entries))
    _note(survey, ((entry.url, entry.title) for entry in entries), site)


def _read_sitemap(survey: Survey, url: str, site: str, fetch: Callable[[str], RawPage]) -> None:
    """Read a sitemap, and of an index the newest."""
    waiting, read = [url], 0
    while waiting and read <= _MAX_CHILDREN:
        try:
            raw = fetch(waiting.pop(0))
        except PageUnreadable:
            continue
        if judge_document(raw.body, raw.content_type) is not LinkKind.SITEMAP:
            continue
        read += 1
        sitemap = read_sitemap(raw.body, raw.url, raw.content_type)
        survey.sitemaps[url] = survey.sitemaps.get(url, 0) + len(sitemap.entries)
        _note_offsets(survey, (entry.published for entry in sitemap.entries))
        _note(survey, ((entry.url, entry.title) for entry in sitemap.entries), site)
        children = [child.url for child in sort_children(sitemap.children)]
        survey.children += children
        waiting = children + waiting
    survey.unread += len(waiting)


def _note(survey: Survey, entries: Iterable[tuple[str, str]], site: str) -> None:
    for url, title in entries:
        if len(survey.articles) < _MAX_ARTICLES and is_same_site(url, site) and urlsplit(url).path.strip("/"):
            survey.articles[url] = survey.articles.get(url) or title


def _note_offsets(survey: Survey, dates: Iterable[str]) -> None:
    survey.offsets |= {found[1] + found[2] for date in dates if (found := _OFFSET.search(date))}


def probe_publisher(publisher: Publisher, fetch: Callable[[str], RawPage]) -> Iterator[Probe]:
    """Yield the result of requesting each address of a publisher; the pages are not stored."""
    for place in publisher.places:
        url = fill_today(place)
        try:
            raw = fetch(url)
        except PageUnreadable as error:
            yield Probe(url=place, fault=str(error))
            continue
        kind = judge_document(raw.body, raw.content_type)
        wanted = LinkKind.FEED if place in publisher.feeds else LinkKind.SITEMAP
        if place == publisher.url:
            yield Probe(url=place)
        elif kind is not wanted:
            yield Probe(url=place, fault=f"{url} holds no {wanted.value}")
        elif kind is LinkKind.FEED:
            yield Probe(url=place, entries=len(read_feed(raw.body, raw.url, raw.content_type).entries))
        else:
            sitemap = read_sitemap(raw.body, raw.url, raw.content_type)
            yield Probe(url=place, entries=len(sitemap.entries) + len(sitemap.children))
