"""Process-wide set-up of our commands.

The add-on sets nothing of the kind, because it runs in processes of other people.
"""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

from scrapy import signals

from crawler.fetching.allocation import return_large_blocks
from crawler.projects.collector import spare_imports

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler


def tune_process(crawler: Crawler) -> None:
    """Return large blocks of memory to the system, skip log records that no handler takes, and collect less garbage.

    What has been imported and set up when the spider opens stays until the process ends. The collector would walk
    through all of it again and again, for nearly a tenth of a capturing crawl's CPU time.
    """
    return_large_blocks()
    crawler.signals.connect(spare_imports, signal=signals.spider_opened)
    crawler.signals.connect(spare_records, signal=signals.spider_opened)


def spare_records() -> None:
    """Skip log records that every handler would drop; Scrapy makes two per page at level DEBUG."""
    least = min((handler.level for handler in logging.root.handlers), default=logging.NOTSET)
    for logger in (logging.root, logging.getLogger("scrapy")):
        logger.setLevel(max(logger.level, least))


def end_with_reader() -> None:
    """End quietly when the reader of our output closes the pipe (SIGPIPE)."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def build_options(opts: argparse.Namespace) -> list[str]:
    """Return the options of a command that hold for each crawl that it starts, too."""
    settings = [word for setting in opts.set for word in ("-s", setting)]
    return [*settings, *(["-L", opts.loglevel] if opts.loglevel else [])]
