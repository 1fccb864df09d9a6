"""Crawls share links."""

from __future__ import annotations

from typing import Any, ClassVar

from crawler.spiders.base import NewsSpider
from crawler.spiders.links import read_links
from pipelines.rules.links import LinkKind


class ShareSpider(NewsSpider):
    """`scrapy crawl share -a source=NAME_OR_PATH -a urls=URL,URL | -a urls=FILE | -a urls=-`."""

    name = "share"
    follows: ClassVar[frozenset[LinkKind]] = frozenset((LinkKind.SHARE, LinkKind.TEXT))
    arguments: ClassVar[tuple[str, ...]] = ("source", "collection", "urls")

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read `urls`: a comma list, a file with one link a line, or `-` for standard input.

        Raises:
            ValueError: no link was given.
        """
        urls = arguments.pop("urls", "")
        links = read_links(urls) if urls else ()
        if not links:
            raise ValueError("no share links: give -a urls=LINK,LINK or a file of links or - for standard input")
        return arguments | {"seeds": links}
