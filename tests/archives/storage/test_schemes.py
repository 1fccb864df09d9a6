"""A storage only gets, finds and puts; that nothing is lost or overwritten is seen to before it and behind it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from archives.errors import StoreError
from archives.storage.schemes import STORAGES, Address, Blob, Bucket, Storage, parse_address

if TYPE_CHECKING:
    from pathlib import Path


class Shelf:
    """A storage in memory that can be made to fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_forgetful = False
        self.fault: Exception | None = None
        self.put = 0

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if self.fault:
            raise self.fault
        return self.objects[key][start : start + length]

    def find(self, key: str) -> Blob | None:
        data = self.objects.get(key)
        return None if data is None else Blob(size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        self.put += 1
        if not self.is_forgetful:
            self.objects[key] = path.read_bytes()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def bucket(shelf: Shelf) -> Bucket:
    storage: Storage = shelf
    return Bucket(storage, "shelf://b")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.warc.gz").write_bytes(b"bytes")
    return tmp_path / "a.warc.gz"


def test_a_file_is_put_once(bucket: Bucket, shelf: Shelf, file: Path) -> None:
    blob = bucket.put_file("k", file)
    assert blob == bucket.put_file("k", file) == bucket.find("k")
    assert (shelf.put, bucket.get_range("k", 1, 3)) == (1, b"yte")


def test_what_another_has_put_stays(bucket: Bucket, shelf: Shelf, file: Path) -> None:
    shelf.objects["k"] = b"somebody's"
    with pytest.raises(StoreError, match="k in shelf://b is something else, 10 bytes"):
        bucket.put_file("k", file)
    assert (shelf.objects["k"], shelf.put) == (b"somebody's", 0)


def test_what_is_not_confirmed_was_not_stored(bucket: Bucket, shelf: Shelf, file: Path) -> None:
    shelf.is_forgetful = True
    with pytest.raises(StoreError, match="k is not in shelf://b although it was taken"):
        bucket.put_file("k", file)


def test_any_other_error_is_reported_with_the_name_of_the_storage(bucket: Bucket, shelf: Shelf) -> None:
    shelf.fault = RuntimeError("no route\nto it")
    with pytest.raises(StoreError, match=r"^cannot read k in shelf://b: RuntimeError: no route to it$"):
        bucket.get_range("k", 0, 1)
    shelf.fault = StoreError("in its own words")
    with pytest.raises(StoreError, match=r"^in its own words$"):
        bucket.get_range("k", 0, 1)


def test_an_address_has_three_parts() -> None:
    assert parse_address("s3://b/p/q.gz") == Address("s3", "b", "p/q.gz")
    assert parse_address("disk:///srv/x") == Address("disk", "", "srv/x")
    assert parse_address("gs://b") == Address("gs", "b", "")


def test_what_is_asked_of_a_storage_is_what_the_protocol_says() -> None:
    assert set(STORAGES.members) == {name for name in vars(Storage) if not name.startswith("_")}
