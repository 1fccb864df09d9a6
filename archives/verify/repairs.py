"""Known errors of other writers that `mend` can repair.

Such writers store a body decoded and keep the length and coding of the coded one, state the digest of no bytes where
they computed none, or leave out that a record holds an HTTP message. What is damaged is not repaired: where a digest
tells that bytes have changed since, only a copy of the file helps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from archives.verify.digest_checks import DigestChecks, Verdict
from archives.warc.content_codings import is_decoded
from archives.warc.digests import matches_digest
from archives.warc.messages import find_framing, find_head_size, is_in_chunks, parse_fields
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from archives.warc.parser import Record

_HTTP_TYPES: Final = (RecordType.RESPONSE, RecordType.REQUEST, RecordType.REVISIT)
_REQUEST_LINE: Final = re.compile(rb"[A-Z][A-Z-]{0,30} [^ \r\n]+ HTTP/[0-9](?:\.[0-9])?\r?\n")
_OURS: Final = re.compile(rb"(?im)^software:[^\r\n]*newsreel")


class Fault(StrEnum):
    """In what way a record is not what its writer should have made of the bytes."""

    DECODED_BODY = "decoded-body"  # the head states the coding, the length or the chunks of another body
    DIGEST_OF_NOTHING = "digest-of-nothing"
    FOREIGN_DIGEST = "foreign-payload-digest"  # of bytes that are not stored, such as the body before it was decoded
    NO_MESSAGE_TYPE = "no-message-type"  # an HTTP message, and Content-Type does not say `application/http`


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What would make a record right.

    Attributes:
        head_size: bytes of the message's head, where the fields of `moved` are to give way to the true length.
        moved: fields of the message's head that describe another body, by their names in lower case.
        wrong_digests: `Block` and `Payload`, where what is stated is not of the bytes that are there.
        message_type: what Content-Type should say; empty if it says so.
    """

    faults: tuple[Fault, ...]
    head_size: int = 0
    moved: frozenset[bytes] = frozenset()
    wrong_digests: frozenset[str] = frozenset()
    message_type: str = ""


def is_ours(record: Record) -> bool:
    """Whether a file that begins with this record is of our own writer, which stores what came over the wire."""
    return record.type == RecordType.WARCINFO and _OURS.search(record.start) is not None


def judge_digests(record: Record) -> dict[str, Verdict]:
    """Return what each digest that a record states is worth."""
    checks = DigestChecks(record)
    return {part: checks.judge(part, label) for part, label in checks.iter_labels()}


def find_repair(record: Record, verdicts: Mapping[str, Verdict]) -> Repair | None:
    """Return what would make a record right; None if nothing is wrong, or something that cannot be repaired.

    Args:
        verdicts: of the record's digests, see `judge_digests`.
    """
    if verdicts.get("Block") is Verdict.BAD:
        return None
    faults: list[Fault] = []
    head_size, moved = _find_other_body(record)
    if moved:
        faults.append(Fault.DECODED_BODY)
    wrong = frozenset(part for part, verdict in verdicts.items() if verdict is Verdict.OF_NOTHING)
    if wrong:
        faults.append(Fault.DIGEST_OF_NOTHING)
    if moved and verdicts.get("Payload") is Verdict.OF_OTHER_BYTES:
        wrong |= {"Payload"}  # of the whole block, which will be another
    if verdicts.get("Payload") is Verdict.BAD:
        if verdicts.get("Block") not in (Verdict.GOOD, Verdict.OF_OTHER_BYTES):
            return None  # nothing tells whether the writer was wrong or the bytes have changed
        wrong |= {"Payload"}
        faults.append(Fault.FOREIGN_DIGEST)
    message_type = _find_message_type(record)
    if message_type:
        faults.append(Fault.NO_MESSAGE_TYPE)
    if not faults:
        return None
    return Repair(
        faults=tuple(faults), head_size=head_size, moved=moved, wrong_digests=wrong, message_type=message_type
    )


def describe_faults(faults: Counter[Fault]) -> str:
    """Return words for how often each fault was found."""
    return ", ".join(f"{count} {fault}" for fault, count in sorted(faults.items()))


def _find_message_type(record: Record) -> str:
    stated = (record.get("Content-Type") or "").lower()
    # The standard's own example of a revisit has the second.
    right = ("application/http", "message/http") if record.type == RecordType.REVISIT else ("application/http",)
    if record.type not in _HTTP_TYPES or stated.startswith(right):
        return ""
    if record.type == RecordType.REQUEST:
        is_request = record.url[:4].lower() == "http" and _REQUEST_LINE.match(record.start)
        return "application/http;msgtype=request" if is_request else ""
    return "application/http;msgtype=response" if record.is_http else ""


def _find_other_body(record: Record) -> tuple[int, frozenset[bytes]]:
    """Where a response's head ends, and which of its fields describe another body than the one that is stored."""
    nothing = 0, frozenset[bytes]()
    if record.type != RecordType.RESPONSE or not record.is_http or record.truncated:
        return nothing
    start = record.start
    head_size = find_head_size(start)
    size = record.size - head_size
    if size <= 0 or head_size == len(start):
        return nothing
    fields = parse_fields(start[:head_size].partition(b"\n")[2])
    framing = find_framing(fields)
    body = memoryview(start)[head_size:]
    moved: set[bytes] = set()
    if framing.is_chunked:
        if is_in_chunks(body):
            return nothing
        moved |= {b"transfer-encoding", b"content-length"}
    elif framing.size is not None and framing.size != size:
        if framing.size < size and not _is_of_other_body(record, framing.size, head_size):
            return nothing
        moved.add(b"content-length")
    if _is_decoded(fields, record, head_size):
        moved.add(b"content-encoding")
    elif not framing.is_chunked and framing.size is not None and framing.size > size:
        return nothing  # cut rather than decoded
    stated = {name.lower() for name, _ in fields}
    return (head_size, frozenset(moved & stated)) if moved & stated else nothing


def _is_of_other_body(record: Record, length: int, head_size: int) -> bool:
    """Whether a Content-Length is that of another body, rather than of this one with something behind it."""
    digest = record.get("WARC-Payload-Digest") or ""
    if record.is_large or not digest:
        return True
    return not matches_digest(digest, record.block[head_size : head_size + length])


def _is_decoded(fields: list[tuple[bytes, bytes]], record: Record, head_size: int) -> bool:
    """Whether a body is not in the content coding that its head states."""
    values = [value.decode("latin-1") for name, value in fields if name.lower() == b"content-encoding"]
    codings = [coding for value in values for coding in value.split(",")]
    return bool(codings) and is_decoded(record.start[head_size:], codings)
