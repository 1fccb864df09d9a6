"""A news site of any size, served from memory by a separate process, so that its CPU time is not counted.

Every response is made before the first is requested: the same seed, the same bytes. A story is a page of about 16 KB
as news sites print them, more frame than text, with the links of its section and of the stories beside it. `python -m
benchmarks.paper --pages N` prints the address it serves, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import random
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any, Self
from urllib.request import urlopen

SERVED_PATH = "/-/served"
STORIES_PER_SECTION = 100

_ROOT = Path(__file__).resolve().parent.parent
_PRINTED_AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "la", "me", "ni", "ro", "su", "ta", "ve", "kar", "len", "mir", "sel", "vor")
_TAGS = ("harbour", "weather", "markets", "science", "theatre", "council", "railway", "gardens", "schools", "chess")
_NAV_LINKS = 14
_RELATED = 12
_PARAGRAPHS = 14
_LINKED_PARAGRAPHS = 4
_STORY_BYTES = 16_000


class Pages:
    """The raw responses of one paper by request target.

    Attributes:
        responses: head and gzip-encoded body, ready to be sent.
        stories: number of stories.
        sections: number of section pages.
    """

    def __init__(self, stories: int) -> None:
        self.stories = stories
        self.sections = count_sections(stories)
        self._random = random.Random(16)
        words = ["".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 4))) for _ in range(2500)]
        self._words = words
        self._weights = [1 / (rank + 3) for rank in range(len(words))]
        self._paths = [self._build_path(number) for number in range(stories)]
        self._titles = [self._write(7).capitalize() for _ in range(stories)]
        self._nav = self._build_list("nav", self._list_sections()[:_NAV_LINKS])
        self.responses = {"/": _build_response(self._build_front())}
        for number in range(self.sections):
            self.responses[f"/section/{number}.html"] = _build_response(self._build_section(number))
        for number, path in enumerate(self._paths):
            self.responses[path] = _build_response(self._build_story(number))

    def _build_path(self, number: int) -> str:
        at = _PRINTED_AT - timedelta(minutes=7 * number)
        return f"/story/{at:%Y/%m/%d}/{at:%Y%m%d%H%M}.html"

    def _write(self, count: int) -> str:
        return " ".join(self._random.choices(self._words, self._weights, k=count))

    def _build_list(self, name: str, entries: list[tuple[str, str]]) -> str:
        row = f'  <li class="{name}__item"><a class="{name}__link" href="%s">%s</a></li>\n'
        return f'<ul class="{name}">\n{"".join(row % entry for entry in entries)}</ul>'

    def _list_sections(self) -> list[tuple[str, str]]:
        return [(f"/section/{number}.html", f"Section {number}") for number in range(self.sections)]

    def _build_front(self) -> str:
        return self._build_page("The Measured Times", self._build_list("list", self._list_sections()))

    def _build_section(self, number: int) -> str:
        start = number * STORIES_PER_SECTION
        span = slice(start, start + STORIES_PER_SECTION)
        entries = list(zip(self._paths[span], self._titles[span], strict=True))
        return self._build_page(f"Section {number}", f"<h1>Section {number}</h1>\n{self._build_list('list', entries)}")

    def _build_story(self, number: int) -> str:
        section = number // STORIES_PER_SECTION
        at = _PRINTED_AT - timedelta(minutes=7 * number)
        beside = [(number + step) % self.stories for step in range(1, _RELATED + 1)]
        related = self._build_list("related", [(self._paths[n], self._titles[n]) for n in beside])
        paragraphs = [self._build_paragraph(number) for number in range(_PARAGRAPHS)]
        tags = ", ".join(f'<a rel="tag" href="/tag/{tag}">{tag}</a>' for tag in self._random.sample(_TAGS, 3))
        main = (
            f'<article>\n<p class="section"><a href="/section/{section}.html">Section {section}</a></p>\n'
            f"<h1>{self._titles[number]}</h1>\n"
            f'<p class="byline"><span class="author">{self._write(2).title()}</span> '
            f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%d %B %Y}</time></p>\n'
            f'<div class="story">\n{"".join(paragraphs)}</div>\n<p class="tags">{tags}</p>\n</article>\n{related}'
        )
        return self._build_page(self._titles[number], main)

    def _build_paragraph(self, number: int) -> str:
        first, middle, last = self._write(22).capitalize(), self._write(3), self._write(24)
        if number % _LINKED_PARAGRAPHS == 0:
            middle = f'<a href="/about/{middle[:3]}">{middle}</a>'
        return f'<p class="text">{first}, {middle} {last}.</p>\n'

    def _build_page(self, title: str, main: str) -> str:
        """The page with its frame, filled with a script as pages are, to the size of a story."""
        page = (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f'<link rel="stylesheet" href="/site.css">\n<meta property="og:title" content="{title}">\n$script</head>\n'
            f"<body>\n<header>{self._nav}</header>\n<main>\n{main}\n</main>\n"
            '<footer><p>The Measured Times is set in memory. <a href="/imprint">Imprint</a></p></footer>\n'
            "</body>\n</html>\n"
        )
        state: dict[str, Any] = {}
        while len(page) + 25 * len(state) < _STORY_BYTES:
            state[f"{self._random.choice(self._words)}-{len(state)}"] = self._random.randrange(10**9)
        return page.replace("$script", f"<script>window.state = {json.dumps(state)}</script>\n")


def count_sections(stories: int) -> int:
    """Return how many section pages list so many stories."""
    return -(-stories // STORIES_PER_SECTION)


def _build_response(html: str) -> bytes:
    body = gzip.compress(html.encode(), 6, mtime=0)
    head = (
        "HTTP/1.1 200 OK\r\nServer: paper\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
        f"Cache-Control: max-age=300\r\nVary: Accept-Encoding\r\nETag: {build_etag(body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def build_etag(body: bytes) -> str:
    """Return the validator of a page, which stays the same as long as the page does."""
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


class _Connection(asyncio.Protocol):
    """One client: it asks for one page after the other, without bodies and without pipelining."""

    def __init__(self, responses: dict[str, bytes], served: Counter[str]) -> None:
        self._responses = responses
        self._served = served
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        if not self._pending.endswith(b"\r\n\r\n"):
            return
        target = self._pending.split(b" ", 2)[1].decode("ascii")
        known = _CONDITION.search(self._pending)
        self._pending = b""
        if target == SERVED_PATH:
            self._transport.write(self._count())
            return
        self._served[target] += 1
        response = self._responses.get(target, _NOT_FOUND)
        is_known = known is not None and b"ETag: %s\r\n" % known[1] in response
        self._transport.write(_NOT_MODIFIED % known[1] if known and is_known else response)

    def _count(self) -> bytes:
        """Answer with how often each page was requested since this was last asked."""
        body = json.dumps(self._served).encode()
        self._served.clear()
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


_CONDITION = re.compile(rb"\r\nIf-None-Match: ([^\r]+)\r\n", re.IGNORECASE)
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Served:
    """The paper on sale in its own process, between `with` and the end of its block."""

    def __init__(self, stories: int) -> None:
        self._stories = stories
        self.sections = count_sections(stories)
        self.base_url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.paper", "--pages", str(self._stories)]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        if not self.base_url:
            raise RuntimeError(f"the paper could not be served: its process ended with {self._process.wait()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def take_counts(self) -> Counter[str]:
        """Return how often each page was requested since the last call."""
        with urlopen(self.base_url + SERVED_PATH, timeout=10) as response:
            return Counter(json.load(response))

    def source_toml(self) -> str:
        """The paper's source definition, with the address it is served under."""
        template = Template(Path(__file__).with_name("source.toml").read_text(encoding="utf-8"))
        return template.substitute(base=self.base_url)


async def _serve(pages: Pages) -> None:
    loop = asyncio.get_running_loop()
    served: Counter[str] = Counter()
    server = await loop.create_server(lambda: _Connection(pages.responses, served), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=2000, metavar="N", help="stories to print (default: 2000)")
    asyncio.run(_serve(Pages(parser.parse_args().pages)))


if __name__ == "__main__":
    main()
