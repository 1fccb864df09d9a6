"""Crawls a source from its seeds to categories, articles, share links and their texts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from crawler.spiders.base import NewsSpider
from crawler.spiders.bounds import is_as_captured, is_too_old
from pipelines.rules.links import LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy import Request
    from scrapy.http import Response

    from crawler.sources import Source
    from pipelines.rules.links import Link


class CategorySpider(NewsSpider):
    """`scrapy crawl category -a source=NAME_OR_PATH [-a collection=NAME] [-a seeds=URL,URL]`.

    Of what sitemaps list, articles that have not changed are not asked for; a source with a `[discovery]` table bounds
    them by its `since` and `max_pages`.

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
        self._listed: Counter[str] = Counter()

    def follow_links(self, links: Iterable[Link], response: Response) -> Iterator[Request]:
        """Yield requests for links of the kinds that this spider follows, as far as the bounds allow."""
        wanted = []
        for link in links:
            why = self._find_bound(link) if link.reason is Reason.SITEMAP else ""
            if why:
                self.count(f"discovery/left/{why}")
            else:
                wanted.append(link)
        yield from super().follow_links(wanted, response)

    def _find_bound(self, link: Link) -> str:
        """Return which bound a link of a sitemap is beyond, or ''."""
        kind = self.source.find_kind(link.url)
        if kind is LinkKind.ARTICLE and is_as_captured(link, self.memory):
            return "not_modified"
        bounds = self.source.discovery
        if bounds is None:
            return ""
        if kind in (LinkKind.ARTICLE, LinkKind.SITEMAP) and is_too_old(link, kind, bounds.since):
            return "too_old"
        host = urlsplit(link.url).netloc
        self._listed[host] += kind is LinkKind.ARTICLE
        return "too_many_pages" if self._listed[host] > bounds.max_pages else ""
