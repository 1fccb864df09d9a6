"""Saved searches: each receiver is sent the posts that a search of the setting `SEARCHES` newly finds, once each.

What is new is what the ledger's log of filings holds behind the place up to which a receiver was served. A search
that is new itself, or whose ledger was rebuilt, begins at the end of that log, so nobody is sent a whole archive.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from archives.errors import ArchiveError
from archives.storage.databases import Schema, open_database, transaction
from archives.storage.files import lock_file
from crawler.alerts.channels import ChannelError
from crawler.alerts.message import SearchMessage
from crawler.alerts.receivers import AlertsError
from crawler.publishing.library import Library
from crawler.publishing.webhooks import build_message_id
from crawler.reparsing.ledger import find_ledger
from crawler.viewer.search.lookup import Wanted
from crawler.viewer.search.pool import IndexPool
from pipelines.posts.filing import FilingLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crawler.alerts.receivers import Receiver
    from pipelines.exports.records import PostRecord

FILE_NAME: Final = "searches.sqlite"
_MOST: Final = 50
_KEY: Final = "receiver TEXT NOT NULL, search TEXT NOT NULL, collection TEXT NOT NULL"
_SCHEMA: Final = Schema(
    version=1,
    script=f"""
CREATE TABLE IF NOT EXISTS served (
    {_KEY}, log TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (receiver, search, collection)
);
CREATE TABLE IF NOT EXISTS sent (
    {_KEY}, source TEXT NOT NULL, identifier TEXT NOT NULL,
    PRIMARY KEY (receiver, search, collection, source, identifier)
) WITHOUT ROWID;
""",
    is_private=True,
    loss="saved searches then begin with the posts that come next",
)


def check_searches(searches: Mapping[str, Any], receivers: Iterable[Receiver]) -> None:
    """Check that the searches that receivers ask for are there.

    Raises:
        AlertsError: one is not, or is not a search.
    """
    for name, words in searches.items():
        if not isinstance(words, str) or not words.strip():
            raise AlertsError(f'SEARCHES: {name} must be a search, such as "ferry OR tram"')
    for receiver in receivers:
        for name in receiver.searches:
            if name not in searches:
                raise AlertsError(f"{receiver.channel.name} asks for the search {name!r}, which SEARCHES does not have")


def send_found(
    data_dir: Path, searches: Mapping[str, str], receivers: Sequence[Receiver]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Send each receiver what its searches newly find.

    Returns:
        The names of receivers that were sent something, and of those that could not be reached, with the reason.

    Raises:
        AlertsError: a search is invalid, or what is remembered cannot be used.
    """
    check_searches(searches, receivers)
    asking = [receiver for receiver in receivers if receiver.searches]
    sent: list[str] = []
    failed: list[tuple[str, str]] = []
    if not asking:
        return sent, failed
    try:
        library = Library(data_dir)
        with (
            (data_dir / f"{FILE_NAME}.lock").open("w") as lock,
            closing(open_database(data_dir / FILE_NAME, _SCHEMA)) as database,
            closing(IndexPool(library)) as pool,
        ):
            if not lock_file(lock.fileno()):  # another process is sending; what is left over is sent next time
                return sent, failed
            for receiver in asking:
                for name in receiver.searches:
                    finder = _Finder(library, pool, database, receiver, name, searches[name])
                    try:
                        if finder.serve():
                            sent.append(receiver.channel.name)
                    except ChannelError as error:
                        failed.append((receiver.channel.name, str(error)))
    except (ArchiveError, sqlite3.Error, OSError) as error:
        raise AlertsError(f"saved searches could not be sent: {error}") from error
    return sent, failed


class _Finder:
    """Serves one receiver with one search."""

    def __init__(
        self,
        library: Library,
        pool: IndexPool,
        database: sqlite3.Connection,
        receiver: Receiver,
        search: str,
        words: str,
    ) -> None:
        self._library = library
        self._pool = pool
        self._database = database
        self._receiver = receiver
        self._search = search
        self._words = words

    def serve(self) -> bool:
        """Send what is new, if anything; only what was delivered is not sent again."""
        names = [self._receiver.collection] if self._receiver.collection else self._pool.list_names()
        found: list[PostRecord] = []
        places: dict[str, tuple[str, int]] = {}
        for name in names:
            posts, place = self._find_new(name)
            found += posts
            places |= {name: place} if place else {}
        if found:
            self._send(found)
        with transaction(self._database):
            for name, place in places.items():
                self._database.execute(
                    "INSERT OR REPLACE INTO served VALUES (?, ?, ?, ?, ?)", (*self._key(name), *place)
                )
            self._database.executemany(
                "INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?, ?)",
                [(*self._key(post.collection), post.source, post.identifier) for post in found],
            )
        return bool(found)

    def _find_new(self, collection: str) -> tuple[list[PostRecord], tuple[str, int] | None]:
        """Return the posts of a collection that are new, and the place in its log up to which they were looked for."""
        index = self._pool.find(collection)
        index.count(Wanted())  # takes in what the run has filed
        progress = index.find_progress()
        if progress.walk is not None:
            return [], None
        place = progress.log, progress.position
        row = self._database.execute(
            "SELECT log, position FROM served WHERE receiver = ? AND search = ? AND collection = ?",
            self._key(collection),
        ).fetchone()
        if row is None or row[0] != progress.log:
            return [], place
        ledger = find_ledger(self._library.open_collection(collection))
        with closing(FilingLog(ledger)) as log:
            count = progress.position - row[1]
            keys = dict.fromkeys(
                key for at, key in log.list_since(row[1], limit=max(0, count)) if at <= progress.position
            )
        fresh = [key for key in keys if not self._is_sent(collection, key)]
        matching = index.list_matching(Wanted(words=self._words), fresh)
        store = self._library.open_store(collection)
        records = [store.find_record(*key) for key in matching]
        return [record for record in records if record is not None], place

    def _is_sent(self, collection: str, key: tuple[str, str]) -> bool:
        query = (
            "SELECT 1 FROM sent WHERE receiver = ? AND search = ? AND collection = ? AND source = ? AND identifier = ?"
        )
        return self._database.execute(query, (*self._key(collection), *key)).fetchone() is not None

    def _send(self, posts: Sequence[PostRecord]) -> None:
        words = "\n".join(f"{post.collection}\t{post.source}\t{post.identifier}" for post in posts)
        message = SearchMessage(
            id=build_message_id(f"{self._search}\n{words}"),
            at=datetime.now(UTC),
            search=self._search,
            words=self._words,
            posts=tuple(posts[:_MOST]),
            more=max(0, len(posts) - _MOST),
        )
        self._receiver.channel.send(message)

    def _key(self, collection: str) -> tuple[str, str, str]:
        return self._receiver.channel.name, self._search, collection
