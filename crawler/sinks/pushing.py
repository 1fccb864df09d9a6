"""Pushes the stream of changes into a sink, which keeps its own cursor.

A sink stores a page of changes and the cursor behind it together, or the changes before the cursor. So a push that is
killed continues where it was, sends at most one page twice, and never skips one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from crawler.changelog.cursors import START
from crawler.publishing.stream import POLL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crawler.publishing.stream import ChangeStream
    from pipelines.exports.records import PostRecord

_PAGE = 500


class SinkError(Exception):
    """A sink cannot be reached, or does not take what it is given; its sentence is what the user reads."""


class Sink(Protocol):
    """Something that changes are pushed into."""

    def find_cursor(self) -> str:
        """Return the cursor behind the last change that it has stored; '' before the first.

        Raises:
            SinkError: it cannot be reached.
        """

    def store(self, records: Sequence[PostRecord], cursor: str) -> None:
        """Store changes in their order, and the cursor to continue from; both are durable when it returns.

        Raises:
            SinkError: it does not take them.
        """

    def close(self) -> None:
        """Release its connection and files."""


def push_changes(
    stream: ChangeStream,
    sink: Sink,
    *,
    since: str = "",
    follow: bool = False,
    note_loss: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Push what the sink does not have yet; yield the number of changes after each page that it has stored.

    Args:
        since: a cursor to begin at, in place of the one that the sink has.
        follow: do not end, but wait for more.
        note_loss: called with a message where the log no longer holds the cursor, so that all changes are sent again.

    Raises:
        SinkError: the sink cannot be reached, or does not take a change.
        CursorError: the cursor is not one of this stream.
    """
    cursor = since or sink.find_cursor() or START
    if loss := stream.find_loss(cursor):
        note_loss(loss)
    while True:
        while records := list(stream.read(cursor, limit=_PAGE)):
            last = records[-1].change
            assert last is not None
            sink.store(records, last.cursor)
            cursor = last.cursor
            yield len(records)
        if not follow:
            return
        sleep(POLL_S)
