"""What every table of leases must do, whether it is a file of this machine or a server that many share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from crawler.frontier.leases import LeaseTable
from crawler.frontier.streams import StreamTable
from tests.crawler.frontier.redis_server import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

LEASE_S = 0.6
Table = LeaseTable | StreamTable
Open = Callable[..., Table]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "streams"])
def open_table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens tables of one store; each is its own worker."""
    opened: list[Table] = []
    server = request.getfixturevalue("server") if request.param == "streams" else None

    def open_one(job: str = "job") -> Table:
        if server is None:
            table: Table = LeaseTable(tmp_path / "frontier.sqlite", job, lease_s=LEASE_S)
        else:
            table = StreamTable(server.url, f"{tmp_path.name}-{job}", lease_s=LEASE_S)
        opened.append(table)
        return table

    yield open_one
    for table in opened:
        with suppress(sqlite3.ProgrammingError):  # the test has closed it
            table.close()


def add(table: Table, *names: str, host: str = "a.example", priority: int = 0) -> None:
    for name in names:
        assert table.add(fingerprint=name.encode(), host=host, priority=priority, data=name)


def take(table: Table, most: int = 100, per_host: int = 100) -> list[str]:
    return [lease.data for lease in table.lease(lambda _: per_host, most=most)]


def test_a_request_is_seen_once(open_table: Open) -> None:
    table = open_table()
    assert table.add(fingerprint=b"\xff\x00", host="a", priority=0, data="潮")
    assert not table.add(fingerprint=b"\xff\x00", host="a", priority=0, data="潮")
    (lease,) = table.lease(lambda _: 9, most=9)
    assert (lease.fingerprint, lease.host, lease.data) == (b"\xff\x00", "a", "潮")
    table.acknowledge([lease.fingerprint])
    assert not table.add(fingerprint=b"\xff\x00", host="a", priority=0, data="潮")
    assert table.add(fingerprint=b"\xff\x00", host="a", priority=0, data="潮", again=True)
    assert take(table) == ["潮"]


def test_what_is_leased_is_leased_to_nobody_else(open_table: Open) -> None:
    table, other = open_table(), open_table()
    add(table, "1", "2")
    assert take(table, most=1) == ["1"]
    assert "1" not in take(other) + take(table)


def test_higher_priority_goes_first_and_equals_in_order_of_arrival(open_table: Open) -> None:
    table = open_table()
    add(table, "low1", "low2")
    add(table, "deep", priority=-3)
    add(table, "high1", "high2", priority=11)
    add(table, "middle", priority=9)
    assert take(table, most=4) == ["high1", "high2", "middle", "low1"]
    assert take(table) == ["low2", "deep"]


def test_no_host_takes_more_than_its_share(open_table: Open) -> None:
    table = open_table()
    add(table, *(f"a{n}" for n in range(9)), priority=5)
    add(table, "b1", host="b.example")
    assert sorted(take(table, per_host=2)) == ["a0", "a1", "b1"]


def test_a_host_without_anything_pending_takes_no_room_from_others(open_table: Open) -> None:
    table = open_table()
    add(table, "a1", "a2")
    add(table, "b1", "b2", host="b.example")
    assert sorted(take(table, per_host=1)) == ["a1", "b1"]
    assert sorted(take(table)) == ["a2", "b2"]
    add(table, "c1", host="c.example")
    assert take(table, most=1) == ["c1"]


def test_a_lease_that_is_not_renewed_falls_back(open_table: Open) -> None:
    table, other = open_table(), open_table()
    add(table, "1", "2")
    assert take(table) == ["1", "2"]
    for _ in range(6):
        time.sleep(LEASE_S / 4)
        table.renew()
        assert take(other) == []
    time.sleep(1.2 * LEASE_S)
    assert take(other) == ["1", "2"]
    assert not isinstance(other, StreamTable) or other.reclaimed == 2


def test_who_wakes_too_late_takes_nothing_away(open_table: Open) -> None:
    """A worker that was held up acknowledges what it did; nothing is counted twice, nothing comes back."""
    table, other = open_table(), open_table()
    add(table, "1", "2")
    first = table.lease(lambda _: 9, most=9)
    time.sleep(1.2 * LEASE_S)
    assert take(other) == ["1", "2"]
    table.renew()
    assert take(table) == []
    table.acknowledge([first[0].fingerprint])
    other.acknowledge([b"1", b"2"])
    assert (table.is_over(), other.count_open()) == (True, 0)


def test_what_is_released_is_taken_again_in_its_place(open_table: Open) -> None:
    table = open_table()
    add(table, "1", "2", "3")
    leases = table.lease(lambda _: 2, most=2)
    table.release([leases[0].fingerprint, leases[1].fingerprint])
    assert take(table, most=1) == ["1"]
    assert take(table) == ["2", "3"]


def test_closing_gives_back_what_was_not_done(open_table: Open) -> None:
    table, other = open_table(), open_table()
    add(table, "1", "2")
    leases = other.lease(lambda _: 9, most=9)
    other.acknowledge([leases[0].fingerprint])
    other.close()
    assert take(table) == ["2"]


def test_jobs_do_not_see_each_other(open_table: Open) -> None:
    table, other = open_table(), open_table("other")
    add(table, "1")
    assert other.is_over()
    other.forget()
    assert take(table) == ["1"]


def test_a_job_is_over_when_nothing_is_pending_or_leased(open_table: Open) -> None:
    table, other = open_table(), open_table()
    assert table.is_over()
    add(table, "1")
    assert not other.is_over()
    (lease,) = table.lease(lambda _: 9, most=9)
    assert (other.is_over(), other.count_open()) == (False, 1)
    table.acknowledge([lease.fingerprint])
    assert (other.is_over(), other.count_open()) == (True, 0)


def test_a_forgotten_job_starts_over(open_table: Open) -> None:
    table = open_table()
    add(table, "1", "2")
    (lease,) = table.lease(lambda _: 1, most=1)
    table.acknowledge([lease.fingerprint])
    table.forget()
    assert (table.is_over(), take(table)) == (True, [])
    add(table, "1", "2")
    assert take(table) == ["1", "2"]


def test_who_leases_a_host_may_ask_it(open_table: Open) -> None:
    table = open_table()
    add(table, "1")
    assert take(table) == ["1"]
    assert table.holds("a.example")


def test_the_pauses_of_hosts_outlive_their_worker_and_end_by_themselves(open_table: Open) -> None:
    table = open_table()
    assert table.find_pauses() == {}
    table.note_pause("a.example", 500)
    table.note_pause("a.example", 5)  # a longer pause stays
    table.note_pause("b.example", 0.2)
    table.close()
    other = open_table()
    assert 400 < other.find_pauses()["a.example"] <= 500
    deadline = time.monotonic() + 60
    while "b.example" in other.find_pauses():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert other.find_pauses().keys() == {"a.example"}
