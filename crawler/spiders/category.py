"""Crawls a source from its seeds to categories, articles, share links and their texts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from crawler.spiders.backfill import BackfillSpider
from crawler.spiders.bounds import is_as_captured, is_too_old
from pipelines.rules.links import LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy import Request
    from scrapy.http import Response

    from crawler.sources import Source
    from pipelines.rules.links import Link


class CategorySpider(BackfillSpider):
    """`scrapy crawl category -a source=NAME_OR_PATH [-a collection=NAME] [-a seeds=URL,URL] [-a backfill=DAY]`.

    Of what sitemaps list, articles that have not changed are not requested; a source with a `[discovery]` table bounds
    them by its `since` and `max_pages`. A back-fill walks the lists of all sections side by side to their ends, and the
    older pages of feeds.

    Stats: `discovery/left/<why>`.
    """

    name = "category"
    follows: ClassVar[frozenset[LinkKind]] = frozenset(
        (
            LinkKind.ARTICLE,
            LinkKind.CATEGORY,
            LinkKind.FEED,
            LinkKind.LISTING,
            LinkKind.NEXT_PAGE,
            LinkKind.SHARE,
            LinkKind.SITEMAP,
            LinkKind.TEXT,
        )
    )

    def __init__(self, source: Source, seeds: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(source, seeds, **kwargs)
        self._named: Counter[str] = Counter()

    def follow_links(self, links: Iterable[Link], response: Response) -> Iterator[Request]:
        """Yield requests for links of the kinds that this spider follows, as far as the bounds allow."""
        wanted: list[Link] = []
        for link in links:
            why = self._find_bound(link)
            if why:
                self.count(f"discovery/left/{why}")
            elif link.reason is Reason.ARCHIVE:
                yield from self._follow_older_feed(link, response)
            else:
                wanted.append(link)
        for request in super().follow_links(wanted, response):
            if self.backfill is not None and self.find_asked(request) is LinkKind.NEXT_PAGE:
                request.priority = _rank_older(response)
            yield request

    def _follow_older_feed(self, link: Link, response: Response) -> Iterator[Request]:
        """Yield the request for the page before of a feed, whether or not a rule knows its address."""
        if self.source.admits(link.url) and self.is_nearest(link.url, int(response.meta.get("depth", 0))):
            self.count(f"links/followed/{LinkKind.FEED}")
            request = self.build_request(link.url)
            request.priority = _rank_older(response)
            yield request

    def _find_bound(self, link: Link) -> str:
        """Return which bound a link is beyond, or ''; but in a back-fill only links of feeds and sitemaps have one."""
        if self.backfill is not None:
            return self.find_past_bound(link, self.source.find_kind(link.url))
        if link.reason is Reason.ARCHIVE:
            return "older_feed_page"
        return self._find_sitemap_bound(link) if link.reason is Reason.SITEMAP else ""

    def _find_sitemap_bound(self, link: Link) -> str:
        kind = self.source.find_kind(link.url)
        if kind is LinkKind.ARTICLE and is_as_captured(link, self.memory):
            return "not_modified"
        bounds = self.source.discovery
        if bounds is None:
            return ""
        if is_too_old(link, kind, bounds.since):
            return "too_old"
        host = urlsplit(link.url).netloc
        self._named[host] += kind is LinkKind.ARTICLE
        return "too_many_pages" if self._named[host] > bounds.max_pages else ""


def _rank_older(response: Response) -> int:
    """Return the priority of what is older than a page, so that every list is read as far back as the others."""
    return -1 - int(response.meta.get("depth", 0))
