"""The pool of open connections, by route."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from crawler.fetching.wire.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.fetching.wire.dialling import Dialler
    from crawler.fetching.wire.recording import Recording
    from crawler.fetching.wire.request_bytes import Route

logger = logging.getLogger(__name__)

# Servers close a connection after 5 to 75 seconds; what we keep longer is hardly ever of use.
_KEPT_S: Final = 75.0
_KEPT_PER_ROUTE: Final = 8


class ConnectionPool:
    """Hands out connections and takes them back.

    Args:
        idle_s: an exchange in which nothing comes for so long is ended.
        receive_late: takes bytes that came behind an exchange which is over.
    """

    def __init__(self, dialler: Dialler, *, idle_s: float, receive_late: Callable[[Recording, bytes], None]) -> None:
        self._dialler = dialler
        self._idle_s = idle_s
        self._receive_late = receive_late
        self._routes: dict[Connection, Route] = {}
        self._idle: dict[Route, dict[Connection, asyncio.TimerHandle]] = {}

    async def take(self, route: Route, *, timeout_s: float, is_fresh: bool = False) -> Connection:
        """Return a connection: one that is idle, the youngest first, or a new one.

        Args:
            timeout_s: for a new one.
            is_fresh: only a new one will do.

        Raises:
            scrapy.exceptions.DownloadFailedError: as `Dialler.connect` does.
        """
        idle = self._idle.get(route, {})
        for connection in () if is_fresh else reversed(list(idle)):
            if connection.is_quiet():
                idle.pop(connection).cancel()
                return connection
        return await self._open(route, timeout_s)

    async def _open(self, route: Route, timeout_s: float) -> Connection:
        made: list[Connection] = []

        def build() -> Connection:
            connection = Connection(self, self._idle_s)
            self._routes[connection] = route
            made.append(connection)
            return connection

        try:
            return await self._dialler.connect(route, build, timeout_s=timeout_s)
        except BaseException:
            for connection in made:
                self._routes.pop(connection, None)
            raise

    def take_back(self, connection: Connection) -> None:
        """Keep an idle connection for the next request."""
        route = self._routes[connection]
        idle = self._idle.setdefault(route, {})
        if len(idle) >= _KEPT_PER_ROUTE:
            connection.abort()
            return
        idle[connection] = asyncio.get_running_loop().call_later(_KEPT_S, connection.abort)

    def forget(self, connection: Connection) -> None:
        """Leave out a connection that has ended."""
        route = self._routes.pop(connection, None)
        idle = self._idle.get(route, {}) if route is not None else {}
        if connection in idle:
            idle.pop(connection).cancel()
        if route is not None and not idle:
            self._idle.pop(route, None)

    def receive_late(self, recording: Recording, data: bytes) -> None:
        """Pass on bytes that came behind an exchange which is over."""
        self._receive_late(recording, data)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._routes):
            connection.abort()
