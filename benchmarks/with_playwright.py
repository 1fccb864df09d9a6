"""The same pages with scrapy-playwright: open each story in the browser, wait for its headline, yield it.

It knows nothing of this project, and runs in an environment where scrapy-playwright is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider
from scrapy_playwright.page import PageMethod

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.http import Response


class PlaywrightSpider(Spider):
    """`scrapy runspider with_playwright.py -a url=SEED`: the headline and text of every story."""

    name = "playwright"

    def __init__(self, url: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.url, callback=self.parse_list)

    def parse_list(self, response: Response) -> Iterator[Request]:
        meta = {"playwright": True, "playwright_page_methods": [PageMethod("wait_for_selector", "h1")]}
        for href in response.css("a::attr(href)").getall():
            yield Request(response.urljoin(href), callback=self.parse_story, meta=meta)

    def parse_story(self, response: Response) -> Iterator[dict[str, Any]]:
        yield {"headline": response.css("h1::text").get(""), "text": response.css(".story p::text").getall()}
