"""Webhooks: every change is told to whoever asked for it, signed, in order, and until it has been heard.

What is to be told waits in an outbox, a table of its own beside the collections: filled from the log of changes in the
same transaction that moves the receiver's cursor, so a change is neither lost nor forgotten whatever dies in between.
Deliveries to one receiver go out one after the other; one that fails is tried again with growing patience while those
behind it wait, and after too many attempts it is laid aside, so that the others may go. A receiver may be told the same
change twice and knows it by its id.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archives.storage.databases import Schema, open_database
from crawler.publishing.changes import START, parse_cursor
from pipelines.exports.records import build_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from crawler.publishing.library import Library

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
    state TEXT NOT NULL DEFAULT 'waiting',  -- or 'dead': laid aside
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (hook, state, number);
"""
_SCHEMA = Schema(version=1, script=_SCRIPT, is_private=True, loss="receivers then hear of every post again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One receiver.

    Attributes:
        url: to POST to; also the receiver's name in the outbox.
        secret: key of the signature.
        collection: only its changes; '' for those of all.
        timeout_s: to wait for an answer.
    """

    url: str
    secret: bytes
    collection: str = ""
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One change on its way to one receiver."""

    number: int
    id: str
    body: bytes
    attempts: int


def load_hook(table: Mapping[str, Any]) -> Hook:
    """Read one table `[[webhook]]`; the secret stands in an environment variable, never in the file.

    Raises:
        ValueError: it is at fault.
    """
    allowed = {"url", "secret_env", "collection", "timeout_s"}
    strange = sorted(table.keys() - allowed)
    if strange:
        raise ValueError(f"{strange[0]} is not a key of [[webhook]]; allowed are {', '.join(sorted(allowed))}")
    url, variable = str(table.get("url", "")), str(table.get("secret_env", ""))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url of [[webhook]] must be an http or https address, not {url!r}")
    secret = os.environ.get(variable, "") if variable else ""
    if not secret:
        raise ValueError(f"secret_env of [[webhook]] {url} must name an environment variable that holds its secret")
    timeout = table.get("timeout_s", 10.0)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise ValueError(f"timeout_s of [[webhook]] {url} must be seconds, not {timeout!r}")
    collection = str(table.get("collection", ""))
    return Hook(url=url, secret=secret.encode(), collection=collection, timeout_s=float(timeout))


def sign(secret: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `Webhook-Signature`.

    Spec: Standard Webhooks 1.0, symmetric signatures: HMAC-SHA256 over id, timestamp and body, joined by full stops;
    in hexadecimal, and with the secret's bytes as they are.
    """
    message = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret, message, hashlib.sha256).hexdigest()


class Outbox:
    """What is still to be told, to whom, and when."""

    def __init__(self, path: Path) -> None:
        self._database = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def forget(self, ids: set[str]) -> None:
        """Drop what waits to be told of some posts, by their `id`, and leave nothing of it in the file."""
        with self._database:
            rows = self._database.execute("SELECT number, body FROM delivery").fetchall()
            self._database.executemany(
                "DELETE FROM delivery WHERE number = ?",
                [(number,) for number, body in rows if json.loads(body).get("id") in ids],
            )
        self._database.execute("VACUUM")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def fill(self, library: Library, hooks: Iterable[Hook]) -> int:
        """Take what has changed since the last time from the logs; return how many deliveries that makes."""
        count = 0
        for hook in hooks:
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
                body = json.dumps(build_object(record), ensure_ascii=False)
                values = (hook.url, f"{collection}-{record.change.cursor}", body)
                self._database.execute("INSERT INTO delivery (hook, id, body) VALUES (?, ?, ?)", values)
            if records and records[-1].change:
                moved = (hook.url, collection, records[-1].change.cursor)
                self._database.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", moved)
        return len(records)

    def find_next(self, hook: Hook, now: float) -> Delivery | None:
        """Return the oldest delivery to a receiver if it is due; what lies behind it waits for it."""
        row = self._database.execute(
            "SELECT number, id, body, attempts, due FROM delivery WHERE hook = ? AND state = 'waiting'"
            " ORDER BY number LIMIT 1",
            (hook.url,),
        ).fetchone()
        if row is None or row[4] > now:
            return None
        return Delivery(number=row[0], id=row[1], body=row[2].encode(), attempts=row[3])

    def record_heard(self, delivery: Delivery) -> None:
        """Forget what has been heard."""
        self._database.execute("DELETE FROM delivery WHERE number = ?", (delivery.number,))

    def record_failed(self, delivery: Delivery, error: str, now: float) -> None:
        """Have a delivery tried again later, or laid aside after the last attempt."""
        attempts = delivery.attempts + 1
        state = "dead" if attempts >= MAX_ATTEMPTS else "waiting"
        due = now + min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**delivery.attempts)
        self._database.execute(
            "UPDATE delivery SET attempts = ?, due = ?, state = ?, error = ? WHERE number = ?",
            (attempts, due, state, error, delivery.number),
        )

    def count(self, state: str) -> int:
        """Return how many deliveries are `waiting` or `dead`."""
        return int(self._database.execute("SELECT count(*) FROM delivery WHERE state = ?", (state,)).fetchone()[0])

    def revive(self) -> None:
        """Try again what was laid aside."""
        self._database.execute("UPDATE delivery SET state = 'waiting', attempts = 0, due = 0 WHERE state = 'dead'")


def deliver_due(
    outbox: Outbox,
    hooks: Iterable[Hook],
    *,
    patience_s: float,
    clock: Callable[[], float] = time.time,
) -> int:
    """Tell each receiver what is due, until one fails or the time is over; return how many were heard."""
    heard = 0
    end = time.monotonic() + patience_s
    for hook in hooks:
        while time.monotonic() < end:
            delivery = outbox.find_next(hook, clock())
            if delivery is None:
                break
            error = _post(hook, delivery, int(clock()))
            if error:
                outbox.record_failed(delivery, error, clock())
                break
            outbox.record_heard(delivery)
            heard += 1
    return heard


def _post(hook: Hook, delivery: Delivery, timestamp: int) -> str:
    """Send one delivery; return what went wrong, or ''. Redirects are not followed: a receiver says where it is."""
    parts = urlsplit(hook.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    assert parts.hostname is not None
    connection = kind(parts.hostname, parts.port, timeout=hook.timeout_s)
    # A receiver that answers a letter at a time would never let a read time out.
    end = threading.Timer(hook.timeout_s, _cut, [connection])
    end.start()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Newsreel",
        "Webhook-Id": delivery.id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": sign(hook.secret, delivery.id, timestamp, delivery.body),
    }
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, delivery.body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        end.cancel()
        connection.close()
    return "" if 200 <= status < 300 else f"answered {status}"


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
