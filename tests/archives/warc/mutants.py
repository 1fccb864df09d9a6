"""Files with a page in them that holds records, and what a disk or a wire may make of each of their bytes.

`python -m tests.archives.warc.mutants [FORM …]` tries every mutant of every file of a form, an hour of CPU time each.
"""

from __future__ import annotations

import gzip
import random
import sys
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Final

from archives.warc.digests import build_digest
from archives.warc.reader import is_capture, scan_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORGED = "http://bank.example/"
NOISE = random.Random(7).randbytes(90)


def build_record(url: str, body: bytes, *, number: int, fields: str = "", has_digest: bool = True) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    digest = f"WARC-Block-Digest: {build_digest(block)}\r\n" if has_digest else ""
    header = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n{fields}{digest}"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def build_payloads() -> dict[str, bytes]:
    """What somebody may publish in the hope that damage lays it open."""
    plain = build_record(FORGED, b"<title>not the bank</title>", number=99)
    member = gzip.compress(plain, mtime=0)
    return {
        "a member between noise": NOISE + member + NOISE,
        "members to the end": NOISE + member * 2,
        "members and half of one": member + member[:-9],
        "members and bytes that are like one": member + b"\x1f\x8b\x08" * 5,
        "records to the end": b"x" * 90 + b"\r\n\r\n" + plain + plain[:-4],
        "records at every length": b"\r\n\r\n".join([b"y" * 7, *[plain.rstrip(b"\r\n")] * 2]),
    }


# What begins like this is compressed already and is stored as it is, so that members are in the file verbatim.
PAYLOADS = {name: gzip.compress(b"<p>", mtime=0) + payload for name, payload in build_payloads().items()}


WARCINFO_ID: Final = "<urn:uuid:77777777-0000-4000-8000-777777777777>"
WARCINFO: Final = (
    f"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: {WARCINFO_ID}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    "Content-Type: application/warc-fields\r\nContent-Length: 12\r\n\r\nsoftware: x\n\r\n\r\n"
).encode()
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
# A digest of the publisher's own, which would prove the end that suits the publisher.
_LURE: Final = b"x" * 40
_FIELD: Final = f"WARC-Block-Digest: {build_digest(_LURE)}\r\n".encode()
_INNER: Final = b"\r\n\r\n" + build_record(FORGED, b"<title>not the bank</title>", number=99)


def _build_blocks(payload: bytes) -> dict[str, tuple[str, bytes]]:
    """The record type and the block of each kind of record that a payload may be in."""
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(payload), payload)
    return {
        "a length": ("response", _HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(payload), payload)),
        "no length": ("response", _HEAD + b"\r\n" + payload),
        "chunks": ("response", _HEAD + chunked),
        "no head": ("resource", payload),
        "a digest in the head": ("response", _HEAD + _FIELD + b"\r\n" + _LURE + _INNER + payload),
        "a digest in the body": ("resource", _FIELD + b"\r\n" + _LURE + _INNER + payload),
    }


SHAPES: Final = tuple(_build_blocks(b""))


def build_plain(shape: str, payload: bytes, *, has_digest: bool, is_naming: bool) -> bytes:
    """A file that is not compressed; see `build_file_records`."""
    return b"".join(build_file_records(shape, payload, has_digest=has_digest, is_naming=is_naming))


def build_file_records(shape: str, payload: bytes, *, has_digest: bool, is_naming: bool) -> list[bytes]:
    """The records of a file of three captures, the second of which holds the payload.

    Args:
        is_naming: begin with a warcinfo record, which every record names.
    """
    fields = f"WARC-Warcinfo-ID: {WARCINFO_ID}\r\n" if is_naming else ""
    first, last = (
        build_record(f"http://{name}.example/", b"<p>", number=number, fields=fields, has_digest=has_digest)
        for number, name in ((1, "first"), (3, "last"))
    )
    kind, block = _build_blocks(payload)[shape]
    digest = f"WARC-Block-Digest: {build_digest(block)}\r\n" if has_digest else ""
    mime = "application/http;msgtype=response" if kind == "response" else "application/octet-stream"
    header = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000002>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: http://mirror.example/\r\n{fields}{digest}"
        f"Content-Type: {mime}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return [*([WARCINFO] if is_naming else []), first, header.encode() + block + b"\r\n\r\n", last]


def build_raw_frame(data: bytes) -> bytes:
    """A Zstandard frame as the quickest writers make it: without a checksum, its size, or compression.

    Spec: RFC 8878 §3.1.1.
    """
    return b"\x28\xb5\x2f\xfd\x00\x50" + (len(data) << 3 | 1).to_bytes(3, "little") + data


# How a record stands in its file.
FORMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "plain": bytes,
    "gzip": lambda record: gzip.compress(record, mtime=0),
    "gzip, stored": lambda record: gzip.compress(record, 0, mtime=0),
    "zstd without checksum": build_raw_frame,
}


def iter_mutants(data: bytes) -> Iterator[bytes]:
    """Every file that differs in one place: a byte that is another, is missing or was added, two exchanged, a cut."""
    for at in range(len(data)):
        before, byte, after = data[:at], data[at : at + 1], data[at + 1 :]
        others = {bytes([byte[0] ^ (1 << bit)]) for bit in range(8)} | {b"\r", b"\n", b" ", b":", b"0", b"1", b"W"}
        for other in sorted(others - {byte}):
            yield before + other + after
        for more in (b"0", b"9", b"\n", b":"):
            yield before + more + byte + after
        yield before + after
        yield before + after[1:]
        yield before + after[:1] + byte + after[1:]
        yield before


def list_captures(data: bytes) -> list[str]:
    """The addresses that are found in a file of any form."""
    return [record.url for record in scan_stream(BytesIO(data), "a", lambda _: None) if is_capture(record)]


def find_forged(data: bytes, *, every: int = 1) -> tuple[int, list[bytes]]:
    """How many mutants were tried, each so-manyth of all, and those of which the payload became a capture."""
    tried, forged = 0, []
    for number, mutant in enumerate(iter_mutants(data)):
        if number % every == 0:
            tried += 1
            forged += [mutant] if FORGED in list_captures(mutant) else []
    return tried, forged


def main() -> int:
    """Try them all."""
    failed = 0
    for form, name, shape, has_digest, is_naming in product(
        sys.argv[1:] or FORMS, PAYLOADS, SHAPES, (True, False), (True, False)
    ):
        records = build_file_records(shape, PAYLOADS[name], has_digest=has_digest, is_naming=is_naming)
        tried, forged = find_forged(b"".join(map(FORMS[form], records)))
        failed += len(forged)
        print(f"{form}, {name}, {shape}, digest {has_digest}, names {is_naming}: {len(forged)} of {tried}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
