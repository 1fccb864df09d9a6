"""A record is read as it was written, whatever else is read from the same stream in between."""

from __future__ import annotations

import gzip
import random
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest

from archives.errors import refuse
from archives.verify.digest_checks import DigestChecks, Verdict
from archives.warc.digests import build_digest
from archives.warc.reader import iter_stream, scan_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archives.warc.parser import Record

zstd: Any = pytest.importorskip("backports.zstd")

_HELD: Final = 3000
_READ: Final = 700
_PART: Final = 1000
_SIZES: Final = (0, 1, _READ, _HELD - 700, _HELD - 350, _HELD, _HELD + 1, 2 * _HELD, 5 * _HELD)
_MOST_KEPT: Final = 12


@dataclass(frozen=True, slots=True)
class Truth:
    """A record as it was written."""

    url: str
    block: bytes
    data: bytes


def build_truth(number: int, chance: random.Random) -> Truth:
    size = chance.choice(_SIZES) + chance.randrange(40)
    noise = chance.randbytes(size)
    few, blank = noise[: size // 3], bytes(size - size // 3)
    body = chance.choice((noise, bytes(size), few + blank, blank + few))
    url = f"http://{number}.example/"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    block = head + body
    header = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\nWARC-Block-Digest: {build_digest(block)}\r\n"
        f"WARC-Payload-Digest: {build_digest(body)}\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return Truth(url, block, header.encode() + block + b"\r\n\r\n")


def build_arc(truths: list[Truth]) -> list[bytes]:
    version = b"1 0 test\nURL IP-address Archive-date Content-type Archive-length\n"
    first = b"filedesc://a.arc 0.0.0.0 20260101000000 text/plain %d\n%b\n" % (len(version), version)
    return [first] + [
        b"%b 192.0.2.7 20260101000000 text/html %d\n%b\n" % (truth.url.encode(), len(truth.block), truth.block)
        for truth in truths
    ]


def pack_alone(records: list[bytes]) -> bytes:
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def pack_shared(records: list[bytes]) -> bytes:
    """Three records in each member, as `gzip` makes one of a whole file."""
    return pack_alone([b"".join(records[at : at + 3]) for at in range(0, len(records), 3)])


def pack_split(records: list[bytes]) -> bytes:
    """A new member wherever a buffer is full."""
    parts = []
    for record in records:
        step = _HELD // 2 if len(record) < _HELD else len(record)
        parts += [record[at : at + step] for at in range(0, len(record), step)]
    return pack_alone(parts)


def pack_zstd(records: list[bytes], *, per_frame: int = 1, has_checksum: bool = True, dictionary: bytes = b"") -> bytes:
    options = {zstd.CompressionParameter.checksum_flag: has_checksum}
    known = zstd.ZstdDict(dictionary, is_raw=True) if dictionary else None
    start = struct.pack("<II", 0x184D2A5D, len(dictionary)) + dictionary if dictionary else b""
    frames = (b"".join(records[at : at + per_frame]) for at in range(0, len(records), per_frame))
    return start + b"".join(zstd.compress(frame, options=options, zstd_dict=known) for frame in frames)


def pack_joined(records: list[bytes]) -> bytes:
    """Files with other dictionaries put together, between their records frames that hold no data."""
    parts = []
    for number, record in enumerate(records):
        skipped = struct.pack("<II", 0x184D2A50, number) + bytes(number)
        parts += [pack_zstd([record], dictionary=record[: 100 * (number % 3)]), skipped]
    return b"".join(parts)


FORMS: Final[dict[str, Callable[[list[bytes]], bytes]]] = {
    "plain": b"".join,
    "gzip": pack_alone,
    "gzip, shared": pack_shared,
    "gzip, split": pack_split,
    "zstd": pack_zstd,
    "zstd, shared": lambda records: pack_zstd(records, per_frame=3),
    "zstd without checksum": lambda records: pack_zstd(records, has_checksum=False),
    "zstd without checksum, shared": lambda records: pack_zstd(records, per_frame=3, has_checksum=False),
    "zstd with dictionaries": pack_joined,
    "arc": b"".join,
    "arc, gzip": pack_alone,
}


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small records large, and reads short."""
    for module in ("members", "parser", "scanning"):
        monkeypatch.setattr(f"archives.warc.{module}.HELD_BYTES", _HELD)
    for place in ("members._READ_SIZE", "scanning._READ_SIZE", "extents._READ_SIZE"):
        monkeypatch.setattr(f"archives.warc.{place}", _READ)
    for place in ("members._PART_BYTES", "members._START_BYTES", "parser._PART_SIZE"):
        monkeypatch.setattr(f"archives.warc.{place}", _PART)


class Reading:
    """Several scans of one stream, and readers of the records that they have found."""

    def __init__(self, data: bytes, truths: list[Truth], chance: random.Random) -> None:
        self._stream = BytesIO(data)
        self._truths = {truth.url: truth for truth in truths}
        self._chance = chance
        self._scans = [self._iter_urls(iter_stream(self._stream)) for _ in range(2)]
        self._scans.append(self._iter_urls(scan_stream(self._stream, "a", refuse)))
        self._kept: list[Record] = []
        self._parts: list[tuple[Iterator[bytes], bytearray, bytes]] = []
        self.found: list[list[str]] = [[] for _ in self._scans]

    def _iter_urls(self, records: Iterator[Record]) -> Iterator[str]:
        for record in records:
            if record.type == "response" and record.url in self._truths:
                self._kept.append(record)
                yield record.url

    def run(self) -> None:
        """Step until all scans have ended."""
        left = dict(enumerate(self._scans))
        while left:
            if self._chance.random() < 0.5:
                number = self._chance.choice(list(left))
                url = next(left[number], None)
                if url is None:
                    del left[number]
                else:
                    self.found[number].append(url)
            elif self._kept:
                self._read_kept()

    def _read_kept(self) -> None:
        record = self._chance.choice(self._kept[-_MOST_KEPT:])
        truth = self._truths[record.url]
        match self._chance.randrange(6):
            case 0:
                assert record.block == truth.block
            case 1:
                assert truth.block.startswith(record.start)
                assert len(record.start) >= min(len(truth.block), _PART)
            case 2:
                checks = DigestChecks(record)
                assert {checks.judge(part, label) for part, label in checks.iter_labels()} <= {Verdict.GOOD}
            case 3:
                self._parts.append((record.iter_block(), bytearray(), truth.block))
            case _:
                self._read_part()

    def _read_part(self) -> None:
        if not self._parts:
            return
        parts, got, block = self._chance.choice(self._parts)
        part = next(parts, None)
        if part is None:
            assert got == block
        else:
            got += part
            assert block.startswith(got)
        if part is None or self._chance.random() < 0.1:
            self._parts = [entry for entry in self._parts if entry[0] is not parts]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(12))
def test_records_are_read_in_any_order(form: str, seed: int) -> None:
    chance = random.Random(f"{form} {seed}")
    truths = [build_truth(number, chance) for number in range(chance.randrange(2, 12))]
    records = build_arc(truths) if form.startswith("arc") else [truth.data for truth in truths]
    reading = Reading(FORMS[form](records), truths, chance)
    reading.run()
    assert reading.found == [[truth.url for truth in truths]] * 3
