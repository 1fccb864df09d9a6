"""Imports files from elsewhere: copied completely or not at all, never over an existing file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from archives.errors import CollectionError
from archives.index.cdxj import dump_line
from archives.index.sidecars import salvage_sidecar, write_sidecar
from archives.storage.collection import WARC_SUFFIXES, Collection
from archives.storage.copying import copy_parts
from archives.storage.files import hash_file, link_file, open_temporary, sync_file
from archives.warc.reader import scan_records

if TYPE_CHECKING:
    from typing import BinaryIO

    from archives.errors import RecordError

_CHUNK_BYTES: Final = 1024 * 1024
UNREAD_COMPRESSION: Final = re.compile(r"(?i)\.w?arc\.(?:lz4|bz2|xz|br|zip|7z)$")
_PLAIN_START: Final = b"WARC/"
_ODD_IN_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """One file that a collection now has.

    Attributes:
        captures: how many it lists.
        is_new: False if the very same bytes were there before.
        damage: what in it could not be read; the rest is listed.
    """

    path: Path
    captures: int
    is_new: bool
    damage: list[RecordError]


def add_file(collection: Collection, source: Path) -> Added:
    """Copy a WARC or ARC file into a collection and list its captures.

    Raises:
        CollectionError: the file has another suffix, or there is nothing in it that can be read.
        OSError: it cannot be read, or the disk does not take the copy.
    """
    with source.open("rb") as stream:
        return add_stream(collection, source.name, stream)


def add_stream(collection: Collection, name: str, stream: IO[bytes]) -> Added:
    """Copy what a stream gives into a collection as the file `name`; errors as in `add_file`."""
    suffix = next((suffix for suffix in WARC_SUFFIXES if name.lower().endswith(suffix)), None)
    if suffix is None and UNREAD_COMPRESSION.search(name):
        raise CollectionError(f"{name} is compressed in a format that is not supported; decompress it first")
    if suffix is None:
        raise CollectionError(f"{name} is not called {', '.join(WARC_SUFFIXES)}; rename it if it is such a file")
    collection.archive_dir.mkdir(parents=True, exist_ok=True)
    with open_temporary(collection.archive_dir) as copy:
        digest = _copy(stream, copy)
        _refuse_unreadable(Path(copy.name), name)
        stem = _ODD_IN_NAME.sub("-", name[: -len(suffix)]).lstrip(".-") or "added"
        path = _place(collection, copy, stem, _correct_suffix(Path(copy.name), suffix), digest)
    is_new = not collection.sidecar_path(path.name).exists()
    entries, damage = salvage_sidecar(path)
    write_sidecar(collection, path.name, map(dump_line, entries))
    return Added(path=path, captures=len(entries), is_new=is_new, damage=damage)


def _copy(stream: IO[bytes], copy: BinaryIO) -> str:
    """Write a durable copy; returns its SHA-256."""
    digest = copy_parts(iter(partial(stream.read, _CHUNK_BYTES), b""), copy)
    sync_file(copy)
    return digest


def _refuse_unreadable(path: Path, name: str) -> None:
    faults: list[RecordError] = []
    if next(scan_records(path, faults.append), None) is None:
        fault = str(faults[0]).removeprefix(f"{path.name}: ") if faults else "it is empty"
        raise CollectionError(f"{name} holds no record that can be read ({fault}); it is not taken in")


def _correct_suffix(path: Path, suffix: str) -> str:
    """Return a suffix without `.gz` if the file is not compressed: other tools, such as py-wacz, refuse its name."""
    with path.open("rb") as stream:
        is_plain = stream.read(len(_PLAIN_START)) == _PLAIN_START
    return suffix.removesuffix(".gz") if is_plain else suffix


def _place(collection: Collection, copy: BinaryIO, stem: str, suffix: str, digest: str) -> Path:
    """Give the copy a name that no other file has, without a moment in which it could replace one."""
    for name in (stem + suffix, f"{stem}-{digest[:12]}{suffix}"):
        path = collection.archive_dir / name
        other = _find_other_of_sidecar(collection, path)
        if other is not None:
            if hash_file(other) == digest:
                return other
            continue
        if link_file(copy, path) or hash_file(path) == digest:
            return path
    raise CollectionError(f"{stem}{suffix} is in {collection.name} with other bytes; rename the file", path=path)


def _find_other_of_sidecar(collection: Collection, path: Path) -> Path | None:
    """A file that differs only in its suffix and so would share the sidecar: a.warc and a.warc.gz."""
    sidecar = collection.sidecar_path(path.name)
    warcs = (warc for warc in collection.iter_warcs() if warc != path)
    return next((warc for warc in warcs if collection.sidecar_path(warc.name) == sidecar), None)
