"""Moves closed files to object storage: verified first, uploaded once, deleted locally only when confirmed.

A file goes up under the name it has in the collection, its sidecar behind it, and is then marked as stored. A process
that is killed in between finds, when it is run again, what was finished, and does the rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from archives.errors import StoreError
from archives.storage.remote_files import Stored, find_stored, write_stored
from archives.storage.schemes import open_bucket, parse_address
from archives.verify.fixity import verify_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from archives.storage.collection import Collection
    from archives.storage.schemes import Bucket

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where collections are kept.

    Attributes:
        scheme: of the storage.
        bucket: its name; some storages have none.
        prefix: of all keys; '' or ends with a slash.
    """

    scheme: str
    bucket: str
    prefix: str

    def build_url(self, key: str) -> str:
        """Return the address of what is under a key."""
        return f"{self.scheme}://{self.bucket}/{key}"

    def build_key(self, collection: Collection, folder: str, filename: str) -> str:
        """Return the key of one file."""
        return f"{self.prefix}{collection.name}/{folder}/{filename}"


def parse_place(url: str) -> Place:
    """Read `scheme://bucket/prefix`, the setting `STORE_URL`.

    Raises:
        StoreError: it is no such address.
    """
    if not url:
        raise StoreError("STORE_URL is empty; it must be s3://BUCKET or s3://BUCKET/PREFIX")
    scheme, bucket, prefix = parse_address(url)
    prefix = prefix.strip("/")
    return Place(scheme=scheme, bucket=bucket, prefix=f"{prefix}/" if prefix else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one file.

    Attributes:
        problems: why it stays here; empty for a stored one.
        is_new: it was not marked as stored before.
        is_removed: it is no longer here.
    """

    path: Path
    problems: tuple[str, ...] = ()
    is_new: bool = False
    is_removed: bool = False


def store_file(collection: Collection, warc: Path, depot: Bucket, place: Place) -> Outcome:
    """Put one closed file and its sidecar into storage, if it is whole.

    Raises:
        StoreError: the storage did not take it.
    """
    if find_stored(warc) is not None:
        return Outcome(path=warc)
    with TemporaryDirectory(prefix="newsreel-") as scratch:
        problems = verify_files(collection, [warc], Path(scratch, "seen.sqlite"))
    if problems:
        return Outcome(path=warc, problems=tuple(problem.message for problem in problems))
    key = place.build_key(collection, "archive", warc.name)
    blob = depot.put_file(key, warc)
    sidecar = collection.sidecar_path(warc.name)
    depot.put_file(place.build_key(collection, "indexes", sidecar.name), sidecar)
    write_stored(warc, Stored(url=place.build_url(key), bytes=blob.size, sha256=blob.sha256))
    return Outcome(path=warc, is_new=True)


def replace_stored(warc: Path, new: Path, sidecar: Path) -> None:
    """Put a file from which records were erased, and its sidecar, into storage in place of those there, if there are.

    Raises:
        StoreError: the storage did not take it.
    """
    stored = find_stored(warc)
    if stored is None:
        return
    scheme, bucket, key = parse_address(stored.url)
    depot = open_bucket(scheme, bucket)
    blob = depot.replace_file(key, new)
    beside = f"{key.rpartition('archive/')[0]}indexes/{sidecar.name}"
    depot.delete_file(beside)
    depot.put_file(beside, sidecar)
    write_stored(warc, Stored(url=stored.url, bytes=blob.size, sha256=blob.sha256))


def remove_file(warc: Path, depot: Bucket, *, keep_days: float, clock: Callable[[], float] = time.time) -> bool:
    """Remove a stored file from here, if it is old enough and the storage confirms it once more.

    Returns:
        Whether it was removed.

    Raises:
        StoreError: the storage does not have it any more, or has something else.
    """
    stored = find_stored(warc)
    if stored is None or not warc.exists() or clock() - warc.stat().st_mtime < keep_days * _DAY_S:
        return False
    found = depot.find(parse_address(stored.url).key)
    if found is None or (found.size, found.sha256) != (stored.bytes, stored.sha256):
        raise StoreError(
            f"{stored.url} is not what was put there, so {warc.name} stays here; look what is there", path=warc
        )
    warc.unlink()
    return True
