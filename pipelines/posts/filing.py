"""The state of an article in the ledger: settled or not, its post's file, and when that changed.

The log of filings gives every post that has a file, or had one, a position that grows whenever the post or its file
name changes. Triggers keep it, so it is true whichever program writes the ledger. Who remembers the log's name and the
last position asks for what came after that and reads nothing twice. A ledger that was replaced has a new name; who
finds one reads all of it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Key = tuple[str, str]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS filings (
    position INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, identifier TEXT NOT NULL,
    UNIQUE (source, identifier)
);
CREATE TABLE IF NOT EXISTS filings_name (name TEXT NOT NULL);
INSERT INTO filings_name SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM filings_name);
CREATE TRIGGER IF NOT EXISTS filing_added AFTER INSERT ON posts WHEN new.file <> '' BEGIN
    DELETE FROM filings WHERE source = new.source AND identifier = new.identifier;
    INSERT INTO filings (source, identifier) VALUES (new.source, new.identifier);
END;
CREATE TRIGGER IF NOT EXISTS filing_changed AFTER UPDATE OF state, file ON posts
WHEN (new.file <> '' OR old.file <> '') AND (new.state <> old.state OR new.file <> old.file) BEGIN
    DELETE FROM filings WHERE source = new.source AND identifier = new.identifier;
    INSERT INTO filings (source, identifier) VALUES (new.source, new.identifier);
END;
CREATE TRIGGER IF NOT EXISTS filing_gone AFTER DELETE ON posts WHEN old.file <> '' BEGIN
    DELETE FROM filings WHERE source = old.source AND identifier = old.identifier;
    INSERT INTO filings (source, identifier) VALUES (old.source, old.identifier);
END;
"""
_RENEWAL: Final = """
BEGIN IMMEDIATE;
DELETE FROM filings WHERE NOT EXISTS (
    SELECT 1 FROM posts WHERE posts.source = filings.source AND posts.identifier = filings.identifier
);
UPDATE filings_name SET name = lower(hex(randomblob(8)));
COMMIT;
"""
_TIMEOUT_S: Final = 30.0
WRITTEN: Final = "UPDATE posts SET due = 0, filed = ?, file = ? WHERE source = ? AND identifier = ?"
_UNRIVALLED: Final = """
SELECT source, identifier FROM posts AS own
WHERE due = 2 AND file = '' AND claim <> '' AND (source, identifier) > (?, ?) AND NOT EXISTS (
    SELECT 1 FROM posts AS rival WHERE rival.claim = own.claim AND (rival.file <> '' OR rival.due = 2)
    AND (rival.source, rival.identifier) <> (own.source, own.identifier)
) ORDER BY source, identifier LIMIT ?
"""
_LISTED_AT_ONCE: Final = 200
_IS_STATED: Final = """EXISTS (
    SELECT 1 FROM main.statements AS own WHERE own.source = posts.source AND own.identifier = posts.identifier
)"""
_ANSWERED: Final = "unite_words(iif(posts.run = :run, posts.answered, ''), theirs.answered)"
# What is known of another ledger's articles once its statements are in the set. Either may have seen what the other
# still waits for. What is settled there and not yet filed need not be settled again. The unary
# plus makes SQLite look up the other ledger's articles in ours instead of scanning ours, which are many more.
_UNION: Final = f"""
INSERT OR IGNORE INTO unsketched SELECT source, identifier FROM other.posts WHERE state <> '';
UPDATE posts SET
    run = :run,
    answered = {_ANSWERED},
    waits_for = find_awaited(coalesce(nullif(theirs.waits_for, ''), posts.waits_for), {_ANSWERED}),
    due = {_IS_STATED}
FROM other.posts AS theirs WHERE posts.source = +theirs.source AND posts.identifier = +theirs.identifier;
INSERT OR IGNORE INTO posts (source, identifier, state, run, answered, waits_for, due, claim)
    SELECT source, identifier, state, :run, answered, waits_for, iif(due = 2, 2, {_IS_STATED}), iif(due = 2, claim, '')
    FROM other.posts
"""  # noqa: S608


class Outcome(StrEnum):
    """What a run did to a post's file; what it does to the same file later in the run is part of that."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A post's right to a file name; of several with the same claim the smallest key has it."""

    key: _Key
    claim: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """How far an article has come: what it was settled into last, and which file that became.

    Attributes:
        state: the post as it was settled last, as `load_post` reads it; '' before.
        is_settled: nothing was stated since, only its file is behind.
        claim: None if it has no file yet.
        outcome: what this run has done for its file so far, or ''.
    """

    state: str
    is_settled: bool
    claim: Claim | None
    outcome: str


class FilingLog:
    """The log of filings of a ledger, to be read.

    Args:
        path: of a ledger that exists and has been opened by `Ledger` before.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT_S)
        query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'filings_name')"
        (self._is_kept,) = self._database.execute(query).fetchone()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find_end(self) -> tuple[str, int]:
        """Return the name of the log and the position behind its last entry; '' and 0 if the ledger has no log."""
        if not self._is_kept:
            return "", 0
        name, last = self._database.execute(
            "SELECT (SELECT name FROM filings_name), coalesce((SELECT max(position) FROM filings), 0)"
        ).fetchone()
        return name, last

    def list_since(self, position: int, *, limit: int) -> list[tuple[int, _Key]]:
        """Return what changed behind a position, in order."""
        if not self._is_kept:
            return []
        rows = self._database.execute(
            "SELECT position, source, identifier FROM filings WHERE position > ? ORDER BY position LIMIT ?",
            (position, limit),
        )
        return [(at, (source, identifier)) for at, source, identifier in rows]

    def list_keys(self, after: _Key, *, limit: int) -> list[_Key]:
        """Return the keys of the articles that come after one, in their order, with or without a file."""
        query = "SELECT source, identifier FROM posts WHERE (source, identifier) > (?, ?) ORDER BY 1, 2 LIMIT ?"
        return [(source, identifier) for source, identifier in self._database.execute(query, (*after, limit))]

    def count(self) -> int:
        """Return how many articles there are."""
        return int(self._database.execute("SELECT count(*) FROM posts").fetchone()[0])


def add_other(database: sqlite3.Connection, run: str) -> None:
    """Add what is known of the articles of the ledger that is attached as `other`."""
    database.create_function("unite_words", -1, _unite_words, deterministic=True)
    database.create_function("find_awaited", 2, _find_awaited, deterministic=True)
    for sql in _UNION.split(";"):
        database.execute(sql, {"run": run})


def _unite_words(*words: str) -> str:
    return " ".join(sorted({word for text in words for word in text.split()}))


def _find_awaited(waits_for: str, answered: str) -> str:
    return "" if waits_for in answered.split() else waits_for


def iter_unrivalled(database: sqlite3.Connection) -> Iterator[_Key]:
    """Do what `Ledger.iter_unrivalled` does."""
    last: _Key = ("", "")
    while rows := database.execute(_UNRIVALLED, (*last, _LISTED_AT_ONCE)).fetchall():
        yield from rows
        last = rows[-1]


def add_log(database: sqlite3.Connection) -> None:
    """Give a ledger of before there were logs its log; one that cannot be written goes without."""
    try:
        database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise


def renew_log(database: sqlite3.Connection) -> None:
    """Forget what is gone, and have everybody who follows the log read the whole ledger again."""
    database.executescript(_RENEWAL)
