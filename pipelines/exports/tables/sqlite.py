"""SQLite with full-text search, in one file.

SQLite's tokenisers cut text at blanks, of which Chinese has none, or into threes, while most of its words have two
characters. So the index holds the text with a blank around every character of a script without blanks, and a query is
cut the same way and asked for as a phrase: then 智能 is found inside 人工智能. The index keeps no copy of the text; it
names `posts` as its content, by which datasette knows that the table can be searched.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.exports.files import replace_file
from pipelines.exports.loading import load_row
from pipelines.exports.records import COLUMNS, NAMES, SCHEMA, Kind, build_row, iter_sound
from pipelines.exports.schemas import dump_schema
from pipelines.late_patterns import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_PAGE_BYTES = 8192
_SEARCHED = ("headline", "text", "keywords")
_LISTS = tuple(column.name for column in COLUMNS if column.kind in (Kind.LIST, Kind.OBJECT))
# Scripts written without blanks: Han, kana, Hangul syllables and their compatibility forms, Thai, Lao, Khmer, Myanmar.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_CHARACTER = compile_late(f"([{_UNSPACED}\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff])")

_TYPES = {Kind.INTEGER: "INTEGER"}
_TABLE = ",\n    ".join(f'"{name}" {_TYPES.get(kind, "TEXT")}' for name, kind, _ in COLUMNS)
_SCHEMA = f"""
CREATE TABLE posts (
    {_TABLE},
    PRIMARY KEY (collection, id)
);
CREATE VIRTUAL TABLE search USING fts5({", ".join(_SEARCHED)}, content="posts", tokenize='unicode61');
CREATE TABLE export (name TEXT PRIMARY KEY, value TEXT);
"""
_INDEXES = """
CREATE INDEX posts_published ON posts ("publishedAt");
CREATE INDEX posts_source ON posts (source, "publishedAt");
"""


def export_sqlite(records: Iterable[PostRecord], target: Path) -> int:
    """Write the records to a database; return how many they are."""
    with replace_file(target) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = OFF")  # the file is not visible before it is complete
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        count = _insert(database, iter_sound(records))
        described = [("schema", SCHEMA), ("json_schema", dump_schema("newsreel-post-2"))]
        database.executemany("INSERT INTO export VALUES (?, ?)", described)
        database.execute("COMMIT")
        database.executescript(_INDEXES)
        database.execute("INSERT INTO search (search) VALUES ('optimize')")
    return count


def _insert(database: sqlite3.Connection, records: Iterable[PostRecord]) -> int:
    count = 0
    slots = ", ".join("?" * len(NAMES))
    for record in records:
        row = tuple(_dump_cell(value) for value in build_row(record))
        # An erasure takes the place of the withdrawal before it; neither has words to find.
        insert = f"INSERT OR REPLACE INTO posts VALUES ({slots})"  # noqa: S608 (only slots)
        number = database.execute(insert, row).lastrowid
        searched = (record.headline, record.text, " | ".join(record.keywords))
        database.execute(
            "INSERT INTO search (rowid, headline, text, keywords) VALUES (?, ?, ?, ?)",
            (number, *map(segment, searched)),
        )
        count += 1
    return count


def segment(text: str) -> str:
    """Return the text with blanks around each character of a script that is written without them."""
    return text if text.isascii() else _CHARACTER.sub(r" \1 ", text)


def build_query(words: str) -> str:
    """Return the FTS5 query that finds texts with all of the words, each inside whatever word it stands."""
    phrases = ('"' + " ".join(segment(word).split()).replace('"', '""') + '"' for word in words.split())
    return " ".join(phrases)


def search(database: sqlite3.Connection, words: str, *, limit: int = 20) -> list[str]:
    """Return the ids of the posts that hold all of the words, the best first."""
    query = build_query(words)
    if not query:
        return []
    rows = database.execute(
        "SELECT posts.id FROM search JOIN posts ON posts.rowid = search.rowid WHERE search MATCH ?"
        " ORDER BY search.rank LIMIT ?",
        (query, limit),
    )
    return [identifier for (identifier,) in rows]


def read_sqlite(path: Path) -> Iterator[PostRecord]:
    """Yield the records of such a file, in the order in which they were written."""
    with closing(sqlite3.connect(path)) as database:
        for row in database.execute("SELECT * FROM posts ORDER BY rowid"):
            values: dict[str, Any] = dict(zip(NAMES, row, strict=True))
            for name in _LISTS:
                values[name] = json.loads(values[name])
            at = values["capture_captured_at"]
            values["capture_captured_at"] = datetime.fromisoformat(at) if at else None
            yield load_row(values)


def _dump_cell(value: Any) -> Any:
    if isinstance(value, tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, datetime) else value
