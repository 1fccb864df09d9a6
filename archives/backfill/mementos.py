"""Writes what a web archive replays as captures that say where they come from.

The bytes that its server sends are not those that the publisher sent: heads are rebuilt, codings undone. So each record
names the memento that it was made of and when (`WARC-Source-URI`, `WARC-Creation-Date`, as pywb writes them when it
patches from other archives), and the warcinfo record says the same of the file. No request is recorded: none was made
to the publisher.

Spec: RFC 7089 §4.2 (mementos); https://github.com/webrecorder/pywb (identity URLs, `id_`).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from archives.transfer.importing import Added, add_file
from archives.urls import format_timestamp, format_warc_date, parse_timestamp
from archives.warc.http_responses import build_answer
from archives.warc.members import compress_parts
from archives.warc.records import RECORD_END, build_record_id, build_response, build_warcinfo, quote_uri

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.backfill.cdx_servers import HeldCapture
    from archives.backfill.downloads import Download
    from archives.storage.collection import Collection
    from archives.warc.records import BuiltRecord

_ORIGINAL: Final = "x-archive-orig-"
# Of the server's own answer only what describes the body holds for the capture.
_OF_BODY: Final = frozenset(("content-type", "content-encoding", "content-language"))
_OF_MESSAGE: Final = frozenset(("content-length", "transfer-encoding", "connection", "content-encoding"))


def build_memento_url(replay: str, held: HeldCapture) -> str:
    """Return the address of a capture as it was, without a banner and with its own links."""
    return f"{replay.rstrip('/')}/{held.timestamp}id_/{held.url}"


def write_mementos(
    collection: Collection, mementos: Iterable[tuple[HeldCapture, Download]], *, replay: str, software: str
) -> Added:
    """Write mementos to a new file of a collection.

    Args:
        replay: address of the web archive's replay.

    Raises:
        OSError: the disk does not take it.
    """
    at = datetime.now(UTC)
    name = f"backfill-{format_timestamp(at)}-{uuid.uuid4().hex[:6]}.warc.gz"
    info = {
        "software": software,
        "isPartOf": collection.name,
        "description": f"mementos of {replay}: bodies as its server sent them, heads rebuilt; not wire bytes",
    }
    warcinfo = build_warcinfo(info, filename=name, at=at, record_id=build_record_id(uuid.uuid4()))
    with TemporaryDirectory(prefix=".newsreel-backfill-", dir=collection.path) as folder:
        path = _join(collection, folder, name)
        with path.open("wb") as stream:
            stream.write(_pack(warcinfo))
            for held, download in mementos:
                stream.write(_pack(_build_record(held, download, replay, at=at, warcinfo_id=warcinfo.record_id)))
        return add_file(collection, path)


def _join(collection: Collection, folder: str, name: str) -> Path:
    return collection.path.joinpath(folder, name)


def _pack(record: BuiltRecord) -> bytes | bytearray:
    return compress_parts(record.header, record.block, RECORD_END)


def _build_record(held: HeldCapture, download: Download, replay: str, *, at: datetime, warcinfo_id: str) -> BuiltRecord:
    fields = (  # the server knows the second
        f"WARC-Date: {_find_instant(held, download):%Y-%m-%dT%H:%M:%SZ}\r\n"
        f"WARC-Target-URI: {quote_uri(held.url)}\r\nWARC-Warcinfo-ID: {warcinfo_id}\r\n"
        f"WARC-Source-URI: {quote_uri(build_memento_url(replay, held))}\r\n"
        f"WARC-Creation-Date: {format_warc_date(at)}\r\n"
    )
    answer = build_answer(rebuild_response(download))
    return build_response(answer, fields, build_record_id(uuid.uuid4()))


def _find_instant(held: HeldCapture, download: Download) -> datetime:
    """Return when the memento was captured: servers lead to the nearest one that they can read."""
    stated = next((value for name, value in download.headers if name.lower() == "memento-datetime"), "")
    try:
        return parsedate_to_datetime(stated).astimezone(UTC)
    except ValueError:
        return parse_timestamp(held.timestamp)


def rebuild_response(download: Download) -> bytes:
    """Return the response that a memento stands for: its original fields where the server gives them."""
    original = [
        (name[len(_ORIGINAL) :], value) for name, value in download.headers if name.lower().startswith(_ORIGINAL)
    ]
    fields = [(name, value) for name, value in original if name.lower() not in _OF_MESSAGE]
    present = {name.lower() for name, _ in fields}
    fields += [
        (name, value) for name, value in download.headers if name.lower() in _OF_BODY and name.lower() not in present
    ]
    lines = [f"{name}: {value}" for name, value in fields]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, f"Content-Length: {len(download.body)}"])
    return head.encode("latin-1", "replace") + b"\r\n\r\n" + download.body
