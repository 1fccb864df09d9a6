"""`GET /changes?since=`: the change log over HTTP, as a function from query to response.

Whatever serves pages mounts it: it knows nothing of sockets.

Example:
    answer = answer_changes(Library(Path("data")), {"since": "start", "limit": "100"})
    # answer.status, answer.headers, answer.body
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archives.errors import ArchiveError
from archives.replay.http import has_etag
from archives.storage.collection import list_collections
from crawler.changelog.cursors import START, CursorError
from crawler.publishing.stream import ChangeStream
from pipelines.exports.records import SCHEMA, build_object, dump_record
from pipelines.exports.tables.cloudevents import build_event, dump_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from crawler.publishing.library import Library
    from pipelines.exports.records import PostRecord

logger = logging.getLogger(__name__)

MAX_STREAMS = 16
_LIMIT = 100
_MOST = 1000
_LONGEST_WAIT_S = 60
_HEARTBEAT_POLLS = 15
_STREAM = "text/event-stream"
_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "cloudevents": "application/cloudevents-batch+json",
}
_streams = threading.BoundedSemaphore(MAX_STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send.

    Attributes:
        body: all of it, or its pieces as they come.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | Iterator[bytes]


class _Refused(ValueError):
    """A request that says what cannot be done; the sentence says what can."""


def answer_changes(
    library: Library,
    query: Mapping[str, str],
    *,
    known: str = "",
    accept: str = "",
    last_event: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Answer one request.

    Args:
        query: `since` (a cursor, or nothing for the beginning), `collection` (left out: all), `limit`, `wait` (seconds
            to wait for a change where there is none) and `format`.
        known: the request's `If-None-Match`.
        accept: its `Accept`; `text/event-stream` asks for server-sent events, which continue until the reader leaves.
        last_event: its `Last-Event-ID`, with which such a reader continues.
    """
    try:
        limit = _read_number(query, "limit", _LIMIT, least=1, most=_MOST)
        wait = _read_number(query, "wait", 0, least=0, most=_LONGEST_WAIT_S)
        form = query.get("format") or "json"
        if form not in _TYPES:
            raise _Refused(f"format must be one of {', '.join(_TYPES)}")
        names, name = list_collections(library.data_dir), query.get("collection", "")
        if not names:
            raise _Refused("there is no collection yet; crawl first")
        if name not in ("", *names):
            return _refuse(404, f"there is no collection {name!r}; there are {', '.join(names)}")
        stream = ChangeStream(library, name)
        since = last_event or query.get("since") or START
        if loss := stream.find_loss(since):
            return _refuse(410, loss)
        if _STREAM in accept:
            return _answer_stream(stream, since, form)
        return _answer_page(stream, dict(query) | {"since": since, "format": form}, (limit, wait), known, sleep)
    except (CursorError, _Refused) as error:
        return _refuse(400, str(error))
    except ArchiveError as error:
        logger.error("/changes cannot be answered: %s", error)
        return _refuse(500, "the log of changes cannot be read; the server's log has the reason")


def _answer_page(
    stream: ChangeStream, query: Mapping[str, str], bounds: tuple[int, int], known: str, sleep: Callable[[float], None]
) -> Answer:
    limit, wait = bounds
    end = stream.find_end()
    if wait:
        first = next((record for record in stream.follow(query["since"], wait_s=wait, sleep=sleep) if record), None)
        end = stream.find_end() if first else end
    records = list(stream.read(query["since"], limit=limit))
    has_more = len(records) == limit
    if has_more and records[-1].change:
        end = records[-1].change.cursor
    tag = f'"{end}"'
    shared = (("ETag", tag), ("Cache-Control", "no-cache"), ("Newsreel-Cursor", end))
    if not records and has_etag(known, tag):
        return Answer(status=304, headers=shared, body=b"")
    headers = (("Content-Type", _TYPES[query["format"]]), *shared)
    if query["format"] == "jsonl":
        text = "".join(dump_record(record) + "\n" for record in records)
    elif query["format"] == "cloudevents":
        text = json.dumps(list(map(build_event, records)), ensure_ascii=False)
    else:
        found = {"schema": SCHEMA, "collection": query.get("collection") or ", ".join(stream.names)}
        changes = list(map(build_object, records))
        text = json.dumps(found | {"changes": changes, "cursor": end, "more": has_more}, ensure_ascii=False)
    return Answer(status=200, headers=headers, body=text.encode())


def _answer_stream(stream: ChangeStream, since: str, form: str) -> Answer:
    """Send each change as an event; a comment now and then, so that a reader that has left is noticed.

    Spec: HTML, server-sent events.
    """

    def iter_chunks() -> Iterator[bytes]:
        with _take_place() as has_place:
            if not has_place:
                yield b"event: full\nretry: 60000\ndata: \n\n"
                return
            yield b": newsreel\n\n"
            for number, record in enumerate(stream.follow(since)):
                if record is not None:
                    yield _dump_message(record, form)
                elif number % _HEARTBEAT_POLLS == 0:
                    yield b":\n\n"

    headers = (("Content-Type", _STREAM), ("Cache-Control", "no-store"))
    return Answer(status=200, headers=headers, body=iter_chunks())


def _dump_message(record: PostRecord, form: str) -> bytes:
    assert record.change is not None
    data = dump_event(record) if form == "cloudevents" else dump_record(record)
    return f"id: {record.change.cursor}\nevent: post.{record.change.kind}\ndata: {data}\n\n".encode()


@contextmanager
def _take_place() -> Iterator[bool]:
    """Bound how many readers are followed at once: each keeps a connection."""
    has_place = _streams.acquire(blocking=False)
    try:
        yield has_place
    finally:
        if has_place:
            _streams.release()


def _read_number(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise _Refused(f"{name} must be a number from {least} to {most}")
    return int(text)


def _refuse(status: int, message: str) -> Answer:
    body: dict[str, Any] = {"error": message}
    return Answer(status=status, headers=(("Content-Type", "application/json"),), body=json.dumps(body).encode())
