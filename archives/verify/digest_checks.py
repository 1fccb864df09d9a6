"""Compares the digests stated in a record with its bytes, allowing for how various writers compute them.

A record that is too large for the memory is read in parts, once.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from archives.warc.digests import DigestCheck, build_parts_digest, is_digest_of_nothing, matches_digest, matches_parts
from archives.warc.messages import split_head
from archives.warc.payloads import choose_payload, iter_large_payload
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.warc.parser import Record

_PAYLOAD_TYPES: Final = (RecordType.RESPONSE, RecordType.REQUEST, RecordType.RESOURCE)


class Verdict(Enum):
    """What a digest is worth."""

    GOOD = auto()
    BAD = auto()
    UNKNOWN = auto()
    OF_OTHER_BYTES = auto()
    OF_NOTHING = auto()


class DigestChecks:
    """The digests of one record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def iter_labels(self) -> Iterator[tuple[str, str]]:
        """Yield `Block` and `Payload` with the digests that the record states.

        The payload of a revisit is the original's, that of a segment is spread over several records.
        """
        if label := self._record.get("WARC-Block-Digest"):
            yield "Block", label
        if self._record.type not in _PAYLOAD_TYPES or self._record.get("WARC-Segment-Number") is not None:
            return
        if label := self._record.get("WARC-Payload-Digest"):
            yield "Payload", label

    def judge(self, part: str, label: str) -> Verdict:
        """Compare a digest with the bytes the standard means, and then with those that other tools take."""
        record = self._record
        if record.is_large:
            return self._judge_large(part, label)
        block = record.block
        is_http = part == "Payload" and record.is_http
        verdict = matches_digest(label, choose_payload(block, label) if is_http else block)
        if verdict is None:
            return Verdict.UNKNOWN
        if verdict:
            return Verdict.GOOD
        if is_http and (matches_digest(label, split_head(block)[1]) or matches_digest(label, block)):
            return Verdict.OF_OTHER_BYTES
        return Verdict.OF_NOTHING if is_digest_of_nothing(label) else Verdict.BAD

    def _judge_large(self, part: str, label: str) -> Verdict:
        whole = DigestCheck(label)
        if not whole.is_known:
            return Verdict.UNKNOWN
        is_http = part == "Payload" and self._record.is_http
        if is_http:
            for is_framed in (True, False):
                if matches_parts(label, iter_large_payload(self._record.iter_block(), is_framed=is_framed)):
                    return Verdict.GOOD
        if matches_parts(label, self._record.iter_block()):
            return Verdict.OF_OTHER_BYTES if is_http else Verdict.GOOD
        return Verdict.OF_NOTHING if is_digest_of_nothing(label) else Verdict.BAD

    def compute(self, part: str, algorithm: str = "sha1") -> str:
        """Digest the bytes that the standard means."""
        record = self._record
        if part != "Payload" or not record.is_http:
            return build_parts_digest(record.iter_block(), algorithm)
        if record.is_large:
            return build_parts_digest(iter_large_payload(record.iter_block(), is_framed=True), algorithm)
        return build_parts_digest((choose_payload(record.block),), algorithm)
