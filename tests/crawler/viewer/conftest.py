"""A crawl of the newspaper's two editions, with its picture and style sheet, and the viewer of it on a socket."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.replay.server import ReplayServer
from archives.storage.collection import Collection
from archives.warc.records import Exchange
from crawler.demo_site import Newspaper
from crawler.viewer.app import ViewerApp
from tests.crawler.viewer.browser import CHROMIUM, Browser
from tests.project import LOOPBACK, Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives.replay.http import Request, Response

REQUISITES = ("/press.css", "/images/masthead.svg", "/images/harbour.png")


@dataclass
class Viewer:
    """A running viewer, and what it was asked.

    Attributes:
        asked: target and status of each request.
    """

    data: Data
    app: ViewerApp
    paper_url: str
    url: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        response = self.app(request)
        self.asked.append((request.target, response.status))
        return response

    @property
    def collection(self) -> Collection:
        return Collection.open(self.data.path, "newspaper")


@pytest.fixture(scope="session")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, str]:
    data = Data(tmp_path_factory.mktemp("viewer"))
    with Newspaper() as paper:
        source = data.path / "newspaper.toml"
        source.write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
            assert done.returncode == 0, done.stderr
        keep(Collection.open(data.path, "newspaper"), [fetch(paper, path) for path in REQUISITES])
        return data, paper.base_url


def fetch(paper: Newspaper, path: str) -> Exchange:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{paper.port}\r\nConnection: close\r\n\r\n".encode()
    raw = b""
    began_at = datetime.now(UTC)
    with socket.create_connection(("127.0.0.1", paper.port), timeout=10) as connection:
        connection.sendall(request)
        while piece := connection.recv(65536):
            raw += piece
    return Exchange(url=paper.base_url + path, began_at=began_at, raw_request=request, raw_response=raw, ip="127.0.0.1")


def keep(collection: Collection, exchanges: list[Exchange]) -> None:
    with WarcWriter(collection, info={"software": "test"}, prefix="newspaper") as writer:
        for exchange in exchanges:
            writer.write(exchange)


@contextmanager
def show(
    data: Data, paper_url: str = "", *, player_dir: Path | None = None, searches: dict[str, str] | None = None
) -> Iterator[Viewer]:
    viewer = Viewer(data, ViewerApp(data.path, player_dir=player_dir, searches=searches), paper_url)
    with ReplayServer(viewer.answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        viewer.url = server.url.rstrip("/")
        try:
            yield viewer
        finally:
            server.shutdown()
            thread.join()
            viewer.app.close()


@pytest.fixture(scope="session")
def viewer(crawl: tuple[Data, str]) -> Iterator[Viewer]:
    with show(*crawl) as shown:
        yield shown


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened
