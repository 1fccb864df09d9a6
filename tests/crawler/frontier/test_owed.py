"""What could not be fetched is remembered, requested less and less often, and given up only where it is gone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from crawler.frontier.owed import FILE_NAME, Debt, OwedTable, count_owed
from crawler.frontier.streams import SharedOwedTable
from tests.clock import Clock
from tests.crawler.frontier.redis_server import RedisServer
from tests.project import LOOPBACK, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Open = Callable[..., OwedTable]
HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["file", "server"])
def open_table(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens tables of one store: those of a server as workers on several machines do, each with its own file."""
    server = request.getfixturevalue("server") if request.param == "server" else None

    def open_one(source: str = "weir", machine: str = "") -> OwedTable:
        if server is None:
            return opened.enter_context(closing(OwedTable(tmp_path / FILE_NAME, source, clock=clock)))
        path = tmp_path / f"{machine}{FILE_NAME}"
        return opened.enter_context(closing(SharedOwedTable(server.url, tmp_path.name, path, source, clock=clock)))

    with ExitStack() as opened:
        yield open_one


@pytest.fixture
def table(open_table: Open) -> OwedTable:
    return open_table()


def article(url: str, reason: str = "http_503") -> Debt:
    return Debt(url=url, kind="article", reason=reason)


def test_pauses_grow_to_a_week(table: OwedTable, clock: Clock) -> None:
    asked: list[float] = []
    began = clock.now
    while clock.now < began + 60 * DAY:
        if table.list_due() or not asked:
            asked.append((clock.now - began) / HOUR)
            table.add([article("http://h/1")])
        clock.now += HOUR
    assert asked[:6] == [0, 1, 2, 4, 8, 16]
    assert max(later - earlier for earlier, later in pairwise(asked)) == 7 * 24
    assert len(table) == 1


def test_what_is_had_is_owed_no_longer(table: OwedTable, open_table: Open, tmp_path: Path) -> None:
    table.add([article("http://h/1"), Debt(url="http://h/p/2", kind="next", edge=("http://h/0",))])
    assert [debt.url for debt in table.list_due()] == ["http://h/p/2", "http://h/1"]
    assert table.list_due()[0].edge == ("http://h/0",)
    assert count_owed(tmp_path / FILE_NAME)["weir"].count == 2
    assert table.settle("http://h/1")
    assert not table.settle("http://h/1")
    table.close()
    again = open_table(machine="second-")
    assert (len(again), "http://h/p/2" in again, "http://h/1" in again) == (1, True, False)
    assert [debt.edge for debt in again.list_due()] == [("http://h/0",)]
    assert len(open_table("other")) == 0


def test_a_list_is_believed_rather_than_the_pause_of_a_page_that_failed_twice(table: OwedTable, clock: Clock) -> None:
    waits = []
    for _ in range(4):
        table.add([article("http://h/1")])
        waits.append(table.is_waiting("http://h/1"))
    assert waits == [False, False, True, True]
    clock.now += 5 * HOUR
    assert not table.is_waiting("http://h/1")
    assert not table.is_waiting("http://h/2")


def test_refusals_are_remembered_by_source_also_in_a_file_of_before(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    OwedTable(path, "weir").close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE refusals")
        database.execute("ALTER TABLE owed DROP COLUMN is_shared")
        database.execute("PRAGMA user_version = 1")
    table = OwedTable(path, "weir")
    assert table.count_refusals() == 0
    table.note_refusals(7)
    table.close()
    assert (OwedTable(path, "weir").count_refusals(), OwedTable(path, "other").count_refusals()) == (7, 0)


@pytest.mark.parametrize(
    ("reason", "age", "is_kept"),
    [
        ("http_404", 6 * DAY, True),
        ("http_404", 8 * DAY, False),
        ("http_410", 0, False),
        ("http_403", 300 * DAY, True),
        ("http_403", 500 * DAY, False),
    ],
)
def test_only_what_is_gone_is_given_up(
    table: OwedTable, clock: Clock, reason: str, age: float, *, is_kept: bool
) -> None:
    table.add([article("http://h/1")])
    clock.now += age
    assert table.add([article("http://h/1", reason)]) == (not is_kept)
    assert len(table) == is_kept


def test_a_walk_is_remembered_by_its_rules(table: OwedTable, open_table: Open) -> None:
    assert not table.has_walked("a")
    table.note_walk("a")
    table.note_walk("b")
    assert [table.has_walked(rules) for rules in "ab"] == [False, True]
    table.note_refusals(7)
    again = open_table(machine="second-")
    assert [again.has_walked(rules) for rules in "ab"] == [False, True]
    assert (again.count_refusals(), open_table("other").count_refusals()) == (7, 0)


def test_pauses_keep_growing_for_any_process(table: OwedTable, open_table: Open, clock: Clock) -> None:
    """Each try is of another machine: the fourth waits for four hours."""
    table.add([article("http://h/1")])
    for number in range(3):
        worker = open_table(machine=f"{number}-")
        clock.now += 8 * HOUR
        assert [debt.tries for debt in worker.list_due()] == [number + 1]
        worker.add([article("http://h/1")])
    assert open_table(machine="last-").is_waiting("http://h/1")


def open_shared(url: str, path: Path, source: str = "weir") -> closing[SharedOwedTable]:
    return closing(SharedOwedTable(url, path.parent.name, path, source))


def test_a_server_takes_over_what_a_machine_owed_before(server: RedisServer, tmp_path: Path) -> None:
    first, second = tmp_path / FILE_NAME, tmp_path / f"second-{FILE_NAME}"
    with closing(OwedTable(first, "weir")) as table:
        table.add([article("http://h/1")])
    with open_shared(server.url, first), open_shared(server.url, second) as other:
        assert other.settle("http://h/1")
        other.note_walk("a")
    with open_shared(server.url, first) as table:
        assert len(table) == 0
    assert count_owed(first) == {}


def test_a_server_merges_what_each_machine_owed_before(server: RedisServer, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}-{FILE_NAME}" for number in range(2)]
    for number, path in enumerate(files):
        with closing(OwedTable(path, "weir")) as table:
            table.add([article("http://h/both", f"of {number}"), article(f"http://h/{number}")])
    with open_shared(server.url, files[0]), open_shared(server.url, files[1]) as second:
        reasons = {debt.url: debt.reason for debt in second.list_due(is_all=True)}
        assert reasons.keys() == {"http://h/both", "http://h/0", "http://h/1"}
        assert reasons["http://h/both"] == "of 0", "the server's row stays"
        assert second.settle("http://h/0")
    with open_shared(server.url, files[0]) as first:
        assert {debt.url for debt in first.list_due(is_all=True)} == {"http://h/both", "http://h/1"}


def test_a_server_without_its_data_gets_what_an_earlier_one_had(server: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with RedisServer(tmp_path) as earlier, open_shared(earlier.url, path) as table:
        table.add([article("http://h/1")])
    with open_shared(server.url, path) as table:
        assert "http://h/1" in table
    with open_shared(server.url, tmp_path / f"second-{FILE_NAME}") as other:
        assert "http://h/1" in other


def test_what_could_not_be_sent_in_a_run_is_sent_in_the_next(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        with open_shared(server.url, tmp_path / FILE_NAME) as table:
            table.note_walk("a")
            server.kill()
            table.add([article("http://h/1")])
        server.start()
        with open_shared(server.url, tmp_path / FILE_NAME) as table:
            assert "http://h/1" in table
        with open_shared(server.url, tmp_path / f"second-{FILE_NAME}") as other:
            assert "http://h/1" in other


def test_what_is_noted_while_the_server_is_away_is_sent_when_it_is_back(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, open_shared(server.url, tmp_path / FILE_NAME) as table:
        server.kill()
        table.add([article("http://h/1")])
        assert "http://h/1" in table
        server.start()
        deadline, met = time.monotonic() + 60, 0
        while not met:
            assert time.monotonic() < deadline
            table.note_walk("a")
            with open_shared(server.url, tmp_path / f"second-{FILE_NAME}") as other:
                met = len(other)


def test_a_crawl_owes_on_the_server_of_its_frontier(server: RedisServer, tmp_path: Path) -> None:
    """The site answers 503 to one article; another machine then knows."""
    source = tmp_path / "weir.toml"
    with WireServer({"/": build_response(b'<a href="/a1">One</a>'), "/a1": build_response(status="503 No")}) as site:
        rules = '[links]\narticle = ["/a[0-9]$"]\n'
        source.write_text(
            f'name = "weir"\ntimezone = "UTC"\nscope = ["{site.base_url}/"]\nseeds = ["{site.base_url}/"]\n{rules}',
            "utf-8",
        )
        settings = {**LOOPBACK, "RETRY_ENABLED": False, "FRONTIER_URL": server.url}
        given = ("-a", f"source={source}", "-a", f"collection={tmp_path.name}")
        done = run_scrapy("crawl", "category", *given, data=tmp_path / "data", settings=settings)
        assert "pages/failed/article': 1" in done.stderr, done.stderr
        with open_shared(server.url, tmp_path / "second.sqlite") as other:
            assert site.url("/a1") in other
