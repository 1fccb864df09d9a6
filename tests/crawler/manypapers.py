"""Several papers, each on a loopback address of its own, with a log of who was asked what, and when."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from tests.project import ARTICLE_PARSER
from tests.wire import Loopback, build_response

_LINE = re.compile(rb"^(Host|User-Agent): ([^:\r\n]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request; instants are seconds of a clock that only goes forward."""

    worker: str
    host: str
    target: str
    began: float
    ended: float


class ManyPapers(Loopback):
    """`hosts` papers of `articles` articles each; use as a context manager.

    Args:
        latency_s: time that each answer takes.

    Attributes:
        is_open: whether requests are answered.
    """

    def __init__(self, hosts: int, articles: int, *, latency_s: float = 0.0) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        super().__init__(hosts=[f"127.0.1.{number + 1}" for number in range(hosts)], port=port)
        self.articles = articles
        self.log: list[Asked] = []
        self.is_open = True
        self._latency_s = latency_s

    @property
    def tally(self) -> Counter[tuple[str, str]]:
        """How often each page was requested."""
        return Counter((asked.host, asked.target) for asked in self.log)

    @property
    def pages(self) -> set[tuple[str, str]]:
        targets = ["/", *(f"/a/{number}.html" for number in range(self.articles))]
        return {(host, target) for host in self.hosts for target in targets}

    def find_most_at_once(self, host: str) -> int:
        """How many requests the host was answering at the same time, at most."""
        moments = sorted(
            moment for asked in self.log if asked.host == host for moment in ((asked.began, 1), (asked.ended, -1))
        )
        now = most = 0
        for _, step in moments:
            now += step
            most = max(most, now)
        return most

    def list_handovers(self, host: str) -> list[tuple[Asked, Asked]]:
        """The last request of one worker and the first of the next, wherever the host went to another."""
        asked = sorted((asked for asked in self.log if asked.host == host), key=lambda asked: asked.began)
        return [(last, first) for last, first in pairwise(asked) if last.worker != first.worker]

    def find_mean_gap(self, host: str) -> float:
        """The mean time between the beginnings of two requests."""
        began = [asked.began for asked in self.log if asked.host == host]
        return (max(began) - min(began)) / (len(began) - 1)

    def find_head_start(self, host: str, delay: float) -> float:
        """By how much the host was ever asked sooner than at one request a delay, in seconds, from any request on."""
        began = sorted(asked.began for asked in self.log if asked.host == host)
        late = [at - number * delay for number, at in enumerate(began)]
        return max((max(late[: n + 1]) - at for n, at in enumerate(late)), default=0.0)

    def source_toml(self) -> str:
        bases = ", ".join(f'"http://{host}:{self.port}/"' for host in self.hosts)
        return f"""
name = "many"
timezone = "UTC"
scope = [{bases}]
seeds = [{bases}]
[links]
article = ['//[0-9.]+\\.(?P<id>\\d+:\\d+/a/\\d+)\\.html$']
{ARTICLE_PARSER}"""

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            began = time.monotonic()
            target = head.split(b" ", 2)[1].decode()
            fields = {name.lower(): value.decode() for name, value in _LINE.findall(head)}
            host, worker = fields[b"host"], fields[b"user-agent"]
            while not self.is_open and not reader.at_eof():  # a client that was killed waits for nothing
                await asyncio.sleep(0.02)
            await asyncio.sleep(self._latency_s)
            ended = time.monotonic()
            self.log.append(Asked(worker=worker, host=host, target=target, began=began, ended=ended))
            body = self._answer(host, target)
            kind = ("Content-Type", "text/html; charset=utf-8")
            writer.write(build_response(body, status="200 OK" if body else "404 Not Found", headers=[kind]))
            await writer.drain()

    def _answer(self, host: str, target: str) -> bytes:
        match = re.fullmatch(r"/a/(\d+)\.html", target)
        if match:
            text = f"{match[1]} of {host}"
            return f"<h1>Article {text}</h1><time>{_date(text)}</time><div><p>Text {text}.</p></div>".encode()
        if target == "/":
            return "".join(f'<a href="/a/{number}.html">{number}</a>' for number in range(self.articles)).encode()
        return b""


def _date(text: str) -> str:
    """Return a day and minute of its own for each article, or nearly."""
    number = zlib.crc32(text.encode())
    return f"2026-03-{number % 28 + 1:02} 10:{number % 60:02}:00"
