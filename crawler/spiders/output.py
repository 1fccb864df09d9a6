"""Spider middleware: all that is done to the output of a callback, in one pass.

Scrapy wraps the output in generators for each of its middlewares, which a page of news passes for every link. Here one
loop calls the same steps. `docs/limits.md` lists the bounds.
"""

from __future__ import annotations

import inspect
import logging
import time
import traceback
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import load_object
from scrapy.utils.spider import iterate_spider_output
from twisted.python.failure import Failure

from crawler.addon import MERGED
from crawler.fetching.allocation import sweep_soon
from crawler.fetching.limits import find_trap
from pipelines.page.limits import PageRefused, limit_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    Step = Callable[[Request, Response | None], Request | None]

logger = logging.getLogger(__name__)

# So many outputs are taken before the first is passed on, so that the tree of a page is gone when its items are on
# their way, and the timer is set once.
_TAKEN_AT_ONCE: Final = 2_000
_LARGE_BYTES: Final = 256 * 1024


class OutputMiddleware:
    """Holds the reading of a page to `BOUNDS_PAGE_SECONDS` of processor time, and its links to sensible addresses.

    It also does what those of Scrapy's middlewares do that look at one request at a time; one that a project's own
    settings name is left to Scrapy.

    Stats: `bounds/<reason>` for a page that is not read, `bounds/hops`, `bounds/path_segments`, `bounds/path_repeats`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._seconds = crawler.settings.getfloat("BOUNDS_PAGE_SECONDS")
        self._hops = crawler.settings.getint("BOUNDS_HOPS")
        self._steps = list(_iter_steps(crawler))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass on what a spider begins with."""
        async for output in start:
            if (passed := self._pass(output, None)) is not None:
                yield passed

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass on what a page gives, until it is beyond a bound."""
        response.meta.setdefault("depth", 0)
        # While a coroutine waits others run, so its time cannot be measured.
        outputs = result if self._is_coroutine(response) else self._take(result)
        try:
            async for output in outputs:
                if self._admits(output, response) and (passed := self._pass(output, response)) is not None:
                    yield passed
        except PageRefused as refusal:
            for output in self._refuse(response, refusal):
                if (passed := self._pass(output, response)) is not None:
                    yield passed
        if len(response.body) > _LARGE_BYTES:
            sweep_soon()

    def _is_coroutine(self, response: Response) -> bool:
        callback = response.request.callback if response.request else None
        return inspect.isasyncgenfunction(callback or getattr(self._crawler.spider, "parse", None))

    async def _take(self, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield what a callback gives, many outputs at a time; also what comes before an error."""
        left = self._seconds
        problem: Exception | None = None
        while True:
            taken: list[Any] = []
            began = time.process_time()
            try:
                with limit_time(left):
                    async for output in result:
                        taken.append(output)
                        if len(taken) == _TAKEN_AT_ONCE:
                            break
            except Exception as error:  # noqa: BLE001 (raised below)
                problem = error
            for output in taken:
                yield output
            if problem is not None:
                raise problem
            if len(taken) < _TAKEN_AT_ONCE:
                return
            if self._seconds:
                left = max(0.001, left - (time.process_time() - began))

    def _refuse(self, response: Response, refusal: PageRefused) -> Iterator[Any]:
        self._crawler.stats.inc_value(f"bounds/{refusal.reason}")
        logger.warning("%s is not read: %s", response.url, refusal)
        request = response.request
        traceback.clear_frames(refusal.__traceback__)  # they hold the page, and an error may live long
        if request is not None and request.errback is not None:
            failure = Failure(refusal)  # type: ignore[no-untyped-call]
            failure.request = request  # type: ignore[attr-defined]
            yield from iterate_spider_output(request.errback(failure))

    def _admits(self, output: Any, response: Response) -> bool:
        if not isinstance(output, Request):
            return True
        is_too_far = 0 < self._hops <= response.meta["depth"]
        bound = "hops" if is_too_far else find_trap(output.url)
        if bound:
            self._crawler.stats.inc_value(f"bounds/{bound}")
            logger.debug("%s is not followed from %s: %s", output.url, response.url, bound)
        return not bound

    def _pass(self, output: Any, response: Response | None) -> Any:
        """Return what Scrapy's steps make of an output; None where one of them drops it."""
        if isinstance(output, Request):
            for step in self._steps:
                passed = step(output, response)
                if passed is None:
                    return None
                output = passed
        return output


def _iter_steps(crawler: Crawler) -> Iterator[Step]:
    chosen = crawler.settings["SPIDER_MIDDLEWARES"]
    for path in MERGED:
        if (chosen.getpriority(path) or 0) <= SETTINGS_PRIORITIES["addon"]:
            try:
                yield load_object(path).from_crawler(crawler).get_processed_request
            except NotConfigured:
                continue
