"""What earlier runs captured decides what a run need not ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archives.index.cdxj import IndexEntry
from archives.urls import surt_key
from crawler.runs.memory import CaptureMemory
from tests.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "http://a.example/1"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Captures:
    """Captures of one address: hours before now, status and digest."""

    def __init__(self, *captures: tuple[float, int, str]) -> None:
        self.entries = [
            IndexEntry(
                urlkey=URL,
                timestamp="",
                url=URL,
                mime="text/html",
                status=status,
                digest=digest,
                length=0,
                offset=0,
                filename="",
                record_id="",
                captured_at=NOW - timedelta(hours=hours),
            )
            for hours, status, digest in captures
        ]

    def iter_captures(self, url: str, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        entries = self.entries if surt_key(url) == surt_key(URL) else []
        yield from reversed(entries) if is_reverse else entries

    def find_nearest(self, url: str, *, is_exact: bool = False) -> IndexEntry | None:
        return self.entries[-1] if self.entries and url == URL else None


def remember(*captures: tuple[float, int, str]) -> CaptureMemory:
    return CaptureMemory(Captures(*captures), settles_after=timedelta(days=7), clock=Clock(NOW.timestamp()))


@pytest.mark.parametrize(
    ("captures", "changed_hours_ago", "is_changed"),
    [
        ([(200, 200, "a")], 3, True),
        ([(200, 200, "a")], 300, False),
        ([], 3, False),
        ([(200, 404, "a")], 3, False),
        ([(200, 200, "a"), (100, 200, "b")], 3, True),  # the last time it had changed indeed
        ([(200, 200, "a"), (50, 200, "a")], 3, False),  # it had not, and was known for 150 hours
        ([(200, 200, "a"), (150, 200, "a")], 3, True),
    ],
)
def test_a_publisher_who_says_that_everything_changes_is_believed_less_and_less(
    captures: list[tuple[float, int, str]], changed_hours_ago: float, is_changed: bool
) -> None:
    changed_at = NOW - timedelta(hours=changed_hours_ago)
    assert remember(*captures).is_changed(URL, changed_at) is is_changed


def test_what_was_archived_before_an_instant_is_known_by_good_captures() -> None:
    memory = remember((30, 500, ""), (20, 200, "a"), (5, 200, "b"))
    assert [memory.was_archived(URL, NOW - timedelta(hours=hours)) for hours in (25, 19, 1)] == [False, True, True]
    assert memory.find_last_good(URL) == NOW - timedelta(hours=5)
    assert memory.is_archived(URL)
    assert not memory.is_archived("http://a.example/2")


def test_captures_of_another_address_with_the_same_key_say_only_whether_an_article_is_settled() -> None:
    memory = remember(*((hours, 200, "a") for hours in (300, 299, 298, 297, 296)))
    alike = "http://www.a.example/1"
    assert (memory.is_archived(URL), memory.is_archived(alike)) == (True, False)
    assert (memory.find_last_good(alike), memory.was_archived(alike, NOW)) == (None, False)
    assert (memory.is_changed(URL, NOW), memory.is_changed(alike, NOW)) == (True, False)
    assert memory.is_settled(alike)


@pytest.mark.parametrize(
    ("captures", "is_due"),
    [
        ([(9, "a"), (8, "a"), (7, "a")], True),  # too few
        ([(9, "a"), (8, "a"), (7, "a"), (6, "a"), (1, "a")], False),  # no change in eight hours
        ([(9, "a"), (8, "a"), (7, "a"), (6, "a"), (4.5, "a")], True),
        ([(9, "a"), (8, "b"), (7, "c"), (6, "d"), (1, "e")], True),  # a change in two hours
        ([(900, "a"), (800, "a"), (700, "a"), (600, "a"), (6.5, "a")], True),  # six hours are the longest pause
        ([(900, "a"), (800, "a"), (700, "a"), (600, "a"), (5.5, "a")], False),
        ([(0.3, "a"), (0.2, "a"), (0.1, "a"), (0.01, "a")], True),  # minutes do not count
    ],
)
def test_a_list_is_asked_for_twice_as_often_as_it_changes(captures: list[tuple[float, str]], is_due: bool) -> None:
    assert remember(*((hours, 200, digest) for hours, digest in captures)).is_due(URL) is is_due
