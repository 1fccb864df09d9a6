"""Separates responses to methods other than GET, so that a look-up by address finds responses to GET.

The key of such a capture has the method, and what was sent, as arguments of the address, as pywb and cdxj-indexer
write them, so that replay of forms finds it there too.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from archives.index.cdxj import IndexEntry, find_key
from archives.warc.messages import find_mime, load_fields, split_head
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archives.warc.parser import Record

_LINE: Final = re.compile(rb"([A-Z]{1,16}) \S")
# The longest body that is a part of a key, as in other tools.
_MOST_SENT: Final = 4096
_FORM: Final = re.compile(r"[\x21-\x7e]*")


def find_request_key(url: str, request: bytes) -> str:
    """The SURT key of what a request was answered with.

    Args:
        request: the message as it was sent.
    """
    return _build_key(url, _find_query(request))


def _build_key(url: str, query: str) -> str:
    return find_key(f"{url}{'&' if '?' in url else '?'}{query}" if query else url)


def _find_query(request: bytes) -> str:
    """The arguments that stand for method and body; none for GET."""
    found = _LINE.match(request)
    if found is None or found[1] == b"GET":
        return ""
    return f"__wb_method={found[1].decode('ascii')}" + _find_sent(request)


def _find_sent(request: bytes) -> str:
    head, body = split_head(request)
    if not body or len(body) > _MOST_SENT:
        return ""
    mime = find_mime((load_fields(head).get(b"content-type") or b"").decode("latin-1"))
    text = body.decode("latin-1")
    if mime == "application/x-www-form-urlencoded" and _FORM.fullmatch(text):
        return f"&{text}"
    return f"&__wb_post_data={base64.b64encode(body).decode('ascii')}"


class MethodKeys:
    """The keys of captures by the requests that are beside them, before or behind."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._asked_by: dict[str, str] = {}

    def see(self, record: Record) -> None:
        """Take in a record; only requests, and captures that name one, say anything."""
        if record.type == RecordType.REQUEST:
            query = "" if record.start.startswith(b"GET ") else _find_query(record.start)
            if query:
                self._by_id |= dict.fromkeys((record.record_id, *_iter_concurrent(record)), query)
        elif record.get("WARC-Concurrent-To"):
            for name in _iter_concurrent(record):
                self._asked_by[record.record_id] = name

    def apply(self, entries: Iterable[IndexEntry]) -> list[IndexEntry]:
        """Return the entries, with other keys where they answer another method."""
        return [self._apply(entry) for entry in entries] if self._by_id else list(entries)

    def _apply(self, entry: IndexEntry) -> IndexEntry:
        query = self._by_id.get(entry.record_id) or self._by_id.get(self._asked_by.get(entry.record_id, ""))
        return replace(entry, urlkey=_build_key(entry.url, query)) if query else entry


def _iter_concurrent(record: Record) -> Iterator[str]:
    return (value for name, value in record.headers if name.lower() == "warc-concurrent-to")
