"""A frontier that several workers share: hosts kept apart, nothing lost when a worker or the server dies."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from archives.urls import describe_url
from crawler.frontier.streams import FrontierError, StreamTable
from tests.crawler.frontier.redis_server import RedisServer
from tests.crawler.manypapers import ManyPapers
from tests.project import Data, run_scrapy

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


def test_of_very_many_hosts_a_worker_holds_a_handful_and_all_are_done(server: RedisServer) -> None:
    """Neither what is asked of the server nor what a worker has grows with the number of hosts."""
    first, second = open_table(server), open_table(server)
    hosts = {f"h{number}.example" for number in range(1500)}
    for host in hosts:
        fill(first, host, pages=1)
    done: list[str] = []
    tables = [first, second]
    while not first.is_over():
        for table in tables:
            leases = table.lease(lambda _: 1, most=100)
            done += [lease.host for lease in leases]
            table.acknowledge([lease.fingerprint for lease in leases])
            assert len(table._held) <= 256
            assert not first._held & second._held
    assert sorted(done) == sorted(hosts)


def test_a_host_rests_before_another_worker_may_ask_it(server: RedisServer) -> None:
    first, second = open_table(server, rest_s=0.5), open_table(server)
    fill(first, "a.example")
    assert take_hosts(first) == {"a.example": [b"a.example/0"]}
    began = time.monotonic()
    first.close()
    assert take_hosts(second) == {}
    while not (taken := take_hosts(second)):
        time.sleep(0.01)
    assert taken == {"a.example": [b"a.example/0"]}
    assert time.monotonic() - began > 0.49  # the server counts milliseconds


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
    deadline = time.monotonic() + 60
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
