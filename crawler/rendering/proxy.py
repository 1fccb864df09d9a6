"""The loopback proxy that makes all requests of the browser.

Each page has its own proxy, so that what it asks for is known to be its own, and bounded. What it asks for is an
ordinary request of the crawl: of its scope, robots.txt, resolver, bounds and archive.

Spec: RFC 9110 §9.3.6 (CONNECT), RFC 9112 §3.2.2 (absolute-form).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Final, Self

from archives.warc.messages import parse_fields
from crawler.fetching.relays import build_message
from crawler.loopback import close_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from crawler.rendering.authority import Authority

    Answer = Callable[[str, str, dict[str, list[str]], bytes], Awaitable[bytes]]

logger = logging.getLogger(__name__)

_MOST_HEAD_BYTES: Final = 256 * 1024
_MOST_BODY_BYTES: Final = 8 * 1024 * 1024
_CONNECT: Final = re.compile(rb"CONNECT (\[[0-9a-fA-F:.]+\]|[^\s:/@]+):([0-9]{1,5}) HTTP/1\.[01]")
_LINE: Final = re.compile(rb"([A-Z]{1,20}) (\S+) HTTP/1\.[01]")
# What concerns the connection between the browser and us, or would have codings that archives replay hardly anywhere.
_LEFT_OUT: Final = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "if-modified-since",
        "if-none-match",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class PageProxy:
    """A proxy for one page.

    Args:
        answer: gives the response for method, address, header fields and body.
        authority: by which we are each host in the browser's eyes.

    Attributes:
        port: on 127.0.0.1.
        waiting: requests that are not answered yet.
        quiet_since: of the event loop's clock, when the last one was answered.
    """

    def __init__(self, answer: Answer, authority: Authority) -> None:
        self.port = 0
        self.waiting = 0
        self.quiet_since = 0.0
        self._answer = answer
        self._authority = authority
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MOST_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        self.quiet_since = asyncio.get_running_loop().time()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await close_server(self._server, self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A browser leaves as it likes.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            tunnel = _CONNECT.match(head)
            if tunnel is None:
                await self._converse(reader, writer, "", head)
                return
            host = tunnel[1].decode("ascii", "replace").strip("[]")
            writer.write(b"HTTP/1.1 200 Open\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._authority.find_context(host))
            port = "" if tunnel[2] == b"443" else f":{tunnel[2].decode()}"
            origin = f"https://{tunnel[1].decode('ascii', 'replace')}{port}"
            await self._converse(reader, writer, origin, await reader.readuntil(b"\r\n\r\n"))

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: str, head: bytes
    ) -> None:
        """Answer requests of one connection until the browser leaves."""
        while True:
            line, _, fields = head.partition(b"\r\n")
            found = _LINE.match(line)
            if found is None:
                writer.write(build_message(400, [], b""))
                return
            headers: dict[str, list[str]] = {}
            for name, value in parse_fields(fields):
                headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
            body = await self._read_body(reader, headers)
            target = found[2].decode("latin-1")
            url = origin + target if target.startswith("/") else target
            writer.write(await self._find_answer(found[1].decode("ascii"), url, headers, body))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")

    async def _find_answer(self, method: str, url: str, headers: dict[str, list[str]], body: bytes) -> bytes:
        if "upgrade" in headers:
            return build_message(501, [], b"")  # nothing archives WebSockets
        kept = {name: values for name, values in headers.items() if name not in _LEFT_OUT}
        self.waiting += 1
        try:
            return await self._answer(method, url, kept, body)
        finally:
            self.waiting -= 1
            self.quiet_since = asyncio.get_running_loop().time()

    async def _read_body(self, reader: asyncio.StreamReader, headers: dict[str, list[str]]) -> bytes:
        if "transfer-encoding" in headers:
            raise ConnectionAbortedError("browsers send no chunks")
        length = headers.get("content-length", ["0"])[0]
        if not length.isdecimal() or int(length) > _MOST_BODY_BYTES:
            raise ConnectionAbortedError("a body that is too long")
        return await reader.readexactly(int(length)) if int(length) else b""
