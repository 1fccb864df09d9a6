"""Pages that a source still owes: failed requests, remembered until they succeed or the page is gone for good.

A list shows an article for a day; a page that failed on that day would never be met again. So whatever a run wanted
and did not get is written down here, and later runs ask for it, after pauses that grow. Beside it stands by which rules
the lists of a source were last walked to their ends, since better rules may find more behind the first pages.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from archives.storage.databases import Schema, find_writable, open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FILE_NAME: Final = "owed.sqlite"
_HOUR_S: Final = 3_600.0
_DAY_S: Final = 24 * _HOUR_S
_LONGEST_PAUSE_S: Final = 7 * _DAY_S
# A list that shows an article again is believed rather than the pause, but for those that failed again and again.
_PATIENT_TRIES: Final = 3
# What answers 404 may have been announced too early; after a week it was a mistake.
_MISSING_FOR_S: Final = 7 * _DAY_S
_MISSING: Final = "http_404"
_GONE: Final = "http_410"
_FOREVER_S: Final = 400 * _DAY_S

_SCRIPT = """
CREATE TABLE IF NOT EXISTS owed (
    source TEXT NOT NULL,
    url TEXT NOT NULL,
    kind TEXT NOT NULL,             -- article, next, category, listing, sitemap, feed
    reason TEXT NOT NULL,           -- why it was not fetched: the word of failures/<reason>, or cut_short, or a bound
    origin TEXT NOT NULL,           -- of a list page: the page that led to it
    edge TEXT NOT NULL,             -- and the last articles of that page, JSON
    first_at REAL NOT NULL,         -- seconds since the epoch
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL,
    is_shared INTEGER NOT NULL DEFAULT 0,  -- the server of a shared frontier has it, too
    PRIMARY KEY (source, url)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS walks (
    source TEXT PRIMARY KEY,
    rules TEXT NOT NULL             -- digest of those by which all lists were walked to their ends
) WITHOUT ROWID;
"""
_REFUSALS = """
CREATE TABLE IF NOT EXISTS refusals (
    source TEXT PRIMARY KEY,
    count INTEGER NOT NULL          -- articles in a row that were refused
) WITHOUT ROWID;
"""
# url, kind, reason, origin, edge, first_at, due_at, tries
Row: TypeAlias = tuple[str, str, str, str, str, float, float, int]
SCHEMA: Final = Schema(
    version=3,
    script=_SCRIPT + _REFUSALS,
    upgrades={1: _REFUSALS, 2: "ALTER TABLE owed ADD COLUMN is_shared INTEGER NOT NULL DEFAULT 0;"},
    synchronous="NORMAL",
    loss="the next run walks all lists to their ends, and articles that no list shows any more are not requested again",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One page that could not be fetched.

    Attributes:
        origin: of a list page, the page that led to it.
        edge: the last articles of that page: behind them lies what is missing.
        first_at: seconds since the epoch, when it first failed.
    """

    url: str
    kind: str
    reason: str = ""
    origin: str = ""
    edge: tuple[str, ...] = ()
    first_at: float = 0.0
    tries: int = 0


class OwedTable:
    """What one source owes.

    Args:
        path: the SQLite file of the collection.
        clock: seconds since the epoch.

    Raises:
        archives.errors.DatabaseError: it is damaged or of another version.
        sqlite3.OperationalError: it cannot be written.
    """

    def __init__(self, path: Path, source: str, *, clock: Callable[[], float] = time.time) -> None:
        self._database = open_database(path, SCHEMA)
        self._source = source
        self._clock = clock
        rows = self._database.execute("SELECT url FROM owed WHERE source = ?", (source,))
        self._urls = {url for (url,) in rows}

    def __len__(self) -> int:
        return len(self._urls)

    def __contains__(self, url: object) -> bool:
        return url in self._urls

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def add(self, debts: Iterable[Debt]) -> int:
        """Note what could not be fetched; the pause before it is requested again doubles each time.

        Returns:
            How many were given up: what is gone, was missing for a week, or failed for more than a year.
        """
        now = self._clock()
        given_up = 0
        with transaction(self._database):
            for debt in debts:
                known = self._database.execute(
                    "SELECT first_at, tries FROM owed WHERE source = ? AND url = ?", (self._source, debt.url)
                ).fetchone()
                first_at, tries = known or (now, 0)
                if is_over(debt.reason, now - first_at):
                    given_up += known is not None
                    self._forget(debt.url)
                    continue
                edge = json.dumps(debt.edge, ensure_ascii=False)
                due_at = now + find_pause(tries + (debt.reason == _MISSING))
                row = (debt.url, debt.kind, debt.reason, debt.origin, edge, first_at, due_at, tries + 1)
                self._write(row)
        return given_up

    def settle(self, url: str) -> bool:
        """Note that a page was fetched; return whether it was owed."""
        if url not in self._urls:
            return False
        self._forget(url)
        return True

    def _write(self, row: Row, *, is_shared: bool = False) -> None:
        values = (self._source, *row, is_shared)
        self._database.execute("INSERT OR REPLACE INTO owed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._urls.add(row[0])

    def _replace(self, rows: Iterable[Row]) -> None:
        """Replace the rows of the source by those that the server has."""
        with transaction(self._database):
            self._database.execute("DELETE FROM owed WHERE source = ?", (self._source,))
            self._urls.clear()
            for row in rows:
                OwedTable._write(self, row, is_shared=True)

    def _list_rows(self, *, with_shared: bool) -> list[Row]:
        rows: list[Row] = self._database.execute(
            "SELECT url, kind, reason, origin, edge, first_at, due_at, tries FROM owed"
            " WHERE source = ? AND (is_shared = 0 OR ?)",
            (self._source, with_shared),
        ).fetchall()
        return rows

    def _forget(self, url: str) -> None:
        self._database.execute("DELETE FROM owed WHERE source = ? AND url = ?", (self._source, url))
        self._urls.discard(url)

    def is_waiting(self, url: str) -> bool:
        """Return whether a page has failed again and again, and its next try is not due."""
        if url not in self._urls:
            return False
        due_at, tries = self._database.execute(
            "SELECT due_at, tries FROM owed WHERE source = ? AND url = ?", (self._source, url)
        ).fetchone()
        return bool(tries >= _PATIENT_TRIES and due_at > self._clock())

    def find_failure(self, url: str) -> str:
        """Return why an article is owed, or '' where it is not."""
        if url not in self._urls:
            return ""
        query = "SELECT reason FROM owed WHERE source = ? AND url = ? AND kind = 'article'"
        row = self._database.execute(query, (self._source, url)).fetchone()
        return str(row[0]) if row else ""

    def count_refusals(self) -> int:
        """Return how many articles in a row were refused when a run last ended."""
        row = self._database.execute("SELECT count FROM refusals WHERE source = ?", (self._source,)).fetchone()
        return int(row[0]) if row else 0

    def note_refusals(self, count: int) -> None:
        """Note how many articles in a row were refused."""
        self._database.execute("INSERT OR REPLACE INTO refusals VALUES (?, ?)", (self._source, count))

    def list_due(self, *, is_all: bool = False) -> list[Debt]:
        """Return what may be requested now: lists first, since more stands behind them, then what was lost last."""
        rows = self._database.execute(
            "SELECT url, kind, reason, origin, edge, first_at, tries FROM owed WHERE source = ? AND due_at <= ?"
            " ORDER BY kind = 'article', first_at DESC, url",
            (self._source, float("inf") if is_all else self._clock()),
        )
        return [
            Debt(
                url=url,
                kind=kind,
                reason=reason,
                origin=origin,
                edge=tuple(json.loads(edge)),
                first_at=first_at,
                tries=tries,
            )
            for url, kind, reason, origin, edge, first_at, tries in rows
        ]

    def has_walked(self, rules: str) -> bool:
        """Return whether all lists were walked to their ends by these rules."""
        row = self._database.execute("SELECT rules FROM walks WHERE source = ?", (self._source,)).fetchone()
        return row is not None and row[0] == rules

    def note_walk(self, rules: str) -> None:
        """Note that all lists have been walked to their ends, but for what is owed."""
        self._database.execute("INSERT OR REPLACE INTO walks VALUES (?, ?)", (self._source, rules))


def find_pause(tries: int) -> float:
    """Return how many seconds to wait before a page is requested again: none, an hour, two, four, to a week."""
    return 0.0 if tries == 0 else min(_LONGEST_PAUSE_S, _HOUR_S * 2 ** min(tries - 1, 20))


def is_over(reason: str, age_s: float) -> bool:
    """Return whether there is no sense in asking again. Spec: RFC 9110 §15.5.5 (404), §15.5.11 (410)."""
    return reason == _GONE or (reason == _MISSING and age_s > _MISSING_FOR_S) or age_s > _FOREVER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """How much a source owes.

    Attributes:
        since: when the eldest of it first failed, aware UTC.
    """

    count: int
    since: datetime


def count_owed(path: Path) -> dict[str, Owed]:
    """Return by source what is owed; nothing if the file is not there."""
    if not path.is_file():
        return {}
    with find_writable(path) as found, closing(open_database(found, SCHEMA)) as database:
        rows = database.execute("SELECT source, count(*), min(first_at) FROM owed GROUP BY source").fetchall()
    return {source: Owed(count=count, since=datetime.fromtimestamp(first, UTC)) for source, count, first in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedFor:
    """How much a source owes for one reason.

    Attributes:
        example: an address.
    """

    reason: str
    count: int
    example: str


def list_reasons(path: Path, source: str) -> list[OwedFor]:
    """Return why a source owes pages, the most frequent reason first; nothing if the file is not there."""
    if not path.is_file():
        return []
    with find_writable(path) as found, closing(open_database(found, SCHEMA)) as database:
        rows = database.execute(
            "SELECT reason, count(*), min(url) FROM owed WHERE source = ? GROUP BY reason ORDER BY 2 DESC, 1", (source,)
        ).fetchall()
    return [OwedFor(reason=reason, count=count, example=url) for reason, count, url in rows]


__all__ = [
    "FILE_NAME",
    "Debt",
    "Owed",
    "OwedFor",
    "OwedTable",
    "Row",
    "count_owed",
    "find_pause",
    "is_over",
    "list_reasons",
]
