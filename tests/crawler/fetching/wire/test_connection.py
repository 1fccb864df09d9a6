"""What comes over a connection belongs to the request that it answers, and to no other."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from crawler.fetching.resolver import Address
from crawler.fetching.wire import dialling
from tests.crawler.fetching.wire.client import Client
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORGED = build_response(b"forged")


async def fetch_both(server: WireServer, *, after_late: bool = False) -> tuple[bytes, bytes, list[bytes], int]:
    """Fetch one page, and another at once or as soon as something has come behind the first."""
    async with Client.open() as client:
        first = await client.get(server.url("/first"))
        async with asyncio.timeout(30):
            while after_late and not client.late:
                await asyncio.sleep(0.01)
        second = await client.get(server.url("/second"))
        return first.body, second.body, client.late, client.count("wire/deviation/late-bytes")


@pytest.mark.parametrize("late", [b"late", FORGED], ids=["text", "a whole response"])
def test_bytes_that_come_while_nobody_waits_answer_nobody(late: bytes) -> None:
    routes = {"/first": [build_response(b"one"), 0.1, late], "/second": build_response(b"two")}
    with WireServer(routes) as server:
        first, second, kept, counted = asyncio.run(fetch_both(server, after_late=True))
        assert server.connections == 2
    assert (first, second) == (b"one", b"two")
    assert (b"".join(kept), counted) == (late, 1)


def test_bytes_that_have_come_and_are_not_read_yet_are_seen_before_a_request_is_sent() -> None:
    """They are in the socket, and the loop has had no turn to read them."""

    async def fetch(server: WireServer) -> tuple[bytes, list[bytes]]:
        async with Client.open() as client:
            await client.get(server.url("/first"))
            while not server.exchanges[0].sent.endswith(FORGED):
                time.sleep(0.05)  # blocks the loop on purpose
            time.sleep(0.05)  # what is sent is noted just before
            response = await client.get(server.url("/second"))
            await asyncio.sleep(0.1)
            return response.body, client.late

    with WireServer({"/first": [build_response(b"one"), 0.1, FORGED], "/second": build_response(b"two")}) as server:
        body, late = asyncio.run(fetch(server))
    assert (body, late) == (b"two", [FORGED])


def test_late_text_before_the_next_answer_is_no_part_of_it() -> None:
    """The request was on its way already when the text came; it is asked once more over another connection."""
    routes = {"/first": [build_response(b"one"), 0.2, b"late"], "/second": build_response(b"two")}
    with WireServer(routes) as server:
        first, second, kept, _ = asyncio.run(fetch_both(server))
    assert (first, second) == (b"one", b"two")
    assert kept[0].startswith(b"late")


def test_a_body_behind_a_204_answers_nobody() -> None:
    routes = {"/first": [b"HTTP/1.1 204 None\r\n\r\n", 0.02, FORGED], "/second": build_response(b"two")}
    with WireServer(routes) as server:
        assert asyncio.run(fetch_both(server))[:2] == (b"", b"two")
        assert server.connections == 2


def test_a_connection_is_used_again() -> None:
    with WireServer({"/first": build_response(b"one"), "/second": build_response(b"two")}) as server:
        assert asyncio.run(fetch_both(server))[:2] == (b"one", b"two")
        assert server.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 3\r\n\r\none",
    ],
)
def test_a_connection_that_may_not_be_kept_is_closed(first: bytes) -> None:
    with WireServer({"/first": [first, 0.3], "/second": build_response(b"two")}) as server:
        asyncio.run(fetch_both(server))
        assert server.connections == 2


def test_a_kept_connection_that_breaks_is_replaced_once() -> None:
    answers = iter([[build_response(b"one")], ["close"], [build_response(b"two")]])
    with WireServer({"/": lambda raw: next(answers)}) as server:

        async def fetch() -> list[bytes]:
            async with Client.open() as client:
                return [(await client.get(server.url("/"))).body for _ in range(2)]

        assert asyncio.run(fetch()) == [b"one", b"two"]
        assert server.connections == 2


@pytest.mark.parametrize(
    ("script", "settings", "error"),
    [
        (["close"], {}, DownloadFailedError),
        ([b"HTTP/1.1 200 OK\r\nConte", "close"], {}, DownloadFailedError),
        ([b"not http\r\n\r\n", "close"], {}, DownloadFailedError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "close"], {}, ResponseDataLossError),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxzz"], {}, ResponseDataLossError),
        ([b"HTTP/1.1 200 OK\r\n\r\nx", "reset"], {}, ResponseDataLossError),
        ([b"HTTP/1.1 200 OK\r\n", "stall"], {"DOWNLOAD_IDLE_TIMEOUT": 0.2}, DownloadTimeoutError),
        ([0.1, *[b"x", 0.1] * 20], {"download_timeout": 0.3}, DownloadTimeoutError),
        ([build_response(b"x" * 50)], {"DOWNLOAD_MAXSIZE": 49}, DownloadCancelledError),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99, "stall"], {"BOUNDS_HEAD_BYTES": 500}, DownloadFailedError),
    ],
)
def test_each_way_to_fail_has_its_error(script: list[object], settings: dict[str, object], error: type) -> None:
    async def fetch(url: str) -> None:
        async with Client.open(**settings) as client:
            await client.get(url, **{name: value for name, value in settings.items() if name.islower()})

    with WireServer({"/": script}) as server, pytest.raises(error):  # type: ignore[dict-item]
        asyncio.run(fetch(server.url("/")))


def test_a_cut_body_is_passed_on_to_those_who_ask_for_it() -> None:
    async def fetch(url: str) -> tuple[bytes, list[str]]:
        async with Client.open() as client:
            response = await client.get(url, download_fail_on_dataloss=False)
            return response.body, response.flags

    with WireServer({"/": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "close"]}) as server:
        assert asyncio.run(fetch(server.url("/"))) == (b"x", ["dataloss"])


def test_an_origin_that_is_not_there() -> None:
    async def fetch(url: str) -> None:
        async with Client.open() as client:
            await client.get(url)

    with WireServer({}) as server:
        gone = server.url("/")
    with pytest.raises(DownloadConnectionRefusedError):
        asyncio.run(fetch(gone))
    with pytest.raises(CannotResolveHostError):
        asyncio.run(fetch("http://nobody.invalid/"))


def test_a_body_whose_length_is_the_connection_ends_with_tls_however_that_ends(tmp_path: Path) -> None:
    """Many servers close the socket without saying so in TLS."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def serve(listener: socket.socket) -> None:
        bare, _ = listener.accept()
        secured = context.wrap_socket(bare, server_side=True)
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        os.close(secured.detach())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()

        async def fetch() -> bytes:
            async with Client.open(DOWNLOAD_TLS_TRUST_STORE=str(tmp_path / "ca.pem")) as client:
                return (await client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/")).body

        assert asyncio.run(fetch()) == b"all of it"
        thread.join(5)


def test_a_server_that_wants_to_know_who_we_are(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("crawler.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "us.pem"))

    async def fetch(url: str, certificates: dict[str, str]) -> bytes:
        settings = {"DOWNLOAD_TLS_TRUST_STORE": str(tmp_path / "ca.pem")}
        async with Client.open(**settings, DOWNLOAD_TLS_CLIENT_CERTIFICATES=certificates) as client:
            return (await client.get(url)).body

    with WireServer({"/": build_response(b"known")}, ssl_context=context) as server:
        url = server.url("/")
        assert asyncio.run(fetch(url, {"127.0.0.1": str(tmp_path / "us.pem")})) == b"known"
        with pytest.raises(DownloadFailedError):
            asyncio.run(fetch(url, {}))


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An address that takes no connection and refuses none: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()
        for filler in fillers:
            filler.close()


def test_an_address_that_does_not_answer_costs_a_moment(black_hole: tuple[str, int]) -> None:
    async def connect(addresses: tuple[Address, ...]) -> object:
        sock = await asyncio.wait_for(dialling._open_socket(addresses, None), 5)
        with sock:
            return sock.getpeername()

    refusing = socket.create_server(("127.0.0.1", 0))
    refused = refusing.getsockname()
    refusing.close()
    with WireServer({}) as server:
        there = (server.host, server.port)
        make: Callable[[tuple[str, int]], Address] = lambda where: Address(socket.AF_INET, where)  # noqa: E731
        assert asyncio.run(connect((make(black_hole), make(there)))) == there
        assert asyncio.run(connect((make(refused), make(there)))) == there
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(connect((make(refused), make(refused))))
