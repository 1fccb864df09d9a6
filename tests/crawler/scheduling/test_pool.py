"""Several machines keep one schedule: each source is crawled by one of them, and none is the head of the others."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from crawler.demo_site import Newspaper
from crawler.scheduling.run_outcome import Status
from crawler.scheduling.schedule import ScheduleTable
from tests.crawler.scheduling.press import Press, wait_for
from tests.postgres_server import PostgresServer
from tests.project import Data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

SOURCES = ("east", "north", "south", "west")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Press, Press, PostgresServer, str]]:
    """Two machines with a data directory each, the same sources, and one catalogue."""
    folder = tmp_path / "sources"
    folder.mkdir()
    with PostgresServer() as server, Newspaper() as paper:
        url = server.make_database()
        environment = {"NEWSREEL_CATALOGUE_URL": url}
        first, second = (Press(folder, paper, Data(tmp_path / name), environment) for name in ("first", "second"))
        yield first, second, server, url


def count_runs(press: Press) -> dict[str, int]:
    return {name: len(press.read_runs(name)) for name in SOURCES}


def test_a_pool_crawls_each_source_once(machines: tuple[Press, Press, PostgresServer, str]) -> None:
    first, second, _, url = machines
    for name in SOURCES:
        first.add(name, schedule='every = "1h"', delay="delay = 0")
    one_at_a_time = ("--once", "-s", "SCHEDULE_WORKERS=1")
    with first.start(*one_at_a_time) as here, second.start(*one_at_a_time) as there:
        outs = [process.communicate(timeout=100) for process in (here, there)]
    assert (here.returncode, there.returncode) == (0, 0), outs
    runs = [count_runs(press) for press in (first, second)]
    assert {name: runs[0][name] + runs[1][name] for name in SOURCES} == dict.fromkeys(SOURCES, 1)
    assert all(any(counts.values()) for counts in runs), "each machine has done something"
    with ScheduleTable(url, "here/1/a") as table:
        entries = table.read()
    assert {(entry.status, entry.owner) for entry in entries.values()} == {(Status.OK, "")}
    assert not (first.data.path / "schedule.sqlite").exists()


def test_a_catalogue_that_restarts_is_waited_for(machines: tuple[Press, Press, PostgresServer, str]) -> None:
    first, _, server, url = machines
    first.add("east", schedule='every = "1h"', delay="delay = 0.02")
    with first.start() as process:
        wait_for("started", process)
        while not first.paper.requests:
            time.sleep(0.02)
        server.kill()
        server.start()
        assert wait_for("finished", process)["source"] == "east"
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    with ScheduleTable(url, "here/1/a") as table:
        assert table.read()["east"].status is Status.OK


def test_a_catalogue_that_is_not_there_is_said(machines: tuple[Press, Press, PostgresServer, str]) -> None:
    first, *_ = machines
    first.add("east", schedule='every = "1h"')
    first.environment["NEWSREEL_CATALOGUE_URL"] = "postgresql://me:secret-word@127.0.0.1:1/news"
    code, _, error = first.run()
    assert code == 2
    assert "cannot reach the catalogue at postgresql://127.0.0.1:1/news" in error
    assert "secret-word" not in error
