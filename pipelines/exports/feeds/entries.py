"""The entries of a feed: which posts, with which ids and dates."""

from __future__ import annotations

import heapq
import sqlite3
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pipelines.exports.loading import load_record
from pipelines.exports.records import dump_record
from pipelines.exports.sites.site import find_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562 §6.6: names that are URLs
_TRIM_EVERY = 5000
_SPOOL = """
CREATE TABLE record (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;
CREATE TABLE member (feed TEXT, at TEXT, id TEXT);
CREATE INDEX member_feed ON member (feed, at DESC, id DESC);
"""


class Order(StrEnum):
    """By which instant a feed has its newest posts."""

    PUBLISHED = "published"
    FOUND = "found"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInfo:
    """What a feed says of itself.

    Attributes:
        url: address of the feed.
        home: address of a page for readers.
        hub: WebSub hub to notify of changes, or ''.
        older: address of the archive document with what came before, or ''.
        newer: in an archive document, that of the one with what came next, or ''.
        current: in an archive document, the address of the feed that it belongs to; '' in the feed itself.
    """

    title: str
    url: str
    home: str
    hub: str = ""
    older: str = ""
    newer: str = ""
    current: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One post in a feed.

    Attributes:
        id: a URN that never changes, whatever becomes of the address.
        updated: when the publisher last changed it, or published it.
    """

    id: str
    url: str
    title: str
    published: datetime
    updated: datetime
    content: str
    summary: str
    categories: tuple[str, ...]
    authors: tuple[str, ...]
    language: str


def find_instant(record: PostRecord, order: Order) -> datetime:
    """Return the instant by which a feed of an order sorts a post.

    A post was found when the first of the captures that it rests on was made, and changed with the last of them.
    """
    published = record.published_at or datetime.min.replace(tzinfo=UTC)
    if order is Order.PUBLISHED:
        return published
    instants = [entry.captured_at for entry in record.evidence.values()]
    if record.capture is not None:
        instants.append(record.capture.captured_at)
    if not instants:
        return published
    return (min if order is Order.FOUND else max)(instants).astimezone(UTC)


def build_entry(record: PostRecord, url: str = "") -> Entry:
    """Return the entry of a record.

    Args:
        url: its page; without one the original's.
    """
    published = record.published_at or datetime.min.replace(tzinfo=UTC)
    modified = record.dateModified.astimezone(UTC) if record.dateModified else published
    return Entry(
        id=f"urn:uuid:{uuid.uuid5(_NAMESPACE, 'urn:x-newsreel:post:' + record.unique_id)}",
        url=url or find_link(record),
        title=record.headline,
        published=published,
        updated=max(published, modified),
        content=record.articleBody,
        summary=record.text.partition("\n")[0],
        categories=tuple(dict.fromkeys((*record.articleSection, *record.keywords))),
        authors=record.author or ((record.publisher,) if record.publisher else (record.source,)),
        language=record.inLanguage,
    )


class LatestRecords:
    """The newest posts of many, however they come."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[datetime, str, Entry]] = []

    def add(self, record: PostRecord, url: str) -> None:
        """Keep the post if it is among the newest so far."""
        at = record.published_at or datetime.min.replace(tzinfo=UTC)
        if len(self._heap) < self._limit or (at, record.unique_id) > self._heap[0][:2]:
            heapq.heappush(self._heap, (at, record.unique_id, build_entry(record, url)))
            if len(self._heap) > self._limit:
                heapq.heappop(self._heap)

    def list_entries(self) -> list[Entry]:
        """Return them, the newest first."""
        return [entry for _, _, entry in sorted(self._heap, key=lambda kept: kept[:2], reverse=True)]


class Spool:
    """The posts of many feeds at once, kept in a file, so that memory does not grow with their number.

    Args:
        limit: posts in a feed; no more are kept.
        whole: the feeds of which every post is kept.
    """

    def __init__(self, database: sqlite3.Connection, limit: int, whole: Iterable[str]) -> None:
        self._database = database
        self._limit = limit
        self._whole = tuple(whole)
        self._count = 0

    def add(self, record: PostRecord, feeds: Iterable[tuple[str, Order]]) -> None:
        """Enter a post into its feeds, each with its order."""
        name = record.unique_id
        rows = [(feed, find_instant(record, order).isoformat(timespec="microseconds"), name) for feed, order in feeds]
        self._database.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (name, dump_record(record)))
        self._database.executemany("INSERT INTO member VALUES (?, ?, ?)", rows)
        self._count += 1
        if self._count % _TRIM_EVERY == 0:
            self._trim()

    def iter_feeds(self) -> Iterator[tuple[str, list[PostRecord]]]:
        """Yield each feed with its newest posts, the newest first."""
        self._trim()
        for (feed,) in self._database.execute("SELECT DISTINCT feed FROM member ORDER BY feed"):
            rows = self._database.execute(
                "SELECT text FROM member JOIN record USING (id) WHERE feed = ?"
                " ORDER BY at DESC, member.id DESC LIMIT ?",
                (feed, self._limit),
            )
            yield feed, [load_record(text) for (text,) in rows]

    def count(self, feed: str) -> int:
        """Return how many posts are kept of a feed."""
        return int(self._database.execute("SELECT count(*) FROM member WHERE feed = ?", (feed,)).fetchone()[0])

    def iter_chunks(self, feed: str) -> Iterator[list[PostRecord]]:
        """Yield the posts of a feed from the oldest on, as many at a time as a feed holds; each chunk newest first."""
        rows = self._database.execute(
            "SELECT text FROM member JOIN record USING (id) WHERE feed = ? ORDER BY at, member.id", (feed,)
        )
        while texts := rows.fetchmany(self._limit):
            yield [load_record(text) for (text,) in reversed(texts)]

    def _trim(self) -> None:
        slots = ", ".join("?" * len(self._whole))
        self._database.execute(
            "DELETE FROM member WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER"  # noqa: S608
            " (PARTITION BY feed ORDER BY at DESC, id DESC) AS place FROM member"
            f" WHERE feed NOT IN ({slots})) WHERE place > ?)",  # only slots
            (*self._whole, self._limit),
        )
        if not self._whole:
            self._database.execute("DELETE FROM record WHERE id NOT IN (SELECT id FROM member)")


@contextmanager
def open_spool(folder: Path, limit: int, *, whole: Iterable[str] = ()) -> Iterator[Spool]:
    """Give an empty spool, kept in a file below the folder while the block runs.

    Args:
        whole: the feeds of which every post is kept.
    """
    path = folder / ".spool.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_SPOOL)
        yield Spool(database, limit, whole)
    finally:
        database.close()
        path.unlink(missing_ok=True)


def find_updated(entries: Iterable[Entry]) -> datetime:
    """Return when a feed last changed; an empty one never did."""
    return max((entry.updated for entry in entries), default=datetime(1970, 1, 1, tzinfo=UTC))
