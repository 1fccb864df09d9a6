"""The download handler without a crawl: fetches on loopback, and remembers what came late."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request
from scrapy.utils.test import get_crawler

from crawler import settings as our_settings
from crawler.fetching.capture import CaptureHandler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.http import Response

    from crawler.fetching.wire.recording import Recording

OURS = {name: value for name, value in vars(our_settings).items() if name.isupper() and name != "ADDONS"}


class Client:
    """A separate handler; `late` holds what came behind responses."""

    def __init__(self, handler: CaptureHandler) -> None:
        self.handler = handler
        self.late: list[bytes] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, **settings: object) -> AsyncIterator[Self]:
        crawler = get_crawler(settings_dict=OURS | {"RESOLVER_ALLOW": ["127.0.0.0/8", "::1/128"], **settings})
        crawler._apply_settings()
        handler = CaptureHandler(crawler)
        client = cls(handler)
        keep = handler.pool.receive_late

        def receive_late(recording: Recording, data: bytes) -> None:
            client.late.append(data)
            keep(recording, data)

        handler.pool.receive_late = receive_late  # type: ignore[method-assign]
        try:
            yield client
        finally:
            await handler.close()
            await asyncio.sleep(0)

    async def get(self, url: str, **meta: Any) -> Response:
        headers = meta.pop("headers", None)
        method = meta.pop("method", "GET")
        return await self.handler.download_request(Request(url, method=method, meta=meta, headers=headers))

    def count(self, name: str) -> int:
        return int(self.handler.crawler.stats.get_value(name, 0))
