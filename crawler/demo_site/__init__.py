"""A small bilingual newspaper on the loopback interface, crawled by the demo and the tests."""

from __future__ import annotations

from crawler.demo_site.server import Newspaper
from crawler.demo_site.site import Expected, Paper, Request

__all__ = ["Expected", "Newspaper", "Paper", "Request"]
