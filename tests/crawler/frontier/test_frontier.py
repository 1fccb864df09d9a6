"""The frontier as a crawl uses it: killed at random moments, every page is fetched and every post written once."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request, Spider
from scrapy.http import JsonRequest

from crawler.frontier.request_data import dump_request, load_request
from tests.crawler.bigpaper import BigPaper
from tests.project import LOOPBACK, Data, Process, hash_tree, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

KILLS = 6
ARTICLES = 400
PAGES_BETWEEN_KILLS = 60  # at most: so few that the crawl cannot end before its last death
# Pages in progress and pages whose acknowledgement waits for a sync; what is leased is fetched again.
LEASED_AT_MOST = 120


def start_crawl(source: Path, data: Data) -> Process:
    settings = {**LOOPBACK, "LOG_LEVEL": "ERROR"}
    return start_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)


def await_tally(paper: BigPaper, asked: int, process: Process) -> None:
    """Wait until so many requests came in; counting pages, not seconds, makes the machine's speed irrelevant."""
    deadline = time.monotonic() + 60
    while sum(paper.tally.values()) < asked:
        assert process.poll() is None, "the crawl ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def read_payloads(data: Data) -> set[str]:
    lines = [
        line for path in (data.collection("big") / "indexes").glob("*.cdxj") for line in path.read_text().splitlines()
    ]
    return {line.split('"digest": "')[1].split('"')[0] for line in lines if '"status": "200"' in line}


def test_a_crawl_killed_again_and_again_ends_as_if_it_had_not_been(data: Data, tmp_path: Path) -> None:
    chance = random.Random(7)
    source = tmp_path / "big.toml"
    with BigPaper(ARTICLES, delay_s=0.005) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        calm = Data(tmp_path / "calm")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=calm, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        asked_calmly = paper.tally
        assert {path: asked_calmly[path] for path in paper.pages} == dict.fromkeys(paper.pages, 1)

        for _ in range(KILLS):
            already = sum(paper.tally.values())
            process = start_crawl(source, data)
            await_tally(paper, already + chance.randint(1, PAGES_BETWEEN_KILLS), process)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        asked = paper.tally - asked_calmly
    assert set(asked) >= paper.pages
    assert sum(asked[path] for path in paper.pages) <= len(paper.pages) + KILLS * LEASED_AT_MOST
    assert hash_tree(data.posts("big")) == hash_tree(calm.posts("big"))
    assert len(hash_tree(data.posts("big"))) == ARTICLES
    assert read_payloads(data) == read_payloads(calm)
    done = run_scrapy("verify", "big", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_crawl_that_is_asked_to_stop_is_taken_up_without_fetching_again(data: Data, tmp_path: Path) -> None:
    source = tmp_path / "big.toml"
    with BigPaper(300, delay_s=0.01) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        process = start_crawl(source, data)
        while sum(paper.tally.values()) < 80:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert 0 < sum(paper.tally.values()) < 250
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        assert "Resuming an unfinished run" in done.stderr
        twice = {path for path, count in paper.tally.items() if count > 1}
        assert "/" in twice, "what is new comes first, also where a run is continued"
        assert {path: paper.tally[path] for path in paper.pages - twice} == dict.fromkeys(paper.pages - twice, 1)
        assert not any(path.startswith("/a/") for path in twice)
    assert len(hash_tree(data.posts("big"))) == 300


def test_a_finished_crawl_starts_over(data: Data, tmp_path: Path) -> None:
    source = tmp_path / "big.toml"
    with BigPaper(20) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        for _ in range(2):
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
            assert done.returncode == 0, done.stderr
        assert paper.tally == dict.fromkeys(paper.pages, 2)


def test_two_processes_share_one_frontier(data: Data, tmp_path: Path) -> None:
    """Between them every page is fetched exactly once."""
    source = tmp_path / "big.toml"
    with BigPaper(300, delay_s=0.02) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        processes = [start_crawl(source, data) for _ in range(2)]
        assert [process.wait(timeout=60) for process in processes] == [0, 0]
        assert paper.tally == dict.fromkeys(paper.pages, 1)
    assert len(hash_tree(data.posts("big"))) == 300
    assert len(data.warcs("big")) == 2


class _Spider(Spider):
    name = "s"

    def parse_page(self, response: object) -> None:
        """A callback."""


HEADERS = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True),
    st.binary(max_size=9).filter(lambda b: b"\n" not in b),
    max_size=3,
)


@given(
    st.sampled_from(["http://a.example/", "https://b.example/x?q=%E6%BD%AE"]),
    st.sampled_from(["GET", "POST"]),
    HEADERS,
    st.binary(max_size=40),
    st.integers(-9, 9),
    st.booleans(),
    st.dictionaries(
        st.text(max_size=5), st.integers() | st.text(max_size=5) | st.lists(st.booleans(), max_size=2), max_size=3
    ),
)
def test_a_request_survives_as_data(
    url: str,
    method: str,
    headers: dict[str, bytes],
    body: bytes,
    priority: int,
    dont_filter: bool,
    meta: dict[str, object],
) -> None:
    spider = _Spider()
    request = Request(
        url,
        method=method,
        headers=headers,
        body=body,
        priority=priority,
        dont_filter=dont_filter,
        meta=meta,
        callback=spider.parse_page,
    )
    again = load_request(dump_request(request, spider), spider)
    assert again.to_dict(spider=spider) == request.to_dict(spider=spider)


def test_a_request_that_holds_more_than_data_is_refused() -> None:
    with pytest.raises(TypeError):
        dump_request(Request("http://a.example/", meta={"open": object()}), _Spider())


def test_the_kind_of_a_request_and_its_cookies_survive() -> None:
    spider = _Spider()
    request = JsonRequest("http://a.example/", data={"q": "潮"}, cookies={"a": "b"}, callback=spider.parse_page)
    again = load_request(dump_request(request, spider), spider)
    assert type(again) is JsonRequest
    assert again.to_dict(spider=spider) == request.to_dict(spider=spider)


def test_a_proxy_that_a_spider_chooses_survives() -> None:
    headers = {"Proxy-Authorization": "Basic dXM6c2VjcmV0"}
    meta = {"proxy": "http://proxy.example:3128", "_auth_proxy": "http://proxy.example:3128"}
    request = Request("http://a.example/", headers=headers, meta=meta)
    assert load_request(dump_request(request, None), None).to_dict() == request.to_dict()


def test_a_callback_that_is_no_method_of_the_spider_is_refused() -> None:
    for callback in (_Spider().parse_page, print, lambda response: None):
        with pytest.raises(ValueError, match="is not a method of the spider"):
            dump_request(Request("http://a.example/", callback=callback), _Spider())
