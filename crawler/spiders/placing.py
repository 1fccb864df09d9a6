"""What follows from a source before its run begins: the collection, its politeness, and its proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.settings import SETTINGS_PRIORITIES

from crawler.addon import place_collection

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.sources import Source


def place_source(settings: BaseSettings, source: Source, collection: str) -> None:
    """Set what follows from a source: the collection, its politeness, and no other proxy than its own."""
    if collection or (settings.getpriority("COLLECTION") or 0) <= SETTINGS_PRIORITIES["addon"]:
        place_collection(settings, collection or source.name, priority="spider")
    if source.politeness.delay is not None:
        settings.set("DOWNLOAD_DELAY", source.politeness.delay, priority="spider")
        if source.politeness.delay == 0:
            settings.set("AUTOTHROTTLE_ENABLED", False, priority="spider")
    if source.politeness.concurrency is not None:
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", source.politeness.concurrency, priority="spider")
    if source.proxy:  # in place of those that the environment names
        settings.set("HTTPPROXY_ENABLED", False, priority="spider")
