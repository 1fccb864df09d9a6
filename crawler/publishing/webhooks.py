"""Webhooks: deliver every change to its receivers, signed and in order, until each has accepted it.

What is to be told waits in an outbox, a table of its own beside the collections: filled from the log of changes in the
same transaction that moves the receiver's cursor, so a change is neither lost nor forgotten whatever dies in between.
Deliveries to one receiver go out one after the other; one that fails is tried again with growing patience while those
behind it wait, and after too many attempts it is given up, so that the others can go. A receiver may be sent the same
change twice and knows it by its id.
"""

from __future__ import annotations

import base64
import binascii
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
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archives.storage.databases import Schema, open_database
from crawler.changelog.cursors import START, parse_cursor
from crawler.fetching.pauses import parse_retry_after
from pipelines.exports.records import build_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from crawler.publishing.library import Library
    from pipelines.exports.records import PostRecord

FILE_NAME = "webhooks.sqlite"
MAX_ATTEMPTS = 12
_FIRST_WAIT_S = 10.0
_LONGEST_WAIT_S = 6 * 3600.0
_LONGEST_PAUSE_S = 24 * 3600.0
_FILL_AT_ONCE = 500
_PAYLOADS = ("full", "thin")
_THIN = frozenset(
    ("schema", "id", "collection", "source", "identifier", "url", "headline", "datePublished", "contentHash")
) | {"change", "version", "cursor"}
_SECRET_PREFIX = "whsec_"  # noqa: S105 (of every secret)
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
_SCHEMA = Schema(
    version=2, script=_SCRIPT, upgrades=_UPGRADES, is_private=True, loss="receivers then hear of every post again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One receiver.

    Attributes:
        url: to POST to; also the receiver's name in the outbox.
        secret: key of the signature.
        collection: only its changes; '' for those of all.
        timeout_s: to wait for an answer.
        payload: `full`, or `thin`: what names the post and the change, without its text.
        max_bytes: of a body; a larger one is sent thin. 0 for no bound.
    """

    url: str
    secret: bytes
    collection: str = ""
    timeout_s: float = 10.0
    payload: str = "full"
    max_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a delivery was not taken.

    Attributes:
        status: of the answer, or 0 where there was none.
        wait_s: seconds that the receiver asked to be left alone.
    """

    words: str
    status: int = 0
    wait_s: float = 0.0

    @property
    def is_final(self) -> bool:
        """Whether the same bytes will be refused again: they are too large, and those behind them are not."""
        return self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One change on its way to one receiver."""

    number: int
    id: str
    body: bytes
    attempts: int


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


def load_hook(table: Mapping[str, Any]) -> Hook:
    """Read one table `[[webhook]]`; the secret stands in an environment variable, never in the file.

    Raises:
        ValueError: it is at fault.
    """
    allowed = {"url", "secret_env", "collection", "timeout_s", "payload", "max_bytes"}
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
    try:
        key = _load_secret(secret)
    except ValueError as error:
        raise ValueError(f"the secret of [[webhook]] {url} {error}") from error
    timeout = table.get("timeout_s", 10.0)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise ValueError(f"timeout_s of [[webhook]] {url} must be seconds, not {timeout!r}")
    collection = str(table.get("collection", ""))
    payload, most = table.get("payload", "full"), table.get("max_bytes", 0)
    if payload not in _PAYLOADS:
        raise ValueError(f"payload of [[webhook]] {url} must be {' or '.join(_PAYLOADS)}, not {payload!r}")
    if type(most) is not int or most < 0:
        raise ValueError(f"max_bytes of [[webhook]] {url} must be a whole number, not {most!r}")
    return Hook(url=url, secret=key, collection=collection, timeout_s=float(timeout), payload=payload, max_bytes=most)


def sign(secret: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `Webhook-Signature`.

    Spec: Standard Webhooks 1.0, symmetric signatures: HMAC-SHA256 over id, timestamp and body, joined by full stops,
    in Base64.
    """
    message = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()


def _load_secret(text: str) -> bytes:
    """Return the key; `whsec_` and Base64 as Standard Webhooks writes it, or any text as it is."""
    if not text.startswith(_SECRET_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("begins with whsec_, and is not Base64 behind it") from None


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
                values = (hook.url, _build_id(collection, record.change.cursor), _build_body(record, hook))
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

    def record_delivered(self, delivery: Delivery) -> None:
        """Remove a delivery that was accepted."""
        self._database.execute("DELETE FROM delivery WHERE number = ?", (delivery.number,))

    def is_gone(self, hook: Hook) -> bool:
        """Tell whether a receiver has answered 410: it is asked no more until `revive`."""
        return self._database.execute("SELECT 1 FROM gone WHERE hook = ?", (hook.url,)).fetchone() is not None

    def record_gone(self, hook: Hook) -> None:
        """Lay aside all that waits for a receiver that is gone for good, and ask it no more."""
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


def deliver_due(
    outbox: Outbox,
    hooks: Iterable[Hook],
    *,
    patience_s: float,
    clock: Callable[[], float] = time.time,
) -> int:
    """Tell each receiver what is due, until one fails or the time is over; return the number delivered."""
    delivered = 0
    end = time.monotonic() + patience_s
    for hook in hooks:
        while time.monotonic() < end:
            delivery = outbox.find_next(hook, clock())
            if delivery is None:
                break
            refusal = post_delivery(hook, delivery, int(clock()))
            if refusal is not None and refusal.status == HTTPStatus.GONE:
                outbox.record_gone(hook)
                break
            if refusal is not None:
                outbox.record_failed(delivery, refusal, clock())
                if refusal.is_final:
                    continue
                break
            outbox.record_delivered(delivery)
            delivered += 1
    return delivered


def post_delivery(hook: Hook, delivery: Delivery, timestamp: int) -> Refusal | None:
    """Send one delivery; return what went wrong, or None. Redirects are not followed: a receiver says where it is."""
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
        response = connection.getresponse()
        status, after = response.status, response.headers.get("Retry-After", "")
    except (OSError, http.client.HTTPException) as error:
        return Refusal(words=f"{type(error).__name__}: {error}")
    finally:
        end.cancel()
        connection.close()
    if 200 <= status < 300:
        return None
    wait_s = min(parse_retry_after(after.encode("latin-1", "replace")) or 0.0, _LONGEST_PAUSE_S)
    return Refusal(words=f"answered {status}", status=status, wait_s=wait_s)


def _build_id(collection: str, cursor: str) -> str:
    """Return what names a change at every attempt; Standard Webhooks joins it by full stops, so that it holds none."""
    return f"msg_{hashlib.sha256(f'{collection}-{cursor}'.encode()).hexdigest()[:32]}"


def _build_body(record: PostRecord, hook: Hook) -> str:
    """Return the payload that Standard Webhooks recommends: type, timestamp, data; `isThin` where data is not all."""
    assert record.change is not None
    envelope = {
        "type": f"post.{record.change.kind}",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": build_object(record),
    }
    body = json.dumps(envelope, ensure_ascii=False)
    is_large = 0 < hook.max_bytes < len(body.encode())
    if hook.payload == "full" and not is_large:
        return body
    data = {name: value for name, value in build_object(record).items() if name in _THIN}
    return json.dumps(envelope | {"isThin": True, "data": data}, ensure_ascii=False)


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
