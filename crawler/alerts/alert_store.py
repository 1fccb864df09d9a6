"""Current alerts and the receivers notified of them, in `alerts.sqlite`: each alert is sent once, even after a crash.

A message is the difference between the current alerts and those the receiver was notified of. It is recorded only after
it has been delivered; if the process dies before that, the message is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from archives.storage.databases import Schema, open_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FILE_NAME: Final = "alerts.sqlite"
# How long a process may send to a receiver exclusively.
_CLAIM_S: Final = 120.0
_KEY: Final = "collection TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL"
_SCRIPT: Final = f"""
CREATE TABLE IF NOT EXISTS standing (
    {_KEY}, message TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (collection, source, kind)
);
CREATE TABLE IF NOT EXISTS notified (
    receiver TEXT NOT NULL, {_KEY}, message TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (receiver, collection, source, kind)
);
CREATE TABLE IF NOT EXISTS receiver (
    name TEXT PRIMARY KEY,
    last_sent REAL NOT NULL DEFAULT 0,           -- seconds since 1970
    claimed_until REAL NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''          -- of the last attempt
);
"""
SCHEMA: Final = Schema(version=1, script=_SCRIPT, is_private=True, loss="current alerts are then sent once more")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CurrentAlert:
    """An alert, current or ended.

    Attributes:
        kind: an `AlertKind`.
        message: one line for people.
        since: when it was first seen.
    """

    collection: str
    source: str
    kind: str
    message: str
    since: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two the same alert; its message may change with its numbers."""
        return self.collection, self.source, self.kind


class AlertStore:
    """The alerts of a data directory and the receivers notified of them.

    Args:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_database(path, SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._database.close()

    def replace(self, found: Iterable[CurrentAlert], *, examined: Iterable[tuple[str, str]] | None) -> None:
        """Put the alerts that were found in the place of those of the same sources.

        Args:
            examined: collection and source of all that were looked at; None if that is every one there is.
        """
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            before = {alert.key: alert for alert in self.list_current()}
            if examined is None:
                self._database.execute("DELETE FROM standing")
            else:
                self._database.executemany("DELETE FROM standing WHERE collection = ? AND source = ?", list(examined))
            rows = [
                (*alert.key, alert.message, before.get(alert.key, alert).since.timestamp()) for alert in sorted(found)
            ]
            # Of two of one kind the first stands for both.
            self._database.executemany("INSERT OR IGNORE INTO standing VALUES (?, ?, ?, ?, ?)", rows)

    def list_current(self) -> list[CurrentAlert]:
        """Return the current alerts, sorted."""
        return self._list("SELECT * FROM standing")

    def list_notified(self, receiver: str) -> list[CurrentAlert]:
        """Return the alerts that a receiver was notified of and that have not ended for it, sorted."""
        return self._list(
            "SELECT collection, source, kind, message, since FROM notified WHERE receiver = ?", (receiver,)
        )

    def claim(self, receiver: str, *, every_s: float, now: float) -> bool:
        """Return whether a message may be sent to a receiver now, and if so keep others from doing it, too."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT OR IGNORE INTO receiver (name) VALUES (?)", (receiver,))
            row = self._database.execute(
                "UPDATE receiver SET claimed_until = ? WHERE name = ? AND claimed_until <= ? AND last_sent + ? <= ?"
                " RETURNING name",
                (now + _CLAIM_S, receiver, now, every_s, now),
            ).fetchone()
        return row is not None

    def record_sent(
        self, receiver: str, begun: Sequence[CurrentAlert], ended: Sequence[CurrentAlert], now: float
    ) -> None:
        """Record a delivered message."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "DELETE FROM notified WHERE receiver = ? AND collection = ? AND source = ? AND kind = ?",
                [(receiver, *alert.key) for alert in ended],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO notified VALUES (?, ?, ?, ?, ?, ?)",
                [(receiver, *alert.key, alert.message, alert.since.timestamp()) for alert in begun],
            )
            self._database.execute(
                "UPDATE receiver SET last_sent = ?, claimed_until = 0, error = '' WHERE name = ?", (now, receiver)
            )

    def record_failed(self, receiver: str, error: str) -> None:
        """Record a failed delivery; the message is sent again the next time."""
        with self._database:
            self._database.execute("UPDATE receiver SET claimed_until = 0, error = ? WHERE name = ?", (error, receiver))

    def release(self, receiver: str) -> None:
        """Give a claim back."""
        with self._database:
            self._database.execute("UPDATE receiver SET claimed_until = 0 WHERE name = ?", (receiver,))

    def find_last_sent(self, receiver: str) -> tuple[datetime | None, str]:
        """Return when a receiver was last notified, and the error of its last attempt or ''."""
        row = self._database.execute("SELECT last_sent, error FROM receiver WHERE name = ?", (receiver,)).fetchone()
        if row is None:
            return None, ""
        return datetime.fromtimestamp(row[0], UTC) if row[0] else None, row[1]

    def _list(self, query: str, values: tuple[str, ...] = ()) -> list[CurrentAlert]:
        rows = self._database.execute(query, values).fetchall()
        names = ("collection", "source", "kind", "message")
        return sorted(
            CurrentAlert(**dict(zip(names, row, strict=False)), since=datetime.fromtimestamp(row[4], UTC))
            for row in rows
        )
