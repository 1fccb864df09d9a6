"""Workers of a shared crawl register with the server, and the last to leave writes the joint manifest."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from crawler.frontier.streams import Crew, FrontierError, StreamTable
from tests.crawler.frontier.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEASE_S = 1.0
JOB = "0123456789abcdef"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def hire(server: RedisServer) -> Iterator[Callable[[int], Worker]]:
    """Makes workers, and has all of them hang up in the end."""
    hired: list[Worker] = []

    def hire_one(number: int) -> Worker:
        hired.append(Worker(server, number))
        return hired[-1]

    yield hire_one
    for worker in hired:
        worker.table.close()
        worker.crew.close()


@dataclass
class Worker:
    """One worker: its table, its membership, and the joint manifests that it wrote."""

    server: RedisServer
    number: int
    written: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = f"20260601120{self.number:03}-{self.number:06x}"
        self.crew = Crew(self.server.url, JOB, worker=self.run, write=self.written.append, lease_s=LEASE_S)
        self.table = StreamTable(self.server.url, JOB, new_worker=lambda: self.run, lease_s=LEASE_S)

    def enlist(self) -> str:
        return self.crew.enlist(self.build_manifest(None))

    def fetch(self) -> None:
        """Add a page and have it done, so that the crawl is open meanwhile and over again."""
        self.table.add(fingerprint=self.run.encode(), host=self.run, priority=0, data="")
        deadline = time.monotonic() + 5
        while not (leases := self.table.lease(lambda _: 9, most=9)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.table.acknowledge([lease.fingerprint for lease in leases])

    def stop(self) -> None:
        """What a scheduler does when its run ends, some time before the books are closed."""
        if self.table.is_over():
            self.table.forget()
        self.table.close()

    def leave(self, reason: str = "finished") -> bool:
        return self.crew.leave(self.build_manifest(reason))

    def build_manifest(self, reason: str | None) -> dict[str, Any]:
        began_at = f"2026-06-01T12:00:{self.number:02}+00:00"
        ended_at = f"2026-06-01T13:00:{self.number:02}+00:00" if reason else None
        counts = {"pages/article": self.number} if reason else {}
        return {"run": self.run, "began_at": began_at, "ended_at": ended_at, "exit_reason": reason, "counts": counts}


def list_keys(server: RedisServer) -> set[str]:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(server.url) as client:
        return {key.decode().rpartition(":")[2] for key in client.scan_iter("newsreel:*")}


def find_ends(joint: dict[str, Any]) -> list[str | None]:
    return [worker["exit_reason"] for worker in joint["workers"]]


def test_every_worker_gets_the_manifest_that_the_last_one_joins(
    hire: Callable[[int], Worker], server: RedisServer
) -> None:
    first, second = hire(1), hire(2)
    crawl = first.enlist()
    assert crawl == f"20260601120001-{JOB}" == second.enlist()
    first.fetch()
    for worker in (first, second):
        worker.stop()
    assert not first.leave(), "the second has still to close its books"
    assert second.leave()
    assert first.leave()
    (joint,) = first.written
    assert second.written == [joint]
    assert (joint["run"], joint["counts"], find_ends(joint)) == (crawl, {"pages/article": 3}, ["finished", "finished"])
    assert list_keys(server) == {"joint"}, "which goes by itself"
    assert first.leave(), "and once more, as if the answer had been lost"
    assert first.written[1] == joint


def test_a_crawl_that_is_not_over_waits_for_those_who_take_it_up(hire: Callable[[int], Worker]) -> None:
    first = hire(1)
    crawl = first.enlist()
    first.table.add(fingerprint=b"1", host="a.example", priority=0, data="")
    first.stop()
    assert first.leave("shutdown")
    assert first.written == []
    heir = hire(2)
    assert heir.enlist() == crawl
    while not heir.table.is_over():
        heir.table.acknowledge([lease.fingerprint for lease in heir.table.lease(lambda _: 9, most=9)])
    heir.stop()
    assert heir.leave()
    assert [find_ends(joint) for joint in heir.written] == [["shutdown", "finished"]]


@pytest.mark.parametrize("is_closing", [False, True])
def test_a_killed_worker_stands_there_without_an_end(
    hire: Callable[[int], Worker], server: RedisServer, is_closing: bool
) -> None:
    """Whether it was killed while it crawled or while it closed its books; nobody waits longer than a lease."""
    first, killed = hire(1), hire(2)
    first.enlist()
    killed.enlist()
    first.fetch()
    if is_closing:
        killed.stop()
    first.stop()
    began = time.monotonic()
    while not first.leave():
        time.sleep(0.02)
    assert time.monotonic() - began < 3 * LEASE_S
    assert [find_ends(joint) for joint in first.written] == [["finished", None]]
    assert list_keys(server) == {"joint"}


def test_who_was_taken_for_dead_enters_itself(hire: Callable[[int], Worker]) -> None:
    first, slow = hire(1), hire(2)
    first.enlist()
    slow.enlist()
    for worker in (first, slow):
        worker.stop()
    while not first.leave():
        time.sleep(0.02)
    assert slow.leave()
    assert [find_ends(joint) for joint in first.written + slow.written] == [["finished", None], ["finished"] * 2]


def test_the_next_crawl_makes_up_for_a_last_worker_that_died(hire: Callable[[int], Worker]) -> None:
    last = hire(1)
    crawl = last.enlist()
    last.fetch()
    last.table.forget()
    time.sleep(1.2 * LEASE_S)
    following = hire(2)
    assert following.enlist() == f"20260601120002-{JOB}"
    assert [(joint["run"], find_ends(joint)) for joint in following.written] == [(crawl, [None])]
    third = hire(3)
    assert third.enlist() == f"20260601120002-{JOB}", "a crawl that has just begun is not over"
    assert third.written == []


def test_a_server_that_is_gone_costs_the_joint_manifest_only(
    hire: Callable[[int], Worker], server: RedisServer
) -> None:
    worker = hire(1)
    worker.enlist()
    server.kill()
    worker.stop()
    began = time.monotonic()
    while not worker.leave():
        time.sleep(0.02)
    assert LEASE_S <= time.monotonic() - began < 3 * LEASE_S
    assert worker.written == []
    with pytest.raises(FrontierError, match="does not answer"):
        worker.enlist()
