"""Lines come back as entries; the index answers by time; it can be thrown away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.index import CollectionIndex, IndexEntry, build_sidecar, dump_line, load_line, rebuild
from archives.records import Truncated
from archives.urls import format_timestamp, surt_key
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from archives.collection import Collection

entries = st.builds(
    lambda path, at, **fields: IndexEntry(
        urlkey=surt_key(f"http://example.com/{path}"),
        timestamp=format_timestamp(at),
        url=f"http://example.com/{path}",
        captured_at=at,
        **fields,
    ),
    path=st.text(max_size=20),
    at=st.datetimes(timezones=st.just(UTC)),
    mime=st.text(min_size=1, max_size=10),
    status=st.none() | st.integers(min_value=0, max_value=999),
    digest=st.sampled_from(["", "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"]),
    length=st.integers(min_value=0),
    offset=st.integers(min_value=0),
    filename=st.text(max_size=10),
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


def test_entries_come_in_the_order_of_capture(collection: Collection) -> None:
    for token, numbers in (("a", (5, 1, 3)), ("b", (4, 0, 2))):
        with build_writer(collection, token=token) as writer:
            for number in numbers:
                writer.write(build_exchange(number))
    index = CollectionIndex(collection)
    assert [entry.url[-1] for entry in index.iter_entries()] == list("012345")
    assert list(index.iter_entries()) == list(index.iter_entries())


def write_visits(collection: Collection, *minutes: int) -> CollectionIndex:
    with build_writer(collection) as writer:
        for minute in minutes:
            writer.write(build_exchange(url="http://example.com/", began_at=BEGAN_AT + timedelta(minutes=minute)))
    return CollectionIndex(collection)


@pytest.mark.parametrize(
    ("minute", "nearest"),
    [(-99, 0), (0, 0), (4, 0), (5, 0), (5.01, 10), (10, 10), (14, 10), (26, 30), (99, 30), (None, 30)],
)
def test_nearest_in_time(collection: Collection, minute: float | None, nearest: int) -> None:
    index = write_visits(collection, 30, 0, 10)
    at = None if minute is None else BEGAN_AT + timedelta(minutes=minute)
    entry = index.find_nearest("https://WWW.example.com:443/?#x", at)
    assert entry is not None
    assert entry.captured_at == BEGAN_AT + timedelta(minutes=nearest)


def test_an_address_without_captures(collection: Collection) -> None:
    assert write_visits(collection, 1).find_nearest("http://example.com/other", datetime.now(UTC)) is None


def test_open_files_are_not_listed(collection: Collection) -> None:
    with build_writer(collection) as writer:
        writer.write(build_exchange())
        assert list(CollectionIndex(collection).iter_entries()) == []


@pytest.mark.parametrize("harm", ["unlink", "spoil"])
def test_the_index_does_without_its_sidecars(collection: Collection, harm: str) -> None:
    path = write_file(collection)
    expected = list(CollectionIndex(collection).iter_entries())
    sidecar = collection.sidecar_path(path.name)
    if harm == "unlink":
        sidecar.unlink()
    else:
        sidecar.write_bytes(b"\xff no index line")
    assert list(CollectionIndex(collection).iter_entries()) == expected


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


def test_a_damaged_file_is_listed_as_far_as_it_can_be_read(collection: Collection) -> None:
    path = write_file(collection)
    listed = build_sidecar(path)
    data = bytearray(path.read_bytes())
    data[listed[1].offset + 30] ^= 0xFF
    path.write_bytes(data)
    rebuilt = rebuild(collection)
    assert list(CollectionIndex(collection).iter_entries()) == [listed[0], listed[2]]
    assert [error.offset for error in rebuilt.damage] == [listed[1].offset]
