"""Reads every byte of a collection and reports what differs from what was written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Final

from archives.errors import Damage, RecordError
from archives.index.cdxj import IndexEntry, load_line
from archives.index.methods import MethodKeys
from archives.index.sidecars import build_entry
from archives.storage.files import is_held
from archives.storage.remote_files import find_size, open_warc
from archives.urls import is_standard_date
from archives.verify.digest_checks import DigestChecks, Verdict
from archives.verify.findings import Findings, Likeness, Problem, Twin
from archives.verify.log_checks import Trust, verify_log
from archives.verify.repairs import Fault, describe_faults, find_repair, is_ours
from archives.verify.run_manifests import iter_departures
from archives.warc.digests import DigestCheck
from archives.warc.members import Member, has_members, open_member
from archives.warc.parser import Record
from archives.warc.reader import is_capture, scan_records
from archives.warc.records import RecordType
from archives.warc.scanning import MemberScan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

__all__ = ["Problem", "verify_collection", "verify_files", "verify_parts"]

_CONTENT_LENGTH: Final = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,18})[ \t]*\r?$")
_HEADER_END: Final = re.compile(rb"\n\r?\n")
_TRAILER: Final = b"\r\n\r\n"
_LONGEST_REST: Final = 4096
_REINDEX: Final = 'run "python -m archives index" on the collection'
_EMPTY: Final = "empty-file"
_KNOWN_TYPES: Final = frozenset(RecordType)
_RESTORE: Final = "restore the file from a copy"
_MEND: Final = '"python -m archives mend" writes a copy of the collection that is right'
_CUT: Final = f"if there is none, {_MEND.replace('that is right', 'without it')}"
# Rebuilding the index of a damaged file forgets the captures that a copy still has.
_RESTORE_FIRST: Final = f"{_RESTORE}; only if there is none, {_REINDEX}"


def verify_collection(
    collection: Collection,
    *,
    progress: Callable[[str], None] | None = None,
    on_note: Callable[[Problem], None] | None = None,
    trust: Trust | None = None,
) -> list[Problem]:
    """Every problem of a collection; none for a good one.

    Args:
        trust: what its signed log is checked against; without it, against itself.
        progress: called with the name of each file before it is read.
        on_note: called for what is unusual in files of other tools, but no problem.
    """
    with Findings(on_note) as findings:
        _verify_writers(collection, findings)
        for warc in list(collection.iter_warcs()):
            if progress is not None:
                progress(warc.name)
            _verify_file(collection, warc, findings)
        _verify_rest(collection, findings, trust or Trust())
        return findings.problems


def verify_files(
    collection: Collection,
    warcs: Iterable[Path],
    database: Path,
    *,
    on_note: Callable[[Problem], None] | None = None,
) -> list[Problem]:
    """Every problem that some files have by themselves; what others need to know of them goes to a new database."""
    with Findings(on_note, database=str(database)) as findings:
        for warc in warcs:
            _verify_file(collection, warc, findings)
        return findings.problems


def verify_parts(
    collection: Collection,
    parts: Iterable[tuple[Path, list[Problem]]],
    *,
    on_note: Callable[[Problem], None] | None = None,
    trust: Trust | None = None,
) -> list[Problem]:
    """Every problem of a collection whose files have been verified, put together from databases and problems."""
    with Findings(on_note) as findings:
        _verify_writers(collection, findings)
        for database, problems in parts:
            findings.problems += problems
            for again in findings.take_in(database):
                place = collection.archive_dir / again.filename, again.offset
                _add_repetition(place, again.record_id, first=again.first, findings=findings)
        _verify_rest(collection, findings, trust or Trust())
        return findings.problems


def _verify_writers(collection: Collection, findings: Findings) -> None:
    for path in collection.iter_open():
        if not is_held(path):
            what = f"{path.name} was left by a writer that died"
            findings.add("stale-open", path, f'{what}; run "python -m archives recover" on the collection')


def _verify_file(collection: Collection, warc: Path, findings: Findings) -> None:
    try:
        _verify_warc(collection, warc, findings)
    except OSError as error:
        findings.add("unreadable", warc, f"cannot read {warc.name} ({error.strerror or error}); {_RESTORE}")


def _verify_rest(collection: Collection, findings: Findings, trust: Trust) -> None:
    """Checks that are possible only after every file has been read."""
    known = {collection.sidecar_path(warc.name) for warc in collection.iter_warcs()}
    for sidecar in collection.iter_sidecars():
        if sidecar not in known:
            what = f"{sidecar.name} belongs to no WARC file"
            findings.add("foreign-sidecar", sidecar, f"{what}; restore that file from a copy, or else {_REINDEX}")
    _verify_revisits(findings)
    known_worse = {problem.path for problem in findings.problems if problem.kind != _EMPTY}
    departures = list(iter_departures(collection, but=known_worse))
    reported = {problem.path for problem in departures}
    findings.problems = [p for p in findings.problems if p.kind != _EMPTY or p.path not in reported] + departures
    verify_log(collection, findings, trust)


def _verify_warc(collection: Collection, warc: Path, findings: Findings) -> None:
    captures: dict[tuple[int, str], IndexEntry] = {}
    readable: list[int] = []
    keys = MethodKeys()
    faults: Counter[Fault] = Counter()
    is_wire = False
    for record in _iter_framed(warc, findings):
        keys.see(record)
        readable.append(record.offset)
        _verify_identity(record, warc, findings)
        verdicts = _verify_digests(record, warc, findings)
        is_wire = is_wire or is_ours(record)
        if not is_wire and record.version and (repair := find_repair(record, verdicts)):
            faults.update(repair.faults)
        _verify_type(record, warc, findings)
        if is_capture(record):
            try:
                captures[record.offset, record.record_id] = build_entry(record, warc.name)
                _note_oddities(record, warc, findings)
            except RecordError as error:
                _add_unplaced(error, record, warc, findings)
    if not readable and not findings.list_offsets(warc):
        message = f"{warc.name} is empty: no record is in it; {_RESTORE}, or remove it if nothing ever was"
        findings.add(_EMPTY, warc, message)
    if faults:
        message = f"{warc.name} is not as its writer should have made it ({describe_faults(faults)}); {_MEND}"
        findings.add_note("mendable", warc, message)
    captures = dict(zip(captures, keys.apply(captures.values()), strict=True))
    sidecar = collection.sidecar_path(warc.name)
    if sidecar.exists():
        _verify_sidecar(sidecar, warc, captures, findings, loss=_Loss(warc, readable, findings.list_offsets(warc)))
    elif not is_held(warc):
        findings.add("missing-sidecar", sidecar, f"{warc.name} has no sidecar {sidecar.name}; {_REINDEX}")


def _add_unplaced(error: RecordError, record: Record, warc: Path, findings: Findings) -> None:
    """A capture without address or date; without a date only, it is a note in drafts of the format, which set none."""
    if record.url and record.version.startswith("WARC/0."):
        message = f"{warc.name}: {error}, and is left out of the index"
        findings.add_note("undated", warc, message, offset=record.offset, record_id=record.record_id)
    else:
        findings.add_damage(error, warc)


def _iter_framed(warc: Path, findings: Findings) -> Iterator[Record]:
    """Every record that can be read; what does not fill its place exactly is noted."""
    with open_warc(warc) as stream:
        if not has_members(stream, warc.name):
            yield from _iter_uncompressed(warc, findings)
            return
        scan = MemberScan(stream, lambda error: findings.add_damage(error, warc))
        for member, records in scan.iter_groups():
            yield from _iter_member(member, records, warc, findings)
    if scan.padding:
        size, at = sum(map(len, scan.padding)), scan.padding[0].start
        message = f"{size} bytes of padding in {warc.name}, first at offset {at}; if its writer left none, {_RESTORE}"
        findings.add_note("padding", warc, message, offset=at)


def _iter_uncompressed(warc: Path, findings: Findings) -> Iterator[Record]:
    end: int | None = None
    for record in scan_records(warc, lambda error: findings.add_damage(error, warc)):
        if end is not None and record.version and record.offset - end != len(_TRAILER):
            _add_trailer_note(warc, record.offset, findings)
        end = record.offset + record.length
        yield record


def _iter_member(member: Member, records: Iterator[Record], warc: Path, findings: Findings) -> Iterator[Record]:
    kind, what = _find_framing_fault(member) or ("", "")
    if kind == "trailer":
        _add_trailer_note(warc, member.offset, findings)
    elif kind:
        remedy = _MEND if kind == Damage.SHARED_MEMBER else _RESTORE
        message = f"{what} in {warc.name} at offset {member.offset}; {remedy}"
        findings.add(kind, warc, message, offset=member.offset)
        if kind != Damage.SHARED_MEMBER:
            return
    try:
        yield from records
    except RecordError as error:
        findings.add_damage(error, warc)


def _add_trailer_note(warc: Path, offset: int, findings: Findings) -> None:
    message = f"record in {warc.name} at offset {offset} is not parted from the next by two line ends; it can be read"
    findings.add_note("trailer", warc, message, offset=offset)


def _find_framing_fault(member: Member) -> tuple[str, str] | None:
    """In which way one record does not fill its member: a kind, and words for it."""
    data = member.data
    header_end = _HEADER_END.search(data)
    if not data.startswith(b"WARC/") or header_end is None:
        return None
    declared = _CONTENT_LENGTH.search(data, 0, header_end.start() + 1)
    if declared is None:
        return "content-length", "record without a Content-Length"
    block_end = header_end.end() + int(declared[1])
    if member.source is not None and block_end <= member.size:
        stream = open_member(member)
        stream.seek(block_end)
        rest = stream.read(_LONGEST_REST)
    else:
        rest = data[block_end:]
    if rest.lstrip(b"\r\n").startswith(b"WARC/"):
        return Damage.SHARED_MEMBER, f"more than one record in a {member.codec.name} member"
    # Some writers give too few or too many line ends, which does no harm if the block is complete.
    if block_end > member.size or rest.strip(b"\r\n"):
        there = max(0, member.size - header_end.end() - len(_TRAILER))
        return "content-length", f"Content-Length says {int(declared[1])}, the record has {there} bytes,"
    return None if rest == _TRAILER else ("trailer", "unusual line ends behind a record")


def _note_oddities(record: Record, warc: Path, findings: Findings) -> None:
    """Note what may be read otherwise than the writer of a capture meant it. Spec: WARC/1.1 §5.4, §5.20."""
    place = f"{record.type} record in {warc.name} at offset {record.offset}"
    date = record.get("WARC-Date") or ""
    if record.version and not is_standard_date(date):
        message = f"{place} has the date {date[:80]!r}, which is not as the standard writes it"
        findings.add_note("odd-date", warc, message, offset=record.offset, record_id=record.record_id)
    if record.get("WARC-Segment-Number"):
        message = f"{place} is a segment of a longer record; segments are not joined, so that its capture is incomplete"
        findings.add_note("segment", warc, message, offset=record.offset, record_id=record.record_id)


def _verify_type(record: Record, warc: Path, findings: Findings) -> None:
    """Note records that no index lists because of their type. Spec: WARC/1.1 §5.5."""
    if not record.version or record.type in _KNOWN_TYPES:
        return
    place = f"in {warc.name} at offset {record.offset} is not listed"
    if record.type:
        message = f"record of the type {record.type!r} {place}: the standard has no such type"
        findings.add_note("unknown-type", warc, message, offset=record.offset, record_id=record.record_id)
    else:
        message = f"record {place}: it has no WARC-Type; {_RESTORE}"
        findings.add(Damage.BAD_RECORD, warc, message, offset=record.offset, record_id=record.record_id)


def _verify_identity(record: Record, warc: Path, findings: Findings) -> None:
    """Note a record id that was seen before: a copy of a record, or a tool that gave one id to two."""
    seen = findings.see(record, warc)
    if seen is not None:
        _add_repetition((warc, record.offset), record.record_id, first=seen, findings=findings)


def _add_repetition(place: tuple[Path, int], record_id: str, *, first: Twin, findings: Findings) -> None:
    warc, offset = place
    message = f"record id {record_id} in {warc.name} at offset {offset} is also in {first.place}"
    add, next_step = findings.add, "remove the copy of the record or file"
    if first.likeness is Likeness.CHANGED:
        next_step = "one of the two was changed: keep both until a copy of the file tells which"
    elif first.likeness is Likeness.OTHER:
        add, next_step = findings.add_note, "they are different records, only their id does not tell them apart"
    add("duplicate-record-id", warc, f"{message}; {next_step}", offset=offset, record_id=record_id)


def _verify_digests(record: Record, warc: Path, findings: Findings) -> dict[str, Verdict]:
    """Note digests that the bytes do not give, and those that cannot be checked here; returns what each is worth."""
    checks = DigestChecks(record)
    verdicts: dict[str, Verdict] = {}
    for part, label in checks.iter_labels():
        kind = f"{part.lower()}-digest"
        verdict = verdicts[part] = checks.judge(part, label)
        if verdict is Verdict.GOOD:
            continue
        place = f"{part.lower()} digest in {warc.name} at offset {record.offset} ({record.record_id})"
        if verdict is Verdict.UNKNOWN:
            name = label.partition(":")[0] if ":" in label else "none"
            message = f"{place} is not checked: its algorithm is {name!r}, which this program cannot compute"
            findings.add_note("unchecked-digest", warc, message, offset=record.offset, record_id=record.record_id)
        elif verdict is Verdict.OF_OTHER_BYTES:
            message = f"{place} is over the body as framed or the whole block, not over the payload"
            findings.add_note(kind, warc, message, offset=record.offset, record_id=record.record_id)
        elif verdict is Verdict.OF_NOTHING:
            message = f"{place} is the digest of no bytes, as some writers state where they computed none"
            findings.add_note(kind, warc, message, offset=record.offset, record_id=record.record_id)
        else:
            is_written_so = part == "Payload" and verdicts.get("Block") is Verdict.GOOD
            remedy = (
                f"the block is as it was written, so that its writer was wrong: {_MEND}" if is_written_so else _RESTORE
            )
            computed = checks.compute(part, DigestCheck(label).algorithm)
            message = f"{place} does not match: header says {label}, bytes give {computed}; {remedy}"
            findings.add(kind, warc, message, offset=record.offset, record_id=record.record_id)
    return verdicts


def _verify_revisits(findings: Findings) -> None:
    """Note revisits whose original is nowhere in the collection."""
    for revisit in findings.iter_dangling():
        add = findings.add if revisit.is_promise else findings.add_note
        message = (
            f"revisit {revisit.record_id} in {revisit.path.name} at offset {revisit.offset} {revisit.fault}; "
            'bring the file that holds the original with "python -m archives add"'
        )
        add("dangling-revisit", revisit.path, message, offset=revisit.offset, record_id=revisit.record_id)


def _verify_sidecar(
    sidecar: Path,
    warc: Path,
    captures: dict[tuple[int, str], IndexEntry],
    findings: Findings,
    *,
    loss: _Loss,
) -> None:
    """Compare what the sidecar lists with the captures that are there; what cannot be read is not the index's fault."""
    missing = dict(captures)
    remedy = _RESTORE_FIRST if loss.damaged else _REINDEX
    for place, entry in _iter_entries(sidecar, findings, remedy):
        key = entry.offset, entry.record_id
        if entry.filename != warc.name:
            message = f"{place} speaks of {entry.filename}; {remedy}"
            findings.add("foreign-index-line", sidecar, message, record_id=entry.record_id)
        elif key not in captures and loss.has(entry):
            message = f"capture of {entry.url} in {warc.name} at offset {entry.offset} cannot be read; {_RESTORE}"
            findings.add("lost-capture", warc, message, offset=entry.offset, record_id=entry.record_id)
        elif captures.get(key) != entry:
            message = f"{place} does not tell what is in {warc.name} at offset {entry.offset}; {remedy}"
            findings.add("index-mismatch", sidecar, message, offset=entry.offset, record_id=entry.record_id)
        elif missing.pop(key, None) is None:
            message = f"{place} repeats a line; {remedy}"
            findings.add("duplicate-index-line", sidecar, message, offset=entry.offset, record_id=entry.record_id)
    for entry in missing.values():
        message = f"capture of {entry.url} in {warc.name} at offset {entry.offset} is in no index; {remedy}"
        findings.add("unindexed-capture", warc, message, offset=entry.offset, record_id=entry.record_id)


def _iter_entries(sidecar: Path, findings: Findings, remedy: str) -> Iterator[tuple[str, IndexEntry]]:
    """Each entry of a sidecar and words for its place."""
    lines = sidecar.read_bytes().splitlines()
    if lines != sorted(lines):
        findings.add("unsorted-sidecar", sidecar, f"{sidecar.name} is not sorted by bytes; {remedy}")
    for number, line in enumerate(lines, 1):
        place = f"{sidecar.name} line {number}"
        try:
            yield place, load_line(line.decode("utf-8"))
        except ValueError:
            findings.add("bad-index-line", sidecar, f"{place} is not an index line; {remedy}")


class _Loss:
    """What of a file is damaged or gone, so that an index which points there is right, and the file is not.

    Args:
        readable: offsets of the records that could be read, ascending.
        faulty: offsets of problems.
    """

    def __init__(self, warc: Path, readable: list[int], faulty: set[int]) -> None:
        self.damaged = sorted(faulty - set(readable))
        self._readable = readable
        self._size = find_size(warc)

    def has(self, entry: IndexEntry) -> bool:
        """Whether the bytes that an entry points at are lost, rather than other bytes."""
        if entry.offset + entry.length > self._size:
            return True
        after = bisect_right(self.damaged, entry.offset)
        before = bisect_right(self._readable, entry.offset)
        return after > 0 and (before == 0 or self._readable[before - 1] < self.damaged[after - 1])
