"""The statements of a ledger: each kept once, with all captures in which it was seen.

Captures may move, when WARC files are merged or rewritten, and may be dropped: the ledger then follows its archive.

Numbers are of one file only. What makes two statements the same is their article and what they say, so the union of two
sets is the same whichever is added to which.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pipelines.page.document import CaptureRef
from pipelines.posts.items import (
    Origin,
    Statement,
    digest_statement,
    dump_post,
    dump_statement,
    load_post,
    load_statement,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    FindPlace = Callable[[str, datetime], tuple[str, int] | None]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS statements (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    digest BLOB NOT NULL,           -- of `said`
    said TEXT NOT NULL,             -- what it says, JSON
    UNIQUE (source, identifier, digest)
);
CREATE TABLE IF NOT EXISTS sightings (
    statement INTEGER NOT NULL,
    captured_at TEXT NOT NULL,      -- '' for an item that no archive holds
    record_id TEXT NOT NULL,
    payload_digest TEXT NOT NULL,
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (statement, captured_at, record_id)
) WITHOUT ROWID;
"""
OF: Final = "WHERE source = ? AND (? IS NULL OR identifier = ?)"
_PLACE: Final = "captured_at, record_id, payload_digest, file, offset"
# The first capture that an archive holds of a statement: instant, a blank, record id.
_EARLIEST: Final = """(
    SELECT min(own.captured_at || ' ' || own.record_id) FROM sightings AS own
    WHERE own.statement = number AND own.captured_at <> ''
)"""
_UNION: Final = f"""
INSERT OR IGNORE INTO statements (source, identifier, digest, said)
    SELECT source, identifier, digest, said FROM other.statements ORDER BY number;
INSERT OR IGNORE INTO sightings (statement, {_PLACE})
    SELECT mine.number, {_PLACE} FROM other.sightings
    JOIN other.statements AS theirs ON theirs.number = statement
    JOIN main.statements AS mine USING (source, identifier, digest)
"""  # noqa: S608
_TIMEOUT_S: Final = 30.0
_NAMED: Final = "(SELECT name FROM temp.named)"
_DROP: Final = f"""
UPDATE posts SET due = 1 WHERE (source, identifier) IN (
    SELECT source, identifier FROM statements JOIN sightings ON statement = number WHERE record_id IN {_NAMED}
);
DELETE FROM sightings WHERE record_id IN {_NAMED};
DELETE FROM statements WHERE number NOT IN (SELECT statement FROM sightings)
"""  # noqa: S608

_Key = tuple[str, str]


class StatementSet:
    """The statements of a ledger, in tables of its database; changes belong to the transaction that is open on it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, statement: Statement) -> bool:
        """Add what is said and where it was seen; return whether either is new."""
        said = dump_statement(statement)
        row = (*statement.key, digest_statement(said))
        added = self._database.execute(
            "INSERT OR IGNORE INTO statements (source, identifier, digest, said) VALUES (?, ?, ?, ?)", (*row, said)
        )
        number, is_new = added.lastrowid, added.rowcount > 0
        if not is_new:
            (number,) = self._database.execute(
                "SELECT number FROM statements WHERE source = ? AND identifier = ? AND digest = ?", row
            ).fetchone()
        seen = self._database.execute(
            f"INSERT OR IGNORE INTO sightings (statement, {_PLACE}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (number, *_dump_place(statement.capture)),
        )
        return is_new or seen.rowcount > 0

    def add_other(self) -> None:
        """Add all statements of the ledger that is attached as `other`."""
        for sql in _UNION.split(";"):
            self._database.execute(sql)

    def list_latest(self, key: _Key, *, until: datetime | None) -> list[Statement]:
        """Return what is stated of an article, each statement as it was captured last, with its first capture."""
        last = _dump_instant(until) if until else "~"
        # SQLite takes the other columns from the row that has the maximum.
        rows = self._database.execute(
            f"SELECT said, {_PLACE}, max(captured_at || record_id), {_EARLIEST} FROM statements"  # noqa: S608
            " JOIN sightings ON statement = number WHERE source = ? AND identifier = ? AND captured_at <= ?"
            " GROUP BY number ORDER BY digest",
            (*key, last),
        )
        return [_load(said, *place, earliest=earliest) for said, *place, _, earliest in rows]

    def list_sightings(self, key: _Key) -> list[Statement]:
        """Return every capture of an article with what it states, the earliest first."""
        rows = self._database.execute(
            f"SELECT said, {_PLACE} FROM statements JOIN sightings ON statement = number"  # noqa: S608
            " WHERE source = ? AND identifier = ? ORDER BY captured_at, record_id, digest",
            key,
        )
        return [_load(said, *place) for said, *place in rows]

    def find_articles(self, record_ids: Iterable[str]) -> dict[str, _Key]:
        """Return by record id whose article's page some captures are; one walk through all sightings."""
        self._database.execute("CREATE TEMP TABLE IF NOT EXISTS asked (record_id TEXT PRIMARY KEY)")
        self._database.execute("DELETE FROM asked")
        self._database.executemany("INSERT INTO asked VALUES (?)", ((name,) for name in record_ids))
        rows = self._database.execute(
            "SELECT record_id, source, identifier FROM sightings JOIN asked USING (record_id)"
            " JOIN statements ON number = statement WHERE json_extract(said, '$.origin') = ?",
            (Origin.ARTICLE.value,),
        )
        return {record_id: (source, identifier) for record_id, source, identifier in rows}

    def iter_unarchived(self) -> Iterator[Statement]:
        """Yield the statements that no archive holds the capture of."""
        rows = self._database.execute(
            f"SELECT said, {_PLACE} FROM statements JOIN sightings ON statement = number"  # noqa: S608
            " WHERE captured_at = '' ORDER BY number"
        )
        for said, *place in rows:
            yield _load(said, *place)

    def drop(self, source: str, identifier: str | None) -> None:
        """Forget what is stated of an article, or of all articles of a source."""
        what = (source, identifier, identifier)
        self._database.execute(
            f"DELETE FROM sightings WHERE statement IN (SELECT number FROM statements {OF})",  # noqa: S608
            what,
        )
        self._database.execute(f"DELETE FROM statements {OF}", what)  # noqa: S608


def _dump_place(capture: CaptureRef | None) -> tuple[str, str, str, str, int]:
    if capture is None:
        return ("", "", "", "", 0)
    at = _dump_instant(capture.captured_at)
    return (at, capture.record_id, capture.payload_digest, capture.file, capture.offset)


def _load(said: str, *place: Any, earliest: str | None = None) -> Statement:
    captured_at, record_id, payload_digest, file, offset = place
    capture = None
    if captured_at:
        capture = CaptureRef(
            record_id=record_id,
            captured_at=datetime.fromisoformat(captured_at),
            payload_digest=payload_digest,
            file=file,
            offset=offset,
        )
    statement = load_statement(said, capture)
    if earliest:
        instant, _, first = earliest.partition(" ")
        statement.earliest = (datetime.fromisoformat(instant), first)
    return statement


def _dump_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def list_files(path: Path) -> set[str]:
    """Return the names of the WARC files that a ledger refers to.

    Args:
        path: of a ledger that exists and has been opened by `Ledger` before; so for the other functions.
    """
    with closing(sqlite3.connect(path, timeout=_TIMEOUT_S)) as database:
        return {name for (name,) in database.execute("SELECT DISTINCT file FROM sightings WHERE file <> ''")}


def move_captures(path: Path, files: Iterable[str], find_place: FindPlace) -> int:
    """Note where the captures are that a ledger looks for in some WARC files; no statement changes.

    Args:
        find_place: gives file name and offset by record id and instant; None leaves the note as it is.

    Returns:
        How many captures have another place now.
    """
    with closing(_open(path, files)) as database:
        database.execute("BEGIN IMMEDIATE")
        count = _move_sightings(database, find_place)
        _move_posts(database, find_place)
        database.execute("COMMIT")
    return count


def drop_captures(path: Path, record_ids: Iterable[str]) -> None:
    """Drop what is only stated by some captures; the posts of their articles are due to be settled again."""
    with closing(_open(path, record_ids)) as database:
        database.execute("BEGIN IMMEDIATE")
        for sql in _DROP.split(";"):
            database.execute(sql)
        database.execute("COMMIT")


def _open(path: Path, names: Iterable[str]) -> sqlite3.Connection:
    """Open a ledger, with some names in a table beside it."""
    database = sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT_S)
    database.execute("CREATE TEMP TABLE named (name TEXT PRIMARY KEY) WITHOUT ROWID")
    database.execute("BEGIN")
    database.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((name,) for name in names))
    database.execute("COMMIT")
    return database


def _move_sightings(database: sqlite3.Connection, find_place: FindPlace) -> int:
    rows = database.execute(
        "SELECT statement, captured_at, record_id, file, offset FROM sightings"  # noqa: S608
        f" WHERE file IN {_NAMED} AND captured_at <> ''"
    ).fetchall()
    changed = []
    for statement, captured_at, record_id, *place in rows:
        found = find_place(record_id, datetime.fromisoformat(captured_at))
        if found is not None and found != tuple(place):
            changed.append((*found, statement, captured_at, record_id))
    database.executemany(
        "UPDATE sightings SET file = ?, offset = ? WHERE statement = ? AND captured_at = ? AND record_id = ?", changed
    )
    return len({record_id for *_, record_id in changed})


def _move_posts(database: sqlite3.Connection, find_place: FindPlace) -> None:
    rows = database.execute(
        "SELECT source, identifier, state FROM posts"  # noqa: S608
        f" WHERE state <> '' AND json_extract(state, '$.capture.file') IN {_NAMED}"
    ).fetchall()
    for *key, state in rows:
        post = load_post(state)
        assert post.capture is not None
        found = find_place(post.capture.record_id, post.capture.captured_at)
        if found is None:
            continue
        post.capture = replace(post.capture, file=found[0], offset=found[1])
        if (moved := dump_post(post)) != state:
            database.execute("UPDATE posts SET state = ? WHERE source = ? AND identifier = ?", (moved, *key))
