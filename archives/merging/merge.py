"""Merges the small WARC files of each day: bytes are concatenated, records unchanged, the index updated.

A list of the parts is written first, then the merged file, then its sidecar; only then are the parts removed. A merge
that was cut short at any point is finished, or undone, by `finish_merges`, which every crawl and every merge calls.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from archives.errors import CollectionError, RecordError
from archives.index.cdxj import dump_line
from archives.index.sidecars import build_sidecar, write_sidecar
from archives.merging.parts import Merge, Part, find_parts_file, iter_merges, write_merge
from archives.storage.collection import STORED_SUFFIX
from archives.storage.copying import copy_parts, iter_range
from archives.storage.files import hash_file, is_held, link_file, open_temporary, sync_directory, sync_file
from archives.storage.remote_files import find_digest
from archives.warc.reader import read_warcinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection

# As our writer names them; a merged file has a day in the place of the instant, and is not merged again.
_WRITTEN: Final = re.compile(r"(?P<prefix>.+)-(?P<day>[0-9]{8})[0-9]{6}-[0-9]{5,}-(?P<token>[^-]+)\.warc\.gz")
_TOKEN_DIGITS: Final = 6


class _Group(NamedTuple):
    """What the files have in common that may be joined."""

    prefix: str
    day: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """Files that are to become one, in their order."""

    name: str
    warcs: tuple[Path, ...]


def plan_merges(collection: Collection, *, before: str, max_bytes: int) -> list[MergePlan]:
    """Return which files of which days are to be joined; each merged file is of one day and one source.

    Files in object storage, files that other tools wrote and files of a run that is still writing are left alone.

    Args:
        before: a day (UTC) of eight digits; files that were begun on it or later are left alone.
        max_bytes: of a merged file, so that a file of that size is left alone, too.

    Raises:
        RecordError: the beginning of a file is damaged.
    """
    running = {path.name.rsplit("-", 1)[-1].partition(".")[0] for path in collection.iter_open()}
    found: list[tuple[_Group, Path, int]] = []
    for warc in collection.iter_warcs():
        name = _WRITTEN.fullmatch(warc.name)
        if name is None or name["day"] >= before or name["token"] in running or not _is_here_alone(warc):
            continue
        source = read_warcinfo(warc).get("source", "")
        found.append((_Group(name["prefix"], name["day"], source), warc, warc.stat().st_size))
    found.sort(key=lambda entry: (entry[0], entry[1].name))
    return [
        MergePlan(name=_build_name(group, number, warcs), warcs=tuple(warcs))
        for group, files in groupby(found, key=lambda entry: entry[0])
        for number, warcs in enumerate(_fill([(warc, size) for _, warc, size in files], max_bytes))
    ]


def merge_files(
    collection: Collection, plan: MergePlan, *, at: str, on_damage: Callable[[RecordError], None]
) -> Merge | None:
    """Join the files of a plan.

    Args:
        at: instant, ISO 8601, UTC.
        on_damage: called for each file that is damaged, which stays as it is.

    Returns:
        What was made; None if fewer than two files are whole.

    Raises:
        CollectionError: there is another file by that name.
        OSError: the disk does not take the merged file; the others are as they were.
    """
    whole: list[tuple[Path, list[IndexEntry]]] = []
    for warc in plan.warcs:
        try:
            whole.append((warc, build_sidecar(warc)))
        except RecordError as error:
            on_damage(error)
    if len(whole) < 2:
        return None
    target = collection.archive_dir / plan.name
    lines: list[str] = []
    with open_temporary(target.parent) as stream:
        parts = []
        for warc, entries in whole:
            part = _append(stream, warc)
            parts.append(part)
            lines += (
                dump_line(replace(entry, filename=target.name, offset=entry.offset + part.offset)) for entry in entries
            )
        sync_file(stream)
        size = stream.tell()
        digest = hash_file(Path(stream.name))
        merge = Merge(name=target.name, at=at, bytes=size, sha256=digest, parts=tuple(parts))
        write_merge(collection, merge)
        if not link_file(stream, target):
            raise CollectionError(f"{target.name} is there already; run it again", path=target)
    write_sidecar(collection, target.name, lines)
    _remove_parts(collection, merge)
    return merge


def finish_merges(collection: Collection) -> list[Merge]:
    """Finish merges that were cut short, and undo those that had not got as far as their file.

    Returns:
        Those that were finished.
    """
    finished = []
    for merge in iter_merges(collection):
        target = collection.archive_dir / merge.name
        left = [path for part in merge.parts if (path := collection.archive_dir / part.name).exists()]
        if not left:
            if any(collection.sidecar_path(part.name).exists() for part in merge.parts):
                _remove_parts(collection, merge)
            continue
        try:
            digest = find_digest(target)
        except FileNotFoundError:
            find_parts_file(collection, merge.name).unlink()
            continue
        if digest != merge.sha256:
            continue  # its parts came back from a copy after something was erased from it; `verify` names them
        if not collection.sidecar_path(merge.name).exists():
            write_sidecar(collection, merge.name, map(dump_line, build_sidecar(target)))
        _remove_parts(collection, merge)
        finished.append(merge)
    return finished


def _is_here_alone(warc: Path) -> bool:
    return warc.is_file() and not warc.with_name(warc.name + STORED_SUFFIX).exists() and not is_held(warc)


def _fill(files: list[tuple[Path, int]], max_bytes: int) -> Iterator[list[Path]]:
    """Yield as many files at a time as fit into one, and never one alone."""
    taken: list[Path] = []
    total = 0
    for warc, size in files:
        if taken and total + size > max_bytes:
            if len(taken) > 1:
                yield taken
            taken, total = [], 0
        taken.append(warc)
        total += size
    if len(taken) > 1:
        yield taken


def _build_name(group: _Group, number: int, warcs: list[Path]) -> str:
    token = hashlib.sha256("\n".join(warc.name for warc in warcs).encode()).hexdigest()[:_TOKEN_DIGITS]
    return f"{group.prefix}-{group.day}-{number:05}-{token}.warc.gz"


def _append(stream: BinaryIO, warc: Path) -> Part:
    offset = stream.tell()
    with warc.open("rb") as source:
        sha256 = copy_parts(iter_range(source), stream)
    return Part(name=warc.name, offset=offset, bytes=stream.tell() - offset, sha256=sha256)


def _remove_parts(collection: Collection, merge: Merge) -> None:
    for part in merge.parts:
        (collection.archive_dir / part.name).unlink(missing_ok=True)
        collection.sidecar_path(part.name).unlink(missing_ok=True)
    sync_directory(collection.archive_dir)
