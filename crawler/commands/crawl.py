"""`scrapy crawl`: Scrapy's own, with its arguments checked first and an exit code that tells the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from archives.collection import Collection
from archives.errors import ArchiveError
from crawler.run import STAT_FAILED
from crawler.sources import SourceError, find_source
from crawler.spiders.base import NewsSpider
from pipelines.shelf import Outcome

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler


EXIT_STORAGE = 3
_EXIT_BY_REASON = {"shutdown": 11, "closespider_timeout": 15}


class Command(ScrapyCrawl):
    """Runs one spider.

    Exit codes: 0 good; 1 nothing was fetched or every page failed; 2 usage; 3 the disk would take no more; 11 the run
    was interrupted, 15 a time limit ended it, and the next run takes it up.
    """

    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "INFO"}

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Crawl: capture every exchange, write posts (-a source=NAME_OR_PATH)"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider named in `args`."""
        if len(args) != 1:
            raise UsageError("name one spider; 'scrapy list' shows them")
        assert self.crawler_process is not None
        crawler = self.crawler_process.create_crawler(self._find_spider(args[0]))
        arguments = self._check_arguments(crawler, dict(opts.spargs))
        self.crawler_process.crawl(crawler, **arguments)
        self.crawler_process.start()
        if self.crawler_process.bootstrap_failed:
            self.exitcode = 1
            return
        self.exitcode = find_exit_code(crawler)
        print(describe_run(crawler), file=sys.stderr)  # noqa: T201

    def _find_spider(self, name: str) -> str:
        assert self.crawler_process is not None
        known = self.crawler_process.spider_loader.list()
        if name not in known:
            raise UsageError(f"unknown spider {name!r}; known are {', '.join(known)}", print_help=False)
        return name

    def _check_arguments(self, crawler: Crawler, arguments: dict[str, Any]) -> dict[str, Any]:
        if not issubclass(crawler.spidercls, NewsSpider):
            return arguments
        if not arguments.get("source"):
            raise UsageError("say which source: -a source=NAME_OR_PATH; 'scrapy sources' lists them", print_help=False)
        try:
            source = find_source(arguments["source"])
            collection = arguments.get("collection") or source.name
            arguments = crawler.spidercls.parse_arguments(arguments) | {"source": source}
            if crawler.settings["ARCHIVE_MODE"] == "capture":
                Collection.open(Path(crawler.settings["DATA_DIR"]), collection, create=True)
        except (SourceError, ArchiveError, ValueError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        return arguments


def describe_run(crawler: Crawler) -> str:
    """Return one line on what a run brought home."""
    assert crawler.stats is not None
    stats = crawler.stats.get_stats()
    return (
        f"{crawler.settings['COLLECTION']}: {stats.get('response_received_count', 0)} responses,"
        f" {stats.get('archive/exchanges', 0)} exchanges captured; {describe_posts(stats)}"
    )


def describe_posts(stats: dict[str, Any]) -> str:
    """Return how many posts a run made, changed, left alone and dropped."""
    counts = [f"{stats.get(f'posts/{outcome}', 0)} {outcome}" for outcome in Outcome]
    dropped = sum(value for name, value in stats.items() if name.startswith("posts/dropped/"))
    return f"posts: {', '.join(counts)}, {dropped} dropped"


def find_exit_code(crawler: Crawler) -> int:
    """Return how a run ended; Scrapy alone would say 0 to almost everything."""
    assert crawler.stats is not None
    stats = crawler.stats.get_stats()
    if stats.get(STAT_FAILED):
        return EXIT_STORAGE
    if stats.get("finish_reason") in _EXIT_BY_REASON:
        return _EXIT_BY_REASON[stats["finish_reason"]]
    pages = sum(value for name, value in stats.items() if name.startswith("pages/") and "failed" not in name)
    is_ours = issubclass(crawler.spidercls, NewsSpider)
    fetched = pages if is_ours else stats.get("response_received_count", 0)
    return 0 if fetched else 1
