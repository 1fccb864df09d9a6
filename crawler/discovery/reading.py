"""What is done with a document that no rule of a source names: a feed, a sitemap, an article that speaks for itself.

The verdict and what is stated depend on the capture alone; what is asked for next is the spider's to decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.runs.run import META_CAPTURE
from pipelines.discovery.classification import is_article_page
from pipelines.discovery.feed_evidence import build_statement
from pipelines.discovery.feeds import FeedEntry, read_feed
from pipelines.discovery.found import FoundLink, Reason
from pipelines.discovery.sitemaps import SitemapEntry, read_sitemap, sort_newest_first
from pipelines.discovery.structure import find_canonical
from pipelines.posts.items import Origin, Post
from pipelines.rules.addresses import is_same_place, normalise_location
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request
    from scrapy.http import Response

    from crawler.discovery.reader import Reader
    from crawler.sources import Source
    from pipelines.rules.expressions import Page


def is_article_found(source: Source, page: Page, kind: LinkKind) -> bool:
    """Tell whether a page that no rule names is an article, where the source lets pages speak for themselves."""
    is_untold = kind in (LinkKind.OTHER, LinkKind.CATEGORY) and source.discovery is not None
    is_untold = is_untold and source.links.find_match(page.url)[0] is LinkKind.OTHER
    return is_untold and page.root is not None and is_article_page(page.root, page.url)


def read_found_article(spider: Reader, response: Response, page: Page) -> Iterator[Post | Request]:
    """Yield what an article states that no rule names; its identity is the address that it gives itself.

    Under another address (an AMP page, a print version) it is a witness, and the article is still to be read.
    """
    spider.count(f"pages/{LinkKind.ARTICLE}")
    stated = find_canonical(page.root, response.url)
    meant = stated if stated and spider.source.admits(stated) else normalise_location(response.url)
    is_own = is_same_place(meant, response.url)
    post = spider.build_post(response, page, LinkKind.ARTICLE, identifier=spider.source.identify(meant))
    post.url = meant
    if not is_own:
        post.origin, post.waits_for = Origin.SHARE, Origin.ARTICLE
    yield post
    if not is_own:
        link = FoundLink(url=meant, kind=LinkKind.ARTICLE, reason=Reason.CANONICAL)
        yield from spider.follow_found(link, response)


def read_feed_document(spider: Reader, response: Response) -> Iterator[Post | Request]:
    """Yield what a feed states of its articles, and follow each to its page."""
    feed = read_feed(response.body, response.url)
    if feed.refused:
        spider.count(f"discovery/refused/{feed.refused}")
    for entry in feed.entries:
        yield from _state(spider, response, entry)
        dated = entry.published or entry.updated
        link = FoundLink(url=entry.url, kind=LinkKind.ARTICLE, reason=Reason.FEED, dated=dated)
        yield from spider.follow_found(link, response)
    if feed.next_url:
        older = FoundLink(url=feed.next_url, kind=LinkKind.FEED, reason=Reason.REL_NEXT)
        yield from spider.follow_found(older, response)


def read_sitemap_document(spider: Reader, response: Response) -> Iterator[Post | Request]:
    """Yield what a news sitemap states of its articles, and follow every sitemap to pages, the newest first."""
    sitemap = read_sitemap(response.body, response.url)
    if sitemap.refused:
        spider.count(f"discovery/refused/{sitemap.refused}")
    for child in sort_newest_first(sitemap.children):
        link = FoundLink(url=child.url, kind=LinkKind.SITEMAP, reason=Reason.SITEMAP, dated=child.modified)
        yield from spider.follow_found(link, response)
    for entry in sort_newest_first(sitemap.entries):
        if entry.is_news:
            yield from _state(spider, response, entry)
        reason = Reason.NEWS_SITEMAP if entry.is_news else Reason.SITEMAP
        dated = entry.published or entry.modified
        link = FoundLink(url=entry.url, kind=LinkKind.ARTICLE, reason=reason, dated=dated)
        yield from spider.follow_found(link, response)


def _state(spider: Reader, response: Response, entry: FeedEntry | SitemapEntry) -> Iterator[Post]:
    """Yield what one entry states, if it may be of an article of this source."""
    source = spider.source
    kind = source.find_kind(entry.url)
    is_untold = kind is LinkKind.OTHER and source.discovery is not None
    if not source.admits(entry.url) or not (kind is LinkKind.ARTICLE or is_untold):
        return
    yield build_statement(
        source,
        entry,
        identifier=source.identify(entry.url),
        captured_at=spider.captured_at(response),
        capture=response.meta.get(META_CAPTURE),
    )
