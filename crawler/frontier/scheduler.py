"""The frontier as a Scrapy scheduler: requests in a lease table, acknowledged when their results are on disk.

Scrapy's own queues forget a killed crawl. Here a request counts as done only when the engine has let go of it: its
response was captured, its callback's items went through the pipelines and its links were added to the table.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import sqlite3
import time
import uuid
from collections import Counter, deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.exceptions import CloseSpider
from scrapy.utils.asyncio import CallLaterResult, call_later
from scrapy.utils.request import request_from_dict

from crawler.fetching.pauses import HostPauses
from crawler.frontier.leases import LEASE_S, Lease, LeaseTable
from crawler.frontier.membership import Membership
from crawler.frontier.streams import FrontierError, StreamTable, find_url
from crawler.runs.run import META_CAPTURE, STAT_FAILED, RunExtension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scrapy import Spider
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_BATCH = 16
_POLL_S = 0.5
_SETTLE_S = 0.2
# So many may wait for their acknowledgement; they are fetched again if the crawl is killed.
_SETTLE_AT_MOST = 16
# Requests of which this process need not read again what it has just written.
_REMEMBERED = 1024
_PLAIN = ("callback", "errback", "method", "priority", "dont_filter", "encoding", "flags", "cb_kwargs", "meta")
_DEFAULTS: dict[str, Any] = {
    "method": "GET",
    "priority": 0,
    "dont_filter": False,
    "encoding": "utf-8",
    "flags": [],
    "cb_kwargs": {},
    "meta": {},
    "callback": None,
    "errback": None,
}


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
        self._ready: deque[tuple[Lease, Request]] = deque()
        self._active: dict[Request, Lease] = {}
        self._downloading: dict[Request, Lease] = {}
        self._load: Counter[str] = Counter()
        self._in_memory: deque[Request] = deque()
        self._recent: dict[bytes, Request] = {}
        self._is_looking = False
        self._settled_at = time.monotonic()
        self._renewal: CallLaterResult | None = None
        self._opened: LeaseTable | StreamTable | None = None
        self._membership: Membership | None = None
        self._worker = ""
        self._is_list: Callable[[Request], bool] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the scheduler for one run."""
        frontier = cls(crawler)
        crawler.signals.connect(frontier.unload, signal=signals.request_left_downloader)
        crawler.signals.connect(frontier.spider_closed, signal=signals.spider_closed)
        return frontier

    def unload(self, request: Request) -> None:
        """Make room for another request to the host of one that has been downloaded."""
        lease = self._downloading.pop(request, None)
        if lease is not None:
            self._load[lease.host] -= 1

    def open(self, spider: Spider) -> None:
        """Open the table; what a dead run had leased is pending again."""
        self._is_list = getattr(spider, "is_list", None)
        job, url = build_job(spider), find_url(self._crawler.settings["FRONTIER_URL"])
        run = self._crawler.get_extension(RunExtension)
        # Runs have a short token; workers of many machines that begin in the same second must not be taken for one.
        self._worker = f"{run.run_id if run else ''}-{uuid.uuid4().hex[:12]}"
        try:
            self._opened = self._open_table(job, url)
            if not self._is_resuming:
                self._note_cut(spider)
                self._table.forget()
            if url:
                lease_s = self._lease_s
                self._membership = Membership.begin(self._crawler, url, job, worker=self._worker, lease_s=lease_s)
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
            self._table.release(lease.fingerprint for lease, _ in self._ready)
            if reason == "finished" and not self._active and self._table.is_over():
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
        """Return the longest pause that the downloader makes between two requests to a host, in seconds."""
        engine = self._crawler.engine
        slot = engine.downloader.slots.get(host) if engine else None
        settings = self._crawler.settings
        delay: float = slot.delay if slot else settings.getfloat("DOWNLOAD_DELAY")
        return delay * (1 + (slot.jitter if slot else settings.getfloat("DOWNLOAD_DELAY_JITTER")))

    @property
    def _table(self) -> LeaseTable | StreamTable:
        assert self._opened is not None
        return self._opened

    def has_pending_requests(self) -> bool:
        """Tell whether anything is still to fetch, here or with another worker."""
        if self._has_failed():
            return False
        is_over = True
        with self._guard():
            self._settle()
            is_over = self._table.is_over()
        return bool(self._ready or self._in_memory or not is_over)

    def enqueue_request(self, request: Request) -> bool:
        """Add a request; False where the job has seen it."""
        try:
            data = dump_request(request, self._crawler.spider)
        except (TypeError, ValueError) as error:
            self._crawler.stats.inc_value("frontier/not_data")
            logger.warning("%s cannot be kept across a crash, because it holds more than data: %s", request, error)
            self._in_memory.append(request)
            return True
        assert self._crawler.request_fingerprinter is not None
        fingerprint = self._crawler.request_fingerprinter.fingerprint(request)
        is_added = False
        with self._guard():
            is_added = self._table.add(
                fingerprint=fingerprint,
                host=urlsplit(request.url).hostname or "",  # as the downloader tells hosts apart
                priority=request.priority,
                data=data,
                again=request.dont_filter,
                is_list=self._is_list is not None and self._is_list(request),
            )
        self._crawler.stats.inc_value("frontier/added" if is_added else "frontier/seen")
        if is_added and not request.dont_filter and len(self._recent) < _REMEMBERED:
            self._recent[fingerprint] = request
        return is_added

    def next_request(self) -> Request | None:
        """Return the next request to fetch, leased to this worker; None where there is none now."""
        if self._has_failed():
            return None
        with self._guard():
            self._settle()
            self._drop_foreign()
            if not self._ready:
                self._refill()
            if not self._ready:
                self._look_again_soon()
        if self._in_memory:
            return self._in_memory.popleft()
        if not self._ready:
            return None
        lease, request = self._ready.popleft()
        self._active[request] = self._downloading[request] = lease
        return request

    def _look_again_soon(self) -> None:
        """Other workers may add requests at any time, and nothing in this process tells of it."""
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is not None and not self._active and not self._is_looking and not self._table.is_over():
            self._is_looking = True
            call_later(_POLL_S, self._look, slot)

    def _look(self, slot: Any) -> None:
        self._is_looking = False
        slot.nextcall.schedule()

    def _drop_foreign(self) -> None:
        """Give back what is waiting for a host that has gone to another worker, because this one was held up."""
        while self._ready and not self._table.holds(self._ready[0][0].host):
            lease, _ = self._ready.popleft()
            self._load[lease.host] -= 1
            self._table.release([lease.fingerprint])

    def _refill(self) -> None:
        leases = self._table.lease(self._find_room, most=_BATCH, with_backlog=False)
        # What may yet lead to news is read before anything that an earlier run left.
        if not leases and all(lease.is_backlog for lease in self._active.values()):
            leases = self._table.lease(self._find_room, most=_BATCH)
        for lease in leases:
            self._load[lease.host] += 1
            known = self._recent.pop(lease.fingerprint, None)
            self._ready.append((lease, known or load_request(lease.data, self._crawler.spider)))
        if leases:
            self._crawler.stats.inc_value("frontier/leased", len(leases))

    def _find_room(self, host: str) -> int:
        """Return how many more requests of a host may be leased now; none while it has asked for a pause."""
        pauses = self._crawler.get_extension(HostPauses)
        is_resting = pauses is not None and pauses.find_left(host) > 0
        return 0 if is_resting else self._per_host - self._load[host]

    def _settle(self) -> None:
        """Acknowledge what the engine has let go of, once its captures are on disk.

        While the run is busy that happens a few times a second, so that one sync of the archive serves many requests.
        """
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is None or not self._active:
            return
        now = time.monotonic()
        # Of those that the engine has not let go of there may be any number, where posts wait for their batch.
        finished_at_least = len(self._active) - len(slot.inprogress)
        is_early = now - self._settled_at < _SETTLE_S and finished_at_least < _SETTLE_AT_MOST
        if is_early and slot.inprogress:
            return
        self._settled_at = now
        finished = [request for request in self._active if request not in slot.inprogress]
        leases = [self._active.pop(request) for request in finished]
        for request in finished:
            self.unload(request)
        if not leases or self._has_failed():
            return
        self._sync()
        if not self._has_failed():
            self._table.acknowledge(lease.fingerprint for lease in leases)
            self._crawler.stats.inc_value("frontier/acknowledged", len(leases))

    def _sync(self) -> None:
        run = self._crawler.get_extension(RunExtension)
        if run is not None:
            run.sync()

    def _has_failed(self) -> bool:
        """Tell whether something of this run could not be put on disk; then nothing is handed out or acknowledged."""
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


def dump_request(request: Request, spider: Spider | None) -> str:
    """Write a request as JSON, without what it has by default.

    Raises:
        TypeError: its meta or arguments hold more than data.
        ValueError: its callback is no method of the spider.
    """
    # Scrapy's own to_dict() looks for a callback among all members of the spider, for every request.
    values = {name: getattr(request, name) for name in _PLAIN}
    values["callback"] = _find_method(spider, request.callback)
    values["errback"] = _find_method(spider, request.errback)
    values["meta"] = {name: value for name, value in request.meta.items() if name != META_CAPTURE}
    data: dict[str, Any] = {"url": request.url}
    data |= {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    if type(request) is not Request:
        data["_class"] = f"{type(request).__module__}.{type(request).__qualname__}"
        data |= {name: getattr(request, name) for name in request.attributes if name not in Request.attributes}
    if request.cookies:
        data["cookies"] = request.cookies
    if request.body:
        data["body"] = base64.b64encode(request.body).decode()
    if request.headers:
        data["headers"] = [
            [name.decode("latin-1"), [value.decode("latin-1") for value in entries]]
            for name, entries in request.headers.items()
        ]
    return json.dumps(data, ensure_ascii=False)


def _find_method(spider: Spider | None, function: Any) -> str | None:
    """Return the name by which a spider knows one of its methods."""
    if function is None:
        return None
    name = getattr(function, "__name__", "")
    if spider is None or not name or getattr(spider, name, None) != function:
        raise ValueError(f"{function} is no method of the spider")
    return str(name)


def load_request(text: str, spider: Spider | None) -> Request:
    """Read what `dump_request` wrote."""
    data = json.loads(text)
    if "body" in data:
        data["body"] = base64.b64decode(data["body"])
    if "headers" in data:
        data["headers"] = {
            name.encode("latin-1"): [value.encode("latin-1") for value in entries] for name, entries in data["headers"]
        }
    return request_from_dict(data, spider=spider)
