"""Opens connections: addresses tried in turn, three kinds of proxy, TLS.

Spec: RFC 8305 (happy eyeballs); RFC 9110 §9.3.6 (CONNECT); RFC 1928 (SOCKS5), RFC 1929 (its passwords).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, cast

from scrapy.exceptions import (
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)

from archives.warc.messages import HEAD_END

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.fetching.resolver import Address, PublicResolver
    from crawler.fetching.wire.connection import Connection
    from crawler.fetching.wire.proxies import Proxy
    from crawler.fetching.wire.request_bytes import Route
    from crawler.fetching.wire.tls import TlsContexts

# How long an address is waited for before the next one is tried beside it. Spec: RFC 8305 §5.
_ATTEMPT_S: Final = 0.25
_MOST_TUNNEL_BYTES: Final = 64 * 1024
_TUNNEL_IS_OPEN: Final = re.compile(rb"HTTP/1\.[01][ ]+2[0-9][0-9](?:[ \r\n])")


class Dialler:
    """Opens connections.

    Args:
        timeout_s: for a connection to stand, TLS and proxies included; 0 waits as long as the system does.
        encoding: of the names and passwords in Proxy-Authorization.
    """

    def __init__(self, resolver: PublicResolver, tls: TlsContexts, *, timeout_s: float, encoding: str) -> None:
        self._resolver = resolver
        self._tls = tls
        self._timeout_s = timeout_s
        self._encoding = encoding

    async def connect(self, route: Route, build: Callable[[], Connection], *, timeout_s: float) -> Connection:
        """Open a connection.

        Args:
            timeout_s: what the request has left.

        Raises:
            CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError, DownloadFailedError: none
                could be opened.
        """
        left = min(filter(None, (self._timeout_s, timeout_s)), default=None)
        name = f"{route.host}:{route.port}"
        try:
            async with asyncio.timeout(left):
                return await self._connect(route, build)
        except TimeoutError as error:
            raise DownloadTimeoutError(f"no connection to {name} within {left:g} s") from error
        except ConnectionRefusedError as error:
            raise DownloadConnectionRefusedError(f"{name} refuses connections: {error}") from error
        except ssl.SSLError as error:
            raise DownloadFailedError(f"no secure connection to {name}: {error}") from error
        except OSError as error:
            raise DownloadFailedError(f"no connection to {name}: {error}") from error

    async def _connect(self, route: Route, build: Callable[[], Connection]) -> Connection:
        proxy = route.proxy
        if proxy is None:
            addresses = await self._resolver.resolve(route.host, route.port)
            sock = await _open_socket(addresses, route.local_address)
            return await self._wrap(sock, build, host=route.host, is_tls=route.is_tls)
        if proxy.is_socks:
            sock = await self._open_through_socks(route, proxy)
            return await self._wrap(sock, build, host=route.host, is_tls=route.is_tls)
        addresses = await self._resolver.resolve(proxy.host, proxy.port, is_trusted=True)
        sock = await _open_socket(addresses, route.local_address)
        if not route.is_tls:
            return await self._wrap(sock, build, host=proxy.host, is_tls=proxy.scheme == "https")
        return await self._open_tunnel(sock, route, proxy, build)

    async def _wrap(
        self, sock: socket.socket, build: Callable[[], Connection], *, host: str, is_tls: bool
    ) -> Connection:
        """Make a connection of a connected socket."""
        loop = asyncio.get_running_loop()
        secure: dict[str, Any] = {"ssl": self._tls.find(host), "server_hostname": host} if is_tls else {}
        try:
            _, connection = await loop.create_connection(build, sock=sock, **secure)
        except BaseException:
            sock.close()
            raise
        return connection

    async def _open_tunnel(
        self, sock: socket.socket, route: Route, proxy: Proxy, build: Callable[[], Connection]
    ) -> Connection:
        """Ask an HTTP proxy to pass everything on, and speak TLS with the origin through it."""
        loop = asyncio.get_running_loop()
        secure: dict[str, Any] = {}
        if proxy.scheme == "https":
            secure = {"ssl": self._tls.find(proxy.host), "server_hostname": proxy.host}
        try:
            transport, tunnel = await loop.create_connection(lambda: _Tunnel(route, proxy), sock=sock, **secure)
        except BaseException:
            sock.close()
            raise
        try:
            await tunnel.is_open
            connection = build()
            upgraded = await loop.start_tls(
                transport, connection, self._tls.find(route.host), server_hostname=route.host
            )
        except BaseException:
            transport.abort()
            raise
        if upgraded is None:
            raise ConnectionAbortedError("the proxy closed the tunnel")
        connection.connection_made(upgraded)
        return connection

    async def _open_through_socks(self, route: Route, proxy: Proxy) -> socket.socket:
        """Have a SOCKS proxy connect; `socks5h` and `socks4` with a name leave the resolving to it."""
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415 (most crawls need no proxy)
        from python_socks.async_.asyncio import Proxy as SocksProxy  # noqa: PLC0415

        where = await self._resolver.resolve(proxy.host, proxy.port, is_trusted=True)
        user, password = self._read_credentials(proxy)
        host = route.host
        if proxy.scheme != "socks5h":
            host = str((await self._resolver.resolve(route.host, route.port))[0].where[0])
        kind = ProxyType.SOCKS4 if proxy.scheme == "socks4" else ProxyType.SOCKS5
        is_remote = proxy.scheme == "socks5h"
        through = SocksProxy(kind, str(where[0].where[0]), proxy.port, user, password, rdns=is_remote)
        try:
            sock = await through.connect(host, route.port, timeout=self._timeout_s or None)
        except ProxyError as error:
            raise ConnectionAbortedError(f"the SOCKS proxy says: {error}") from error
        return sock

    def _read_credentials(self, proxy: Proxy) -> tuple[str | None, str | None]:
        if not proxy.authorization:
            return None, None
        token = proxy.authorization.partition(b" ")[2]
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            user, _, password = base64.b64decode(token).decode(self._encoding).partition(":")
            return user, password
        return None, None


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel; `is_open` is done when it says yes."""

    def __init__(self, route: Route, proxy: Proxy) -> None:
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        host = f"[{route.host}]" if ":" in route.host else route.host
        to = f"{host}:{route.port}".encode()
        self._request = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n" % (to, to)
        if proxy.authorization:
            self._request += b"Proxy-Authorization: %s\r\n" % proxy.authorization
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.is_open.done():
            return
        end = HEAD_END.search(self._received)
        if end is None and len(self._received) < _MOST_TUNNEL_BYTES:
            return
        line = self._received.split(b"\n", 1)[0].strip()
        if end is not None and _TUNNEL_IS_OPEN.match(self._received) and end.end() == len(self._received):
            self.is_open.set_result(None)
        else:
            self.is_open.set_exception(ConnectionAbortedError(f"the proxy opens no tunnel: {line[:80]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_open.done():
            self.is_open.set_exception(exc or ConnectionAbortedError("the proxy closed the connection"))


async def _open_socket(addresses: tuple[Address, ...], local: tuple[str, int] | None) -> socket.socket:
    """Connect to the first address that answers, trying the next one beside it after a moment.

    Raises:
        OSError: of the first address, if none answers.
    """
    if len(addresses) == 1:
        return await _connect_to(addresses[0], local)
    attempts: list[asyncio.Task[socket.socket]] = []
    try:
        for address in addresses:
            attempts.append(asyncio.ensure_future(_connect_to(address, local)))
            is_last = address is addresses[-1]
            while pending := [attempt for attempt in attempts if not attempt.done()]:
                done, _ = await asyncio.wait(
                    pending, timeout=None if is_last else _ATTEMPT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not is_last or any(attempt.exception() is None for attempt in done):
                    break
            if (winner := next((a for a in attempts if a.done() and a.exception() is None), None)) is not None:
                attempts.remove(winner)
                return winner.result()
        raise attempts[0].exception() or OSError("no address answers")
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close_socket)
            attempt.cancel()


def _close_socket(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connect_to(address: Address, local: tuple[str, int] | None) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if local is not None:
            sock.bind(local)
        await asyncio.get_running_loop().sock_connect(sock, address.where)
    except BaseException:
        sock.close()
        raise
    return sock
