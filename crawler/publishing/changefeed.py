"""`GET /changes?since=`: the log of changes over HTTP, as a function from a query to an answer.

Whatever serves pages mounts it: it knows nothing of sockets.

Example:
    answer = answer_changes(Library(Path("data")), {"since": "start", "limit": "100"})
    # answer.status, answer.headers, answer.body
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archives.errors import ArchiveError
from crawler.publishing.changes import START, CursorError, parse_cursor
from pipelines.exports.records import SCHEMA, build_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.publishing.library import Library

_LIMIT = 100
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer_changes(library: Library, query: Mapping[str, str], *, known: str = "") -> Answer:
    """Answer one request.

    Args:
        query: `since` (a cursor, or nothing for the beginning), `collection` (may be left out where there is but one)
            and `limit`.
        known: the request's `If-None-Match`.
    """
    names = [query["collection"]] if query.get("collection") else list(library.collections)
    if len(names) != 1:
        return _refuse(400, f"name one collection; there are {', '.join(names) or 'none'}")
    limit = query.get("limit") or str(_LIMIT)
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MOST:
        return _refuse(400, f"limit must be a number from 1 to {_MOST}")
    try:
        since = parse_cursor(query.get("since") or START)
        with closing(library.open_log(names[0])) as log:
            end = str(log.cursor)
            records = list(log.read(since, library.open_store(names[0]), limit=int(limit)))
    except CursorError as error:
        return _refuse(400, str(error))
    except ArchiveError as error:
        return _refuse(404, str(error))
    has_more = len(records) == int(limit)
    if has_more and records[-1].change:
        end = records[-1].change.cursor
    tag = f'"{end}"'
    headers = (("ETag", tag), ("Cache-Control", "no-cache"))
    if not records and known == tag:
        return Answer(status=304, headers=headers, body=b"")
    found = {"schema": SCHEMA, "collection": names[0], "changes": list(map(build_object, records))}
    return _answer(200, found | {"cursor": end, "more": has_more}, headers)


def _refuse(status: int, message: str) -> Answer:
    return _answer(status, {"error": message}, ())


def _answer(status: int, value: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> Answer:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(status=status, headers=(("Content-Type", "application/json"), *headers), body=body)
