"""Files in Zstandard are read like any other, with a dictionary or without, in order and from the middle."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from archives.errors import RecordError
from archives.index.catalogue import CollectionIndex
from archives.transfer.importing import add_file
from archives.verify.fixity import verify_collection
from archives.warc.reader import iter_records, read_capture, scan_records
from tests.archives.warc.test_damage import FORGED, PAYLOADS, build_record

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

zstd = pytest.importorskip("backports.zstd")
BODIES = [b"<p>page %d of many that are alike" % number * 40 for number in range(30)]


def build_records() -> list[bytes]:
    return [build_record(f"http://{number}.example/", body, number=number) for number, body in enumerate(BODIES)]


def write_file(path: Path, *, dictionary: str = "") -> Path:
    records = build_records()
    start = b""
    trained = zstd.train_dict(records * 4, 4096) if dictionary else None
    if trained is not None:
        content = trained.dict_content
        content = zstd.compress(content) if dictionary == "compressed" else content
        start = struct.pack("<II", 0x184D2A5D, len(content)) + content
    path.write_bytes(start + b"".join(zstd.compress(record, zstd_dict=trained) for record in records))
    return path


@pytest.mark.parametrize("dictionary", ["", "plain", "compressed"])
def test_a_file_comes_in_and_is_whole(tmp_path: Path, collection: Collection, dictionary: str) -> None:
    added = add_file(collection, write_file(tmp_path / "a.warc.zst", dictionary=dictionary))
    assert (added.captures, added.damage, added.path.name) == (30, [], "a.warc.zst")
    assert verify_collection(collection) == []
    with CollectionIndex(collection) as index:
        found = {entry.url: read_capture(collection, entry).payload for entry in index.iter_entries()}
    assert found == {f"http://{number}.example/": body for number, body in enumerate(BODIES)}


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


def test_a_dictionary_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.warc.zst", dictionary="compressed")
    data = bytearray(path.read_bytes())
    data[20:60] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(RecordError, match="dictionary at the start of the file"):
        list(iter_records(path))
