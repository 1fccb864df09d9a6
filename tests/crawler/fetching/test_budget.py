"""What is held of responses at once, and that a paused connection stays paused."""

from __future__ import annotations

import pytest
from scrapy.utils.test import get_crawler

from crawler.fetching.allocation import return_large_blocks
from crawler.fetching.budget import HeldBytes

PIECE = 100 * 1024


class Connection:
    """A transport that counts what it is told."""

    def __init__(self) -> None:
        self.is_reading = True

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self.is_reading = False

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self.is_reading = True


@pytest.fixture
def held() -> HeldBytes:
    crawler = get_crawler(settings_dict={"BOUNDS_HELD_BYTES": 3 * PIECE})
    crawler._apply_settings()
    return HeldBytes(crawler)


def test_all_but_the_eldest_wait(held: HeldBytes) -> None:
    connections = [Connection() for _ in range(3)]
    transfers = [held.begin(connection) for connection in connections]
    for _ in range(2):
        for transfer in transfers:
            held.grow(transfer, PIECE)
    assert [connection.is_reading for connection in connections] == [True, False, False]
    held.finish(transfers[0])
    assert [connection.is_reading for connection in connections[1:]] == [True, False]
    assert held.held == 4 * PIECE


def test_what_is_read_on_behind_our_back_is_paused_again(held: HeldBytes) -> None:
    """Twisted resumes a connection when it hands the body of a response to its reader."""
    eldest, other = Connection(), Connection()
    held.grow(held.begin(eldest), 4 * PIECE)
    transfer = held.begin(other)
    for _ in range(5):
        held.grow(transfer, PIECE)
        assert not other.is_reading
        other.resumeProducing()


def test_the_allocator_can_be_told() -> None:
    assert isinstance(return_large_blocks(), bool)
