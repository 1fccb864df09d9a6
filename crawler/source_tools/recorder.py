"""Fetches one page and captures it in a temporary archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.addon import place_collection
from crawler.source_tools.shapes import find_site
from crawler.sources import Source, load_source
from crawler.spiders.base import NewsSpider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapy.crawler import CrawlerProcessBase
    from scrapy.http import Response

    from archives.index.cdxj import IndexEntry
    from pipelines.rules.links import LinkKind

_NAME = "recorded"
_SOURCE = """\
name = "recorded"
timezone = "UTC"
scope = ["//.{site}/"]
seeds = []
"""


class RecordSpider(NewsSpider):
    """Asks for its seeds and follows nothing but redirects."""

    name = "record"
    follows: ClassVar[frozenset[LinkKind]] = frozenset()

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:  # noqa: ARG002 (Scrapy's signature)
        """Read nothing: what counts is that the page has been captured."""
        return iter(())


def record_page(
    process: CrawlerProcessBase,
    url: str,
    *,
    source: Source | None,
    data_dir: Path,
    spider: type[RecordSpider] = RecordSpider,
) -> tuple[Collection, IndexEntry | None]:
    """Capture a page under the project's settings, robots.txt and delays included.

    Args:
        spider: one that follows more than redirects captures what it follows, too.

    Returns:
        The collection, and the capture of the page where it was served, after redirects; None if it was not.
    """
    source = source or load_source(_SOURCE.format(site=find_site(url)), path=url)
    process.settings.set("DATA_DIR", str(data_dir), priority="cmdline")
    place_collection(process.settings, _NAME, priority="cmdline")
    crawler = process.create_crawler(spider)
    process.crawl(crawler, source=source, seeds=(url,), collection=_NAME)
    process.start()
    held = Collection.open(data_dir, _NAME, create=True)
    with CollectionIndex(held) as index:
        served = [entry for entry in index.iter_entries() if entry.status == 200 and _is_page(entry)]
    return held, max(served, key=lambda entry: entry.captured_at, default=None)


def _is_page(entry: IndexEntry) -> bool:
    return entry.url.startswith(("http://", "https://")) and not entry.url.endswith("/robots.txt")
