"""Finds captures among millions: one SQLite database of a collection's index, derived from its sidecars.

A sidecar serves other tools and one file; the questions of a collection (which capture is nearest in time, which has
these very bytes) need one order over all files. The database may be deleted at any time: the next question makes it
again. Several processes may read and update it at once.
"""

from __future__ import annotations

import weakref
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from archives.erasure.exclusions import Exclusions, load_exclusions
from archives.index.cdxj import IndexEntry, dump_row, find_key, load_row
from archives.index.sidecars import find_state, read_entries
from archives.storage.databases import Schema, open_database, transaction
from archives.urls import build_instant, count_micros
from archives.warc.records import quote_uri

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from archives.storage.collection import Collection

CATALOGUE_NAME: Final = "catalogue.sqlite"
# Rows of one file are added in the order of capture, so that walking `capture_time` reads the table nearly in sequence.
_SCRIPT: Final = """
CREATE TABLE warc (id INTEGER PRIMARY KEY, filename TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
CREATE TABLE capture (
    urlkey TEXT NOT NULL, captured_at INTEGER NOT NULL, url TEXT NOT NULL, mime TEXT NOT NULL, status INTEGER,
    digest TEXT NOT NULL, length INTEGER NOT NULL, offset INTEGER NOT NULL, warc INTEGER NOT NULL,
    record_id TEXT NOT NULL, truncated TEXT
);
CREATE INDEX capture_key ON capture (urlkey, captured_at);
CREATE INDEX capture_time ON capture (captured_at, record_id);
CREATE INDEX capture_digest ON capture (digest);
CREATE INDEX capture_warc ON capture (warc);
CREATE INDEX capture_gone ON capture (status) WHERE status = 410;
"""
SCHEMA: Final = Schema(version=2, script=_SCRIPT, is_derived=True, synchronous="OFF")
_SELECT: Final = (
    "SELECT urlkey, captured_at, url, mime, status, digest, length, offset, record_id, truncated, filename "
    "FROM capture JOIN warc ON warc.id = capture.warc "
)
_IN_TIME: Final = " ORDER BY captured_at, record_id"
_BACK_IN_TIME: Final = " ORDER BY captured_at DESC, record_id DESC"
_DAY_MICROS: Final = 86_400_000_000


class CollectionIndex:
    """The captures of a collection's closed files.

    Updated at the first question; `refresh` looks for files closed since. A collection that cannot be
    written is catalogued in memory.

    Args:
        for_readers: leave out captures of excluded addresses.
    """

    def __init__(self, collection: Collection, *, for_readers: bool = False) -> None:
        self.collection = collection
        self._exclusions = load_exclusions(collection.path.parent.parent) if for_readers else None
        self._database: sqlite3.Connection | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the next question opens it again."""
        if self._finalizer is not None:
            self._finalizer()
        self._finalizer = self._database = None

    def refresh(self) -> int:
        """Take in what changed on disk since the last look.

        Returns:
            How many files were new, changed or gone.
        """
        if self._database is None:
            self._database = _open_catalogue(self.collection)
            self._finalizer = weakref.finalize(self, self._database.close)
            if self._exclusions is not None:
                _hide(self._database, self._exclusions)
        if self._exclusions is not None:
            self._exclusions.refresh()
        return _refresh(self._database, self.collection)

    def count_entries(self) -> int:
        """How many captures there are."""
        (count,) = self._open().execute("SELECT count(*) FROM capture").fetchone()
        return int(count)

    def iter_entries(self, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        """Every entry in the order of capture, or the latest first, never all at once."""
        yield from self._select(_BACK_IN_TIME if is_reverse else _IN_TIME)

    def iter_captures(
        self, url: str, *, since: datetime | None = None, until: datetime | None = None, is_reverse: bool = False
    ) -> Iterator[IndexEntry]:
        """The captures of `url`, both instants included, in the order of capture or the latest first."""
        order = _BACK_IN_TIME if is_reverse else _IN_TIME
        where = "WHERE urlkey = ? AND captured_at BETWEEN ? AND ?" + order
        first = count_micros(since) if since else -(2**63)
        last = count_micros(until) if until else 2**63 - 1
        yield from self._select(where, find_key(url), first, last)

    def iter_prefix(self, url: str) -> Iterator[IndexEntry]:
        """The captures of every address that begins with `url`, by SURT key and time."""
        key = find_key(url)
        if url.endswith("/") and not key.endswith("/"):
            key += "/"
        yield from self.iter_keys(key, key[:-1] + chr(ord(key[-1]) + 1))

    def iter_keys(self, first: str, beyond: str) -> Iterator[IndexEntry]:
        """The captures whose SURT key is not below `first` and is below `beyond`, by key and time."""
        where = "WHERE urlkey >= ? AND urlkey < ? ORDER BY urlkey, captured_at, record_id"
        yield from self._select(where, first, beyond)

    def iter_files(self, filenames: Iterable[str], *, span: tuple[int, int] | None = None) -> Iterator[IndexEntry]:
        """The captures in some files, file by file in the order of capture.

        Args:
            span: only captures whose offset is at least the first number and less than the second.
        """
        where = "WHERE filename = ? AND offset >= ? AND offset < ?"
        for filename in sorted(filenames):
            yield from self._select(where + _IN_TIME, filename, *(span or (0, 2**63 - 1)))

    def iter_digest(self, digest: str) -> Iterator[IndexEntry]:
        """The captures whose payload digest is recorded as `digest`, in the order of capture."""
        yield from self._select("WHERE digest = ?" + _IN_TIME, digest)

    def iter_gone(self) -> Iterator[IndexEntry]:
        """The captures whose address answered 410 (Gone), in the order of capture."""
        yield from self._select("WHERE status = 410" + _IN_TIME)

    def iter_made(self) -> Iterator[IndexEntry]:
        """The HTML documents of the web that came without a protocol head: what browsers made of pages, mostly."""
        yield from self._select("WHERE status IS NULL AND mime = 'text/html' AND url LIKE 'http%'" + _IN_TIME)

    def find_record(self, record_id: str, at: datetime) -> IndexEntry | None:
        """The capture of that record id, which began at `at`."""
        where = "WHERE captured_at = ? AND record_id = ?"
        return next(iter(self._select(where, count_micros(at), record_id)), None)

    def count_days(self, url: str) -> list[tuple[date, int]]:
        """The days (UTC) on which `url` was captured and how often, in order."""
        query = f"SELECT captured_at / {_DAY_MICROS}, count(*) FROM capture WHERE urlkey = ? GROUP BY 1 ORDER BY 1"  # noqa: S608
        rows = self._open().execute(query, (find_key(url),)).fetchall()
        return [(build_instant(day * _DAY_MICROS).date(), count) for day, count in rows]

    def find_exact(self, url: str, at: datetime) -> IndexEntry | None:
        """The capture of `url` that began at `at`, to the microsecond, whatever the method of its request."""
        found = list(self.iter_captures(url, since=at, until=at))
        if not found:
            found = list(self._select("WHERE captured_at = ? AND url = ?", count_micros(at), quote_uri(url)))
        return min(found, key=_rank(url, at), default=None)

    def find_nearest(self, url: str, at: datetime | None = None, *, is_exact: bool = False) -> IndexEntry | None:
        """The capture of `url` nearest to `at`, the earlier of two equally near; without `at` the latest.

        Addresses with the same SURT key count as one, as in every replay tool; among captures equally near, the one
        of the very same address is preferred.

        Args:
            is_exact: only captures of the very same address.
        """
        where = "urlkey = ?" + (" AND url = ?" if is_exact else "")
        what = (find_key(url), quote_uri(url)) if is_exact else (find_key(url),)
        instants = self._find_instants(where, what, at)
        rows = [
            row for instant in instants for row in self._select(f"WHERE {where} AND captured_at = ?", *what, instant)
        ]
        return min(rows, key=_rank(url, at), default=None)

    def _find_instants(self, where: str, what: tuple[str, ...], at: datetime | None) -> set[int]:
        """The instants of capture next to `at` on either side, or the last of all."""
        ask = f"SELECT %s(captured_at) FROM capture WHERE {where}"  # noqa: S608 (our own words)
        if at is None:
            found = [self._open().execute(ask % "max", what).fetchone()[0]]
        else:
            micros = count_micros(at)
            before = self._open().execute(ask % "max" + " AND captured_at <= ?", (*what, micros)).fetchone()[0]
            after = self._open().execute(ask % "min" + " AND captured_at >= ?", (*what, micros)).fetchone()[0]
            found = [before, after]
        return {instant for instant in found if instant is not None}

    def _select(self, clauses: str, *values: object) -> Iterator[IndexEntry]:
        # Every iteration has its own cursor: two may run at once.
        with closing(self._open().execute(_SELECT + clauses, values)) as rows:
            for row in rows:
                yield load_row(row[:-1], row[-1])

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self.refresh()
        assert self._database is not None
        return self._database


def rebuild_catalogue(collection: Collection) -> int:
    """Empty the database and fill it again; returns how many captures it lists."""
    with closing(_open_catalogue(collection)) as database:
        with transaction(database):
            database.execute("DELETE FROM capture")
            database.execute("DELETE FROM warc")
        _refresh(database, collection)
        (count,) = database.execute("SELECT count(*) FROM capture").fetchone()
    return int(count)


def _open_catalogue(collection: Collection) -> sqlite3.Connection:
    """The collection's database, or one in memory if it cannot be written."""
    return open_database(collection.indexes_dir / CATALOGUE_NAME, SCHEMA, across_threads=True)


def _hide(database: sqlite3.Connection, exclusions: Exclusions) -> None:
    """Have every question of this connection pass over the captures of excluded addresses."""
    database.create_function("is_excluded", 1, exclusions.excludes)
    # A view of the table's name, which SQLite looks for among the temporary ones first.
    database.execute("CREATE TEMP VIEW capture AS SELECT * FROM main.capture WHERE NOT is_excluded(url)")


def _refresh(database: sqlite3.Connection, collection: Collection) -> int:
    """Make the rows agree with the files; each file is taken in whole, in its own transaction."""
    found = {warc: state for warc in collection.iter_warcs() if (state := find_state(collection, warc))}
    listed = dict(database.execute("SELECT filename, state FROM warc").fetchall())
    changed = [warc for warc, state in found.items() if listed.get(warc.name) != state]
    gone = listed.keys() - {warc.name for warc in found}
    for warc in changed:
        # In the order of capture.
        entries = sorted(read_entries(collection, warc), key=lambda entry: (entry.captured_at, entry.record_id))
        with transaction(database):
            _remove_file(database, warc.name)
            _add_file(database, warc.name, found[warc], entries)
    for filename in gone:
        with transaction(database):
            _remove_file(database, filename)
    return len(changed) + len(gone)


def _remove_file(database: sqlite3.Connection, filename: str) -> None:
    row = database.execute("SELECT id FROM warc WHERE filename = ?", (filename,)).fetchone()
    if row is not None:
        database.execute("DELETE FROM main.capture WHERE warc = ?", row)
        database.execute("DELETE FROM warc WHERE id = ?", row)


def _add_file(database: sqlite3.Connection, filename: str, state: str, entries: list[IndexEntry]) -> None:
    warc = database.execute("INSERT INTO warc (filename, state) VALUES (?, ?)", (filename, state)).lastrowid
    database.executemany(
        "INSERT INTO main.capture (urlkey, captured_at, url, mime, status, digest, length, offset, record_id,"
        " truncated, warc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((*dump_row(entry), warc) for entry in entries),
    )


def _rank(url: str, at: datetime | None) -> Any:
    """The order of preference among captures of one key."""
    quoted = quote_uri(url)

    def rank(entry: IndexEntry) -> tuple[timedelta, bool, datetime, str]:
        distance = abs(entry.captured_at - at) if at else timedelta()
        return distance, entry.url != quoted, entry.captured_at, entry.record_id

    return rank
