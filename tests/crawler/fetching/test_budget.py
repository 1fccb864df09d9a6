"""What is held of responses at once."""

from __future__ import annotations

import pytest
from scrapy.utils.test import get_crawler

from crawler.fetching.allocation import return_large_blocks
from crawler.fetching.budget import HeldBytes

PIECE = 100 * 1024


class Connection:
    """A connection that remembers its last instruction."""

    def __init__(self) -> None:
        self.is_reading = True

    def pause(self) -> None:
        self.is_reading = False

    def resume(self) -> None:
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


def test_the_allocator_can_be_told() -> None:
    assert isinstance(return_large_blocks(), bool)
