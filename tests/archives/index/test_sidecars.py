"""Lines come back as entries; sidecars are the same each time they are made, and whole or not there."""

from __future__ import annotations

import gzip
import json
from codecs import BOM_UTF8
from datetime import UTC
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.index.cdxj import IndexEntry, dump_line, load_line
from archives.index.sidecars import build_sidecar, rebuild, salvage_sidecar
from archives.urls import format_timestamp, surt_key
from archives.warc.reader import read_record
from archives.warc.records import Truncated
from tests.archives.conftest import write_file
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

entries = st.builds(
    lambda path, at, **fields: IndexEntry(
        urlkey=surt_key(f"http://example.com/{path}"),
        timestamp=format_timestamp(at),
        url=f"http://example.com/{path}",
        captured_at=at,
        **fields,
    ),
    path=st.text(st.characters(codec="utf-8"), max_size=20),
    at=st.datetimes(timezones=st.just(UTC)),
    mime=st.text(st.characters(codec="utf-8"), min_size=1, max_size=10),
    status=st.none() | st.integers(min_value=0, max_value=999),
    digest=st.sampled_from(["", "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"]),
    length=st.integers(min_value=0, max_value=2**63 - 1),
    offset=st.integers(min_value=0, max_value=2**63 - 1),
    filename=st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), max_size=10).map(
        lambda name: f"a{name}"
    ),
    record_id=st.uuids().map(lambda value: f"<urn:uuid:{value}>"),
    truncated=st.none() | st.sampled_from(Truncated),
)


@given(entry=entries)
def test_a_line_comes_back(entry: IndexEntry) -> None:
    line = dump_line(entry)
    assert load_line(line) == load_line(line + "\n") == entry
    assert line.isascii()
    assert len(line.splitlines()) == 1


def test_a_line_is_what_other_tools_expect(collection: Collection) -> None:
    path = write_file(collection, 1)
    (line,) = collection.sidecar_path(path.name).read_text().splitlines()
    key, timestamp, text = line.split(" ", 2)
    fields = json.loads(text)
    assert (key, timestamp) == ("com,example)/0", "20260304022111")
    assert list(fields)[:7] == ["url", "mime", "status", "digest", "length", "offset", "filename"]
    assert (fields["mime"], fields["status"], fields["filename"]) == ("text/html", "200", path.name)
    assert fields["captured_at"] == "2026-03-04T02:21:11.123456Z"
    assert "truncated" not in fields


@pytest.mark.parametrize("line", ["", "a b", "a b {", "a b []", "a b {}", 'a b {"url": 1}', 'a b {"offset": null}'])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        load_line(line)


def test_revisits_and_resources_are_listed(corpus: Path) -> None:
    listed = build_sidecar(corpus / "webrecorder__pywb__dupes.warc.gz")
    assert {entry.mime for entry in listed} >= {"warc/revisit", "text/html"}
    (resource,) = build_sidecar(corpus / "webrecorder__pywb__httpbin-resource.warc.gz")
    assert (resource.mime, resource.status) == ("application/json", None)


def test_a_byte_order_mark_before_a_record_is_passed_over(tmp_path: Path) -> None:
    records = [build_record(f"http://{number}.example/", b"<p>", number=number) for number in range(2)]
    marked = [BOM_UTF8 + record for record in records]
    plain, packed = tmp_path / "a.warc", tmp_path / "b.warc.gz"
    plain.write_bytes(b"".join(marked))
    packed.write_bytes(b"".join(map(gzip.compress, marked)))
    for path in (plain, packed):
        entries, damage = salvage_sidecar(path)
        assert damage == []
        assert [read_record(path, entry.offset).url for entry in entries] == ["http://0.example/", "http://1.example/"]


def test_a_response_without_an_address_is_reported_and_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    records = [build_record(f"http://{number}.example/", b"<p>", number=number) for number in range(2)]
    path.write_bytes(records[0].replace(b"WARC-Target-URI: http://0.example/\r\n", b"") + records[1])
    entries, (error,) = salvage_sidecar(path)
    assert [entry.url for entry in entries] == ["http://1.example/"]
    assert "a.warc: response record" in str(error)
    assert "has no WARC-Target-URI" in str(error)


def test_rebuilding_gives_the_same_bytes(collection: Collection) -> None:
    path = write_file(collection)
    sidecar = collection.sidecar_path(path.name)
    expected = sidecar.read_bytes()
    sidecar.write_bytes(b"spoilt")
    foreign = sidecar.with_name("gone.cdxj")
    foreign.touch()
    rebuilt = rebuild(collection)
    assert (rebuilt.entries, rebuilt.damage) == (3, [])
    assert sidecar.read_bytes() == expected
    assert not foreign.exists()
    assert list(collection.indexes_dir.iterdir()) == [sidecar]


def test_a_disk_that_refuses_a_sidecar_keeps_the_old_one(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(collection)
    expected = collection.sidecar_path(path.name).read_bytes()

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="No space left"):
            rebuild(collection)
    assert [entry.read_bytes() for entry in collection.indexes_dir.iterdir()] == [expected]
