"""The counters of a run."""

from __future__ import annotations

from scrapy.statscollectors import MemoryStatsCollector


class RunStats(MemoryStatsCollector):
    """Scrapy's counters, without the warning that methods no longer take a spider: its check costs at each access."""

    __getattribute__ = object.__getattribute__
