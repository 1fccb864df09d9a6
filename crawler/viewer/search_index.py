"""The search index of posts: by day, source, category, tag and symbol, and by any word, even one of two characters.

One SQLite file a collection, `indexes/viewer.sqlite`, derived from the ledger: it may be deleted at any time, and
whoever looks next makes it again. The ledger tells which posts there are; this only finds them quickly.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archives.erasure.exclusions import load_exclusions
from archives.storage.databases import Schema, open_database, transaction
from archives.warc.records import quote_uri
from pipelines.exports.tables.sqlite import build_query, segment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from crawler.publishing.library import Library
    from pipelines.exports.records import PostRecord

FILE_NAME: Final = "viewer.sqlite"
REFRESH_S: Final = 2.0
_EXCERPT: Final = 160
_SCRIPT: Final = """
CREATE TABLE posts (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, identifier TEXT NOT NULL, published TEXT NOT NULL,
    shown TEXT NOT NULL, day TEXT NOT NULL, headline TEXT NOT NULL, text TEXT NOT NULL, sections TEXT NOT NULL,
    hash TEXT NOT NULL, url TEXT NOT NULL, UNIQUE (source, identifier)
);
CREATE INDEX posts_url ON posts (url);
CREATE INDEX posts_published ON posts (published, id);
CREATE INDEX posts_day ON posts (day);
CREATE TABLE labels (kind TEXT NOT NULL, name TEXT NOT NULL, post INTEGER NOT NULL, PRIMARY KEY (kind, name, post))
    WITHOUT ROWID;
CREATE INDEX labels_post ON labels (post);
CREATE TABLE witnesses (record_id TEXT NOT NULL, post INTEGER NOT NULL, PRIMARY KEY (record_id, post)) WITHOUT ROWID;
CREATE INDEX witnesses_post ON witnesses (post);
CREATE VIRTUAL TABLE search USING fts5(headline, text, labels, tokenize='unicode61');
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_SCHEMA: Final = Schema(version=1, script=_SCRIPT, is_derived=True, synchronous="OFF")
KINDS: Final = ("category", "tag", "symbol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search for posts; empty fields match all."""

    words: str = ""
    source: str = ""
    day: str = ""
    category: str = ""
    tag: str = ""
    symbol: str = ""

    def list_labels(self) -> list[tuple[str, str]]:
        """Return the labels asked for, each a kind and a name."""
        return [(kind, name) for kind in KINDS if (name := getattr(self, kind))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One post of a list.

    Attributes:
        instant: ISO 8601 in UTC, by which posts are sorted.
        published: ISO 8601 with the source's offset, or the day alone.
        excerpt: the beginning of the text, or what surrounds the first word that was searched for.
    """

    collection: str
    source: str
    identifier: str
    instant: str
    published: str
    day: str
    headline: str
    excerpt: str
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facet:
    """One value by which posts can be chosen, and how many have it."""

    name: str
    count: int


class PostShelf:
    """The search index of one collection."""

    def __init__(self, library: Library, collection: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.collection = collection
        self._library = library
        self._clock = clock
        self._lock = threading.RLock()
        self._looked_at = float("-inf")
        path = library.open_collection(collection).indexes_dir / FILE_NAME
        self._database = open_database(path, _SCHEMA, across_threads=True)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def count(self, wanted: Wanted) -> int:
        """Return how many posts match."""
        where, values = _build_where(wanted)
        return int(self._ask(f"SELECT count(*) FROM posts {where}", values)[0][0])  # noqa: S608 (our own words)

    def list_posts(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Found]:
        """Return the posts that match, the newest first."""
        where, values = _build_where(wanted)
        rows = self._ask(
            "SELECT source, identifier, published, shown, day, headline, text, sections FROM posts "  # noqa: S608
            f"{where} ORDER BY published DESC, id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [self._build_found(row, wanted.words) for row in rows]

    def list_sources(self) -> list[Facet]:
        """Return the sources, and how many posts each has."""
        return [Facet(*row) for row in self._ask("SELECT source, count(*) FROM posts GROUP BY 1 ORDER BY 1")]

    def list_labels(self, kind: str, *, limit: int) -> list[Facet]:
        """Return the most frequent labels of one kind."""
        query = "SELECT name, count(*) FROM labels WHERE kind = ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"
        return [Facet(*row) for row in self._ask(query, (kind, limit))]

    def list_days(self, *, limit: int) -> list[Facet]:
        """Return the latest days that have posts."""
        return [
            Facet(*row)
            for row in self._ask("SELECT day, count(*) FROM posts GROUP BY 1 ORDER BY 1 DESC LIMIT ?", (limit,))
        ]

    def list_made_of(self, record_id: str, url: str, *, limit: int) -> list[tuple[str, str]]:
        """Return source and identifier of the posts made from a capture, or whose page has its address."""
        return self._ask(
            "SELECT source, identifier FROM posts WHERE url = ? OR id IN "
            "(SELECT post FROM witnesses WHERE record_id = ?) ORDER BY published, id LIMIT ?",
            (url, record_id, limit),
        )

    def _build_found(self, row: tuple[Any, ...], words: str) -> Found:
        source, identifier, instant, shown, day, headline, text, sections = row
        return Found(
            collection=self.collection,
            source=source,
            identifier=identifier,
            instant=instant,
            published=shown,
            day=day,
            headline=headline,
            excerpt=build_excerpt(text, words),
            sections=tuple(json.loads(sections)),
        )

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            self._refresh()
            return self._database.execute(query, values).fetchall()

    def _refresh(self) -> None:
        """Bring the index up to date with the ledger."""
        now = self._clock()
        if now - self._looked_at < REFRESH_S:
            return
        ledger = self._library.open_collection(self.collection).indexes_dir / "ledger.sqlite"
        state = _find_state(ledger)
        if exclusions := load_exclusions(self._library.data_dir):
            state += f", without {exclusions.fingerprint}"
        (known,) = self._database.execute("SELECT value FROM state WHERE name = 'ledger'").fetchone() or ("",)
        if state != known:
            self._take_in(state)
        self._looked_at = self._clock()

    def _take_in(self, state: str) -> None:
        database = self._database
        kept = {
            (source, identifier): (number, digest)
            for number, source, identifier, digest in database.execute("SELECT id, source, identifier, hash FROM posts")
        }
        with transaction(database):
            for record in self._library.open_store(self.collection).iter_records():
                number, digest = kept.pop(record.key, (None, ""))
                if digest != (mark := _build_mark(record)):
                    _remove(database, number)
                    _add(database, record, mark)
            for number, _ in kept.values():
                _remove(database, number)
            database.execute("INSERT OR REPLACE INTO state VALUES ('ledger', ?)", (state,))


def build_excerpt(text: str, words: str = "") -> str:
    """Return a line or two of a text: around the first word found in it, else its beginning."""
    flat = " ".join(text.split())
    lower = flat.lower()
    places = [at for word in words.lower().split() if (at := lower.find(word)) >= 0]
    at = min(places, default=0)
    start = max(0, at - _EXCERPT // 3) if at > _EXCERPT // 2 else 0
    end = start + _EXCERPT
    # To the end of a word, where there are words.
    blank = flat.find(" ", end)
    end = blank if 0 <= blank < end + _EXCERPT // 4 else end
    inside = flat[start:end].strip()
    return ("…" if start else "") + (f"{inside.rstrip(' .,;')}…" if end < len(flat) else inside)


def _build_mark(record: PostRecord) -> str:
    """Return a value that changes whenever the rows of a post would."""
    return " ".join([record.contentHash, record.file, *record.symbols, *_list_witnesses(record)])


def _list_witnesses(record: PostRecord) -> list[str]:
    """Return the record ids of the captures behind a post."""
    ids = {evidence.record_id for evidence in record.evidence.values()}
    return sorted(filter(None, ids | {record.capture.record_id if record.capture else ""}))


def _find_state(ledger: Path) -> str:
    """Return a value that changes whenever the ledger may have changed."""
    found = []
    for path in (ledger, ledger.with_name(ledger.name + "-wal")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        # Whoever opens a ledger, be it to read, leaves an empty log behind for a while.
        if not stat.st_size:
            continue
        found.append(f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}")
    return ", ".join(found) or "none"


def _build_where(wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    clauses: list[str] = []
    values: list[str] = []
    query = build_query(wanted.words)
    if query:
        clauses.append("id IN (SELECT rowid FROM search WHERE search MATCH ?)")
        values.append(query)
    for name in ("source", "day"):
        if value := getattr(wanted, name):
            clauses.append(f"{name} = ?")
            values.append(value)
    for label in wanted.list_labels():
        clauses.append("id IN (SELECT post FROM labels WHERE kind = ? AND name = ?)")
        values += label
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), tuple(values)


def _add(database: sqlite3.Connection, record: PostRecord, mark: str) -> None:
    published = record.datePublished.isoformat() if record.datePublished else ""
    instant = record.published_at.isoformat() if record.published_at else ""
    day = published[:10]
    shown = day if record.datePublished_precision == "day" else published
    number = database.execute(
        "INSERT INTO posts (source, identifier, published, shown, day, headline, text, sections, hash, url) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.source,
            record.identifier,
            instant,
            shown,
            day,
            record.headline,
            record.text,
            json.dumps(record.articleSection, ensure_ascii=False),
            mark,
            quote_uri(record.url),
        ),
    ).lastrowid
    database.executemany("INSERT INTO witnesses VALUES (?, ?)", [(name, number) for name in _list_witnesses(record)])
    labels = {("category", name) for name in record.articleSection} | {("tag", name) for name in record.keywords}
    labels |= {("symbol", name) for name in record.symbols}
    database.executemany("INSERT INTO labels VALUES (?, ?, ?)", [(kind, name, number) for kind, name in sorted(labels)])
    names = " | ".join(sorted({name for _, name in labels}))
    database.execute(
        "INSERT INTO search (rowid, headline, text, labels) VALUES (?, ?, ?, ?)",
        (number, segment(record.headline), segment(record.text), segment(names)),
    )


def _remove(database: sqlite3.Connection, number: int | None) -> None:
    if number is not None:
        database.execute("DELETE FROM posts WHERE id = ?", (number,))
        database.execute("DELETE FROM labels WHERE post = ?", (number,))
        database.execute("DELETE FROM witnesses WHERE post = ?", (number,))
        database.execute("DELETE FROM search WHERE rowid = ?", (number,))
