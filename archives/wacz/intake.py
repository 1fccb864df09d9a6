"""Imports files, folders at any depth, WACZ files and multi-WACZ lists into a collection.

What each file of the collection was made of is remembered in `imports.jsonl`, beside its folders.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError, CollectionError, PackageError
from archives.storage.collection import WARC_SUFFIXES
from archives.storage.files import sync_file
from archives.transfer.importing import UNREAD_COMPRESSION, Added, add_file
from archives.urls import format_warc_date
from archives.wacz.pack import read_list, unpack_list, unpack_wacz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from archives.storage.collection import Collection

IMPORTS_NAME: Final = "imports.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The outcome of one file that was given, or was in a folder.

    Attributes:
        added: the files of the collection that it is now.
        fault: why it was passed over or not taken in, in a sentence; empty if it was taken in.
        is_passed: it is not an archive at all, and was in a folder.
    """

    source: Path
    added: list[Added] = field(default_factory=list)
    fault: str = ""
    is_passed: bool = False


def take_in(
    collection: Collection, paths: Iterable[Path], *, clock: Callable[[], datetime] | None = None
) -> Iterator[Taken]:
    """Take files and folders into a collection, one after the other; a file that fails costs itself only.

    Args:
        clock: gives the instant that is remembered.
    """
    now = clock or (lambda: datetime.now(UTC))
    for source, is_named in _iter_sources(paths):
        passed = None if is_named else _pass_over(source)
        taken = passed or _take_file(collection, source, is_named=is_named)
        if any(added.is_new for added in taken.added):
            _remember(collection, taken, now())
        yield taken


def _iter_sources(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield each file and whether it was named itself."""
    for path in paths:
        if path.is_dir():
            yield from ((found, False) for found in _iter_folder(path))
        else:
            yield path, True


def _iter_folder(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder by name, then those of its folders, and last the folders that cannot be read.

    Links to folders are followed, each folder is read once; hidden folders are left out.
    """
    unreadable: list[OSError] = []
    seen: set[str] = set()
    for directory, folders, names in os.walk(folder, onerror=unreadable.append, followlinks=True):
        real = os.path.realpath(directory)
        is_new = real not in seen
        seen.add(real)
        folders[:] = sorted(name for name in folders if is_new and not name.startswith("."))
        yield from (Path(directory, name) for name in sorted(names) if is_new)
    yield from (Path(str(error.filename)) for error in unreadable)


def _pass_over(source: Path) -> Taken | None:
    """The outcome of something in a folder that is hidden or is not a file; None if it is to be read."""
    if source.is_dir():
        return Taken(source=source, fault=f"{source.name} is a folder that cannot be read")
    if not source.exists():
        return Taken(source=source, fault=f"{source.name} is a link to a file that does not exist")
    if not source.is_file():
        return Taken(source=source, fault=f"{source.name} is not a regular file")
    if source.name.startswith(".") and _is_archive(source.name.lower()):
        return Taken(source=source, fault=f"{source.name} is hidden", is_passed=True)
    return None


def _is_archive(name: str) -> bool:
    return name.endswith((".wacz", *WARC_SUFFIXES)) or UNREAD_COMPRESSION.search(name) is not None


def _take_file(collection: Collection, source: Path, *, is_named: bool) -> Taken:
    name = source.name.lower()
    try:
        if name.endswith(".wacz"):
            return _unpack(collection, source, unpack_wacz)
        if name.endswith(".json") and (is_named or _is_list(source)):
            return _unpack(collection, source, unpack_list)
        if is_named or _is_archive(name):
            return Taken(source=source, added=[add_file(collection, source)])
    except CollectionError as error:
        return Taken(source=source, fault=str(error))
    except (ArchiveError, OSError) as error:
        fault = str(error) if source.name in str(error) else f"{source.name}: {error}"
        return Taken(source=source, fault=fault)
    return Taken(source=source, fault=f"{source.name} is no WARC, ARC or WACZ file", is_passed=True)


def _unpack(collection: Collection, source: Path, unpack: Callable[..., list[Added]]) -> Taken:
    faults: list[ArchiveError] = []
    added = unpack(source, collection, on_fault=faults.append)
    return Taken(source=source, added=added, fault="; ".join(map(str, faults)))


def _is_list(path: Path) -> bool:
    try:
        return bool(read_list(path))
    except (PackageError, OSError):
        return False


def _remember(collection: Collection, taken: Taken, at: datetime) -> None:
    """Note where new files came from, for good."""
    lines = [
        json.dumps({"file": added.path.name, "from": str(taken.source.absolute()), "at": format_warc_date(at)})
        for added in taken.added
        if added.is_new
    ]
    with (collection.path / IMPORTS_NAME).open("ab") as stream:
        stream.write("".join(line + "\n" for line in lines).encode())
        sync_file(stream)
