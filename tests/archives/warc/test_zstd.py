"""Files in Zstandard are read like any other, with a dictionary or without, in order and from the middle."""

from __future__ import annotations

import random
import struct
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from archives.errors import RecordError
from archives.index.catalogue import CollectionIndex
from archives.transfer.importing import add_file
from archives.verify.fixity import verify_collection
from archives.warc.members import iter_members
from archives.warc.reader import iter_records, read_capture, scan_records
from archives.warc.zstd_frames import iter_dictionaries
from tests.archives.warc.mutants import (
    FORGED,
    PAYLOADS,
    WARCINFO,
    WARCINFO_ID,
    build_file_records,
    build_raw_frame,
    build_record,
    list_captures,
)

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

zstd = pytest.importorskip("backports.zstd")
BODIES = [b"<p>page %d of many that are alike" % number * 40 for number in range(30)]


def build_records() -> list[bytes]:
    return [build_record(f"http://{number}.example/", body, number=number) for number, body in enumerate(BODIES)]


def write_file(path: Path, *, dictionary: str = "") -> Path:
    path.write_bytes(build_zstd(build_records(), dictionary=dictionary))
    return path


def build_zstd(records: list[bytes], *, dictionary: str = "") -> bytes:
    start = b""
    trained = zstd.train_dict(records * 4, 4096) if dictionary else None
    if trained is not None:
        content = trained.dict_content
        content = zstd.compress(content) if dictionary == "compressed" else content
        start = struct.pack("<II", 0x184D2A5D, len(content)) + content
    return start + b"".join(zstd.compress(record, zstd_dict=trained) for record in records)


@pytest.mark.parametrize("dictionary", ["", "plain", "compressed"])
def test_a_file_comes_in_and_is_whole(tmp_path: Path, collection: Collection, dictionary: str) -> None:
    added = add_file(collection, write_file(tmp_path / "a.warc.zst", dictionary=dictionary))
    assert (added.captures, added.damage, added.path.name) == (30, [], "a.warc.zst")
    assert verify_collection(collection) == []
    with CollectionIndex(collection) as index:
        found = {entry.url: read_capture(collection, entry).payload for entry in index.iter_entries()}
    assert found == {f"http://{number}.example/": body for number, body in enumerate(BODIES)}


@pytest.mark.parametrize("dictionaries", [("plain", "compressed"), ("", "plain"), ("plain", "plain", "plain")])
def test_files_with_dictionaries_that_were_put_together_are_read(
    tmp_path: Path, collection: Collection, dictionaries: tuple[str, ...]
) -> None:
    every = build_records()
    size = len(every) // len(dictionaries)
    parts = [
        build_zstd(every[number * size :][:size], dictionary=dictionary)
        for number, dictionary in enumerate(dictionaries)
    ]
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"".join(parts))
    assert (added := add_file(collection, path)).damage == []
    assert added.captures == size * len(dictionaries)
    with CollectionIndex(collection) as index:
        found = [read_capture(collection, entry).payload for entry in index.iter_entries()]
    assert sorted(found) == sorted(BODIES[: len(found)])
    assert verify_collection(collection) == []


@pytest.mark.parametrize("has_checksum", [True, False])
@pytest.mark.parametrize("has_size", [True, False])
def test_frames_of_every_layout_are_walked_through(*, has_checksum: bool, has_size: bool) -> None:
    options = {
        zstd.CompressionParameter.checksum_flag: has_checksum,
        zstd.CompressionParameter.content_size_flag: has_size,
    }
    contents = (b"", b"a", b"a" * 300, b"a" * 300_000, random.Random(1).randbytes(300_000), b"text " * 100_000)
    frames = [zstd.compress(content, options=options) for content in contents]
    dictionary = struct.pack("<II", 0x184D2A5D, 4) + b"word"
    offsets = [len(b"".join(frames[:number])) + (number - 1) * len(dictionary) for number in range(1, 7)]
    stream = BytesIO(b"".join(frame + dictionary for frame in frames))
    assert list(iter_dictionaries(stream)) == offsets


def test_frames_are_told_apart_wherever_a_read_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = struct.pack("<II", 0x184D2A50, 4) + b"word"
    contents = [b"%d words" % number * 20 for number in range(9)]
    data = b"".join(zstd.compress(content) + skipped for content in contents)
    for size in range(16, 99):
        monkeypatch.setattr("archives.warc.members._READ_SIZE", size)
        assert [member.data for member in iter_members(BytesIO(data))] == contents, size


def test_damage_before_a_further_dictionary_costs_one_record(tmp_path: Path) -> None:
    fields = f"WARC-Warcinfo-ID: {WARCINFO_ID}\r\n"
    records = [WARCINFO] + [
        build_record(f"http://{number}.example/", body, number=number, fields=fields)
        for number, body in enumerate(BODIES)
    ]
    first, second = (build_zstd(part, dictionary="plain") for part in (records[:16], records[16:]))
    path = tmp_path / "a.warc.zst"
    path.write_bytes(first[:-40] + b"\xff" * 30 + first[-10:] + second)
    urls, damage = list_urls(path)
    assert (len(urls), len(damage)) == (len(records) - 1, 1)
    assert "http://14.example/" not in urls


def test_a_large_record_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archives.warc.members.HELD_BYTES", 1000)
    for record in iter_records(write_file(tmp_path / "a.warc.zst", dictionary="plain")):
        assert record.is_large
        assert len(record.block) == record.size


@pytest.mark.parametrize("name", PAYLOADS)
def test_damage_turns_no_payload_into_a_capture(tmp_path: Path, name: str) -> None:
    payload = zstd.compress(build_record(FORGED, b"x", number=99)) + PAYLOADS[name]
    records = [build_record("http://a.example/", payload, number=1), build_record("http://b.example/", b"y", number=2)]
    whole = b"".join(map(zstd.compress, records))
    path = tmp_path / "a.warc.zst"
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        damage: list[RecordError] = []
        assert FORGED not in [record.url for record in scan_records(path, damage.append)]


def test_no_cut_turns_a_payload_into_a_capture(tmp_path: Path) -> None:
    # Noise is stored as it is, and so is the frame inside of it.
    frame = zstd.compress(build_record(FORGED, b"x", number=99))
    records = [
        build_record("http://a.example/", b"x", number=1),
        build_record("http://b.example/", random.Random(3).randbytes(5000) + frame * 2, number=2),
    ]
    whole = b"".join(map(zstd.compress, records))
    assert whole.count(frame) == 2
    path = tmp_path / "a.warc.zst"
    for end in range(whole.index(frame), len(whole)):
        path.write_bytes(whole[:end])
        damage: list[RecordError] = []
        assert FORGED not in [record.url for record in scan_records(path, damage.append)], end
        assert damage


def write_raw_frames(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(b"".join(map(build_raw_frame, blocks)))
    return path


def list_urls(path: Path) -> tuple[list[str], list[RecordError]]:
    damage: list[RecordError] = []
    return [record.url for record in scan_records(path, damage.append)], damage


@pytest.mark.parametrize("has_digest", [True, False])
def test_a_changed_length_in_a_frame_without_checksum_lays_no_payload_open(tmp_path: Path, *, has_digest: bool) -> None:
    records = [
        build_record("http://a.example/", PAYLOADS["records to the end"], number=1, has_digest=has_digest),
        build_record("http://b.example/", b"y", number=2, has_digest=has_digest),
    ]
    forged_at = records[0].index(b"WARC/1.1", 10)
    block_at = records[0].index(b"\r\n\r\n") + 4
    size = b"Content-Length: %d\r\n\r\nHTTP" % (len(records[0]) - block_at - 4)
    assert size in records[0]
    for length in (forged_at - block_at - 4, 0, 99999):
        damaged = records[0].replace(size, b"Content-Length: %d\r\n\r\nHTTP" % length)
        urls, damage = list_urls(write_raw_frames(tmp_path / "a.warc.zst", damaged, records[1]))
        assert FORGED not in urls
        assert any("it is the capture of http://a.example/" in str(error) for error in damage)
    assert list_urls(write_raw_frames(tmp_path / "a.warc.zst", *records)) == (
        ["http://a.example/", "http://b.example/"],
        [],
    )


def test_a_frame_without_checksum_that_ends_too_early_lays_no_payload_open(tmp_path: Path) -> None:
    """One bit of the size of its block is enough, and the publisher can put a frame where that leads."""
    frame = build_raw_frame(build_record(FORGED, b"x", number=99))
    filler = b"x" * (1000 - len(frame))
    record = build_record("http://a.example/", b"x" * 3000 + frame + filler, number=1)
    whole = write_raw_frames(tmp_path / "a.warc.zst", record, build_record("http://b.example/", b"y", number=2))
    raw = whole.read_bytes()
    shorter = (raw.index(frame) - 9) << 3 | 1
    whole.write_bytes(raw[:6] + shorter.to_bytes(3, "little") + raw[9:])
    urls, damage = list_urls(whole)
    assert FORGED not in urls
    assert damage


@pytest.mark.parametrize("has_digest", [True, False])
def test_no_header_that_becomes_one_with_that_of_a_payload_is_listed(*, has_digest: bool) -> None:
    """As on a disk that loses a sector: the address and the length are then those of the publisher's record."""
    for name in ("records to the end", "records at every length"):
        records = build_file_records("no length", PAYLOADS[name], has_digest=has_digest, is_naming=True)
        whole = b"".join(map(build_raw_frame, records))
        address = whole.index(b"mirror.example")
        for at in range(address - 90, address + 250, 9):
            for size in (512, len(whole) // 3):
                damaged = whole[:at] + bytes(size)[: len(whole) - at] + whole[at + size :]
                assert FORGED not in list_captures(damaged), (name, at, size)


def test_a_record_that_spans_frames_without_checksum_is_one(tmp_path: Path) -> None:
    record = build_record("http://a.example/", b"x" * 500, number=1)
    after = build_record("http://b.example/", b"y", number=2)
    path = write_raw_frames(tmp_path / "a.warc.zst", record[:200], record[200:], after)
    assert list_urls(path) == (["http://a.example/", "http://b.example/"], [])


def test_records_that_share_a_frame_without_checksum_are_read(tmp_path: Path) -> None:
    path = write_raw_frames(tmp_path / "a.warc.zst", b"".join(build_records()))
    urls, damage = list_urls(path)
    assert (len(urls), damage) == (len(BODIES), [])


def test_a_dictionary_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.warc.zst", dictionary="compressed")
    data = bytearray(path.read_bytes())
    data[20:60] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(RecordError, match="dictionary at offset 0 cannot be read"):
        list(iter_records(path))
