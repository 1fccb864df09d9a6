"""A year of hourly crawls of a site that publishes, corrects, withdraws and moves articles, and fails in every way.

`python -m benchmarks.year` decides what to ask for by the code that a crawl uses: the spider, its walk, what is owed,
the lease table, the request queue, the memory of captures, and the middlewares for pauses, retries and redirects.
Simulated are the clock, the site (`benchmarks.year_site`) and the archive, which is a dictionary.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import tempfile
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.request import RequestFingerprinter
from twisted.python.failure import Failure

from archives.index.cdxj import IndexEntry
from benchmarks.year_site import BASE, DAY, DEFINITION, HOUR, Site, to_instant
from crawler.fetching.middlewares import RedirectsMiddleware
from crawler.fetching.pauses import HostPauses, PauseMiddleware
from crawler.fetching.revalidation import FLAG_UNCHANGED
from crawler.frontier.leases import LeaseTable
from crawler.frontier.owed import FILE_NAME, OwedTable
from crawler.frontier.request_queue import RequestQueue
from crawler.runs.memory import CaptureMemory
from crawler.sources.definition import load_source
from crawler.spiders.category import CategorySpider
from crawler.spiders.walk import Walk
from pipelines.posts.items import Origin, Statement

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator

_T = TypeVar("_T")
_HOST: Final = "year.example"
_BEGAN_AT: Final = 1_800_000_000.0
_SETTINGS: Final[dict[str, Any]] = {
    "ARCHIVE_MODE": "capture",
    "COLLECTION": "year",
    "DOWNLOAD_DELAY": 1.0,
    # Corrections are found by the sitemap's lastmod alone.
    "REVALIDATE_DAYS": 0,
    "RETRY_AFTER_MAX": 600,
    "LOG_LEVEL": "CRITICAL",
}


class Clock:
    """Seconds since the epoch, as far as the simulation has come."""

    def __init__(self) -> None:
        self.now = _BEGAN_AT

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


class Archive:
    """What has been captured, as `CaptureMemory` asks for it; it shows what a run captured when the run has ended."""

    def __init__(self) -> None:
        self._captures: defaultdict[str, list[IndexEntry]] = defaultdict(list)
        self._open: list[IndexEntry] = []

    def close_run(self) -> None:
        """Show what the run captured."""
        for entry in self._open:
            self._captures[entry.url].append(entry)
        self._open = []

    def add(self, response: Response, now: float) -> bool:
        """Add a capture; tell whether its body is that of the one before."""
        entries = self._captures.get(response.url)
        digest = hashlib.sha1(response.body, usedforsecurity=False).hexdigest()
        captured_at = to_instant(now)
        entry = IndexEntry(
            urlkey=response.url,
            timestamp="",
            url=response.url,
            mime="text/html",
            status=response.status,
            digest=digest,
            length=0,
            offset=0,
            filename="",
            record_id="",
            captured_at=captured_at,
        )
        self._open.append(entry)
        return bool(entries) and (entries[-1].status, entries[-1].digest) == (response.status, digest)

    def iter_captures(self, url: str, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        """Yield the captures of an address."""
        entries = self._captures.get(url, [])
        yield from reversed(entries) if is_reverse else entries

    def find_nearest(self, url: str, *, is_exact: bool = False) -> IndexEntry | None:  # noqa: ARG002 (one key, one address)
        """Return the latest capture."""
        entries = self._captures.get(url)
        return entries[-1] if entries else None

    def list_good(self, urls: Iterable[str]) -> list[IndexEntry]:
        """Return the good captures of some addresses."""
        return [entry for url in urls for entry in self._captures.get(url, ()) if entry.status == 200]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a year of crawls did.

    Attributes:
        reachable: articles that were reachable for a day in a row.
        missed: of these, how many are not archived.
        twice: articles fetched again although nothing had changed.
        posts: articles that the pages state, by their keys.
        outdated: articles of which a correction of the first two days is not archived.
        article_requests: for articles, those that failed, corrections and retries included.
        per_article: of these for each archived article.
        other_requests: for lists and sitemaps.
        too_soon: requests within the delay, or in a pause that the site asked for.
    """

    hours: int
    articles: int
    archived: int
    reachable: int
    missed: int
    twice: int
    posts: int
    outdated: int
    article_requests: int
    per_article: float
    other_requests: int
    too_soon: int
    owed: int


class Year:
    """Hourly crawls of one simulated site.

    Args:
        folder: for the files of the frontier.
        articles: that the site publishes.
    """

    def __init__(self, folder: Path, *, articles: int, days: int, seed: int = 7) -> None:
        self.clock = Clock()
        self.site = Site(articles=articles, days=days, began_at=_BEGAN_AT, seed=seed)
        self.archive = Archive()
        self.requests: Counter[str] = Counter()
        self.too_soon = 0
        self._days = days
        self._folder = folder
        self._keys: set[tuple[str, str]] = set()
        self._last_at = 0.0

    def run(self) -> Report:
        """Crawl every hour, and return the results."""
        for hour in range(self._days * 24):
            self.clock.now = max(self.clock.now, _BEGAN_AT + hour * HOUR)
            Run(self).crawl(until=_BEGAN_AT + (hour + 1) * HOUR)
        return self.report()

    def note_request(self, request: Request) -> None:
        """Wait for the delay, as the downloader does, and check what the site sees."""
        self.clock.now = max(self.clock.now, self._last_at + _SETTINGS["DOWNLOAD_DELAY"])
        self.too_soon += self.clock.now < self.site.rests_until
        self._last_at = self.clock.now
        self.requests["article" if request.url.startswith((f"{BASE}/a/", f"{BASE}/b/")) else "other"] += 1

    def note_statement(self, statement: Statement) -> None:
        """Note which article a page states."""
        if statement.origin is Origin.ARTICLE and not statement.is_silent:
            self._keys.add(statement.key)

    def report(self) -> Report:
        """Compare the archive with the articles of the site."""
        archived = missed = twice = outdated = reachable = 0
        for article in self.site.articles:
            good = self.archive.list_good(article.list_urls())
            is_reachable = self.site.count_reachable(article) >= DAY
            archived += bool(good)
            reachable += is_reachable
            missed += is_reachable and not good
            twice += len({(entry.url, entry.digest) for entry in good}) < len(good)
            last = max((entry.captured_at for entry in good), default=None)
            is_late = last is not None and any(last < to_instant(at) for at in article.corrected_at)
            outdated += is_reachable and is_late
        asked = self.requests["article"]
        return Report(
            hours=self._days * 24,
            articles=len(self.site.articles),
            archived=archived,
            reachable=reachable,
            missed=missed,
            twice=twice,
            posts=len(self._keys),
            outdated=outdated,
            article_requests=asked,
            per_article=round(asked / max(1, archived), 3),
            other_requests=self.requests["other"],
            too_soon=self.too_soon,
            owed=len(OwedTable(self._folder / FILE_NAME, "year", clock=self.clock)),
        )


class Run:
    """One crawl."""

    def __init__(self, year: Year) -> None:
        self._year = year
        self._clock = year.clock
        folder = year._folder
        settings = Settings(_SETTINGS | {"DATA_DIR": str(folder), "FRONTIER_FILE": str(folder / "frontier.sqlite")})
        self._crawler = Crawler(CategorySpider, settings)
        self._crawler.stats = MemoryStatsCollector(self._crawler)
        self._crawler.request_fingerprinter = RequestFingerprinter(self._crawler)
        source = load_source(DEFINITION, path="year.toml")
        self._spider = spider = CategorySpider.from_crawler(self._crawler, source=source)
        self._crawler.spider = spider
        settles_after = timedelta(days=_SETTINGS["REVALIDATE_DAYS"])
        spider.memory = CaptureMemory(year.archive, settles_after=settles_after, clock=self._clock)
        owed = OwedTable(folder / FILE_NAME, source.name, clock=self._clock)
        spider.walk = Walk(source, owed, spider.memory, mode="new", is_partial=False, count=spider.count, stop=_fail)
        self._table = LeaseTable(folder / "frontier.sqlite", source.name, clock=self._clock)
        self._pauses = HostPauses(self._crawler, self._clock)
        self._queue = RequestQueue(
            self._table,
            spider,
            fingerprint=self._crawler.request_fingerprinter.fingerprint,
            per_host=16,
            is_resting=lambda host: self._pauses.find_left(host) > 0,
            count=self._crawler.stats.inc_value,
        )
        # In the order in which they see a response.
        self._redirects = RedirectsMiddleware.from_crawler(self._crawler)
        self._putting_off = PauseMiddleware(self._crawler, self._pauses, self._clock.sleep)
        self._retries = RetryMiddleware.from_crawler(self._crawler)

    def crawl(self, *, until: float) -> None:
        """Ask for what is to be requested, and leave what is not done by the end of the hour to the next run."""
        if not self._table.is_over():
            self._table.take_up([])
        for request in _finish(_list_all(self._spider.start())):
            self._queue.add(request)
        while not self._table.is_over() and self._clock.now < until:
            self._queue.refill()
            request = self._queue.take()
            if request is None:
                self._clock.now += max(1.0, self._pauses.find_left(_HOST))
                continue
            for output in self._fetch(request):
                if isinstance(output, Request):
                    self._queue.add(output)
                else:
                    self._year.note_statement(output)
            self._queue.acknowledge(self._queue.finish([request]))
        self._queue.give_back()
        is_over = self._table.is_over()
        self._spider.closed("finished" if is_over else "closespider_timeout")
        if is_over:
            self._table.forget()
        self._table.close()
        self._year.archive.close_run()

    def _fetch(self, request: Request) -> Iterator[Request | Statement]:
        """Yield what comes of a request."""
        put_off = _finish(self._putting_off.process_request(request))
        if put_off is not None:
            yield put_off
            return
        self._year.note_request(request)
        try:
            response, seconds = self._year.site.answer(request, self._clock.now)
        except DownloadTimeoutError as error:
            self._clock.now += 180
            yield from self._fail(request, error)
            return
        except DownloadFailedError as error:
            yield from self._fail(request, error)
            return
        self._clock.now += seconds
        self._pauses.note(_HOST, response)
        if self._year.archive.add(response, self._clock.now):
            response.flags.append(FLAG_UNCHANGED)
        passed = self._pass_on(request, response)
        if isinstance(passed, Request):
            yield passed
        elif passed.status == 200:
            yield from (request.callback or self._spider.parse)(passed)
        else:
            yield from self._miss(request, HttpError(passed, f"HTTP {passed.status}"))

    def _pass_on(self, request: Request, response: Response) -> Request | Response:
        """Have the middlewares see a response: they may want another request instead."""
        passed: Request | Response = self._redirects.process_response(request, response)
        if isinstance(passed, Response):
            passed = _finish(self._putting_off.process_response(request, passed))
        if isinstance(passed, Response):
            passed = self._retries.process_response(request, passed)
        return passed

    def _fail(self, request: Request, error: Exception) -> Iterator[Request | Statement]:
        again = self._retries.process_exception(request, error)
        yield from [again] if isinstance(again, Request) else self._miss(request, error)

    def _miss(self, request: Request, error: Exception) -> Iterator[Request | Statement]:
        failure = Failure(error)
        failure.request = request
        yield from self._spider.handle_failure(failure)


async def _list_all(requests: Any) -> list[Request]:
    return [request async for request in requests]


def _finish(work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine that awaits nothing but the simulated clock.

    Raises:
        RuntimeError: it awaits something else.
    """
    try:
        work.send(None)
    except StopIteration as done:
        return cast("_T", done.value)
    raise RuntimeError(f"{work} awaits something else than the simulated clock")


def _fail(error: Exception) -> None:
    raise error


def main() -> None:
    """Simulate a year and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        report = Year(Path(folder), articles=options.articles, days=options.days, seed=options.seed).run()
    print(json.dumps(asdict(report), indent=2))


if __name__ == "__main__":
    main()
