"""Through proxies of each kind, with names and passwords, and what a proxy that refuses leaves.

The proxy may also be one that the definition of a source names.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
import struct
from typing import TYPE_CHECKING

import pytest
import trustme
from scrapy.exceptions import CannotResolveHostError, DownloadFailedError

from tests.crawler.fetching.wire.client import Client
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import Loopback, WireProxy, WireServer, _pump, build_response

if TYPE_CHECKING:
    from pathlib import Path

BASIC = "Basic " + base64.b64encode(b"us:secret").decode()


class SocksProxy(Loopback):
    """A SOCKS5 proxy that wants a name and a password, and connects to one origin whatever it is asked for."""

    def __init__(self, origin: tuple[str, int]) -> None:
        super().__init__()
        self.origin = origin
        self.asked: list[tuple[str, int]] = []
        self.users: list[tuple[bytes, bytes]] = []

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        offered = await reader.readexactly(methods)
        if 2 not in offered:
            writer.write(b"\x05\xff")
            return
        writer.write(b"\x05\x02")
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        self.users.append((user, password))
        writer.write(b"\x01\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            name = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            name = ".".join(map(str, await reader.readexactly(4)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        self.asked.append((name, port))
        up_reader, up_writer = await asyncio.open_connection(*self.origin)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        pumps = [
            asyncio.ensure_future(_pump(*pair, lambda _: None)) for pair in ((reader, up_writer), (up_reader, writer))
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up_writer.close()  # before anything is awaited, where a cancellation would leave it open
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


async def get(url: str, proxy: str, *, authorization: str = BASIC, **settings: object) -> bytes:
    async with Client.open(**settings) as client:
        headers = {"Proxy-Authorization": authorization} if authorization else None
        return (await client.get(url, proxy=proxy, headers=headers)).body


def test_socks_with_names_left_to_the_proxy() -> None:
    with WireServer({"/": build_response(b"there")}) as server, SocksProxy((server.host, server.port)) as proxy:
        assert asyncio.run(get("http://only.proxy.example/", f"socks5h://127.0.0.1:{proxy.port}")) == b"there"
        assert (proxy.asked, proxy.users) == ([("only.proxy.example", 80)], [(b"us", b"secret")])
        (exchange,) = server.exchanges
    assert b"Proxy-Authorization" not in exchange.received


def test_socks_with_names_resolved_here_keeps_private_addresses_out() -> None:
    with WireServer({"/": build_response(b"there")}) as server, SocksProxy((server.host, server.port)) as proxy:
        url, through = server.url("/"), f"socks5://127.0.0.1:{proxy.port}"
        assert asyncio.run(get(url, through)) == b"there"
        assert proxy.asked == [("127.0.0.1", server.port)]
        with pytest.raises(CannotResolveHostError):
            asyncio.run(get(url, through, RESOLVER_ALLOW=[]))
        with pytest.raises(DownloadFailedError):
            asyncio.run(get(url, through, authorization=""))


def test_tls_inside_socks(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("odd.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = WireServer({"/": build_response(b"safe")}, ssl_context=context)
    with server, SocksProxy((server.host, server.port)) as proxy:
        through, trust = f"socks5h://127.0.0.1:{proxy.port}", str(tmp_path / "ca.pem")
        assert asyncio.run(get("https://odd.example/", through, DOWNLOAD_TLS_TRUST_STORE=trust)) == b"safe"


def test_a_proxy_learns_our_name_and_the_origin_does_not(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("odd.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with WireServer({"/": build_response(b"safe")}, ssl_context=context) as server:
        with WireProxy(
            {"http://odd.example/": build_response(b"plain")},
            origins={("odd.example", 443): (server.host, server.port)},
        ) as proxy:
            trust = str(tmp_path / "ca.pem")
            assert asyncio.run(get("http://odd.example/", proxy.base_url)) == b"plain"
            assert asyncio.run(get("https://odd.example/", proxy.base_url, DOWNLOAD_TLS_TRUST_STORE=trust)) == b"safe"
            plain, connect = (exchange.received for exchange in proxy.exchanges[:2])
        (inside,) = server.exchanges
    assert b"Proxy-Authorization: " + BASIC.encode() in plain
    assert connect.startswith(b"CONNECT odd.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: " + BASIC.encode() in connect
    assert b"Proxy-Authorization" not in inside.received


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nforged", b"nonsense\r\n\r\n"]
)
def test_a_proxy_that_opens_no_tunnel(reply: bytes) -> None:
    with WireProxy({"odd.example:443": reply}) as proxy, pytest.raises(DownloadFailedError, match="opens no tunnel"):
        asyncio.run(get("https://odd.example/", proxy.base_url))


DEFINITION = """
name = "paper"
timezone = "UTC"
scope = ["http://paper.example/"]
seeds = ["http://paper.example/"]
proxy = "{proxy}"
"""
VARIABLE = "NEWSREEL_SECRET_PAPER_PROXY"
PASSWORD = "tram/green"
FRONT = build_response(b"<html><body>front</body></html>", headers=[("Content-Type", "text/html")])


def crawl(folder: Path, data: Data, proxy: str, address: str = "", *, elsewhere: str = "") -> tuple[int, str]:
    """Crawl by a definition that names a proxy; `address` is what its variable holds."""
    path = folder / "paper.toml"
    path.write_text(DEFINITION.format(proxy=proxy), "utf-8")
    done = run_scrapy(
        *("crawl", "category", "-a", f"source={path}", "-L", "DEBUG"),
        data=data,
        settings=LOOPBACK | {"ARCHIVE_MASK_SECRETS": False},
        environment={VARIABLE: address or None},
        proxy=elsewhere,
    )
    return done.returncode, done.stdout + done.stderr


def read_everything(data: Data) -> bytes:
    """All bytes below a data directory, compressed files as they are inside."""
    files = [path for path in sorted(data.path.rglob("*")) if path.is_file()]
    return b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)


def test_a_source_has_an_http_proxy_of_its_own(data: Data, tmp_path: Path) -> None:
    with WireProxy({"http://paper.example/": FRONT}) as proxy, WireProxy() as elsewhere:
        address = f"http://reader:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{proxy.port}"
        _, log = crawl(tmp_path, data, f"env:{VARIABLE}", address, elsewhere=elsewhere.base_url)
        assert elsewhere.exchanges == [], "the source's own comes before the environment's"
        (exchange,) = proxy.exchanges
    assert "Traceback" not in log, log
    token = base64.b64encode(f"reader:{PASSWORD}".encode())
    assert b"\r\nProxy-Authorization: Basic " + token + b"\r\n" in exchange.received
    everything = read_everything(data)
    assert b"Proxy-Authorization: " + b"*" * len(b"Basic " + token) in everything
    assert FRONT in everything
    for secret in (token, PASSWORD.encode(), PASSWORD.replace("/", "%2F").encode()):
        assert secret not in everything + log.encode()


def test_a_proxy_of_a_source_learns_nothing_of_another(data: Data, tmp_path: Path) -> None:
    with WireProxy({"http://paper.example/": FRONT}) as proxy:
        crawl(tmp_path, data, proxy.base_url, elsewhere=f"http://reader:{PASSWORD[:4]}@127.0.0.1:9")
        (exchange,) = proxy.exchanges
    assert exchange.received.startswith(b"GET http://paper.example/ ")
    assert b"Proxy-Authorization" not in exchange.received


def test_a_source_has_a_socks_proxy_of_its_own(data: Data, tmp_path: Path) -> None:
    with WireServer({"/": FRONT}) as server, SocksProxy((server.host, server.port)) as proxy:
        address = f"socks5h://reader:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{proxy.port}"
        _, log = crawl(tmp_path, data, f"env:{VARIABLE}", address)
        assert (proxy.asked, proxy.users) == ([("paper.example", 80)], [(b"reader", PASSWORD.encode())])
        (exchange,) = server.exchanges
    assert "Traceback" not in log, log
    assert b"Proxy-Authorization" not in exchange.received
    everything = read_everything(data) + log.encode()
    assert FRONT in everything
    assert PASSWORD.encode() not in everything


@pytest.mark.parametrize(
    ("proxy", "address", "words"),
    [
        (f"env:{VARIABLE}", "", f"proxy: the environment has no {VARIABLE}; set it before the crawl"),
        (f"env:{VARIABLE}", f"gopher://x:{PASSWORD}@a.example", f"proxy: env:{VARIABLE} does not hold the address"),
        (f"env:{VARIABLE}", f"http://x:{PASSWORD[:4]}@a.example:port", f"proxy: env:{VARIABLE} does not hold the addr"),
        (f"http://x:{PASSWORD}@a.example", "", "proxy: must be http://host:port"),
        ("http://a.example:port", "", "proxy: must be http://host:port"),
        ("env:HOME", "", "proxy: must be http://host:port"),
    ],
)
def test_a_proxy_that_is_none_is_refused_before_the_crawl(
    proxy: str, address: str, words: str, data: Data, tmp_path: Path
) -> None:
    status, log = crawl(tmp_path, data, proxy, address)
    assert status in (1, 2)
    assert words in log
    assert PASSWORD not in log
    assert not data.path.exists() or PASSWORD.encode() not in read_everything(data)
