"""Repairs a collection after a crash: files left open by dead writers become closed files.

No file's bytes are changed in place. The whole members of an `.open` file are copied, made durable and named, and only
then is the `.open` file removed; a salvage killed at any point is finished by the next one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from archives.errors import RecordError, WriteError
from archives.index.cdxj import dump_line
from archives.index.sidecars import salvage_sidecar, write_sidecar
from archives.merging.merge import finish_merges
from archives.storage.collection import OPEN_SUFFIX, Collection
from archives.storage.files import is_held, is_same_file, lock_file, replace_file, sync_directory
from archives.warc.members import iter_members

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """The outcome of one `.open` file.

    Attributes:
        path: the closed file; None if nothing whole was in it.
        records: whole members kept.
        kept_bytes: their length.
        lost_bytes: the tail that was no whole member.
    """

    open_path: Path
    path: Path | None
    records: int
    kept_bytes: int
    lost_bytes: int


def salvage(collection: Collection) -> list[Salvaged]:
    """Close every `.open` file that no living process holds, finish merges, and write sidecars that are missing.

    Raises:
        WriteError: the disk does not take a copy; its `.open` file stays.
    """
    results = [result for path in list(collection.iter_open()) if (result := _salvage_file(path))]
    finish_merges(collection)
    for warc in collection.iter_warcs():
        if not collection.sidecar_path(warc.name).exists() and not is_held(warc):
            entries, _ = salvage_sidecar(warc)
            write_sidecar(collection, warc.name, map(dump_line, entries))
    return results


def _salvage_file(open_path: Path) -> Salvaged | None:
    """None if a living process holds the file or another salvage was first."""
    try:
        stream = open_path.open("rb")
    except FileNotFoundError:
        return None
    with stream:
        if not lock_file(stream.fileno()) or not is_same_file(stream.fileno(), open_path):
            return None
        records, kept = _measure_whole(stream)
        lost = os.fstat(stream.fileno()).st_size - kept
        path = open_path.with_name(open_path.name.removesuffix(OPEN_SUFFIX))
        try:
            if records:
                _keep_head(stream, open_path, path, kept)
            open_path.unlink(missing_ok=True)
            sync_directory(open_path.parent)
        except OSError as error:
            raise WriteError(
                f"cannot salvage {open_path.name} ({error.strerror or error}); it is as it was: make room on the "
                "disk or fix its permissions, and run again",
                path=open_path,
            ) from error
    return Salvaged(
        open_path=open_path,
        path=path if records else None,
        records=records,
        kept_bytes=kept,
        lost_bytes=lost,
    )


def _measure_whole(stream: BinaryIO) -> tuple[int, int]:
    """How many whole members the file begins with, and how many bytes they take."""
    records, kept = 0, 0
    try:
        for member in iter_members(stream):
            records, kept = records + 1, member.offset + member.length
    except RecordError:
        pass
    return records, kept


def _keep_head(stream: BinaryIO, open_path: Path, path: Path, size: int) -> None:
    """Give the first `size` bytes of the `.open` file its final name, by a copy unless they are all it has."""
    if path.exists():
        return
    if size == os.fstat(stream.fileno()).st_size:
        os.fsync(stream.fileno())
        open_path.rename(path)
        sync_directory(path.parent)
    else:
        stream.seek(0)
        with replace_file(path) as copy:
            shutil.copyfileobj(stream, copy, 1024 * 1024)
            copy.truncate(size)
