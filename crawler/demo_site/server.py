"""Serves the newspaper on a loopback socket, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any, Self
from urllib.parse import unquote

from crawler.demo_site.site import Expected, Paper
from crawler.demo_site.wire_format import Request
from crawler.loopback import close_server

HOST = "127.0.0.1"
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request and the raw bytes that answered it."""

    request: Request
    response: bytes


class Newspaper:
    """The paper, on sale between `with` and the end of its block.

    Args:
        edition: The edition to begin with; see `publish`.
        port: The port on 127.0.0.1, or 0 for any that is free.
    """

    def __init__(self, *, edition: int = 1, port: int = 0) -> None:
        self.port = port
        self._paper = Paper(edition)
        self._served: list[Served] = []
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="newspaper")
        self._thread.start()
        self._ready.wait(TIMEOUT_S)
        if self._failure is not None:
            self._thread.join(TIMEOUT_S)
            where = f"{HOST}:{self.port}"
            problem = f"cannot serve the newspaper on {where}: {self._failure.strerror}; choose another port"
            raise OSError(self._failure.errno, problem) from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(TIMEOUT_S)

    @property
    def base_url(self) -> str:
        """Scheme and authority, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def exchanges(self) -> list[Served]:
        """Every request and its answer until now."""
        with self._lock:
            return list(self._served)

    @property
    def requests(self) -> list[Request]:
        """Every request until now."""
        return [served.request for served in self.exchanges]

    @property
    def expected(self) -> Expected:
        """What a full crawl of the edition on sale must find."""
        return self._paper.expected

    def publish(self, *, edition: int) -> None:
        """Put another edition on sale, from the next request on."""
        self._paper = Paper(edition)

    def source_toml(self) -> str:
        """The paper's source definition, with the address it is served under."""
        return load_source_template().substitute(base=self.base_url)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            server = await asyncio.start_server(self._accept, HOST, self.port)
        except OSError as failure:
            self._failure = failure
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await close_server(server, self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._on_connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not left to the task: one that is cancelled before it began would never reach its own clean-up.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client may leave in the middle, or send a head without end: the conversation is over, no more.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            response, is_last = self._answer(head)
            writer.write(response)
            await writer.drain()
            if is_last:
                writer.close()
                await writer.wait_closed()
                return

    def _answer(self, head: bytes) -> tuple[bytes, bool]:
        """The response to a raw request head, and whether the connection ends with it."""
        parts = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(parts) != 3:
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", True
        method, target, version = parts
        path = unquote(target.partition("?")[0])
        with self._lock:
            self._attempts[path] += 1
            request = Request(method=method, target=target, head=head, attempt=self._attempts[path])
            response = self._paper.respond(request)
            self._served.append(Served(request=request, response=response))
        token = (request.find_header("Connection") or "").lower()
        # No method the paper knows has a body, so a request with one ends the conversation.
        has_body = method not in {"GET", "HEAD"}
        is_last = "close" in token or version != "HTTP/1.1" or response.startswith(b"HTTP/1.0") or has_body
        return response, is_last


def load_source_template() -> Template:
    """The source definition with `$base` where the paper's address goes."""
    text = resources.files(__package__).joinpath("newspaper.toml").read_text(encoding="utf-8")
    return Template(text)
