"""Which request a run makes next: those of each host in turn, the news before what an earlier run left.

It knows neither engine nor reactor: Scrapy's scheduler drives it in a crawl, `benchmarks.year` in a simulated one.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from crawler.frontier.request_data import dump_request, load_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scrapy import Request, Spider

    from crawler.frontier.leases import Lease, LeaseTable
    from crawler.frontier.streams import StreamTable

_BATCH: Final = 16
# Requests of which this process need not read again what it has just written.
_REMEMBERED: Final = 1024


class RequestQueue:
    """The requests of a run, taken from a table and handed out one by one.

    Args:
        spider: whose methods the requests name. One that has `is_list` says which of them may lead to news; `note_seen`
            is called with a redirected request that the job has seen.
        fingerprint: request to what makes two of them the same.
        per_host: so many of a host may be under way.
        is_resting: host to whether it has asked for a pause.
        count: of an outcome.

    Stats: `frontier/added`, `frontier/seen`, `frontier/leased`, `frontier/acknowledged`.
    """

    def __init__(
        self,
        table: LeaseTable | StreamTable,
        spider: Spider,
        *,
        fingerprint: Callable[[Request], bytes],
        per_host: int,
        is_resting: Callable[[str], bool],
        count: Callable[[str, int], None],
    ) -> None:
        self._table = table
        self._spider = spider
        self._fingerprint = fingerprint
        self._per_host = per_host
        self._is_resting = is_resting
        self._count = count
        self._is_list: Callable[[Request], bool] | None = getattr(spider, "is_list", None)
        self._note_seen: Callable[[Request], None] | None = getattr(spider, "note_seen", None)
        self._ready: deque[tuple[Lease, Request]] = deque()
        self._downloading: dict[Request, Lease] = {}
        self._load: Counter[str] = Counter()
        self._recent: dict[bytes, Request] = {}
        self.active: dict[Request, Lease] = {}

    def __len__(self) -> int:
        """How many requests are ready to be handed out."""
        return len(self._ready)

    def add(self, request: Request) -> bool:
        """Add a request; False if the job has seen it.

        Raises:
            TypeError: its meta or arguments hold more than data.
            ValueError: its callback is not a method of the spider.
        """
        data = dump_request(request, self._spider)
        fingerprint = self._fingerprint(request)
        is_added = self._table.add(
            fingerprint=fingerprint,
            host=urlsplit(request.url).hostname or "",  # as the downloader tells hosts apart
            priority=request.priority,
            data=data,
            again=request.dont_filter,
            is_list=self._is_list is not None and self._is_list(request),
        )
        self._count("frontier/added" if is_added else "frontier/seen", 1)
        if not is_added and "redirect_urls" in request.meta and self._note_seen is not None:
            self._note_seen(request)
        if is_added and not request.dont_filter and len(self._recent) < _REMEMBERED:
            self._recent[fingerprint] = request
        return is_added

    def refill(self) -> None:
        """Lease more, where nothing is ready."""
        self._drop_foreign()
        if self._ready:
            return
        leases = self._table.lease(self._find_room, most=_BATCH, with_backlog=False)
        # What may yet lead to news is read before anything that an earlier run left.
        if not leases and all(lease.is_backlog for lease in self.active.values()):
            leases = self._table.lease(self._find_room, most=_BATCH)
        for lease in leases:
            self._load[lease.host] += 1
            known = self._recent.pop(lease.fingerprint, None)
            self._ready.append((lease, known or load_request(lease.data, self._spider)))
        if leases:
            self._count("frontier/leased", len(leases))

    def take(self) -> Request | None:
        """Return the next request to make; None if there is none now."""
        if not self._ready:
            return None
        lease, request = self._ready.popleft()
        self.active[request] = self._downloading[request] = lease
        return request

    def unload(self, request: Request) -> None:
        """Make room for another request to the host of one that has been downloaded."""
        lease = self._downloading.pop(request, None)
        if lease is not None:
            self._load[lease.host] -= 1

    def finish(self, requests: Iterable[Request]) -> list[Lease]:
        """Let go of requests that have been dealt with, and return what is to be acknowledged for them."""
        leases = []
        for request in requests:
            leases.append(self.active.pop(request))
            self.unload(request)
        return leases

    def acknowledge(self, leases: list[Lease]) -> None:
        """Mark finished requests done: their output is on disk."""
        self._table.acknowledge(lease.fingerprint for lease in leases)
        self._count("frontier/acknowledged", len(leases))

    def give_back(self) -> None:
        """Give back what is ready and was not handed out."""
        self._table.release(lease.fingerprint for lease, _ in self._ready)

    def _drop_foreign(self) -> None:
        """Give back what is waiting for a host that has gone to another worker, because this one was held up."""
        while self._ready and not self._table.holds(self._ready[0][0].host):
            lease, _ = self._ready.popleft()
            self._load[lease.host] -= 1
            self._table.release([lease.fingerprint])

    def _find_room(self, host: str) -> int:
        """Return how many more requests of a host may be leased now; none while it has asked for a pause."""
        return 0 if self._is_resting(host) else self._per_host - self._load[host]
