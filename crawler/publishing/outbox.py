"""The outbox: which changes are still to be delivered, to which receiver, and when.

A separate table beside the collections, filled from the log of changes in the same transaction that moves the
receiver's cursor, so a change is neither lost nor forgotten whatever dies in between.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archives.storage.databases import Schema, open_database
from crawler.changelog.cursors import START, parse_cursor
from crawler.publishing.webhooks import Delivery, build_body, build_message_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crawler.publishing.library import Library
    from crawler.publishing.webhooks import Hook, Refusal

FILE_NAME = "webhooks.sqlite"
MAX_ATTEMPTS = 12
_FIRST_WAIT_S = 10.0
_LONGEST_WAIT_S = 6 * 3600.0
_FILL_AT_ONCE = 500
_SCRIPT = """
CREATE TABLE IF NOT EXISTS cursor (
    hook TEXT NOT NULL, collection TEXT NOT NULL, cursor TEXT NOT NULL, PRIMARY KEY (hook, collection)
);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    hook TEXT NOT NULL,
    id TEXT NOT NULL,               -- the same at every attempt
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,    -- seconds since 1970
    state TEXT NOT NULL DEFAULT 'waiting',  -- or 'dead': given up
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (hook, state, number);
CREATE TABLE IF NOT EXISTS gone (hook TEXT PRIMARY KEY); -- receivers that answered 410
"""
_UPGRADES = {1: "CREATE TABLE IF NOT EXISTS gone (hook TEXT PRIMARY KEY)"}
SCHEMA = Schema(
    version=2, script=_SCRIPT, upgrades=_UPGRADES, is_private=True, loss="receivers are then sent every post again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that has failed for good.

    Attributes:
        number: by which it is tried again.
        hook: address of its receiver.
        kind: `post.new`, `post.updated` or `post.withdrawn`.
        post: the post's `id`.
        error: what the receiver said last.
    """

    number: int
    hook: str
    kind: str
    post: str
    attempts: int
    error: str


class Outbox:
    """The deliveries still to be made: what, to which receiver, and when."""

    def __init__(self, path: Path) -> None:
        self._database = open_database(path, SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def forget(self, ids: set[str]) -> None:
        """Drop the waiting deliveries of some posts, by their `id`, and leave no trace of them in the file."""
        with self._database:
            rows = self._database.execute("SELECT number, body FROM delivery").fetchall()
            self._database.executemany(
                "DELETE FROM delivery WHERE number = ?",
                [(number,) for number, body in rows if json.loads(body)["data"]["id"] in ids],
            )
        self._database.execute("VACUUM")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def fill(self, library: Library, hooks: Iterable[Hook]) -> int:
        """Take what has changed since the last time from the logs; return how many deliveries that makes."""
        count = 0
        for hook in hooks:
            if self.is_gone(hook):
                continue
            for collection in [hook.collection] if hook.collection else library.collections:
                while added := self._fill_from(library, hook, collection):
                    count += added
        return count

    def _fill_from(self, library: Library, hook: Hook, collection: str) -> int:
        with closing(library.open_log(collection)) as log, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            row = self._database.execute(
                "SELECT cursor FROM cursor WHERE hook = ? AND collection = ?", (hook.url, collection)
            ).fetchone()
            since = parse_cursor(row[0] if row else START)
            records = list(log.read(since, library.open_store(collection), limit=_FILL_AT_ONCE))
            for record in records:
                assert record.change is not None
                values = (hook.url, build_message_id(f"{collection}-{record.change.cursor}"), build_body(record, hook))
                self._database.execute("INSERT INTO delivery (hook, id, body) VALUES (?, ?, ?)", values)
            if records and records[-1].change:
                moved = (hook.url, collection, records[-1].change.cursor)
                self._database.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", moved)
        return len(records)

    def find_next(self, hook: Hook, now: float) -> Delivery | None:
        """Return the oldest delivery to a receiver if it is due; those behind it wait for it."""
        row = self._database.execute(
            "SELECT number, id, body, attempts, due FROM delivery WHERE hook = ? AND state = 'waiting'"
            " ORDER BY number LIMIT 1",
            (hook.url,),
        ).fetchone()
        if row is None or row[4] > now:
            return None
        return Delivery(number=row[0], id=row[1], body=row[2].encode(), attempts=row[3])

    def record_delivered(self, delivery: Delivery) -> None:
        """Remove a delivery that was accepted."""
        self._database.execute("DELETE FROM delivery WHERE number = ?", (delivery.number,))

    def is_gone(self, hook: Hook) -> bool:
        """Return whether a receiver has answered 410: it is asked no more until `revive`."""
        return self._database.execute("SELECT 1 FROM gone WHERE hook = ?", (hook.url,)).fetchone() is not None

    def record_gone(self, hook: Hook) -> None:
        """Give up all deliveries to a receiver that answered 410, and make no more."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO gone VALUES (?)", (hook.url,))
            self._database.execute(
                "UPDATE delivery SET state = 'dead', error = 'answered 410' WHERE hook = ? AND state = 'waiting'",
                (hook.url,),
            )

    def record_failed(self, delivery: Delivery, refusal: Refusal, now: float) -> None:
        """Schedule another attempt, or give up after the last one."""
        attempts = delivery.attempts + 1
        state = "dead" if attempts >= MAX_ATTEMPTS or refusal.is_final else "waiting"
        due = now + max(refusal.wait_s, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**delivery.attempts))
        self._database.execute(
            "UPDATE delivery SET attempts = ?, due = ?, state = ?, error = ? WHERE number = ?",
            (attempts, due, state, refusal.words, delivery.number),
        )

    def count(self, state: str) -> int:
        """Return how many deliveries are `waiting` or `dead`."""
        return int(self._database.execute("SELECT count(*) FROM delivery WHERE state = ?", (state,)).fetchone()[0])

    def list_dead(self) -> list[DeadLetter]:
        """Return the failed deliveries, oldest first."""
        rows = self._database.execute(
            "SELECT number, hook, json_extract(body, '$.type'), json_extract(body, '$.data.id'), attempts, error"
            " FROM delivery WHERE state = 'dead' ORDER BY number"
        )
        names = ("number", "hook", "kind", "post", "attempts", "error")
        return [DeadLetter(**dict(zip(names, row, strict=True))) for row in rows]

    def revive(self, numbers: Iterable[int] | None = None) -> int:
        """Retry failed deliveries, also to receivers that were gone; return how many deliveries that are.

        Args:
            numbers: only these; None for all.
        """
        chosen = list(numbers) if numbers is not None else [letter.number for letter in self.list_dead()]
        count = 0
        with self._database:
            self._database.execute("DELETE FROM gone" if numbers is None else "SELECT 1")
            for number in chosen:
                revived = self._database.execute(
                    "UPDATE delivery SET state = 'waiting', attempts = 0, due = 0 WHERE state = 'dead' AND number = ?",
                    (number,),
                ).rowcount
                if revived:
                    self._database.execute(
                        "DELETE FROM gone WHERE hook = (SELECT hook FROM delivery WHERE number = ?)", (number,)
                    )
                count += revived
        return count
