"""Fixity: reads every byte of a collection and says what is not as it was written, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archives.digests import build_digest, matches_digest
from archives.errors import RecordError
from archives.files import is_held
from archives.index import IndexEntry, build_entry, load_line
from archives.members import MAGIC, Member, scan_members
from archives.messages import find_payload
from archives.reader import CAPTURE_TYPES, Record, iter_member_records, scan_records
from archives.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.collection import Collection

_CONTENT_LENGTH: Final = re.compile(rb"(?im)^content-length:[ \t]*([0-9]+)[ \t]*\r?$")
_HEADER_END: Final = re.compile(rb"\n\r?\n")
_PAYLOAD_TYPES: Final = (RecordType.RESPONSE, RecordType.REQUEST, RecordType.RESOURCE)
_REINDEX: Final = 'run "python -m archives index" on the collection'
_RESTORE: Final = "restore the file from a copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: a short slug, for programs.
        message: what, where and what next, for people.
    """

    kind: str
    path: Path
    offset: int | None = None
    record_id: str | None = None
    message: str


class _Findings:
    """What the walk over a collection has seen so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.record_ids: dict[str, str] = {}

    def add(
        self, kind: str, path: Path, message: str, *, offset: int | None = None, record_id: str | None = None
    ) -> None:
        self.problems.append(Problem(kind=kind, path=path, offset=offset, record_id=record_id, message=message))

    def add_damage(self, error: RecordError, path: Path) -> None:
        message = str(error) if path.name in str(error) else f"{path.name}: {error}"
        self.add(error.damage, path, message, offset=error.offset, record_id=error.record_id)


def verify_collection(collection: Collection, *, progress: Callable[[str], None] | None = None) -> list[Problem]:
    """Every problem of a collection; none for a good one.

    Args:
        progress: told the name of each file before it is read.
    """
    findings = _Findings()
    for path in collection.iter_open():
        if not is_held(path):
            what = f"{path.name} was left by a writer that died"
            findings.add("stale-open", path, f'{what}; run "python -m archives recover" on the collection')
    warcs = list(collection.iter_warcs())
    for warc in warcs:
        if progress is not None:
            progress(warc.name)
        try:
            _verify_warc(collection, warc, findings)
        except OSError as error:
            findings.add("unreadable", warc, f"cannot read {warc.name} ({error.strerror}); {_RESTORE}")
    known = {collection.sidecar_path(warc.name) for warc in collection.iter_warcs()}
    for sidecar in collection.iter_sidecars():
        if sidecar not in known:
            findings.add("foreign-sidecar", sidecar, f"{sidecar.name} belongs to no WARC file; {_REINDEX}")
    return findings.problems


def _verify_warc(collection: Collection, warc: Path, findings: _Findings) -> None:
    captures: dict[int, IndexEntry] = {}
    for record in _iter_framed(warc, findings):
        _verify_identity(record, warc, findings)
        _verify_digests(record, warc, findings)
        if record.type in CAPTURE_TYPES:
            try:
                captures[record.offset] = build_entry(record, warc.name)
            except RecordError as error:
                findings.add_damage(error, warc)
    sidecar = collection.sidecar_path(warc.name)
    if sidecar.exists():
        _verify_sidecar(sidecar, warc, captures, findings)
    elif not is_held(warc):
        findings.add("missing-sidecar", sidecar, f"{warc.name} has no sidecar {sidecar.name}; {_REINDEX}")


def _iter_framed(warc: Path, findings: _Findings) -> Iterator[Record]:
    """The records of a file that fill their place exactly; the rest is noted."""
    with warc.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            yield from scan_records(warc, lambda error: findings.add_damage(error, warc))
            return
        for member in scan_members(stream, lambda error: findings.add_damage(error, warc)):
            yield from _iter_member(member, warc, findings)


def _iter_member(member: Member, warc: Path, findings: _Findings) -> Iterator[Record]:
    fault = _find_framing_fault(member.data)
    if fault is not None:
        kind, what = fault
        message = f"{what} in {warc.name} at offset {member.offset}; {_RESTORE}"
        findings.add(kind, warc, message, offset=member.offset)
        if kind == "content-length":
            return
    try:
        yield from iter_member_records(member)
    except RecordError as error:
        findings.add_damage(error, warc)


def _find_framing_fault(data: bytes) -> tuple[str, str] | None:
    """In which way one record does not fill its member: a kind, and words for it."""
    header_end = _HEADER_END.search(data)
    if not data.startswith(b"WARC/") or header_end is None:
        return None
    declared = _CONTENT_LENGTH.search(data, 0, header_end.start() + 1)
    if declared is None:
        return "content-length", "record without a Content-Length"
    block_end = header_end.end() + int(declared[1])
    rest = data[block_end:]
    if rest.startswith(b"\r\n\r\nWARC/"):
        return "shared-member", "more than one record in a gzip member"
    if rest != b"\r\n\r\n":
        there = max(0, len(data) - header_end.end() - 4)
        return "content-length", f"Content-Length says {int(declared[1])}, the record has {there} bytes,"
    return None


def _verify_identity(record: Record, warc: Path, findings: _Findings) -> None:
    """Note a record id that was seen before."""
    if not record.record_id:
        return
    place = f"{warc.name} at offset {record.offset}"
    first = findings.record_ids.setdefault(record.record_id, place)
    if first != place:
        message = f"record id {record.record_id} in {place} is also in {first}; remove the copy of the file"
        findings.add("duplicate-record-id", warc, message, offset=record.offset, record_id=record.record_id)


def _verify_digests(record: Record, warc: Path, findings: _Findings) -> None:
    """Note digests that the bytes do not give; unknown algorithms are passed over."""
    checks: list[tuple[str, bytes]] = [("Block", record.block)]
    # The payload of a revisit is the original's, that of a segment is spread over several records.
    if record.type in _PAYLOAD_TYPES and record.get("WARC-Segment-Number") is None:
        checks.append(("Payload", find_payload(record.block) if record.is_http else record.block))
    for part, data in checks:
        label = record.get(f"WARC-{part}-Digest")
        if label is None or matches_digest(label, data) is not False:
            continue
        message = (
            f"{part.lower()} digest mismatch in {warc.name} at offset {record.offset} ({record.record_id}): "
            f"header says {label}, bytes give {build_digest(data)}; {_RESTORE}"
        )
        findings.add(f"{part.lower()}-digest", warc, message, offset=record.offset, record_id=record.record_id)


def _verify_sidecar(sidecar: Path, warc: Path, captures: dict[int, IndexEntry], findings: _Findings) -> None:
    """Compare what the sidecar lists with the captures that are there."""
    lines = sidecar.read_bytes().splitlines()
    if lines != sorted(lines):
        findings.add("unsorted-sidecar", sidecar, f"{sidecar.name} is not sorted by bytes; {_REINDEX}")
    missing = dict(captures)
    for number, line in enumerate(lines, 1):
        place = f"{sidecar.name} line {number}"
        try:
            entry = load_line(line.decode("utf-8"))
        except ValueError:
            findings.add("bad-index-line", sidecar, f"{place} is not an index line; {_REINDEX}")
            continue
        if entry.filename != warc.name:
            message = f"{place} speaks of {entry.filename}; {_REINDEX}"
            findings.add("foreign-index-line", sidecar, message, record_id=entry.record_id)
        elif captures.get(entry.offset) != entry:
            message = f"{place} does not tell what is in {warc.name} at offset {entry.offset}; {_REINDEX}"
            findings.add("index-mismatch", sidecar, message, offset=entry.offset, record_id=entry.record_id)
        elif missing.pop(entry.offset, None) is None:
            message = f"{place} repeats a line; {_REINDEX}"
            findings.add("duplicate-index-line", sidecar, message, offset=entry.offset)
    for offset, entry in missing.items():
        message = f"capture of {entry.url} in {warc.name} at offset {offset} is in no index; {_REINDEX}"
        findings.add("unindexed-capture", warc, message, offset=offset, record_id=entry.record_id)
