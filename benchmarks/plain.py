"""The least that a spider can do with the benchmark's pages: follow the stories, read one headline a page.

It knows nothing of this project, so that the same file runs in bare Scrapy and in our settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.http import Response


class PlainSpider(Spider):
    """`scrapy runspider plain.py -a url=SEED [-a items=yes]`: one `css()` a page, and one item a story on request."""

    name = "plain"

    def __init__(self, url: str, items: str = "no", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.yields_items = items == "yes"

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.url, callback=self.parse_list)

    def parse_list(self, response: Response) -> Iterator[Request]:
        for href in response.css("ul.list a::attr(href)").getall():
            is_story = href.startswith("/story/")
            yield Request(response.urljoin(href), callback=self.parse_story if is_story else self.parse_list)

    def parse_story(self, response: Response) -> Iterator[dict[str, str]]:
        headline = response.css("h1::text").get("")
        if self.yields_items:
            yield {"url": response.url, "headline": headline}
