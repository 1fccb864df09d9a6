"""Workers of a shared crawl register with the server, and the last to leave writes the joint manifest."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from crawler.frontier.streams import FrontierError, StreamTable, WorkerRegistration
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
def add_worker(server: RedisServer) -> Iterator[Callable[[int], Worker]]:
    """Makes workers, and closes their connections at the end."""
    added: list[Worker] = []

    def add_one(number: int) -> Worker:
        added.append(Worker(server, number))
        return added[-1]

    yield add_one
    for worker in added:
        worker.table.close()
        worker.registration.close()


@dataclass
class Worker:
    """One worker: its table, its registration, and the joint manifests that it wrote."""

    server: RedisServer
    number: int
    written: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = f"20260601120{self.number:03}-{self.number:06x}"
        write = self.written.append
        self.registration = WorkerRegistration(self.server.url, JOB, worker=self.run, write=write, lease_s=LEASE_S)
        self.table = StreamTable(self.server.url, JOB, new_worker=lambda: self.run, lease_s=LEASE_S)

    def register(self) -> str:
        return self.registration.register(self.build_manifest(None))

    def fetch(self) -> None:
        """Add a page and have it done, so that the crawl is open meanwhile and over again."""
        self.table.add(fingerprint=self.run.encode(), host=self.run, priority=0, data="")
        deadline = time.monotonic() + 60
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
        return self.registration.leave(self.build_manifest(reason))

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
    add_worker: Callable[[int], Worker], server: RedisServer
) -> None:
    first, second = add_worker(1), add_worker(2)
    crawl = first.register()
    assert crawl == f"20260601120001-{JOB}" == second.register()
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


def test_a_crawl_that_is_not_over_waits_for_those_who_take_it_up(add_worker: Callable[[int], Worker]) -> None:
    first = add_worker(1)
    crawl = first.register()
    first.table.add(fingerprint=b"1", host="a.example", priority=0, data="")
    first.stop()
    assert first.leave("shutdown")
    assert first.written == []
    heir = add_worker(2)
    assert heir.register() == crawl
    while not heir.table.is_over():
        heir.table.acknowledge([lease.fingerprint for lease in heir.table.lease(lambda _: 9, most=9)])
    heir.stop()
    assert heir.leave()
    assert [find_ends(joint) for joint in heir.written] == [["shutdown", "finished"]]


@pytest.mark.parametrize("is_closing", [False, True])
def test_a_killed_worker_is_listed_without_an_end(
    add_worker: Callable[[int], Worker], server: RedisServer, is_closing: bool
) -> None:
    """Whether it was killed while it crawled or while it closed its books; no worker waits longer than a lease."""
    first, killed = add_worker(1), add_worker(2)
    first.register()
    killed.register()
    first.fetch()
    if is_closing:
        killed.stop()
    first.stop()
    began = time.monotonic()
    while not first.leave():
        time.sleep(0.02)
    assert time.monotonic() - began < 10 * LEASE_S
    assert [find_ends(joint) for joint in first.written] == [["finished", None]]
    assert list_keys(server) == {"joint"}


def test_a_worker_that_was_taken_for_dead_adds_its_own_manifest(add_worker: Callable[[int], Worker]) -> None:
    first, slow = add_worker(1), add_worker(2)
    first.register()
    slow.register()
    for worker in (first, slow):
        worker.stop()
    while not first.leave():
        time.sleep(0.02)
    assert slow.leave()
    assert [find_ends(joint) for joint in first.written + slow.written] == [["finished", None], ["finished"] * 2]


def test_the_next_crawl_makes_up_for_a_last_worker_that_died(add_worker: Callable[[int], Worker]) -> None:
    last = add_worker(1)
    crawl = last.register()
    last.fetch()
    last.table.forget()
    time.sleep(1.2 * LEASE_S)
    following = add_worker(2)
    assert following.register() == f"20260601120002-{JOB}"
    assert [(joint["run"], find_ends(joint)) for joint in following.written] == [(crawl, [None])]
    third = add_worker(3)
    assert third.register() == f"20260601120002-{JOB}", "a crawl that has just begun is not over"
    assert third.written == []


def test_a_server_that_is_gone_costs_the_joint_manifest_only(
    add_worker: Callable[[int], Worker], server: RedisServer
) -> None:
    worker = add_worker(1)
    worker.register()
    server.kill()
    worker.stop()
    began = time.monotonic()
    while not worker.leave():
        time.sleep(0.02)
    assert LEASE_S <= time.monotonic() - began < 10 * LEASE_S
    assert worker.written == []
    with pytest.raises(FrontierError, match="does not answer"):
        worker.register()
