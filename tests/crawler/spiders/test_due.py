"""A run asks for a sitemap as often as the archive shows that it changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector

from crawler.runs.memory import CaptureMemory
from crawler.spiders.site import SiteSpider
from crawler.spiders.walk import Walk
from pipelines.rules.links import Link, LinkKind, Reason
from tests.clock import Clock
from tests.crawler.runs.test_memory import NOW, URL, Captures


def build_spider(*hours: float, mode: str = "new", **arguments: str) -> SiteSpider:
    """A spider that knows captures of a sitemap, hours ago, each like the one before."""
    crawler = Crawler(SiteSpider, Settings())
    crawler.stats = MemoryStatsCollector(crawler)
    spider = SiteSpider.from_crawler(crawler, url="http://a.example/", **arguments)
    captures = Captures(*((at, 200, "same") for at in hours))
    spider.memory = CaptureMemory(captures, settles_after=timedelta(days=7), clock=Clock(NOW.timestamp()))
    stop = pytest.fail
    spider.walk = Walk(spider.source, None, spider.memory, mode=mode, is_partial=False, count=spider.count, stop=stop)
    return spider


@pytest.mark.parametrize(
    ("dated", "mode", "hours", "is_asked"),
    [
        ("", "new", (30, 20, 10, 2), False),
        ("", "new", (30, 20, 10, 7), True),
        ((NOW - timedelta(hours=1)).isoformat(), "new", (30, 20, 10, 2), False),  # it says so in vain, as before
        ("", "full", (30, 20, 10, 2), True),
        ("", "new", (), True),
    ],
)
def test_a_sitemap_that_does_not_change_can_wait(
    dated: str, mode: str, hours: tuple[float, ...], is_asked: bool
) -> None:
    spider = build_spider(*hours, mode=mode)
    link = Link(url=URL, kind=LinkKind.SITEMAP, reason=Reason.SITEMAP, dated=dated)
    assert [request.url for request in spider.follow_found(link)] == [URL] * is_asked
    assert spider.crawler.stats.get_value("discovery/left/not_due", 0) == (not is_asked)


def test_a_back_fill_asks_for_every_sitemap() -> None:
    spider = build_spider(30, 20, 10, 2, backfill="2019-01-01")
    link = Link(url=URL, kind=LinkKind.SITEMAP, reason=Reason.SITEMAP)
    assert [request.url for request in spider.follow_found(link)] == [URL]
