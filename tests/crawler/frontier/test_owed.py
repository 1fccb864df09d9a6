"""What was wanted and not had is remembered, asked for ever more rarely, and given up only where it is gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from crawler.frontier.owed import FILE_NAME, Debt, OwedTable, count_owed
from tests.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(tmp_path: Path, clock: Clock) -> OwedTable:
    return OwedTable(tmp_path / FILE_NAME, "weir", clock=clock)


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


def test_what_is_had_is_owed_no_longer(table: OwedTable, tmp_path: Path) -> None:
    table.add([article("http://h/1"), Debt(url="http://h/p/2", kind="next", edge=("http://h/0",))])
    assert [debt.url for debt in table.list_due()] == ["http://h/p/2", "http://h/1"]
    assert table.list_due()[0].edge == ("http://h/0",)
    assert count_owed(tmp_path / FILE_NAME)["weir"].count == 2
    assert table.settle("http://h/1")
    assert not table.settle("http://h/1")
    table.close()
    again = OwedTable(tmp_path / FILE_NAME, "weir")
    assert (len(again), "http://h/p/2" in again) == (1, True)
    assert len(OwedTable(tmp_path / FILE_NAME, "other")) == 0


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


def test_a_walk_is_remembered_by_its_rules(table: OwedTable) -> None:
    assert not table.has_walked("a")
    table.note_walk("a")
    table.note_walk("b")
    assert [table.has_walked(rules) for rules in "ab"] == [False, True]
