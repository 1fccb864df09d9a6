"""After a crash, every whole record is kept, half ones are not, and a salvage may itself be killed."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from archives.captures.recovery import Salvaged, salvage
from archives.errors import WriteError
from archives.storage.files import lock_file
from archives.verify.fixity import verify_collection
from archives.warc.members import iter_members
from archives.warc.reader import iter_records, read_capture
from tests.archives.conftest import build_exchange, build_writer, limit_file_size, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection


@pytest.fixture
def whole(collection: Collection) -> bytes:
    """The bytes of a file of two exchanges; the collection is left empty."""
    path = write_file(collection, 2)
    data = path.read_bytes()
    path.unlink()
    collection.sidecar_path(path.name).unlink()
    return data


def leave_open(collection: Collection, data: bytes) -> Path:
    path = collection.archive_dir / "news-20260304022111-00000-t0.warc.gz.open"
    path.write_bytes(data)
    return path


def find_ends(data: bytes, tmp_path: Path) -> list[int]:
    path = tmp_path / "whole"
    path.write_bytes(data)
    with path.open("rb") as stream:
        return [member.offset + member.length for member in iter_members(stream)]


def test_a_cut_at_every_byte_of_the_last_two_members(collection: Collection, whole: bytes, tmp_path: Path) -> None:
    ends = find_ends(whole, tmp_path)
    assert len(ends) == 5
    for cut in range(ends[-3], ends[-1] + 1):
        open_path = leave_open(collection, whole[:cut])
        kept = max(end for end in ends if end <= cut)
        path = open_path.with_suffix("")
        assert salvage(collection) == [
            Salvaged(
                open_path=open_path,
                path=path,
                records=ends.index(kept) + 1,
                kept_bytes=kept,
                lost_bytes=cut - kept,
            )
        ]
        assert path.read_bytes() == whole[:kept]
        assert [entry.name for entry in collection.archive_dir.iterdir()] == [path.name]
        path.unlink()
        collection.sidecar_path(path.name).unlink()


def test_a_salvaged_collection_is_good(collection: Collection, whole: bytes) -> None:
    leave_open(collection, whole[:-3])
    salvage(collection)
    assert verify_collection(collection) == []
    (path,) = collection.iter_warcs()
    assert [record.type for record in iter_records(path)] == ["warcinfo", "response", "request", "response"]
    assert salvage(collection) == []


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"no gzip at all", bytes(5000)])
def test_a_file_with_nothing_whole_in_it_is_removed_and_told(collection: Collection, data: bytes) -> None:
    open_path = leave_open(collection, data)
    assert salvage(collection) == [
        Salvaged(open_path=open_path, path=None, records=0, kept_bytes=0, lost_bytes=len(data))
    ]
    assert list(collection.archive_dir.iterdir()) == []


def test_a_living_writer_is_left_alone(collection: Collection) -> None:
    with build_writer(collection) as writer:
        location = writer.write(build_exchange())
        assert salvage(collection) == []
        writer.write(build_exchange(1))
    assert read_capture(collection, location).block == build_exchange(0).raw_response
    assert verify_collection(collection) == []


def test_a_file_closed_before_it_was_locked_is_left_alone(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = build_writer(collection)
    writer.write(build_exchange())

    def close_and_lock(descriptor: int) -> bool:
        writer.close()
        return lock_file(descriptor)

    monkeypatch.setattr("archives.captures.recovery.lock_file", close_and_lock)
    assert salvage(collection) == []
    assert verify_collection(collection) == []


def test_a_sidecar_that_a_living_writer_is_about_to_write_is_left_to_it(collection: Collection) -> None:
    path = write_file(collection)
    sidecar = collection.sidecar_path(path.name)
    sidecar.unlink()
    with path.open("rb") as held:
        assert lock_file(held.fileno())
        salvage(collection)
        assert not sidecar.exists()
        assert verify_collection(collection) == []
    salvage(collection)
    assert sidecar.exists()


class Killed(BaseException):
    """Stands for the end of the process at one system call."""


@pytest.mark.parametrize("call", ["fsync", "rename", "replace", "unlink"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_salvage_killed_anywhere_is_finished_by_the_next(
    collection: Collection, whole: bytes, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    leave_open(collection, whole[:-3])
    expected = whole[: find_ends(whole, collection.path)[-2]]
    calls = iter(range(100))
    real = getattr(os, call)

    def die(*arguments: object, **options: object) -> object:
        if next(calls) == number:
            raise Killed
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, die)
        with contextlib.suppress(Killed):
            salvage(collection)
    salvage(collection)
    (path,) = collection.iter_warcs()
    assert path.read_bytes() == expected
    assert list(collection.iter_open()) == []
    assert verify_collection(collection) == []


def test_a_kill_between_the_copy_and_the_removal_does_no_harm(collection: Collection, whole: bytes) -> None:
    open_path = leave_open(collection, whole)
    shutil.copy(open_path, open_path.with_suffix(""))
    (result,) = salvage(collection)
    assert (result.records, result.lost_bytes) == (5, 0)
    assert open_path.with_suffix("").read_bytes() == whole
    assert not open_path.exists()


def test_a_disk_that_takes_no_copy_keeps_the_open_file(collection: Collection, whole: bytes) -> None:
    open_path = leave_open(collection, whole[:-3])
    with limit_file_size(100), pytest.raises(WriteError, match=r"cannot salvage .* run again") as caught:
        salvage(collection)
    assert caught.value.path == open_path
    assert open_path.read_bytes() == whole[:-3]
    assert list(collection.iter_warcs()) == []
    assert len(salvage(collection)) == 1
    assert verify_collection(collection) == []


def test_a_file_that_is_whole_needs_no_room(collection: Collection, whole: bytes) -> None:
    leave_open(collection, whole)
    for _ in collection.iter_open():
        with limit_file_size(100), contextlib.suppress(OSError):
            salvage(collection)
    (path,) = collection.iter_warcs()
    assert path.read_bytes() == whole


def test_missing_sidecars_are_written(collection: Collection) -> None:
    path = write_file(collection)
    sidecar = collection.sidecar_path(path.name)
    expected = sidecar.read_bytes()
    sidecar.unlink()
    assert salvage(collection) == []
    assert sidecar.read_bytes() == expected


def test_a_damaged_file_still_gets_a_sidecar_of_what_is_whole(collection: Collection) -> None:
    path = write_file(collection)
    data = bytearray(path.read_bytes())
    with path.open("rb") as stream:
        second = list(iter_members(stream))[3]
    data[second.offset + 40] ^= 0xFF
    path.write_bytes(data)
    sidecar = collection.sidecar_path(path.name)
    sidecar.unlink()
    salvage(collection)
    assert len(sidecar.read_text().splitlines()) == 2
