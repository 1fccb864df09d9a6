"""Fetches further pages for a draft, politely and up to a limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from scrapy.robotstxt import ProtegoRobotParser

from crawler.addon import build_user_agent
from crawler.fetching.robots import find_token, normalise_robots
from crawler.source_tools.pages import PageReader, PageUnreadable, RawPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.settings import BaseSettings

MAX_PAGES = 40


class Visitor:
    """Asks for pages by the project's settings; what comes is kept nowhere.

    Args:
        sleep: waits for some seconds between two pages.
    """

    def __init__(
        self, reader: PageReader, settings: BaseSettings, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._reader = reader
        self._delay_s = settings.getfloat("DOWNLOAD_DELAY")
        self._is_obeying = settings.getbool("ROBOTSTXT_OBEY")
        self._token = find_token(build_user_agent(settings))
        self._sleep = sleep
        self._robots: dict[str, RawPage | None] = {}
        self._asked = 0

    def visit(self, url: str) -> RawPage:
        """Return a page.

        Raises:
            PageUnreadable: it cannot be read, robots.txt asks not to, or enough pages have been requested.
        """
        parts = urlsplit(url)
        if parts.path == "/robots.txt" and not parts.query:
            robots = self._read_robots(url)
            if robots is None:
                raise PageUnreadable(f"{url} cannot be read")
            return robots
        if self._is_obeying and not self._is_allowed(url):
            raise PageUnreadable(f"{url} is not requested: robots.txt says so")
        if self._asked >= MAX_PAGES:
            raise PageUnreadable(f"{url} is not requested: {MAX_PAGES} pages were; name a page that lists articles")
        self._asked += 1
        self._sleep(self._delay_s)
        return self._reader.read(url)

    def _is_allowed(self, url: str) -> bool:
        robots = self._read_robots(urljoin(url, "/robots.txt"))
        if robots is None:
            return True
        rules = ProtegoRobotParser(normalise_robots(robots.body, self._token), None)
        return bool(rules.allowed(url, self._token))

    def _read_robots(self, url: str) -> RawPage | None:
        if url not in self._robots:
            try:
                self._robots[url] = self._reader.read(url)
            except PageUnreadable:
                self._robots[url] = None
        return self._robots[url]
