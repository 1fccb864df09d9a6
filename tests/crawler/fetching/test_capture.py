"""What is in the WARC is what crossed the wire, and nothing else."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.urls import parse_warc_date
from archives.warc.reader import Record, iter_records
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import ODD_PAGE, ODD_RESPONSES, WireExchange, WireProxy, WireServer, build_response

SPIDER = str(Path(__file__).with_name("plain.py"))
ODD_STATUSES = (b"99999999999999999999", b"-200", b"20", b"2000", b"0x200", b"two")
ROUTES = {f"/{name}": raw for name, raw in ODD_RESPONSES.items()}


def crawl(urls: list[str], data: Data, **options: Any) -> list[dict[str, Any]]:
    """Crawl with a plain spider; return what it saw."""
    saw = data.path.parent / "saw.jsonl"
    settings = LOOPBACK | {"COLLECTION": "odd", "CONCURRENT_REQUESTS_PER_DOMAIN": 4, "ARCHIVE_DEDUPLICATE": False}
    settings |= options.pop("settings", {})
    done = run_scrapy(
        "runspider", SPIDER, "-a", f"urls={' '.join(urls)}", "-a", f"saw={saw}", data=data, settings=settings, **options
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in saw.read_text("utf-8").splitlines()]


def read_records(data: Data) -> list[Record]:
    return [record for path in data.warcs("odd") for record in iter_records(path)]


def pair_up(data: Data, exchanges: list[WireExchange]) -> dict[str, tuple[WireExchange, Record, Record]]:
    """Match each exchange with its request and response records, by path."""
    records = read_records(data)
    responses = {urlsplit(r.url).path: r for r in records if r.type == "response"}
    requests = {urlsplit(r.url).path: r for r in records if r.type == "request"}
    return {
        path: (exchange, responses[path], requests[path])
        for exchange in exchanges
        if (path := urlsplit(exchange.target).path) in responses
    }


def final_message(sent: bytes) -> bytes:
    """Leave out interim responses: they are kept in their own record."""
    return sent.split(b"\r\n\r\n", 1)[1] if sent.startswith(b"HTTP/1.1 103") else sent


def check_all(pairs: dict[str, tuple[WireExchange, Record, Record]]) -> None:
    assert len(pairs) == len(ODD_RESPONSES) >= 15
    for path, (exchange, response, request) in pairs.items():
        assert response.block == final_message(exchange.sent), path
        assert request.block == exchange.received, path
        assert response.get("WARC-Truncated") is None, path
        assert request.get("WARC-Concurrent-To") == response.record_id
        assert request.get("WARC-Date") == response.get("WARC-Date")
        assert response.get("WARC-IP-Address") == "127.0.0.1"


def test_every_odd_response_is_captured_to_the_byte(data: Data) -> None:
    """Directly, over connections that are kept alive."""
    with WireServer(ROUTES) as server:
        seen = crawl([server.url(path) for path in ROUTES], data)
        check_all(pair_up(data, server.exchanges))
        assert server.connections < len(ROUTES)
    assert {urlsplit(saw["url"]).path for saw in seen if saw["record_id"]} == set(ROUTES)


def test_the_spider_learns_which_record_it_reads(data: Data) -> None:
    with WireServer(ROUTES) as server:
        seen = crawl([server.url(path) for path in ROUTES], data)
    responses = {r.record_id: r.url for r in read_records(data) if r.type == "response"}
    assert {saw["record_id"]: saw["url"] for saw in seen} == responses


def test_tls_is_captured_above_the_cipher(data: Data, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with WireServer(ROUTES, ssl_context=context) as server:
        port = urlsplit(server.base_url).port
        urls = [f"https://localhost:{port}{path}" for path in ROUTES]
        crawl(urls, data, environment={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
        pairs = pair_up(data, server.exchanges)
    check_all(pairs)
    assert all(response.get("WARC-Cipher-Suite") for _, response, _ in pairs.values())


def test_an_untrusted_certificate_is_refused(data: Data) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with WireServer({"/": build_response(ODD_PAGE)}, ssl_context=context) as server:
        port = urlsplit(server.base_url).port
        seen = crawl([f"https://localhost:{port}/"], data, settings={"RETRY_ENABLED": False})
    assert [sorted(saw) for saw in seen] == [["failed", "url"]]


def test_a_proxy_is_captured_as_it_was_spoken_to(data: Data) -> None:
    """The request names the whole address, and the record's target is the origin's."""
    routes = {f"http://odd.example{path}": raw for path, raw in ROUTES.items()}
    with WireProxy(routes) as proxy:
        crawl(list(routes), data, proxy=proxy.base_url)
        check_all(pair_up(data, proxy.exchanges))
    targets = {r.url for r in read_records(data) if r.type == "response"}
    assert targets == set(routes)


def test_a_tunnel_is_captured_inside(data: Data, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("odd.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with WireServer(ROUTES, ssl_context=context) as server:
        peer = ("127.0.0.1", urlsplit(server.base_url).port or 0)
        with WireProxy(origins={("odd.example", 443): peer}) as proxy:
            crawl(
                [f"https://odd.example{path}" for path in ROUTES],
                data,
                proxy=proxy.base_url,
                environment={"SSL_CERT_FILE": str(tmp_path / "ca.pem")},
            )
        check_all(pair_up(data, server.exchanges))


@pytest.mark.parametrize(
    ("script", "settings", "why", "kept"),
    [
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", "close"],
            {},
            "disconnect",
            b"only this",
            id="cut",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "close"],
            {},
            "disconnect",
            b"5\r\nhel",
            id="cut in a chunk",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0.3, "reset"],
            {},
            "disconnect",
            b"5\r\nhello\r\n",
            id="reset between chunks",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", 0.3, "reset"],
            {},
            "disconnect",
            b"only this",
            id="reset",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", "stall"],
            {"DOWNLOAD_TIMEOUT": 1},
            "time",
            b"only this",
            id="stalled body",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Le", "stall"], {"DOWNLOAD_TIMEOUT": 1}, "time", b"", id="stalled head"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", 0.3, b"x" * 9000],
            {"DOWNLOAD_MAXSIZE": 1000},
            "length",
            b"",
            id="too long by its own word",
        ),
        pytest.param(
            [b"HTTP/1.0 200 OK\r\n\r\n", *[b"y" * 500] * 20, "stall"],
            {"DOWNLOAD_MAXSIZE": 1000},
            "length",
            b"y" * 1000,
            id="endless",
        ),
    ],
)
def test_a_cut_response_is_kept_and_says_why(
    data: Data, script: list[Any], settings: dict[str, object], why: str, kept: bytes
) -> None:
    with WireServer({"/": script}) as server:
        crawl([server.url("/")], data, settings={"RETRY_ENABLED": False, **settings})
        sent = server.exchanges[0].sent
    (response,) = [r for r in read_records(data) if r.type == "response"]
    assert response.get("WARC-Truncated") == why
    assert sent.startswith(response.block)
    assert kept in response.block


def test_what_follows_a_message_is_kept_beside_it(data: Data) -> None:
    message = build_response(ODD_PAGE)
    with WireServer({"/": [message + b"surplus", "close"]}) as server:
        crawl([server.url("/")], data)
    response, request, said, surplus = read_records(data)[1:]
    assert response.block == message
    assert response.get("WARC-Truncated") is None
    assert request.type == "request"
    assert said.block == b"http-deviation: bytes-behind\r\n"
    assert surplus.block == b"surplus"
    assert {record.get("WARC-Concurrent-To") for record in (said, surplus)} == {response.record_id}


def test_what_follows_later_is_kept_as_well(data: Data) -> None:
    routes = {"/first": [build_response(b"one"), 0.1, b"late"], "/second": [0.4, build_response(b"two")]}
    with WireServer(routes) as server:
        seen = crawl([server.url("/first"), server.url("/second")], data)
    assert {saw["body"] for saw in seen} == {"one", "two"}
    first = next(record for record in read_records(data) if record.type == "response" and record.url.endswith("first"))
    (late,) = [record for record in read_records(data) if record.type == "metadata"]
    assert (late.block, late.get("WARC-Concurrent-To")) == (b"late", first.record_id)
    done = run_scrapy("verify", data=data)
    assert done.returncode == 0, done.stdout


def test_no_status_but_three_digits_reaches_an_index(data: Data) -> None:
    odd = {f"/{n}": b"HTTP/1.1 %s OK\r\nContent-Length: 2\r\n\r\nhi" % status for n, status in enumerate(ODD_STATUSES)}
    with WireServer(odd | {"/well": build_response(b"well")}) as server:
        seen = crawl([server.url(path) for path in (*odd, "/well")], data)
    assert sum(saw.get("body") == "hi" for saw in seen) == len(odd)
    assert sum(record.type == "response" for record in read_records(data)) == len(odd) + 1
    for command in (["index", "odd"], ["verify"], ["pack", "odd", "-o", str(data.path / "odd.wacz")]):
        done = run_scrapy(*command, data=data)
        assert done.returncode == 0, done.stdout + done.stderr
    with CollectionIndex(Collection.open(data.path, "odd")) as index:
        assert sorted(entry.status or 0 for entry in index.iter_entries()) == [0] * len(odd) + [200]


def test_redirects_errors_retries_and_robots_are_captured(data: Data) -> None:
    answers = iter([b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", build_response(b"done")])
    routes = {
        "/robots.txt": build_response(b"User-agent: *\nDisallow: /private\n"),
        "/moved": b"HTTP/1.1 302 Found\r\nLocation: /flaky\r\nContent-Length: 0\r\n\r\n",
        "/flaky": lambda raw: next(answers),
        "/missing": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "/unchanged": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
        "/private": build_response(b"secret"),
    }
    paths = ("/moved", "/missing", "/unchanged", "/private")
    with WireServer(routes) as server:
        crawl([server.url(path) for path in paths], data, settings={"ROBOTSTXT_OBEY": True})
        asked = sorted(exchange.target for exchange in server.exchanges)
    stored = sorted(urlsplit(r.url).path for r in read_records(data) if r.type == "response")
    assert stored == asked == ["/flaky", "/flaky", "/missing", "/moved", "/robots.txt", "/unchanged"]


def test_an_unanswered_request_leaves_no_record(data: Data) -> None:
    with WireServer({"/": ["reset"]}) as server:
        seen = crawl([server.url("/")], data, settings={"RETRY_ENABLED": False})
    assert "failed" in seen[0]
    assert not [r for r in read_records(data) if r.type == "response"]


def test_secrets_are_starred_out_in_place(data: Data) -> None:
    """The stored request differs from the wire in nothing but the secret's letters."""
    with WireServer({"/": build_response(b"hello")}) as server:
        url = server.url("/").replace("http://", "http://")
        crawl([url], data, settings={"DEFAULT_REQUEST_HEADERS": '{"Authorization": "Basic c2VjcmV0"}'})
        received = server.exchanges[0].received
    (request,) = [r for r in read_records(data) if r.type == "request"]
    assert b"c2VjcmV0" in received
    assert request.block == received.replace(b"Basic c2VjcmV0", b"*" * 14)


def test_each_file_begins_with_who_made_it(data: Data) -> None:
    with WireServer({"/": build_response(b"hello")}) as server:
        crawl([server.url("/")], data, settings={"CONTACT": "https://example.org/crawler"})
        received = server.exchanges[0].received
    first = read_records(data)[0]
    assert first.type == "warcinfo"
    assert b"https://example.org/crawler" in first.block
    assert b"User-Agent: Newsreel/" in received
    assert b"(+https://example.org/crawler)" in received
    assert all(r.get("WARC-Warcinfo-ID") == first.record_id for r in read_records(data)[1:])
    assert parse_warc_date(read_records(data)[1].get("WARC-Date") or "").microsecond
