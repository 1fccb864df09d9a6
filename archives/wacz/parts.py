"""Extracts a part of a collection: selected captures with all related records, byte for byte.

A revisit whose original is not in the part would show nothing there, so it becomes the response that it was: its own
head, and the payload from its original. A record behind it says so. Nothing else is changed.

Spec: WARC/1.1 §6.7 (what a revisit leaves out can be taken from its original), §6.6 metadata.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from archives.captures.revisits import find_original
from archives.errors import CollectionError, RecordError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import IndexEntry, dump_line
from archives.index.sidecars import build_sidecar, write_sidecar
from archives.mending.output import RecordOutput, hash_warc
from archives.mending.rewriting import change_fields, restate_length, skip_parts
from archives.mending.units import RecordUnit, iter_units
from archives.storage.collection import Collection
from archives.storage.copying import hash_parts
from archives.storage.files import replace_file, write_file
from archives.storage.remote_files import open_warc
from archives.urls import format_warc_date
from archives.wacz.pack import Packed, pack_collection
from archives.wacz.pages import PAGES_NAME, Page, find_page_url, iter_file_lines, list_page_lists
from archives.wacz.reader import WARC_ENDINGS
from archives.warc.digests import build_parts_digest
from archives.warc.members import HELD_BYTES
from archives.warc.messages import find_framing, is_in_chunks, parse_fields, split_head
from archives.warc.payloads import iter_record_payload
from archives.warc.reader import build_capture, open_record
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from archives.warc.parser import Record

# What a run archives of itself: posts cannot be rebuilt without the definitions.
_OWN_SCHEME: Final = "urn:x-newsreel:"
_RELATIONS: Final = ("WARC-Concurrent-To", "WARC-Refers-To")
# Of these a WACZ file has its members; what is compressed otherwise becomes the second.
_ENDINGS: Final = (*WARC_ENDINGS, ".warc.zst")


@dataclass(slots=True, kw_only=True)
class Part:
    """What a part holds.

    Attributes:
        captures: lines of its index.
        whole: revisits that were made whole.
        unresolved: revisits that stay as they are, since the original is nowhere in the collection.
        left_out: files that are no WARC files.
    """

    captures: int = 0
    whole: int = 0
    unresolved: int = 0
    left_out: list[str] = field(default_factory=list)


def describe_part(part: Part) -> Iterator[str]:
    """Yield sentences on what was done to revisits."""
    if part.whole:
        yield f"{part.whole} revisits were made whole, since their originals are not in this part"
    if part.unresolved:
        yield f"{part.unresolved} revisits stay without their originals, which are nowhere in the collection"


def write_part(
    collection: Collection,
    target: Collection,
    is_selected: Callable[[IndexEntry], bool],
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str], None] | None = None,
) -> Part:
    """Write the selected captures of a collection to another one, which holds nothing yet.

    Args:
        is_selected: asked for each capture of an address of the web; source definitions are always taken along.

    Raises:
        CollectionError: none is selected.
        RecordError: a file is damaged.
        OSError: a file cannot be read or written.
    """
    part = Part()
    with CollectionIndex(collection) as index:
        index.refresh()
        at = format_warc_date(clock())
        has_any = False
        for warc in collection.iter_warcs():
            if not warc.name.endswith(_ENDINGS):
                part.left_out.append(warc.name)
                continue
            chosen = [entry for entry in index.iter_files([warc.name]) if _is_chosen(entry, is_selected)]
            has_any = has_any or any(not entry.url.startswith(_OWN_SCHEME) for entry in chosen)
            if not chosen:
                continue
            if progress is not None:
                progress(warc.name)
            path = _FilePart(index, chosen, is_selected, warc, part).write(target, at)
            entries = build_sidecar(path)
            part.captures += len(entries)
            write_sidecar(target, path.name, map(dump_line, entries))
    if not has_any:
        message = f"no capture of {collection.name} is selected; widen the selection"
        raise CollectionError(message, path=collection.path)
    return part


def pack_part(
    collection: Collection,
    target: Path,
    is_selected: Callable[[IndexEntry], bool],
    *,
    title: str = "",
    key_file: Path | None = None,
    pages: Iterable[Page] = (),
    progress: Callable[[str], None] | None = None,
) -> tuple[Packed, Part]:
    """Write the captures of a collection that are meant to a WACZ file; parameters and errors as those of
    `write_part` and `pack_collection`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".newsreel-part-", dir=target.parent) as scratch:
        copy = Collection(Path(scratch) / collection.name)
        part = write_part(collection, copy, is_selected, progress=progress)
        _copy_page_lists(collection, copy)
        packed = pack_collection(
            copy,
            target,
            title=title or f"{collection.name} (a part)",
            key_file=key_file,
            pages=(page for page in pages if is_selected(page.entry) and page.entry.filename not in part.left_out),
        )
    return packed, part


def _copy_page_lists(collection: Collection, copy: Collection) -> None:
    """Give the part those pages of each list that it holds a capture of."""
    with CollectionIndex(copy) as index:
        for path in (collection.pages_dir / PAGES_NAME, *list_page_lists(collection)):
            if not path.is_file():
                continue
            kept = []
            for line in iter_file_lines(path):
                url = find_page_url(line)
                if url is None or next(iter(index.iter_captures(url)), None) is not None:
                    kept.append(line)
            write_file(copy.pages_dir / path.name, b"".join(kept))


def _is_chosen(entry: IndexEntry, is_selected: Callable[[IndexEntry], bool]) -> bool:
    return entry.url.startswith(_OWN_SCHEME) or is_selected(entry)


class _FilePart:
    """The part of one file."""

    def __init__(
        self,
        index: CollectionIndex,
        chosen: list[IndexEntry],
        is_selected: Callable[[IndexEntry], bool],
        warc: Path,
        part: Part,
    ) -> None:
        self._index = index
        self._is_selected = is_selected
        self._warc = warc
        self._part = part
        self._places = {(entry.offset, entry.record_id) for entry in chosen}
        self._related = _find_related(warc, self._places)

    def write(self, target: Collection, at: str) -> Path:
        """Write it; returns its path."""
        stem = next(self._warc.name.removesuffix(end) for end in _ENDINGS if self._warc.name.endswith(end))
        suffix = ".warc" if self._warc.name.endswith(".warc") else ".warc.gz"
        path = target.archive_dir / f"{stem}-part{suffix}"
        with replace_file(path) as stream, open_warc(self._warc) as source:
            output = RecordOutput(stream, source, name=path.name, sha256=hash_warc(self._warc), at=at)
            has_note = False
            for number, unit in enumerate(_iter_records(self._warc)):
                record = unit.record
                if not has_note and record.type != RecordType.WARCINFO:
                    has_note = True
                    output.write_note(-1, (("part-of", self._warc.name), ("part-of-sha256", output.sha256)))
                if record.type == RecordType.WARCINFO or record.record_id in self._related:
                    output.write(unit)
                elif (unit.offset, record.record_id) in self._places:
                    self._write_capture(output, number, unit)
        return path

    def _write_capture(self, output: RecordOutput, number: int, unit: RecordUnit) -> None:
        original = self._find_outside(unit.record) if unit.record.type == RecordType.REVISIT else None
        if original is None:
            output.write(unit)
            return
        path = self._index.collection.archive_dir / original.filename
        with open_record(path, original.offset, length=original.length, record_id=original.record_id) as record:
            whole = _build_whole(unit.record, record)
            changes = _change_fields(unit.record, whole)
            output.put(change_fields(unit.header, changes), whole.iter_block(), is_large=record.is_large)
            fields = _describe_whole(unit.record, record, path.name, changes)
            output.write_note(number, fields, refers_to=unit.record.record_id)
        self._part.whole += 1

    def _find_outside(self, record: Record) -> IndexEntry | None:
        """The original of a revisit, where it is not in the part."""
        entry = find_original(self._index, build_capture(record, self._warc.name), max_bytes=HELD_BYTES)
        if entry is None:
            self._part.unresolved += 1
            return None
        return None if entry.filename.endswith(_ENDINGS) and _is_chosen(entry, self._is_selected) else entry


def _iter_records(warc: Path) -> Iterator[RecordUnit]:
    """Every record of a file.

    Raises:
        RecordError: something in it cannot be read, so the extent of the part is unknown.
    """
    for unit in iter_units(warc):
        if not isinstance(unit, RecordUnit):
            message = f'{warc.name}: {"; ".join(unit.reasons)}; "python -m archives mend" writes a copy to pack instead'
            raise RecordError(message, path=warc, offset=unit.offset)
        yield unit


def _find_related(warc: Path, places: set[tuple[int, str]]) -> set[str]:
    """The ids of records that belong to the captures at some places: requests, and what is said of either."""
    captures: set[str] = set()
    relations: list[tuple[str, str]] = []
    for unit in _iter_records(warc):
        record = unit.record
        if (unit.offset, record.record_id) in places:
            captures.add(record.record_id)
            relations += [(value, record.record_id) for value in _iter_related(record, _RELATIONS[:1])]
        elif record.type in (RecordType.REQUEST, RecordType.METADATA, RecordType.CONVERSION, RecordType.CONTINUATION):
            relations += [(record.record_id, value) for value in _iter_related(record, _RELATIONS)]
    related: set[str] = set()
    others = {record_id for record_id, _ in relations} - captures
    while new := {one for one, other in relations if one in others - related and other in captures | related}:
        related |= new
    return related


def _iter_related(record: Record, names: tuple[str, ...]) -> Iterator[str]:
    wanted = {name.lower() for name in names}
    return (value for name, value in record.headers if name.lower() in wanted)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The response that a revisit was.

    Attributes:
        original: the record that holds its body.
        body_at: where a body in chunks begins in the block of the original; None for the payload.
    """

    head: bytes
    original: Record
    body_at: int | None = None

    def iter_block(self) -> Iterator[bytes]:
        """Yield head and body in parts."""
        yield self.head
        if self.body_at is None:
            yield from iter_record_payload(self.original)
        else:
            yield from skip_parts(self.original.iter_block(), self.body_at)


def _build_whole(revisit: Record, original: Record) -> _Whole:
    """The response with the revisit's own head, or the original's after a 304."""
    own, _ = split_head(revisit.block)
    is_unmodified = (revisit.get("WARC-Profile") or "").endswith("/server-not-modified")
    stored_head, start = split_head(original.start) if original.is_http else (b"", original.start)
    head = own if own and not is_unmodified else stored_head
    framing = find_framing(parse_fields(head.partition(b"\n")[2]))
    if framing.is_chunked and is_in_chunks(start):
        return _Whole(head, original, len(stored_head))
    size = sum(map(len, iter_record_payload(original)))
    is_framed = not framing.is_chunked and (framing.size in (None, size) or bool(original.truncated))
    if head and not is_framed:
        head = restate_length(head, frozenset((b"transfer-encoding", b"content-length")), size)
    return _Whole(head, original)


def _change_fields(revisit: Record, whole: _Whole) -> dict[bytes, str | None]:
    """The fields of a response's header that are not those of the revisit that it was."""
    original = whole.original
    return {
        b"WARC-Type": "response",
        b"WARC-Profile": None,
        b"WARC-Refers-To": None,
        b"WARC-Refers-To-Target-URI": None,
        b"WARC-Refers-To-Date": None,
        b"WARC-Truncated": str(original.truncated) if original.truncated else None,
        b"WARC-Payload-Digest": revisit.get("WARC-Payload-Digest") or original.get("WARC-Payload-Digest"),
        b"WARC-Block-Digest": build_parts_digest(whole.iter_block()),
        b"Content-Length": str(sum(map(len, whole.iter_block()))),
    }


def _describe_whole(
    revisit: Record, original: Record, filename: str, changes: Iterable[bytes]
) -> Iterator[tuple[str, str]]:
    """What the record behind a revisit that was made whole says.

    Args:
        filename: of the original.
        changes: the names of the header's fields that were changed.
    """
    yield "made-whole", "a revisit whose original is not in this part"
    yield "original", original.record_id
    yield "original-url", original.url
    yield "original-date", format_warc_date(original.captured_at)
    yield "original-file", filename
    yield "original-block-sha256", hash_parts(original.iter_block())
    yield "revisit-block-sha256", hash_parts(revisit.iter_block())
    for name in map(bytes.decode, changes):
        before = revisit.get(name)
        if before is not None:
            yield f"{name}-before", before
