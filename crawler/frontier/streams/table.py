"""The lease table on Redis or Valkey Streams, for workers on several machines.

Each host has one stream per priority. A host belongs to one worker at a time, and only that worker takes from its
streams. So the worker's delay, concurrency and robots rules are those of the whole crawl, and single requests need no
lock. Workers share the hosts evenly, and hand one over when none of its requests is in flight and its delay has passed.
A worker that dies stops renewing: its hosts become free, and its leases are claimed by the next worker of each host.

Redis documentation, Streams: consumer groups, XREADGROUP, XAUTOCLAIM.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.frontier.leases import LEASE_S, Lease
from crawler.frontier.streams.server import FrontierError, Server, ServerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_COLUMNS: Final = 6
# As many hosts keep any worker busy; as many are shared evenly, of more each worker takes what it finds.
_MOST_HOSTS: Final = 256
_FEW_HOSTS: Final = 512
_LEAVING: Final = ("workers", "runs", "closing")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a leased request is on the server."""

    host: str
    stream: bytes
    entry: bytes


class StreamTable:
    """The requests of one job, as `crawler.frontier.leases.LeaseTable` has them.

    Args:
        url: of the server.
        job: which crawl the requests belong to.
        rest: host to the seconds that must pass between this worker's last request to it and another worker's first.
        lease_s: how long a worker may be silent before others take its hosts and requests.

    Raises:
        FrontierError: the server cannot be used.
    """

    def __init__(
        self,
        url: str,
        job: str,
        *,
        rest: Callable[[str], float] = lambda _: 0.0,
        new_worker: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = Server(url)
        self._prefix = f"newsreel:{{{job}}}:"
        self._worker = new_worker()
        self._rest = rest
        self._lease_s = lease_s
        self._clock = clock
        self._places: dict[bytes, _Place] = {}
        self._held: frozenset[str] = frozenset()
        self._held_until = 0.0
        self.reclaimed = 0

    def close(self) -> None:
        """Give back what is still leased, and leave."""
        self.release(list(self._places))
        values = [*self._sign(), 1, *self._list_rests(self._held)]
        self._server.send("leave", self._keys(*_LEAVING), values)
        self._server.close()

    def add(
        self,
        *,
        fingerprint: bytes,
        host: str,
        priority: int,
        data: str,
        again: bool = False,
        is_list: bool = False,  # noqa: ARG002 (a shared job is continued as it is)
    ) -> bool:
        """Add a request, unless the job has seen it.

        Args:
            fingerprint: what makes two requests the same.
            priority: higher goes first.
            again: add it even if it has been seen, under its own fingerprint.

        Returns:
            Whether it was added, as far as is known: while the server is unavailable everything seems new.
        """
        if again:
            fingerprint += uuid.uuid4().bytes
        values = [self._prefix, fingerprint, host, priority, data]
        return bool(self._server.send("add", self._keys("seen", "hosts"), values) != 0)

    def lease(
        self,
        limits: Callable[[str], int],
        *,
        most: int,
        with_backlog: bool = True,  # noqa: ARG002 (a shared job is continued as it is)
    ) -> list[Lease]:
        """Take requests of the hosts that this worker holds, the best of each host in turn.

        Args:
            limits: host to how many more of its requests may be taken now.
            most: how many in all.
        """
        try:
            rooms = [(host, room) for host in self._hold() if (room := min(limits(host), most)) > 0]
            if not rooms:
                return []
            wanted = [value for host, room in rooms for value in (host, room, self._find_life(host))]
            values = [*self._sign(), self._lease_ms, most, *wanted]
            found = self._server.ask("lease", self._keys("hosts"), values)
        except ServerUnavailable:
            return []
        columns = (found[column::_COLUMNS] for column in range(_COLUMNS))
        return [lease for row in zip(*columns, strict=True) if (lease := self._take(*row))]

    def acknowledge(self, fingerprints: Iterable[bytes]) -> None:
        """Mark requests done: their output has been consumed and is on disk."""
        if places := self._pop_places(fingerprints):
            self._server.send("acknowledge", self._keys("hosts"), [self._prefix, *places])

    def release(self, fingerprints: Iterable[bytes]) -> None:
        """Give requests back unfetched."""
        if places := self._pop_places(fingerprints):
            self._server.send("release", self._keys("hosts"), [*self._sign(), *places])

    def renew(self) -> None:
        """Keep hosts and leases for another while."""
        asked_at = self._clock()
        hosts = [value for host in self._held for value in (host, self._find_life(host))]
        places = [value for place in self._places.values() for value in (place.host, place.stream, place.entry)]
        values = [*self._sign(), len(self._held), *hosts, *places]
        try:
            self._server.ask("renew", self._keys("hosts", "workers"), values)
        except ServerUnavailable:
            return
        self._held_until = asked_at + self._lease_s / 2

    def note_pause(self, host: str, left_s: float) -> None:
        """Note for how long a host is to be left alone; a longer pause stays."""
        self._server.send("pause", self._keys("pauses"), [host, round(1000 * left_s)])

    def find_pauses(self) -> dict[str, float]:
        """Return the hosts that are still to be left alone, and for how many seconds.

        While the server is unavailable there are none.
        """
        try:
            found = self._server.ask("pauses", self._keys("pauses"), [])
        except ServerUnavailable:
            return {}
        return {host.decode(): left_ms / 1000 for host, left_ms in zip(found[::2], found[1::2], strict=True)}

    def holds(self, host: str) -> bool:
        """Return whether this worker may ask the host for something now."""
        return host in self._held and self._clock() < self._held_until

    def count_open(self) -> int:
        """Return how many requests are pending or leased, by anybody; a job without any is over."""
        try:
            return sum(map(int, self._server.get(lambda client: client.hvals(self._prefix + "hosts"))))
        except ServerUnavailable as error:
            raise FrontierError("the frontier's server does not answer; try again when it does") from error

    def is_over(self) -> bool:
        """Return whether nothing is pending or leased; unknown while the server is unavailable."""
        try:
            return not self._server.get(lambda client: client.exists(self._prefix + "hosts"))
        except ServerUnavailable:
            return False

    def forget(self) -> None:
        """Drop a job, so that its next run starts over; an unfinished one only if no other worker is active."""
        values = [*self._sign(), self._lease_ms]
        self._server.send("forget", self._keys("seen", "hosts", "workers"), values)

    @property
    def _lease_ms(self) -> int:
        return round(1000 * self._lease_s)

    def _keys(self, *names: str) -> list[str]:
        return [self._prefix + name for name in names]

    def _sign(self) -> list[Any]:
        return [self._prefix, self._worker]

    def _hold(self) -> list[str]:
        """Return the hosts to take from; those beyond this worker's share are given up as soon as they are idle."""
        asked_at = self._clock()
        values = [*self._sign(), self._lease_ms, _MOST_HOSTS, _FEW_HOSTS, *sorted(self._held)]
        mine, beyond = self._server.ask("hold", self._keys("hosts", "workers"), values)
        hosts, surplus = [host.decode() for host in mine], {host.decode() for host in beyond}
        busy = {place.host for place in self._places.values()}
        idle = (surplus - busy) | (self._held - surplus - set(hosts))
        if idle:
            self._server.ask("leave", self._keys(*_LEAVING), [*self._sign(), 0, *self._list_rests(idle)])
        self._held = frozenset(hosts) | (surplus & busy)
        self._held_until = asked_at + self._lease_s / 2
        return hosts

    def _take(self, *row: Any) -> Lease | None:
        name, stream, entry, fingerprint, data, was_leased = row
        if fingerprint in self._places:
            return None  # ours already, and only renewed too late
        host = name.decode()
        self._places[fingerprint] = _Place(host=host, stream=stream, entry=entry)
        self.reclaimed += was_leased
        return Lease(fingerprint=fingerprint, host=host, data=data.decode())

    def _pop_places(self, fingerprints: Iterable[bytes]) -> list[Any]:
        places = [self._places.pop(fingerprint, None) for fingerprint in fingerprints]
        return [value for place in places if place for value in (place.host, place.stream, place.entry)]

    def _find_life(self, host: str) -> int:
        """How long the lock on a host outlives its worker, in ms: its delay is kept even then."""
        return self._lease_ms + round(1000 * self._rest(host))

    def _list_rests(self, hosts: Iterable[str]) -> list[Any]:
        return [value for host in hosts for value in (host, round(1000 * self._rest(host)))]
