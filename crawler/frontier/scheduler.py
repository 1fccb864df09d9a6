"""The frontier as a Scrapy scheduler: requests in a lease table, acknowledged when their results are on disk.

Scrapy's own queues forget a killed crawl. Here a request counts as done only when the engine has let go of it: its
response was captured, its callback's items went through the pipelines and its links were added to the table.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
import uuid
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.exceptions import CloseSpider
from scrapy.utils.asyncio import CallLaterResult, call_later

from crawler.fetching.pauses import HostPauses
from crawler.frontier.leases import LEASE_S, LeaseTable
from crawler.frontier.membership import Membership
from crawler.frontier.request_data import load_request
from crawler.frontier.request_queue import RequestQueue
from crawler.frontier.streams import FrontierError, StreamTable, find_url
from crawler.runs.run import STAT_FAILED, RunExtension

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Spider
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_SETTLE_S = 0.2
# So many may wait for their acknowledgement; they are fetched again if the crawl is killed.
_SETTLE_AT_MOST = 16


class Frontier(BaseScheduler):
    """What is still to fetch: leased, acknowledged, never lost.

    A run that ends before its frontier is empty is resumed by the next run of the same spider with the same source and
    seeds; `FRONTIER_RESUME = False` starts over instead.

    Stats: `frontier/added`, `frontier/seen`, `frontier/leased`, `frontier/acknowledged`, `frontier/resumed`,
    `frontier/reclaimed`, `frontier/not_data`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        settings = crawler.settings
        self._path = Path(settings["FRONTIER_FILE"])
        self._is_resuming = settings.getbool("FRONTIER_RESUME")
        self._lease_s = settings.getfloat("FRONTIER_LEASE", LEASE_S)
        self._per_host = max(1, settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")) * 2
        self._in_memory: deque[Request] = deque()
        self._is_looking = False
        self._settled_at = time.monotonic()
        self._renewal: CallLaterResult | None = None
        self._opened: LeaseTable | StreamTable | None = None
        self._filled: RequestQueue | None = None
        self._membership: Membership | None = None
        self._worker = ""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the scheduler for one run."""
        frontier = cls(crawler)
        crawler.signals.connect(frontier.unload, signal=signals.request_left_downloader)
        crawler.signals.connect(frontier.spider_closed, signal=signals.spider_closed)
        return frontier

    def unload(self, request: Request) -> None:
        """Make room for another request to the host of one that has been downloaded."""
        if self._filled is not None:
            self._filled.unload(request)

    def open(self, spider: Spider) -> None:
        """Open the table; what a dead run had leased is pending again."""
        job, url = build_job(spider), find_url(self._crawler.settings["FRONTIER_URL"])
        run = self._crawler.get_extension(RunExtension)
        # Runs have a short token; workers of many machines that begin in the same second must not be taken for one.
        self._worker = f"{run.run_id if run else ''}-{uuid.uuid4().hex[:12]}"
        try:
            self._opened = self._open_table(job, url)
            self._filled = self._build_queue(self._opened, spider)
            if not self._is_resuming:
                self._note_cut(spider)
                self._table.forget()
            if url:
                lease_s = self._lease_s
                self._membership = Membership.begin(self._crawler, url, job, worker=self._worker, lease_s=lease_s)
            if pauses := self._crawler.get_extension(HostPauses):
                pauses.resume(self._table.find_pauses(), self._note_pause)
            resumed = self._table.count_open()
            if resumed and isinstance(self._table, LeaseTable) and not self._table.has_company():
                self._table.take_up(self._list_first(spider))
                resumed = self._table.count_open()
        except (sqlite3.Error, OSError) as error:
            self._count_failure(error)
            raise CloseSpider("storage_failed") from error
        self._renew_soon()
        if resumed:
            self._crawler.stats.inc_value("frontier/resumed", resumed)
            logger.info("Resuming an unfinished run: %d requests are still to fetch", resumed)

    def _build_queue(self, table: LeaseTable | StreamTable, spider: Spider) -> RequestQueue:
        fingerprinter = self._crawler.request_fingerprinter
        assert fingerprinter is not None
        return RequestQueue(
            table,
            spider,
            fingerprint=fingerprinter.fingerprint,
            per_host=self._per_host,
            is_resting=lambda host: self._find_pause(host) > 0,
            count=self._crawler.stats.inc_value,
        )

    def _find_pause(self, host: str) -> float:
        """Return the seconds that are left of the pause that a host has asked for."""
        pauses = self._crawler.get_extension(HostPauses)
        return pauses.find_left(host) if pauses is not None else 0.0

    def _note_pause(self, host: str, left_s: float) -> None:
        with self._guard():
            self._table.note_pause(host, left_s)

    def _list_first(self, spider: Spider) -> list[bytes]:
        """Return the fingerprints of what a run of the spider begins with."""
        fingerprinter = self._crawler.request_fingerprinter
        assert fingerprinter is not None
        return [fingerprinter.fingerprint(Request(url)) for url in getattr(spider, "seeds", ())]

    def _note_cut(self, spider: Spider) -> None:
        """Have the spider know what an earlier run was still to ask for."""
        note = getattr(spider, "note_cut", None)
        if note is not None and isinstance(self._opened, LeaseTable):
            note(load_request(data, spider) for data in self._opened.iter_open())

    def close(self, reason: str) -> None:
        """Acknowledge what is finished; forget the job where nothing remains."""
        if self._opened is None:
            return
        if self._renewal is not None:
            self._renewal.cancel()
        with self._guard():
            self._settle()
            self._queue.give_back()
            if reason == "finished" and not self._queue.active and self._table.is_over():
                self._table.forget()
            self._table.close()
        if self._table.reclaimed:
            self._crawler.stats.inc_value("frontier/reclaimed", self._table.reclaimed)

    def _renew_soon(self) -> None:
        """Keep what is leased, also while every host keeps us waiting and the engine therefore asks for nothing."""
        self._renewal = call_later(self._lease_s / 4, self._renew)

    def _renew(self) -> None:
        with self._guard():
            self._table.renew()
        self._renew_soon()

    async def spider_closed(self) -> None:
        """Tell the other workers of a shared crawl how this one ended, now that its manifest is complete."""
        if self._membership is not None:
            await self._membership.end()

    def _open_table(self, job: str, url: str) -> LeaseTable | StreamTable:
        if not url:
            return LeaseTable(self._path, job, lease_s=self._lease_s)
        return StreamTable(url, job, rest=self._find_rest, lease_s=self._lease_s, new_worker=lambda: self._worker)

    def _find_rest(self, host: str) -> float:
        """Return the seconds for which a host may be asked for nothing now, by this worker or another."""
        engine = self._crawler.engine
        slot = engine.downloader.slots.get(host) if engine else None
        settings = self._crawler.settings
        delay: float = slot.delay if slot else settings.getfloat("DOWNLOAD_DELAY")
        longest = delay * (1 + (slot.jitter if slot else settings.getfloat("DOWNLOAD_DELAY_JITTER")))
        return max(longest, self._find_pause(host))

    @property
    def _table(self) -> LeaseTable | StreamTable:
        assert self._opened is not None
        return self._opened

    @property
    def _queue(self) -> RequestQueue:
        assert self._filled is not None
        return self._filled

    def has_pending_requests(self) -> bool:
        """Return whether anything is still to fetch, here or with another worker."""
        if self._has_failed():
            return False
        is_over = True
        with self._guard():
            self._settle()
            is_over = self._table.is_over()
        return bool(self._queue or self._in_memory or not is_over)

    def enqueue_request(self, request: Request) -> bool:
        """Add a request; False if the job has seen it."""
        is_added = False
        try:
            with self._guard():
                is_added = self._queue.add(request)
        except (TypeError, ValueError) as error:
            self._crawler.stats.inc_value("frontier/not_data")
            logger.warning("%s cannot be kept across a crash, because it holds more than data: %s", request, error)
            self._in_memory.append(request)
            return True
        return is_added

    def next_request(self) -> Request | None:
        """Return the next request to fetch, leased to this worker; None if there is none now."""
        if self._has_failed():
            return None
        with self._guard():
            self._settle()
            self._queue.refill()
            if not self._queue:
                self._look_again_soon()
        if self._in_memory:
            return self._in_memory.popleft()
        return self._queue.take()

    def _look_again_soon(self) -> None:
        """Other workers may add requests at any time, and nothing in this process tells of it."""
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is not None and not self._queue.active and not self._is_looking and not self._table.is_over():
            self._is_looking = True
            call_later(_POLL_S, self._look, slot)

    def _look(self, slot: Any) -> None:
        self._is_looking = False
        slot.nextcall.schedule()

    def _settle(self) -> None:
        """Acknowledge what the engine has let go of, once its captures are on disk.

        While the run is busy that happens a few times a second, so that one sync of the archive serves many requests.
        """
        slot = getattr(self._crawler.engine, "_slot", None)
        active = self._queue.active
        if slot is None or not active:
            return
        now = time.monotonic()
        # Of those that the engine has not let go of there may be any number, where posts wait for their batch.
        finished_at_least = len(active) - len(slot.inprogress)
        is_early = now - self._settled_at < _SETTLE_S and finished_at_least < _SETTLE_AT_MOST
        if is_early and slot.inprogress:
            return
        self._settled_at = now
        leases = self._queue.finish([request for request in active if request not in slot.inprogress])
        if not leases or self._has_failed():
            return
        self._sync()
        if not self._has_failed():
            self._queue.acknowledge(leases)

    def _sync(self) -> None:
        run = self._crawler.get_extension(RunExtension)
        if run is not None:
            run.sync()

    def _has_failed(self) -> bool:
        """Return whether something of this run could not be put on disk; then nothing is handed out or acknowledged."""
        return bool(self._crawler.stats.get_value(STAT_FAILED))

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Stop the run where the table cannot be written, for instance because the disk is full."""
        try:
            yield
        except (sqlite3.Error, FrontierError) as error:
            if not self._has_failed():
                self._count_failure(error)

    def _count_failure(self, error: Exception) -> None:
        run = self._crawler.get_extension(RunExtension)
        if run is None:
            raise error
        run.stop(error)


def build_job(spider: Spider) -> str:
    """Return what makes two runs parts of one job: spider, source and seeds."""
    source = getattr(spider, "source", None)
    parts = [spider.name, source.name if source else "", *getattr(spider, "seeds", ())]
    if getattr(spider, "backfill", None):  # the news shall not wait for the past
        parts.append("backfill")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
