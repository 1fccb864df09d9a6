"""Storages by URL scheme: `s3://BUCKET/KEY` is built in, others come with installed distributions.

A storage only has to get, find and put. What makes it safe is done here, once for all of them: nothing is ever
overwritten, a file counts as stored only when the storage has confirmed its length and digest, and whatever else goes
wrong is reported with the name of the storage.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from archives.errors import ArchiveError, StoreError
from archives.extensions import ExtensionError, ExtensionGroup, explain
from archives.storage.files import hash_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)(?:/(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An object that is in a storage.

    Attributes:
        size: in bytes.
        sha256: of the whole, in hexadecimal, as it was put; '' if another program put it.
    """

    size: int
    sha256: str


class Storage(Protocol):
    """One bucket, as an entry point of `newsreel.storage` makes it when called with the bucket's name.

    The name is what is between `://` and the next slash, and may be empty; keys have no slash in front. A method
    that cannot do what it is asked raises StoreError, whose sentence the user reads; any other error counts as a fault
    of the distribution. Several threads may call one object at a time.
    """

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes of an object from `start` on; fewer only at its end."""

    def find(self, key: str) -> Blob | None:
        """Return what is under a key, or None."""

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Put a file under an unused key, whole or not at all; `find` gives its digest from then on.

        If the key exists by then, raise an error and leave the object unchanged.

        What must be forgotten needs two methods more, which a storage may lack: `replace_file`, with the same
        parameters, and `delete_file(key)`. Neither leaves an earlier version.
        """


STORAGES: Final[ExtensionGroup[Storage]] = ExtensionGroup("newsreel.storage", members=("get_range", "find", "put_file"))


class Address(NamedTuple):
    """What `scheme://bucket/key` is made of."""

    scheme: str
    bucket: str
    key: str


def parse_address(url: str) -> Address:
    """Read the address of an object, or of a prefix of many.

    Raises:
        StoreError: it is not an address.
    """
    found = _ADDRESS.fullmatch(url)
    if found is None or not (found[2] or found[3]):
        raise StoreError(f"{url!r} is not an address in a storage; it must be like s3://BUCKET/KEY")
    return Address(found[1], found[2], found[3] or "")


@cache
def check_scheme(scheme: str) -> None:
    """Check that a storage is installed, without loading it.

    Raises:
        StoreError: none is.
    """
    try:
        STORAGES.find_offer(scheme)
    except ExtensionError as error:
        raise StoreError(str(error)) from error


def open_bucket(scheme: str, name: str) -> Bucket:
    """Return one bucket.

    Raises:
        StoreError: the storage is not installed, or cannot be used.
    """
    try:
        return Bucket(STORAGES.build(scheme, name), f"{scheme}://{name}")
    except ExtensionError as error:
        raise StoreError(str(error)) from error


class Bucket:
    """One bucket of whichever storage.

    Args:
        label: names it in errors.
    """

    def __init__(self, storage: Storage, label: str) -> None:
        self._storage = storage
        self._label = label

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return bytes of an object; fewer only at its end.

        Raises:
            StoreError: it is not there or cannot be reached.
        """
        with self._explain(f"read {key}"):
            return self._storage.get_range(key, start, length)

    def find(self, key: str) -> Blob | None:
        """Return what is under a key, or None.

        Raises:
            StoreError: the storage does not say.
        """
        with self._explain(f"look for {key}"):
            return self._storage.find(key)

    def put_file(self, key: str, path: Path) -> Blob:
        """Put a file under an unused key, unless the same file is there; nothing is ever overwritten.

        Raises:
            StoreError: another object is there, or the storage could not take or confirm it.
        """
        wanted = Blob(size=path.stat().st_size, sha256=hash_file(path))
        if self._verify(key, wanted):
            return wanted
        with self._explain(f"put {path.name}"):
            self._storage.put_file(key, path, wanted.sha256)
        if not self._verify(key, wanted):
            raise StoreError(f"{key} is not in {self._label} although it was taken; store the file again", path=path)
        return wanted

    def replace_file(self, key: str, path: Path) -> Blob:
        """Put a file of the same length in place of what is under a key, of which no version stays.

        Raises:
            StoreError: what is there is of another length, or the storage cannot replace or confirm it.
        """
        wanted = Blob(size=path.stat().st_size, sha256=hash_file(path))
        found = self.find(key)
        if found is None or found.size != wanted.size:
            there = f"{found.size} bytes" if found else "nothing"
            raise StoreError(
                f"{key} in {self._label} should be {wanted.size} bytes and is {there}; inspect it", path=path
            )
        return self._replace(key, path, wanted)

    def write_file(self, key: str, path: Path) -> Blob:
        """Put a file in place of whatever is under a key, of which no version stays.

        Raises:
            StoreError: the storage cannot replace or confirm it.
        """
        wanted = Blob(size=path.stat().st_size, sha256=hash_file(path))
        if self.find(key) is None:
            return self.put_file(key, path)
        return self._replace(key, path, wanted)

    def _replace(self, key: str, path: Path, wanted: Blob) -> Blob:
        replace = getattr(self._storage, "replace_file", None)
        if replace is None:
            words = f"the storage of {self._label} cannot replace {key}; put {path.name} there yourself, or delete it"
            raise StoreError(words, path=path)
        with self._explain(f"replace {key}"):
            replace(key, path, wanted.sha256)
        if self.find(key) != wanted:
            raise StoreError(f"{key} in {self._label} was not replaced although it was taken; try again", path=path)
        return wanted

    def delete_file(self, key: str) -> None:
        """Delete what is under a key, with every version of it; it may be gone already.

        Raises:
            StoreError: the storage cannot.
        """
        delete = getattr(self._storage, "delete_file", None)
        if delete is None:
            raise StoreError(f"the storage of {self._label} cannot delete {key}; delete it yourself")
        with self._explain(f"delete {key}"):
            delete(key)

    def _verify(self, key: str, wanted: Blob) -> bool:
        """Whether the object is there."""
        found = self.find(key)
        if found is not None and found != wanted:
            raise StoreError(
                f"{key} in {self._label} is something else, {found.size} bytes, digest {found.sha256 or 'unknown'}; "
                "nothing was changed there: choose another STORE_URL, or inspect the existing object"
            )
        return found is not None

    @contextmanager
    def _explain(self, what: str) -> Iterator[None]:
        try:
            yield
        except ArchiveError:
            raise
        except Exception as error:
            raise StoreError(f"cannot {what} in {self._label}: {explain(error)}") from error
