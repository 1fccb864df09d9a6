"""A small collection with every kind of capture that replay tools must find: kept whole, seen again, not modified."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from archives.captures.deduplication import Originals
from archives.captures.writer import MAX_BYTES, WarcWriter
from archives.storage.collection import Collection
from archives.urls import format_timestamp
from archives.warc.records import Exchange

if TYPE_CHECKING:
    from pathlib import Path

BEGAN_AT = datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)
PAPER = "http://paper.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A capture, and the body that a reader is to see there.

    Attributes:
        title: what the body says that no other capture's does, but those that repeat it.
    """

    name: str
    url: str
    began_at: datetime
    title: str
    body: bytes
    is_revisit: bool = False

    @property
    def timestamp(self) -> str:
        return format_timestamp(self.began_at)


def build_body(title: str) -> bytes:
    head = f"<head><meta charset=utf-8><title>{title}</title></head>"
    return f"<!DOCTYPE html>\n<html>{head}<body><h1>{title}</h1></body></html>\n".encode()


def build_message(body: bytes, fields: str = "", *, is_chunked: bool = False) -> bytes:
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    data = b"7\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:7], len(body) - 7, body[7:]) if is_chunked else body
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{fields}{framing}\r\n\r\n"
    return head.encode() + data


# Name, path, title of the page that is seen there, and what came over the wire.
_PLAIN, _DENSE, _MIXED, _TAGGED = map(build_body, ("Plain tide", "Dense fog", "Mixed doubles", "Tagged geese"))
_ZIPPED = gzip.compress(_DENSE, mtime=0)
_NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "g1"\r\n\r\n'
_WIRE = [
    ("plain", "/plain", "Plain tide", _PLAIN, build_message(_PLAIN)),
    ("gzip", "/gzip", "Dense fog", _DENSE, build_message(_ZIPPED, "Content-Encoding: gzip\r\n")),
    (
        "chunked gzip",
        "/mixed?b=2&a=1",
        "Mixed doubles",
        _MIXED,
        build_message(gzip.compress(_MIXED, mtime=0), "Content-Encoding: gzip\r\n", is_chunked=True),
    ),
    ("with an entity tag", "/tagged", "Tagged geese", _TAGGED, build_message(_TAGGED, 'ETag: "g1"\r\n')),
    ("seen again", "/plain", "Plain tide", _PLAIN, build_message(_PLAIN, "Age: 9\r\n")),
    (
        "seen again elsewhere, coded",
        "/gzip/copy",
        "Dense fog",
        _DENSE,
        build_message(_ZIPPED, "Content-Encoding: gzip\r\nAge: 9\r\n"),
    ),
    ("not modified", "/tagged", "Tagged geese", _TAGGED, _NOT_MODIFIED),
]
CASES = [
    Case(
        name=name,
        url=PAPER + path,
        began_at=BEGAN_AT + timedelta(hours=number),
        title=title,
        body=body,
        is_revisit=number >= 4,
    )
    for number, (name, path, title, body, _) in enumerate(_WIRE)
]


def write_sample(folder: Path, *, max_bytes: int = MAX_BYTES) -> Collection:
    """Write the captures to closed files, one for all of them by default."""
    collection = Collection.open(folder, "sample", create=True)
    originals = Originals(collection)
    with WarcWriter(
        collection, info={"software": "newsreel"}, prefix="sample", originals=originals, max_bytes=max_bytes
    ) as writer:
        for case, (*_, message) in zip(CASES, _WIRE, strict=True):
            location = writer.write(
                Exchange(
                    url=case.url,
                    began_at=case.began_at,
                    raw_request=b"GET / HTTP/1.1\r\nHost: paper.example\r\nCookie: secret=1\r\n\r\n",
                    raw_response=message,
                )
            )
            assert location.is_revisit == case.is_revisit, case.name
    originals.close()
    return collection
