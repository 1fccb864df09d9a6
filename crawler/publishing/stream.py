"""The changes of one collection or of all as one stream, read in pages or followed.

Nothing is pushed: a reader asks for what lies behind its cursor and gets a page; a follower asks again every second.
So a slow reader holds up nothing, and one that dies continues from the last cursor that it has kept.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from archives.storage.collection import list_collections
from crawler.changelog.cursors import START, find_absent, join_cursors, parse_cursor, split_cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from crawler.changelog.log import ChangeLog
    from pipelines.exports.records import PostRecord
    from pipelines.exports.store import PostStore

POLL_S = 1.0
_PAGE = 500


class LogSource(Protocol):
    """What opens the logs and the posts of a data directory: a `Library`."""

    data_dir: Path

    def open_log(self, collection: str) -> ChangeLog:
        """Return the log of changes of one collection."""

    def open_store(self, collection: str) -> PostStore:
        """Return the posts of one collection."""


class ChangeStream:
    """What changed in one collection, or in all of a data directory.

    Args:
        collection: the only one; '' for all, whose cursors are then joined, unless there is but one.
    """

    def __init__(self, library: LogSource, collection: str = "") -> None:
        self._library = library
        self._collection = collection

    @property
    def names(self) -> list[str]:
        """The collections, as they are at this moment."""
        return [self._collection] if self._collection else list_collections(self._library.data_dir)

    def find_end(self) -> str:
        """Return the cursor behind the last change.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        ends = {}
        for name in self.names:
            with closing(self._library.open_log(name)) as log:
                ends[name] = str(log.cursor)
        return _join(ends)

    def find_loss(self, since: str) -> str:
        """Return a message if the logs no longer hold the cursor, so that all changes are sent again; else ''.

        Raises:
            CursorError: it is not a cursor of this stream.
        """
        if not self._collection and (absent := find_absent(since, self.names)):
            return (
                f"the cursor has a place in collection {absent}, which is not there any more; "
                f"read all changes from {START!r} and drop posts that do not appear"
            )
        for name, cursor in split_cursor(since, self.names).items():
            with closing(self._library.open_log(name)) as log:
                if loss := log.find_loss(parse_cursor(cursor)):
                    return loss
        return ""

    def read(self, since: str, *, limit: int = -1) -> Iterator[PostRecord]:
        """Yield what has changed since a cursor, each post once, with the cursor to continue from.

        Raises:
            CursorError: it is not a cursor of this stream.
            archives.errors.CollectionError: there is no such collection.
        """
        names = self.names
        has_lost_one = not self._collection and find_absent(since, names)
        places = split_cursor(START if has_lost_one else since, names)
        count = 0
        for name in places:
            with closing(self._library.open_log(name)) as log:
                begin = parse_cursor(places[name])
                if not log.has_news(begin):
                    continue
                left = limit - count if limit >= 0 else -1
                for record in log.read(begin, self._library.open_store(name), limit=left):
                    assert record.change is not None
                    places[name] = record.change.cursor
                    yield replace(record, change=replace(record.change, cursor=_join(places)))
                    count += 1
            if count == limit:
                return

    def follow(
        self, since: str = START, *, wait_s: float | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[PostRecord | None]:
        """Yield changes as they come, and None each second in which there are none.

        Args:
            wait_s: end after so many seconds without a change; None never ends.
        """
        idle_s = 0.0
        while True:
            found = False
            for record in self.read(since, limit=_PAGE):
                assert record.change is not None
                since, found = record.change.cursor, True
                yield record
            if found:
                idle_s = 0.0
                continue
            yield None
            if wait_s is not None and idle_s >= wait_s:
                return
            sleep(POLL_S)
            idle_s += POLL_S


def _join(cursors: dict[str, str]) -> str:
    return next(iter(cursors.values())) if len(cursors) == 1 else join_cursors(cursors)
