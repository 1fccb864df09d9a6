"""Following a site as a reader would: from its seeds to categories, articles, share links and the text behind them."""

from __future__ import annotations

from typing import ClassVar

from crawler.spiders.base import NewsSpider
from pipelines.rules.links import LinkKind


class CategorySpider(NewsSpider):
    """`scrapy crawl category -a source=NAME_OR_PATH [-a collection=NAME] [-a seeds=URL,URL]`."""

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
