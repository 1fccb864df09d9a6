"""What WARC/1.1 asks of writers and readers, rule by rule; docs/conformance.md says which test proves which rule.

Records are taken apart here by a few lines that share nothing with the code under test. The standard's annexes show a
record of each type; the ones here have their shapes, and contents of their own.
"""

from __future__ import annotations

import ipaddress
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from archives.captures.deduplication import Originals
from archives.captures.revisits import read_resolved
from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import rebuild
from archives.verify.fixity import verify_collection
from archives.warc.digests import build_digest
from archives.warc.reader import iter_records
from archives.warc.records import RecordType, Truncated
from tests.archives.conftest import RESPONSE, build_exchange, build_writer
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection
    from archives.verify.fixity import Problem

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
RECORD_ID = re.compile(r"<urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}>")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
DIGEST = re.compile(r"sha1:[A-Z2-7]{32}")
ALL = frozenset(map(str, RecordType))
CAPTURE_EVENT = frozenset({"request", "response", "resource", "metadata", "revisit"})
# On which types a field may stand.
ALLOWED = {
    "WARC-Type": ALL,
    "WARC-Record-ID": ALL,
    "WARC-Date": ALL,
    "Content-Length": ALL,
    "Content-Type": ALL,
    "WARC-Block-Digest": ALL,
    "WARC-Truncated": ALL,
    "WARC-Concurrent-To": CAPTURE_EVENT,
    "WARC-Payload-Digest": ALL - {"warcinfo", "metadata"},
    "WARC-IP-Address": CAPTURE_EVENT,
    "WARC-Refers-To": frozenset({"metadata", "revisit", "conversion"}),
    "WARC-Refers-To-Target-URI": frozenset({"revisit"}),
    "WARC-Refers-To-Date": frozenset({"revisit"}),
    "WARC-Target-URI": ALL - {"warcinfo"},
    "WARC-Warcinfo-ID": ALL - {"warcinfo"},
    "WARC-Filename": frozenset({"warcinfo"}),
    "WARC-Profile": frozenset({"revisit"}),
    "WARC-Cipher-Suite": CAPTURE_EVENT,  # an extension
}
# Without which fields a type may not be.
MANDATORY = {name: {"WARC-Record-ID", "Content-Length", "WARC-Date", "WARC-Type"} for name in ALL}
for _name in ("response", "resource", "request", "revisit"):
    MANDATORY[_name] |= {"WARC-Target-URI"}
MANDATORY["revisit"] |= {"WARC-Profile", "WARC-Payload-Digest"}


@dataclass(frozen=True, slots=True)
class Raw:
    """A record taken apart: one gzip member."""

    version: str
    fields: list[tuple[str, str]]
    block: bytes
    end: bytes

    def __getitem__(self, name: str) -> str:
        return dict(self.fields)[name]

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.fields}


def split_members(data: bytes) -> list[Raw]:
    records = []
    while data:
        inflater = zlib.decompressobj(31)
        member = inflater.decompress(data)
        assert inflater.eof
        data = inflater.unused_data
        head, _, rest = member.partition(b"\r\n\r\n")
        version, *lines = head.decode("utf-8").split("\r\n")
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        size = int(dict(fields)["Content-Length"])
        records.append(Raw(version, fields, rest[:size], rest[size:]))
    return records


@pytest.fixture
def written(collection: Collection) -> list[Raw]:
    """Every kind of record that is written, in one file."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with build_writer(collection, originals=Originals(collection)) as writer:
        writer.write(build_exchange(0))
        writer.write(build_exchange(1, raw_response=b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + chunked))
        writer.write(
            build_exchange(2, raw_request=b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nq=1", ip="2001:db8::7")
        )
        writer.write(build_exchange(3, raw_response=RESPONSE[:-2], truncated=Truncated.DISCONNECT))
        writer.write(
            build_exchange(4, raw_response=build_exchange(0).raw_response, cipher_suite="TLS_AES_128_GCM_SHA256")
        )
        writer.write(build_exchange(0, raw_response=b"HTTP/1.1 304 Not Modified\r\n\r\n"))
        writer.write(build_exchange(5, url="http://example.com/a b?q=é", ip=None))
        page = writer.write(build_exchange(6))
        writer.write_conversion(
            page.url,
            "text/html; charset=utf-8",
            b"<p>made",
            of=page.record_id,
            at=page.captured_at,
            remarks=[("rendered-by", "Chromium 1\r\nx: y")],
        )
        writer.write_resource("urn:x-newsreel:run", "text/plain", b"hello")
    (path,) = collection.iter_warcs()
    return split_members(path.read_bytes())


def select(records: list[Raw], kind: str) -> list[Raw]:
    found = [record for record in records if record["WARC-Type"] == kind]
    assert found
    return found


def test_the_file_begins_with_a_warcinfo_record_that_knows_its_name(collection: Collection, written: list[Raw]) -> None:
    (path,) = collection.iter_warcs()
    (info,) = select(written, "warcinfo")
    assert written[0] is info
    assert (info["WARC-Filename"], info["Content-Type"]) == (path.name, "application/warc-fields")
    assert b"\r\nformat: WARC File Format 1.1\r\n" in b"\r\n" + info.block


def test_every_record_is_one_gzip_member_with_version_block_and_two_line_ends(written: list[Raw]) -> None:
    assert {record["WARC-Type"] for record in written} == ALL - {"continuation"}
    assert {(record.version, record.end) for record in written} == {("WARC/1.1", b"\r\n\r\n")}
    assert all(len(record.block) == int(record["Content-Length"]) for record in written)


def test_fields_follow_the_grammar_and_none_is_repeated(written: list[Raw]) -> None:
    for record in written:
        names = [name.lower() for name, _ in record.fields]
        assert len(names) == len(set(names))
        for name, value in record.fields:
            assert TOKEN.fullmatch(name)
            assert value == value.strip()
            assert value.isprintable()


def test_fields_stand_on_the_types_that_may_have_them(written: list[Raw]) -> None:
    for record in written:
        for name in record.names:
            assert record["WARC-Type"] in ALLOWED[name], name
        assert MANDATORY[record["WARC-Type"]] <= record.names


def test_record_ids_are_uris_in_brackets_and_unique(written: list[Raw]) -> None:
    ids = [record["WARC-Record-ID"] for record in written]
    assert len(set(ids)) == len(ids)
    pointers = {
        record[name] for record in written for name in record.names if name in {"WARC-Concurrent-To", "WARC-Refers-To"}
    }
    assert all(RECORD_ID.fullmatch(value) for value in [*ids, *pointers])
    assert pointers <= set(ids)
    assert {record["WARC-Warcinfo-ID"] for record in written[1:]} == {ids[0]}


def test_dates_are_utc_and_one_for_a_capture_event(written: list[Raw]) -> None:
    assert all(DATE.fullmatch(record["WARC-Date"]) for record in written)
    dates = {record["WARC-Record-ID"]: record["WARC-Date"] for record in written}
    concurrent = [record for record in written if "WARC-Concurrent-To" in record.names]
    assert {record["WARC-Type"] for record in concurrent} == {"request", "metadata"}
    assert all(record["WARC-Date"] == dates[record["WARC-Concurrent-To"]] for record in concurrent)


def test_a_block_that_is_there_has_a_content_type(written: list[Raw]) -> None:
    assert all("Content-Type" in record.names for record in written)
    for kind in ("response", "request"):
        found = {record["Content-Type"] for record in select(written, kind)}
        assert found == {f"application/http;msgtype={kind}"}


def test_digests_are_labelled_and_over_what_the_standard_means(written: list[Raw]) -> None:
    for record in written:
        assert record["WARC-Block-Digest"] == build_digest(record.block)
        assert all(DIGEST.fullmatch(record[name]) for name in record.names if name.endswith("-Digest"))
    chunked = next(record for record in select(written, "response") if b"chunked" in record.block)
    assert chunked["WARC-Payload-Digest"] == build_digest(b"hello")
    with_payload = [record for record in select(written, "request") if "WARC-Payload-Digest" in record.names]
    assert [record["WARC-Payload-Digest"] for record in with_payload] == [build_digest(b"q=1")]


def test_addresses_are_numeric_and_uris_are_escaped(written: list[Raw]) -> None:
    found = {record["WARC-IP-Address"] for record in written if "WARC-IP-Address" in record.names}
    assert {ipaddress.ip_address(value).version for value in found} == {4, 6}
    for record in written:
        if "WARC-Target-URI" in record.names:
            uri = record["WARC-Target-URI"]
            assert re.fullmatch(r"[\x21-\x7e]+", uri)
            assert urlsplit(uri).scheme
            assert not set(uri) & set('<>" ')


def test_truncation_is_reported(written: list[Raw]) -> None:
    cut = [record for record in select(written, "response") if "WARC-Truncated" in record.names]
    assert [(record["WARC-Truncated"], record.block) for record in cut] == [("disconnect", RESPONSE[:-2])]


def test_revisits_have_a_profile_and_name_their_original(written: list[Raw]) -> None:
    original = select(written, "response")[0]
    identical, unmodified = select(written, "revisit")
    for record in (identical, unmodified):
        assert record["WARC-Refers-To"] == original["WARC-Record-ID"]
        assert record["WARC-Refers-To-Target-URI"] == original["WARC-Target-URI"]
        assert record["WARC-Refers-To-Date"] == original["WARC-Date"]
        assert record["WARC-Payload-Digest"] == original["WARC-Payload-Digest"]
    profile = "http://netpreserve.org/warc/1.1/revisit/"
    assert identical["WARC-Profile"] == profile + "identical-payload-digest"
    assert (identical["WARC-Truncated"], identical.block) == ("length", RESPONSE[: -len("hello")])
    assert unmodified["WARC-Profile"] == profile + "server-not-modified"
    assert (unmodified.block, unmodified["Content-Length"]) == (b"", "0")
    assert "WARC-Truncated" not in unmodified.names


def test_file_names_say_prefix_time_and_serial(collection: Collection, written: list[Raw]) -> None:
    (path,) = collection.iter_warcs()
    assert re.fullmatch(r"news-\d{14}-\d{5}-t0\.warc\.gz", path.name)


def test_nothing_is_segmented(collection: Collection) -> None:
    """A record that is larger than a file should be gets its own file."""
    with build_writer(collection, max_bytes=1000) as writer:
        for number in range(2):
            body = bytes(range(256)) * 40
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(build_exchange(number, raw_response=head + body))
    records = [record for path in collection.iter_warcs() for record in split_members(path.read_bytes())]
    assert [record["WARC-Type"] for record in records] == ["warcinfo", "response", "request"] * 2
    assert not any(name.startswith("WARC-Segment") for record in records for name in record.names)


# Reading: a record of each type in the shape that the annexes show

UUID = "<urn:uuid:5c1f0000-0000-4000-8000-00000000000%d>"
MESSAGE = b'HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nETag: "h1"\r\nContent-Length: 12\r\n\r\nharbour-mast'
FIRST_PART, SECOND_PART = MESSAGE[:-5], MESSAGE[-5:]
TARGET = "WARC-Target-URI: http://harbour.example/mast.png"
REVISIT = "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/server-not-modified"
EXAMPLES = {
    "warcinfo": (
        [
            f"WARC-Record-ID: {UUID % 0}",
            "WARC-Filename: HARBOUR-20260304000000-00001.warc.gz",
            "Content-Type: application/warc-fields",
        ],
        b"software: tide-gauge 1.0\r\nhostname: gauge.harbour.example\r\nip: 192.0.2.1\r\nrobots: classic\r\n",
    ),
    "request": (
        [
            f"WARC-Record-ID: {UUID % 2}",
            TARGET,
            f"WARC-Concurrent-To: {UUID % 1}",
            "Content-Type: application/http;msgtype=request",
        ],
        b"GET /mast.png HTTP/1.1\r\nHost: harbour.example\r\n\r\n",
    ),
    "response": (
        [
            f"WARC-Record-ID: {UUID % 1}",
            TARGET,
            "WARC-IP-Address: 192.0.2.7",
            f"WARC-Block-Digest: {build_digest(MESSAGE)}",
            f"WARC-Payload-Digest: {build_digest(b'harbour-mast')}",
            "Content-Type: application/http;msgtype=response",
            "WARC-Identified-Payload-Type: image/png",
        ],
        MESSAGE,
    ),
    "resource": (
        [f"WARC-Record-ID: {UUID % 3}", "WARC-Target-URI: file://var/www/htdoc/mast.png", "Content-Type: image/png"],
        b"harbour-mast",
    ),
    "metadata": (
        [
            f"WARC-Record-ID: {UUID % 4}",
            TARGET,
            f"WARC-Concurrent-To: {UUID % 1}",
            "Content-Type: application/warc-fields",
        ],
        b"via: http://harbour.example/\r\nhopsFromSeed: E\r\nfetchTimeMs: 565\r\n",
    ),
    "revisit": (
        [f"WARC-Record-ID: {UUID % 5}", TARGET, REVISIT, f"WARC-Refers-To: {UUID % 1}", "Content-Type: message/http"],
        b'HTTP/1.1 304 Not Modified\r\nETag: "h1"\r\n\r\n',
    ),
    "conversion": (
        [f"WARC-Record-ID: {UUID % 6}", TARGET, f"WARC-Refers-To: {UUID % 1}", "Content-Type: image/neoimg"],
        b"converted mast",
    ),
    "continuation": (
        [
            f"WARC-Record-ID: {UUID % 8}",
            TARGET,
            f"WARC-Segment-Origin-ID: {UUID % 7}",
            "WARC-Segment-Number: 2",
            f"WARC-Segment-Total-Length: {len(MESSAGE)}",
        ],
        SECOND_PART,
    ),
}
SEGMENT = [
    f"WARC-Record-ID: {UUID % 7}",
    TARGET.replace("mast", "long"),
    "WARC-Segment-Number: 1",
    f"WARC-Payload-Digest: {build_digest(b'harbour-mast')}",
    "Content-Type: application/http;msgtype=response",
]


def dump_record(kind: str, fields: list[str], block: bytes, *, at: int, version: str = "WARC/1.1") -> bytes:
    lines = [
        version,
        f"WARC-Type: {kind}",
        f"WARC-Date: 2026-03-04T02:21:{at:02}Z",
        *fields,
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def write_examples(collection: Collection, *, is_compressed: bool) -> Path:
    records = [dump_record(kind, *example, at=number) for number, (kind, example) in enumerate(EXAMPLES.items())]
    records.insert(-1, dump_record("response", SEGMENT, FIRST_PART, at=30))
    path = collection.archive_dir / ("examples.warc" + ".gz" * is_compressed)
    path.write_bytes(b"".join(zlib.compress(record, 6, 31) if is_compressed else record for record in records))
    rebuild(collection)
    return path


@pytest.mark.parametrize("is_compressed", [True, False])
def test_a_record_of_each_type_is_read(collection: Collection, is_compressed: bool) -> None:
    path = write_examples(collection, is_compressed=is_compressed)
    records = list(iter_records(path))
    assert {record.type for record in records} == ALL
    for record in records:
        fields, block = EXAMPLES[record.type] if record.get("WARC-Segment-Number") != "1" else (SEGMENT, FIRST_PART)
        assert record.block == block
        assert all(record.get(line.partition(": ")[0]) == line.partition(": ")[2] for line in fields)
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert [note.kind for note in notes] == ["segment"]


def test_captures_are_listed_and_a_revisit_leads_to_its_original(collection: Collection) -> None:
    write_examples(collection, is_compressed=True)
    with CollectionIndex(collection) as index:
        entries = {entry.record_id: entry for entry in index.iter_entries()}
        assert {entry.url for entry in entries.values()} == {
            "http://harbour.example/mast.png",
            "http://harbour.example/long.png",
            "file://var/www/htdoc/mast.png",
        }
        assert sorted(entries) == [UUID % number for number in (1, 3, 5, 7)]
        capture = read_resolved(index, entries[UUID % 5])
    assert capture.original is not None
    assert capture.original.record_id == UUID % 1
    assert (capture.head.status, capture.payload) == (200, b"harbour-mast")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"WARC-Target-URI: ", b"warc-target-uri:"),
        (b"WARC-Target-URI: ", b"WARC-Target-URI:  \t "),
        (b"WARC-Target-URI: ", b"WARC-Unheard-Of: \xe6\x96\xb0\r\nWARC-Target-URI: "),
        (b"WARC-IP-Address: 192", b"WARC-IP-Address:\r\n 192"),
        (b"WARC/1.1", b"WARC/1.0"),
        (b"WARC-Target-URI: http://harbour.example/mast.png", b"WARC-Target-URI: <http://harbour.example/mast.png>"),
    ],
)
def test_headers_are_read_however_they_are_written(collection: Collection, old: bytes, new: bytes) -> None:
    """Names in any case, any white space in front of a value, values over several lines, fields nobody knows."""
    data = dump_record("response", *EXAMPLES["response"], at=1)
    assert old in data
    path = collection.archive_dir / "examples.warc.gz"
    path.write_bytes(zlib.compress(data.replace(old, new), 6, 31))
    (record,) = iter_records(path)
    assert (record.url, record.get("warc-ip-address"), record.block) == (
        "http://harbour.example/mast.png",
        "192.0.2.7",
        MESSAGE,
    )


def test_an_address_with_spaces_is_encoded_and_not_logged(
    collection: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    """What a stranger wrote there would reach the terminal, escape sequences included."""
    data = dump_record("response", *EXAMPLES["response"], at=1).replace(b"/mast.png", b"/a mast\x1b[2J.png")
    path = collection.archive_dir / "examples.warc.gz"
    path.write_bytes(zlib.compress(data, 6, 31))
    (record,) = iter_records(path)
    assert record.url == "http://harbour.example/a%20mast\x1b[2J.png"
    assert caplog.records == []


def test_records_of_a_type_nobody_knows_are_passed_over(collection: Collection) -> None:
    path = write_examples(collection, is_compressed=True)
    strange = dump_record(
        "forecast", [f"WARC-Record-ID: {UUID % 9}", TARGET, "Content-Type: text/plain"], b"rain", at=40
    )
    path.write_bytes(zlib.compress(strange, 6, 31) + path.read_bytes())
    assert rebuild(collection).entries == 4
    assert verify_collection(collection) == []


def test_every_test_that_the_table_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "conformance.md").read_text("utf-8"))
    assert len(named) > 40
    missing = [f"{path}::{name}" for path, name in named if f"\ndef {name}(" not in (ROOT / path).read_text("utf-8")]
    assert missing == []
