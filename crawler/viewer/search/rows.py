"""The rows of the search index."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from archives.storage.databases import Schema
from archives.warc.records import quote_uri
from crawler.viewer.search.language import fold_label
from crawler.viewer.search.lookup import DOUBTFUL, PER_SECOND, number_instant
from crawler.viewer.search.stems import list_tokens
from crawler.viewer.search.tokens import list_beginnings, list_label_tokens
from crawler.viewer.search.words import cut

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from pipelines.exports.records import PostRecord

# A contentless full-text index: the text itself is in `posts` and `texts`.
_SCRIPT: Final = """
CREATE TABLE posts (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, identifier TEXT NOT NULL, published TEXT NOT NULL,
    shown TEXT NOT NULL, day TEXT NOT NULL, headline TEXT NOT NULL, language TEXT NOT NULL, sections TEXT NOT NULL,
    mark TEXT NOT NULL, url TEXT NOT NULL, UNIQUE (source, identifier)
);
CREATE INDEX posts_url ON posts (url);
CREATE INDEX posts_day ON posts (day);
CREATE TABLE days (day TEXT PRIMARY KEY, posts INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE labels (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL,
    posts INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, name)
);
CREATE INDEX labels_folded ON labels (kind, folded);
CREATE INDEX labels_posts ON labels (kind, posts);
CREATE INDEX labels_unused ON labels (posts) WHERE posts = 0;
CREATE TABLE labelled (post INTEGER NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (post, label)) WITHOUT ROWID;
CREATE INDEX labelled_label ON labelled (label, post);
CREATE TABLE witnesses (record_id TEXT NOT NULL, post INTEGER NOT NULL, PRIMARY KEY (record_id, post)) WITHOUT ROWID;
CREATE INDEX witnesses_post ON witnesses (post);
CREATE VIRTUAL TABLE search USING fts5(
    tokens, headline, text, labels, stems, content='',
    tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS: Final = "tokens, headline, text, labels, stems"
SCHEMA: Final = Schema(version=7, script=_SCRIPT, is_derived=True, synchronous="OFF")
KINDS: Final = ("source", "category", "tag", "symbol", "lang", "is")
# Labels that a plain word is looked for in, too; a section is what half of the posts have in common.
_SEARCHED: Final = ("tag", "symbol")


def put_post(database: sqlite3.Connection, record: PostRecord) -> bool:
    """Have the index say what a record says; return whether it did not before."""
    found = database.execute(
        "SELECT id, mark FROM posts WHERE source = ? AND identifier = ?", (record.source, record.identifier)
    ).fetchone()
    mark = _build_mark(record)
    if found and found[1] == mark:
        return _put_witnesses(database, found[0], record)
    if found:
        drop_post(database, record.key)
    _add(database, record, mark)
    return True


def _put_witnesses(database: sqlite3.Connection, number: int, record: PostRecord) -> bool:
    """Have the index name the captures behind a post; a later crawl has others of most posts that did not change."""
    wanted = {(name, number) for name in _list_witnesses(record)}
    known = set(database.execute("SELECT record_id, post FROM witnesses WHERE post = ?", (number,)))
    database.executemany("DELETE FROM witnesses WHERE record_id = ? AND post = ?", known - wanted)
    database.executemany("INSERT INTO witnesses VALUES (?, ?)", wanted - known)
    return wanted != known


def drop_post(database: sqlite3.Connection, key: tuple[str, str]) -> bool:
    """Take a post out of the index; return whether it was there."""
    found = database.execute(
        "SELECT id, headline, text, language, day FROM posts JOIN texts USING (id) WHERE source = ? AND identifier = ?",
        key,
    ).fetchone()
    if found is None:
        return False
    number, headline, text, language, day = found
    labels = set(
        database.execute(
            "SELECT kind, name FROM labelled JOIN labels ON labels.id = labelled.label WHERE post = ?", (number,)
        )
    )
    # A contentless index needs the old text to delete an entry.
    database.execute(
        f"INSERT INTO search (search, rowid, {_COLUMNS}) VALUES ('delete', ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (number, *_list_searched(headline, text, labels, language)),
    )
    database.execute(
        "UPDATE labels SET posts = posts - 1 WHERE id IN (SELECT label FROM labelled WHERE post = ?)", (number,)
    )
    database.execute("UPDATE days SET posts = posts - 1 WHERE day = ?", (day,))
    database.execute("DELETE FROM days WHERE day = ? AND posts = 0", (day,))
    for table, column in (("posts", "id"), ("texts", "id"), ("labelled", "post"), ("witnesses", "post")):
        database.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608 (our own words)
    database.execute("DELETE FROM labels WHERE posts = 0")
    return True


def _add(database: sqlite3.Connection, record: PostRecord, mark: str) -> None:
    published = record.datePublished.isoformat() if record.datePublished else ""
    day = published[:10]
    number = _choose_number(database, record.published_at)
    row: dict[str, Any] = {
        "id": number,
        "source": record.source,
        "identifier": record.identifier,
        "published": record.published_at.isoformat() if record.published_at else "",
        "shown": day if record.datePublished_precision == "day" else published,
        "day": day,
        "headline": record.headline,
        "language": record.inLanguage,
        "sections": json.dumps(record.articleSection, ensure_ascii=False),
        "mark": mark,
        "url": quote_uri(record.url),
    }
    database.execute(
        f"INSERT INTO posts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 (our own words)
        tuple(row.values()),
    )
    if day:
        database.execute(
            "INSERT INTO days VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET posts = posts + 1",
            (day,),
        )
    database.execute("INSERT INTO texts VALUES (?, ?)", (number, record.text))
    labels = _list_labels(record)
    for kind, name in sorted(labels):
        (label,) = database.execute(
            "INSERT INTO labels (kind, name, folded, posts) VALUES (?, ?, ?, 1)"
            " ON CONFLICT (kind, name) DO UPDATE SET posts = posts + 1 RETURNING id",
            (kind, name, fold_label(name)),
        ).fetchone()
        database.execute("INSERT INTO labelled VALUES (?, ?)", (number, label))
    database.execute(
        f"INSERT INTO search (rowid, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 (our own words)
        (number, *_list_searched(record.headline, record.text, labels, record.inLanguage)),
    )
    _put_witnesses(database, number, record)


def _choose_number(database: sqlite3.Connection, instant: datetime | None) -> int:
    """Return a free number among those of an instant; posts without a date come before all others.

    Where very many posts are of one second, their numbers continue into the seconds that follow.
    """
    first = number_instant(instant) if instant else 0
    room = PER_SECOND
    while True:
        query = "SELECT max(id) FROM posts WHERE id BETWEEN ? AND ?"
        (last,) = database.execute(query, (first, first + room - 1)).fetchone()
        if last is None or last < first + room - 1:
            return first if last is None else int(last) + 1
        room *= 2


def _list_labels(record: PostRecord) -> set[tuple[str, str]]:
    labels = {("source", record.source)} | {("category", name) for name in record.articleSection}
    labels |= {("tag", name) for name in record.keywords} | {("symbol", name) for name in record.symbols}
    labels |= {DOUBTFUL} if record.doubts else set()
    return labels | ({("lang", record.inLanguage)} if record.inLanguage else set())


def _list_searched(headline: str, text: str, labels: set[tuple[str, str]], language: str) -> tuple[str, ...]:
    """Return the columns of the index of words: words with a blank between them."""
    names = [word for kind, name in sorted(labels) if kind in _SEARCHED for word in cut(name)]
    title, words = cut(headline), cut(text)
    everything = {*title, *words, *names}
    tokens = [*list_label_tokens(labels), *list_beginnings(title, in_title=True), *list_beginnings(everything)]
    stems = [*list_tokens(title, language, in_title=True), *list_tokens(everything, language)]
    return tuple(" ".join(column) for column in (tokens, title, words, names, stems))


def _build_mark(record: PostRecord) -> str:
    """Return a value that changes whenever the rows of a post would, but for those that name its captures."""
    doubts = sorted({doubt.reason for doubt in record.doubts})
    return " ".join([record.contentHash, record.file, *record.symbols, *doubts])


def _list_witnesses(record: PostRecord) -> list[str]:
    """Return the record ids of the captures behind a post."""
    ids = {evidence.record_id for evidence in record.evidence.values()}
    return sorted(filter(None, ids | {record.capture.record_id if record.capture else ""}))
