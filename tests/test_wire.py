"""The scripted servers do what they say: checked with bare sockets and the standard library's client."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.wire import (
    ODD_PAYLOADS,
    ODD_RESPONSES,
    Script,
    WireProxy,
    WireServer,
    build_chunks,
    build_origin_form,
    build_response,
    ends_itself,
    find_chunked_end,
    wants_more,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"


def receive_all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def ask(port: int, request: bytes) -> bytes:
    """Send raw bytes, then read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return receive_all(connection)


@pytest.fixture
def odd_server() -> Iterator[WireServer]:
    with WireServer({f"/{name}": raw for name, raw in ODD_RESPONSES.items()}) as server:
        yield server


@pytest.mark.parametrize("name", ODD_RESPONSES)
def test_odd_responses_cross_the_wire_and_are_logged_byte_for_byte(odd_server: WireServer, name: str) -> None:
    request = GET % f"/{name}".encode()
    assert ask(odd_server.port, request) == ODD_RESPONSES[name]
    (exchange,) = odd_server.exchanges
    assert exchange.received == request
    assert exchange.sent == ODD_RESPONSES[name]
    assert exchange.target == f"/{name}"
    assert exchange.peer[0] == "127.0.0.1"


# The standard library's client ends a head at a line without colon and, before 3.12, knows no early hints.
@pytest.mark.parametrize("name", sorted(ODD_RESPONSES.keys() - {"header_without_colon", "early_hints"}))
def test_odd_responses_are_servable(odd_server: WireServer, name: str) -> None:
    client = http.client.HTTPConnection("127.0.0.1", odd_server.port, timeout=60)
    client.request("GET", f"/{name}")
    response = client.getresponse()
    body = response.read()
    client.close()
    payload = gzip.decompress(body) if response.getheader("content-encoding") == "gzip" else body
    assert payload == ODD_PAYLOADS[name]


def test_odd_responses_are_all_different() -> None:
    assert len(ODD_RESPONSES) >= 18
    assert len(set(ODD_RESPONSES.values())) == len(ODD_RESPONSES) == len(ODD_PAYLOADS)


def test_a_connection_is_kept_and_pipelined_requests_are_logged_apart() -> None:
    first, second = GET % b"/one", b"POST /two?q=1 HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody"
    third = b"PUT /one HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + build_chunks(b"ab\r\ncd", size=3)
    routes: dict[str, Script] = {"/one": build_response(b"1"), "/two": build_response(b"2")}
    with WireServer(routes) as server:
        answer = ask(server.port, first + second + third)
        exchanges = server.exchanges
        assert server.connections == 1
    assert answer == build_response(b"1") + build_response(b"2") + build_response(b"1")
    assert [exchange.received for exchange in exchanges] == [first, second, third]


def test_a_request_cut_short_is_logged() -> None:
    with WireServer({}) as server:
        assert ask(server.port, b"GET / HTTP/1.1\r\nHos") == b""
        assert [exchange.received for exchange in server.exchanges] == [b"GET / HTTP/1.1\r\nHos"]
        assert ask(server.port, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\ncut") == b""
        assert server.exchanges[1].received.endswith(b"\r\n\r\ncut")


def test_an_unknown_target_gets_a_404() -> None:
    with WireServer({}) as server:
        assert ask(server.port, GET % b"/none").startswith(b"HTTP/1.1 404 ")


def test_a_function_may_answer_differently_in_time() -> None:
    answers = [build_response(status="503 Busy"), build_response(b"ready")]
    with WireServer({"/": lambda _: answers.pop(0)}) as server:
        assert ask(server.port, GET % b"/" * 2) == build_response(status="503 Busy") + build_response(b"ready")


def test_a_pause_holds_the_next_chunk_back() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
    with WireServer({"/short": [head + b"ab", 0.3, b"cd"], "/long": [head + b"ab", 60, b"cd"]}) as server:
        started = time.monotonic()
        assert ask(server.port, GET % b"/short") == head + b"abcd"
        assert time.monotonic() - started >= 0.3
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(GET % b"/long")
            assert connection.recv(65536) == head + b"ab"
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(65536)


def test_close_cuts_a_body_in_order() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    with WireServer({"/": [cut, "close"]}) as server:
        assert ask(server.port, GET % b"/") == cut


def test_reset_breaks_the_connection() -> None:
    with (
        WireServer({"/": [b"HTTP/1.1 200 OK\r\n", 0.05, "reset"]}) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection,
    ):
        connection.sendall(GET % b"/")
        with pytest.raises(ConnectionResetError):
            receive_all(connection)


def test_stall_sends_nothing_and_does_not_hold_up_the_end() -> None:
    with contextlib.ExitStack() as clients:
        with WireServer({"/": [b"HTTP/1.1 200 OK\r\n", "stall"]}) as server:
            connection = clients.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            connection.sendall(GET % b"/")
            assert connection.recv(100) == b"HTTP/1.1 200 OK\r\n"
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(100)
            started = time.monotonic()
        assert time.monotonic() - started < 30


def test_no_thread_outlives_its_server() -> None:
    before = threading.active_count()
    with WireServer({}), WireProxy():
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def build_contexts(host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(serving)
    asking = ssl.create_default_context()
    authority.configure_trust(asking)
    return serving, asking


def test_tls_is_served_and_logged_in_the_clear() -> None:
    serving, asking = build_contexts("127.0.0.1")
    with WireServer({"/": ODD_RESPONSES["gzip_chunked"]}, ssl_context=serving) as server:
        assert server.base_url.startswith("https://")
        client = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=asking)
        client.request("GET", "/")
        assert gzip.decompress(client.getresponse().read()) == ODD_PAYLOADS["gzip_chunked"]
        client.close()
        (exchange,) = server.exchanges
    assert exchange.received.startswith(b"GET / HTTP/1.1\r\n")
    assert exchange.sent == ODD_RESPONSES["gzip_chunked"]


def test_proxy_answers_for_real_host_names_by_itself() -> None:
    url = "http://www.example.com/news?page=2"
    request = f"GET {url} HTTP/1.1\r\nHost: www.example.com\r\n\r\n".encode()
    with WireProxy({url: build_response(b"paper")}) as proxy:
        assert ask(proxy.port, request * 2) == build_response(b"paper") * 2
        assert [exchange.received for exchange in proxy.exchanges] == [request, request]
        assert ask(proxy.port, b"GET http://other.example/ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 502 ")


def test_proxy_forwards_in_origin_form_and_otherwise_untouched() -> None:
    tail = b"hOsT: paper.example\r\nX-Pad:   x  \r\n\r\n"
    requests = [b"GET http://paper.example/%d HTTP/1.1\r\n" % n + tail for n in range(2)]
    with (
        WireServer({"/0": ODD_RESPONSES["chunked"], "/1": ODD_RESPONSES["folded_header"]}) as origin,
        WireProxy(origins={("paper.example", 80): ("127.0.0.1", origin.port)}) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection,
    ):
        for request, name in zip(requests, ("chunked", "folded_header"), strict=True):
            connection.sendall(request)
            raw = b""
            while len(raw) < len(ODD_RESPONSES[name]):
                raw += connection.recv(65536)
            assert raw == ODD_RESPONSES[name]
        assert [exchange.received for exchange in origin.exchanges] == [
            b"GET /%d HTTP/1.1\r\n" % n + tail for n in range(2)
        ]
        assert origin.connections == 1
        assert [(e.received, e.sent) for e in proxy.exchanges] == [
            (requests[0], ODD_RESPONSES["chunked"]),
            (requests[1], ODD_RESPONSES["folded_header"]),
        ]


def test_proxy_passes_on_a_body_that_only_the_close_ends() -> None:
    with (
        WireServer({"/": ODD_RESPONSES["http10_close_delimited"]}) as origin,
        WireProxy(origins={("old.example", 8080): ("127.0.0.1", origin.port)}) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection,
    ):
        connection.sendall(b"GET http://old.example:8080/ HTTP/1.1\r\nHost: old.example:8080\r\n\r\n")
        assert receive_all(connection) == ODD_RESPONSES["http10_close_delimited"]


def test_proxy_tunnels_tls_to_a_mapped_origin() -> None:
    serving, asking = build_contexts("secure.example")
    with (
        WireServer({"/": build_response(b"sealed")}, ssl_context=serving) as origin,
        WireProxy(origins={("secure.example", 443): ("127.0.0.1", origin.port)}) as proxy,
    ):
        client = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=60, context=asking)
        client.set_tunnel("secure.example", 443)
        client.request("GET", "/")
        assert client.getresponse().read() == b"sealed"
        client.close()
        connect, passed = proxy.exchanges
        (inner,) = origin.exchanges
    assert connect.target == "secure.example:443"
    assert connect.sent == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert b"sealed" not in passed.sent
    assert len(passed.sent) > len(b"sealed")
    assert inner.received.startswith(b"GET / HTTP/1.1\r\n")


def test_proxy_refuses_a_tunnel_by_script_or_for_want_of_an_origin() -> None:
    refusal = build_response(status="403 Forbidden")
    with WireProxy({"shut.example:443": refusal}) as proxy:
        assert ask(proxy.port, b"CONNECT shut.example:443 HTTP/1.1\r\n\r\n") == refusal
        assert ask(proxy.port, b"CONNECT none.example:443 HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 502 ")


def test_proxy_says_502_when_the_mapped_origin_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with WireProxy(origins={("down.example", 80): ("127.0.0.1", port)}) as proxy:
        answer = ask(proxy.port, b"GET http://down.example/ HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http10_close_delimited", False),
        ("http11_close_delimited", False),
        ("no_headers", False),
        ("chunked_extensions_trailers", True),
        ("early_hints", True),
        ("bare_lf_head", True),
        ("no_content", True),
        ("not_modified", True),
    ],
)
def test_ends_itself(name: str, expected: bool) -> None:
    assert ends_itself(ODD_RESPONSES[name], "GET") is expected


def test_an_old_response_ends_with_its_connection_even_where_it_gives_a_length() -> None:
    assert not ends_itself(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "GET")
    assert ends_itself(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET")


def test_interim_responses_are_passed_over_however_many_they_are() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2_000
    assert ends_itself(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET")
    assert not ends_itself(hints + b"HTTP/1.1 200 OK\r\n\r\n", "GET")


def test_a_cut_body_does_not_end_itself() -> None:
    assert not ends_itself(ODD_RESPONSES["chunked"][:-1], "GET")
    assert not ends_itself(ODD_RESPONSES["gzip"][:-1], "GET")
    assert ends_itself(ODD_RESPONSES["gzip"].split(b"\r\n\r\n")[0] + b"\r\n\r\n", "HEAD")


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"0\r\n\r\n", 5), (b"1\r\nx\r\n0\r\nA: b\r\n\r\nrest", 17), (b"1\r\nx", None), (b"z\r\n", None)],
)
def test_find_chunked_end(body: bytes, expected: int | None) -> None:
    assert find_chunked_end(body) == expected


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_wants_more(request_head: bytes, expected: bool) -> None:
    assert wants_more(request_head) is expected


def test_build_origin_form_keeps_all_but_the_target() -> None:
    raw = b"GET http://a.example:81/p/%20x?q=http://b/ HTTP/1.1\r\nHOST:a\r\n\r\nbody\r\n"
    assert build_origin_form(raw) == b"GET /p/%20x?q=http://b/ HTTP/1.1\r\nHOST:a\r\n\r\nbody\r\n"
    assert build_origin_form(b"GET http://a.example HTTP/1.1\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n"
