"""Somebody else's spider: it knows nothing of this project, fetches what it is given and reports what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scrapy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.http import Response


class PlainSpider(scrapy.Spider):
    """Writes one JSON line a response to `saw`: path, status, headers, body, and the capture reported to it."""

    name = "plain"
    handle_httpstatus_all = True
    custom_settings = {"HTTPERROR_ALLOW_ALL": True}

    def __init__(self, urls: str = "", saw: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.urls = urls.split()
        self.saw = Path(saw)

    async def start(self) -> AsyncIterator[Any]:
        for url in self.urls:
            yield scrapy.Request(url, errback=self.note_failure, dont_filter=True)

    def parse(self, response: Response) -> None:
        capture = response.meta.get("capture")
        saw = {
            "url": response.url,
            "status": response.status,
            "headers": {
                name.decode("latin-1"): [value.decode("latin-1") for value in values]
                for name, values in sorted(response.headers.items())
            },
            "body": response.body.decode("latin-1"),
            "record_id": capture.record_id if capture else "",
        }
        self.note(saw)

    def note_failure(self, failure: Any) -> None:
        self.note({"url": failure.request.url, "failed": type(failure.value).__name__})

    def note(self, saw: dict[str, Any]) -> None:
        with self.saw.open("a", encoding="utf-8") as file:
            file.write(json.dumps(saw) + "\n")
