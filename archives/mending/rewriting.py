"""Repairs one record and notes its previous values; everything else is copied byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from archives.storage.copying import hash_parts
from archives.verify.digest_checks import DigestChecks
from archives.warc.digests import WRITTEN, DigestCheck, build_parts_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from archives.mending.units import RecordUnit
    from archives.verify.repairs import Repair
    from archives.warc.parser import Record

_LINE_END: Final = re.compile(rb"\r?\n(?![ \t])")
# As warcio and pywb call a field that described the message before it was stored.
_KEPT_AS: Final = b"X-Archive-Orig-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A record made right.

    Attributes:
        header: of the record, blank line included.
        head: what the block begins with instead of its first `skipped` bytes.
        fields: of the record that describes the change.
        payload_digest: the new one, where it has changed.
    """

    record: Record
    header: bytes
    head: bytes
    skipped: int
    fields: tuple[tuple[str, str], ...]
    payload_digest: str = ""

    def iter_block(self) -> Iterator[bytes]:
        """Yield the block in parts."""
        yield self.head
        yield from skip_parts(self.record.iter_block(), self.skipped)


def skip_parts(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield bytes that come in parts without the first `size` of them."""
    for part in parts:
        yield part[size:]
        size = max(0, size - len(part))


def mend_record(unit: RecordUnit, repair: Repair) -> Mended:
    """Apply a repair."""
    record = unit.record
    fields = [("fault", str(fault)) for fault in repair.faults]
    fields.append(("block-sha256-before", hash_parts(record.iter_block())))
    head = record.start[: repair.head_size] if repair.moved else b""
    if repair.moved:
        head = restate_length(head, repair.moved, record.size - repair.head_size)
    changes: dict[bytes, str] = {}
    if repair.message_type:
        changes[b"Content-Type"] = repair.message_type
    payload_digest = ""
    if "Payload" in repair.wrong_digests:
        payload_digest = _build_payload_digest(record, repair)
        changes[b"WARC-Payload-Digest"] = payload_digest
    block = Mended(record=record, header=b"", head=head, skipped=repair.head_size if head else 0, fields=())
    if head or "Block" in repair.wrong_digests:
        algorithm = _find_algorithm(record.get("WARC-Block-Digest"))
        changes[b"WARC-Block-Digest"] = build_parts_digest(block.iter_block(), algorithm)
    if head:
        changes[b"Content-Length"] = str(record.size - repair.head_size + len(head))
    header = change_fields(unit.header, changes)
    fields += [(f"{name.decode()}-before", record.get(name.decode()) or "none") for name in changes]
    return Mended(
        record=record,
        header=header,
        head=head,
        skipped=block.skipped,
        fields=tuple(fields),
        payload_digest=payload_digest,
    )


def refer_to(unit: RecordUnit, payload_digest: str) -> Mended:
    """Let a revisit state the payload digest that its original has now."""
    record = unit.record
    return Mended(
        record=record,
        header=change_fields(unit.header, {b"WARC-Payload-Digest": payload_digest}),
        head=b"",
        skipped=0,
        fields=(
            ("fault", "digest-of-mended-original"),
            ("WARC-Payload-Digest-before", record.get("WARC-Payload-Digest") or "none"),
        ),
        payload_digest=payload_digest,
    )


def _build_payload_digest(record: Record, repair: Repair) -> str:
    """The digest of the payload that the mended message has: all that is stored, where its head spoke of another."""
    algorithm = _find_algorithm(record.get("WARC-Payload-Digest"))
    if not repair.moved:
        return DigestChecks(record).compute("Payload", algorithm)
    rest = Mended(record=record, header=b"", head=b"", skipped=repair.head_size, fields=())
    return build_parts_digest(rest.iter_block(), algorithm)


def _find_algorithm(label: str | None) -> str:
    """The algorithm of a digest that is replaced, where we write it."""
    algorithm = DigestCheck(label).algorithm if label else ""
    return algorithm if algorithm in WRITTEN else WRITTEN[0]


def restate_length(head: bytes, moved: frozenset[bytes], size: int) -> bytes:
    """Rename fields of a message's head and state the length of its body."""
    ending = b"\r\n" if b"\r\n" in head else b"\n"
    lines = _split_lines(head)
    kept = [(_KEPT_AS + line) if _find_name(line) in moved else line for line in lines if line]
    return ending.join((*kept, b"Content-Length: %d" % size, b"", b""))


def change_fields(header: bytes, changes: Mapping[bytes, str | None]) -> bytes:
    """Give fields of a record's header new values; those that it does not have are added at its end.

    Args:
        changes: by the names of fields; None removes one.
    """
    missing = {name: value for name, value in changes.items() if value is not None}
    lines = []
    for line in _split_lines(header):
        name = next((name for name in changes if name.lower() == _find_name(line)), None)
        if name is None:
            lines.append(line)
        elif name in missing:
            lines.append(b"%b: %b" % (name, missing.pop(name).encode()))
    lines = [line for line in lines if line]
    lines += [b"%b: %b" % (name, value.encode()) for name, value in missing.items()]
    return b"\r\n".join(chain(lines, (b"", b"")))


def _split_lines(head: bytes) -> list[bytes]:
    """The lines of a head, folded ones with the line that they belong to."""
    return _LINE_END.split(head)


def _find_name(line: bytes) -> bytes:
    name, colon, _ = line.partition(b":")
    return name.strip().lower() if colon else b""
