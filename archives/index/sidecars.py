"""Writes sidecars: one CDXJ file, sorted by bytes, for each closed WARC file.

Sidecars are derived from the WARC files and may be deleted; the catalogue is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archives.errors import RecordError
from archives.index.cdxj import REVISIT_MIME, IndexEntry, dump_line, find_key, load_line
from archives.index.methods import MethodKeys
from archives.storage.collection import STORED_SUFFIX
from archives.storage.files import write_file
from archives.urls import format_timestamp
from archives.warc.messages import find_kind, find_mime
from archives.warc.parser import Record
from archives.warc.reader import is_capture, iter_records, locate_error, scan_records
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.storage.collection import Collection


def build_entry(record: Record, filename: str) -> IndexEntry:
    """The entry of a record that is a capture; see `MethodKeys` for those that answer another method.

    Raises:
        RecordError: it states no address or no date by which it could be found.
    """
    if not record.url:
        raise RecordError(
            f"{record.type} record {record.record_id} at offset {record.offset} has no WARC-Target-URI; it cannot be "
            "found by its address",
            offset=record.offset,
            record_id=record.record_id,
        )
    mime, status = _find_record_kind(record)
    captured_at = record.captured_at
    return IndexEntry(
        urlkey=find_key(record.url),
        timestamp=format_timestamp(captured_at),
        url=record.url,
        mime=mime,
        status=status,
        digest=record.get("WARC-Payload-Digest") or "",
        length=record.length,
        offset=record.offset,
        filename=filename,
        record_id=record.record_id,
        captured_at=captured_at,
        truncated=record.truncated,
    )


def _find_record_kind(record: Record) -> tuple[str, int | None]:
    if not record.is_http:
        return find_mime(record.get("Content-Type")), None
    mime, status = find_kind(record.start)
    return (REVISIT_MIME if record.type == RecordType.REVISIT else mime), status


def build_sidecar(warc_path: Path) -> list[IndexEntry]:
    """The entries of every capture in a file, read from the file.

    Raises:
        RecordError: the file is damaged.
    """
    entries = []
    keys = MethodKeys()
    for record in iter_records(warc_path):
        keys.see(record)
        if is_capture(record):
            entries.append(build_entry(record, warc_path.name))
    return keys.apply(entries)


def salvage_sidecar(warc_path: Path) -> tuple[list[IndexEntry], list[RecordError]]:
    """The entries of every capture that can still be read, and the damage between them."""
    entries: list[IndexEntry] = []
    damage: list[RecordError] = []
    keys = MethodKeys()
    for record in scan_records(warc_path, damage.append):
        keys.see(record)
        if not is_capture(record):
            continue
        try:
            entries.append(build_entry(record, warc_path.name))
        except RecordError as error:
            damage.append(locate_error(error, warc_path))
    return keys.apply(entries), damage


def read_entries(collection: Collection, warc: Path) -> list[IndexEntry]:
    """The entries of one file: from its sidecar, or from the file itself where there is none that can be read."""
    try:
        with collection.sidecar_path(warc.name).open(encoding="utf-8") as lines:
            return [load_line(line) for line in lines]
    except (FileNotFoundError, ValueError):
        return salvage_sidecar(warc)[0]


def find_state(collection: Collection, warc: Path) -> str | None:
    """What changes whenever the entries of a file may have; None if the file has gone meanwhile."""
    for path in (collection.sidecar_path(warc.name), warc, warc.with_name(warc.name + STORED_SUFFIX)):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        return f"{path.name} {found.st_size} {found.st_mtime_ns}"
    return None


def write_sidecar(collection: Collection, filename: str, lines: Iterable[str]) -> Path:
    """Write the sidecar of one WARC file, sorted by bytes, so that it is whole or not there."""
    path = collection.sidecar_path(filename)
    write_file(path, b"".join(line + b"\n" for line in sorted(line.encode("utf-8") for line in lines)))
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuilt index lists, and the damage it had to leave out."""

    entries: int
    damage: list[RecordError]


def rebuild(collection: Collection) -> Rebuilt:
    """Rebuild every sidecar from the WARC files and drop those that belong to no file."""
    count = 0
    all_damage: list[RecordError] = []
    wanted = set()
    for warc in collection.iter_warcs():
        entries, damage = salvage_sidecar(warc)
        wanted.add(write_sidecar(collection, warc.name, map(dump_line, entries)))
        count += len(entries)
        all_damage += damage
    for stale in set(collection.iter_sidecars()) - wanted:
        stale.unlink()
    return Rebuilt(entries=count, damage=all_damage)
