"""The counters of a run."""

from __future__ import annotations

from scrapy.statscollectors import MemoryStatsCollector


class RunStats(MemoryStatsCollector):
    """Scrapy's counters without its check, at each of forty accesses a page, whether a method has an old signature."""

    __getattribute__ = object.__getattribute__
