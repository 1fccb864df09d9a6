"""The lease table: pending, leased, done; nothing lost when a worker dies, nothing handed out twice while it lives."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from crawler.frontier.leases import Lease, LeaseTable
from tests.clock import Clock
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def table(tmp_path: Path, clock: Clock) -> Iterator[LeaseTable]:
    table = LeaseTable(tmp_path / "frontier.sqlite", "job", clock=clock)
    yield table
    table.close()


def add(table: LeaseTable, *names: str, host: str = "a.example", priority: int = 0) -> None:
    for name in names:
        table.add(fingerprint=name.encode(), host=host, priority=priority, data=name)


def take(table: LeaseTable, most: int = 100, per_host: int = 100) -> list[str]:
    return [lease.data for lease in table.lease(lambda _: per_host, most=most)]


def test_a_request_is_seen_once(table: LeaseTable) -> None:
    assert table.add(fingerprint=b"1", host="a", priority=0, data="x")
    assert not table.add(fingerprint=b"1", host="a", priority=0, data="x")
    (lease,) = table.lease(lambda _: 9, most=9)
    table.acknowledge([lease.fingerprint])
    assert not table.add(fingerprint=b"1", host="a", priority=0, data="x")
    assert table.add(fingerprint=b"1", host="a", priority=0, data="x", again=True)


def test_higher_priority_goes_first_and_equals_in_order_of_arrival(table: LeaseTable) -> None:
    add(table, "low1", "low2")
    add(table, "high1", "high2", priority=9)
    assert take(table, most=3) == ["high1", "high2", "low1"]
    assert take(table) == ["low2"]


def test_no_host_takes_more_than_its_share(table: LeaseTable) -> None:
    add(table, *(f"a{n}" for n in range(9)), priority=5)
    add(table, "b1", host="b.example")
    assert sorted(take(table, per_host=2)) == ["a0", "a1", "b1"]


def test_a_lease_that_is_not_renewed_falls_back(tmp_path: Path, table: LeaseTable, clock: Clock) -> None:
    add(table, "1", "2")
    assert take(table) == ["1", "2"]
    other = LeaseTable(tmp_path / "frontier.sqlite", "job", clock=clock)
    clock.now += 59
    assert take(other) == []
    table.renew()
    clock.now += 59
    assert take(other) == []
    clock.now += 2
    assert take(other) == ["1", "2"]
    other.close()


def test_closing_gives_back_what_was_not_done(tmp_path: Path, table: LeaseTable) -> None:
    add(table, "1", "2")
    other = LeaseTable(tmp_path / "frontier.sqlite", "job")
    leases: list[Lease] = other.lease(lambda _: 9, most=9)
    other.acknowledge([leases[0].fingerprint])
    other.close()
    assert take(table) == ["2"]


def test_jobs_do_not_see_each_other(tmp_path: Path, table: LeaseTable) -> None:
    add(table, "1")
    other = LeaseTable(tmp_path / "frontier.sqlite", "other")
    assert other.is_over()
    other.forget()
    other.close()
    assert take(table) == ["1"]


def test_a_job_is_over_when_nothing_is_pending_or_leased(table: LeaseTable) -> None:
    assert table.is_over()
    add(table, "1")
    assert not table.is_over()
    (lease,) = table.lease(lambda _: 9, most=9)
    assert (table.is_over(), table.count_open()) == (False, 1)
    table.acknowledge([lease.fingerprint])
    assert (table.is_over(), table.count_open()) == (True, 0)


def test_the_leases_of_a_killed_process_are_taken_back_at_once(tmp_path: Path) -> None:
    """Its lock is free, so nobody waits for the lease to run out; a living process keeps its own."""
    path = tmp_path / "frontier.sqlite"
    script = (
        "import sys, time; from pathlib import Path; from crawler.frontier.leases import LeaseTable\n"
        f"table = LeaseTable(Path({str(path)!r}), 'job')\n"
        "table.add(fingerprint=b'1', host='a', priority=0, data='1')\n"
        "print(len(table.lease(lambda _: 9, most=9)), flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        living = LeaseTable(path, "job")
        assert (living.reclaimed, take(living)) == (0, [])
        process.kill()
        process.wait()
        heir = LeaseTable(path, "job")
        assert (heir.reclaimed, take(heir)) == (1, ["1"])
        heir.close()
        living.close()


def test_leasing_reads_no_more_rows_the_more_are_waiting(tmp_path: Path) -> None:
    """Counted in SQLite's own steps, which are the same on any machine."""
    steps = {}
    for waiting in (500, 5000):
        table = LeaseTable(tmp_path / f"{waiting}.sqlite", "job")
        for number in range(waiting):
            add(table, f"{number}", host=f"h{number % 5}.example")
        counted = [0]

        def count(counted: list[int] = counted) -> int:
            counted[0] += 1
            return 0

        table._database.set_progress_handler(count, 10)
        leases = table.lease(lambda _: 4, most=16)
        table.acknowledge(lease.fingerprint for lease in leases)
        assert not table.is_over()
        table._database.set_progress_handler(None, 0)
        table.close()
        assert len(leases) == 16
        steps[waiting] = counted[0]
    assert steps[5000] < 1.5 * steps[500]
