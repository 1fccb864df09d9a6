"""Hosts are asked as they ask to be: robots.txt by the standard, Crawl-delay, Retry-After, growing pauses."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from protego import Protego
from scrapy.utils.test import get_crawler

from crawler.fetching.pauses import HostPauses, parse_retry_after
from crawler.fetching.robots import normalise_robots
from tests.clock import Clock
from tests.crawler.frontier.redis_server import RedisServer
from tests.project import LOOPBACK, Data, run_scrapy, start_scrapy
from tests.wire import Route, WireProxy, build_chunks, build_response

SPIDER = str(Path(__file__).with_name("plain.py"))
SETTINGS = LOOPBACK | {"ROBOTSTXT_OBEY": True, "COLLECTION": "polite", "RETRY_ENABLED": False}
PAGE = build_response(b"page")


def crawl(
    routes: dict[str, Route], paths: list[str], data: Data, **settings: object
) -> tuple[list[Any], list[str], str]:
    """Crawl pages of one host; return what the spider saw, which addresses were requested, and the log."""
    return crawl_hosts(routes, [f"a.example{path}" for path in paths], data, **settings)


def crawl_hosts(
    routes: dict[str, Route], addresses: list[str], data: Data, **settings: object
) -> tuple[list[Any], list[str], str]:
    """Do the same with addresses of any host, without their scheme."""
    saw = data.path.parent / "saw.jsonl"
    saw.unlink(missing_ok=True)
    with WireProxy({f"http://{key}": route for key, route in routes.items()}) as proxy:
        urls = " ".join(f"http://{address}" for address in addresses)
        done = run_scrapy(
            "runspider", SPIDER, "-a", f"urls={urls}", "-a", f"saw={saw}", data=data, settings=SETTINGS | settings,
            proxy=proxy.base_url,
        )  # fmt: skip
        asked = [exchange.target.removeprefix("http://") for exchange in proxy.exchanges]
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in saw.read_text("utf-8").splitlines()], asked, done.stderr


def test_a_host_whose_robots_txt_fails_is_asked_for_nothing_else(data: Data) -> None:
    broken = build_response(b"busy", status="500 Broken")
    seen, asked, log = crawl({"a.example/robots.txt": broken, "a.example/1": PAGE}, ["/1"], data)
    assert asked == ["a.example/robots.txt"]
    assert [saw["failed"] for saw in seen] == ["IgnoreRequest"]
    assert "robots.txt of a.example answered 500; nothing else is requested from it" in log
    gone = build_response(b"", status="404 Gone")
    seen, asked, _ = crawl({"a.example/robots.txt": gone, "a.example/1": PAGE}, ["/1"], data)
    assert [saw.get("body") for saw in seen] == ["page"]


def test_robots_txt_is_followed_to_other_hosts_and_fetched_once(data: Data) -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://b.example/rules.txt\r\nContent-Length: 0\r\n\r\n"
    rules = build_response(b"User-agent: newsreel other\rDisallow: /no\r")
    routes: dict[str, Route] = {"a.example/robots.txt": moved, "b.example/rules.txt": rules, "a.example/yes": PAGE}
    seen, asked, _ = crawl(routes, ["/no", "/yes", "/robots.txt"], data)
    assert Counter(asked) == Counter(["a.example/robots.txt", "b.example/rules.txt", "a.example/yes"])
    by_url = {saw["url"]: saw for saw in seen}
    assert "failed" in by_url["http://a.example/no"]
    assert by_url["http://b.example/rules.txt"]["record_id"]


RULES = b"User-agent: *\nDisallow: /no\n"


def send_rules(rules: bytes = RULES, status: str = "200 OK", *fields: tuple[str, str]) -> bytes:
    return build_response(rules, status=status, headers=fields)


# What a host sends as its robots.txt, and what is then requested of /yes and /no.
ODD_ROBOTS: dict[str, tuple[Route, set[str]]] = {
    "page": (send_rules(b"<html><body>Not here</body></html>", "200 OK", ("Content-Type", "text/html")), {"yes", "no"}),
    "unauthorised": (send_rules(RULES, "401 Who"), {"yes", "no"}),
    "forbidden": (send_rules(RULES, "403 No"), {"yes", "no"}),
    "slow-down": (send_rules(RULES, "429 Slow"), set()),
    "failing": (send_rules(RULES, "599 Broken"), set()),
    "unknown-status": (send_rules(RULES, "999 Denied"), set()),
    "reset": (["reset"], set()),
    "cut": ([b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + RULES, "close"], set()),
    "headless": ([RULES, "close"], set()),
    "empty": (b"HTTP/1.1 204 None\r\n\r\n", {"yes", "no"}),
    "loop": (send_rules(b"", "301 Moved", ("Location", "/robots.txt")), {"yes", "no"}),
    "to-file": (send_rules(b"", "301 Moved", ("Location", "file:///etc/passwd")), {"yes", "no"}),
    "mark": (send_rules(b"\xef\xbb\xbf" + RULES), {"yes"}),
    "returns": (send_rules(RULES.replace(b"\n", b"\r")), {"yes"}),
    "latin": (send_rules(RULES + b"# caf\xe9\n"), {"yes"}),
    "picture": (send_rules(RULES, "200 OK", ("Content-Type", "image/png")), {"yes"}),
    "zipped": (send_rules(gzip.compress(RULES), "200 OK", ("Content-Encoding", "gzip")), {"yes"}),
    "not-zipped": (send_rules(RULES, "200 OK", ("Content-Encoding", "gzip")), {"yes"}),
    "part": (send_rules(RULES, "206 Partial"), {"yes"}),
    "long": (send_rules(RULES + b"# x\n" * 150_000 + b"User-agent: *\nDisallow: /yes\n"), {"yes"}),
    "no-last-chunk": (
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + build_chunks(RULES).removesuffix(b"0\r\n\r\n"),
            "close",
        ],
        {"yes"},
    ),
    "odd-delay": (send_rules(RULES + b"Crawl-delay: -5\nCrawl-delay: nan\nCrawl-delay: soon\n"), {"yes"}),
}


def test_odd_robots_txt(data: Data) -> None:
    routes: dict[str, Route] = {f"{name}.example/robots.txt": route for name, (route, _) in ODD_ROBOTS.items()}
    pages = [f"{name}.example/{page}" for name in ODD_ROBOTS for page in ("yes", "no")]
    routes |= dict.fromkeys(pages, PAGE)
    _, asked, _ = crawl_hosts(routes, pages, data)
    got = {name: {page for page in ("yes", "no") if f"{name}.example/{page}" in asked} for name in ODD_ROBOTS}
    assert got == {name: wanted for name, (_, wanted) in ODD_ROBOTS.items()}


def test_crawl_delay_is_kept_up_to_a_bound(data: Data) -> None:
    times: list[float] = []

    def answer(raw: bytes) -> bytes:
        times.append(time.monotonic())
        return PAGE

    rules = build_response(b"User-agent: *\nCrawl-delay: 3600\n")
    routes: dict[str, Route] = {"a.example/robots.txt": rules} | {f"a.example/{n}": answer for n in range(3)}
    seen, _, _ = crawl(routes, ["/0", "/1", "/2"], data, ROBOTSTXT_MAX_DELAY=0.7)
    assert len(seen) == 3
    assert all(later - earlier > 0.6 for earlier, later in pairwise(times))


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy"])
def test_a_host_that_asks_to_come_back_later_is_left_alone_until_then(data: Data, status: str) -> None:
    asked: list[float] = []

    def answer(raw: bytes) -> bytes:
        asked.append(time.monotonic())
        if asked[-1] - asked[0] < 2:
            return build_response(b"later", status=status, headers=(("Retry-After", "2"),))
        return PAGE

    routes: dict[str, Route] = {"a.example/robots.txt": build_response(b"")} | {
        f"a.example/{n}": answer for n in range(12)
    }
    seen, _, _ = crawl(routes, [f"/{n}" for n in range(12)], data)
    assert [saw["body"] for saw in seen] == ["page"] * 12
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert max(gaps) > 1.5
    assert len(asked) <= 12 + 8  # what was under way when the first answer came, and each once more


@pytest.mark.parametrize("is_shared", [False, True], ids=["file", "server"])
def test_a_pause_outlives_a_crawl_that_is_killed(data: Data, tmp_path: Path, *, is_shared: bool) -> None:
    asked: list[float] = []

    def answer(raw: bytes) -> bytes:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return build_response(b"later", status="503 Busy", headers=(("Retry-After", "3"),))
        return PAGE

    log = tmp_path / "log"
    with ExitStack() as stack:
        proxy = stack.enter_context(WireProxy({"http://a.example/1": answer}))
        settings = LOOPBACK | {"COLLECTION": "polite", "FRONTIER_LEASE": 1}
        if is_shared:
            settings |= {"FRONTIER_URL": stack.enter_context(RedisServer(tmp_path)).url}
        words = ["runspider", SPIDER, "-a", "urls=http://a.example/1", "-a", f"saw={tmp_path / 'saw.jsonl'}"]
        address = proxy.base_url.replace("://", "://us:secret@")
        environment = {"http_proxy": address}
        with log.open("w") as stderr:
            process = start_scrapy(*words, data=data, settings=settings, environment=environment, stderr=stderr)
        deadline = time.monotonic() + 60
        while "a.example asks for a pause" not in log.read_text("utf-8"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(asked) == 1
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        done = run_scrapy(*words, data=data, settings=settings, proxy=address)
        sent = [exchange.received for exchange in proxy.exchanges]
    assert "Still left alone, as they asked an earlier run: a.example" in done.stderr, done.stderr
    assert asked[1] - asked[0] > 2.9
    assert "'pauses/resumed': 1" in done.stderr
    authorization = b"Basic " + base64.b64encode(b"us:secret")
    assert all(authorization in request for request in sent)
    assert b"http://a.example/1" in kept
    assert authorization not in kept


def test_a_host_that_never_lets_us_in_is_given_up(data: Data) -> None:
    busy = build_response(b"later", status="503 Busy", headers=(("Retry-After", "99999"),))
    routes: dict[str, Route] = {"a.example/robots.txt": build_response(b""), "a.example/1": busy}
    seen, asked, _ = crawl(routes, ["/1"], data, RETRY_AFTER_MAX=0.1)
    assert [saw["status"] for saw in seen] == [503]
    assert asked.count("a.example/1") == 6


NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120),
        (b" 0 ", 0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True).encode(), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True).encode(), 0),
        (b"Sunday, 29-Nov-26 23:59:00 GMT", 0),
        (b"Mon, 30 Nov 2026 00:01:30", 90),
        (b"2026-11-30T00:01:30Z", 90),
        (b"%d" % (NOW.timestamp() + 90), 90),
        (b"90.0", 90),
        (b"90 seconds", 90),
        (b"+90s", 90),
        (b"90 minutes", None),
        (b"Mon, 30 Nov 2026 00:01:30 +99999999999999", None),
        (b"Mon, 30 Nov 99999999999999999999 00:01:30 GMT", None),
        (b"-5", None),
        (b"soon", None),
        (b"", None),
        (b"9" * 400, 999_999_999),
    ],
)
def test_retry_after(value: bytes, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_pauses_grow_while_a_host_refuses_and_end_when_it_answers() -> None:
    clock = Clock()
    crawler = get_crawler(settings_dict={"RETRY_AFTER_MAX": 600})
    crawler._apply_settings()
    pauses = HostPauses(crawler, clock)
    left = []
    for _ in range(8):
        pauses.refuse("a.example", None)
        pauses.refuse("a.example", None)  # the same refusal, of a request that was under way
        left.append(pauses.find_left("a.example"))
        clock.now += left[-1]
    assert left == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses.find_left("b.example") == 0
    pauses.welcome("a.example")
    pauses.refuse("a.example", 1e9)
    assert pauses.find_left("a.example") == 600


@pytest.mark.parametrize(
    ("text", "path", "is_allowed"),
    [
        (b"user-agent: newsreel\ndisallow: /\n", "/x", False),
        (b"user-agent: newsreel\rdisallow: /\r", "/x", False),
        (b"\xef\xbb\xbfuser-agent: newsreel\ndisallow: /\n", "/x", False),
        (b"user-agent: newsreel and more\ndisallow: /\n", "/x", False),
        (b"user-agent: newsreel/2.1\ndisallow: /\n", "/x", False),
        (b"USER-AGENT : Newsreel\nDISALLOW : /\n", "/x", False),
        (b"user-agent: other\ndisallow: /\n", "/x", True),
        (b"user-agent: *\ndisallow: /\nuser-agent: newsreel\ndisallow: /y\n", "/x", True),
        (b"user-agent: newsreel\nallow: /a\nuser-agent: x\nallow: /\nuser-agent: newsreel\ndisallow: /", "/c", False),
        (b"user-agent: *\ndisallow: /x\nallow: /x/page\n", "/x/page.html", True),
        (b"user-agent: *\nallow: /x/page\ndisallow: /*.html\n", "/x/page.html", True),
        (b"user-agent: *\ndisallow: /*.php$\n", "/x.php?a", True),
        (b"user-agent: *\ndisallow: /caf%C3%A9\n", "/caf\xe9", False),
        (b"user-agent: *\ndisallow:\n", "/x", True),
        (b"user-agent: news\ndisallow: /\n", "/x", True),
        (b"user-agent: newsreel-images\ndisallow: /\n", "/x", True),
        (b"user-agent: *\ndisallow: /x\nuser-agent: reel\nallow: /\n", "/x", False),
        (b"user-agent: *bot\ndisallow: /\n", "/x", True),
        (b"user-agent: * # all\ndisallow: /\n", "/x", False),
        (b"user-agent:\ndisallow: /\n", "/x", True),
        (b"user-agent Newsreel\ndisallow /x\n", "/x", False),
        (b"disallow: /x\nuser-agent: newsreel\nallow: /\n", "/x", True),
        (b"user-agent: a\nuser-agent: newsreel\n\ndisallow: /x\n", "/x", False),
        (b"user-agent: newsreel\nsitemap: http://a.example/s\nuser-agent: b\ndisallow: /x\n", "/x", False),
        (b"user-agent: newsreel\ndisallow: /X\n", "/x", True),
        (b"user-agent: newsreel\ndisallow: /x\nallow: /x\n", "/x/page", True),
        (b"user-agent: newsreel\nallow: /page\ndisallow: /*.html\n", "/page.html", False),
        (b"user-agent: newsreel\ndisallow: /caf\xc3\xa9\n", "/caf%C3%A9", False),
        (b"user-agent: newsreel\ndisallow: /caf%c3%a9\n", "/caf%C3%A9", False),
        (b"user-agent: newsreel\ndisallow: /%7Ejoe/\n", "/~joe/a", False),
        (b"user-agent: newsreel\ndisallow: /a*b*c\n", "/axxbyyc/z", False),
        (b"user-agent: newsreel\ndisallow: /a$b\n", "/a$b", False),
        (b"user-agent: newsreel\ndisallow: /$\n", "/x", True),
        (b"user-agent: newsreel\ndisallow: /x # note\n", "/x", False),
    ],
)  # fmt: skip
def test_rules_are_read_as_the_standard_says(text: bytes, path: str, is_allowed: bool) -> None:
    rules = Protego.parse(normalise_robots(text, "Newsreel").decode())
    assert rules.can_fetch(f"http://a.example{path}", "Newsreel") is is_allowed
