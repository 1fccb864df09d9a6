"""A frontier that several workers share: hosts kept apart, nothing lost when a worker or the server dies."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from crawler.frontier.streams import FrontierError, StreamTable
from crawler.frontier.streams.server import describe_url
from tests.crawler.frontier.redis_server import RedisServer
from tests.crawler.scheduling.manypapers import ManyPapers
from tests.project import LOOPBACK, ROOT, Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEASE_S = 0.6
NUMBERS = itertools.count(1)
HOSTS = ("a.example", "b.example", "c.example", "d.example")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


def open_table(server: RedisServer, *, rest_s: float = 0.0) -> StreamTable:
    return StreamTable(server.url, "job", lease_s=LEASE_S, rest=lambda _: rest_s)


def fill(table: StreamTable, *hosts: str, pages: int = 3) -> None:
    for host in hosts:
        for page in range(pages):
            name = f"{host}/{page}"
            table.add(fingerprint=name.encode(), host=host, priority=0, data=name)


def take_hosts(table: StreamTable, per_host: int = 1) -> dict[str, list[bytes]]:
    taken: dict[str, list[bytes]] = {}
    for lease in table.lease(lambda _: per_host, most=100):
        taken.setdefault(lease.host, []).append(lease.fingerprint)
    return taken


# Hosts


def test_workers_share_the_hosts_evenly_and_never_one_host(server: RedisServer) -> None:
    first, second = open_table(server), open_table(server)
    fill(first, *HOSTS)
    assert (len(take_hosts(first)), len(take_hosts(second))) == (4, 0), "the first is alone until the second speaks"
    assert set(take_hosts(first)) == set(HOSTS[:2])
    assert take_hosts(second) == {}, "what is under way at a host keeps it with its worker"
    first.acknowledge([f"{host}/0".encode() for host in HOSTS])
    take_hosts(first)
    assert set(take_hosts(second)) == set(HOSTS[2:])
    assert [first.holds(host) for host in HOSTS] == [True, True, False, False]


def test_a_host_rests_before_another_worker_may_ask_it(server: RedisServer) -> None:
    first, second = open_table(server, rest_s=0.5), open_table(server)
    fill(first, "a.example")
    assert take_hosts(first) == {"a.example": [b"a.example/0"]}
    first.close()
    began = time.monotonic()
    assert take_hosts(second) == {}
    while not (taken := take_hosts(second)):
        time.sleep(0.01)
    assert taken == {"a.example": [b"a.example/0"]}
    assert 0.4 < time.monotonic() - began < 2


def test_a_worker_that_fell_silent_holds_nothing(server: RedisServer) -> None:
    """It knows so by its own clock, even before anybody else takes its hosts."""
    table = open_table(server)
    fill(table, "a.example")
    take_hosts(table)
    assert table.holds("a.example")
    time.sleep(LEASE_S)
    assert not table.holds("a.example")


def test_a_job_that_others_are_at_is_not_forgotten(server: RedisServer) -> None:
    first, second = open_table(server), open_table(server)
    fill(first, "a.example")
    take_hosts(second)
    first.forget()
    assert first.count_open() == 3
    second.close()
    first.forget()
    assert first.count_open() == 0


# The server


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--appendonly", "no"], "set appendonly yes"),
        (["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"], "set maxmemory-policy noeviction"),
        (["--requirepass", "hunter2"], "[Aa]uthentication"),
    ],
)
def test_a_server_that_could_lose_pages_is_refused(tmp_path: Path, options: list[str], words: str) -> None:
    with RedisServer(tmp_path, *options) as server, pytest.raises(FrontierError, match=words):
        open_table(server)


def test_nobody_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    with pytest.raises(FrontierError, match=rf"redis://127.0.0.1:{server.port}/0 cannot be used"):
        open_table(server)
    with pytest.raises(FrontierError, match="must begin with"):
        StreamTable("http://127.0.0.1/", "job")


def test_a_crawl_says_what_is_wrong_with_its_server(data: Data, tmp_path: Path) -> None:
    with ManyPapers(1, 1) as papers, RedisServer(tmp_path, "--appendonly", "no") as server:
        source = tmp_path / "many.toml"
        source.write_text(papers.source_toml(), "utf-8")
        environment = {"NEWSREEL_FRONTIER_URL": server.url.replace("//", "//:not-a-secret@")}
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, environment=environment)
        assert (done.returncode, papers.log) == (2, [])
    assert "FRONTIER_URL" in done.stderr
    assert "not-a-secret" not in done.stderr


def test_a_password_is_never_said(tmp_path: Path) -> None:
    assert describe_url("rediss://me:hunter2@r.example:6380/1?password=hunter2") == "rediss://r.example:6380/1"
    with RedisServer(tmp_path, "--requirepass", "hunter2") as server:
        url = server.url.replace("//", "//:{}@")
        StreamTable(url.format("hunter2"), "job").close()
        with pytest.raises(FrontierError) as caught:
            StreamTable(url.format("wrong-password"), "job")
    assert "wrong-password" not in str(caught.value) + str(caught.value.__cause__)


def test_while_the_server_is_dead_nothing_is_handed_out_and_nothing_is_lost(server: RedisServer) -> None:
    table = open_table(server)
    fill(table, "a.example")
    assert take_hosts(table) == {"a.example": [b"a.example/0"]}
    server.kill()
    fill(table, "b.example")
    table.acknowledge([b"a.example/0"])
    table.renew()
    assert (take_hosts(table), table.is_over()) == ({}, False)
    server.start()
    deadline = time.monotonic() + 10
    found: dict[str, list[bytes]] = {}
    while set(found) != {"a.example", "b.example"} and time.monotonic() < deadline:
        found |= take_hosts(table)
        time.sleep(0.05)
    assert found == {"a.example": [b"a.example/1"], "b.example": [b"b.example/0"]}
    assert table.count_open() == 5


def test_a_server_that_is_full_pauses_the_crawl(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--maxmemory", "3mb") as server:
        table = open_table(server)
        for number in range(3000):
            table.add(fingerprint=b"%d" % number, host="a", priority=0, data="x" * 1000)
        assert take_hosts(table) == {}
        assert not table.is_over()


# Crawls


def start_crawl(source: Path, data: Data, url: str = "", *, delay: float = 0) -> subprocess.Popen[bytes]:
    settings: dict[str, object] = {**LOOPBACK, "DATA_DIR": data.path, "LOG_LEVEL": "ERROR", "FRONTIER_LEASE": 4}
    settings |= {"DOWNLOAD_DELAY": delay, "DOWNLOAD_DELAY_JITTER": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 2}
    settings |= {"FRONTIER_URL": url, "USER_AGENT": f"worker-{next(NUMBERS)}"}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options], cwd=ROOT
    )


def start_workers(papers: ManyPapers, count: int, *crawl: Any, delay: float) -> list[subprocess.Popen[bytes]]:
    """Start workers; no page is served before all of them are there, or who is late would begin the next crawl."""
    papers.is_open = False
    processes = [start_crawl(*crawl, delay=delay) for _ in range(count)]
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(crawl[-1]) as client:
        deadline = time.monotonic() + 120
        while sum(client.zcard(key) for key in client.scan_iter("newsreel:*:workers")) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    papers.is_open = True
    return processes


def await_requests(papers: ManyPapers, count: int, *processes: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while len(papers.log) < count and any(process.poll() is None for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def verify_manners(papers: ManyPapers, *, delay: float) -> None:
    """No host saw more than two requests at once, or was asked sooner than allowed, whoever asked."""
    for host in papers.hosts:
        assert papers.find_most_at_once(host) <= 2
        assert papers.find_mean_gap(host) >= 0.95 * delay
        for last, first in papers.list_handovers(host):
            assert first.began - last.ended >= 0.9 * delay, (last, first)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_make_what_one_process_makes(tmp_path: Path, server: RedisServer, workers: int) -> None:
    """The same posts; each page fetched once; no host asked more often or by more at once than allowed."""
    source, data, alone = tmp_path / "many.toml", Data(tmp_path / "data"), Data(tmp_path / "alone")
    with ManyPapers(5, 20, latency_s=0.03) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        assert start_crawl(source, alone).wait(60) == 0
        papers.log.clear()
        processes = start_workers(papers, workers, source, data, server.url, delay=0.06)
        assert {process.wait(60) for process in processes} == {0}
        assert papers.tally == dict.fromkeys(papers.pages, 1)
        verify_manners(papers, delay=0.06)
    assert hash_tree(data.posts("many")) == hash_tree(alone.posts("many"))
    assert len(data.warcs("many")) == workers
    done = run_scrapy("verify", "many", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workers_and_the_server_killed_at_random_lose_nothing(tmp_path: Path, server: RedisServer) -> None:
    chance = random.Random(11)
    source, data = tmp_path / "many.toml", Data(tmp_path / "data")
    with ManyPapers(4, 40, latency_s=0.02) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        workers = start_workers(papers, 3, source, data, server.url, delay=0.05)
        for number in range(4):
            await_requests(papers, len(papers.log) + chance.randint(5, 25), *workers)
            if number % 2:
                server.kill()
                time.sleep(0.3)
                server.start()
            else:
                victim = workers.pop(chance.randrange(len(workers)))
                victim.send_signal(signal.SIGKILL)
                victim.wait()
        assert [worker.wait(90) for worker in workers] == [0]
        assert set(papers.tally) == papers.pages
        assert sum(papers.tally.values()) <= len(papers.pages) + 2 * 16
        verify_manners(papers, delay=0.05)
    assert len(hash_tree(data.posts("many"))) == 160
    # What the dead left open the next run would close.
    subprocess.run([sys.executable, "-m", "archives", "recover", data.collection("many")], cwd=ROOT, check=True)
    done = run_scrapy("verify", "many", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
