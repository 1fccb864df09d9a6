"""WARC, ARC, CDXJ and WACZ files that mean harm, each by its name; and what a well-meant record looks like."""

from __future__ import annotations

import gzip
import io
import json
import struct
import warnings
import zipfile
import zlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MIB = 1 << 20
URL = "http://a.example/page"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>harmless</h1>"
SECRET = "nobody may read this"


def build_record(
    block: bytes = PAGE,
    *,
    number: int = 1,
    kind: str = "response",
    url: str = URL,
    length: object = None,
    date: str = "2026-01-02T03:04:05Z",
    more: str = "",
) -> bytes:
    header = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\n"
        f"WARC-Date: {date}\r\nWARC-Target-URI: {url}\r\nContent-Type: application/http;msgtype=response\r\n{more}"
        f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return header.encode("utf-8", "surrogatepass") + block + b"\r\n\r\n"


def build_member(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


GOOD_RECORD = build_record()
GOOD = build_member(GOOD_RECORD)


def build_revisit(number: int, refers_to: int, *, url: str = URL, date: str = "2026-01-02T03:04:05Z") -> bytes:
    more = (
        "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n"
        f"WARC-Refers-To: <urn:uuid:00000000-0000-4000-8000-{refers_to:012d}>\r\n"
        f"WARC-Refers-To-Target-URI: {url}\r\nWARC-Refers-To-Date: {date}\r\n"
        "WARC-Payload-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    return build_member(build_record(head, number=number, kind="revisit", url=url, date=date, more=more))


@cache
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(size // _MIB)) + packer.flush()


def _coded(body: bytes, coding: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n\r\n"
    return build_member(build_record(head.encode() + body))


WARCS: dict[str, Callable[[], bytes]] = {
    "bomb_member.warc.gz": lambda: GOOD + _bomb(400 * _MIB) + GOOD,
    "bomb_payload.warc.gz": lambda: _coded(_bomb(256 * _MIB), "gzip"),
    "bomb_nested.warc.gz": lambda: _coded(gzip.compress(_bomb(256 * _MIB)), "gzip, gzip"),
    "codings.warc.gz": lambda: _coded(b"x", ", ".join(["gzip"] * 20_000)),
    "length_giant.warc": lambda: GOOD_RECORD + build_record(length=10**18) + GOOD_RECORD,
    "length_giant.warc.gz": lambda: GOOD + build_member(build_record(length=10**18)) + GOOD,
    "length_digits.warc": lambda: GOOD_RECORD + build_record(length="9" * 10_000) + GOOD_RECORD,
    "length_negative.warc": lambda: GOOD_RECORD + build_record(length=-5) + GOOD_RECORD,
    "length_words.warc": lambda: GOOD_RECORD + build_record(length="\u0663") + GOOD_RECORD,
    "members_empty.warc.gz": lambda: GOOD + build_member(b"") * 15_000 + GOOD,
    "members_tiny.warc.gz": lambda: GOOD + build_member(b"x") * 5_000 + GOOD,
    "magic_only.warc.gz": lambda: GOOD + b"\x1f\x8b\x08" * 100_000,
    "starts_only.warc": lambda: GOOD_RECORD + b"WARC/1.1\r\n" * 15_000,
    "header_long.warc.gz": lambda: build_member(build_record(more="X: " + "y" * 20_000_000 + "\r\n")),
    "header_lines.warc.gz": lambda: build_member(build_record(more="X: y\r\n" * 150_000)),
    "header_folded.warc": lambda: build_record(more="X: y\r\n" + " z\r\n" * 50_000),
    "no_line_end.warc": lambda: b"W" * (24 * _MIB),
    "zeros.warc": lambda: bytes(24 * _MIB),
    "blank_lines.warc": lambda: GOOD_RECORD + b"\r\n" * 500_000 + GOOD_RECORD,
    "head_folded.warc.gz": lambda: build_member(
        build_record(b"HTTP/1.1 200 OK\r\nX: y\r\n" + b" \r\n" * 3_000_000 + b"\r\n<h1>x</h1>")
    ),
    "chunks_tiny.warc.gz": lambda: build_member(
        build_record(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500_000 + b"0\r\n\r\n")
    ),
    "interim.warc.gz": lambda: build_member(build_record(b"HTTP/1.1 100 Continue\r\n\r\n" * 500_000)),
    "revisit_self.warc.gz": lambda: build_revisit(1, 1),
    "revisit_loop.warc.gz": lambda: build_revisit(1, 2) + build_revisit(2, 1),
    "revisit_chain.warc.gz": lambda: b"".join(build_revisit(n, n + 1, url=f"{URL}/{n}") for n in range(4_000)),
    "revisit_crowd.warc.gz": lambda: b"".join(build_revisit(n, n + 1) for n in range(1_500)),
    "date_odd.warc.gz": lambda: build_member(build_record(date="9999999-99-99T99:99:99Z")),
    "url_odd.warc.gz": lambda: b"".join(
        build_member(build_record(number=n, url=url))
        for n, url in enumerate(
            ["http://[", "\x1b]0;owned\x07", "javascript:alert(1)", "http://a\u202eb/", "x" * 100_000]
        )
    ),
    "type_odd.warc.gz": lambda: build_member(build_record(kind="\x1b[2J" + "z" * 1000)),
    "id_odd.warc.gz": lambda: build_member(GOOD_RECORD.replace(b"<urn:uuid:", b"<\x1b[31m../../../etc/passwd")),
    "not_text.warc.gz": lambda: build_member(b"WARC/1.1\r\n" + bytes(range(128, 256)) * 100 + b"\r\n\r\n"),
    "cut.warc.gz": lambda: GOOD + GOOD[:-9],
    "empty.warc.gz": lambda: b"",
    "arc_odd.arc": lambda: (
        b"filedesc://x 0.0.0.0 20260102030405 text/plain 10\n1 0 x\n\n\n"
        b"http://a.example/ 1.2.3.4 99999999999999 text/html 999999999999999999\nHTTP/1.1 200 OK\n\nx\n"
    ),
    "arc_words.arc": lambda: b"filedesc://x 0.0.0.0 20260102030405 text/plain -1\n" + b"a " * 100_000,
}


def _line(**changes: object) -> str:
    fields: dict[str, object] = {
        "url": URL,
        "mime": "text/html",
        "status": "200",
        "digest": "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "length": str(len(GOOD)),
        "offset": "0",
        "filename": "good.warc.gz",
        "record_id": "<urn:uuid:00000000-0000-4000-8000-000000000001>",
        "captured_at": "2026-01-02T03:04:05Z",
    }
    return f"com,example,a)/page 20260102030405 {json.dumps(fields | changes)}\n"


LINES: dict[str, Callable[[], str]] = {
    "outside": lambda: _line(filename="../../../secret"),
    "absolute": lambda: _line(filename="/dev/zero"),
    "device": lambda: _line(filename="/dev/stdin"),
    "nul": lambda: _line(filename="good.warc.gz\0x"),
    "folder": lambda: _line(filename="."),
    "no name": lambda: _line(filename=""),
    "list": lambda: _line(filename=["good.warc.gz"], url={"a": 1}, digest=[1], mime=None),
    "far offset": lambda: _line(offset=str(10**18)),
    "farther offset": lambda: _line(offset="9" * 4000),
    "negative offset": lambda: _line(offset="-1"),
    "giant length": lambda: _line(length=str(10**18)),
    "negative length": lambda: _line(length="-7"),
    "digits": lambda: _line(offset="9" * 10_000),
    "deep": lambda: "com,example,a)/page 20260102030405 " + "[" * 100_000 + "\n",
    "surrogate": lambda: _line(url="http://a.example/\ud800", mime="\ud800"),
    "terminal": lambda: _line(url="http://a.example/\x1b]0;owned\x07", status="\x1b[2J"),
    "long": lambda: _line(url="http://a.example/" + "x" * 5_000_000),
    "no fields": lambda: "com,example,a)/page\n\n \n  \n",
    "odd key": lambda: "\x00\x01 " + _line().split(" ", 1)[1],
    "odd time": lambda: _line(captured_at="9" * 5000),
}


def _build_zip(entries: list[tuple[str, bytes]], *, mode: int = 0o100644, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a name is there twice
        for name, data in entries:
            info = zipfile.ZipInfo("x", (2026, 1, 2, 3, 4, 6))
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            info.compress_type = method
            file.writestr(info, data)
    return buffer.getvalue()


_WARC = ("archive/data.warc.gz", GOOD)


def _package(text: bytes) -> bytes:
    return _build_zip([_WARC, ("datapackage.json", text)])


def _build_bomb(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("archive/data.warc", "w") as entry:
        for _ in range(size // _MIB):
            entry.write(bytes(_MIB))
    return buffer.getvalue()


def _lie_about_sizes(data: bytes) -> bytes:
    """The same ZIP, whose directory says that its first file has 4 GB less one."""
    at = data.rindex(b"PK\x01\x02", 0, data.index(b"PK\x01\x02") + 4)
    return data[: at + 20] + struct.pack("<II", 0xFFFFFFFE, 0xFFFFFFFE) + data[at + 28 :]


WACZS: dict[str, Callable[[], bytes]] = {
    "slip": lambda: _build_zip([("archive/../../../slipped.warc.gz", GOOD)]),
    "slip_absolute": lambda: _build_zip([("/slipped.warc.gz", GOOD)]),
    "slip_windows": lambda: _build_zip([("archive\\..\\..\\slipped.warc.gz", GOOD), ("c:slipped.warc.gz", GOOD)]),
    "symlink": lambda: _build_zip([("archive/data.warc.gz", b"/etc/passwd")], mode=0o120777),
    "device": lambda: _build_zip([_WARC], mode=0o020666),
    "twice": lambda: _build_zip([_WARC, _WARC]),
    "case": lambda: _build_zip([_WARC, ("archive/DATA.warc.gz", build_member(build_record(number=2)))]),
    "nul": lambda: _build_zip([("archive/a\0b.warc.gz", GOOD)]),
    "escape": lambda: _build_zip([("archive/\x1b]0;owned\x07.warc.gz", GOOD)]),
    "long_name": lambda: _build_zip([("archive/" + "n" * 5000 + ".warc.gz", GOOD)]),
    "dotfile": lambda: _build_zip([("archive/.open.warc.gz", GOOD), ("archive/-rf.warc.gz", GOOD)]),
    "bomb": lambda: _build_bomb(400 * _MIB),
    "lying": lambda: _lie_about_sizes(_build_zip([_WARC])),
    "bomb_warc": lambda: _build_zip([("archive/data.warc.gz", GOOD + _bomb(400 * _MIB))]),
    "not_a_zip": lambda: b"PK\x03\x04" + bytes(1000),
    "cut": lambda: _build_zip([_WARC])[:-10],
    "package_deep": lambda: _package(b'{"resources":' + b"[" * 100_000),
    "package_wide": lambda: _package(b'{"resources":[' + b"{}," * 5_000_000 + b"{}]}"),
    "package_list": lambda: _package(b"[]"),
    "package_odd": lambda: _package(
        b'{"resources":[1,null,{"path":["a"],"hash":{},"stats":{"bytes":"x"}}],"title":{}}'
    ),
    "package_number": lambda: _package(b'{"wacz_version":' + b"9" * 100_000 + b"}"),
    "package_surrogate": lambda: _package(b'{"resources":[{"path":"\\ud800\\u001b[2J","hash":"\\ud800:x"}]}'),
    "package_outside": lambda: _package(b'{"resources":[{"path":"../../etc/passwd","hash":"sha256:0"}]}'),
    "digest_odd": lambda: _build_zip(
        [_WARC, ("datapackage.json", b"{}"), ("datapackage-digest.json", b'{"signedData":[]}')]
    ),
    "digest_key": lambda: _build_zip(
        [
            _WARC,
            ("datapackage.json", b"{}"),
            (
                "datapackage-digest.json",
                b'{"signedData":{"publicKey":"' + b"A" * 100_000 + b'","signature":1,"hash":[]}}',
            ),
        ]
    ),
    "index_lines": lambda: _build_zip(
        [_WARC, ("indexes/index.cdx", "".join(line() for line in LINES.values()).encode())]
    ),
    "index_long": lambda: _build_zip([_WARC, ("indexes/index.cdx", b"x" * (16 * _MIB))]),
    "index_blocks": lambda: _build_zip(
        [
            _WARC,
            ("indexes/index.cdx.gz", build_member(_line().encode()) + b"no gzip"),
            ("indexes/index.idx", b'!meta 0 {}\ncom 2026 {"offset": 99999999999999999999, "length": -5}\nx\n'),
        ]
    ),
    "index_bomb": lambda: _build_zip([_WARC, ("indexes/index.cdx.gz", _bomb(400 * _MIB))]),
    "pages_odd": lambda: _build_zip(
        [_WARC, ("pages/pages.jsonl", b'{"format":1}\n[]\n{"url":1,"ts":[]}\n\xff\xfe\n' + b"[" * 100_000)]
    ),
    "pages_bomb": lambda: _build_zip([_WARC, ("pages/pages.jsonl", b"{}\n" * 200_000)], method=zipfile.ZIP_DEFLATED),
}


def write_collection(path: Path, files: dict[str, bytes]) -> None:
    """A collection on disk that holds these files, without an index."""
    (path / "archive").mkdir(parents=True)
    for name, data in files.items():
        (path / "archive" / name).write_bytes(data)
