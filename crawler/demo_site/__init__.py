"""A small bilingual newspaper that exists only on the loopback interface: the demo and the tests crawl it."""

from __future__ import annotations

from crawler.demo_site.server import Newspaper
from crawler.demo_site.site import Expected, Paper, Request

__all__ = ["Expected", "Newspaper", "Paper", "Request"]
