"""Nothing is connected to that is not public, however it is spelt, wherever it comes from, whatever it is called."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from scrapy.settings import Settings

from crawler.fetching.addresses import is_admitted
from crawler.source_tools.pages import PageReader, PageUnreadable
from tests.hostile.origin import REFUSED_HOSTS, Canary
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator

SPIDER = str(Path(__file__).parent.parent / "crawler" / "fetching" / "plain.py")
ONLY_ORIGIN = LOOPBACK | {"RESOLVER_ALLOW": "127.0.0.1/32", "RETRY_ENABLED": False, "DOWNLOAD_TIMEOUT": 15}


def fetch(urls: list[str], data: Data, **settings: object) -> tuple[list[dict[str, object]], str]:
    saw = data.path.parent / "saw"
    done = run_scrapy(
        "runspider",
        SPIDER,
        "-a",
        f"urls={' '.join(urls)}",
        "-a",
        f"saw={saw}",
        data=data,
        settings=ONLY_ORIGIN | settings,
    )
    return [json.loads(line) for line in saw.read_text("utf-8").splitlines()], done.stderr


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        yield server


def test_no_redirect_leads_into_the_network(data: Data, canary: Canary) -> None:
    routes = {
        f"/{n}": build_response(status="302 Found", headers=[("Location", f"http://{host}:{canary.port}/secret")])
        for n, host in enumerate(REFUSED_HOSTS)
    }
    with WireServer(routes) as origin:
        seen, _ = fetch([origin.url(path) for path in routes], data)
        assert len(origin.exchanges) == len(routes)
    assert canary.connections == 0
    assert len(seen) == len(routes)
    assert all("failed" in saw for saw in seen)


def test_no_link_leads_into_the_network(data: Data, canary: Canary) -> None:
    urls = [f"http://{host}:{canary.port}/" for host in REFUSED_HOSTS]
    seen, _ = fetch(urls, data)
    assert len(seen) == len(urls)
    assert all("failed" in saw for saw in seen)
    assert canary.connections == 0


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_nor_does_a_page_that_is_asked_for_by_hand(host: str, canary: Canary) -> None:
    settings = Settings({"RESOLVER_ALLOW": ["127.0.0.1/32"], "DOWNLOAD_TIMEOUT": 5, "DOWNLOAD_MAXSIZE": 1000})
    with pytest.raises(PageUnreadable):
        PageReader(settings).read(f"http://{host}:{canary.port}/")
    assert canary.connections == 0


def test_a_redirect_by_hand_is_checked_as_well(canary: Canary) -> None:
    settings = Settings({"RESOLVER_ALLOW": ["127.0.0.1/32"], "DOWNLOAD_TIMEOUT": 5, "DOWNLOAD_MAXSIZE": 1000})
    target = f"http://0x7f.2:{canary.port}/secret"
    moved = build_response(status="302 Found", headers=[("Location", target)])
    with WireServer({"/": moved}) as origin, pytest.raises(PageUnreadable):
        PageReader(settings).read(origin.url("/"))
    assert canary.connections == 0


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1", "::ffff:10.0.0.1"],
)
def test_an_address_inside_of_an_address_is_seen(address: str) -> None:
    assert not is_admitted(address)


@pytest.mark.parametrize("address", ["64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"])
def test_a_public_one_inside_of_another_is_admitted(address: str) -> None:
    assert is_admitted(address)


# A name that answers differently each time


@contextmanager
def serve_names(answers: list[str]) -> Iterator[tuple[int, list[str]]]:
    """A DNS server on loopback that gives each question the next address, the last one for ever; and what was asked."""
    asked: list[str] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0.2)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                query, peer = server.recvfrom(512)
            except TimeoutError:
                continue
            end = query.index(b"\0", 12) + 5
            question = query[12:end]
            is_ipv4 = question[-4:-2] == b"\0\x01"
            if is_ipv4:
                asked.append(answers[min(len(asked), len(answers) - 1)])
            record = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04" + socket.inet_aton(asked[-1]) if is_ipv4 else b""
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_ipv4), 0, 0)
            server.sendto(head + question + record, peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], asked
    finally:
        is_over.set()
        thread.join(5)
        server.close()


REBINDING = '''
import socket, struct

def ask(name, port):
    """What the system's resolver would do, against a server of the test's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        head = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
        client.sendto(head + labels + b"\\0\\0\\x01\\0\\x01", ("127.0.0.1", port))
        return socket.inet_ntoa(client.recv(512)[-4:])

class Names:
    """Stands in for `socket.getaddrinfo`, which the resolver calls in a thread."""
    def __init__(self, port):
        self.port = port
    def __call__(self, name, port, **wanted):
        if not name.endswith(".test"):
            return real(name, port, **wanted)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ask(name, self.port), port))]

real = socket.getaddrinfo
'''


def test_the_address_that_was_checked_is_the_one_connected_to(data: Data, canary: Canary, tmp_path: Path) -> None:
    """The name resolves to the origin first and to the canary ever after; each answer is checked."""
    with (
        WireServer({"/": build_response(b"public")}) as origin,
        serve_names(["127.0.0.1", "127.0.0.2"]) as (port, asked),
    ):
        spider = tmp_path / "rebound.py"
        code = Path(SPIDER).read_text("utf-8")
        spider.write_text(f"{code}\n{REBINDING}\nsocket.getaddrinfo = Names({port})\n", "utf-8")
        urls = [f"http://rebind.test:{origin.port}/", f"http://rebind.test:{canary.port}/"]
        saw = tmp_path / "saw"
        run_scrapy(
            "runspider",
            str(spider),
            "-a",
            f"urls={' '.join(urls)}",
            "-a",
            f"saw={saw}",
            data=data,
            settings=ONLY_ORIGIN | {"DNSCACHE_ENABLED": False, "CONCURRENT_REQUESTS": 1},
        )
        assert len(asked) >= 2
    seen = {urlsplit(json.loads(line)["url"]).port: json.loads(line) for line in saw.read_text("utf-8").splitlines()}
    assert seen[origin.port]["body"] == "public"
    assert "failed" in seen[canary.port]
    assert canary.connections == 0
