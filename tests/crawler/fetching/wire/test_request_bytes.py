"""Requests are what they should be to the byte, and nothing that a page says can add a line to one."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.exceptions import UnsupportedURLSchemeError

from crawler.fetching.wire.request_bytes import build_request, find_route


def send(url: str, **options: object) -> bytes:
    request = Request(url, **options)  # type: ignore[arg-type]
    return build_request(request, find_route(request))


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://a.example/b?c=d#e", b"GET /b?c=d HTTP/1.1", b"Host: a.example"),
        ("http://a.example", b"GET / HTTP/1.1", b"Host: a.example"),
        ("http://a.example?q", b"GET /?q HTTP/1.1", b"Host: a.example"),
        ("https://a.example:443/", b"GET / HTTP/1.1", b"Host: a.example"),
        ("http://a.example:443/", b"GET / HTTP/1.1", b"Host: a.example:443"),
        ("http://[::1]:8080/", b"GET / HTTP/1.1", b"Host: [::1]:8080"),
        ("http://münchen.example/ü", b"GET /%C3%BC HTTP/1.1", b"Host: xn--mnchen-3ya.example"),
    ],
)
def test_the_first_lines(url: str, line: bytes, host: bytes) -> None:
    assert send(url).split(b"\r\n") == [line, host, b"", b""]


def test_a_proxy_is_asked_for_the_whole_address() -> None:
    meta, headers = {"proxy": "http://p.example:3128"}, {"Proxy-Authorization": "Basic eDp5"}
    assert send("http://a.example/b", meta=meta, headers=headers).split(b"\r\n") == [
        b"GET http://a.example/b HTTP/1.1",
        b"Host: a.example",
        b"Proxy-Authorization: Basic eDp5",
        b"",
        b"",
    ]
    for inside in (("https://a.example/b", meta), ("http://a.example/b", {"proxy": "socks5://p.example"})):
        sent = send(inside[0], meta=inside[1], headers=headers)
        assert sent.startswith(b"GET /b HTTP/1.1\r\n")
        assert b"Proxy" not in sent


def test_a_body_has_its_length_and_no_other() -> None:
    sent = send("http://a.example/", method="POST", body=b"x=y", headers={"Content-Length": "99", "Host": "b.example"})
    assert sent == b"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 3\r\n\r\nx=y"
    assert send("http://a.example/", method="POST").endswith(b"Content-Length: 0\r\n\r\n")


def test_no_value_adds_a_line() -> None:
    sent = send("http://a.example/", headers={"X": "a\r\nInjected: b", "Bad\r\nName": "c"})
    assert sent.split(b"\r\n") == [b"GET / HTTP/1.1", b"Host: a.example", b"X: a Injected: b", b"", b""]


@pytest.mark.parametrize("meta", [{"proxy": "gopher://p.example"}, {"proxy": "http://p.example:port"}])
def test_what_cannot_be_connected_to_is_refused(meta: dict[str, str]) -> None:
    with pytest.raises(UnsupportedURLSchemeError):
        send("http://a.example/", meta=meta)
