"""Records come back raw, from any tool's files; damage is a RecordError that knows its place."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archives.errors import NotArchived, RecordError
from archives.index.sidecars import build_sidecar
from archives.warc.members import HELD_BYTES
from archives.warc.reader import Record, iter_records, open_record, read_capture, read_record, scan_records
from archives.warc.records import Truncated
from tests.archives.conftest import RESPONSE, build_exchange, build_writer, write_file
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

DAMAGED = {
    "chatnoir-eu__chatnoir-resiliparse__clipped.warc.gz",
    "local__truncated-tail.warc.gz",
    "webrecorder__pywb__bad.arc",
    "webrecorder__warcio__example-trunc.warc",
}
READABLE = (".warc", ".warc.gz", ".arc", ".arc.gz", ".bad")


def test_every_file_of_the_corpus_is_read_or_refused_in_words(corpus: Path) -> None:
    refused = set()
    records = 0
    for path in sorted(path for path in corpus.iterdir() if path.name.endswith(READABLE)):
        try:
            records += sum(1 for _ in iter_records(path))
        except RecordError as error:
            refused.add(path.name)
            assert error.path == path
            assert error.offset is not None
            assert path.name in str(error)
    assert refused == DAMAGED
    assert records > 700


@pytest.mark.parametrize("records", [1, 2], ids=["alone", "with another"])
def test_of_a_repeated_field_the_first_counts(tmp_path: Path, records: int) -> None:
    fields = "WARC-Protocol: h2\r\nWARC-Protocol: tls/1.3\r\n"
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(build_record("http://a.example/", b"<p>", number=1, fields=fields) * records))
    for record in iter_records(path):
        assert record.get("warc-protocol") == "h2"
        assert [value for name, value in record.headers if name == "WARC-Protocol"] == ["h2", "tls/1.3"]


def test_a_record_is_read_of_a_file_that_is_still_being_written(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.with_name("a.warc.gz.open").write_bytes(gzip.compress(build_record("http://a.example/", b"<p>", number=1)))
    with open_record(path, 0) as record:
        assert record.url == "http://a.example/"


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_a_capture_too_large_to_be_held_while_a_file_is_read_is_read_by_itself(
    collection: Collection, suffix: str
) -> None:
    record = build_record("http://large.example/", b"<p>text" * (HELD_BYTES // 7 + 1), number=1)
    collection.archive_dir.mkdir(parents=True, exist_ok=True)
    path = collection.archive_dir / f"a{suffix}"
    path.write_bytes(record if suffix == ".warc" else gzip.compress(record, 1))
    assert next(iter_records(path)).is_large
    assert len(read_capture(collection, path.name, 0).decode()) > HELD_BYTES
    with pytest.raises(RecordError, match="more than the 1000000 that are read here"):
        read_capture(collection, path.name, 0, max_bytes=1_000_000)


def test_lz4_is_refused_in_words(corpus: Path) -> None:
    for path in corpus.glob("*.lz4"):
        with pytest.raises(RecordError, match="no record at offset 0"):
            list(iter_records(path))


def test_every_record_of_the_corpus_can_be_read_from_its_offset(corpus: Path) -> None:
    for path in sorted(path for path in corpus.iterdir() if path.name.endswith((".warc", ".warc.gz", ".arc.gz"))):
        damage: list[RecordError] = []
        for record in scan_records(path, damage.append):
            if not path.name.endswith(".arc.gz"):
                assert read_record(path, record.offset) == record
        assert bool(damage) == (path.name in DAMAGED)


def test_arc_records_are_captures(corpus: Path) -> None:
    header, response = iter_records(corpus / "webrecorder__pywb__example.arc.gz")
    assert header.type == "arc_header"
    assert (response.type, response.url) == ("response", "http://example.com/")
    assert response.captured_at.isoformat() == "2014-02-16T05:02:21+00:00"
    assert response.is_http
    assert response.block.startswith(b"HTTP/1.1 200 OK")


def test_a_capture_has_a_head_and_a_payload(collection: Collection) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with build_writer(collection) as writer:
        place = writer.write(build_exchange(raw_response=raw, truncated=Truncated.TIME))
        other = writer.write_resource("urn:newsreel:run", "text/plain", b"a: b\r\n\r\nnot a message")
    capture = read_capture(collection, place)
    assert (capture.head.status, capture.head.get(b"x-a")) == (200, b"1")
    assert capture.head is capture.head  # parsed once
    assert (capture.payload, capture.truncated, capture.is_http) == (b"abc", Truncated.TIME, True)
    plain = read_capture(collection, other)
    assert (plain.payload, plain.is_http, plain.type) == (b"a: b\r\n\r\nnot a message", False, "resource")


def test_a_capture_is_found_by_entry_and_by_place(collection: Collection) -> None:
    path = write_file(collection)
    for entry in build_sidecar(path):
        assert read_capture(collection, entry) == read_capture(collection, entry.filename, entry.offset)


def test_one_record_is_read_and_no_more(collection: Collection) -> None:
    path = write_file(collection)
    entry = build_sidecar(path)[0]
    whole = read_capture(collection, entry)
    path.write_bytes(path.read_bytes()[: entry.offset + entry.length] + b"\xff" * 1000)
    assert read_capture(collection, entry) == whole


def test_damage_knows_its_place(collection: Collection) -> None:
    path = write_file(collection)
    entry = build_sidecar(path)[1]
    path.write_bytes(path.read_bytes()[: entry.offset + entry.length - 1])
    with pytest.raises(RecordError, match=rf"{path.name}: gzip member at offset {entry.offset} ends") as caught:
        read_capture(collection, entry)
    assert (caught.value.path, caught.value.offset) == (path, entry.offset)


@pytest.mark.parametrize("offset", [1, 10**9])
def test_an_offset_where_nothing_begins(collection: Collection, offset: int) -> None:
    path = write_file(collection)
    with pytest.raises(RecordError, match=f"no record at offset {offset}"):
        read_capture(collection, path.name, offset)


def test_an_index_that_points_at_another_record_is_found_out(collection: Collection) -> None:
    path = write_file(collection)
    first, second, _ = build_sidecar(path)
    with pytest.raises(RecordError, match=r"another record .* than the index says"):
        read_capture(collection, replace(first, offset=second.offset))
    with pytest.raises(RecordError, match="warcinfo record instead of a capture"):
        read_capture(collection, replace(first, offset=0))


def test_a_missing_file_is_not_archived(collection: Collection) -> None:
    with pytest.raises(NotArchived, match=r"no file gone.warc.gz in .*; restore it from a copy") as caught:
        read_capture(collection, "gone.warc.gz", 3)
    assert caught.value.offset == 3


def write_plain(path: Path, header: str, block: bytes = RESPONSE) -> Path:
    path.write_bytes(b"WARC/1.1\r\nWARC-Type: response\r\n" + header.encode() + b"\r\n\r\n" + block + b"\r\n\r\n")
    return path


@pytest.mark.parametrize(
    "header",
    ["Content-Length: 100000", "Content-Length: -1", "Content-Length: x", "X: no length", "Content-Length: 3"],
)
def test_a_wrong_length_is_refused(tmp_path: Path, header: str) -> None:
    path = write_plain(tmp_path / "a.warc", header)
    with pytest.raises(RecordError):
        list(iter_records(path))


@pytest.mark.parametrize("date", ["", "WARC-Date: soon\r\n"])
def test_a_record_without_a_date_has_no_place_in_time(tmp_path: Path, date: str) -> None:
    path = write_plain(tmp_path / "a.warc", f"{date}Content-Length: {len(RESPONSE)}")
    (record,) = iter_records(path)
    with pytest.raises(RecordError, match="cannot be placed in time"):
        _ = record.captured_at


@pytest.mark.parametrize(("reason", "expected"), [("length", Truncated.LENGTH), ("bored", Truncated.UNSPECIFIED)])
def test_reasons_for_truncation(reason: str, expected: Truncated) -> None:
    record = Record(offset=0, length=0, type="response", headers=[("warc-truncated", reason)], content=b"")
    assert record.truncated is expected


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.touch()
    assert list(iter_records(path)) == []


@pytest.mark.parametrize(
    "piece",
    [b"WARC/1.1\r\n", b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 99999999\r\n\r\n", b"WARC/1.1\r\n\r\n"],
)
def test_a_file_of_nothing_but_beginnings_is_not_read_for_each_of_them(tmp_path: Path, piece: bytes) -> None:
    path = write_plain(tmp_path / "x.warc", f"Content-Length: {len(RESPONSE)}")
    with path.open("ab") as file:
        file.write(piece * 100_000)
    damage: list[RecordError] = []
    began = time.process_time()
    assert len(list(scan_records(path, damage.append))) == 1
    assert time.process_time() - began < 10
    assert damage
