"""Updates the search index from the ledger incrementally.

A page that is requested while a crawl runs reads what is there; what has come meanwhile is taken in beside it. An index
that is new, or whose ledger was replaced, walks through all articles by their keys, and continues where it was stopped.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from archives.erasure.exclusions import load_exclusions
from archives.storage.databases import find_writable, transaction
from crawler.reparsing.ledger import find_ledger
from crawler.viewer.search.rows import drop_post, put_post
from pipelines.exports.records import RecordRefused
from pipelines.posts.filing import FilingLog

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from threading import RLock

    from crawler.publishing.library import Library
    from pipelines.exports.records import PostRecord
    from pipelines.exports.store import PostStore

_BATCH: Final = 32
# Of a ledger that cannot be written, which is copied for each batch.
_LARGE_BATCH: Final = 2_000
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an index has come.

    Attributes:
        log: name of the log of filings that it follows; '' before it has read any.
        position: the last entry of that log that it knows.
        walk: the last article that it has walked to; None if it has walked through all.
        walked: how many articles that were.
    """

    log: str = ""
    position: int = 0
    walk: _Key | None = ("", "")
    walked: int = 0


class Follower:
    """Takes the posts of one collection into its index.

    Args:
        database: used by one thread at a time, which holds the lock.
    """

    def __init__(self, library: Library, collection: str, database: sqlite3.Connection, lock: RLock) -> None:
        self._library = library
        self._collection = collection
        self._database = database
        self._lock = lock
        self._path = find_ledger(library.open_collection(collection))
        self._to_walk = 0

    def take_batch(self, store: PostStore) -> int:
        """Take in what comes next, in one transaction; return how many posts are still to come, at most.

        Raises:
            archives.errors.CollectionError: the ledger cannot be read.
        """
        if not self._path.exists():
            return self._forget_all()
        progress = self.find_progress()
        with find_writable(self._path) as path, closing(FilingLog(path)) as log:
            limit = _BATCH if path == self._path else _LARGE_BATCH
            name, end = log.find_end()
            if not name:
                # A ledger that cannot be written, from before there was such a log: all of it whenever it has changed.
                name = find_state(self._path)
            if exclusions := load_exclusions(self._library.data_dir):
                name += f", without {exclusions.fingerprint}"
            if name != progress.log:
                progress = Progress(log=name, position=end, walk=("", ""))
            if progress.walk is not None:
                return self._walk(store, log, progress, progress.walk, limit=limit) or end - progress.position
            entries = log.list_since(progress.position, limit=limit)
            if entries:
                self._write(store, [key for _, key in entries], replace(progress, position=entries[-1][0]))
            return max(0, end - entries[-1][0]) if len(entries) == limit else 0

    def _walk(self, store: PostStore, log: FilingLog, progress: Progress, after: _Key, *, limit: int) -> int:
        """Take in the articles that come after one, and drop what the index has between them.

        Returns:
            How many articles are still to be walked through.
        """
        keys = log.list_keys(after, limit=limit)
        last = keys[-1] if len(keys) == limit else None
        walked = progress.walked + len(keys)
        self._write(store, keys, replace(progress, walk=last, walked=walked), between=(after, last))
        if last is None:
            return 0
        if self._to_walk <= walked:  # counting a million articles takes as long as taking in a batch
            self._to_walk = log.count()
        return max(1, self._to_walk - walked)

    def find_progress(self) -> Progress:
        """Return how far the index has come."""
        with self._lock:
            found = self._database.execute("SELECT value FROM state WHERE name = 'progress'").fetchone()
        if found is None:
            return Progress()
        log, position, walk, walked = json.loads(found[0])
        return Progress(log=log, position=position, walk=tuple(walk) if walk else None, walked=walked)

    def _write(
        self, store: PostStore, keys: list[_Key], after: Progress, *, between: tuple[_Key, _Key | None] | None = None
    ) -> None:
        records = _read_records(store, keys)
        with self._lock, transaction(self._database):
            if between:
                for key in self._list_gone(*between, set(keys)):
                    drop_post(self._database, key)
            for key, record in zip(keys, records, strict=True):
                if record is None:
                    drop_post(self._database, key)
            # FTS5 writes out what it has collected whenever a smaller number comes.
            for record in sorted(filter(None, records), key=_get_instant):
                put_post(self._database, record)
            self._save(after)

    def _list_gone(self, first: _Key, last: _Key | None, known: set[_Key]) -> list[_Key]:
        """Return the posts of the index that stand where a walk has found other articles, or none."""
        query = "SELECT source, identifier FROM posts WHERE (source, identifier) > (?, ?)"
        values: tuple[str, ...] = first
        if last is not None:
            query, values = f"{query} AND (source, identifier) <= (?, ?)", (*first, *last)
        return [key for key in self._database.execute(query, values).fetchall() if key not in known]

    def _save(self, progress: Progress) -> None:
        value = json.dumps([progress.log, progress.position, progress.walk, progress.walked])
        self._database.execute("INSERT OR REPLACE INTO state VALUES ('progress', ?)", (value,))

    def _forget_all(self) -> int:
        with self._lock, transaction(self._database):
            for key in self._database.execute("SELECT source, identifier FROM posts").fetchall():
                drop_post(self._database, key)
            self._save(Progress())
        return 0


def _read_records(store: PostStore, keys: list[_Key]) -> list[PostRecord | None]:
    """Return the records of posts; None for what has no post file, or what no page can show."""
    try:
        return list(store.iter_found((key, None) for key in keys))
    except RecordRefused:
        if len(keys) == 1:
            return [None]
        return [record for key in keys for record in _read_records(store, [key])]


def _get_instant(record: PostRecord) -> str:
    return record.published_at.isoformat() if record.published_at else ""


def find_state(ledger: Path) -> str:
    """Return a value that changes whenever the ledger may have changed."""
    found = []
    for path in (ledger, ledger.with_name(ledger.name + "-wal")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        # Opening a ledger, even for reading, leaves an empty log behind for a while.
        if not stat.st_size:
            continue
        found.append(f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}")
    return ", ".join(found) or "none"
